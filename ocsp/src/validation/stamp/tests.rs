use ca_core::clock::{TestClock, system_rng};
use ca_core::keys::KeyKind;
use ca_core::signer::soft::SoftKey;
use ca_core::tlv::{self, tag};

use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.3.1");

fn authority() -> (StampAuthority, Arc<TestClock>) {
    let key = SoftKey::generate(KeyKind::P256).expect("a key");
    // Its own certificate is read for its names and its key alone.
    let parameters = rcgen::CertificateParams::new(vec![]).expect("parameters");
    let certificate = parameters.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
    let clock = Arc::new(TestClock::at(NOW));
    let authority = StampAuthority::new(
        StampKey::new(Arc::new(key)),
        certificate.der().to_vec(),
        POLICY,
        1,
        clock.clone(),
        &mut system_rng(),
    );
    (authority, clock)
}

/// A request of these parts.
fn request(version: u8, hash: &str, length: usize, more: &[Vec<u8>]) -> Vec<u8> {
    let hash = ObjectIdentifier::new(hash).expect("an OID");
    let algorithm = tlv::write(tag::SEQUENCE, &[tlv::write(tag::OID, &[hash.as_bytes()])]);
    let imprint = tlv::write(tag::SEQUENCE, &[algorithm, tlv::write(tag::OCTET_STRING, &[vec![7; length]])]);
    let mut parts = vec![tlv::write(tag::INTEGER, &[[version]]), imprint];
    parts.extend_from_slice(more);
    tlv::write(tag::SEQUENCE, &parts)
}

const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// The bit that a refusal's answer sets.
fn refused_by(answer: &[u8]) -> Option<usize> {
    let mut outer = tlv::single(answer, tag::SEQUENCE).expect("DER").reader();
    let status = outer.expect(tag::SEQUENCE).expect("PKIStatusInfo").reader().rest().expect("fields");
    let failure = status.get(2)?;
    assert_eq!((status[0].content, failure.tag), (&[2][..], tag::BIT_STRING));
    outer.end().expect("no token");
    let last = failure.content.last().expect("octets");
    assert_eq!(usize::from(failure.content[0]), last.trailing_zeros() as usize, "no zeros at the end");
    Some((failure.content.len() - 2) * 8 + last.leading_zeros() as usize)
}

#[test]
fn each_bad_request_is_refused_by_its_own_bit() {
    let (authority, _) = authority();
    let other_policy = tlv::write(tag::OID, &[ObjectIdentifier::new_unwrap("1.2.3").as_bytes()]);
    let extension = tlv::write::<&[u8]>(tag::CONTEXT_0, &[]);
    for (what, request, bit) in [
        ("SHA-1", request(1, "1.3.14.3.2.26", 20, &[]), 0),
        ("version 2", request(2, SHA256, 32, &[]), 2),
        ("too long", vec![0x30; MAX_REQUEST + 1], 2),
        ("a short hash", request(1, SHA256, 31, &[]), 5),
        ("no request", b"hello".to_vec(), 5),
        ("nothing", Vec::new(), 5),
        ("an endless nonce", request(1, SHA256, 32, &[tlv::write(tag::INTEGER, &[[1; 65]])]), 5),
        ("something behind", [&request(1, SHA256, 32, &[])[..], &[0]].concat(), 5),
        ("another policy", request(1, SHA256, 32, &[other_policy]), 15),
        ("an extension", request(1, SHA256, 32, &[extension]), 16),
    ] {
        assert_eq!(refused_by(&authority.answer(&request).0), Some(bit), "{what}");
    }
}

#[test]
fn every_hash_that_is_taken_gets_a_token() {
    let (authority, _) = authority();
    let sm3 = "1.2.156.10197.1.401";
    for (hash, length) in [(SHA256, 32), ("2.16.840.1.101.3.4.2.2", 48), ("2.16.840.1.101.3.4.2.3", 64), (sm3, 32)] {
        assert_eq!(refused_by(&authority.answer(&request(1, hash, length, &[])).0), None, "{hash}");
    }
}

#[test]
fn a_clock_that_went_back_stops_the_stamps() {
    let (authority, clock) = authority();
    let asked = request(1, SHA256, 32, &[]);
    assert_eq!(refused_by(&authority.answer(&asked).0), None);
    clock.advance(-1);
    assert_eq!(refused_by(&authority.answer(&asked).0), None, "within the accuracy");
    clock.advance(-1);
    assert_eq!(refused_by(&authority.answer(&asked).0), Some(14));
    clock.advance(2);
    assert_eq!(refused_by(&authority.answer(&asked).0), None);
}

#[test]
fn serial_numbers_repeat_neither_in_a_run_nor_over_restarts() {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let (authority, _) = authority();
        for _ in 0..100 {
            let serial = authority.serial();
            assert!((0x40..0x80).contains(&serial[0]), "positive, of one length");
            assert!(seen.insert(serial));
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let (authority, _) = authority();
        proptest::prop_assert!(tlv::single(&authority.answer(&bytes).0, tag::SEQUENCE).is_ok());
    }
}
