//! What each judge must say of the exhibits.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use journeys::judges::{self, Lint, OcspVerdict, bundle, openssl_ocsp, pem, text};
use journeys::office::{Office, Unit};
use journeys::people;
use journeys::programs::{must, run};

use super::exhibits::{DIGESTS, Exhibits, expected_entries};

/// Under which id an SM2 hierarchy signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sm2 {
    /// `1234567812345678`.
    Standard,
    /// None.
    Empty,
}

/// Why `openssl verify` refuses a certificate; `None` when it accepts it.
pub(super) fn refusal_of_openssl(arguments: &[&str], certificate: &Path) -> anyhow::Result<Option<String>> {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict"]).args(arguments).arg(certificate);
    let output = run(&mut command, Duration::from_secs(20))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then_some(said))
}

fn must_be_revoked(why: Option<&String>) {
    assert!(why.is_some_and(|why| why.contains("certificate revoked")), "{why:?}");
}

/// Chain and lists before the `openssl` program.
pub(super) fn openssl_on_chain_and_lists(office: &Office, exhibits: &Exhibits) -> anyhow::Result<()> {
    let (root, issuing) = (pem("x509", &exhibits.root)?, pem("x509", &exhibits.issuing)?);
    let lists = office.crls()?;
    let verify = |unit: &Unit| {
        let by = ["-check_ss_sig", "-crl_check_all", "-CAfile", text(&root)?, "-untrusted", text(&issuing)?];
        refusal_of_openssl(&[&by[..], &["-CRLfile", text(&lists)?]].concat(), &unit.pem)
    };
    assert_eq!(verify(&exhibits.good)?, None);
    assert_eq!(verify(&exhibits.released)?, None);
    must_be_revoked(verify(&exhibits.revoked)?.as_ref());
    must_be_revoked(verify(&exhibits.held)?.as_ref());

    for (list, issuer) in [(&exhibits.list, &issuing), (&exhibits.root_list, &root)] {
        let said = judges::openssl(&["crl", "-inform", "DER", "-in", text(list)?, "-CAfile", text(issuer)?, "-noout"])?;
        assert!(said.contains("verify OK"), "{said}");
    }
    Ok(())
}

/// Chain, lists and live answers before the `openssl` program.
pub(super) fn openssl(office: &Office, exhibits: &Exhibits) -> anyhow::Result<()> {
    openssl_on_chain_and_lists(office, exhibits)?;
    let issuing = pem("x509", &exhibits.issuing)?;
    let chain = office.house.chain()?;
    let unknown = format!("0x{}", people::unissued());
    for nonce in [false, true] {
        let ask = |words: &[&str]| openssl_ocsp(&office.house.ocsp_url(), &chain, &issuing, words, nonce);
        assert_eq!(ask(&["-serial", &unknown])?, OcspVerdict::Unknown);
        for digest in DIGESTS {
            let digest = format!("-{digest}");
            let about = |unit: &Unit| openssl_ocsp_about(office, &chain, &issuing, &digest, unit, nonce);
            assert_eq!(about(&exhibits.good)?, OcspVerdict::Good);
            assert_eq!(about(&exhibits.released)?, OcspVerdict::Good);
            assert_eq!(about(&exhibits.revoked)?, OcspVerdict::Revoked);
            assert_eq!(about(&exhibits.held)?, OcspVerdict::Revoked);
        }
    }
    Ok(())
}

/// `openssl ocsp` takes the digest before the issuer that it hashes.
fn openssl_ocsp_about(
    office: &Office,
    chain: &Path,
    issuer: &Path,
    digest: &str,
    unit: &Unit,
    nonce: bool,
) -> anyhow::Result<OcspVerdict> {
    openssl_ocsp(&office.house.ocsp_url(), chain, issuer, &[digest, "-cert", text(&unit.pem)?], nonce)
}

