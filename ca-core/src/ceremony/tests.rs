//! A ceremony is rehearsed without a trace, held once, and never over anything.

use std::path::Path;

use openssl::x509::X509;

use super::plan::ServerPlan;
use super::{CeremonyError, Plan};
use crate::chain::{Anchors, Purpose};
use crate::clock::Clock as _;
use crate::domain::{CertificateStatus, IssuerId, ProfileName};
use crate::keys::KeyKind;
use crate::signer::soft::SoftKey;
use crate::signer::{Passphrase, Signer as _};
use crate::sql::testing::databases;
use crate::sql::{Database, SqlStore, authority_migrations};
use crate::store::Store as _;
use crate::testing::{House, rehearsable, request};

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
        let report = house.check().await;
        assert_eq!((report.faults, report.findings), (Vec::new(), Vec::<String>::new()), "{}", house.engine());
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
    let passphrase = ceremony.plan.roots[0].passphrase_file.clone();
    std::fs::remove_file(&passphrase).unwrap();
    assert!(matches!(ceremony.hold().await, Err(CeremonyError::Key(_))));
    std::fs::write(&passphrase, b"root").unwrap();
    ceremony.hold().await.unwrap();
}

#[tokio::test]
async fn one_ceremony_makes_two_hierarchies_each_under_its_own_root() {
    for fresh in databases(&authority_migrations()).await {
        let folder = tempfile::tempdir().unwrap();
        let (mut ceremony, keys, clock) = rehearsable(folder.path(), &fresh.url);
        // Each root has a passphrase of its own.
        std::fs::write(folder.path().join("root-sm2.pass"), b"kept elsewhere").unwrap();
        let more = r#"
            name = "印信测试 CA"
            country = "CN"
            organisation = "印信测试 CA"
            officer = []
            [[root]]
            id = "root-sm2"
            common_name = "印信测试 SM2 根 CA"
            key = "SM2"
            years = 20
            crl_days = 30
            passphrase_file = "root-sm2.pass"
            [[issuer]]
            id = "unit-sm2"
            root = "root-sm2"
            common_name = "印信测试 SM2 单位 CA"
            key = "SM2"
            years = 10
            profiles = ["unit-sign", "unit-encrypt"]
        "#;
        let more: Plan = toml::from_str(more).unwrap();
        let plan = &mut ceremony.plan;
        plan.roots.extend(more.roots.into_iter().map(|mut root| {
            root.passphrase_file = folder.path().join(root.passphrase_file);
            root
        }));
        for issuer in &mut plan.issuers {
            issuer.root = Some(plan.roots[0].id.clone());
            issuer.responder_key = Some(crate::keys::KeyKind::Rsa3072);
        }
        plan.issuers.extend(more.issuers);
        let told = ceremony.hold().await.unwrap();
        assert!(told.contains("Signed by: root-sm2"), "{told}");
        assert!(told.contains("ocsp-unit-sm2.key (SM2)") && told.contains("ocsp-unit-p256.key (RSA-3072)"), "{told}");

        let publish = ceremony.config.publish_dir.clone();
        let names = |name: &str| {
            let der = std::fs::read(publish.join(format!("ca/{name}.cer"))).unwrap();
            let parts = crate::x509::Parts::read(&der).unwrap();
            (parts.tbs.subject.to_vec(), parts.tbs.issuer.to_vec())
        };
        assert_eq!(names("unit-sm2").1, names("root-sm2").0);
        assert_eq!(names("unit-p256").1, names("root").0);
        for list in ["root", "root-sm2", "unit-p256", "unit-sm2"] {
            assert!(publish.join(format!("crl/{list}.crl")).exists(), "{list}");
        }
        let key = ceremony.config.keys.path("root-sm2.key");
        let opened = |file: &str| SoftKey::open(&key, &Passphrase::from_file(&folder.path().join(file)).unwrap());
        assert!(opened("root-sm2.pass").is_ok() && opened("root.pass").is_err());

        let house = House::held(folder, ceremony.config, keys, clock, told);
        let report = house.check().await;
        assert_eq!(report.faults, Vec::<String>::new(), "{}", fresh.engine);
    }
}

