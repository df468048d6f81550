use super::*;
use crate::keys::testing::{TestCert, TestKey};
use crate::keys::{KeyKind, SignatureAlgorithm};
use openssl::x509::extension::KeyUsage as OpensslKeyUsage;

const NOW: Timestamp = Timestamp::from_unix(1_500_000_000);

struct House {
    root_key: TestKey,
    issuer_key: TestKey,
    leaf_key: TestKey,
    root: Vec<u8>,
    issuer: Vec<u8>,
}

fn id(text: &str) -> IssuerId {
    IssuerId::new(text).expect("a name")
}

impl House {
    fn new(kind: KeyKind) -> Self {
        let (root_key, issuer_key) = (TestKey::new(KeyKind::P384), TestKey::new(kind));
        let root = TestCert::ca("root", &root_key, None).build();
        let issuer = TestCert::ca("issuer", &issuer_key, Some((&root_key, &root))).build();
        Self { root_key, issuer_key, leaf_key: TestKey::new(kind), root, issuer }
    }

    fn anchors(&self) -> Anchors {
        Anchors::new(&self.root, &[(id("unit"), self.issuer.clone())]).expect("anchors")
    }

    fn leaf(&self) -> TestCert<'_> {
        TestCert::leaf("leaf", &self.leaf_key, Some((&self.issuer_key, &self.issuer)))
    }

    fn verify(&self, leaf: &[u8]) -> Result<ChainValid, ChainError> {
        self.anchors().verify(leaf, NOW)
    }
}

#[test]
fn a_good_certificate_is_believed_and_told() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let house = House::new(kind);
        let der = house.leaf().build();
        let valid = house.verify(&der).expect("valid");
        assert_eq!(valid.serial().to_string(), "4d");
        assert_eq!(valid.issuer(), &id("unit"));
        assert_eq!((valid.der(), valid.issuer_der()), (&der[..], &house.issuer[..]));
        assert_eq!(valid.spki_der(), house.leaf_key.spki);
        assert_eq!(valid.subject()[&SubjectField::CommonName], "leaf");
    }
}

#[test]
fn the_edges_of_validity_are_inclusive_and_expired_is_told_apart() {
    let house = House::new(KeyKind::P256);
    let der = house.leaf().build();
    let at = |unix| house.anchors().verify(&der, Timestamp::from_unix(unix)).map(|_| ());
    assert_eq!(at(999_999_999), Err(ChainError::NotYetValid { from: Timestamp::from_unix(1_000_000_000) }));
    assert_eq!(at(1_000_000_000), Ok(()));
    assert_eq!(at(2_000_000_000), Ok(()));
    assert_eq!(at(2_000_000_001), Err(ChainError::Expired { at: Timestamp::from_unix(2_000_000_000) }));
    assert_eq!(at(4_000_000_001), Err(ChainError::IssuerNotValid));
}

#[test]
fn an_expired_forgery_is_a_forgery() {
    let house = House::new(KeyKind::P256);
    let mut der = house.leaf().build();
    let last = der.len() - 1;
    der[last] ^= 1;
    let late = house.anchors().verify(&der, Timestamp::from_unix(2_000_000_001));
    assert_eq!(late.map(|_| ()), Err(ChainError::BadSignature));
}

#[test]
fn no_flipped_bit_is_believed() {
    let house = House::new(KeyKind::P256);
    let der = house.leaf().build();
    for at in 0..der.len() {
        let mut bent = der.clone();
        bent[at] ^= 1;
        assert!(house.verify(&bent).is_err(), "byte {at}");
    }
    let mut long = der;
    long.push(0);
    assert!(matches!(house.verify(&long), Err(ChainError::Malformed(_))));
}

