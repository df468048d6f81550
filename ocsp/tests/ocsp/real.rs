//! The responder with the authority itself: ceremony, socket, certificate, feed, list; an officer's certificate is
//! good, and once the authority is gone nobody gets an answer that could be out of date.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ca_core::ceremony::{Ceremony, Plan};
use ca_core::chain::Anchors;
use ca_core::clock::{Clock as _, SystemClock, system_rng};
use ca_core::keys::{KeyKind, csr};
use ca_core::profile::Profiles;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::{Cost, SoftKey};
use ocsp::app;
use ocsp::client::{Client, CrlFallback, CrlSource, Evidence, Settings, StatusError};
use ocsp::config::Config;

use crate::hierarchy::issuer_id;
use crate::house::get;

const PLAN: &str = r#"
    name = "Test CA"
    country = "CN"
    organisation = "Test"
    [root]
    id = "root"
    common_name = "Test Root"
    key = "P-384"
    years = 20
    crl_days = 365
    passphrase_file = "pass"
    [[issuer]]
    id = "unit-p256"
    common_name = "Test Unit CA"
    key = "P-256"
    years = 10
    profiles = ["unit-sign", "unit-encrypt", "staff"]
"#;

fn prepare(folder: &Path) -> (ca_core::config::Config, Plan) {
    std::fs::write(folder.join("pass"), "a passphrase\n").unwrap();
    let mut plan = PLAN.to_owned();
    for name in ["limin", "wangqiang"] {
        let key = SoftKey::generate(KeyKind::P256).unwrap();
        let request = csr::build(name, key.spki_der(), key.algorithm(), |message| key.sign(message)).unwrap();
        std::fs::write(folder.join(format!("{name}.csr")), request).unwrap();
        plan += &format!(
            "[[officer]]\nid = \"{name}\"\nname = \"{name}\"\noffice = \"demo-office\"\noffice_name = \"Office\"\n\
             roles = [\"administrator\"]\ncsr = \"{name}.csr\"\ncertificate = \"{name}.cer\"\nissuer = \"unit-p256\"\n\
             years = 1\n"
        );
    }
    let at = folder.display();
    let text = format!(
        "database_url = \"sqlite:{at}/ca.db\"\nbase_url = \"http://127.0.0.1:8083\"\npublish_dir = \"{at}/publish\"\n\
         operations = \"127.0.0.1:0\"\n[socket]\npath = \"{at}/socket\"\n[keys]\ndir = \"{at}/keys\"\n\
         passphrase_file = \"{at}/pass\"\nresponder_passphrase_file = \"{at}/pass\"\n[audit]\ndir = \"{at}/audit\"\n"
    );
    std::fs::write(folder.join("ca.toml"), text).unwrap();
    (
        ca_core::config::Config::load(&folder.join("ca.toml")).unwrap(),
        Plan::parse("ceremony.toml", &plan, folder).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officers_certificate_is_good_from_the_ceremony_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let (config, plan) = prepare(folder.path());
    let mut ceremony = Ceremony {
        plan,
        config: config.clone(),
        profiles: Profiles::built_in().unwrap(),
        clock: Arc::new(SystemClock),
        rng: system_rng(),
        cost: Cost { memory_kib: 64, passes: 1, lanes: 1 },
    };
    ceremony.hold().await.unwrap();
    let authority = ca_core::app::start(config, Arc::new(SystemClock)).await.unwrap();

    let text = format!(
        "listen = \"127.0.0.1:0\"\noperations_listen = \"127.0.0.1:0\"\ndatabase_url = \"sqlite:{at}/ca.db\"\n\
         authority_socket = \"{at}/socket\"\npublish_folder = \"{at}/publish\"\nmax_feed_age_seconds = 8\n\
         [[responders]]\nissuer = \"unit-p256\"\nkey_file = \"{at}/keys/ocsp-unit-p256.key\"\n\
         passphrase_file = \"{at}/pass\"\n"
    );
    let responder = app::start(Config::parse(&text).unwrap(), Arc::new(SystemClock)).await.unwrap();
    for _ in 0..200 {
        if get(responder.operations, "/readyz").await.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(get(responder.operations, "/readyz").await.status, 200);

    let root = get(responder.validation, "/ca/root.cer").await.body;
    let issuer = get(responder.validation, "/ca/unit-p256.cer").await.body;
    let anchors = Anchors::new(&root, &[(issuer_id(), issuer)]).unwrap();
    let officer = std::fs::read(folder.path().join("limin.cer")).unwrap();
    let chain = anchors.verify(&officer, SystemClock.now()).unwrap();
    let url = format!("http://{}/ocsp", responder.validation);
    let ask = |crl| Client::new(Settings { crl, ..Settings::new(&url) }, Arc::new(SystemClock), system_rng()).unwrap();
    let proof = ask(None).check(&chain).await.unwrap();
    assert_eq!(proof.serial(), chain.serial());

    // The authority goes: within the bound its last word counts, then nobody gets one.
    authority.stop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(matches!(ask(None).check(&chain).await, Err(StatusError::Unreachable(_))));
    assert_eq!(get(responder.operations, "/readyz").await.status, 503);
    // Its list may stand in, where the relying party wants that.
    let source = CrlSource::Url(format!("http://{}/crl", responder.validation));
    let proof = ask(Some(CrlFallback { source, max_age_seconds: 3600 })).check(&chain).await.unwrap();
    assert!(matches!(proof.evidence(), Evidence::Crl(_)));
    responder.shutdown().await;
}
