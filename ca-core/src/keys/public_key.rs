//! A public key, read once and used often.

use std::sync::LazyLock;

use const_oid::ObjectIdentifier;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use spki::AlgorithmIdentifierOwned;

use super::spki::Spki;
use super::verify::VerifyError;
use super::{SignatureAlgorithm, Sm2Id, oid, sm2};
use crate::tlv::{self, tag};

/// A public key that may have made a signature: RSA of 2048 to 8192 bits, P-256, P-384 or SM2.
///
/// Reading costs about as much as verifying, so whoever checks many signatures of one key keeps one of these.
/// Says nothing about whose key it is, nor whether it is fit for a certificate ([`super::good_key`]).
pub struct PublicKey(Material);

enum Material {
    Ec(EcKey<Public>),
    Rsa(PKey<Public>),
    Sm2(sm2::VerifyingKey),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo. An SM2 key verifies under the standard id.
    ///
    /// # Errors
    /// [`VerifyError::Key`].
    pub fn read(spki_der: &[u8]) -> Result<Self, VerifyError> {
        Self::under(spki_der, &Sm2Id::STANDARD)
    }

    /// Reads a SubjectPublicKeyInfo whose SM2 signatures are made under this id. For other keys the id
    /// means nothing.
    ///
    /// # Errors
    /// [`VerifyError::Key`].
    pub fn under(spki_der: &[u8], id: &Sm2Id) -> Result<Self, VerifyError> {
        Self::from_parts(&Spki::read(spki_der)?, id)
    }

    pub(super) fn from_parts(parts: &Spki<'_>, id: &Sm2Id) -> Result<Self, VerifyError> {
        match *parts {
            Spki::Ec { curve: oid::SM2, point } => Ok(Self(Material::Sm2(sm2::VerifyingKey::new(point, id)?))),
            Spki::Ec { curve, point } => Ok(Self(Material::Ec(ec_key(curve, point)?))),
            Spki::Rsa { modulus, exponent } => Ok(Self(Material::Rsa(rsa_key(modulus, exponent)?))),
        }
    }

    /// Checks that this key made `signature` (the content of the BIT STRING or OCTET STRING) over `message`
    /// with the algorithm that an identifier names.
    ///
    /// # Errors
    /// [`VerifyError`]; nothing about the message may be believed then.
    pub fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let algorithm = SignatureAlgorithm::from_identifier(algorithm).ok_or(VerifyError::Algorithm(algorithm.oid))?;
        self.verify_with(algorithm, message, signature)
    }

    /// [`Self::verify`] for an algorithm that is known already.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_with(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        match &self.0 {
            Material::Ec(key) if algorithm.is_ecdsa() => ecdsa(key, algorithm, message, signature),
            Material::Rsa(key) if algorithm.is_rsa() => {
                let mut verifier =
                    Verifier::new(algorithm.digest(), key).map_err(|_| VerifyError::Key("OpenSSL does not take it"))?;
                believed(verifier.verify_oneshot(signature, message))
            }
            Material::Sm2(key) if algorithm == SignatureAlgorithm::Sm2Sm3 => key.verify(message, signature),
            _ => Err(VerifyError::Key("it does not go with the signature algorithm")),
        }
    }
}

fn believed(verdict: Result<bool, ErrorStack>) -> Result<(), VerifyError> {
    if matches!(verdict, Ok(true)) { Ok(()) } else { Err(VerifyError::Signature) }
}

/// OpenSSL itself refuses r and s outside 1..n-1.
fn ecdsa(
    key: &EcKey<Public>,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let numbers = || {
        let mut fields = tlv::single(signature, tag::SEQUENCE).ok()?.reader();
        let r = tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?;
        let s = tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?;
        fields.end().ok()?;
        EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?).ok()
    };
    let signature = numbers().ok_or(VerifyError::Signature)?;
    believed(if algorithm == SignatureAlgorithm::EcdsaSha384 {
        signature.verify(&openssl::sha::sha384(message), key)
    } else {
        signature.verify(&openssl::sha::sha256(message), key)
    })
}

fn ec_key(curve: ObjectIdentifier, point: &[u8]) -> Result<EcKey<Public>, VerifyError> {
    static P256: LazyLock<Option<EcGroup>> = LazyLock::new(|| EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok());
    static P384: LazyLock<Option<EcGroup>> = LazyLock::new(|| EcGroup::from_curve_name(Nid::SECP384R1).ok());
    let group = match curve {
        oid::P256 => &P256,
        oid::P384 => &P384,
        _ => return Err(VerifyError::Key("the curve must be P-256, P-384 or that of SM2")),
    };
    let group = group.as_ref().ok_or(VerifyError::Key("OpenSSL does not know the curve"))?;
    // SEC 1 §2.3.4: one octet of zero is the point at infinity, which is no key.
    if point.len() < 2 {
        return Err(VerifyError::Key("the point is not on the curve"));
    }
    // Both curves have cofactor 1: a point on the curve, other than infinity, has the group's order. OpenSSL
    // refuses points that are off the curve.
    BigNumContext::new()
        .and_then(|mut context| EcPoint::from_bytes(group, point, &mut context))
        .and_then(|point| EcKey::from_public_key(group, &point))
        .map_err(|_| VerifyError::Key("the point is not on the curve"))
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Result<PKey<Public>, VerifyError> {
    let key = || {
        let rsa = Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?;
        PKey::from_rsa(rsa)
    };
    let key = key().map_err(|_: ErrorStack| VerifyError::Key("it is malformed"))?;
    if (2048..=8192).contains(&key.bits()) { Ok(key) } else { Err(VerifyError::Key("RSA must have 2048 to 8192 bits")) }
}