#[test]
fn another_issuer_of_the_same_name_or_key_is_unknown() {
    let (house, other) = (House::new(KeyKind::P256), House::new(KeyKind::P256));
    assert_eq!(house.verify(&other.leaf().build()).map(|_| ()), Err(ChainError::UnknownIssuer));
    // The right name and key identifier, signed by somebody else.
    let forged = TestCert { issuer: Some((&other.issuer_key, &house.issuer)), ..house.leaf() }.build();
    assert_eq!(house.verify(&forged).map(|_| ()), Err(ChainError::BadSignature));
    let without = TestCert { key_identifiers: false, ..house.leaf() }.build();
    assert_eq!(house.verify(&without).map(|_| ()), Err(ChainError::UnknownIssuer));
    // Directly under the root is not under an issuer.
    let direct = TestCert { issuer: Some((&house.root_key, &house.root)), ..house.leaf() }.build();
    assert_eq!(house.verify(&direct).map(|_| ()), Err(ChainError::UnknownIssuer));
}

#[test]
fn a_unit_cannot_issue() {
    let house = House::new(KeyKind::P256);
    let unit = house.leaf().build();
    let key = TestKey::new(KeyKind::P256);
    let below = TestCert::leaf("below", &key, Some((&house.leaf_key, &unit))).build();
    assert_eq!(house.verify(&below).map(|_| ()), Err(ChainError::UnknownIssuer));
}

#[test]
fn certificates_for_other_uses_are_refused() {
    let house = House::new(KeyKind::P256);
    let refused = |leaf: TestCert<'_>| matches!(house.verify(&leaf.build()), Err(ChainError::NotForThis(_)));
    assert!(refused(TestCert { ca: true, ..house.leaf() }));
    assert!(refused(TestCert { key_usage: None, ..house.leaf() }));
    let mut agreement = OpensslKeyUsage::new();
    agreement.critical().key_agreement();
    assert!(refused(TestCert { key_usage: Some(agreement), ..house.leaf() }));
    assert!(refused(TestCert { extended: &["serverAuth"], ..house.leaf() }));
    assert!(refused(TestCert { extended: &["OCSPSigning"], ..house.leaf() }));
    assert!(refused(TestCert { extra: Some(("1.2.3.4", true, &[5, 0])), ..house.leaf() }));
    let tolerated = TestCert { extra: Some(("1.2.3.4", false, &[5, 0])), ..house.leaf() };
    house.verify(&tolerated.build()).expect("a foreign extension that is not critical");
}

#[test]
fn a_responder_needs_the_purpose_by_name() {
    let house = House::new(KeyKind::P256);
    let verify = |leaf: TestCert<'_>| house.anchors().verify_for(&leaf.build(), NOW, Purpose::OcspSigning);
    verify(TestCert { extended: &["OCSPSigning"], ..house.leaf() }).expect("delegated");
    assert!(verify(house.leaf()).is_err());
    assert!(verify(TestCert { extended: &[], ..house.leaf() }).is_err());
    assert!(verify(TestCert { extended: &["anyExtendedKeyUsage"], ..house.leaf() }).is_err());
}

#[test]
fn anchors_must_be_cas_that_the_root_signed() {
    let (house, other) = (House::new(KeyKind::P256), House::new(KeyKind::P256));
    let with = |issuer: &[u8]| Anchors::new(&house.root, &[(id("unit"), issuer.to_vec())]).map(|_| ());
    assert!(with(&house.issuer).is_ok());
    assert!(with(&other.issuer).is_err());
    let leaf = TestCert::leaf("leaf", &house.leaf_key, Some((&house.root_key, &house.root))).build();
    assert!(with(&leaf).is_err());
    assert!(Anchors::new(&house.issuer, &[]).is_err(), "an issuing CA is no root");
    let twice = [(id("a"), house.issuer.clone()), (id("b"), house.issuer.clone())];
    assert!(Anchors::new(&house.root, &twice).is_err());
}

