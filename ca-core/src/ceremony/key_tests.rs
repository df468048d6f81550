//! Hierarchies of every kind of key, and of SM2 under other ids than the standard one.

use openssl::x509::{X509, X509Crl};

use super::{Ceremony, Plan};
use crate::domain::{KeyKind, Sm2Id};
use crate::issuance::{Issuing, IssuingError};
use crate::signer::Passphrase;
use crate::store::Store as _;
use crate::testing::{House, rehearsable};

/// Holds a ceremony whose root and issuing CA have keys of this kind.
async fn founded(kind: KeyKind, change: impl FnOnce(&mut Ceremony)) -> House {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ca.db").display());
    let (mut ceremony, keys, clock) = rehearsable(folder.path(), &url);
    ceremony.plan.roots[0].key = kind;
    ceremony.plan.issuers[0].key = kind;
    change(&mut ceremony);
    let told = ceremony.hold().await.unwrap();
    House::held(folder, ceremony.config, keys, clock, told)
}

#[tokio::test]
async fn every_kind_of_key_founds_a_ca_that_passes_the_check() {
    for kind in KeyKind::ALL {
        let house = founded(kind, |_| {}).await;
        let report = house.check().await;
        assert_eq!((report.faults, report.findings), (vec![], vec![]), "{kind}");
    }
}

#[tokio::test]
async fn an_sm2_ca_keeps_the_id_of_its_ceremony_and_openssl_believes_the_empty_one() {
    let house = founded(KeyKind::Sm2, |ceremony| {
        ceremony.plan.roots[0].sm2_id = Some(Sm2Id::EMPTY);
        ceremony.plan.issuers[0].sm2_id = Some(Sm2Id::EMPTY);
    })
    .await;
    let report = house.check().await;
    assert_eq!((report.faults, report.findings), (vec![], vec![]));
    assert!(house.transcript.contains("SM2 id: \"\""), "{}", house.transcript);

    let read = |name: &str| std::fs::read(house.config.publish_dir.join(name)).unwrap();
    let root = X509::from_der(&read("ca/root.cer")).unwrap();
    let issuing = X509::from_der(&read("ca/unit-p256.cer")).unwrap();
    let (root_key, issuing_key) = (root.public_key().unwrap(), issuing.public_key().unwrap());
    assert!(root.verify(&root_key).unwrap() && issuing.verify(&root_key).unwrap());
    for person in house.people.values() {
        assert!(X509::from_der(&person.certificate).unwrap().verify(&issuing_key).unwrap());
    }
    for (list, key) in [("crl/root.crl", &root_key), ("crl/unit-p256.crl", &issuing_key)] {
        assert!(X509Crl::from_der(&read(list)).unwrap().verify(key).unwrap(), "{list}");
    }

    // The key of one id does not serve a CA of another.
    let mut records = house.store().await.begin_read().await.unwrap().issuers().await.unwrap();
    let record = records.iter_mut().find(|record| !record.root).unwrap();
    let passphrase = Passphrase::from_file(&house.config.keys.passphrase_file).unwrap();
    let key = house.config.keys.open(&record.key, &passphrase, &record.sm2_id).unwrap();
    assert!(Issuing::new(record, key.clone()).is_ok());
    record.sm2_id = Sm2Id::STANDARD;
    assert!(matches!(Issuing::new(record, key), Err(IssuingError::OtherId(_))));
}

#[test]
fn an_sm2_id_is_for_sm2_keys_and_a_module_makes_none() {
    let plan = |key: &str, more: &str| {
        let text = format!(
            "name = \"x\"\ncountry = \"CN\"\norganisation = \"x\"\nofficer = []\n\
             [root]\nid = \"root\"\ncommon_name = \"x\"\nkey = \"P-384\"\nyears = 5\ncrl_days = 9\n\
             passphrase_file = \"p\"\n[[issuer]]\nid = \"unit\"\ncommon_name = \"x\"\nkey = \"{key}\"\nyears = 5\n\
             profiles = []\n{more}\n"
        );
        Plan::parse("ceremony.toml", &text, std::path::Path::new("")).unwrap_err().to_string()
    };
    let said = |told: &str| told.contains("sm2_id is for SM2 keys");
    assert!(said(&plan("P-256", "sm2_id = \"\"")));
    assert!(!said(&plan("SM2", "sm2_id = \"\"")));
    assert!(plan("SM2", "sm2_id = \"印信\"").contains("printable ASCII"));
    assert!(plan("SM2", "pkcs11 = \"unit\"").contains("no SM2 mechanism"));
    assert!(!plan("RSA-4096", "pkcs11 = \"unit\"").contains("no SM2 mechanism"));
}
