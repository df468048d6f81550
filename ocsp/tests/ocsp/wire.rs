//! Requests and responses, against OpenSSL's encoder and against nonsense.

use ca_core::domain::Timestamp;
use der::Decode as _;
use ocsp::wire::{
    Asked, CertId, Failure, HashAlgorithm, IssuerHashes, MAX_ASKED, Nonce, OcspRequest, Reply, ResponderId, Single,
    Standing, WireError, assemble, encode_request, encode_response_data, parse_reply, responder_key_hash,
};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspRequest as TheirRequest, OcspResponse};
use openssl::sign::Signer;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use proptest::prelude::*;
use spki::AlgorithmIdentifierRef;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;

use crate::hierarchy::{Delegation, Holder, authority, leaf, now, responder, serial};

const ECDSA_SHA256: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

#[test]
fn a_request_by_openssl_names_our_issuer_in_each_hash() {
    let issuer = authority("Issuer", None);
    let unit = leaf("Unit", &serial(7), &issuer);
    let parsed = Certificate::from_der(&issuer.der()).unwrap();
    for (digest, algorithm) in [
        (MessageDigest::sha1(), HashAlgorithm::Sha1),
        (MessageDigest::sha256(), HashAlgorithm::Sha256),
        (MessageDigest::sha384(), HashAlgorithm::Sha384),
        (MessageDigest::sm3(), HashAlgorithm::Sm3),
    ] {
        let mut theirs = TheirRequest::new().unwrap();
        theirs.add_id(OcspCertId::from_cert(digest, &unit.certificate, &issuer.certificate).unwrap()).unwrap();
        let der = theirs.to_der().unwrap();
        let request = OcspRequest::parse(&der).unwrap();
        let hashes = IssuerHashes::of(&parsed, algorithm).unwrap();
        assert_eq!(request.asked.len(), 1);
        assert!(request.asked[0].id.is_by(&hashes));
        assert_eq!(request.asked[0].id.serial(), Some(serial(7).octets()));
        // Our own encoder says the same, byte for byte.
        let id = hashes.cert_id(serial(7).octets()).unwrap();
        assert_eq!(encode_request(&[&id], None).unwrap(), der);
    }
}

#[test]
fn a_response_of_ours_is_believed_by_openssl() {
    let issuer = authority("Issuer", None);
    let delegate = responder(&issuer, Delegation::Right);
    let units: Vec<_> = (1..=4).map(|n| leaf("Unit", &serial(n), &issuer)).collect();
    let hashes = IssuerHashes::of(&Certificate::from_der(&issuer.der()).unwrap(), HashAlgorithm::Sha256).unwrap();
    let ids: Vec<_> = (1..=4).map(|n| hashes.cert_id(serial(n).octets()).unwrap()).collect();
    let now = now();
    let standings = [
        Standing::Good,
        Standing::Revoked { since: now.plus(-5), reason: Some(CrlReason::KeyCompromise) },
        Standing::Revoked { since: now.plus(-6), reason: Some(CrlReason::CertificateHold) },
        Standing::Unknown,
    ];
    let singles: Vec<_> = ids.iter().zip(standings).map(|(id, standing)| single(id, standing, now)).collect();
    let der = sign(&delegate, now, &singles, Some(Nonce::new(b"0123456789").unwrap()));

    let response = OcspResponse::from_der(&der).unwrap();
    let basic = response.basic().unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(issuer.certificate.clone()).unwrap();
    basic.verify(&Stack::new().unwrap(), &store.build(), OcspFlag::empty()).unwrap();
    let status = |n: usize| {
        let id = OcspCertId::from_cert(MessageDigest::sha256(), &units[n].certificate, &issuer.certificate).unwrap();
        let found = basic.find_status(&id).unwrap();
        (found.status, found.reason.as_raw())
    };
    assert_eq!(status(0).0, OcspCertStatus::GOOD);
    assert_eq!(status(1), (OcspCertStatus::REVOKED, 1));
    assert_eq!(status(2), (OcspCertStatus::REVOKED, 6));
    assert_eq!(status(3).0, OcspCertStatus::UNKNOWN);
}

