use super::*;
use crate::clock::system_rng;
use crate::domain::{CertificateStatus, ListScope, RevocationReason, Serial};
use crate::encode::crl::{Head, in_memory};
use crate::encode::testing::{Hierarchy, crl_key, now};
use crate::keys::{KeyKind, PublicKey, Sm2Id};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;
use crate::x509::oid;
use std::collections::BTreeSet;

const DELTA_URL: &str = "http://127.0.0.1:8083/crl/unit-delta.crl";
const SHARD_URL: &str = "http://127.0.0.1:8083/crl/unit-s7.crl";

/// One list of each kind.
fn scopes() -> [ListScope; 4] {
    [
        ListScope::Full { delta_url: None },
        ListScope::Full { delta_url: Some(DELTA_URL.into()) },
        ListScope::Delta { base: 150 },
        ListScope::Shard { url: SHARD_URL.into() },
    ]
}

fn made(house: &Hierarchy, scope: &ListScope) -> Vec<u8> {
    let key = crl_key(&house.issuing.key);
    let mut serials: Vec<_> =
        (0..3).map(|_| Serial::draw(crate::domain::Timestamp::from_unix(0), &mut system_rng())).collect();
    serials.sort();
    let since = now().plus(-60);
    let statuses = [
        CertificateStatus::Held { since },
        CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise },
        CertificateStatus::Revoked { since, reason: RevocationReason::Unspecified },
    ];
    let head = Head {
        issuer_certificate: &house.issuing.der,
        scope,
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

fn distribution_point(url: &str) -> Vec<u8> {
    let name = tlv::write(tag::CONTEXT_0, &[tlv::write(tag::PRIMITIVE_6, &[url])]);
    tlv::write(tag::SEQUENCE, &[tlv::write(tag::CONTEXT_0, &[name])])
}

fn context<'a>(house: &'a Hierarchy, scope: &'a ListScope) -> CrlContext<'a> {
    CrlContext { issuer: &house.issuing.der, key: &house.issuing.public, scope, previous: Some(199), now: now() }
}

fn findings(der: &[u8], context: &CrlContext<'_>) -> Vec<Finding> {
    crl(der, context).expect("memory can be read").findings
}

#[test]
fn what_the_encoder_makes_has_no_findings_as_what_it_is_and_as_nothing_else() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let house = Hierarchy::new(kind);
        for scope in scopes() {
            let der = made(&house, &scope);
            let seen = crl(&der[..], &context(&house, &scope)).expect("memory can be read");
            let wanted = Seen { findings: vec![], entries: 3, sha256: Sha256(openssl::sha::sha256(&der)) };
            assert_eq!(seen, wanted, "{scope:?}");
            for other in scopes().iter().filter(|other| **other != scope) {
                assert_ne!(findings(&der, &context(&house, other)), [], "{scope:?} as {other:?}");
            }
        }
    }
}

/// Each rule sees its own fault, and no other rule sees it: else one of them could be lost unseen.
struct Bench<'a> {
    house: &'a Hierarchy,
    seen: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl Bench<'_> {
    fn alone(&mut self, rule: &'static str, scope: &ListScope, change: impl FnOnce(&mut Parted)) {
        self.held(rule, &self.house.issuing.key, &context(self.house, scope), change);
    }

    fn held(&mut self, rule: &'static str, key: &SoftKey, context: &CrlContext<'_>, change: impl FnOnce(&mut Parted)) {
        let mut parted = Parted::of(&made(self.house, context.scope));
        change(&mut parted);
        let findings = findings(&parted.sign(key), context);
        if findings.iter().map(|finding| finding.rule).eq([rule]) {
            self.seen.insert(rule);
        } else {
            self.wrong.push(format!("{rule} in {:?}: {findings:#?}", context.scope));
        }
    }
}

#[test]
fn each_rule_sees_its_own_fault_and_no_other() {
    let house = Hierarchy::new(KeyKind::P256);
    let mut bench = Bench { house: &house, seen: BTreeSet::new(), wrong: Vec::new() };
    about_the_head(&mut bench);
    about_extensions(&mut bench);
    about_entries(&mut bench);
    assert!(bench.wrong.is_empty(), "{}", bench.wrong.join("\n"));
    for name in RULES.iter().map(|rule| rule.name).chain(ENTRY_RULES.iter().map(|rule| rule.name)) {
        assert!(bench.seen.contains(name), "no fault shows that {name} works");
    }
}

