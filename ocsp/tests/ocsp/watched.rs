//! The verification service as its operator sees it: metrics, readiness, doctor.

use std::process::Command;
use std::time::Duration;

use ca_core::clock::{Clock as _, system_rng};
use ca_core::domain::{CertificateStatus, RevocationReason};
use ocsp::validation::add_caller;
use serde_json::json;

use crate::desk::{Desk, base64, post, post_json};
use crate::hierarchy::server_serial;
use crate::house::{Ground, get, metric};
use crate::judges::run;

/// Waits until a number of the service's metrics page is this one.
async fn becomes(desk: &Desk, line: &str, wanted: f64) {
    for _ in 0..200 {
        if (metric(desk.running.operations, line).await - wanted).abs() < 0.5 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{line} is {}", metric(desk.running.operations, line).await);
}

#[tokio::test]
async fn what_it_did_and_what_it_turned_away_is_counted() {
    let ground = Ground::sqlite().await;
    let callers = ground.path("callers.toml");
    let rare = add_caller(&callers, "rare", 6, &mut system_rng()).unwrap();
    let often = add_caller(&callers, "fund-portal", 60_000, &mut system_rng()).unwrap();
    let desk = Desk::beside(ground.start("").await, "").await;
    let at = desk.running.listen;
    let good = desk.good().await;
    let message = b"a message";
    let question = |signature: &[u8]| {
        json!({
            "form": "raw", "algorithm": "ecdsa-sha256", "certificate": base64(&good.der()),
            "message": base64(message), "signature": base64(signature),
        })
        .to_string()
    };
    let (right, wrong) = (question(&good.sign(message)), question(b"none"));
    for (key, question, status) in [
        (Some(&*rare), &right, 200),
        (Some(&*rare), &right, 429),
        (Some(&*often), &wrong, 200),
        (Some(&*often), &wrong, 200),
        (Some(&*often), &"{}".to_owned(), 400),
        (None, &right, 401),
    ] {
        assert_eq!(post_json(at, key.map(String::as_str), question.as_bytes()).await.status, status);
    }
    assert_eq!(get(at, "/nothing").await.status, 404);
    assert_eq!(post(at, "/tsa", "application/timestamp-query", "", b"no request").await.status, 200);
    for (line, count) in [
        ("validation_verifications_total{finding=\"valid\",code=\"0\"}", 1.0),
        ("validation_verifications_total{finding=\"signature_mismatch\",code=\"-6505\"}", 2.0),
        ("validation_verifications_total{finding=\"revoked\",code=\"7\"}", 0.0),
        ("validation_refusals_total{status=\"429\"}", 1.0),
        ("validation_refusals_total{status=\"400\"}", 1.0),
        ("validation_refusals_total{status=\"401\"}", 1.0),
        ("validation_refusals_total{status=\"404\"}", 1.0),
        ("validation_questions_total{caller=\"rare\"}", 1.0),
        ("validation_limited_total{caller=\"rare\"}", 1.0),
        ("validation_questions_total{caller=\"fund-portal\"}", 3.0),
        ("validation_questions_total{caller=\"anyone\"}", 1.0),
        ("validation_stamps_total{status=\"granted\"}", 0.0),
        ("validation_stamps_total{status=\"badDataFormat\"}", 1.0),
        ("validation_records_total", 3.0),
        ("validation_record_failures_total", 0.0),
    ] {
        let told = metric(desk.running.operations, line).await;
        assert!((told - count).abs() < 0.5, "{line} {told}");
    }
    for own in ["evidence", "stamps"] {
        becomes(&desk, &format!("validation_certificate_good{{certificate=\"{own}\"}}"), 1.0).await;
        let line = format!("validation_certificate_seconds{{certificate=\"{own}\"}}");
        assert!(metric(desk.running.operations, &line).await > 3_000.0 * 86_400.0);
    }
    becomes(&desk, "validation_knowledge_age_seconds", 0.0).await;
    desk.house.ground.clock.advance(20);
    becomes(&desk, "validation_knowledge_age_seconds", 20.0).await;
    assert_eq!(get(desk.running.operations, "/other").await.status, 404);
    desk.running.shutdown().await;
}

#[tokio::test]
async fn a_certificate_of_its_own_that_is_revoked_makes_it_unready() {
    let house = Ground::sqlite().await.start("").await;
    let since = house.ground.clock.now().plus(-60);
    let revoked = CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
    house.ground.set(&server_serial("evidence"), revoked).await;
    let desk = Desk::beside(house, "").await;
    becomes(&desk, "validation_certificate_good{certificate=\"evidence\"}", 0.0).await;
    becomes(&desk, "validation_certificate_good{certificate=\"stamps\"}", 1.0).await;
    let ready = get(desk.running.operations, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("the certificate of evidence: revoked since"), "{}", ready.text());
}

#[tokio::test]
async fn the_doctor_looks_at_the_verification_service_too() {
    let desk = Desk::new().await;
    let doctor = async || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocsp-responder"));
        command.env("RUST_LOG", "error").args(["doctor", "--validation"]);
        command.arg(desk.house.ground.path("validation.toml"));
        let (output, text) = run(command).await;
        (output.status.success(), text)
    };
    let (well, text) = doctor().await;
    assert!(well, "{text}");
    for line in
        ["ok    callers: 1 may ask", "ok    trust: 1 CAs", "ok    key and certificate of stamps: signs; certified"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("ok    what the responder says of evidence: good"), "{text}");
    std::fs::remove_file(desk.house.ground.path("stamps.cer")).unwrap();
    let (well, text) = doctor().await;
    assert!(!well && text.contains("wrong key and certificate of stamps: "), "{text}");
}
