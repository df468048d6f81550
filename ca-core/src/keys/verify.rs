//! Checks signatures over original bytes.

use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use spki::AlgorithmIdentifierOwned;

use super::SignatureAlgorithm;
use crate::tlv::{self, tag};

/// The longest SubjectPublicKeyInfo we read; RSA of 8192 bits takes about 1,060.
const MAX_SPKI_BYTES: usize = 2048;

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
/// `message`. Says nothing about whose key it is, nor whether it is fit for a certificate ([`super::good_key`]).
///
/// # Errors
/// [`VerifyError`]; nothing about the message may be believed then.
pub fn verify_signature(
    spki_der: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let algorithm = SignatureAlgorithm::from_identifier(algorithm).ok_or(VerifyError::Algorithm(algorithm.oid))?;
    verify_with(spki_der, algorithm, message, signature)
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
    let key = public_key(spki_der)?;
    if (key.id() == Id::EC) != algorithm.is_ecdsa() {
        return Err(VerifyError::Key("it does not go with the signature algorithm"));
    }
    let mut verifier =
        Verifier::new(algorithm.digest(), &key).map_err(|_| VerifyError::Key("OpenSSL does not take it"))?;
    verifier.update(message).map_err(|_| VerifyError::Signature)?;
    match verifier.verify(signature) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(VerifyError::Signature),
    }
}

/// Reads a key that may have made a signature: RSA of 2048 to 8192 bits, P-256 or P-384.
pub(super) fn public_key(spki_der: &[u8]) -> Result<PKey<Public>, VerifyError> {
    if spki_der.len() > MAX_SPKI_BYTES {
        return Err(VerifyError::Key("it is too long"));
    }
    tlv::single(spki_der, tag::SEQUENCE).map_err(|_| VerifyError::Key("it is not DER"))?;
    let key = PKey::public_key_from_der(spki_der).map_err(|_| VerifyError::Key("it is malformed"))?;
    match key.id() {
        Id::RSA if (2048..=8192).contains(&key.bits()) => Ok(key),
        Id::RSA => Err(VerifyError::Key("RSA must have 2048 to 8192 bits")),
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|ec| ec.group().curve_name());
            if matches!(curve, Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1)) {
                Ok(key)
            } else {
                Err(VerifyError::Key("the curve must be P-256 or P-384"))
            }
        }
        _ => Err(VerifyError::Key("it must be RSA or ECDSA")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyKind;
    use crate::keys::testing::TestKey;

    #[test]
    fn a_signature_holds_for_its_message_key_and_algorithm_only() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
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
        assert!(matches!(public_key(&spki), Err(VerifyError::Key(_))));
        let group = openssl::ec::EcGroup::from_curve_name(Nid::SECP256K1).expect("curve");
        let k1 = openssl::ec::EcKey::generate(&group).and_then(PKey::from_ec_key).expect("key");
        assert!(matches!(public_key(&k1.public_key_to_der().expect("DER")), Err(VerifyError::Key(_))));
    }
}