fn about_the_head(bench: &mut Bench<'_>) {
    let house = bench.house;
    let [full, ..] = scopes();
    bench.alone("issuer", &full, |p| {
        p.fields[ISSUER] = Parts::read(&house.root.der).expect("root").tbs.subject.to_vec();
    });
    bench.alone("issuer", &full, |p| drop(p.extensions.remove(0)));
    bench.alone("issuer", &full, |p| {
        p.extensions[0] = extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &[0x30, 3, 0x80, 1, 7]);
    });
    let other = crate::keys::SignatureAlgorithm::EcdsaSha384.identifier_der();
    bench.alone("signature", &full, |p| p.fields[ALGORITHM] = other);
    bench.held("signature", &house.unit.key, &context(house, &full), |_| {});
    bench.alone("dates", &full, |p| p.fields[NEXT_UPDATE] = tlv::write(tag::UTC_TIME, &["261123170000Z"]));
    bench.alone("dates", &full, |p| p.fields[NEXT_UPDATE] = tlv::write(tag::GENERALIZED_TIME, &["20261124170000Z"]));
    bench.held("dates", &house.issuing.key, &CrlContext { now: now().plus(86_400), ..context(house, &full) }, |_| {});
    bench.held("dates", &house.issuing.key, &CrlContext { now: now().plus(-1), ..context(house, &full) }, |_| {});
}

fn about_extensions(bench: &mut Bench<'_>) {
    let [full, with_delta, delta, shard] = scopes();
    let point = distribution_point;
    let points = |url: &str| tlv::write(tag::SEQUENCE, &[distribution_point(url)]);

    bench.alone("number", &full, |p| drop(p.extensions.remove(1)));
    for value in [&[2, 2, 0, 199][..], &[2, 1, 0x80], &[2, 10, 0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]] {
        bench.alone("number", &full, |p| p.extensions[1] = extension(oid::CRL_NUMBER, false, value));
    }
    bench.alone("number", &full, |p| p.extensions[1] = extension(oid::CRL_NUMBER, true, &[2, 2, 0, 200]));
    bench.alone("extensions", &full, |p| p.extensions.push(extension(oid::KEY_USAGE, false, &[3, 2, 1, 6])));

    let indicator = oid::DELTA_CRL_INDICATOR;
    bench.alone("delta", &delta, |p| drop(p.extensions.remove(2)));
    bench.alone("delta", &delta, |p| p.extensions[2] = extension(indicator, false, &[2, 2, 0, 150]));
    for value in [&[2, 2, 0, 151][..], &[5, 0]] {
        bench.alone("delta", &delta, |p| p.extensions[2] = extension(indicator, true, value));
    }
    let freshest = oid::FRESHEST_CRL;
    bench.alone("freshest", &with_delta, |p| drop(p.extensions.remove(2)));
    bench.alone("freshest", &with_delta, |p| p.extensions[2] = extension(freshest, true, &points(DELTA_URL)));
    bench.alone("freshest", &with_delta, |p| p.extensions[2] = extension(freshest, false, &points(SHARD_URL)));
    bench.alone("freshest", &with_delta, |p| p.extensions[2] = extension(freshest, false, &point(DELTA_URL)));
    // An extension of full lists, where there is no delta.
    bench.alone("freshest", &full, |p| p.extensions.push(extension(freshest, false, &points(DELTA_URL))));
    let idp = oid::ISSUING_DISTRIBUTION_POINT;
    bench.alone("distribution_point", &shard, |p| drop(p.extensions.remove(2)));
    bench.alone("distribution_point", &shard, |p| p.extensions[2] = extension(idp, false, &point(SHARD_URL)));
    bench.alone("distribution_point", &shard, |p| p.extensions[2] = extension(idp, true, &point(DELTA_URL)));
    bench.alone("distribution_point", &shard, |p| p.extensions[2] = extension(idp, true, &points(SHARD_URL)));
    // Only the bytes show it: TRUE that is not 0xff.
    bench.alone("strict_der", &shard, |p| {
        let at = p.extensions[2].windows(3).position(|window| window == [1, 1, 0xff]).expect("critical");
        p.extensions[2][at + 2] = 1;
    });
}

