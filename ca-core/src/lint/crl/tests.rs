use super::*;
use crate::clock::system_rng;
use crate::domain::{CertificateStatus, ListScope, RevocationReason, Serial};
use crate::encode::crl::{Head, in_memory};
use crate::encode::testing::{Hierarchy, now};
use crate::keys::KeyKind;
use crate::signer::Signer as _;
use crate::signer::soft::{Cost, SoftKey};
use crate::signer::{CrlKey, Passphrase};
use crate::x509::oid;
use std::collections::BTreeSet;
use std::sync::Arc;

fn made(house: &Hierarchy) -> Vec<u8> {
    let pass = Passphrase::new("p".into());
    let sealed = house.issuing.key.seal(&pass, Cost::WEAK, &mut system_rng()).expect("seals");
    let key = CrlKey::new(Arc::new(SoftKey::unseal(&sealed, &pass).expect("opens")));
    let mut serials: Vec<_> = (0..3).map(|_| Serial::draw(&mut system_rng())).collect();
    serials.sort();
    let since = now().plus(-60);
    let statuses = [
        CertificateStatus::Held { since },
        CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise },
        CertificateStatus::Revoked { since, reason: RevocationReason::Unspecified },
    ];
    let head = Head {
        issuer_certificate: &house.issuing.der,
        scope: &ListScope::Full { delta_url: None },
        number: 200,
        this_update: now(),
        next_update: now().plus(86_400),
    };
    in_memory(&head, &key, serials.iter().zip(statuses)).expect("written")
}

/// A CRL taken apart, changed, and signed again.
struct Parted {
    fields: Vec<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

const ALGORITHM: usize = 1;
const ISSUER: usize = 2;
const THIS_UPDATE: usize = 3;
const NEXT_UPDATE: usize = 4;

impl Parted {
    fn of(der: &[u8]) -> Self {
        let whole = |elements: Vec<Element<'_>>| elements.iter().map(|e| e.whole.to_vec()).collect::<Vec<_>>();
        let outer = tlv::single(der, tag::SEQUENCE).expect("CRL");
        let fields = outer.reader().next().and_then(|list| list.reader().rest()).expect("fields");
        let extensions = tlv::single(fields[6].content, tag::SEQUENCE).and_then(|l| l.reader().rest()).expect("list");
        Self {
            entries: whole(fields[5].reader().rest().expect("entries")),
            extensions: whole(extensions),
            fields: whole(fields),
        }
    }

    fn sign(mut self, key: &SoftKey) -> Vec<u8> {
        self.fields[5] = tlv::write(tag::SEQUENCE, &self.entries);
        self.fields[6] = tlv::write(tag::CONTEXT_0, &[tlv::write(tag::SEQUENCE, &self.extensions)]);
        let list = tlv::write(tag::SEQUENCE, &self.fields);
        let signature = tlv::write(tag::BIT_STRING, &[&[0][..], &key.sign(&list).expect("signs")]);
        tlv::write(tag::SEQUENCE, &[list, key.algorithm().identifier_der(), signature])
    }
}

fn extension(name: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    let name = tlv::write(tag::OID, &[name.as_bytes()]);
    tlv::write(tag::SEQUENCE, &[&name[..], critical, &tlv::write(tag::OCTET_STRING, &[value])])
}

fn entry(serial: &[u8], date: &str, extensions: &[Vec<u8>]) -> Vec<u8> {
    let date = tlv::write(tag::UTC_TIME, &[date]);
    tlv::write(tag::SEQUENCE, &[tlv::write(tag::INTEGER, &[serial]), date, tlv::write(tag::SEQUENCE, extensions)])
}

#[test]
fn what_the_encoder_makes_has_no_findings() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let house = Hierarchy::new(kind);
        let context = CrlContext { issuer: &house.issuing.der, previous: Some(199), now: now() };
        assert_eq!(crl(&made(&house), &context), []);
    }
}

