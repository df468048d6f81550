//! No private key and no passphrase stands anywhere but where it must: the keys of a finished run are taken from their
//! sealed files, from envelopes and from the test's own memory, and looked for in every file, log and database of the
//! house, in each spelling. The authority logs all that it can meanwhile, and is killed in the end, so that nothing is
//! tidied up. The memory of the processes that open keys is kept out of core dumps.

use std::path::Path;

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{KeyKind, RevocationReason};
use ca_core::envelope;
use der::{Decode as _, Encode as _};
use journeys::ceremony::Ceremony;
use journeys::house::Engine;
use journeys::office::Office;
use journeys::people::Person;
use journeys::secrets::Search;
use openssl::pkey::PKey;
use openssl::symm::{Cipher, decrypt};

/// Each passphrase and the only file in which it may stand.
const PASSPHRASES: [(&str, &str); 4] = [
    ("correct horse battery", "secrets/ca"),
    ("staple of the responder", "secrets/ocsp"),
    ("kept in another building: root", "ceremony/root.passphrase"),
    ("what the centre keeps", "secrets/kmc"),
];

/// The PKCS#8 key in a sealed file. Written against the description of the format, not with the code that seals: what
/// is sealed here has no way out of that.
fn unsealed(file: &Path, passphrase: &str) -> anyhow::Result<Vec<u8>> {
    let sealed: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let header = &sealed["header"];
    let octets = |value: &serde_json::Value| anyhow::Ok(STANDARD.decode(value.as_str().context("text")?)?);
    let number = |name: &str| {
        let number = header["cost"][name].as_u64().with_context(|| name.to_owned())?;
        anyhow::Ok(u32::try_from(number)?)
    };
    let params = Params::new(number("memory_kib")?, number("passes")?, number("lanes")?, Some(32));
    let params = params.map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut key = [0_u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), &octets(&header["salt"])?, &mut key)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    // GCM is counter mode from block two on; its tag, the last 16 octets, is not asked here.
    let start = [octets(&header["nonce"])?, vec![0, 0, 0, 2]].concat();
    let sealed = octets(&sealed["sealed"])?;
    Ok(decrypt(Cipher::aes_256_ctr(), &key, Some(&start), &sealed[..sealed.len() - 16])?)
}

/// The numbers of a key that nobody may learn.
fn private_numbers(pkcs8: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    // ECPrivateKey (RFC 5915): version 1 and an OCTET STRING as long as the curve's order.
    for (mark, length) in [([2, 1, 1, 4, 32], 32), ([2, 1, 1, 4, 48], 48)] {
        if let Some(at) = pkcs8.windows(5).position(|five| five == mark) {
            return Ok(vec![pkcs8[at + 5..at + 5 + length].to_vec()]);
        }
    }
    let rsa = PKey::private_key_from_der(pkcs8)?.rsa()?;
    Ok(vec![rsa.d().to_vec(), rsa.p().context("p")?.to_vec(), rsa.q().context("q")?.to_vec()])
}

fn look_for_key(search: &mut Search, name: &str, pkcs8: &[u8]) -> anyhow::Result<()> {
    for number in private_numbers(pkcs8).with_context(|| name.to_owned())? {
        search.add(name, &number);
    }
    Ok(())
}

async fn leaves_no_secret_behind(root: KeyKind, issuing: KeyKind, unit: KeyKind) -> anyhow::Result<()> {
    let office = Office::found_by(Engine::Sqlite, &Ceremony::of(root.name(), issuing.name(), "", "")?)?;
    let house = &office.house;
    let mut ca = house.start_ca_in(&[("RUST_LOG", "trace".into())]).await?;
    let responder = house.start_responder().await?;
    for pid in [ca.pid(), house.kmc_pid().await.context("the centre runs")?] {
        // core(5): which kinds of memory a core dump would hold.
        let filter = std::fs::read_to_string(format!("/proc/{pid}/coredump_filter"))?;
        assert_eq!(filter.trim(), "00000000", "process {pid}");
    }
    let good = office.issue("issuing", unit).await?;
    let revoked = office.issue("issuing", unit).await?;
    office.revoke(&revoked.view.issuer, &revoked.view.serial, RevocationReason::KeyCompromise).await?;
    // A refusal is logged with its cause.
    let mut bent = office.application("issuing", &Person::new("单位", unit)?, unit)?;
    bent.approvals.pop();
    office.submit(bent).await.expect_err("one signature is missing");
    house.ca(&["audit", "export", &house.path("export.jsonl").to_string_lossy()])?;
    house.ca(&["doctor"])?;
    ca.kill();
    drop(responder);

    let mut search = Search::default();
    for (passphrase, _) in PASSPHRASES {
        search.add(passphrase, passphrase.as_bytes());
    }
    let [by_authority, by_responder, by_root, by_centre] = PASSPHRASES.map(|(passphrase, _)| passphrase);
    for (file, passphrase) in [
        ("ca/keys/root.key", by_root),
        ("ca/keys/issuing.key", by_authority),
        ("ca/keys/audit.key", by_authority),
        ("ca/keys/ocsp-issuing.key", by_responder),
        ("kmc/keys/audit.key", by_centre),
    ] {
        let key = unsealed(&house.path(file), passphrase).with_context(|| file.to_owned())?;
        look_for_key(&mut search, file, &key)?;
    }
    for (name, person) in [("officer", &office.entry), ("unit", &good.person), ("revoked unit", &revoked.person)] {
        look_for_key(&mut search, name, &person.key_der()?)?;
    }
    // What the centre made for the units, as their own keys open it.
    for unit in [&good, &revoked] {
        let pair = unit.view.encryption.as_ref().context("a pair")?;
        let certificate = x509_cert::Certificate::from_der(&pair.certificate.0)?;
        let spki = certificate.tbs_certificate().subject_public_key_info().to_der()?;
        let own = unit.person.key_der()?;
        let escrowed = envelope::open(&pair.envelope.message.0, &spki, |ask| envelope::software::perform(&own, ask))
            .map_err(|error| anyhow::anyhow!("the envelope: {error:?}"))?;
        look_for_key(&mut search, "an escrowed key", escrowed.pkcs8_der())?;
    }

    let (found, files) = search.find_below(&house.path(""))?;
    assert!(files > 20, "{files} files only");
    let logged = std::fs::read_to_string(house.path("ca.log"))?;
    assert!(logged.contains("DEBUG"), "the log holds all that there is to log");
    // What is looked for would be found: each passphrase stands in its own file, and nothing stands elsewhere.
    assert_eq!(found.len(), PASSPHRASES.len(), "{found:#?}");
    for (passphrase, file) in PASSPHRASES {
        let own = house.path(file).display().to_string();
        assert!(found.iter().any(|line| line.starts_with(&own) && line.contains(passphrase)), "{found:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_of_an_rsa_hierarchy_stands_outside_its_sealed_file() -> anyhow::Result<()> {
    leaves_no_secret_behind(KeyKind::P384, KeyKind::Rsa2048, KeyKind::P256).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_of_an_sm2_hierarchy_stands_outside_its_sealed_file() -> anyhow::Result<()> {
    leaves_no_secret_behind(KeyKind::Sm2, KeyKind::Sm2, KeyKind::Sm2).await
}
