//! PKCS#10 requests: proof that somebody holds a private key.
//!
//! The authority takes nothing else from a request: name, validity and extensions come from the order and the
//! profile. The signature is checked over the original bytes.

use der::Decode as _;
use spki::AlgorithmIdentifierOwned;

use super::good_key::{self, KeyRefusal};
use super::verify::{VerifyError, verify_signature};
use super::{KeyKind, SignatureAlgorithm};
use crate::domain::Sha256;
use crate::tlv::{self, TlvError, tag};
use crate::x509::{X509Error, whole_octets};

/// The longest request we read. RSA of 4096 bits takes about 1,600 bytes.
pub const MAX_CSR_BYTES: usize = 8 * 1024;

/// A public key whose owner has shown that they hold the private key. Only [`prove`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenPossession {
    spki_der: Vec<u8>,
    kind: KeyKind,
}

impl ProvenPossession {
    /// The SubjectPublicKeyInfo, byte for byte as it stood in the request.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// SHA-256 of [`Self::spki_der`].
    #[must_use]
    pub fn spki_sha256(&self) -> Sha256 {
        Sha256(openssl::sha::sha256(&self.spki_der))
    }
}

/// Why a request proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum CsrError {
    /// Over [`MAX_CSR_BYTES`].
    #[error("the request is longer than {MAX_CSR_BYTES} bytes")]
    TooLong,
    /// Not a PKCS#10 request in DER.
    #[error("not a PKCS#10 request: {0}")]
    Malformed(String),
    /// The key may not stand in a certificate.
    #[error("the key is not accepted: {0}")]
    Key(#[from] KeyRefusal),
    /// The request is not signed by its own key, or with an algorithm we do not take.
    #[error("no proof of possession: {0}")]
    Signature(#[from] VerifyError),
}

impl From<TlvError> for CsrError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<X509Error> for CsrError {
    fn from(error: X509Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Checks a request: size, key, signature by that key.
///
/// # Errors
/// [`CsrError`]: whoever made the request must make another.
pub fn prove(der: &[u8]) -> Result<ProvenPossession, CsrError> {
    if der.len() > MAX_CSR_BYTES {
        return Err(CsrError::TooLong);
    }
    let mut outer = tlv::single(der, tag::SEQUENCE)?.reader();
    let info = outer.expect(tag::SEQUENCE)?;
    let algorithm = outer.expect(tag::SEQUENCE)?;
    let signature = whole_octets(outer.expect(tag::BIT_STRING)?.content)?;
    outer.end()?;

    let mut fields = info.reader();
    // RFC 2986 §4.1: version v1(0).
    if fields.expect(tag::INTEGER)?.content != [0] {
        return Err(CsrError::Malformed("the version must be 1".into()));
    }
    fields.expect(tag::SEQUENCE)?;
    let spki = fields.expect(tag::SEQUENCE)?.whole;
    // Some tokens leave the attributes out although RFC 2986 does not let them.
    fields.optional(tag::CONTEXT_0)?;
    fields.end()?;

    let algorithm =
        AlgorithmIdentifierOwned::from_der(algorithm.whole).map_err(|error| CsrError::Malformed(error.to_string()))?;
    let kind = good_key::check(spki)?;
    verify_signature(spki, &algorithm, info.whole, signature)?;
    Ok(ProvenPossession { spki_der: spki.to_vec(), kind })
}

/// Builds a request with `CN=subject_cn` and no attributes. `sign` gets the whole message and answers the
/// content of the signature's BIT STRING (DER for ECDSA).
///
/// # Errors
/// Whatever `sign` says.
pub fn build<E>(
    subject_cn: &str,
    spki_der: &[u8],
    algorithm: SignatureAlgorithm,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    const COMMON_NAME: &[u8] = &[tag::OID, 3, 0x55, 4, 3];
    let value = tlv::write(tag::UTF8_STRING, &[subject_cn]);
    let attribute = tlv::write(tag::SEQUENCE, &[COMMON_NAME, &value]);
    let subject = tlv::write(tag::SEQUENCE, &[tlv::write(tag::SET, &[attribute])]);
    let info = tlv::write(
        tag::SEQUENCE,
        &[&[tag::INTEGER, 1, 0][..], &subject, spki_der, &tlv::write::<&[u8]>(tag::CONTEXT_0, &[])],
    );
    let signature = sign(&info)?;
    let signature = tlv::write(tag::BIT_STRING, &[&[0][..], &signature]);
    Ok(tlv::write(tag::SEQUENCE, &[info, algorithm.identifier_der(), signature]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::TestKey;
    use openssl::hash::MessageDigest;
    use openssl::x509::{X509NameBuilder, X509Req};

    fn request(key: &TestKey) -> Vec<u8> {
        build("示范单位", &key.spki, key.algorithm(), |message| Ok::<_, ()>(key.sign(message))).expect("builds")
    }

    #[test]
    fn our_requests_prove_and_openssl_agrees() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Sm2] {
            let key = TestKey::new(kind);
            let der = request(&key);
            let proven = prove(&der).expect("proves");
            assert_eq!((proven.spki_der(), proven.kind()), (&key.spki[..], kind));
            let theirs = X509Req::from_der(&der).expect("openssl reads");
            // The crate's call verifies SM2 under the empty id; the command line judges that below.
            assert!(kind == KeyKind::Sm2 || theirs.verify(&key.private).expect("openssl verifies"));
        }
    }

    /// The command, told of the standard id: `domain.md` §8.1.
    #[test]
    fn the_openssl_command_accepts_our_sm2_request_under_the_standard_id() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("unit.csr");
        std::fs::write(&path, request(&TestKey::new(KeyKind::Sm2))).expect("write");
        let verify = |more: &[&str]| {
            let mut command = std::process::Command::new("openssl");
            command.args(["req", "-verify", "-noout", "-inform", "DER", "-in"]).arg(&path).args(more);
            // It ends well either way: what it says counts.
            String::from_utf8_lossy(&command.output().expect("openssl runs").stderr).contains("verify OK")
        };
        assert!(verify(&["-vfyopt", "distid:1234567812345678"]));
        assert!(!verify(&["-vfyopt", "distid:8765432187654321"]));
    }

    #[test]
    fn an_sm2_request_under_another_id_or_with_another_curve_is_refused() {
        let key = TestKey::new(KeyKind::Sm2);
        let empty = build("x", &key.spki, key.algorithm(), |message| {
            Ok::<_, ()>(key.sign_under(&crate::keys::Sm2Id::EMPTY, message))
        });
        assert!(matches!(prove(&empty.expect("builds")), Err(CsrError::Signature(VerifyError::Signature))));
        let p256 = TestKey::new(KeyKind::P256);
        let claimed = build("x", &p256.spki, SignatureAlgorithm::Sm2Sm3, |message| Ok::<_, ()>(p256.sign(message)));
        assert!(matches!(prove(&claimed.expect("builds")), Err(CsrError::Signature(VerifyError::Key(_)))));
        let ecdsa = build("x", &key.spki, SignatureAlgorithm::EcdsaSha256, |message| Ok::<_, ()>(key.sign(message)));
        assert!(matches!(prove(&ecdsa.expect("builds")), Err(CsrError::Signature(VerifyError::Key(_)))));
    }

    fn openssl_request(key: &TestKey, digest: MessageDigest) -> Vec<u8> {
        let mut name = X509NameBuilder::new().expect("name");
        name.append_entry_by_text("CN", "unit").expect("entry");
        let mut builder = X509Req::builder().expect("builder");
        builder.set_subject_name(&name.build()).expect("subject");
        builder.set_pubkey(&key.private).expect("key");
        builder.sign(&key.private, digest).expect("signs");
        builder.build().to_der().expect("DER")
    }

    #[test]
    fn openssl_requests_prove_but_not_with_sha1() {
        let key = TestKey::new(KeyKind::Rsa2048);
        prove(&openssl_request(&key, MessageDigest::sha256())).expect("proves");
        let sha1 = prove(&openssl_request(&key, MessageDigest::sha1()));
        assert!(matches!(sha1, Err(CsrError::Signature(VerifyError::Algorithm(_)))), "{sha1:?}");
    }

    #[test]
    fn a_p384_key_with_sha256_keeps_its_key() {
        let key = TestKey::new(KeyKind::P384);
        let proven = prove(&openssl_request(&key, MessageDigest::sha256())).expect("proves");
        assert_eq!(proven.spki_der(), key.spki);
    }

    #[test]
    fn a_request_signed_by_another_key_is_refused() {
        let (key, thief) = (TestKey::new(KeyKind::P256), TestKey::new(KeyKind::P256));
        let der = build("x", &key.spki, key.algorithm(), |message| Ok::<_, ()>(thief.sign(message))).expect("builds");
        assert!(matches!(prove(&der), Err(CsrError::Signature(VerifyError::Signature))));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let key = TestKey::new(KeyKind::P256);
        let der = request(&key);
        for at in 0..der.len() {
            let mut bent = der.clone();
            bent[at] ^= 1;
            assert!(prove(&bent).is_err(), "byte {at} of {}", hex::encode(&der));
        }
    }

    #[test]
    fn weak_keys_long_requests_and_trailing_bytes_are_refused() {
        let key = TestKey::new(KeyKind::P256);
        let mut der = request(&key);
        der.push(0);
        assert!(matches!(prove(&der), Err(CsrError::Malformed(_))));
        assert!(matches!(prove(&vec![0x30; MAX_CSR_BYTES + 1]), Err(CsrError::TooLong)));
        let weak = openssl::rsa::Rsa::generate(1024).and_then(openssl::pkey::PKey::from_rsa).expect("key");
        let spki = weak.public_key_to_der().expect("DER");
        let der = build("x", &spki, SignatureAlgorithm::RsaSha256, |message| {
            openssl::sign::Signer::new(MessageDigest::sha256(), &weak)?.sign_oneshot_to_vec(message)
        })
        .expect("builds");
        assert!(matches!(prove(&der), Err(CsrError::Key(_))));
    }
}
