//! TSTInfo, and the answer around a token.

use ca_core::domain::Timestamp;
use ca_core::tlv::{self, tag};
use const_oid::ObjectIdentifier;
use der::Encode as _;
use der::asn1::GeneralizedTime;

use super::request::Refusal;
use crate::stamp::Imprint;

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
