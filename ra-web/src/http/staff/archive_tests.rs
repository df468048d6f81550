//! A case as an archive that others can check.

use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;

use axum::http::StatusCode;

use super::testing::{Bench, Got};
use crate::archive::verify::{Fault, verify};
use crate::archive::{Member, pack};

impl Bench {
    /// The archive of a case, signed and taken by an officer.
    async fn take(&self, who: &str, path: &str, query: &str) -> Got {
        let page = self.get(who, &format!("{path}/archive{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let signature = self.signature(&page, who);
        self.post(who, &format!("{path}/archive"), &[("signature", &signature)]).await
    }
}

fn files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("a ZIP");
    (0..zip.len())
        .map(|n| {
            let mut file = zip.by_index(n).expect("a file");
            let mut plain = Vec::new();
            file.read_to_end(&mut plain).expect("read");
            (file.name().expect("a name").into_owned(), plain)
        })
        .collect()
}

fn file(all: &[(String, Vec<u8>)], path: &str) -> String {
    let found = all.iter().find(|(name, _)| name == path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8_lossy(&found.1).into_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn openssl_and_sha256sum_alone_check_an_archive() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let got = bench.take("wangqiang", &path, "").await;
    assert_eq!((got.status, got.headers["content-type"].as_bytes()), (StatusCode::OK, &b"application/zip"[..]));
    let folder = tempfile::tempdir().expect("a folder");
    let all = files(&got.bytes);
    for (name, plain) in &all {
        let to = folder.path().join(name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::write(to, plain).expect("written");
    }
    let at = |name: &str| folder.path().join(name);
    let pem: String = ["root", "unit-p256"]
        .iter()
        .map(|name| at(&format!("ca/{name}.cer")))
        .map(|file| run(Command::new("openssl").args(["x509", "-inform", "DER", "-in"]).arg(file)))
        .collect();
    std::fs::write(at("ca.pem"), pem).expect("written");
    let now = bench.house.now().unix().to_string();
    run(Command::new("openssl")
        .current_dir(folder.path())
        .args(["cms", "-verify", "-inform", "DER", "-in", "statement.p7s", "-CAfile", "ca.pem", "-purpose", "any"])
        .args(["-attime", &now, "-out", "said.json"]));
    assert_eq!(std::fs::read(at("said.json")).expect("read"), std::fs::read(at("statement.json")).expect("read"));
    let list = run(Command::new("sha256sum").arg(at("manifest.sha256")));
    assert!(file(&all, "statement.json").contains(&list[..64]), "the statement names the list");
    let said = run(Command::new("sha256sum").current_dir(folder.path()).args(["-c", "manifest.sha256"]));
    assert_eq!(said.lines().filter(|line| line.ends_with(": OK")).count(), all.len() - 3);
    forged(folder.path());

    let order = file(&all, "particulars.json");
    assert!(order.contains("110105********002X") && !order.contains("11010519491231002X"));
    let has = |part: &str| all.iter().any(|(name, _)| name.contains(part));
    for part in
        ["documents/licence-1.png", "papers/agreement.pdf", "papers/handover.pdf", ".2.p7s", "audit/", "README.txt"]
    {
        assert!(has(part), "{part}");
    }
    assert!(has(&format!("certificates/{}-{}", view.issuer, view.serial)));
    assert!(file(&all, "history.json").contains("deliver"));
}

/// One byte of one file is another.
fn forged(folder: &Path) {
    let forged = folder.join("documents/licence-1.png");
    let mut bytes = std::fs::read(&forged).expect("read");
    bytes[30] ^= 1;
    std::fs::write(&forged, bytes).expect("written");
    let output =
        Command::new("sha256sum").current_dir(folder).args(["-c", "manifest.sha256"]).output().expect("it runs");
    assert!(!output.status.success());
}

#[tokio::test]
async fn what_was_changed_added_or_left_out_of_an_archive_is_named() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let got = bench.take("wangqiang", &path, "").await;
    let verified = verify(&got.bytes).expect("whole");
    assert_eq!(verified.archive.case, path.rsplit('/').next().expect("a number"));
    assert_eq!(verified.signed.certificate, bench.house.person("wangqiang").certificate);
    let report = verified.report().expect("a certificate");
    assert!(report.contains("王强") && report.contains("masked"), "{report}");
    assert_eq!(verified.orders.values().copied().collect::<Vec<_>>(), [2]);

    let all = files(&got.bytes);
    let part = |name: &str| all.iter().find(|(path, _)| path == name).expect("there").1.clone();
    let (statement, signature) = (part("statement.json"), part("statement.p7s"));
    let members: Vec<Member> = all[3..].iter().map(|(path, bytes)| Member::new(path.clone(), bytes.clone())).collect();
    let packed = |members: &[Member]| pack(members, &statement, &signature).expect("packed");
    assert!(verify(&packed(&members)).is_ok());
    let mut changed = members.clone();
    changed[0].bytes.push(b'!');
    assert!(matches!(verify(&packed(&changed)), Err(Fault::Manifest)), "the list moves with the file");
    assert!(matches!(verify(&packed(&members[1..])), Err(Fault::Manifest)), "left out");

    // With the list that was signed, and other files.
    type Members = Vec<(String, Vec<u8>)>;
    let rezipped = |change: &dyn Fn(&mut Members)| {
        let mut all = all.clone();
        change(&mut all);
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in all {
            zip.start_file(path, zip::write::SimpleFileOptions::default()).expect("begun");
            std::io::Write::write_all(&mut zip, &bytes).expect("written");
        }
        verify(&zip.finish().expect("packed").into_inner())
    };
    assert!(matches!(rezipped(&|all| all[5].1.push(1)), Err(Fault::Changed(_))));
    assert!(matches!(rezipped(&|all| drop(all.remove(5))), Err(Fault::Missing(_))));
    assert!(
        matches!(rezipped(&|all| all.push(("extra.txt".into(), vec![1]))), Err(Fault::Added(path)) if path == "extra.txt")
    );
    assert!(matches!(rezipped(&|all| all.push(("../out".into(), vec![1]))), Err(Fault::Path(_))));
    assert!(matches!(rezipped(&|all| all[1].1.push(b' ')), Err(Fault::Content(_))));
    assert!(matches!(rezipped(&|all| all[2].1[40] ^= 1), Err(Fault::Signature(..))));
    assert!(matches!(verify(b"PK no archive"), Err(Fault::Zip(_))));
}

#[tokio::test]
async fn an_archive_is_audited_and_the_number_is_for_the_supervisor_alone() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let before = bench.last_line().await.seq;
    let got = bench.take("wangqiang", &path, "?full=yes").await;
    assert!(file(&files(&got.bytes), "particulars.json").contains("11010519491231002X"));
    let line = bench.last_line().await;
    assert_eq!(
        (line.seq, line.kind.as_str(), line.actor.as_str()),
        (before + 1, "office.archive", "officer:wangqiang")
    );
    assert_eq!(line.details["resident_number"], "true");
    assert!(bench.get("sunli", &path).await.text.contains("Taken out as an archive"));

    assert_eq!(bench.take("zhaojing", &path, "").await.status, StatusCode::OK, "an auditor takes it masked");
    let full = bench.get("zhaojing", &format!("{path}/archive?full=yes")).await;
    assert_eq!(full.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_signature_for_another_moment_case_or_by_another_officer_takes_nothing() {
    let bench = Bench::new().await;
    let (path, other) = (bench.approved().await, bench.approved().await);
    let page = bench.get("wangqiang", &format!("{path}/archive")).await;
    let (signature, anothers) = (bench.signature(&page, "wangqiang"), bench.signature(&page, "sunli"));
    let refused = async |to: &str, signature: &str| {
        let before = bench.last_line().await.seq;
        let got = bench.post("wangqiang", &format!("{to}/archive"), &[("signature", signature)]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.text);
        assert_eq!(bench.last_line().await.seq, before, "nothing was taken");
    };
    refused(&other, &signature).await;
    refused(&path, &anothers).await;
    bench.house.clock.advance(16 * 60);
    refused(&path, &signature).await;
    // The case moves between page and signature.
    let page = bench.get("wangqiang", &format!("{path}/archive")).await;
    let signature = bench.signature(&page, "wangqiang");
    bench
        .form("limin", &format!("{path}/papers/application/signed"), &[], &[("application_form", super::testing::PNG)])
        .await;
    refused(&path, &signature).await;
}