fn about_entries(bench: &mut Bench<'_>) {
    let [full, _, delta, _] = scopes();
    let mut case = |rule, change: &dyn Fn(&mut Parted)| bench.alone(rule, &full, change);
    let reason = |code: u8| vec![extension(oid::CRL_REASON, false, &[tag::ENUMERATED, 1, code])];
    const DATE: &str = "231114221320Z";

    case("empty_list", &|p| p.entries.clear());
    case("entries", &|p| p.entries.reverse());
    case("entries", &|p| p.entries[1] = p.entries[0].clone());
    case("entries", &|p| p.entries[0] = entry(&[0], DATE, &reason(1)));
    case("entries", &|p| p.entries[0] = entry(&[1; 21], DATE, &reason(1)));
    case("entries", &|p| p.entries[0] = entry(&[1], "291114221320Z", &reason(1)));
    for code in [0, 2, 7, 8, 10] {
        case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &reason(code)));
    }
    case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &[extension(oid::CRL_REASON, true, &[10, 1, 1])]));
    case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &[extension(oid::INVALIDITY_DATE, false, &[5, 0])]));
    case("reasons", &|p| p.entries[0] = entry(&[1], DATE, &[reason(1), reason(1)].concat()));
    let dated = |code: u8, date: &str, critical: bool| {
        let date = tlv::write(tag::GENERALIZED_TIME, &[date]);
        [reason(code), vec![extension(oid::INVALIDITY_DATE, critical, &date)]].concat()
    };
    case("invalidity", &|p| p.entries[0] = entry(&[1], DATE, &dated(4, "20231101000000Z", false)));
    case("invalidity", &|p| p.entries[0] = entry(&[1], DATE, &dated(1, "20231114221321Z", false)));
    case("invalidity", &|p| p.entries[0] = entry(&[1], DATE, &dated(1, "20231101000000Z", true)));
    case("invalidity", &|p| {
        let short = [reason(1), vec![extension(oid::INVALIDITY_DATE, false, &tlv::write(tag::UTC_TIME, &[DATE]))]];
        p.entries[0] = entry(&[1], DATE, &short.concat());
    });
    case("entry_der", &|p| p.entries[0] = entry(&[0, 1], DATE, &reason(1)));
    bench.alone("reasons", &delta, |p| p.entries[0] = entry(&[1], DATE, &reason(7)));
}

/// What more than one rule has a word in.
#[test]
fn faults_that_several_rules_see_are_refused() {
    let house = Hierarchy::new(KeyKind::P256);
    let [full, ..] = scopes();
    let case = |rule: &str, change: &dyn Fn(&mut Parted)| {
        let mut parted = Parted::of(&made(&house, &full));
        change(&mut parted);
        let findings = findings(&parted.sign(&house.issuing.key), &context(&house, &full));
        assert!(findings.iter().any(|finding| finding.rule == rule), "{rule}: {findings:?}");
    };
    case("dates", &|p| p.fields.swap(THIS_UPDATE, NEXT_UPDATE));
    case("dates", &|p| p.fields[THIS_UPDATE] = tlv::write(tag::UTC_TIME, &["261123170001Z"]));
    case("extensions", &|p| p.extensions.push(extension(oid::DELTA_CRL_INDICATOR, true, &[2, 1, 1])));
    case("delta", &|p| p.extensions.push(extension(oid::DELTA_CRL_INDICATOR, true, &[2, 1, 1])));
    case("extensions", &|p| p.extensions.push(p.extensions[1].clone()));
    let point = distribution_point(SHARD_URL);
    let idp = |p: &mut Parted| p.extensions.push(extension(oid::ISSUING_DISTRIBUTION_POINT, true, &point));
    case("distribution_point", &idp);
}

