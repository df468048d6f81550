//! A hierarchy of SM2 before the `openssl` command. It hashes the empty id unless it is told otherwise, and can be told
//! for one certificate only: so a hierarchy of the empty id shows that all encodings are right, and leaf and request
//! that the standard id is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use openssl::x509::{X509, X509Crl};

use super::crl::{Head, in_memory};
use super::testing::{Hierarchy, Made, now};
use crate::chain::{Anchors, Purpose};
use crate::clock::system_rng;
use crate::domain::{CertificateStatus, IssuerId, ListScope, RevocationReason, Serial};
use crate::keys::{KeyKind, Sm2Id};
use crate::signer::soft::{Cost, SoftKey};
use crate::signer::{CrlKey, Passphrase, Signer as _};
use crate::x509::Parts;

const DISTID: [&str; 2] = ["-vfyopt", "distid:1234567812345678"];

fn pem(folder: &Path, name: &str, made: &Made) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, X509::from_der(&made.der).and_then(|x| x.to_pem()).unwrap()).unwrap();
    path
}

fn verify(arguments: &[&str], files: &[(&str, &Path)], leaf: &Path) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-attime", &now().plus(60).unix().to_string()]).args(arguments);
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    let output = command.arg(leaf).output().expect("openssl runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn anchors(house: &Hierarchy, id: &Sm2Id) -> Result<Anchors, crate::chain::AnchorError> {
    let issuer = IssuerId::new("unit").expect("name");
    Anchors::under(&house.root.der, id, &[(issuer, house.issuing.der.clone(), id.clone())])
}

#[test]
fn the_openssl_command_accepts_a_hierarchy_of_the_empty_id() {
    let folder = tempfile::tempdir().unwrap();
    let house = Hierarchy::under(KeyKind::Sm2, &Sm2Id::EMPTY);
    let (root, issuing) =
        (pem(folder.path(), "root.pem", &house.root), pem(folder.path(), "issuing.pem", &house.issuing));
    for (leaf, purpose) in [(&house.unit, "sslclient"), (&house.staff, "smimesign"), (&house.responder, "ocsphelper")] {
        let (good, told) = verify(
            &["-check_ss_sig", "-policy_check", "-purpose", purpose],
            &[("-CAfile", &root), ("-untrusted", &issuing)],
            &pem(folder.path(), "leaf.pem", leaf),
        );
        assert!(good, "{purpose}: {told}");
    }
    let anchors = anchors(&house, &Sm2Id::EMPTY).expect("anchors");
    anchors.verify(&house.unit.der, now()).expect("unit");
    anchors.verify_for(&house.responder.der, now(), Purpose::OcspSigning).expect("responder");
}

#[test]
fn the_openssl_command_obeys_lists_of_the_empty_id() {
    let folder = tempfile::tempdir().unwrap();
    let house = Hierarchy::under(KeyKind::Sm2, &Sm2Id::EMPTY);
    let list = |issuer: &Made, entries: Vec<(&Serial, CertificateStatus)>| {
        let scope = ListScope::Full { delta_url: None };
        let head = Head {
            issuer_certificate: &issuer.der,
            scope: &scope,
            number: 1,
            this_update: now(),
            next_update: now().plus(86_400),
        };
        let der = in_memory(&head, &crl_key(&issuer.key), entries).unwrap();
        X509Crl::from_der(&der).and_then(|crl| crl.to_pem()).unwrap()
    };
    let (issuing, leaf) =
        (pem(folder.path(), "issuing.pem", &house.issuing), pem(folder.path(), "unit.pem", &house.unit));
    let serial = Parts::read(&house.unit.der).and_then(|parts| parts.tbs.serial()).unwrap();
    let revoked = CertificateStatus::Revoked { since: now(), reason: RevocationReason::KeyCompromise };
    for (entries, wanted) in [(vec![], true), (vec![(&serial, revoked)], false)] {
        let root = pem(folder.path(), "root.pem", &house.root);
        let all = [std::fs::read(root).unwrap(), list(&house.root, vec![]), list(&house.issuing, entries)].concat();
        let cas = folder.path().join("cas.pem");
        std::fs::write(&cas, all).unwrap();
        let (good, told) = verify(&["-crl_check_all"], &[("-CAfile", &cas), ("-untrusted", &issuing)], &leaf);
        assert_eq!(good, wanted, "{told}");
        assert!(good || told.contains("certificate revoked"), "{told}");
    }
}

fn crl_key(key: &SoftKey) -> CrlKey {
    let pass = Passphrase::new("p".into());
    let sealed = key.seal(&pass, Cost::WEAK, &mut system_rng()).unwrap();
    CrlKey::new(Arc::new(SoftKey::unseal(&sealed, &pass).unwrap().with_sm2_id(key.sm2_id().clone())))
}

#[test]
fn the_openssl_command_accepts_a_leaf_of_the_standard_id_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let house = Hierarchy::new(KeyKind::Sm2);
    let issuing = pem(folder.path(), "issuing.pem", &house.issuing);
    for leaf in [&house.unit, &house.staff, &house.responder] {
        let leaf = pem(folder.path(), "leaf.pem", leaf);
        let told = |more: &[&str]| verify(&[&["-partial_chain"], more].concat(), &[("-trusted", &issuing)], &leaf);
        let (good, why) = told(&DISTID);
        assert!(good, "{why}");
        assert!(!told(&[]).0, "the empty id is another");
    }
}

#[test]
fn a_hierarchy_is_believed_under_its_own_id_only() {
    for (own, other) in [(Sm2Id::STANDARD, Sm2Id::EMPTY), (Sm2Id::EMPTY, Sm2Id::STANDARD)] {
        let house = Hierarchy::under(KeyKind::Sm2, &own);
        anchors(&house, &own).expect("anchors").verify(&house.unit.der, now()).expect("unit");
        assert!(anchors(&house, &other).is_err());
    }
}
