//! `ocsp-responder probe` and `doctor`, as an operator runs them.

use std::process::Command;

use ca_core::domain::CertificateStatus;

use crate::hierarchy::serial;
use crate::house::{Ground, House, pem};
use crate::judges::run;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocsp-responder"));
    command.env("RUST_LOG", "error");
    command
}

#[tokio::test]
async fn the_probe_says_what_a_stranger_is_told() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    let issuer = pem(house.ground.folder.path(), "issuer.pem", &[house.issuer()]);
    let url = house.url();
    let probe = async |last, expected| {
        let mut command = program();
        command.args(["probe", "--url", &url, "--serial", &serial(last).to_string(), "--expect", expected]);
        command.arg("--issuer").arg(&issuer);
        let (output, text) = run(command).await;
        (output.status.success(), text)
    };
    let (well, text) = probe(1, "good").await;
    assert!(well && text.starts_with("Good, known ") && text.contains(" s ago"), "{text}");
    let (well, text) = probe(1, "revoked").await;
    assert!(!well && text.starts_with("Good"), "{text}");
    let (well, text) = probe(2, "unknown").await;
    assert!(well && text.starts_with("Unknown"), "{text}");
    house.running.shutdown().await;
    let (well, text) = probe(1, "good").await;
    assert!(!well && text.contains("no connection"), "{text}");
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong() {
    let ground = Ground::sqlite().await;
    let config = ground.path("ocsp.toml");
    std::fs::write(&config, ground.config_text("")).unwrap();
    let doctor = async || {
        let mut command = program();
        command.args(["doctor", "--config"]).arg(&config);
        let (output, text) = run(command).await;
        (output.status.success(), text)
    };
    let (well, text) = doctor().await;
    assert!(!well && text.contains("wrong list of unit-p256: "), "{text}");
    for line in ["ok    feed: line 0", "ok    key of unit-p256: signs", "ok    certificate of unit-p256: "] {
        assert!(text.contains(line), "{line}: {text}");
    }
    std::fs::write(ground.path("pass"), "another\n").unwrap();
    let (_, text) = doctor().await;
    assert!(text.contains("wrong key of unit-p256: the passphrase is wrong"), "{text}");
}
