//! Programs that we did not write ask the responder: `openssl ocsp` and GnuTLS's `ocsptool`.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ca_core::clock::Clock as _;
use ca_core::domain::{CertificateStatus, RevocationReason};

use crate::hierarchy::{Holder, leaf, serial};
use crate::house::{House, pem};

async fn run(mut command: Command) -> (Output, String) {
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
    let house = House::sqlite().await;
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
    for hash in ["-sha1", "-sha256", "-sha384"] {
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
