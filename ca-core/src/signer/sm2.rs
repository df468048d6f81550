//! SM2 private keys in memory.

use sm2::dsa::SigningKey;
use sm2::dsa::signature::hazmat::PrehashSigner as _;
use sm2::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use sm2::{NonZeroScalar, Scalar, SecretKey};
use zeroize::Zeroizing;

use super::SignError;
use super::soft::SealError;
use crate::keys::Sm2Id;
use crate::keys::sm2::{Hasher, Point, signature_der};

/// A private key that is ready to sign. No Debug; overwritten when dropped.
pub(super) struct Sm2Key {
    signing: SigningKey,
    public: Point,
}

impl Sm2Key {
    /// Makes a new key from OpenSSL's private generator.
    pub(super) fn generate() -> Result<Self, SealError> {
        let mut secret = Zeroizing::new([0; 32]);
        loop {
            openssl::rand::rand_priv_bytes(&mut *secret)?;
            // GM/T 0003.1 §6.1: drawn again until it lies in 1..n-2.
            if let Ok(secret) = SecretKey::from_slice(&*secret)
                && !is_last(&secret)
            {
                return Self::new(&secret);
            }
        }
    }

    fn new(secret: &SecretKey) -> Result<Self, SealError> {
        let broken = || SealError::Crypto("not an SM2 key".into());
        if is_last(secret) {
            return Err(broken());
        }
        // The id stands in Z, which `Hasher` computes; this one is not used.
        let signing = SigningKey::new("", secret).map_err(|_| broken())?;
        let uncompressed = signing.verifying_key().to_sec1_bytes();
        let public = uncompressed.get(1..).and_then(|point| point.try_into().ok()).ok_or_else(broken)?;
        Ok(Self { signing, public })
    }

    /// The key in a PKCS#8 PrivateKeyInfo.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, SealError> {
        Self::new(&SecretKey::from_pkcs8_der(der).map_err(|error| SealError::Crypto(error.to_string()))?)
    }

    /// PKCS#8 PrivateKeyInfo.
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let secret = SecretKey::from(self.signing.as_nonzero_scalar());
        let der = secret.to_pkcs8_der().map_err(|error| SealError::Crypto(error.to_string()))?;
        Ok(der.to_bytes())
    }

    pub(super) const fn public(&self) -> &Point {
        &self.public
    }

    pub(super) fn hasher(&self, id: &Sm2Id) -> Hasher {
        Hasher::new(id, &self.public)
    }

    /// Signs e. The nonce comes from key and e (RFC 6979 with SM3), so no generator can weaken it.
    pub(super) fn sign(&self, e: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::Retry("SM2 found no signature".into());
        let signature = self.signing.sign_prehash(e).map_err(failed)?;
        Ok(signature_der(&signature.to_bytes().into()))
    }
}

/// Whether the key is n-1, for which 1 + d has no inverse.
fn is_last(secret: &SecretKey) -> bool {
    *secret.to_nonzero_scalar() + Scalar::ONE == Scalar::ZERO
}

impl Drop for Sm2Key {
    fn drop(&mut self) {
        // `SigningKey` does not wipe itself: the key 1 is written over it, and the compiler told that it is read.
        let one = NonZeroScalar::new(Scalar::ONE).into_option();
        if let Some(Ok(other)) = one.map(|one| SigningKey::from_nonzero_scalar("", one)) {
            self.signing = other;
            std::hint::black_box(&self.signing);
        }
    }
}
