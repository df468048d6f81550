//! Ephemeral-static ECDH for CMS (RFC 5753 §3.1.1): cofactor-less Diffie-Hellman, the KDF of X9.63, AES-256 key wrap.

use openssl::aes::{AesKey, unwrap_key, wrap_key};
use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcKey, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use zeroize::Zeroizing;

use super::{Unreadable, WrapError};
use crate::keys::oid;
use crate::tlv::{self, tag};

/// id-aes256-wrap, without parameters (RFC 3565 §2.3.2).
pub(super) const AES_256_WRAP: [u8; 13] =
    [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d];

/// A curve with the digest of its KDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// DER OID of the curve.
    pub(super) fn oid_der(self) -> Vec<u8> {
        let name = match self {
            Self::P256 => oid::P256,
            Self::P384 => oid::P384,
        };
        tlv::write(tag::OID, &[name.as_bytes()])
    }

    /// DER OID of dhSinglePass-stdDH-sha256kdf-scheme or its SHA-384 sister.
    pub(super) const fn scheme_der(self) -> [u8; 8] {
        let last = match self {
            Self::P256 => 1,
            Self::P384 => 2,
        };
        [tag::OID, 6, 0x2b, 0x81, 0x04, 0x01, 0x0b, last]
    }

    pub(super) fn of(key: &PKey<Public>) -> Option<Self> {
        match key.ec_key().ok()?.group().curve_name()? {
            Nid::X9_62_PRIME256V1 => Some(Self::P256),
            Nid::SECP384R1 => Some(Self::P384),
            _ => None,
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::P256 => MessageDigest::sha256(),
            Self::P384 => MessageDigest::sha384(),
        }
    }

    /// The key that wraps the content key, from the shared secret: X9.63 with the ECC-CMS-SharedInfo of RFC 5753
    /// §7.2. 256 bits, for which one round of either digest is enough.
    fn wrapping_key(self, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let length = tlv::write(tag::CONTEXT_2, &[tlv::write(tag::OCTET_STRING, &[256_u32.to_be_bytes()])]);
        let shared_info = tlv::write(tag::SEQUENCE, &[&AES_256_WRAP[..], &length]);
        let mut hasher = Hasher::new(self.digest())?;
        hasher.update(secret)?;
        hasher.update(&1_u32.to_be_bytes())?;
        hasher.update(&shared_info)?;
        let mut key = Zeroizing::new(hasher.finish()?.to_vec());
        key.truncate(32);
        Ok(key)
    }
}

/// A content key for the holder of an EC key.
pub(super) struct Agreed {
    /// The ephemeral public key, uncompressed.
    pub(super) ephemeral: Vec<u8>,
    /// The content key, wrapped.
    pub(super) wrapped: Vec<u8>,
}

/// Wraps a content key of 32 octets.
pub(super) fn wrap(curve: Curve, recipient: &PKey<Public>, content_key: &[u8; 32]) -> Result<Agreed, WrapError> {
    let recipient_key = recipient.ec_key()?;
    let group = recipient_key.group();
    let ephemeral = EcKey::generate(group)?;
    let mut context = BigNumContext::new()?;
    let point = ephemeral.public_key().to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut context)?;
    let own = PKey::from_ec_key(ephemeral)?;
    let mut deriver = Deriver::new(&own)?;
    deriver.set_peer(recipient)?;
    let secret = Zeroizing::new(deriver.derive_to_vec()?);
    let key = curve.wrapping_key(&secret)?;
    let refused = |_| WrapError::Crypto(ErrorStack::get());
    let mut wrapped = vec![0; 40];
    wrap_key(&AesKey::new_encrypt(&key).map_err(refused)?, None, &mut wrapped, content_key).map_err(refused)?;
    Ok(Agreed { ephemeral: point, wrapped })
}

/// The content key, given the shared secret.
pub(super) fn unwrap(curve: Curve, secret: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let key = curve.wrapping_key(secret)?;
    let mut content_key = Zeroizing::new(vec![0; 32]);
    let key = AesKey::new_decrypt(&key).map_err(|_| Unreadable::Closed)?;
    unwrap_key(&key, None, &mut content_key, wrapped).map_err(|_| Unreadable::Closed)?;
    Ok(content_key)
}