#[test]
fn an_issuing_ca_of_several_roots_names_its_own() {
    let root = |id: &str| {
        format!(
            "[[root]]\nid = \"{id}\"\ncommon_name = \"x\"\nkey = \"SM2\"\nyears = 5\ncrl_days = 9\npassphrase_file = \"p\"\n"
        )
    };
    let issuer = "[[issuer]]\nid = \"unit\"\ncommon_name = \"x\"\nkey = \"SM2\"\nyears = 5\nprofiles = []\n";
    let head = "name = \"x\"\ncountry = \"CN\"\norganisation = \"x\"\nofficer = []\n";
    let faults = |text: String| Plan::parse("ceremony.toml", &text, std::path::Path::new("")).unwrap_err().to_string();
    let none = faults(format!("{head}{}{}{issuer}", root("a"), root("b")));
    for part in ["unit: root must name one of the roots", "a signs no issuer", "b signs no issuer"] {
        assert!(none.contains(part), "{part} in {none}");
    }
    let other = faults(format!("{head}{}{}{issuer}root = \"c\"\n", root("a"), root("b")));
    assert!(other.contains("unit: root must name one of the roots"), "{other}");
    let twice = faults(format!("{head}{}{}{issuer}root = \"a\"\n", root("a"), root("a")));
    assert!(twice.contains("a stands there twice"), "{twice}");
    // What is wrong inside a root is named, in either form.
    let unknown = faults(format!("{head}{}{issuer}", root("a").replace("years", "yers")));
    assert!(unknown.contains("yers"), "{unknown}");
    let unknown = faults(format!("{head}{}{issuer}", root("a").replace("[[root]]", "[root]").replace("years", "yers")));
    assert!(unknown.contains("yers"), "{unknown}");
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
        profiles = ["unit-sign", "unit-encrypt"]
        crl_shards = 1
        [[issuer]]
        id = "unit-s7"
        common_name = "x"
        key = "P-256"
        years = 5
        profiles = ["unit-sign", "unit-encrypt"]
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
    let error = Plan::parse("ceremony.toml", text, std::path::Path::new("")).unwrap_err().to_string();
    for part in [
        "crl_days",
        "twice",
        "outlive",
        "no role",
        "does not sign staff",
        "two administrators",
        "crl_shards",
        "unit-s7 reads",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

/// SoftHSM2 finds its tokens by an environment variable that it reads when it is loaded, and a test may not change
/// its own environment: so this test starts itself again, with a token of its own.
#[cfg(feature = "pkcs11")]
#[test]
fn a_ca_whose_key_is_born_in_a_module_issues() {
    use std::process::Command;
    const INSIDE: &str = "YINXIN_TEST_INSIDE_SOFTHSM";
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(found_and_issue_in_module());
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let conf = folder.path().join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    std::fs::write(&conf, text).unwrap();
    let run = |command: &mut Command| {
        let output = command.env("SOFTHSM2_CONF", &conf).env(INSIDE, "1").output().expect("runs");
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    };
    let token = ["--init-token", "--free", "--label", "ca", "--so-pin", "87654321", "--pin", "24681357"];
    run(Command::new("softhsm2-util").args(token));
    let this = "ceremony::tests::a_ca_whose_key_is_born_in_a_module_issues";
    run(Command::new(std::env::current_exe().unwrap()).args(["--exact", this, "--nocapture"]));
}

#[cfg(feature = "pkcs11")]
async fn found_and_issue_in_module() {
    use crate::service::client::CertificateAuthority as _;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ca.db").display());
    let (mut ceremony, keys, clock) = rehearsable(folder.path(), &url);
    std::fs::write(folder.path().join("pin"), "24681357").unwrap();
    ceremony.config.keys.pkcs11 = Some(crate::config::Pkcs11 {
        module: "/usr/lib/softhsm/libsofthsm2.so".into(),
        token: "ca".into(),
        pin_file: folder.path().join("pin"),
        sessions: 4,
    });
    ceremony.plan.issuers[0].pkcs11 = Some("unit-p256-2026".into());
    ceremony.rehearse().await.unwrap();
    let transcript = ceremony.hold().await.unwrap();
    assert!(transcript.contains("pkcs11:unit-p256-2026"), "{transcript}");
    let sealed = std::fs::read_dir(&ceremony.config.keys.dir).unwrap().count();
    assert_eq!(sealed, 5, "root, unit-rsa, two responders, audit: no file for a key in a module");

    let house = House::held(folder, ceremony.config, keys, clock, transcript);
    house.serve_centre().await;
    let running = crate::app::start(house.config.clone(), house.clock.clone()).await.unwrap();
    let submission = house.issue(&house.unit_order(), &["limin", "wangqiang"], "limin", &crate::testing::new_key());
    let request = crate::service::protocol::Request::Submit(submission);
    running.authority.call(request).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn servers_get_certificates_of_their_profiles_and_stand_in_no_registry() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ca.db").display());
    let (mut ceremony, _, clock) = rehearsable(folder.path(), &url);
    let key = SoftKey::generate(KeyKind::P384).unwrap();
    std::fs::write(folder.path().join("stamps.csr"), request(&key).0).unwrap();
    let server = |profile: &str| ServerPlan {
        common_name: "印信测试时间戳".into(),
        profile: ProfileName::new(profile).unwrap(),
        csr: folder.path().join("stamps.csr"),
        certificate: folder.path().join("stamps.cer"),
        issuer: IssuerId::new("unit-p256").unwrap(),
        years: 5,
    };
    ceremony.plan.issuers[0].profiles.push(ProfileName::new("timestamp").unwrap());
    ceremony.plan.servers.push(server("timestamp"));
    let told = ceremony.hold().await.unwrap();
    assert!(told.contains("Server: 印信测试时间戳 (timestamp)") && told.contains("stamps.cer"), "{told}");

    let certificate = std::fs::read(folder.path().join("stamps.cer")).unwrap();
    let read = |name: &str| std::fs::read(ceremony.config.publish_dir.join(format!("ca/{name}.cer"))).unwrap();
    let issuers = [(IssuerId::new("unit-p256").unwrap(), read("unit-p256"))];
    let anchors = Anchors::new(&read("root"), &issuers).unwrap();
    let chain = anchors.verify_for(&certificate, clock.now(), Purpose::TimeStamping).unwrap();
    assert_eq!(chain.spki_der(), key.spki_der());
    assert!(anchors.verify(&certificate, clock.now()).is_err(), "it opens no door");

    let database = Database::open(&url, false).await.unwrap();
    let mut tx = SqlStore::new(database.clone()).begin_read().await.unwrap();
    let status = tx.status(chain.issuer(), chain.serial()).await.unwrap().unwrap().status;
    assert_eq!(status, CertificateStatus::Good);
    let officers = tx.officers().await.unwrap();
    assert!(officers.iter().all(|officer| officer.serial != *chain.serial()));
    drop(tx);
    database.close().await;
}

#[test]
fn a_ceremony_certifies_no_other_servers() {
    const SERVER: &str = "[[server]]\ncommon_name = \"S\"\nprofile = \"PROFILE\"\ncsr = \"s.csr\"\ncertificate = \"CER\"\n\
                          issuer = \"unit-p256\"\nyears = 5\n";
    for (profile, certificate, fault) in [
        ("unit-sign", "s.cer", "server-profile"),
        ("timestamp", "s.cer", "no-server-issuer"),
        ("staff", "limin.cer", "same-file"),
    ] {
        let text = include_str!("../../../scripts/demo/ceremony.toml").replace("\"timestamp\"", "\"person\"");
        let text = text + &SERVER.replace("PROFILE", profile).replace("CER", certificate);
        let faults = Plan::parse("ceremony.toml", &text, Path::new("")).unwrap_err();
        assert!(faults.0.iter().any(|found| found.name == fault), "{faults}");
    }
}