/// The certificate with each element of its signed part as `change` wants it, signed again by the issuer's key.
fn rewritten(house: &House, der: &[u8], outer: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let parts = Parts::read(der).expect("parts");
    let fields = tlv::single(parts.tbs.whole, tag::SEQUENCE).and_then(|tbs| tbs.reader().rest()).expect("fields");
    let mut fields: Vec<Vec<u8>> = fields.into_iter().map(|field| field.whole.to_vec()).collect();
    change(&mut fields);
    let tbs = tlv::write(tag::SEQUENCE, &fields);
    let signature = tlv::write(tag::BIT_STRING, &[&[0][..], &house.issuer_key.sign(&tbs)]);
    tlv::write(tag::SEQUENCE, &[&tbs, outer, &signature])
}

/// Where the AlgorithmIdentifier stands in the signed part.
const ALGORITHM: usize = 2;

/// `domain.md` §8.2: explicit FALSE in basicConstraints, key usage with needless zeros, and SM2-with-SM3 with NULL
/// stand in real certificates of the field; they are read, and verified over their original bytes.
#[test]
fn field_certificates_that_are_not_der_inside_verify_over_their_bytes() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let house = House::new(kind);
        let der = house.leaf().build();
        let parts = Parts::read(&der).expect("parts");
        let extensions = parts.tbs.extensions.iter().map(|extension| {
            let value: &[u8] = match extension.oid {
                oid::BASIC_CONSTRAINTS => &[0x30, 3, 1, 1, 0],
                oid::KEY_USAGE => &[3, 2, 0, 0x80],
                _ => extension.value,
            };
            let name = tlv::write(tag::OID, &[extension.oid.as_bytes()]);
            tlv::write(tag::SEQUENCE, &[name, tlv::write(tag::OCTET_STRING, &[value])])
        });
        let list = tlv::write(tag::SEQUENCE, &extensions.collect::<Vec<_>>());
        let algorithm =
            if kind == KeyKind::Sm2 { with_null(crate::keys::oid::SM2_SM3) } else { parts.algorithm.to_vec() };
        let field = rewritten(&house, &der, &algorithm, |fields| {
            fields[ALGORITHM].clone_from(&algorithm);
            *fields.last_mut().expect("extensions") = tlv::write(tag::CONTEXT_3, &[list]);
        });

        let valid = house.verify(&field).expect("tolerated");
        assert_eq!(valid.der(), field);
        let mut bent = field.clone();
        let last = bent.len() - 1;
        bent[last] ^= 1;
        assert_eq!(house.verify(&bent).map(|_| ()), Err(ChainError::BadSignature));
        let mut long = field;
        long.push(0);
        assert!(matches!(house.verify(&long), Err(ChainError::Malformed(_))));
    }
}

fn with_null(name: ObjectIdentifier) -> Vec<u8> {
    let name = tlv::write(tag::OID, &[name.as_bytes()]);
    tlv::write(tag::SEQUENCE, &[&name[..], &[tag::NULL, 0]])
}

#[test]
fn sm2_and_ecdsa_do_not_pass_for_each_other() {
    let ecdsa = SignatureAlgorithm::EcdsaSha256.identifier_der();
    let sm2 = SignatureAlgorithm::Sm2Sm3.identifier_der();
    for (kind, right, wrong) in [(KeyKind::Sm2, &sm2, &ecdsa), (KeyKind::P256, &ecdsa, &sm2)] {
        let house = House::new(kind);
        let der = house.leaf().build();
        let with = |outer: &[u8], inner: &[u8]| {
            let changed = rewritten(&house, &der, outer, |fields| fields[ALGORITHM] = inner.to_vec());
            house.verify(&changed).map(|_| ())
        };
        assert_eq!(with(right, right), Ok(()));
        assert_eq!(with(wrong, wrong), Err(ChainError::BadSignature), "{kind}");
        assert!(matches!(with(wrong, right), Err(ChainError::Malformed(_))), "{kind}");
        assert!(matches!(with(right, wrong), Err(ChainError::Malformed(_))), "{kind}");
    }
    let house = House::new(KeyKind::Sm2);
    let der = house.leaf().build();
    let null = with_null(crate::keys::oid::SM2_SM3);
    let once = rewritten(&house, &der, &null, |fields| fields[ALGORITHM].clone_from(&sm2));
    assert!(matches!(house.verify(&once), Err(ChainError::Malformed(_))), "NULL outside, nothing inside");
}