#[test]
fn a_response_reads_back_as_it_was_written() {
    let issuer = authority("Issuer", None);
    let delegate = responder(&issuer, Delegation::Right);
    let parsed = Certificate::from_der(&delegate.der()).unwrap();
    let hashes = IssuerHashes::of(&Certificate::from_der(&issuer.der()).unwrap(), HashAlgorithm::Sha1).unwrap();
    let id = hashes.cert_id(serial(1).octets()).unwrap();
    let now = now();
    let mut one = single(&id, Standing::Revoked { since: now, reason: None }, now);
    one.archive_cutoff = Some(now.plus(-1000));
    let der = sign(&delegate, now, &[one], Some(Nonce::new(&[9; 128]).unwrap()));
    let Reply::Basic(basic) = parse_reply(&der).unwrap() else { panic!("a basic response") };
    assert_eq!(basic.responder, ResponderId::Key(&responder_key_hash(&parsed).unwrap()));
    assert_eq!(basic.produced_at, now);
    assert_eq!(basic.nonce.unwrap().octets(), &[9; 128]);
    assert_eq!(basic.certificates, [delegate.der()]);
    let back = &basic.singles[0];
    assert_eq!(back.standing, Standing::Revoked { since: now, reason: None });
    assert_eq!((back.this_update, back.next_update), (now, Some(now.plus(300))));
    assert_eq!(back.archive_cutoff, Some(now.plus(-1000)));
    assert_eq!(back.asked.der, id);
}

#[test]
fn failures_are_what_openssl_reads() {
    for failure in Failure::ALL {
        let theirs = OcspResponse::from_der(failure.der()).unwrap().status().as_raw();
        assert_eq!(theirs, i32::from(failure.der()[4]), "{}", failure.name());
        assert!(matches!(parse_reply(failure.der()), Ok(Reply::Failure(same)) if same == failure));
    }
}

#[test]
fn nonces_of_1_to_128_octets_are_accepted_and_no_others() {
    let id = some_id();
    for octets in [1, 16, 32, 128] {
        let der = encode_request(&[&id], Some(Nonce::new(&vec![5; octets]).unwrap())).unwrap();
        assert_eq!(OcspRequest::parse(&der).unwrap().nonce.unwrap().octets().len(), octets);
    }
    assert_eq!(Nonce::new(&[]), Err(WireError::NonceLength(0)));
    assert_eq!(Nonce::new(&[0; 129]), Err(WireError::NonceLength(129)));
    let nonce = |value: &[u8]| {
        let der = request_with_nonce(&id, value);
        OcspRequest::parse(&der).map(|request| request.nonce.map(|nonce| nonce.octets().len()))
    };
    assert_eq!(nonce(&[4, 1, 7]), Ok(Some(1)));
    assert_eq!(nonce(&tagged(4, &[7; 128])), Ok(Some(128)));
    assert_eq!(nonce(&tagged(4, &[7; 129])), Err(WireError::NonceLength(129)));
    assert_eq!(nonce(&[4, 0]), Err(WireError::NonceLength(0)));
    assert!(nonce(&[7, 7, 7]).is_err(), "octets without their OCTET STRING");
}

#[test]
fn no_certificates_or_too_many_are_refused() {
    let id = some_id();
    assert_eq!(encode_request(&[], None), Err(WireError::Count(0)));
    let most = encode_request(&vec![&id[..]; MAX_ASKED], None).unwrap();
    assert_eq!(OcspRequest::parse(&most).unwrap().asked.len(), MAX_ASKED);
    // SEQUENCE { SEQUENCE { SEQUENCE { MAX+1 times SEQUENCE { id } } } }
    let mut list = Vec::new();
    for _ in 0..=MAX_ASKED {
        list.extend(wrap(&id));
    }
    let too_many = wrap(&wrap(&wrap(&list)));
    assert_eq!(OcspRequest::parse(&too_many).unwrap_err(), WireError::Count(MAX_ASKED + 1));
    assert_eq!(OcspRequest::parse(&wrap(&wrap(&wrap(&[])))).unwrap_err(), WireError::Count(0));
}

#[test]
fn trailing_bytes_are_refused() {
    let mut der = encode_request(&[&some_id()], None).unwrap();
    der.push(0);
    assert!(OcspRequest::parse(&der).is_err());
}

