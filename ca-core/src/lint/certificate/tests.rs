use super::*;

use crate::encode::testing::{Hierarchy, Made, profile};
use crate::keys::{KeyKind, PublicKey, Sm2Id};
use crate::signer::Signer as _;
use crate::tlv::{self, tag};
use crate::x509::oid;
use std::collections::BTreeSet;

/// A to-be-signed certificate taken apart so that each part can be made wrong.
struct Parted {
    fields: Vec<Vec<u8>>,
    extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

const SERIAL: usize = 1;
const ALGORITHM: usize = 2;
const ISSUER: usize = 3;
const VALIDITY: usize = 4;
const SUBJECT: usize = 5;
const KEY: usize = 6;

impl Parted {
    fn of(der: &[u8]) -> Self {
        let parts = Parts::read(der).expect("parts");
        let fields = tlv::single(parts.tbs.whole, tag::SEQUENCE).and_then(|tbs| tbs.reader().rest()).expect("fields");
        Self {
            fields: fields.iter().map(|field| field.whole.to_vec()).collect(),
            extensions: parts.tbs.extensions.iter().map(|e| (e.oid, e.critical, e.value.to_vec())).collect(),
        }
    }

    fn set(&mut self, wanted: ObjectIdentifier, value: &[u8]) {
        self.extensions.iter_mut().find(|(oid, ..)| *oid == wanted).expect("there").2 = value.to_vec();
    }

    fn remove(&mut self, unwanted: ObjectIdentifier) {
        self.extensions.retain(|(oid, ..)| *oid != unwanted);
    }

    fn flip_critical(&mut self, wanted: ObjectIdentifier) {
        let found = self.extensions.iter_mut().find(|(oid, ..)| *oid == wanted).expect("there");
        found.1 = !found.1;
    }

    fn replace_in(&mut self, field: usize, from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len());
        let bytes = &mut self.fields[field];
        let at = bytes.windows(from.len()).position(|window| window == from).expect("stands there");
        bytes[at..at + to.len()].copy_from_slice(to);
    }

    fn tbs(mut self) -> Vec<u8> {
        let extensions = self.extensions.iter().map(|(oid, critical, value)| {
            let critical: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
            let oid = tlv::write(tag::OID, &[oid.as_bytes()]);
            tlv::write(tag::SEQUENCE, &[&oid[..], critical, &tlv::write(tag::OCTET_STRING, &[value])])
        });
        let list = tlv::write(tag::SEQUENCE, &extensions.collect::<Vec<_>>());
        *self.fields.last_mut().expect("extensions") = tlv::write(tag::CONTEXT_3, &[list]);
        tlv::write(tag::SEQUENCE, &self.fields)
    }
}

fn times(not_before: &[u8], not_after: &[u8]) -> Vec<u8> {
    tlv::write(tag::SEQUENCE, &[not_before, not_after])
}

fn utc(text: &str) -> Vec<u8> {
    tlv::write(tag::UTC_TIME, &[text])
}

#[test]
fn what_the_encoder_makes_has_no_findings() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let house = Hierarchy::new(kind);
        let cases: [(&str, &Made, Option<&Made>); 5] = [
            ("root", &house.root, None),
            ("sub-ca", &house.issuing, Some(&house.root)),
            ("unit-sign", &house.unit, Some(&house.issuing)),
            ("staff", &house.staff, Some(&house.issuing)),
            ("ocsp-responder", &house.responder, Some(&house.issuing)),
        ];
        for (name, made, issuer) in cases {
            let context = CertificateContext {
                profile: &profile(name),
                issuer: issuer.map(|made| &made.der[..]),
                key: &issuer.unwrap_or(made).public,
            };
            assert_eq!(signed_certificate(&made.der, &context), [], "{name}");
        }
    }
}

