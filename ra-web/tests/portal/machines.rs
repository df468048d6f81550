//! Programs that nobody here wrote, or that stand for such: schemathesis on the description, a payroll system's client, and
//! the lines of docs/fund-api.md.

use std::path::{Path, PathBuf};
use std::process::Command;

use ca_core::domain::{CertificateStatus, Validity};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::X509;
use ra_web::fund::amounts::Fen;

use crate::house::{House, UNIT, USCC};
use crate::pki::{certify, today, unit};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Python of the judges.
fn python() -> PathBuf {
    let python = root().join(".venv/bin/python");
    assert!(python.exists(), "the Python judges are not installed: run scripts/setup test");
    python
}

/// A unit's certificate and key as PEM files, as a payroll server would have them.
fn key_and_certificate(house: &House, folder: &Path) -> (PathBuf, PathBuf) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let spki = key.public_key_to_der().expect("DER");
    let issuing = &house.pki.issuing;
    let validity = Validity::years(today(), 1);
    let (der, serial) = certify("unit-sign", &unit(UNIT, USCC), validity, &spki, Some(issuing), &issuing.key);
    house.responder.say(&serial, CertificateStatus::Good);
    let (certificate, private) = (folder.join("unit.pem"), folder.join("unit.key"));
    std::fs::write(&certificate, X509::from_der(&der).expect("ours").to_pem().expect("PEM")).expect("written");
    std::fs::write(&private, key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
    (certificate, private)
}

/// Runs a program while the portal answers it; gives what it printed.
async fn run(mut command: Command) -> (bool, String) {
    let done = tokio::task::spawn_blocking(move || command.output().expect("it starts")).await.expect("it ends");
    let printed = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), printed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_no_fault_of_ours_and_no_breach_of_the_description() {
    let printed = schemathesis("examples,coverage,fuzzing", "30").await;
    // Warnings are about what it made up; a breach is a failure.
    assert!(printed.contains(" generated, ") && !printed.contains("FAILURES"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_follows_the_links_of_the_description_and_finds_no_fault() {
    // As long as it is let: the numbers of what is there lead on from lists, those of plans from whatever came to one.
    let printed = schemathesis("stateful", "15").await;
    let covered = printed.lines().find_map(|line| line.trim().strip_prefix("API Links:"));
    let covered = covered.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    assert!(covered.is_some_and(|covered| covered >= 6) && !printed.contains("FAILURES"), "{printed}");
}

/// Lets schemathesis at a portal in which something stands, in some of its phases, for so many seconds; what it printed when
/// nothing failed.
async fn schemathesis(phases: &str, seconds: &str) -> String {
    let house = House::new().await;
    let token = house.unit();
    let machine = house.logged_in_machine(&token).await;
    // Something to be found by what it makes up.
    let (serial, document) = machine.plan("remit", &serde_json::json!({ "month": "2026-11", "pay": "suspense" })).await;
    assert_eq!(machine.sign(&serial, &token.sign(&document, house.now())).await.status, 200);
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(python());
    command
        .current_dir(folder.path())
        .env("PYTHONUNBUFFERED", "1")
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(root().join("tests/payroll/schemathesis.toml"))
        .args(["run", &format!("http://{}/api/v1/openapi.json", house.portal.portal)])
        .args(["--header", &format!("Authorization: Bearer {}", machine.token.as_deref().expect("a token"))])
        // With it the token would be gone; the other tests close sessions.
        .args(["--exclude-operation-id", "close_session"])
        .args(["--phases", phases, "--max-examples", "8", "--seed", "20261124", "--max-time", seconds])
        .args(["--generation-database", "none", "--continue-on-failure", "--no-color"]);
    let (good, printed) = run(command).await;
    assert!(good, "{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payroll_systems_client_opens_remits_reads_and_fetches() {
    let house = House::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = key_and_certificate(&house, folder.path());
    // What the newcomer costs.
    let (hall, account) = (house.hall().await, "0210000001".parse().expect("an account"));
    assert!(hall.receive(&account, Fen::new(96_000), "BANK-1", house.now()).await.expect("received"));
    let mut command = Command::new(python());
    command.current_dir(folder.path()).arg(root().join("tests/payroll/payroll.py"));
    command.arg(format!("http://{}", house.portal.portal)).arg(certificate).arg(key).arg("2026-11");
    let (good, printed) = run(command).await;
    assert!(good, "{printed}");
    for said in [
        "session 0210000001",
        "opened 1 posted",
        "refused /people/0/id_number: ",
        "remitted 2026-11 ",
        " True ",
        " 1\n",
        "fetched voucher.pdf",
    ] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    let voucher = std::fs::read(folder.path().join("voucher.pdf")).expect("fetched");
    assert!(voucher.starts_with(b"%PDF"));
    let evidence = std::fs::read(folder.path().join("evidence.zip")).expect("fetched");
    assert!(evidence.starts_with(b"PK"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_the_documentation_do_what_it_says() {
    let house = House::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = key_and_certificate(&house, folder.path());
    let text = std::fs::read_to_string(root().join("docs/fund-api.md")).expect("the documentation");
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let script: String = std::iter::once("set -euo pipefail\n").chain(blocks).collect();
    let mut command = Command::new("bash");
    command.current_dir(folder.path()).args(["-c", &script]);
    command.env("PORTAL", format!("http://{}", house.portal.portal)).env("CERT", certificate).env("KEY", key);
    let (good, printed) = run(command).await;
    assert!(good, "{printed}");
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect(name);
    assert!(read("voucher.pdf").starts_with(b"%PDF") && read("evidence.zip").starts_with(b"PK"));
    let receipt: serde_json::Value = serde_json::from_slice(&read("receipt.json")).expect("JSON");
    assert_eq!((&receipt["state"], &receipt["month"]), (&"posted".into(), &"2026-11".into()));
    let people: serde_json::Value = serde_json::from_slice(&read("people.json")).expect("JSON");
    assert_eq!(people["items"].as_array().map(Vec::len), Some(5));
}
