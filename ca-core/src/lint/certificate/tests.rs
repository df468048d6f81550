use super::*;

use crate::encode::testing::{Hierarchy, Made, profile};
use crate::keys::{KeyKind, PublicKey, Sm2Id};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;
use crate::tlv::{self, tag};
use crate::x509::oid;
use std::collections::BTreeSet;

/// A to-be-signed certificate taken apart so that each part can be made wrong.
struct Parted {
    fields: Vec<Vec<u8>>,
    extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
    /// Writes TRUE as BER may, and DER may not.
    loose_true: bool,
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
            loose_true: false,
        }
    }

    fn set(&mut self, wanted: ObjectIdentifier, value: &[u8]) {
        self.extensions.iter_mut().find(|(oid, ..)| *oid == wanted).expect("there").2 = value.to_vec();
    }

    fn remove(&mut self, unwanted: ObjectIdentifier) {
        self.extensions.retain(|(oid, ..)| *oid != unwanted);
    }

    fn set_text(&mut self, wanted: ObjectIdentifier, from: &str, to: &str) {
        assert_eq!(from.len(), to.len());
        let value = &mut self.extensions.iter_mut().find(|(oid, ..)| *oid == wanted).expect("there").2;
        let at = value.windows(from.len()).position(|window| window == from.as_bytes()).expect("stands there");
        value[at..at + to.len()].copy_from_slice(to.as_bytes());
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
            let truth = if self.loose_true { 1 } else { 0xff };
            let critical: &[u8] = if *critical { &[1, 1, truth] } else { &[] };
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

fn unit_issuer() -> IssuerId {
    IssuerId::new("unit").expect("name")
}

#[test]
fn what_the_encoder_makes_has_no_findings() {
    let (root, unit) = (IssuerId::new("root").expect("name"), unit_issuer());
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let house = Hierarchy::new(kind);
        let cases: [(&str, &Made, Option<&Made>, Option<&IssuerId>); 9] = [
            ("root", &house.root, None, None),
            ("sub-ca", &house.issuing, Some(&house.root), Some(&root)),
            ("unit-sign", &house.unit, Some(&house.issuing), Some(&unit)),
            ("unit-encrypt", &house.encryption, Some(&house.issuing), Some(&unit)),
            ("person", &house.person, Some(&house.issuing), Some(&unit)),
            ("tls-server", &house.server, Some(&house.issuing), Some(&unit)),
            ("timestamp", &house.timestamp, Some(&house.issuing), Some(&unit)),
            ("staff", &house.staff, Some(&house.issuing), Some(&unit)),
            ("ocsp-responder", &house.responder, Some(&house.issuing), Some(&unit)),
        ];
        for (name, made, issuer, home) in cases {
            let home = home.map(|issuer| Home { issuer, shards: 0 });
            let key = &issuer.unwrap_or(made).public;
            let issuer = issuer.map(|made| &made.der[..]);
            let context = CertificateContext { profile: &profile(name), issuer, key, home };
            assert_eq!(signed_certificate(&made.der, &context), [], "{name} {kind:?}");
        }
    }
}

/// A broken certificate, and against what it is held.
struct Broken {
    parted: Parted,
    profile: Profile,
    issuer: Vec<u8>,
    signer: Option<Vec<u8>>,
    shards: u16,
}

/// Each rule sees its own fault, and no other rule sees it: else one of them could be lost unseen.
struct Bench {
    seen: BTreeSet<&'static str>,
    wrong: Vec<String>,
    issuer: Vec<u8>,
}

impl Bench {
    fn alone(&mut self, rule: &'static str, name: &str, made: &Made, change: impl FnOnce(&mut Broken)) {
        self.together(&[rule], name, made, change);
    }

