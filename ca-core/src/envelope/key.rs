//! A private encryption key on its way between the centre and a token.

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;
use rand::{CryptoRng, RngCore};
use sm2::elliptic_curve::Generate as _;
use sm2::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use zeroize::Zeroizing;

use super::sm2::Modern;
use crate::keys::sm2::spki_of;
use crate::keys::{KeyKind, good_key};

/// A private key that decrypts. Overwritten when dropped; no Debug, no Display, no serde.
pub struct EncryptionKey {
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
    kind: KeyKind,
}

/// Why bytes are not a key, or none could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not the PKCS#8 of a key that we take, or its halves do not go together.
    #[error("not a private key that we take")]
    Unreadable,
    /// OpenSSL refused.
    #[error("making a key: {0}")]
    Crypto(#[from] ErrorStack),
}

impl EncryptionKey {
    /// Makes a new key. `rng` makes SM2 keys; RSA and NIST keys come from OpenSSL's own generator.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn generate<R: RngCore + CryptoRng + ?Sized>(kind: KeyKind, rng: &mut R) -> Result<Self, KeyError> {
        let ec = |curve| {
            EcGroup::from_curve_name(curve).and_then(|group| EcKey::generate(&group)).and_then(PKey::from_ec_key)
        };
        let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa);
        let private = match kind {
            KeyKind::P256 => ec(Nid::X9_62_PRIME256V1)?,
            KeyKind::P384 => ec(Nid::SECP384R1)?,
            KeyKind::Rsa2048 => rsa(2048)?,
            KeyKind::Rsa3072 => rsa(3072)?,
            KeyKind::Rsa4096 => rsa(4096)?,
            KeyKind::Sm2 => {
                let Ok(secret) = sm2::SecretKey::try_generate_from_rng(&mut Modern(rng));
                return Self::from_sm2(&secret);
            }
        };
        let spki = private.public_key_to_der()?;
        Ok(Self { pkcs8: Zeroizing::new(private.private_key_to_pkcs8()?), spki, kind })
    }

    /// Reads a PKCS#8 key and checks that its halves go together.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        // The sm2 crate reads its own curve alone, and checks a public half that stands there against the private.
        if let Ok(secret) = sm2::SecretKey::from_pkcs8_der(&pkcs8) {
            return Self::from_sm2(&secret);
        }
        let private = PKey::private_key_from_pkcs8(&pkcs8).map_err(|_| KeyError::Unreadable)?;
        let sound = match private.id() {
            Id::RSA => private.rsa()?.check_key()?,
            Id::EC => private.ec_key()?.check_key().is_ok(),
            _ => false,
        };
        let spki = private.public_key_to_der()?;
        let kind = good_key::check(&spki).map_err(|_| KeyError::Unreadable)?;
        if sound { Ok(Self { pkcs8, spki, kind }) } else { Err(KeyError::Unreadable) }
    }

    pub(super) fn from_sm2_scalar(scalar: &[u8]) -> Result<Self, KeyError> {
        Self::from_sm2(&sm2::SecretKey::from_slice(scalar).map_err(|_| KeyError::Unreadable)?)
    }

    fn from_sm2(secret: &sm2::SecretKey) -> Result<Self, KeyError> {
        let pkcs8 = secret.to_pkcs8_der().map_err(|_| KeyError::Unreadable)?;
        let sec1 = secret.public_key().to_sec1_bytes();
        let point = sec1.get(1..).and_then(|point| point.try_into().ok()).ok_or(KeyError::Unreadable)?;
        Ok(Self { pkcs8: pkcs8.to_bytes(), spki: spki_of(point), kind: KeyKind::Sm2 })
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// DER SubjectPublicKeyInfo of the public half.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The private key as PKCS#8, for a token to import or the centre to seal.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The scalar of an SM2 key, 32 octets.
    pub(super) fn sm2_scalar(&self) -> Option<Zeroizing<[u8; 32]>> {
        if self.kind != KeyKind::Sm2 {
            return None;
        }
        let secret = sm2::SecretKey::from_pkcs8_der(&self.pkcs8).ok()?;
        Some(Zeroizing::new(secret.to_bytes().into()))
    }
}
