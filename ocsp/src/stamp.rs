//! Time stamps (RFC 3161) as a relying party has them: the request, what an answer holds, and proving a token again.
//!
//! Pure: bytes, CA certificates and a moment in, a verdict out; no clock, no network. Trusts nothing in an answer. A stamp is
//! believed when it is over the very hash, signed by a certificate for time stamps alone that was good at its moment under the
//! given CAs, and, as long as the question is at hand, when it answers that question (nonce).

use ca_core::chain::{Anchors, ChainError, Purpose};
use ca_core::cms::{self, CmsError, Expected};
use ca_core::domain::{Sha256, SubjectField, Timestamp};
use ca_core::keys::oid;
use ca_core::tlv::{self, Element, TlvError, tag};
use const_oid::ObjectIdentifier;
use der::Decode as _;
use der::asn1::GeneralizedTime;

/// The longest answer that is worth reading, in bytes: a token with a chain of certificates.
pub const MAX_ANSWER: usize = 64 * 1024;

/// The content type of a request over HTTP (RFC 3161 §3.4).
pub const QUERY: &str = "application/timestamp-query";

/// id-ct-TSTInfo (RFC 3161 §2.4.2).
pub(crate) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// Of an authority's words so many characters are told.
const WORDS: usize = 200;

/// MessageImprint in DER: hash algorithm and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint(Vec<u8>);

impl Imprint {
    /// Of these bytes, by SHA-256.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Sha256(openssl::sha::sha256(bytes)))
    }

    /// Of what has this SHA-256.
    #[must_use]
    pub fn of(hash: Sha256) -> Self {
        let name = tlv::write(tag::OID, &[oid::SHA256.as_bytes()]);
        let algorithm = tlv::write(tag::SEQUENCE, &[&name[..], &[tag::NULL, 0]]);
        let hash = tlv::write(tag::OCTET_STRING, &[hash.0]);
        Self(tlv::write(tag::SEQUENCE, &[algorithm, hash]))
    }

    /// One that a request brought, when it was found sound.
    #[cfg(feature = "responder")]
    pub(crate) fn found(der: &[u8]) -> Self {
        Self(der.to_vec())
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.0
    }
}

/// A stamp that was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it says that the bytes were there.
    pub at: Timestamp,
    /// Whose it is: the common name of its signer's certificate.
    pub authority: String,
}

