//! Public keys as tokens give them, turned into SubjectPublicKeyInfo.

use ca_core::domain::{KeyKind, Sha256};
use ca_core::keys::good_key::{self, KeyRefusal};
use ca_core::keys::verify::verify_with;
use ca_core::x509::{Parts, X509Error};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;

use super::KeyId;

/// The public half of a key that may stand in a certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: KeyKind,
    spki_der: Vec<u8>,
}

/// A public key that we do not take, or bytes that are none.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// Of another kind, too weak, or no key at all.
    #[error(transparent)]
    Refused(#[from] KeyRefusal),
    /// Not a certificate.
    #[error("not a certificate: {0}")]
    Certificate(#[from] X509Error),
    /// What the token tells makes no key.
    #[error("not a public key: {0}")]
    Malformed(#[from] openssl::error::ErrorStack),
}

impl PublicKey {
    /// From DER SubjectPublicKeyInfo, as in a certificate or request.
    ///
    /// # Errors
    /// [`PublicKeyError`]: the caller passes such a key over.
    pub fn from_spki(spki_der: &[u8]) -> Result<Self, PublicKeyError> {
        Ok(Self { algorithm: good_key::check(spki_der)?, spki_der: spki_der.to_vec() })
    }

    /// From the subject's key of a DER certificate.
    ///
    /// # Errors
    /// [`PublicKeyError`]: the caller passes such a certificate over.
    pub fn of_certificate(der: &[u8]) -> Result<Self, PublicKeyError> {
        Self::from_spki(Parts::read(der)?.tbs.spki)
    }

    /// From a point on P-256 in SEC 1 form (the content of CKA_EC_POINT).
    pub(super) fn from_p256_point(point: &[u8]) -> Result<Self, PublicKeyError> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, point, &mut context)?;
        Self::from_key(&PKey::from_ec_key(EcKey::from_public_key(&group, &point)?)?)
    }

    /// From CKA_MODULUS and CKA_PUBLIC_EXPONENT.
    pub(super) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, PublicKeyError> {
        let rsa = Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?;
        Self::from_key(&PKey::from_rsa(rsa)?)
    }

    fn from_key(key: &PKey<Public>) -> Result<Self, PublicKeyError> {
        Self::from_spki(&key.public_key_to_der()?)
    }

    /// Its kind.
    #[must_use]
    pub const fn algorithm(&self) -> KeyKind {
        self.algorithm
    }

    /// DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_sha256(&self) -> Sha256 {
        Sha256(openssl::sha::sha256(&self.spki_der))
    }

    /// SHA-1 of the SubjectPublicKeyInfo: a name by custom of CKA_ID, not a protection.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(openssl::sha::sha1(&self.spki_der).to_vec())
    }

    /// Whether a signature by [`super::Session::sign`] verifies.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        verify_with(&self.spki_der, self.algorithm.signature_algorithm(), message, signature).is_ok()
    }
}