#[test]
fn a_certificate_under_another_sm2_id_is_refused_where_its_issuer_has_this_one() {
    let house = House::new(KeyKind::Sm2);
    // What OpenSSL itself signs is under the empty id.
    let (standard, empty) = (house.leaf().build(), house.leaf().build_by_openssl());
    assert!(house.verify(&standard).is_ok());
    assert_eq!(house.verify(&empty).map(|_| ()), Err(ChainError::BadSignature));
    let issuer = (id("unit"), house.issuer.clone(), Sm2Id::EMPTY);
    let anchors = Anchors::under(&house.root, &Sm2Id::STANDARD, &[issuer]).expect("anchors");
    assert!(anchors.verify(&empty, NOW).is_ok());
    assert_eq!(anchors.verify(&standard, NOW).map(|_| ()), Err(ChainError::BadSignature));
}

/// After a change of keys two issuers of one name are in use side by side.
#[test]
fn issuers_of_one_name_are_told_apart_by_their_keys() {
    let house = House::new(KeyKind::P256);
    let next_key = TestKey::new(KeyKind::P256);
    let next =
        TestCert { serial: 2, ..TestCert::ca("issuer", &next_key, Some((&house.root_key, &house.root))) }.build();
    let both = [(id("old"), house.issuer.clone()), (id("new"), next.clone())];
    let anchors = Anchors::new(&house.root, &both).expect("anchors");
    let by_next = TestCert { issuer: Some((&next_key, &next)), ..house.leaf() }.build();
    assert_eq!(anchors.verify(&house.leaf().build(), NOW).expect("old").issuer(), &id("old"));
    assert_eq!(anchors.verify(&by_next, NOW).expect("new").issuer(), &id("new"));
}

/// RSA parameters may be NULL or absent, but the unsigned copy of the algorithm must be that of the signed one:
/// else one certificate would have two SHA-256.
#[test]
fn the_algorithm_outside_must_be_the_one_inside() {
    let house = House::new(KeyKind::Rsa2048);
    let der = house.leaf().build();
    let parts = Parts::read(&der).expect("parts");
    let name = tlv::write(tag::OID, &[crate::keys::oid::RSA_SHA256.as_bytes()]);
    let signature = tlv::write(tag::BIT_STRING, &[&[0][..], parts.signature]);
    let changed = tlv::write(tag::SEQUENCE, &[parts.tbs.whole, &tlv::write(tag::SEQUENCE, &[name]), &signature]);
    assert!(matches!(house.verify(&changed), Err(ChainError::Malformed(_))));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        proptest::prop_assert!(Parts::read(&bytes).is_err());
        proptest::prop_assert!(crate::keys::csr::prove(&bytes).is_err());
        proptest::prop_assert!(crate::cms::verify(&bytes).is_err());
    }
}

#[test]
fn two_hierarchies_are_believed_each_under_its_own_root() {
    let (one, two) = (House::new(KeyKind::P256), House::new(KeyKind::Sm2));
    let of =
        |house: &House, name: &str| Anchors::new(&house.root, &[(id(name), house.issuer.clone())]).expect("anchors");
    let both = of(&one, "one").and(of(&two, "two")).expect("two hierarchies");
    for (house, name) in [(&one, "one"), (&two, "two")] {
        let leaf = house.leaf().build();
        let chain = both.verify(&leaf, NOW).expect("believed");
        assert_eq!((chain.issuer(), chain.issuer_der()), (&id(name), &house.issuer[..]));
    }
    assert!(matches!(of(&one, "one").verify(&two.leaf().build(), NOW), Err(ChainError::UnknownIssuer)));
    assert!(of(&one, "one").and(of(&two, "one")).is_err(), "one name for two");
    assert!(of(&one, "one").and(of(&one, "other")).is_err(), "two names for one");
}