#[test]
fn a_delta_that_goes_with_a_later_list_is_a_finding() {
    let house = Hierarchy::new(KeyKind::P256);
    let scope = ListScope::Delta { base: 201 };
    let mut parted = Parted::of(&made(&house, &ListScope::Delta { base: 150 }));
    parted.extensions[2] = extension(oid::DELTA_CRL_INDICATOR, true, &[2, 2, 0, 201]);
    let found = findings(&parted.sign(&house.issuing.key), &context(&house, &scope));
    assert_eq!(found.iter().map(|f| f.rule).collect::<Vec<_>>(), ["delta"]);
}

#[test]
fn remove_from_crl_stands_in_deltas_only() {
    let house = Hierarchy::new(KeyKind::P256);
    let removed = [extension(oid::CRL_REASON, false, &[tag::ENUMERATED, 1, 8])];
    for scope in scopes() {
        let mut parted = Parted::of(&made(&house, &scope));
        parted.entries[0] = entry(&[1], "231114221320Z", &removed);
        let found = findings(&parted.sign(&house.issuing.key), &context(&house, &scope));
        let wanted: &[&str] = if matches!(scope, ListScope::Delta { .. }) { &[] } else { &["reasons"] };
        assert_eq!(found.iter().map(|f| f.rule).collect::<Vec<_>>(), wanted, "{scope:?}");
    }
}

#[test]
fn a_crl_under_another_sm2_id_is_a_finding() {
    let house = Hierarchy::new(KeyKind::Sm2);
    let scope = ListScope::Full { delta_url: None };
    let empty = PublicKey::under(house.issuing.key.spki_der(), &Sm2Id::EMPTY).expect("key");
    let context = CrlContext { key: &empty, ..context(&house, &scope) };
    let found = findings(&made(&house, &scope), &context);
    assert_eq!(found.iter().map(|f| f.rule).collect::<Vec<_>>(), ["signature"]);
}

#[test]
fn a_crl_of_another_key_and_a_late_one_are_findings() {
    let house = Hierarchy::new(KeyKind::P256);
    let scope = ListScope::Full { delta_url: None };
    let der = made(&house, &scope);
    let context = CrlContext { previous: None, ..context(&house, &scope) };
    let forged = Parted::of(&der).sign(&house.unit.key);
    assert_eq!(findings(&forged, &context).iter().map(|f| f.rule).collect::<Vec<_>>(), ["signature"]);
    // Nor does it help to check with the key that signed, for that is not the issuer's.
    let other = CrlContext { key: &house.unit.public, ..context };
    assert_eq!(findings(&forged, &other).iter().map(|f| f.rule).collect::<Vec<_>>(), ["signature"]);
    let late = CrlContext { now: now().plus(86_400), ..context };
    assert_eq!(findings(&der, &late).iter().map(|f| f.rule).collect::<Vec<_>>(), ["dates"]);
    for end in [0, 1, 20, der.len() - 1] {
        assert_eq!(findings(&der[..end], &context)[0].rule, "structure", "{end}");
    }
    let mut odd = Parted::of(&der);
    odd.entries[0] = vec![5, 0];
    assert_eq!(findings(&odd.sign(&house.issuing.key), &context)[0].rule, "structure");
    let long = [&der[..], &[0]].concat();
    assert_eq!(findings(&long, &context)[0].rule, "structure");
}

proptest::proptest! {
    #[test]
    fn bytes_of_any_kind_are_held_against_the_rules_without_panic(at: proptest::sample::Index, byte: u8) {
        use std::sync::LazyLock;
        static HOUSE: LazyLock<Hierarchy> = LazyLock::new(|| Hierarchy::new(KeyKind::P256));
        static DER: LazyLock<Vec<u8>> = LazyLock::new(|| made(&HOUSE, &ListScope::Delta { base: 150 }));
        let mut der = DER.clone();
        let at = at.index(der.len());
        let same = der[at] == byte;
        der[at] = byte;
        let found = findings(&der, &context(&HOUSE, &ListScope::Delta { base: 150 }));
        proptest::prop_assert_eq!(found.is_empty(), same);
    }
}