/// What is left to `openssl` of an SM2 hierarchy under the standard id: the last certificate of a chain, and that
/// the same certificate does not pass under no id.
pub(super) fn openssl_on_the_leaf_alone(exhibits: &Exhibits) -> anyhow::Result<()> {
    let issuing = pem("x509", &exhibits.issuing)?;
    let anchor = ["-partial_chain", "-trusted", text(&issuing)?];
    let standard = [&anchor[..], &["-vfyopt", "distid:1234567812345678"]].concat();
    for unit in [&exhibits.good, &exhibits.revoked] {
        assert_eq!(refusal_of_openssl(&standard, &unit.pem)?, None);
        let why = refusal_of_openssl(&anchor, &unit.pem)?;
        assert!(why.as_ref().is_some_and(|why| why.contains("signature failure")), "{why:?}");
    }
    Ok(())
}

/// Tongsuo knows the standard id and no other.
pub(super) fn tongsuo(exhibits: &Exhibits, id: Sm2) -> anyhow::Result<()> {
    let Exhibits { root, issuing, root_list, list, .. } = exhibits;
    let chain = |unit: &Unit| judges::tongsuo(&[&"verify-chain", root, issuing, &unit.der(), root_list, list]);
    let listed = judges::tongsuo(&[&"verify-crl", issuing, list]);
    let ocsp: Vec<_> = exhibits
        .answers
        .iter()
        .map(|it| (it.status, judges::tongsuo(&[&"verify-ocsp", root, issuing, &it.about, &it.file, &it.digest])))
        .collect();
    if id == Sm2::Empty {
        let why = chain(&exhibits.good).expect_err("the empty id").to_string();
        assert!(why.contains("signature failure"), "{why}");
        assert!(listed.is_err() && ocsp.iter().all(|(_, verdict)| verdict.is_err()));
        return Ok(());
    }
    assert_eq!(chain(&exhibits.good)?, "verified");
    assert_eq!(chain(&exhibits.released)?, "verified");
    for unit in [&exhibits.revoked, &exhibits.held] {
        let why = chain(unit).expect_err("revoked").to_string();
        assert!(why.contains("certificate revoked at depth 0"), "{why}");
    }
    assert_eq!(listed?, format!("verified, {} entries", expected_entries(exhibits).len()));
    assert_eq!(judges::tongsuo(&[&"verify-crl", root, root_list])?, "verified, 0 entries");
    for (status, verdict) in ocsp {
        assert_eq!(verdict?, status);
    }
    // Each in the other's place: the signature is the issuer's and no other's.
    assert!(judges::tongsuo(&[&"verify-crl", root, list]).is_err());
    let other = [&exhibits.revoked.der(), &exhibits.answers[0].file];
    assert!(judges::tongsuo(&[&"verify-ocsp", root, issuing, other[0], other[1], &"sha1"]).is_err());
    let request = exhibits.root.with_file_name("unit.p10");
    std::fs::write(&request, exhibits.good.person.request()?)?;
    assert_eq!(judges::tongsuo(&[&"verify-request", &request])?, "verified");
    Ok(())
}

/// GnuTLS on chain and list.
pub(super) fn gnutls(exhibits: &Exhibits) -> anyhow::Result<()> {
    let (root, issuing) = (pem("x509", &exhibits.root)?, pem("x509", &exhibits.issuing)?);
    let chain = exhibits.issuing.with_file_name("gnutls.pem");
    bundle(&[exhibits.good.pem.clone(), issuing.clone(), root.clone()], &chain)?;
    let said = must(Command::new("certtool").args(["--verify-chain", "--infile", text(&chain)?]))?;
    assert!(said.contains("Chain verification output: Verified. The certificate is trusted."), "{said}");
    for (list, issuer) in [(&exhibits.list, &issuing), (&exhibits.root_list, &root)] {
        let list = pem("crl", list)?;
        let by = ["--verify-crl", "--load-ca-certificate", text(issuer)?, "--infile", text(&list)?];
        let said = must(Command::new("certtool").args(by))?;
        assert!(said.contains("Verified"), "{said}");
    }
    for answer in &exhibits.answers {
        let by = ["--verify-response", "--load-trust", text(&issuing)?, "--load-response", text(&answer.file)?];
        let said = must(Command::new("ocsptool").args(by))?;
        assert!(said.contains("Success"), "{said}");
    }
    gnutls_reads(exhibits)
}

