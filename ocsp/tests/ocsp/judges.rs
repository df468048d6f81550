//! Programs that we did not write ask the responder: `openssl ocsp` and GnuTLS's `ocsptool`.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ca_core::clock::{Clock as _, system_rng};
use ca_core::domain::{CertificateStatus, KeyKind, RevocationReason};
use ca_core::sql::{authority_migrations, testing};
use ocsp::client::{Client, Settings, StatusError};

use crate::hierarchy::{Holder, issuer_id, leaf, serial};
use crate::house::{Ground, House, pem};

pub(crate) async fn run(mut command: Command) -> (Output, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8_lossy(&text).into_owned())
}

struct Case {
    house: House,
    good: Holder,
    revoked: Holder,
    held: Holder,
    unissued: Holder,
}

async fn case() -> Case {
    case_of(KeyKind::P256, KeyKind::P256).await
}

/// A CA and a responder with keys of these kinds.
async fn case_of(ca: KeyKind, responder: KeyKind) -> Case {
    let house = Ground::of(ca, responder, testing::sqlite(&authority_migrations()).await).await.start("").await;
    let since = house.ground.clock.now().plus(-60);
    let reason = RevocationReason::KeyCompromise;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    house.ground.set(&serial(2), CertificateStatus::Revoked { since, reason }).await;
    house.ground.set(&serial(3), CertificateStatus::Held { since }).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let [good, revoked, held, unissued] = [1, 2, 3, 4].map(|n| leaf("Unit", &serial(n), house.issuer()));
    Case { house, good, revoked, held, unissued }
}

fn ask_openssl(case: &Case, unit: &Holder, more: &[&str]) -> Command {
    let folder = case.house.ground.folder.path();
    let mut command = Command::new("openssl");
    command.args(["ocsp", "-issuer"]).arg(pem(folder, "issuer.pem", &[case.house.issuer()]));
    command.args(more).arg("-cert").arg(pem(folder, "unit.pem", &[unit])).args(["-url", &case.house.url()]);
    command.arg("-CAfile").arg(pem(folder, "trusted.pem", &[&case.house.ground.root, case.house.issuer()]));
    command.args(["-resp_text", "-timeout", "5"]);
    command
}

#[tokio::test]
async fn openssl_believes_each_answer() {
    let case = case().await;
    for hash in ["-sha1", "-sha256", "-sha384", "-sm3"] {
        for (unit, verdict) in [
            (&case.good, "unit.pem: good"),
            (&case.revoked, "unit.pem: revoked"),
            (&case.held, "certificateHold"),
            (&case.unissued, "unit.pem: unknown"),
        ] {
            for nonce in [&["-no_nonce", hash][..], &["-nonce", hash]] {
                let (output, text) = run(ask_openssl(&case, unit, nonce)).await;
                assert!(output.status.success(), "{text}");
                assert!(text.contains("Response verify OK"), "{text}");
                assert!(text.contains(verdict), "{text}");
                assert!(!text.contains("WARNING"), "{text}");
                assert_eq!(text.contains("OCSP Nonce"), nonce[0] == "-nonce", "{text}");
            }
        }
    }
    let (_, text) = run(ask_openssl(&case, &case.revoked, &["-sha256"])).await;
    assert!(text.contains("keyCompromise"), "{text}");
}

#[tokio::test]
async fn openssl_believes_responders_with_keys_of_each_kind() {
    for kind in KeyKind::ALL.into_iter().filter(|kind| *kind != KeyKind::Sm2) {
        let case = case_of(kind, kind).await;
        for (unit, verdict) in [(&case.good, "unit.pem: good"), (&case.revoked, "unit.pem: revoked")] {
            let (_, text) = run(ask_openssl(&case, unit, &["-nonce", "-sha256"])).await;
            assert!(text.contains("Response verify OK") && text.contains(verdict), "{kind}: {text}");
        }
        case.house.running.shutdown().await;
    }
}

/// OpenSSL's `ocsp` has no word for the standard id: our own client is who believes, and Tongsuo in tests/journeys.
#[tokio::test]
async fn an_sm2_responder_speaks_for_an_sm2_ca() {
    let case = case_of(KeyKind::Sm2, KeyKind::Sm2).await;
    let settings = Settings::new(case.house.url());
    let client = Client::new(settings, case.house.ground.clock.clone(), system_rng()).unwrap();
    let issuer = case.house.issuer().der();
    let ask = async |last| client.check_serial(&issuer_id(), &issuer, &serial(last)).await;
    assert!(ask(1).await.is_ok());
    assert!(matches!(ask(2).await, Err(StatusError::Revoked { .. })));
    assert!(matches!(ask(3).await, Err(StatusError::Held { .. })));
    assert!(matches!(ask(4).await, Err(StatusError::Unknown { .. })));
    // The certificate asked about may be named by SM3, and the signature is SM2's with SM3.
    let folder = case.house.ground.folder.path();
    let mut command = Command::new("openssl");
    command.args(["ocsp", "-issuer"]).arg(pem(folder, "issuer.pem", &[case.house.issuer()])).arg("-sm3");
    command.arg("-cert").arg(pem(folder, "unit.pem", &[&case.good])).args(["-url", &case.house.url(), "-resp_text"]);
    let (_, text) = run(command).await;
    assert!(text.contains("Hash Algorithm: sm3") && text.contains("Cert Status: good"), "{text}");
    assert!(text.contains("Signature Algorithm: SM2-with-SM3"), "{text}");
}

#[tokio::test]
async fn openssl_is_told_off_for_a_foreign_issuer() {
    let case = case().await;
    let foreign = crate::hierarchy::authority("Foreign", None);
    let unit = leaf("Unit", &serial(1), &foreign);
    let folder = case.house.ground.folder.path();
    let mut command = Command::new("openssl");
    command.args(["ocsp", "-issuer"]).arg(pem(folder, "foreign.pem", &[&foreign]));
    command.arg("-cert").arg(pem(folder, "unit.pem", &[&unit])).args(["-url", &case.house.url(), "-timeout", "5"]);
    let (_, text) = run(command).await;
    assert!(text.contains("unauthorized (6)"), "{text}");
}

#[tokio::test]
async fn gnutls_believes_each_answer() {
    let case = case().await;
    let folder = case.house.ground.folder.path().to_owned();
    for (unit, verdict) in [(&case.good, "good"), (&case.revoked, "revoked"), (&case.unissued, "unknown")] {
        let (_, text) = run(ocsptool(&case, &folder, unit)).await;
        assert!(text.contains("Verifying OCSP Response: Success"), "{text}");
        assert!(text.contains(&format!("Certificate Status: {verdict}")), "{text}");
    }
}

fn ocsptool(case: &Case, folder: &Path, unit: &Holder) -> Command {
    let mut command = Command::new("ocsptool");
    command.arg(format!("--ask={}", case.house.url())).arg("--nonce");
    command.arg("--load-cert").arg(pem(folder, "unit.pem", &[unit]));
    command.arg("--load-issuer").arg(pem(folder, "issuer.pem", &[case.house.issuer()]));
    command.arg("--load-trust").arg(pem(folder, "issuer.pem", &[case.house.issuer()]));
    command
}