#[test]
fn each_rule_sees_its_fault() {
    let house = Hierarchy::new(KeyKind::P256);
    let der = made(&house);
    let context = CrlContext { issuer: &house.issuing.der, previous: Some(199), now: now() };
    let mut seen = BTreeSet::new();
    let mut case = |rule: &'static str, change: &dyn Fn(&mut Parted)| {
        let mut parted = Parted::of(&der);
        change(&mut parted);
        let findings = crl(&parted.sign(&house.issuing.key), &context);
        assert!(findings.iter().any(|finding| finding.rule == rule), "{rule}: {findings:?}");
        seen.insert(rule);
    };
    let reason = |code: u8| vec![extension(oid::CRL_REASON, false, &[tag::ENUMERATED, 1, code])];
    const DATE: &str = "231114221320Z";

    case("issuer", &|p| p.fields[ISSUER] = Parts::read(&house.root.der).expect("root").tbs.subject.to_vec());
    case("issuer", &|p| drop(p.extensions.remove(0)));
    case("issuer", &|p| p.extensions[0] = extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &[0x30, 3, 0x80, 1, 7]));
    case("signature", &|p| p.fields[ALGORITHM] = crate::keys::SignatureAlgorithm::EcdsaSha384.identifier_der());
    case("dates", &|p| p.fields.swap(THIS_UPDATE, NEXT_UPDATE));
    case("dates", &|p| p.fields[THIS_UPDATE] = tlv::write(tag::UTC_TIME, &["261123170001Z"]));
    case("dates", &|p| p.fields[NEXT_UPDATE] = tlv::write(tag::UTC_TIME, &["261123170000Z"]));
    case("dates", &|p| p.fields[NEXT_UPDATE] = tlv::write(tag::GENERALIZED_TIME, &["20261124170000Z"]));
    case("number", &|p| drop(p.extensions.remove(1)));
    case("number", &|p| p.extensions[1] = extension(oid::CRL_NUMBER, false, &[2, 2, 0, 199]));
    case("number", &|p| p.extensions[1] = extension(oid::CRL_NUMBER, false, &[2, 1, 0x80]));
    case("number", &|p| p.extensions[1] = extension(oid::CRL_NUMBER, true, &[2, 2, 0, 200]));
    case("extensions", &|p| p.extensions.push(extension(oid::DELTA_CRL_INDICATOR, true, &[2, 1, 1])));
    case("extensions", &|p| p.extensions.push(p.extensions[1].clone()));
    case("entries", &|p| p.entries.reverse());
    case("entries", &|p| p.entries[1] = p.entries[0].clone());
    case("entries", &|p| p.entries.clear());
    case("entries", &|p| p.entries[0] = entry(&[0], DATE, &reason(1)));
    case("entries", &|p| p.entries[0] = entry(&[1], "291114221320Z", &reason(1)));
    case("entries", &|p| p.entries[0] = vec![5, 0]);
    for code in [0, 2, 7, 8, 10] {
        case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &reason(code)));
    }
    case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &[extension(oid::CRL_REASON, true, &[10, 1, 1])]));
    case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &[extension(oid::INVALIDITY_DATE, false, &[5, 0])]));
    case("strict_der", &|p| p.entries[0] = entry(&[0, 1], DATE, &reason(1)));

    for rule in &RULES {
        assert!(seen.contains(rule.name), "no fault shows that {} works", rule.name);
    }
}

#[test]
fn a_crl_of_another_key_and_a_late_one_are_findings() {
    let house = Hierarchy::new(KeyKind::P256);
    let der = made(&house);
    let context = CrlContext { issuer: &house.issuing.der, previous: None, now: now() };
    let forged = Parted::of(&der).sign(&house.unit.key);
    assert_eq!(crl(&forged, &context).iter().map(|f| f.rule).collect::<Vec<_>>(), ["signature"]);
    let late = CrlContext { now: now().plus(86_400), ..context };
    assert_eq!(crl(&der, &late).iter().map(|f| f.rule).collect::<Vec<_>>(), ["dates"]);
    assert_eq!(crl(&der[..20], &context)[0].rule, "structure");
}