#[test]
fn each_rule_sees_its_fault() {
    let house = Hierarchy::new(KeyKind::P256);
    let key = &house.issuing.public;
    let mut seen = BTreeSet::new();
    let mut case = |rule: &'static str, name: &str, made: &Made, change: &dyn Fn(&mut Parted)| {
        let mut parted = Parted::of(&made.der);
        change(&mut parted);
        let context = CertificateContext { profile: &profile(name), issuer: Some(&house.issuing.der), key };
        let findings = certificate(&parted.tbs(), &context);
        assert!(findings.iter().any(|finding| finding.rule == rule), "{rule}: {findings:?}");
        seen.insert(rule);
    };
    let mut unit = |rule, change: &dyn Fn(&mut Parted)| case(rule, "unit-sign", &house.unit, change);
    let day = |text: &str| utc(text);

    unit("serial", &|p| p.fields[SERIAL] = vec![2, 1, 1]);
    unit("serial", &|p| p.fields[SERIAL] = vec![2, 1, 0]);
    unit("serial", &|p| p.fields[SERIAL] = tlv::write(tag::INTEGER, &[[0x7f; 21]]));
    unit("serial", &|p| p.fields[SERIAL] = tlv::write(tag::INTEGER, &[[0x80; 16]]));
    unit("signature_algorithm", &|p| {
        p.fields[ALGORITHM] = crate::keys::SignatureAlgorithm::EcdsaSha384.identifier_der();
    });
    unit("issuer_name", &|p| p.fields[ISSUER] = p.fields[SUBJECT].clone());
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261123160001Z"), &day("271124155959Z")));
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261123160000Z"), &day("271124160000Z")));
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261123160000Z"), &day("321124155959Z")));
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261122160000Z"), &day("271124155959Z")));
    unit("validity", &|p| {
        let long = tlv::write(tag::GENERALIZED_TIME, &["20271124155959Z"]);
        p.fields[VALIDITY] = times(&day("261123160000Z"), &long);
    });
    unit("public_key", &|p| p.fields[KEY] = house.root.key.spki_der().to_vec());
    unit("public_key", &|p| p.fields[KEY] = vec![0x30, 0]);
    unit("basic_constraints", &|p| p.remove(oid::BASIC_CONSTRAINTS));
    unit("basic_constraints", &|p| p.set(oid::BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, 0xff]));
    unit("basic_constraints", &|p| p.set(oid::BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, 0]));
    unit("basic_constraints", &|p| p.flip_critical(oid::BASIC_CONSTRAINTS));
    unit("key_usage", &|p| p.remove(oid::KEY_USAGE));
    unit("key_usage", &|p| p.set(oid::KEY_USAGE, &[3, 2, 5, 0xe0]));
    unit("key_usage", &|p| p.set(oid::KEY_USAGE, &[3, 2, 0, 0xc0]));
    unit("key_usage", &|p| p.flip_critical(oid::KEY_USAGE));
    unit("extended_key_usage", &|p| p.remove(oid::EXTENDED_KEY_USAGE));
    unit("extended_key_usage", &|p| {
        let signing = tlv::write(tag::OID, &[oid::OCSP_SIGNING.as_bytes()]);
        p.set(oid::EXTENDED_KEY_USAGE, &tlv::write(tag::SEQUENCE, &[signing]));
    });
    unit("subject_key_identifier", &|p| p.remove(oid::SUBJECT_KEY_IDENTIFIER));
    unit("subject_key_identifier", &|p| p.set(oid::SUBJECT_KEY_IDENTIFIER, &[4, 1, 7]));
    unit("authority_key_identifier", &|p| p.remove(oid::AUTHORITY_KEY_IDENTIFIER));
    unit("authority_key_identifier", &|p| p.set(oid::AUTHORITY_KEY_IDENTIFIER, &[0x30, 3, 0x80, 1, 7]));
    unit("criticality", &|p| p.flip_critical(oid::SUBJECT_KEY_IDENTIFIER));
    unit("duplicates", &|p| p.extensions.push(p.extensions[0].clone()));
    unit("known_extensions", &|p| {
        p.extensions.push((ObjectIdentifier::new_unwrap("1.2.3.4"), false, vec![5, 0]));
    });
    unit("policies", &|p| p.remove(oid::CERTIFICATE_POLICIES));
    unit("policies", &|p| p.set(oid::CERTIFICATE_POLICIES, &[0x30, 0]));
    unit("locations", &|p| p.remove(oid::CRL_DISTRIBUTION_POINTS));
    unit("locations", &|p| p.remove(oid::AUTHORITY_INFO_ACCESS));
    unit("locations", &|p| p.set(oid::AUTHORITY_INFO_ACCESS, &[0x30, 0]));
    unit("locations", &|p| p.set(oid::CRL_DISTRIBUTION_POINTS, &[0x30, 0]));
    unit("subject_name", &|p| p.fields[SUBJECT] = vec![0x30, 0]);
    unit("subject_name", &|p| p.replace_in(SUBJECT, &[tag::PRINTABLE_STRING], &[tag::UTF8_STRING]));
    unit("subject_name", &|p| p.replace_in(SUBJECT, &[0x55, 4, 8], &[0x55, 4, 9]));
    unit("subject_name", &|p| {
        let first = tlv::single(&p.fields[SUBJECT], tag::SEQUENCE).and_then(|n| n.reader().rest()).expect("RDNs");
        let reversed: Vec<_> = first.iter().rev().map(|rdn| rdn.whole).collect();
        p.fields[SUBJECT] = tlv::write(tag::SEQUENCE, &reversed);
    });
    let uscc = ObjectIdentifier::new_unwrap("1.2.156.10260.4.1.4");
    unit("identity", &|p| p.remove(uscc));
    unit("identity", &|p| p.set(uscc, &tlv::write(tag::UTF8_STRING, &["91130502MA0ABCDE61"])));
    unit("identity", &|p| p.set(uscc, &tlv::write(tag::PRINTABLE_STRING, &["91130502MA0ABCDE62"])));
    let unique = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.4");
    unit("personal_number", &|p| p.set(unique, &tlv::write(tag::UTF8_STRING, &["2@6021SF011010519491231002X"])));
    unit("strict_der", &|p| p.set(oid::BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, 1]));
    unit("strict_der", &|p| p.set(oid::KEY_USAGE, &[3, 2, 7, 0xff]));
    case("no_check", "ocsp-responder", &house.responder, &|p| p.remove(oid::OCSP_NO_CHECK));

    for rule in &RULES {
        assert!(seen.contains(rule.name), "no fault shows that {} works", rule.name);
    }
}