    fn together(&mut self, wanted: &[&'static str], name: &str, made: &Made, change: impl FnOnce(&mut Broken)) {
        let (parted, issuer) = (Parted::of(&made.der), self.issuer.clone());
        let mut broken = Broken { parted, profile: profile(name), issuer, signer: None, shards: 0 };
        change(&mut broken);
        let home = Some(Home { issuer: &unit_issuer(), shards: broken.shards });
        let spki = Parts::read(&broken.issuer).expect("parts").tbs.spki.to_vec();
        let key = &PublicKey::under(&broken.signer.unwrap_or(spki), &Sm2Id::STANDARD).expect("a key");
        let context = CertificateContext { profile: &broken.profile, issuer: Some(&broken.issuer), key, home };
        let findings = certificate(&broken.parted.tbs(), &context);
        let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        if rules == wanted {
            self.seen.insert(wanted[0]);
        } else {
            self.wrong.push(format!("{wanted:?}, {name}: {findings:#?}"));
        }
    }
}

fn day(text: &str) -> Vec<u8> {
    utc(text)
}

#[test]
fn each_rule_sees_its_own_fault_and_no_other() {
    let house = Hierarchy::new(KeyKind::P256);
    let mut bench = Bench { seen: BTreeSet::new(), wrong: Vec::new(), issuer: house.issuing.der.clone() };
    about_the_body(&mut bench, &house);
    about_keys(&mut bench, &house);
    about_extensions(&mut bench, &house);
    about_addresses(&mut bench, &house);
    about_identities(&mut bench, &house);
    assert!(bench.wrong.is_empty(), "{}", bench.wrong.join("\n"));
    for rule in &RULES {
        assert!(bench.seen.contains(rule.name), "no fault shows that {} works", rule.name);
    }
}

fn about_the_body(bench: &mut Bench, house: &Hierarchy) {
    let mut unit = |rule, change: &dyn Fn(&mut Parted)| {
        bench.alone(rule, "unit-sign", &house.unit, |broken| change(&mut broken.parted));
    };
    for serial in [&[1][..], &[0], &[0x7f; 21], &[0x45; 16], &[0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]
    {
        unit("serial", &|p| p.fields[SERIAL] = tlv::write(tag::INTEGER, &[serial]));
    }
    unit("signature_algorithm", &|p| {
        p.fields[ALGORITHM] = crate::keys::SignatureAlgorithm::EcdsaSha384.identifier_der();
    });
    let with = |extra: &[u8]| {
        let oid = tlv::write(tag::OID, &[crate::keys::oid::ECDSA_SHA256.as_bytes()]);
        tlv::write(tag::SEQUENCE, &[&oid[..], extra])
    };
    unit("signature_parameters", &|p| p.fields[ALGORITHM] = with(&[5, 0]));
    unit("signature_parameters", &|p| p.fields[ALGORITHM] = with(&[2, 1, 7]));
    unit("issuer_name", &|p| p.fields[ISSUER] = p.fields[SUBJECT].clone());
    let issuer_is_a_unit = |broken: &mut Broken, der: &[u8]| {
        let parts = Parts::read(der).expect("parts").tbs;
        let key = parts.subject_key_identifier().expect("readable").expect("there").to_vec();
        broken.parted.fields[ISSUER] = parts.subject.to_vec();
        broken.parted.set(oid::AUTHORITY_KEY_IDENTIFIER, &crate::encode::certificate::authority_key_identifier(&key));
        broken.issuer = der.to_vec();
    };
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261123160001Z"), &day("271124155959Z")));
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261123160000Z"), &day("271124160000Z")));
    unit("validity", &|p| p.fields[VALIDITY] = times(&day("261123160000Z"), &day("321124155959Z")));
    unit("inside_issuer", &|p| p.fields[VALIDITY] = times(&day("261122160000Z"), &day("271124155959Z")));
    unit("subject_name", &|p| p.fields[SUBJECT] = vec![0x30, 0]);
    unit("subject_name", &|p| p.replace_in(SUBJECT, &[0x55, 4, 8], &[0x55, 4, 9]));
    unit("subject_name", &|p| {
        let first = tlv::single(&p.fields[SUBJECT], tag::SEQUENCE).and_then(|n| n.reader().rest()).expect("RDNs");
        let reversed: Vec<_> = first.iter().rev().map(|rdn| rdn.whole).collect();
        p.fields[SUBJECT] = tlv::write(tag::SEQUENCE, &reversed);
    });
    unit("country", &|p| p.replace_in(SUBJECT, b"CN", b"cn"));
    unit("unique_identifiers", &|p| p.fields.insert(KEY + 1, vec![0x81, 2, 0, 7]));
    // x509-cert would write it otherwise, and says so too.
    bench.together(&["time_form", "strict_der"], "unit-sign", &house.unit, |broken| {
        let long = tlv::write(tag::GENERALIZED_TIME, &["20271124155959Z"]);
        broken.parted.fields[VALIDITY] = times(&day("261123160000Z"), &long);
    });
    bench.alone("subject_name", "unit-sign", &house.unit, |broken| {
        let province = &mut broken.profile.names[1];
        province.source = crate::profile::Source::Literal("山东省".into());
    });
    // The key of another CA than the one whose certificate is at hand.
    bench.alone("signature_algorithm", "unit-sign", &house.unit, |broken| {
        broken.signer = Some(house.staff.key.spki_der().to_vec());
    });
    bench.alone("issuer_signs", "unit-sign", &house.unit, |broken| issuer_is_a_unit(broken, &house.unit.der));
    bench.alone("issuer_signs", "sub-ca", &house.issuing, |broken| {
        issuer_is_a_unit(broken, &house.issuing.der);
        broken.parted.fields[ALGORITHM] = crate::keys::SignatureAlgorithm::EcdsaSha256.identifier_der();
        broken.parted.set_text(oid::CRL_DISTRIBUTION_POINTS, "root.crl", "unit.crl");
        broken.parted.set_text(oid::AUTHORITY_INFO_ACCESS, "root.cer", "unit.cer");
    });
}

fn about_keys(bench: &mut Bench, house: &Hierarchy) {
    let change_key = |broken: &mut Broken, spki: &[u8]| {
        broken.parted.fields[KEY] = spki.to_vec();
        let identifier = crate::encode::certificate::key_identifier(spki);
        broken.parted.set(oid::SUBJECT_KEY_IDENTIFIER, &tlv::write(tag::OCTET_STRING, &[identifier]));
    };
    let named = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let ed25519 = [&named[..], &[7; 32]].concat();
    bench.alone("public_key", "unit-sign", &house.unit, |b| change_key(b, house.root.key.spki_der()));
    bench.alone("public_key", "unit-sign", &house.unit, |b| change_key(b, &ed25519));
    let sm2 = SoftKey::generate(KeyKind::Sm2).expect("key");
    let spki = sm2.spki_der();
    let mut off_curve = spki.to_vec();
    *off_curve.last_mut().expect("bytes") ^= 1;
    bench.alone("sm2_public_key", "unit-sign", &house.unit, |b| change_key(b, &off_curve));
    // The curve where the algorithm should stand.
    let point = &spki[spki.len() - 68..];
    let curve = tlv::write(tag::OID, &[crate::keys::oid::SM2.as_bytes()]);
    let misnamed = tlv::write(tag::SEQUENCE, &[&tlv::write(tag::SEQUENCE, &[curve])[..], point]);
    bench.alone("sm2_public_key", "unit-sign", &house.unit, |b| change_key(b, &misnamed));
    bench.alone("subject_key_identifier", "unit-sign", &house.unit, |b| b.parted.remove(oid::SUBJECT_KEY_IDENTIFIER));
    bench.alone("subject_key_identifier", "unit-sign", &house.unit, |b| {
        b.parted.set(oid::SUBJECT_KEY_IDENTIFIER, &[4, 1, 7]);
    });
    bench.alone("authority_key_identifier", "unit-sign", &house.unit, |b| {
        b.parted.remove(oid::AUTHORITY_KEY_IDENTIFIER);
    });
    bench.alone("authority_key_identifier", "unit-sign", &house.unit, |b| {
        b.parted.set(oid::AUTHORITY_KEY_IDENTIFIER, &[0x30, 3, 0x80, 1, 7]);
    });
    // A key of NIST's curve that enciphers; the profile asks for it in vain.
    bench.alone("usage_of_key", "unit-encrypt", &house.encryption, |b| b.parted.set(oid::KEY_USAGE, &[3, 2, 3, 0x38]));
    for (made, usage) in [(&house.unit, &[3, 2, 3, 0x88]), (&house.unit, &[3, 2, 3, 0xc8])] {
        bench.alone("one_use", "unit-sign", made, |b| {
            b.parted.set(oid::KEY_USAGE, usage);
            b.profile.key_usage.bits = u16::from(usage[3].reverse_bits());
        });
    }
}

fn about_extensions(bench: &mut Bench, house: &Hierarchy) {
    let mut unit = |rule, change: &dyn Fn(&mut Parted)| {
        bench.alone(rule, "unit-sign", &house.unit, |broken| change(&mut broken.parted));
    };
    unit("basic_constraints", &|p| p.remove(oid::BASIC_CONSTRAINTS));
    unit("basic_constraints", &|p| p.set(oid::BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, 0xff]));
    unit("basic_constraints", &|p| p.set(oid::BASIC_CONSTRAINTS, &[0x30, 6, 1, 1, 0xff, 2, 1, 0]));
    unit("key_usage", &|p| p.remove(oid::KEY_USAGE));
    unit("key_usage", &|p| p.set(oid::KEY_USAGE, &[3, 2, 7, 0x80]));
    unit("key_usage", &|p| p.set(oid::KEY_USAGE, &[3, 2, 0, 0xc0]));
    unit("extended_key_usage", &|p| p.remove(oid::EXTENDED_KEY_USAGE));
    unit("extended_key_usage", &|p| {
        let signing = tlv::write(tag::OID, &[oid::OCSP_SIGNING.as_bytes()]);
        p.set(oid::EXTENDED_KEY_USAGE, &tlv::write(tag::SEQUENCE, &[signing]));
    });
    for wrong in [oid::SUBJECT_KEY_IDENTIFIER, oid::BASIC_CONSTRAINTS, oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE] {
        unit("criticality", &|p| p.flip_critical(wrong));
    }
    unit("known_extensions", &|p| {
        p.extensions.push((ObjectIdentifier::new_unwrap("1.2.3.4"), false, vec![5, 0]));
    });
    unit("policies", &|p| p.remove(oid::CERTIFICATE_POLICIES));
    unit("policies", &|p| p.set_text(oid::CERTIFICATE_POLICIES, "cps.example", "cps.exemple"));
    unit("policies", &|p| {
        let policy = tlv::write(tag::OID, &[ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.2.1").as_bytes()]);
        let without = tlv::write(tag::SEQUENCE, &[tlv::write(tag::SEQUENCE, &[policy])]);
        p.set(oid::CERTIFICATE_POLICIES, &without);
    });
    // Only the bytes show it: TRUE that is not 0xff.
    unit("strict_der", &|p| p.loose_true = true);
    bench.alone("purposes_and_usage", "unit-encrypt", &house.encryption, |b| {
        let purpose = tlv::write(tag::OID, &[oid::TIME_STAMPING.as_bytes()]);
        b.parted.set(oid::EXTENDED_KEY_USAGE, &tlv::write(tag::SEQUENCE, &[purpose]));
        b.profile.purposes.list = vec![oid::TIME_STAMPING];
    });
    bench.alone("criticality", "timestamp", &house.timestamp, |b| b.parted.flip_critical(oid::EXTENDED_KEY_USAGE));
    bench.alone("no_check", "ocsp-responder", &house.responder, |b| b.parted.remove(oid::OCSP_NO_CHECK));
    bench.alone("no_check", "ocsp-responder", &house.responder, |b| b.parted.set(oid::OCSP_NO_CHECK, &[4, 0]));
    bench.alone("duplicates", "unit-sign", &house.unit, |b| {
        let twice = b.parted.extensions.iter().find(|(oid, ..)| *oid == oid::CERTIFICATE_POLICIES);
        let twice = twice.expect("there").clone();
        b.parted.extensions.push(twice);
    });
}

fn about_addresses(bench: &mut Bench, house: &Hierarchy) {
    let points = oid::CRL_DISTRIBUTION_POINTS;
    let access = oid::AUTHORITY_INFO_ACCESS;
    let mut unit = |rule, change: &dyn Fn(&mut Parted)| {
        bench.alone(rule, "unit-sign", &house.unit, |broken| change(&mut broken.parted));
    };
    unit("distribution_point", &|p| p.remove(points));
    unit("distribution_point", &|p| p.set(points, &[0x30, 0]));
    unit("distribution_point", &|p| p.set_text(points, "http:", "ldap:"));
    unit("distribution_point", &|p| p.set_text(points, "/crl/", "/lrc/"));
    unit("distribution_point", &|p| p.set_text(points, "unit.crl", "unix.crl"));
    unit("distribution_point", &|p| p.set_text(points, "unit.crl", "x-s3.crl"));
    unit("authority_information", &|p| p.remove(access));
    unit("authority_information", &|p| p.set(access, &[0x30, 0]));
    unit("authority_information", &|p| p.set_text(access, "unit.cer", "unix.cer"));
    unit("authority_information", &|p| p.set_text(access, "unit.cer", "unit.crt"));
    unit("authority_information", &|p| p.set_text(access, "http:", "ldap:"));
    // The whole list, where the certificate belongs to a shard.
    bench.alone("distribution_point", "unit-sign", &house.unit, |broken| broken.shards = 16);
    let server = "tls-server";
    let names = oid::SUBJECT_ALT_NAME;
    bench.alone("alternative_names", server, &house.server, |b| b.parted.remove(names));
    bench.alone("alternative_names", server, &house.server, |b| b.parted.set(names, &[0x30, 0]));
    bench.alone("alternative_names", server, &house.server, |b| b.parted.set_text(names, "ra.ex", "RA.ex"));
    bench.alone("alternative_names", server, &house.server, |b| b.parted.set(names, &[0x30, 5, 0x87, 3, 1, 2, 3]));
    bench.alone("alternative_names", server, &house.server, |b| b.parted.set(names, &[0x30, 4, 0x86, 2, b'a', b':']));
    bench.alone("alternative_names", server, &house.server, |b| b.profile.alternative_names.truncate(1));
}

fn about_identities(bench: &mut Bench, house: &Hierarchy) {
    let uscc = ObjectIdentifier::new_unwrap("1.2.156.10260.4.1.4");
    let mut unit = |rule, change: &dyn Fn(&mut Parted)| {
        bench.alone(rule, "unit-sign", &house.unit, |broken| change(&mut broken.parted));
    };
    unit("identity", &|p| p.remove(uscc));
    unit("identity", &|p| p.set(uscc, &tlv::write(tag::UTF8_STRING, &["91130502MA0ABCDE61"])));
    unit("identity", &|p| p.set(uscc, &tlv::write(tag::PRINTABLE_STRING, &["91130502MA0ABCDE62"])));
    let unique = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.4");
    unit("personal_number", &|p| p.set(unique, &tlv::write(tag::UTF8_STRING, &["2@6021SF011010519491231002X"])));
    // The right number in a person's certificate, under another tag than the profile's.
    let code = ObjectIdentifier::new_unwrap("1.2.156.10260.4.1.1");
    let implicit = tlv::write(0x80, &["11010519491231002X"]);
    bench.alone("identity", "person", &house.person, |b| b.parted.set(code, &implicit));
    bench.alone("personal_number", "person", &house.person, |b| {
        b.profile.identities.iter_mut().for_each(|row| row.personal = false);
    });
}

#[test]
fn bytes_that_are_no_certificate_are_a_finding() {
    let house = Hierarchy::new(KeyKind::P256);
    let unit = profile("unit-sign");
    let key = &house.issuing.public;
    let context = CertificateContext { profile: &unit, issuer: Some(&house.issuing.der), key, home: None };
    assert_eq!(certificate(&[], &context)[0].rule, "structure");
    let nobody = CertificateContext { profile: &unit, issuer: Some(&[]), key, home: None };
    assert_eq!(certificate(&Parted::of(&house.unit.der).tbs(), &nobody)[0].rule, "structure");
}

#[test]
fn a_signature_by_another_key_is_a_finding() {
    let house = Hierarchy::new(KeyKind::P256);
    let tbs = Parts::read(&house.unit.der).expect("parts").tbs.whole;
    let signature = house.staff.key.sign(tbs).expect("signs");
    let forged = crate::encode::certificate::assemble(tbs, house.staff.key.algorithm(), &signature);
    let key = &house.issuing.public;
    let profile = profile("unit-sign");
    let context = CertificateContext { profile: &profile, issuer: Some(&house.issuing.der), key, home: None };
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
    let profile = profile("unit-sign");
    let context = CertificateContext { profile: &profile, issuer: Some(&house.issuing.der), key: &key, home: None };
    let findings = signed_certificate(&house.unit.der, &context);
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["signature"]);
}
