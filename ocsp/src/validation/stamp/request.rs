//! TimeStampReq: reading it, or the failure by which RFC 3161 §2.4.2 names what is wrong.

use ca_core::keys::oid;
use ca_core::tlv::{self, Element, tag};
use const_oid::ObjectIdentifier;
use der::Decode as _;

use crate::stamp::Imprint;

/// The longest request that is read.
pub(in crate::validation) const MAX_REQUEST: usize = 4096;
/// The longest nonce, in octets.
const MAX_NONCE: usize = 64;

const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Why a request gets no stamp: PKIFailureInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{self:?}")]
pub(in crate::validation) enum Refusal {
    /// The hash algorithm is not taken.
    BadAlg,
    /// Another version, or too long.
    BadRequest,
    /// No request, or an imprint of another length than its algorithm's.
    BadDataFormat,
    /// The clock cannot be relied on.
    TimeNotAvailable,
    /// Another policy was asked for.
    UnacceptedPolicy,
    /// There are extensions.
    UnacceptedExtension,
    /// The key or something else of ours.
    SystemFailure,
}

impl Refusal {
    /// All of them.
    pub(in crate::validation) const ALL: [Self; 7] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::SystemFailure,
    ];

    /// Its name in the standard.
    pub(in crate::validation) const fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::SystemFailure => "systemFailure",
        }
    }

    /// Its bit (RFC 3161 §2.4.2).
    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::BadAlg => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::SystemFailure => 25,
        }
    }

    /// What is said beside it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::BadAlg => "the hash must be SHA-256, SHA-384, SHA-512 or SM3",
            Self::BadRequest => "not a request of version 1, or too long",
            Self::BadDataFormat => {
                "not a time-stamp request in DER, or the hash has another length than its algorithm's"
            }
            Self::TimeNotAvailable => "the clock was set back; ask again later",
            Self::UnacceptedPolicy => "stamps are given under another policy",
            Self::UnacceptedExtension => "extensions are not taken",
            Self::SystemFailure => "no stamp can be made now",
        }
    }
}

/// Reads an imprint whose hash has its algorithm's length.
fn imprint(element: Element<'_>) -> Result<Imprint, Refusal> {
    let bad = |_| Refusal::BadDataFormat;
    let mut fields = element.reader();
    let mut algorithm = fields.expect(tag::SEQUENCE).map_err(bad)?.reader();
    let name = name_of(algorithm.expect(tag::OID).map_err(bad)?)?;
    let hash = fields.expect(tag::OCTET_STRING).map_err(bad)?.content;
    fields.end().map_err(bad)?;
    let length = match name {
        oid::SHA256 | oid::SM3 => 32,
        oid::SHA384 => 48,
        SHA512 => 64,
        _ => return Err(Refusal::BadAlg),
    };
    // RFC 3161 §2.4.1: what the TSA can tell of the hash without the data.
    let plain = algorithm.optional(tag::NULL).map_err(bad)?.is_none_or(|null| null.content.is_empty());
    algorithm.end().map_err(bad)?;
    if hash.len() != length || !plain {
        return Err(Refusal::BadDataFormat);
    }
    Ok(Imprint::found(element.whole))
}

fn name_of(element: Element<'_>) -> Result<ObjectIdentifier, Refusal> {
    ObjectIdentifier::from_der(element.whole).map_err(|_| Refusal::BadDataFormat)
}

/// A request that can be granted.
#[derive(Debug)]
pub(super) struct StampRequest<'a> {
    pub(super) imprint: Imprint,
    pub(super) policy: Option<ObjectIdentifier>,
    /// Its INTEGER, with tag and length.
    pub(super) nonce: Option<&'a [u8]>,
    pub(super) certificate: bool,
}

impl<'a> StampRequest<'a> {
    /// ```text
    /// TimeStampReq ::= SEQUENCE { version INTEGER { v1(1) }, messageImprint MessageImprint, reqPolicy OID OPTIONAL,
    ///                             nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE,
    ///                             extensions [0] IMPLICIT Extensions OPTIONAL }
    /// ```
    pub(super) fn read(der: &'a [u8]) -> Result<Self, Refusal> {
        if der.len() > MAX_REQUEST {
            return Err(Refusal::BadRequest);
        }
        let bad = |_| Refusal::BadDataFormat;
        let mut fields = tlv::single(der, tag::SEQUENCE).map_err(bad)?.reader();
        if fields.expect(tag::INTEGER).map_err(bad)?.content != [1] {
            return Err(Refusal::BadRequest);
        }
        let imprint = imprint(fields.expect(tag::SEQUENCE).map_err(bad)?)?;
        let policy = fields.optional(tag::OID).map_err(bad)?;
        let policy = policy.map(name_of).transpose()?;
        let nonce = fields.optional(tag::INTEGER).map_err(bad)?;
        if nonce.is_some_and(|nonce| nonce.content.is_empty() || nonce.content.len() > MAX_NONCE) {
            return Err(Refusal::BadDataFormat);
        }
        let certificate = match fields.optional(tag::BOOLEAN).map_err(bad)?.map(|wanted| wanted.content) {
            None | Some([0]) => false,
            Some([_]) => true,
            Some(_) => return Err(Refusal::BadDataFormat),
        };
        if fields.optional(tag::CONTEXT_0).map_err(bad)?.is_some() {
            return Err(Refusal::UnacceptedExtension);
        }
        fields.end().map_err(bad)?;
        Ok(Self { imprint, policy, nonce: nonce.map(|nonce| nonce.whole), certificate })
    }
}