#[test]
fn bytes_that_are_no_certificate_are_a_finding() {
    let house = Hierarchy::new(KeyKind::P256);
    let unit = profile("unit-sign");
    let key = &house.issuing.public;
    let context = CertificateContext { profile: &unit, issuer: Some(&house.issuing.der), key };
    assert_eq!(certificate(&[], &context)[0].rule, "structure");
    let nobody = CertificateContext { profile: &unit, issuer: Some(&[]), key };
    assert_eq!(certificate(&Parted::of(&house.unit.der).tbs(), &nobody)[0].rule, "structure");
}

#[test]
fn a_signature_by_another_key_is_a_finding() {
    let house = Hierarchy::new(KeyKind::P256);
    let tbs = Parts::read(&house.unit.der).expect("parts").tbs.whole;
    let signature = house.staff.key.sign(tbs).expect("signs");
    let forged = crate::encode::certificate::assemble(tbs, house.staff.key.algorithm(), &signature);
    let key = &house.issuing.public;
    let context = CertificateContext { profile: &profile("unit-sign"), issuer: Some(&house.issuing.der), key };
    let findings = signed_certificate(&forged, &context);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule, "signature");
    // Nor may the signature be checked with a key that is not the issuer's.
    let other = CertificateContext { key: &house.staff.public, ..context };
    assert_eq!(signed_certificate(&forged, &other)[0].rule, "signature_algorithm");
}

#[test]
fn a_signature_under_another_sm2_id_is_a_finding() {
    let house = Hierarchy::new(KeyKind::Sm2);
    let key = PublicKey::under(house.issuing.key.spki_der(), &Sm2Id::EMPTY).expect("key");
    let context = CertificateContext { profile: &profile("unit-sign"), issuer: Some(&house.issuing.der), key: &key };
    let findings = signed_certificate(&house.unit.der, &context);
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["signature"]);
}