/// GnuTLS reads and prints everything, of SM2 too.
pub(super) fn gnutls_reads(exhibits: &Exhibits) -> anyhow::Result<()> {
    for file in [&exhibits.root, &exhibits.issuing, &exhibits.good.der()] {
        let said = must(Command::new("certtool").args(["--certificate-info", "--inder", "--infile", text(file)?]))?;
        assert!(said.contains("Version: 3") && said.contains("Subject Key Identifier"), "{said}");
    }
    let said = must(Command::new("certtool").args(["--crl-info", "--inder", "--infile", text(&exhibits.list)?]))?;
    let expected = expected_entries(exhibits);
    assert!(said.contains(&format!("Revoked certificates ({})", expected.len())), "{said}");
    for (serial, _) in expected {
        assert!(said.contains(&serial), "{serial} in {said}");
    }
    Ok(())
}

/// pkilint on everything.
pub(super) fn pkilint(exhibits: &Exhibits) -> anyhow::Result<()> {
    let as_pem = |file: &Path| pem("x509", file);
    let certificates = exhibits.certificates();
    let pairs = certificates.iter().map(|(issuer, subject)| Ok((as_pem(issuer)?, as_pem(subject)?)));
    let pairs = pairs.collect::<anyhow::Result<Vec<(PathBuf, PathBuf)>>>()?;
    let root = as_pem(&exhibits.root)?;
    // A root names itself as its issuer and needs no authority key identifier (RFC 5280 §4.2.1.1), which the
    // linter of pairs asks for nevertheless.
    let mut jobs = vec![Lint::Certificate(&root), Lint::Arl(&exhibits.root_list), Lint::Crl(&exhibits.list)];
    let sm2_encryption = exhibits.sm2_encryption()?;
    for (issuer, subject) in &pairs {
        if !sm2_encryption.contains(subject) {
            jobs.push(Lint::Certificate(subject));
        }
        jobs.push(Lint::Chain { issuer, subject });
    }
    jobs.extend(exhibits.answers.iter().map(|answer| Lint::Ocsp(&answer.file)));
    judges::pkilint(&jobs)?;
    // To the linter an SM2 key is one for ECDH, which enciphers nothing (RFC 5480 §3); SM2 does, and GM/T 0015 wants
    // it said. That, and nothing else, is what it finds.
    for certificate in &sm2_encryption {
        let found = judges::pkilint(&[Lint::Certificate(certificate)]).expect_err("an SM2 key that enciphers");
        let found = found.to_string();
        let findings: Vec<&str> = found.lines().filter(|line| line.trim_start().starts_with("pkix.")).collect();
        assert!(matches!(findings[..], [one] if one.contains("key_usage_value_prohibited_for_ec")), "{found}");
    }
    Ok(())
}

/// Python's `cryptography` on everything; it verifies what it can.
pub(super) fn cryptography(exhibits: &Exhibits, knows_the_algorithm: bool) -> anyhow::Result<()> {
    let (root, issuing) = (text(&exhibits.root)?, text(&exhibits.issuing)?);
    let mut jobs = vec![format!("crl={root},{}", text(&exhibits.root_list)?)];
    jobs.push(format!("crl={issuing},{}", text(&exhibits.list)?));
    for (issuer, subject) in exhibits.certificates() {
        jobs.push(format!("cert={},{}", text(issuer)?, text(&subject)?));
    }
    for answer in &exhibits.answers {
        jobs.push(format!("ocsp={issuing},{}", text(&answer.file)?));
    }
    if knows_the_algorithm {
        jobs.push(format!("path={root},{issuing},{}", text(&exhibits.good.der())?));
    }
    let facts = judges::cryptography(&jobs)?;
    for fact in &facts {
        assert_eq!(fact["verified"], knows_the_algorithm, "{fact}");
    }
    let entries = facts[1]["entries"].as_object().expect("entries");
    let expected = expected_entries(exhibits);
    assert_eq!(entries.len(), expected.len(), "{entries:?}");
    for (serial, reason) in expected {
        assert_eq!(entries[&serial], reason);
    }
    for (fact, answer) in facts.iter().filter(|fact| fact.get("statuses").is_some()).zip(&exhibits.answers) {
        let statuses = fact["statuses"].as_object().expect("statuses");
        assert!(statuses.values().all(|status| status[0] == answer.status), "{fact}");
    }
    Ok(())
}
