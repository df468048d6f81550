//! Certificates, CRLs and OCSP answers before judges that nobody here wrote.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ca_core::domain::{KeyKind, RevocationReason};
use journeys::house::{Engine, House, OFFICERS};
use journeys::judges::{Lint, OcspVerdict, openssl, openssl_ocsp, pem, pkilint, text};
use journeys::nginx::Nginx;
use journeys::office::Office;
use journeys::people;
use journeys::programs::{eventually, must, run};

const KEYS: [(&str, KeyKind); 2] = [("unit-p256", KeyKind::P256), ("unit-rsa", KeyKind::Rsa2048)];

/// The responder's answer to a request made by OpenSSL, as a file.
fn answer(house: &House, name: &str, request: &[&str]) -> anyhow::Result<PathBuf> {
    let (ask, answer) = (house.path(&format!("{name}.req")), house.path(&format!("{name}.der")));
    let mut arguments = vec!["ocsp", "-reqout", text(&ask)?];
    arguments.extend(request);
    openssl(&arguments)?;
    must(Command::new("curl").args(["-fsS", "-H", "Content-Type: application/ocsp-request", "--data-binary"]).args([
        &format!("@{}", ask.display()),
        "-o",
        text(&answer)?,
        &house.ocsp_url(),
    ]))?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_crls_and_answers_satisfy_the_judges() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let _running = office.open().await?;
    let house = &office.house;
    let chain = office.house.chain()?;
    let root = office.house.issuer_pem("root")?;
    let mut certificates = Vec::new();
    for (issuer, _) in KEYS {
        certificates.push((root.clone(), office.house.issuer_pem(issuer)?));
    }
    for officer in OFFICERS {
        certificates.push((office.house.issuer_pem("unit-p256")?, pem("x509", &house.certificate_file(officer))?));
    }

    let mut answers = Vec::new();
    for (issuer, key) in KEYS {
        let issuer_pem = office.house.issuer_pem(issuer)?;
        let good = office.issue(issuer, key).await?;
        let revoked = office.issue(issuer, key).await?;
        office.revoke(&revoked.view.issuer, &revoked.view.serial, RevocationReason::KeyCompromise).await?;
        let ask = |what: &[&str], nonce| openssl_ocsp(&house.ocsp_url(), &chain, &issuer_pem, what, nonce);
        let revoked_file = text(&revoked.pem)?;
        eventually("the responder knows", Duration::from_secs(1), async || {
            ask(&["-cert", revoked_file], false).is_ok_and(|verdict| verdict == OcspVerdict::Revoked)
        })
        .await?;
        let unknown = format!("0x{}", people::unissued());
        for nonce in [false, true] {
            assert_eq!(ask(&["-cert", text(&good.pem)?], nonce)?, OcspVerdict::Good);
            assert_eq!(ask(&["-cert", text(&revoked.pem)?], nonce)?, OcspVerdict::Revoked);
            assert_eq!(ask(&["-serial", &unknown], nonce)?, OcspVerdict::Unknown);
        }
        let both =
            ["-issuer", text(&issuer_pem)?, "-cert", text(&good.pem)?, "-cert", text(&revoked.pem)?, "-no_nonce"];
        answers.push((issuer_pem.clone(), answer(house, &format!("{issuer}-both"), &both)?));
        let one = ["-issuer", text(&issuer_pem)?, "-serial", &unknown];
        answers.push((issuer_pem.clone(), answer(house, &format!("{issuer}-unknown"), &one)?));

        let crl = house.crl(issuer);
        eventually("the revoked certificate is on the CRL", Duration::from_secs(70), async || {
            let listed = openssl(&["crl", "-inform", "DER", "-in", &crl.to_string_lossy(), "-noout", "-text"]);
            listed.is_ok_and(|list| list.to_lowercase().contains(&revoked.view.serial.to_string()))
        })
        .await?;
        let crls = office.crls()?;
        let verify = |certificate: &str| {
            run(
                Command::new("openssl").args(["verify", "-x509_strict", "-crl_check_all", "-CAfile"]).args([
                    text(&root)?,
                    "-untrusted",
                    text(&issuer_pem)?,
                    "-CRLfile",
                    text(&crls)?,
                    certificate,
                ]),
                Duration::from_secs(20),
            )
        };
        let verdict = verify(text(&good.pem)?)?;
        assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
        let verdict = verify(text(&revoked.pem)?)?;
        let said = String::from_utf8_lossy(&verdict.stderr);
        assert!(!verdict.status.success() && said.contains("certificate revoked"), "{said}");

        let crl_pem = pem("crl", &crl)?;
        must(
            Command::new("certtool")
                .args(["--verify-crl", "--load-ca-certificate", text(&issuer_pem)?])
                .args(["--infile", text(&crl_pem)?]),
        )?;
        certificates.push((issuer_pem.clone(), good.pem));
    }

    // GnuTLS on each answer: signature, delegation, times. It wants the issuing CA as the anchor.
    for (issuer, answer) in &answers {
        let said = must(
            Command::new("ocsptool")
                .args(["--verify-response", "--load-trust", text(issuer)?])
                .args(["--load-response", text(answer)?]),
        )?;
        assert!(said.contains("Success"), "{said}");
        // The responder's own certificate is in its answer.
        let printed = openssl(&["ocsp", "-respin", text(answer)?, "-resp_text", "-noverify"])?;
        let (start, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
        let delegate = printed.split(start).nth(1).and_then(|rest| rest.split(end).next());
        let delegate = delegate.map(|body| format!("{start}{body}{end}\n")).unwrap_or_default();
        let file = answer.with_extension("delegate.pem");
        std::fs::write(&file, delegate)?;
        certificates.push((issuer.clone(), file));
    }

    let crls: Vec<PathBuf> = KEYS.iter().map(|(issuer, _)| house.crl(issuer)).collect();
    let arl = house.crl("root");
    // The root names itself as its issuer and needs no authority key identifier (RFC 5280 §4.2.1.1), which the
    // linter of pairs asks for nevertheless.
    let mut jobs = vec![Lint::Certificate(&root)];
    for (issuer, subject) in &certificates {
        jobs.push(Lint::Certificate(subject));
        jobs.push(Lint::Chain { issuer, subject });
    }
    jobs.extend(crls.iter().map(|crl| Lint::Crl(crl)));
    jobs.push(Lint::Arl(&arl));
    jobs.extend(answers.iter().map(|(_, answer)| Lint::Ocsp(answer)));
    pkilint(&jobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_lets_the_good_certificate_in_and_turns_the_revoked_one_away() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let [_ca, mut responder] = office.open().await?;
    let unit = office.issue("unit-p256", KeyKind::P256).await?;
    let key = office.house.path("unit.key");
    std::fs::write(&key, unit.person.key_pem()?)?;
    let nginx = Nginx::start(&office.house.path(""), &office.house.chain()?, &office.house.ocsp_url()).await?;

    // The responder hears of a new certificate within its polling time; a token takes longer to write.
    let let_in = async || nginx.get(&unit.pem, &key).is_ok_and(|(status, _)| status == 200);
    eventually("nginx lets it in", Duration::from_secs(2), let_in).await?;
    let (status, body) = nginx.get(&unit.pem, &key)?;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body.to_lowercase(), format!("let in: {}", unit.view.serial));

    office.revoke(&unit.view.issuer, &unit.view.serial, RevocationReason::Superseded).await?;
    eventually("nginx turns it away", Duration::from_secs(5), async || {
        nginx.get(&unit.pem, &key).is_ok_and(|(status, _)| status == 400)
    })
    .await?;

    let other = office.issue("unit-p256", KeyKind::P256).await?;
    std::fs::write(&key, other.person.key_pem()?)?;
    let let_in = async || nginx.get(&other.pem, &key).is_ok_and(|(status, _)| status == 200);
    eventually("nginx lets the next one in", Duration::from_secs(2), let_in).await?;
    responder.kill();
    assert_eq!(nginx.get(&other.pem, &key)?.0, 400, "with the responder down nobody is let in");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_in_the_answer_within_a_second() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let _running = office.open().await?;
    let (chain, issuer) = (office.house.chain()?, office.house.issuer_pem("unit-p256")?);
    for nonce in [true, false] {
        let unit = office.issue("unit-p256", KeyKind::P256).await?;
        let certificate = ["-cert", text(&unit.pem)?];
        // Asked before, so that a cached "good" stands in the way.
        let ask = || openssl_ocsp(&office.house.ocsp_url(), &chain, &issuer, &certificate, nonce);
        eventually("it is good", Duration::from_secs(1), async || ask().is_ok_and(|v| v == OcspVerdict::Good)).await?;
        office.revoke(&unit.view.issuer, &unit.view.serial, RevocationReason::KeyCompromise).await?;
        eventually("it is revoked", Duration::from_secs(1), async || ask().is_ok_and(|v| v == OcspVerdict::Revoked))
            .await?;
    }
    Ok(())
}
