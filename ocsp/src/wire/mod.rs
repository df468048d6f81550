//! OCSP requests and responses as bytes (RFC 6960, RFC 5019, RFC 9654).
//!
//! For: the responder and whoever asks it. Trusts nothing: all input is strict DER with bounded counts, and a
//! parse allocates at most one small list. Never does I/O, never verifies a signature, never reads a clock.

mod cert_id;
mod nonce;
mod out;
mod request;
mod response;

pub use cert_id::{CertId, HashAlgorithm, IssuerHashes, Octets};
pub use nonce::{MAX_NONCE, Nonce};
pub use request::{Asked, MAX_ASKED, OcspRequest, encode_request, plain_cert_id};
pub use response::{
    BasicResponse, Failure, Reply, ResponderId, Single, Standing, assemble, encode_response_data, parse_reply,
    responder_key_hash,
};

use const_oid::ObjectIdentifier;
use der::asn1::OctetStringRef;
use der::{Decode, Encode, Length, Reader, Sequence, Writer};

/// id-pkix-ocsp-basic.
pub const ID_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-nonce.
pub const ID_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// id-pkix-ocsp-nocheck: on a responder certificate, that nobody need ask about it.
pub const ID_NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
/// id-pkix-ocsp-archive-cutoff.
pub const ID_ARCHIVE_CUTOFF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.6");
/// id-kp-OCSPSigning.
pub const ID_OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");

/// Why bytes are no request or response that we accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not the structure, or not DER.
    #[error("not strict DER of the expected structure: {0}")]
    Der(#[from] der::Error),
    /// More certificates than one request may ask about, or none.
    #[error("{0} certificates in one request; 1 to {MAX_ASKED} are accepted")]
    Count(usize),
    /// A nonce outside 1 to 128 octets (RFC 9654 §2.1).
    #[error("a nonce of {0} octets; 1 to {MAX_NONCE} are accepted")]
    NonceLength(usize),
    /// An extension that appears twice.
    #[error("extension {0} appears twice")]
    Repeated(ObjectIdentifier),
    /// A critical extension that we do not know.
    #[error("critical extension {0} is not understood")]
    Critical(ObjectIdentifier),
    /// A serial number, hash or moment that cannot be.
    #[error("{0} cannot be")]
    Value(&'static str),
}

/// An extension, borrowed.
#[derive(Clone, Copy, Debug, Sequence)]
pub(crate) struct ExtensionRef<'a> {
    pub(crate) id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    pub(crate) critical: bool,
    pub(crate) value: &'a OctetStringRef,
}

/// One whole DER value, kept as it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> Decode<'a> for Raw<'a> {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> Result<Self, der::Error> {
        reader.tlv_bytes().map(Self)
    }
}

impl Encode for Raw<'_> {
    fn encoded_len(&self) -> Result<Length, der::Error> {
        Length::try_from(self.0.len())
    }

    fn encode(&self, writer: &mut impl Writer) -> Result<(), der::Error> {
        writer.write(self.0)
    }
}
