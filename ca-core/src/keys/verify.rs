//! Checks signatures over original bytes.

use spki::AlgorithmIdentifierOwned;

use super::{PublicKey, SignatureAlgorithm};

/// Why a signature is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The algorithm is none of [`SignatureAlgorithm`], e.g. because of SHA-1.
    #[error("signature algorithm {0} is not accepted")]
    Algorithm(const_oid::ObjectIdentifier),
    /// The key is malformed, of a kind we do not take, or does not go with the algorithm.
    #[error("the public key is not accepted: {0}")]
    Key(&'static str),
    /// The signature is not one of this key over this message.
    #[error("the signature does not verify")]
    Signature,
}

/// Checks that the key of `spki_der` made `signature` (the content of the BIT STRING or OCTET STRING) over
/// `message`; SM2 keys under the standard id. Whoever checks several signatures of one key, or those of a CA
/// with another id, uses [`PublicKey`].
///
/// # Errors
/// [`VerifyError`]; nothing about the message may be believed then.
pub fn verify_signature(
    spki_der: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    PublicKey::read(spki_der)?.verify(algorithm, message, signature)
}

/// [`verify_signature`] for an algorithm that is known already.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_with(
    spki_der: &[u8],
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    PublicKey::read(spki_der)?.verify_with(algorithm, message, signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyKind;
    use crate::keys::testing::TestKey;
    use crate::tlv::{self, tag};
    use openssl::nid::Nid;
    use openssl::pkey::PKey;

    #[test]
    fn a_signature_holds_for_its_message_key_and_algorithm_only() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Sm2] {
            let (key, other) = (TestKey::new(kind), TestKey::new(kind));
            let algorithm = kind.signature_algorithm();
            let signature = key.sign(b"message");
            let verify =
                |spki: &[u8], alg, message: &[u8], signature: &[u8]| verify_with(spki, alg, message, signature);
            verify(&key.spki, algorithm, b"message", &signature).expect("genuine");
            assert!(matches!(verify(&key.spki, algorithm, b"massage", &signature), Err(VerifyError::Signature)));
            assert!(matches!(verify(&other.spki, algorithm, b"message", &signature), Err(VerifyError::Signature)));
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut bent = signature.clone();
                bent[at] ^= 1;
                assert!(verify(&key.spki, algorithm, b"message", &bent).is_err(), "{kind:?} byte {at}");
            }
            assert!(verify(&key.spki, algorithm, b"message", &[]).is_err());
            let mut long = signature.clone();
            long.push(0);
            assert!(verify(&key.spki, algorithm, b"message", &long).is_err(), "{kind:?} trailing byte");
        }
    }

    #[test]
    fn sha1_and_strange_parameters_are_refused() {
        let key = TestKey::new(KeyKind::Rsa2048);
        let signature = key.sign(b"m");
        let refuse = |oid: &str, parameters| {
            let identifier = AlgorithmIdentifierOwned { oid: oid.parse().expect("oid"), parameters };
            assert!(matches!(
                verify_signature(&key.spki, &identifier, b"m", &signature),
                Err(VerifyError::Algorithm(_))
            ));
        };
        refuse("1.2.840.113549.1.1.5", Some(der::asn1::Any::null())); // sha1WithRSAEncryption
        refuse("1.2.840.10045.4.1", None); // ecdsa-with-SHA1
        refuse("1.2.840.113549.1.1.10", None); // RSASSA-PSS
        refuse("1.2.840.113549.1.1.11", der::asn1::Any::new(der::Tag::OctetString, vec![1]).ok());
        verify_signature(&key.spki, &SignatureAlgorithm::RsaSha256.identifier(), b"m", &signature).expect("genuine");
    }

    #[test]
    fn a_key_of_the_other_family_is_refused() {
        let key = TestKey::new(KeyKind::P256);
        let signature = key.sign(b"m");
        assert!(matches!(
            verify_with(&key.spki, SignatureAlgorithm::RsaSha256, b"m", &signature),
            Err(VerifyError::Key(_))
        ));
    }

    #[test]
    fn r_or_s_of_zero_or_beyond_the_order_is_refused() {
        let key = TestKey::new(KeyKind::P256);
        let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").expect("hex");
        let signature = key.sign(b"m");
        let sequence = tlv::single(&signature, tag::SEQUENCE).expect("DER");
        let numbers = sequence.reader().rest().expect("r, s");
        for (r, s) in [
            (tlv::positive_integer(&[]), numbers[1].whole.to_vec()),
            (numbers[0].whole.to_vec(), tlv::positive_integer(&[])),
            (tlv::positive_integer(&order), numbers[1].whole.to_vec()),
            (numbers[0].whole.to_vec(), tlv::positive_integer(&order)),
        ] {
            let bent = tlv::write(tag::SEQUENCE, &[r, s]);
            assert!(verify_with(&key.spki, SignatureAlgorithm::EcdsaSha256, b"m", &bent).is_err());
        }
    }

    #[test]
    fn keys_with_trailing_bytes_or_foreign_curves_are_refused() {
        let mut spki = TestKey::new(KeyKind::P256).spki;
        spki.push(0);
        assert!(matches!(PublicKey::read(&spki), Err(VerifyError::Key(_))));
        let group = openssl::ec::EcGroup::from_curve_name(Nid::SECP256K1).expect("curve");
        let k1 = openssl::ec::EcKey::generate(&group).and_then(PKey::from_ec_key).expect("key");
        assert!(matches!(PublicKey::read(&k1.public_key_to_der().expect("DER")), Err(VerifyError::Key(_))));
    }
}
