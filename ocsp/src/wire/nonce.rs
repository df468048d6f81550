//! The nonce that ties an answer to its question (RFC 9654).

use der::asn1::OctetStringRef;
use der::{Decode as _, Encode as _};

use super::WireError;

/// The longest nonce accepted, in octets (RFC 9654 §2.1).
pub const MAX_NONCE: usize = 128;

/// A nonce of 1 to 128 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce<'a>(&'a [u8]);

impl<'a> Nonce<'a> {
    /// Takes the octets themselves.
    ///
    /// # Errors
    /// [`WireError::NonceLength`].
    pub fn new(octets: &'a [u8]) -> Result<Self, WireError> {
        if (1..=MAX_NONCE).contains(&octets.len()) {
            Ok(Self(octets))
        } else {
            Err(WireError::NonceLength(octets.len()))
        }
    }

    /// Reads an extension's value: an OCTET STRING in the OCTET STRING.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn from_extension_value(value: &'a [u8]) -> Result<Self, WireError> {
        Self::new(<&OctetStringRef>::from_der(value)?.as_bytes())
    }

    /// The octets.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn to_extension_value(self) -> Result<Vec<u8>, WireError> {
        Ok(OctetStringRef::new(self.0)?.to_der()?)
    }
}
