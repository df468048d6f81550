//! The program `token` as an operator runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::authority::{TestCa, Wanted};
use crate::common::{PIN, SO_PIN, run, softhsm};

fn token(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_token"));
    command.current_dir(folder).args(["--lang", "en"]).env("SOFTHSM2_CONF", folder.join("softhsm2.conf"));
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

/// init → request → (a CA) → install → list, on the tokens that `place` names.
fn enrols_by_files(place: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    softhsm::configure(folder);
    fs::write(folder.join("so.pin"), format!("{SO_PIN}\n")).unwrap();
    fs::write(folder.join("user.pin"), format!("{PIN}\n")).unwrap();
    let ca = TestCa::new();

    run(token(folder).args(place).args([
        "init",
        "--label",
        "limin",
        "--so-pin-file",
        "so.pin",
        "--pin-file",
        "user.pin",
    ]));
    for algorithm in ["P-256", "RSA-2048"] {
        let request = || {
            let mut command = token(folder);
            command.args(place).args(["enrol", "--token", "limin", "--pin-file", "user.pin", "--common-name", "李敏"]);
            run(command.args(["--key", algorithm, "--request-out", "limin.csr"]));
            fs::read(folder.join("limin.csr")).unwrap()
        };
        let key = |csr: &[u8]| openssl::x509::X509Req::from_pem(csr).unwrap().public_key().unwrap();
        let csr = request();
        assert!(key(&csr).public_eq(&key(&request())), "asked again, the same key answers");
        fs::write(folder.join("limin.cer"), ca.issue(&csr, &Wanted::default())).unwrap();
        for _ in 0..2 {
            let mut command = token(folder);
            command.args(place).args(["enrol", "--token", "limin", "--pin-file", "user.pin", "--install", "limin.cer"]);
            assert!(text(&run(&mut command)).contains("written and tested: 李敏"));
        }
    }
    let listed = text(&run(token(folder).args(place).arg("list")));
    assert_eq!(listed.matches("李敏, signatures and login, serial").count(), 2, "{listed}");
}

#[test]
fn a_soft_token_is_enrolled_by_files() {
    enrols_by_files(&["--soft", "tokens"]);
}

#[test]
fn a_softhsm_token_is_enrolled_by_files() {
    enrols_by_files(&["--module", softhsm::MODULE]);
}

#[test]
fn a_certificate_of_another_token_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("so.pin"), SO_PIN).unwrap();
    fs::write(folder.join("user.pin"), PIN).unwrap();
    for label in ["limin", "wangqiang"] {
        let mut command = token(folder);
        run(command.args([
            "--soft",
            "tokens",
            "init",
            "--label",
            label,
            "--so-pin-file",
            "so.pin",
            "--pin-file",
            "user.pin",
        ]));
    }
    let enrol = |label: &str, more: &[&str]| {
        let mut command = token(folder);
        command.args(["--soft", "tokens", "enrol", "--token", label, "--pin-file", "user.pin"]).args(more);
        command.output().unwrap()
    };
    assert!(enrol("limin", &["--common-name", "李敏", "--request-out", "limin.csr"]).status.success());
    let certificate = TestCa::new().issue(&fs::read(folder.join("limin.csr")).unwrap(), &Wanted::default());
    fs::write(folder.join("limin.cer"), certificate).unwrap();
    let refused = enrol("wangqiang", &["--install", "limin.cer"]);
    assert!(!refused.status.success());
    assert!(text(&refused).contains("belongs to another token"), "{}", text(&refused));
}

#[test]
fn a_weak_new_pin_is_refused_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (file, pin) in [("so.pin", SO_PIN), ("user.pin", "123456"), ("new.pin", "888888"), ("good.pin", PIN)] {
        fs::write(folder.join(file), pin).unwrap();
    }
    run(token(folder).args(["--soft", "tokens", "init", "--label", "limin", "--so-pin-file", "so.pin"]));
    let change = |language: &str, new: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_token"));
        command.current_dir(folder).args(["--lang", language, "--soft", "tokens", "change-pin", "--token", "limin"]);
        command.args(["--pin-file", "user.pin", "--new-pin-file", new]).output().unwrap()
    };
    assert!(text(&change("en", "new.pin")).contains("too simple"));
    assert!(text(&change("zh-CN", "new.pin")).contains("太简单"));
    assert!(change("en", "good.pin").status.success(), "the initial PIN 123456 was set by init");
}

/// The office's list replaces the maker's SO PIN; run again it finds the work done.
fn takes_the_offices_admin_pin(place: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    softhsm::configure(folder);
    fs::write(folder.join("so.pin"), SO_PIN).unwrap();
    run(token(folder).args(place).args(["init", "--label", "unit", "--so-pin-file", "so.pin"]));
    let listed = text(&run(token(folder).args(place).arg("list")));
    let serial = listed.split_whitespace().next().unwrap();
    fs::write(folder.join("list"), format!("{serial} 7KQ2MXW9RNJ4FGA3\n")).unwrap();
    for _ in 0..2 {
        let mut command = token(folder);
        let done = run(command.args(place).args(["admin-pins", "--list", "list", "--so-pin-file", "so.pin"]));
        assert!(text(&done).contains(serial));
    }
    fs::write(folder.join("list"), format!("{serial} ANOTHER1ANOTHER1\n")).unwrap();
    let refused = token(folder).args(place).args(["admin-pins", "--list", "list", "--so-pin-file", "so.pin"]).output();
    assert!(!refused.unwrap().status.success(), "the maker's SO PIN opens nothing any more");
}

#[test]
fn a_soft_token_takes_the_offices_admin_pin() {
    takes_the_offices_admin_pin(&["--soft", "tokens"]);
}

#[test]
fn a_softhsm_token_takes_the_offices_admin_pin() {
    takes_the_offices_admin_pin(&["--module", softhsm::MODULE]);
}
