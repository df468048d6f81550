//! The authority with the key of its issuing CA in a module that nobody here wrote: SoftHSM2. From the ceremony to a list
//! with a revocation, each signature of that key is judged by OpenSSL.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ca_core::domain::{Act, KeyKind, RevocationReason};
use journeys::ceremony::Ceremony;
use journeys::house::{Engine, TOKEN};
use journeys::judges::{OcspVerdict, openssl, openssl_ocsp, pem, text};
use journeys::office::{OFFICE, Office, Unit};
use journeys::people::{self, Person};
use journeys::programs::{eventually, run};

const LABEL: &str = "issuing-2026";

/// Whether `openssl verify` takes a certificate, with the list that is published.
fn accepts(office: &Office, unit: &Unit) -> anyhow::Result<Result<(), String>> {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-crl_check", "-CAfile", text(&office.house.issuer_pem("root")?)?]);
    command.args(["-untrusted", text(&office.house.issuer_pem("issuing")?)?]);
    command.args(["-CRLfile", text(&pem("crl", &office.house.crl("issuing"))?)?]).arg(text(&unit.pem)?);
    let output = run(&mut command, Duration::from_secs(20))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() { Ok(()) } else { Err(said) })
}

/// What OpenSC's tool says of the private keys in the module.
fn private_keys(office: &Office) -> anyhow::Result<String> {
    let hsm = office.house.hsm().ok_or_else(|| anyhow::anyhow!("a module"))?;
    hsm.pkcs11_tool(&["--token-label", TOKEN.0, "--login", "--pin", TOKEN.1, "--list-objects", "--type", "privkey"])
}

async fn from_ceremony_to_list(kind: &str) -> anyhow::Result<()> {
    let office = Office::found_by(Engine::Sqlite, &Ceremony::in_module("P-384", kind, LABEL)?)?;
    let keys = private_keys(&office)?;
    assert_eq!(keys.matches("Private Key Object").count(), 1, "the rehearsal made none: {keys}");
    assert!(keys.contains(LABEL) && keys.contains("sensitive") && keys.contains("never extractable"), "{keys}");
    assert!(!office.house.path("ca/keys/issuing.key").exists(), "no file for a key in a module");

    let mut ca = office.house.start_ca().await?;
    let _responder = office.house.start_responder().await?;
    let unit = office.issue("issuing", KeyKind::P256).await?;
    office.house.ca(&["crl", "--issuer", "issuing"])?;
    assert_eq!(accepts(&office, &unit)?, Ok(()), "{kind}");

    // One officer is not enough, whoever holds the key.
    let stranger = Person::new("单位", KeyKind::P256)?;
    let mut alone = office.application("issuing", &stranger, KeyKind::P256)?;
    alone.approvals.truncate(1);
    let refused = office.submit(alone).await;
    assert!(refused.is_err_and(|error| format!("{error:#}").contains("needed")), "{kind}: one officer's order");
    let act = Act::Revoke {
        issuer: unit.view.issuer.clone(),
        serial: unit.view.serial.clone(),
        reason: RevocationReason::KeyCompromise,
        invalid_since: None,
    };
    let alone = people::submission(&people::order(OFFICE, act)?, &[&office.entry])?;
    assert!(office.submit(alone).await.is_err(), "{kind}: one officer's revocation");

    let (chain, issuer) = (office.house.chain()?, office.house.issuer_pem("issuing")?);
    let certificate = ["-cert", text(&unit.pem)?];
    let ask = || openssl_ocsp(&office.house.ocsp_url(), &chain, &issuer, &certificate, true);
    assert_eq!(ask()?, OcspVerdict::Good, "{kind}");
    office.revoke(&unit.view.issuer, &unit.view.serial, RevocationReason::KeyCompromise).await?;
    eventually("it is revoked", Duration::from_secs(5), async || ask().is_ok_and(|v| v == OcspVerdict::Revoked))
        .await?;
    let listed = async || accepts(&office, &unit).is_ok_and(|said| said.is_err_and(|s| s.contains("revoked")));
    eventually("the list that was published by itself has it", Duration::from_secs(60), listed).await?;
    let list: PathBuf = pem("crl", &office.house.crl("issuing"))?;
    let said = openssl(&["crl", "-in", text(&list)?, "-CAfile", text(&issuer)?, "-noout", "-text"])?;
    assert!(said.contains("Key Compromise") && said.contains("verify OK"), "{said}");

    // Without its module it does not begin to serve; with it, it goes on.
    ca.terminate()?;
    let elsewhere = office.house.path("no-tokens.conf");
    std::fs::create_dir(office.house.path("no-tokens"))?;
    std::fs::write(&elsewhere, format!("directories.tokendir = {}\n", text(&office.house.path("no-tokens"))?))?;
    let without = office.house.start_ca_in(&[("SOFTHSM2_CONF", elsewhere)]).await;
    assert!(without.is_err_and(|error| format!("{error:#}").contains("pkcs11")), "{kind}: without its module");
    let ca = office.house.start_ca().await?;
    let unit = office.issue("issuing", KeyKind::P256).await?;
    assert_eq!(accepts(&office, &unit)?, Ok(()), "{kind}, after a restart");
    drop(ca);
    office.house.ca(&["check"])?;
    office.house.ca(&["audit", "verify"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_whose_key_stays_in_its_module_issues_revokes_and_lists() -> anyhow::Result<()> {
    for kind in ["P-256", "RSA-2048"] {
        from_ceremony_to_list(kind).await?;
    }
    Ok(())
}
