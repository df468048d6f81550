//! TSTInfo, the answer around a token, and proving a token again.

use ca_core::chain::{Anchors, ChainError, Purpose};
use ca_core::cms::{self, CmsError, Expected};
use ca_core::domain::Timestamp;
use ca_core::tlv::{self, TlvError, tag};
use const_oid::ObjectIdentifier;
use der::asn1::GeneralizedTime;
use der::{Decode as _, Encode as _};

use super::TST_INFO;
use super::request::{Imprint, Refusal};

/// What a stamp says.
pub(super) struct Info<'a> {
    pub(super) policy: ObjectIdentifier,
    pub(super) imprint: &'a Imprint,
    /// Big-endian, positive.
    pub(super) serial: &'a [u8],
    pub(super) at: Timestamp,
    pub(super) accuracy_seconds: u8,
    pub(super) nonce: Option<&'a [u8]>,
}

/// ```text
/// TSTInfo ::= SEQUENCE { version INTEGER { v1(1) }, policy TSAPolicyId, messageImprint MessageImprint,
///                        serialNumber INTEGER, genTime GeneralizedTime, accuracy Accuracy OPTIONAL,
///                        ordering BOOLEAN DEFAULT FALSE, nonce INTEGER OPTIONAL, … }
/// ```
///
/// `None` for a moment before 1970.
pub(super) fn info(info: &Info<'_>) -> Option<Vec<u8>> {
    let seconds = u64::try_from(info.at.unix()).ok()?;
    let time = GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds)).ok()?.to_der().ok()?;
    let accuracy = tlv::write(tag::SEQUENCE, &[tlv::positive_integer(&[info.accuracy_seconds])]);
    Some(tlv::write(
        tag::SEQUENCE,
        &[
            &[tag::INTEGER, 1, 1][..],
            &tlv::write(tag::OID, &[info.policy.as_bytes()]),
            info.imprint.der(),
            &tlv::positive_integer(info.serial),
            &time,
            &accuracy,
            info.nonce.unwrap_or_default(),
        ],
    ))
}

/// TimeStampResp with a token.
pub(super) fn granted(token: &[u8]) -> Vec<u8> {
    const GRANTED: &[u8] = &[tag::INTEGER, 1, 0];
    tlv::write(tag::SEQUENCE, &[&tlv::write(tag::SEQUENCE, &[GRANTED])[..], token])
}

/// TimeStampResp without: status `rejection`, in words and by the failure's bit.
pub(super) fn refused(refusal: Refusal) -> Vec<u8> {
    const REJECTION: &[u8] = &[tag::INTEGER, 1, 2];
    let words = tlv::write(tag::SEQUENCE, &[tlv::write(tag::UTF8_STRING, &[refusal.text()])]);
    // A named BIT STRING has no zeros at its end (X.690 §11.2.2).
    let (octets, bit) = (refusal.bit() / 8, refusal.bit() % 8);
    let mut failure = vec![7 - bit];
    failure.extend(std::iter::repeat_n(0, usize::from(octets)));
    failure.push(0x80 >> bit);
    let failure = tlv::write(tag::BIT_STRING, &[failure]);
    tlv::write(tag::SEQUENCE, &[tlv::write(tag::SEQUENCE, &[REJECTION, &words, &failure])])
}

/// Why a stamp proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// The message around it.
    #[error(transparent)]
    Message(#[from] CmsError),
    /// What it says cannot be read.
    #[error("it cannot be read: {0}")]
    Malformed(String),
    /// It is over something else.
    #[error("it is over other bytes")]
    OtherBytes,
    /// Whose it is.
    #[error("its signer's certificate: {0}")]
    Signer(#[from] ChainError),
}

impl From<TlvError> for StampError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// When a token says that these bytes were there; by SHA-256, with its certificate inside, of a time-stamping authority
/// under these CAs that was good at that moment.
///
/// # Errors
/// [`StampError`].
pub(in crate::validation) fn prove(token: &[u8], bytes: &[u8], anchors: &Anchors) -> Result<Timestamp, StampError> {
    let expected = Expected { content_type: Some(TST_INFO), content: None, certificate: None, strict: false };
    let signed = cms::verify_as(token, &expected)?;
    let mut fields = tlv::single(&signed.content, tag::SEQUENCE)?.reader();
    let (_version, _policy) = (fields.expect(tag::INTEGER)?, fields.expect(tag::OID)?);
    if fields.expect(tag::SEQUENCE)?.whole != Imprint::sha256(bytes).der() {
        return Err(StampError::OtherBytes);
    }
    let _serial = fields.expect(tag::INTEGER)?;
    let at = GeneralizedTime::from_der(fields.expect(tag::GENERALIZED_TIME)?.whole)
        .map_err(|error| StampError::Malformed(error.to_string()))?;
    let at = Timestamp::from_unix(i64::try_from(at.to_unix_duration().as_secs()).unwrap_or(i64::MAX));
    anchors.verify_for(&signed.certificate, at, Purpose::TimeStamping)?;
    Ok(at)
}