#[test]
fn numbers_that_nobody_issues_have_no_serial() {
    let id = some_id();
    let with = |content: &[u8]| {
        // The serial number is the last TLV: 02 10 + 16 octets.
        let mut body = id[2..id.len() - 18].to_vec();
        body.push(2);
        body.push(u8::try_from(content.len()).unwrap());
        body.extend_from_slice(content);
        wrap(&body)
    };
    assert_eq!(CertId::parse(&with(&[0])).unwrap().serial(), None);
    assert_eq!(CertId::parse(&with(&[0x80])).unwrap().serial(), None);
    assert_eq!(CertId::parse(&with(&[0, 0x80])).unwrap().serial(), Some(&[0x80][..]));
    assert!(CertId::parse(&with(&[0, 1])).is_err(), "not DER");
    assert!(CertId::parse(&with(&[1; 21])).is_err(), "too long");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = OcspRequest::parse(&bytes);
        let _ = parse_reply(&bytes);
        let _ = CertId::parse(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(at in 0_usize..2000, xor in 1_u8.., cut in 0_usize..2000) {
        let (request, response) = samples();
        for sample in [request, response] {
            let mut damaged = sample.clone();
            let length = damaged.len();
            damaged[at % length] ^= xor;
            let _ = OcspRequest::parse(&damaged);
            let _ = parse_reply(&damaged);
            let _ = OcspRequest::parse(&sample[..cut % length]);
            let _ = parse_reply(&sample[..cut % length]);
        }
    }
}

fn samples() -> &'static (Vec<u8>, Vec<u8>) {
    static SAMPLES: std::sync::OnceLock<(Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| {
        let issuer = authority("Issuer", None);
        let delegate = responder(&issuer, Delegation::Right);
        let id = some_id();
        let nonce = Some(Nonce::new(&[3; 32]).unwrap());
        let now = now();
        let one = single(&id, Standing::Revoked { since: now, reason: Some(CrlReason::Superseded) }, now);
        (encode_request(&[&id, &id], nonce).unwrap(), sign(&delegate, now, &[one], nonce))
    })
}

fn some_id() -> Vec<u8> {
    let issuer = authority("Issuer", None);
    let parsed = Certificate::from_der(&issuer.der()).unwrap();
    IssuerHashes::of(&parsed, HashAlgorithm::Sha1).unwrap().cert_id(serial(1).octets()).unwrap()
}

fn single(id: &[u8], standing: Standing, now: Timestamp) -> Single<'_> {
    Single {
        asked: Asked { der: id, id: CertId::parse(id).unwrap() },
        standing,
        this_update: now,
        next_update: Some(now.plus(300)),
        archive_cutoff: None,
    }
}

fn sign(delegate: &Holder, now: Timestamp, singles: &[Single<'_>], nonce: Option<Nonce<'_>>) -> Vec<u8> {
    let der = delegate.der();
    let hash = responder_key_hash(&Certificate::from_der(&der).unwrap()).unwrap();
    let data = encode_response_data(&hash, now, singles, nonce).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &delegate.key).unwrap();
    let signature = signer.sign_oneshot_to_vec(&data).unwrap();
    assemble(&data, AlgorithmIdentifierRef { oid: ECDSA_SHA256, parameters: None }, &signature, &[&der]).unwrap()
}

/// A request whose nonce extension has this value, by hand.
pub(crate) fn request_with_nonce(id: &[u8], value: &[u8]) -> Vec<u8> {
    // SEQUENCE { SEQUENCE { SEQUENCE { request }, [2] { SEQUENCE { SEQUENCE { oid, OCTET STRING } } } } }
    let mut extension = vec![6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
    extension.extend(tagged(4, value));
    let mut tbs = wrap(&wrap(id));
    tbs.extend(tagged(0xa2, &wrap(&wrap(&extension))));
    wrap(&wrap(&tbs))
}

fn wrap(content: &[u8]) -> Vec<u8> {
    tagged(0x30, content)
}

pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ 0..=127 => out.push(u8::try_from(n).unwrap()),
        n @ 128..=255 => out.extend([0x81, u8::try_from(n).unwrap()]),
        n => out.extend([0x82, u8::try_from(n >> 8).unwrap(), (n & 0xff) as u8]),
    }
    out.extend_from_slice(content);
    out
}
