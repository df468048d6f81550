//! A private encryption key in an envelope for one signature key (`domain.md` §1.4).
//!
//! For: the key-management centre, which wraps, and tokens, which open. SM2 keys travel as SM2EnvelopedKey
//! (GM/T 0009) and as the ENVELOPEDKEYBLOB of SKF tokens (GM/T 0016); RSA and NIST keys as their PKCS#8 in a CMS
//! AuthEnvelopedData (RFC 5083) that `openssl cms -decrypt` opens. The opener lends its signature key for one
//! [`PrivateOperation`], so that a key which never leaves its token can open as well.
//!
//! Trusts nothing in an envelope. Never says that an envelope is from the centre: neither form is signed. What is
//! believed is the certificate, so [`open`] gives a key only if it is the certificate's.

mod agreement;
mod cms;
mod key;
mod skf;
mod sm2;
pub mod software;
#[cfg(test)]
mod tests;

use openssl::error::ErrorStack;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

pub use key::{EncryptionKey, KeyError};
pub use skf::BLOB_BYTES;

use crate::escrow::port::Envelope;
use crate::keys::sm2::point_of;
use crate::keys::{KeyKind, good_key};
use crate::service::protocol::Blob;
use crate::tlv::TlvError;

/// The longest envelope that is read: one over an RSA-4096 key takes about 3,300 octets.
pub const MAX_ENVELOPE_BYTES: usize = 8 * 1024;

/// What the holder of the signature key must do once to open an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateOperation<'a> {
    /// Decrypt a DER SM2Cipher (GM/T 0009); the answer has 16 octets.
    Sm2Decrypt(&'a [u8]),
    /// Decrypt RSAES-OAEP with SHA-1 and MGF1-SHA-1 and no label, the form that every PKCS#11 module has; the answer
    /// has 32 octets.
    RsaOaep(&'a [u8]),
    /// Multiply this uncompressed point of the key's own curve by the private key (ECDH, CKD_NULL); the answer is
    /// the x coordinate in the full length of the field.
    Ecdh(&'a [u8]),
}

/// Why a key was not wrapped.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// The recipient's key is not one that we take, or not of a kind that can carry this key.
    #[error("the recipient's key: {0}")]
    Recipient(String),
    /// OpenSSL refused.
    #[error("wrapping: {0}")]
    Crypto(#[from] ErrorStack),
}

/// Why an envelope was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E> {
    /// Not an envelope of the form that we write.
    #[error("not an envelope that we take: {0}")]
    Malformed(String),
    /// The signature key did not do its part.
    #[error("the signature key")]
    Private(#[source] E),
    /// It is for another signature key, or was changed: the two look alike.
    #[error("the envelope is for another key, or was changed")]
    Closed,
    /// What is inside is not the private key of the certificate.
    #[error("the key in the envelope is not the certificate's")]
    OtherKey,
}

impl<E> From<Unreadable> for OpenError<E> {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Malformed(why) => Self::Malformed(why),
            Unreadable::Closed => Self::Closed,
        }
    }
}

/// [`OpenError`] where nobody's key was asked.
#[derive(Debug)]
enum Unreadable {
    Malformed(String),
    Closed,
}

impl From<TlvError> for Unreadable {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<ErrorStack> for Unreadable {
    fn from(_: ErrorStack) -> Self {
        Self::Closed
    }
}

fn malformed(why: &str) -> Unreadable {
    Unreadable::Malformed(why.to_owned())
}

/// Wraps `key` so that only the private half of `recipient_spki` (DER SubjectPublicKeyInfo) opens it. An SM2 key
/// goes to an SM2 key, any other to RSA, P-256 or P-384. What `rng` gives is used up: nothing is encrypted under the
/// same content key twice. OpenSSL's own generator makes the ephemeral EC key and the OAEP padding.
///
/// # Errors
/// [`WrapError`].
pub fn wrap<R: RngCore + CryptoRng + ?Sized>(
    key: &EncryptionKey,
    recipient_spki: &[u8],
    rng: &mut R,
) -> Result<Envelope, WrapError> {
    let recipient = good_key::check(recipient_spki).map_err(|error| WrapError::Recipient(error.to_string()))?;
    if (key.kind() == KeyKind::Sm2) != (recipient == KeyKind::Sm2) {
        return Err(WrapError::Recipient("an SM2 key goes to an SM2 key, and no other key does".into()));
    }
    let (Some(scalar), Some(own), Some(recipient)) =
        (key.sm2_scalar(), point_of(key.spki_der()), point_of(recipient_spki))
    else {
        return Ok(Envelope { message: Blob(cms::write(key.pkcs8_der(), recipient_spki, rng)?), skf: None });
    };
    let wrapped = sm2::Wrapped::make(&scalar, own, recipient, rng)?;
    Ok(Envelope { message: Blob(wrapped.to_der()), skf: Some(Blob(skf::write(&wrapped))) })
}

/// Opens the message of an [`Envelope`]. `certified_spki` is the DER SubjectPublicKeyInfo of the encryption
/// certificate; `private` does what the signature key must do.
///
/// # Errors
/// [`OpenError`]; nothing of the envelope may be used then.
pub fn open<E>(
    message: &[u8],
    certified_spki: &[u8],
    private: impl FnOnce(PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, E>,
) -> Result<EncryptionKey, OpenError<E>> {
    if message.len() > MAX_ENVELOPE_BYTES {
        return Err(OpenError::Malformed(format!("longer than {MAX_ENVELOPE_BYTES} octets")));
    }
    let key = if point_of(certified_spki).is_some() {
        open_sm2(&sm2::Wrapped::from_der(message).map_err(OpenError::from)?, private)?
    } else {
        let sealed = cms::read(message).map_err(OpenError::from)?;
        let answer = private(sealed.operation()).map_err(OpenError::Private)?;
        let pkcs8 = sealed.open(&answer).map_err(OpenError::from)?;
        EncryptionKey::from_pkcs8(pkcs8).map_err(|_| OpenError::Closed)?
    };
    certified(key, certified_spki)
}

/// Opens an ENVELOPEDKEYBLOB in software, as an SKF token does it inside.
///
/// # Errors
/// See [`open`].
pub fn open_skf<E>(
    blob: &[u8],
    certified_spki: &[u8],
    private: impl FnOnce(PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, E>,
) -> Result<EncryptionKey, OpenError<E>> {
    let wrapped = skf::read(blob).map_err(OpenError::from)?;
    certified(open_sm2(&wrapped, private)?, certified_spki)
}

fn open_sm2<E>(
    wrapped: &sm2::Wrapped,
    private: impl FnOnce(PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, E>,
) -> Result<EncryptionKey, OpenError<E>> {
    let answer = private(PrivateOperation::Sm2Decrypt(&wrapped.cipher_der())).map_err(OpenError::Private)?;
    let scalar = wrapped.open(&answer).map_err(OpenError::from)?;
    let key = EncryptionKey::from_sm2_scalar(&scalar).map_err(|_| OpenError::Closed)?;
    if point_of(key.spki_der()) == Some(wrapped.public) { Ok(key) } else { Err(OpenError::Closed) }
}

fn certified<E>(key: EncryptionKey, spki: &[u8]) -> Result<EncryptionKey, OpenError<E>> {
    if key.spki_der() == spki { Ok(key) } else { Err(OpenError::OtherKey) }
}
