//! A ceremony is rehearsed without a trace, held once, and never over anything.

use openssl::x509::X509;

use super::{CeremonyError, Plan};
use crate::clock::Clock as _;
use crate::sql::authority_migrations;
use crate::sql::testing::databases;
use crate::store::Store as _;
use crate::testing::{House, rehearsable};

#[tokio::test]
async fn a_rehearsal_tells_everything_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ca.db").display());
    let (mut ceremony, _, _) = rehearsable(folder.path(), &url);
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let told = ceremony.rehearse().await.unwrap();
    assert_eq!(names(), before);
    for part in ["REHEARSAL", "unit-p256", "李敏", "root.key", "Would write"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    ceremony.hold().await.unwrap();
}

#[tokio::test]
async fn a_ceremony_makes_a_hierarchy_that_openssl_believes() {
    for fresh in databases(&authority_migrations()).await {
        let house = House::on(fresh).await;
        let read = |name: &str| X509::from_der(&std::fs::read(house.config.publish_dir.join(name)).unwrap()).unwrap();
        let (root, issuing) = (read("ca/root.cer"), read("ca/unit-p256.cer"));
        assert!(root.verify(&root.public_key().unwrap()).unwrap());
        assert!(issuing.verify(&root.public_key().unwrap()).unwrap());
        for person in house.people.values() {
            let certificate = X509::from_der(&person.certificate).unwrap();
            assert!(certificate.verify(&issuing.public_key().unwrap()).unwrap());
        }
        let mut tx = house.store().await.begin_read().await.unwrap();
        assert_eq!(tx.officers().await.unwrap().len(), house.people.len(), "{}", house.engine());
        let report = crate::app::check(&mut *tx, house.clock.now()).await.unwrap();
        let faults: Vec<_> = report.faults.iter().filter(|fault| !fault.ends_with("valid now")).collect();
        assert_eq!(faults, Vec::<&String>::new(), "{}", house.engine());
        assert!(house.transcript.contains("Written"));
    }
}

#[tokio::test]
async fn a_second_ceremony_refuses() {
    for fresh in databases(&authority_migrations()).await {
        let url = fresh.url.clone();
        let house = House::on(fresh).await;
        let elsewhere = tempfile::tempdir().unwrap();
        let (mut second, _, _) = rehearsable(elsewhere.path(), &url);
        assert!(matches!(second.rehearse().await, Err(CeremonyError::AlreadyHeld)), "{}", house.engine());
        assert!(matches!(second.hold().await, Err(CeremonyError::AlreadyHeld)), "{}", house.engine());
        assert!(!second.config.keys.dir.exists());
    }
}

#[tokio::test]
async fn nothing_is_overwritten_and_what_failed_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ca.db").display());
    let (mut ceremony, _, _) = rehearsable(folder.path(), &url);
    let taken = folder.path().join("wangqiang.cer");
    std::fs::write(&taken, b"mine").unwrap();
    let refused = ceremony.hold().await;
    assert!(matches!(&refused, Err(CeremonyError::WouldOverwrite(files)) if *files == [taken.clone()]), "{refused:?}");
    assert_eq!(std::fs::read(&taken).unwrap(), b"mine");
    std::fs::remove_file(&taken).unwrap();

    // A passphrase file that is missing is found before anything is made.
    let passphrase = ceremony.plan.root.passphrase_file.clone();
    std::fs::remove_file(&passphrase).unwrap();
    assert!(matches!(ceremony.hold().await, Err(CeremonyError::Key(_))));
    std::fs::write(&passphrase, b"root").unwrap();
    ceremony.hold().await.unwrap();
}

#[test]
fn a_plan_that_makes_no_sense_tells_all_its_faults() {
    let text = r#"
        name = "x"
        country = "CN"
        organisation = "x"
        [root]
        id = "root"
        common_name = "x"
        key = "P-384"
        years = 5
        crl_days = 0
        passphrase_file = "p"
        [[issuer]]
        id = "root"
        common_name = "x"
        key = "P-256"
        years = 10
        profiles = ["unit"]
        [[officer]]
        id = "a"
        name = "a"
        office = "o"
        office_name = "o"
        roles = []
        csr = "a"
        certificate = "a"
        issuer = "root"
        years = 1
    "#;
    let error = Plan::parse(text, std::path::Path::new("")).unwrap_err().to_string();
    for part in ["crl_days", "twice", "outlive", "no role", "does not sign staff", "two administrators"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}
