//! Signed statements: CMS SignedData (RFC 5652) around the signed bytes themselves; by SM2 keys in the OIDs of
//! GM/T 0010 (GB/T 35275), under the standard id.
//!
//! For: orders, approvals, logins, key bindings. One form only: the content inside, one signer, the signer's
//! certificate inside, signed attributes; so that `openssl cms -verify` can check a kept message without us, but for SM2, which it cannot read.
//! [`verify_as`] reads what other programs sign, for whoever verifies on behalf of others; [`sign_as`] wraps other
//! content than data: time stamps.
//! Trusts nothing in the message. Never says who the signer is: the caller asks [`crate::chain`] and the
//! registry; and never believes `signingTime`, which is the signer's claim. One kind is made and not read here: the detached one
//! of a sealed PDF, which PDF readers judge.

mod sign;
mod verify;

use const_oid::ObjectIdentifier;
use openssl::hash::{MessageDigest, hash};

pub use sign::{SignMessageError, Wrapping, algorithm_for, sign, sign_as, sign_detached};
pub use verify::{Expected, verify, verify_as};

use crate::domain::Timestamp;
use crate::keys::SignatureAlgorithm;
use crate::keys::verify::VerifyError;
use crate::tlv::TlvError;
use crate::x509::X509Error;

/// The longest message we read: a 64 KiB statement with certificate and signature, with room.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
// GM/T 0010 §6: the same two under its own arc.
const GM_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.1");
const GM_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// What a message says, once its signature is known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The bytes that were signed.
    pub content: Vec<u8>,
    /// DER of the certificate whose key signed them. Not yet checked against anything.
    pub certificate: Vec<u8>,
    /// When the signer claims to have signed.
    pub signing_time: Timestamp,
}

/// [`Signed`] of a message of any program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The bytes that were signed.
    pub content: Vec<u8>,
    /// DER of the certificate whose key signed them. Not yet checked against anything.
    pub certificate: Vec<u8>,
    /// With which algorithm.
    pub algorithm: SignatureAlgorithm,
    /// When the signer claims to have signed, if they do.
    pub signing_time: Option<Timestamp>,
}

/// Why a message is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("the message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// Not DER, or not the structure.
    #[error("not a signed message: {0}")]
    Malformed(String),
    /// A form of CMS that we do not take: detached, several signers, no attributes, another digest.
    #[error("not the form of signed message that we take: {0}")]
    Form(&'static str),
    /// The message digest or the certificate's digest is another.
    #[error("the signed attributes belong to another {0}")]
    Digest(&'static str),
    /// The signature does not verify.
    #[error("the message's signature: {0}")]
    Signature(#[from] VerifyError),
}

impl From<TlvError> for CmsError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<X509Error> for CmsError {
    fn from(error: X509Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

fn digest_bytes(digest: MessageDigest, message: &[u8]) -> Result<Vec<u8>, CmsError> {
    // Fails only when OpenSSL is out of memory.
    hash(digest, message).map(|bytes| bytes.to_vec()).map_err(|_| CmsError::Form("the digest cannot be computed"))
}

#[cfg(test)]
mod tests;