/// Why a stamp proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// The authority gives none.
    #[error("the authority gives none: {0}")]
    NotGranted(String),
    /// The message around it.
    #[error(transparent)]
    Message(#[from] CmsError),
    /// What it says cannot be read.
    #[error("it cannot be read: {0}")]
    Malformed(String),
    /// It is over something else.
    #[error("it is over other bytes")]
    OtherBytes,
    /// It answers another question.
    #[error("it is not the answer to this question (nonce)")]
    WrongNonce,
    /// Whose it is.
    #[error("its signer's certificate: {0}")]
    Signer(#[from] ChainError),
}

impl From<TlvError> for StampError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// TimeStampReq: for a stamp over this imprint with the authority's certificate inside, under whatever policy it has.
#[must_use]
pub fn request(imprint: &Imprint, nonce: &[u8]) -> Vec<u8> {
    tlv::write(
        tag::SEQUENCE,
        &[&[tag::INTEGER, 1, 1][..], imprint.der(), &tlv::positive_integer(nonce), &[tag::BOOLEAN, 1, 0xff]],
    )
}

/// The token in a TimeStampResp.
///
/// # Errors
/// [`StampError::NotGranted`] with the authority's words, or [`StampError::Malformed`].
pub fn token(answer: &[u8]) -> Result<&[u8], StampError> {
    let mut fields = tlv::single(answer, tag::SEQUENCE)?.reader();
    let mut status = fields.expect(tag::SEQUENCE)?.reader();
    // PKIStatus: granted, grantedWithMods.
    match status.expect(tag::INTEGER)?.content {
        [0 | 1] => {}
        _ => return Err(StampError::NotGranted(words(status.optional(tag::SEQUENCE)?))),
    }
    let token = fields.expect(tag::SEQUENCE)?.whole;
    fields.end()?;
    Ok(token)
}

/// PKIFreeText, for a log.
fn words(texts: Option<Element<'_>>) -> String {
    let texts = texts.and_then(|texts| texts.reader().rest().ok()).unwrap_or_default();
    let texts: Vec<_> = texts.iter().map(|text| String::from_utf8_lossy(text.content)).collect();
    texts.join(" ").chars().filter(|c| !c.is_control()).take(WORDS).collect()
}

/// What a token says of these bytes: by SHA-256, with its certificate inside, of an authority for time stamps under these CAs
/// that was good at that moment; and with this nonce, where one is given.
///
/// # Errors
/// [`StampError`].
pub fn prove(token: &[u8], imprint: &Imprint, nonce: Option<&[u8]>, anchors: &Anchors) -> Result<Stamp, StampError> {
    let expected = Expected { content_type: Some(TST_INFO), content: None, certificate: None, strict: false };
    let signed = cms::verify_as(token, &expected)?;
    let mut fields = tlv::single(&signed.content, tag::SEQUENCE)?.reader();
    let (_version, _policy) = (fields.expect(tag::INTEGER)?, fields.expect(tag::OID)?);
    if fields.expect(tag::SEQUENCE)?.whole != imprint.der() {
        return Err(StampError::OtherBytes);
    }
    let _serial = fields.expect(tag::INTEGER)?;
    let at = moment(fields.expect(tag::GENERALIZED_TIME)?)?;
    let (_accuracy, _ordering) = (fields.optional(tag::SEQUENCE)?, fields.optional(tag::BOOLEAN)?);
    let answers = fields.optional(tag::INTEGER)?;
    if let Some(nonce) = nonce {
        let asked = tlv::positive_integer(nonce);
        if answers.is_none_or(|said| said.whole != asked) {
            return Err(StampError::WrongNonce);
        }
    }
    let signer = anchors.verify_for(&signed.certificate, at, Purpose::TimeStamping)?;
    let authority = signer.subject().remove(&SubjectField::CommonName).unwrap_or_default();
    Ok(Stamp { at, authority })
}

/// genTime, to the second.
fn moment(element: Element<'_>) -> Result<Timestamp, StampError> {
    // RFC 3161 §2.4.2 allows a fraction of a second, which the type does not read.
    let seconds = match element.content.iter().position(|byte| *byte == b'.') {
        Some(dot) if element.content.ends_with(b"Z") => [&element.content[..dot], b"Z"].concat(),
        _ => element.content.to_vec(),
    };
    let time = GeneralizedTime::from_der(&tlv::write(tag::GENERALIZED_TIME, &[seconds]))
        .map_err(|error| StampError::Malformed(error.to_string()))?;
    Ok(Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_token_tells_its_words_without_control_characters() {
        let text = tlv::write(tag::UTF8_STRING, &["clock\u{1b}[2J was set back"]);
        let status =
            tlv::write(tag::SEQUENCE, &[tlv::write(tag::INTEGER, &[[2_u8]]), tlv::write(tag::SEQUENCE, &[text])]);
        let answer = tlv::write(tag::SEQUENCE, &[status]);
        match token(&answer) {
            Err(StampError::NotGranted(words)) => assert_eq!(words, "clock[2J was set back"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(token(b"no answer"), Err(StampError::Malformed(_))));
    }

    #[test]
    fn fractions_of_a_second_are_left_out() {
        let at = |text: &str| {
            let der = tlv::write(tag::GENERALIZED_TIME, &[text]);
            moment(tlv::single(&der, tag::GENERALIZED_TIME).expect("DER"))
        };
        assert_eq!(at("20261201000000.125Z").expect("read"), at("20261201000000Z").expect("read"));
        assert!(at("20261201000000.125").is_err());
        assert!(at("yesterday").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = token(&bytes);
        }
    }
}
