//! The record of a verification: canonical bytes, signed as a CMS message and stamped with a time, so that what was found
//! can be proved without us when the certificate, or this service, is long gone.

use ca_core::chain::{Anchors, ChainError, Purpose};
use ca_core::cms::{self, CmsError};
use ca_core::domain::{CanonicalError, IssuerId, RevocationReason, Sha256, Statement, Timestamp, decode};
use ca_core::service::protocol::Blob;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::question::{Algorithm, Form};
use crate::client::{Distrust, kept};
pub use crate::stamp::StampError;
use crate::stamp::{self, Imprint};
use crate::wire::Standing;

/// By how many seconds the record, the status answer and the time stamp may lie apart.
const APART: i64 = 300;

/// What was found, of which signature, when and for whom. Of signature and message it holds the hashes: whoever asked
/// has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number: 16 random octets in lower-case hex.
    pub id: String,
    /// When it was verified.
    pub at: Timestamp,
    /// Who asked.
    pub caller: String,
    /// How the signature was wrapped.
    pub form: Form,
    /// By which algorithm it is, as far as that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// SHA-256 of the signature, as it was given.
    pub signature_sha256: Sha256,
    /// SHA-256 of the message, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_sha256: Option<Sha256>,
    /// The certificate, DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Blob>,
    /// Which of our CAs issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerId>,
    /// What was learned of its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RecordedStatus>,
    /// What came out.
    pub finding: Finding,
    /// The code of that.
    pub code: i32,
}

/// A status, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedStatus {
    /// As of when a certificate is good; since when it is revoked or held.
    pub moment: Timestamp,
    /// Why it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
    /// The responder's answer, DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<Blob>,
    /// SHA-256 of the list that stood in; the authority keeps all its lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_sha256: Option<Sha256>,
}

impl Statement for Record {
    const TAG: &'static str = "yinxin.verification.v1";
}

/// A record that holds.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The record.
    pub record: Record,
    /// When the stamp says that it was there, if it has one.
    pub stamped: Option<Timestamp>,
}

/// Why a record does not hold.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The message around it.
    #[error("the record's signature: {0}")]
    Message(#[from] CmsError),
    /// The record itself.
    #[error("the record: {0}")]
    Canonical(#[from] CanonicalError),
    /// Whose it is.
    #[error("the certificate of the record's signer: {0}")]
    Signer(ChainError),
    /// The stamp.
    #[error("the time stamp: {0}")]
    Stamp(#[from] StampError),
    /// Stamp and record are too far apart.
    #[error("the time stamp is of {stamped}, the record of {at}", stamped = .stamped.beijing_text(), at = .at.beijing_text())]
    Apart {
        /// Of the stamp.
        stamped: Timestamp,
        /// Of the record.
        at: Timestamp,
    },
    /// The certificate that was found valid.
    #[error("the certificate in the record: {0}")]
    Certificate(ChainError),
    /// The answer that it rests on.
    #[error("the status answer in the record: {0}")]
    Answer(#[from] Distrust),
    /// The record says something else than what it rests on.
    #[error("the record contradicts itself: {0}")]
    Contradiction(&'static str),
}

/// Proves a record again, with its time stamp if there is one, from these CA certificates alone: no clock, no network, no
/// key of ours. Without a stamp its time is what its signer claims.
///
/// # Errors
/// [`RecordError`]; nothing in the record may be relied on then.
pub fn prove(evidence: &[u8], stamp: Option<&[u8]>, anchors: &Anchors) -> Result<Proved, RecordError> {
    let signed = cms::verify(evidence)?;
    let record: Record = decode(&signed.content)?;
    let stamped = stamp.map(|token| stamp::prove(token, &Imprint::sha256(evidence), None, anchors)).transpose()?;
    let stamped = stamped.map(|stamp| stamp.at);
    let at = record.at;
    if let Some(stamped) = stamped
        && stamped.since(at).abs() > APART
    {
        return Err(RecordError::Apart { stamped, at });
    }
    anchors.verify_for(&signed.certificate, stamped.unwrap_or(at), Purpose::Records).map_err(RecordError::Signer)?;
    if record.code != record.finding.code() {
        return Err(RecordError::Contradiction("its code is not that of its finding"));
    }
    if record.finding == Finding::Valid {
        holds(&record, anchors)?;
    }
    Ok(Proved { record, stamped })
}

/// Whether what was found valid was so by what the record itself holds.
fn holds(record: &Record, anchors: &Anchors) -> Result<(), RecordError> {
    let missing = RecordError::Contradiction("it has no certificate or status");
    let (Some(certificate), Some(status)) = (&record.certificate, &record.status) else { return Err(missing) };
    let chain = anchors.verify(&certificate.0, record.at).map_err(RecordError::Certificate)?;
    if record.issuer.as_ref() != Some(chain.issuer()) {
        return Err(RecordError::Contradiction("the certificate is by another issuer"));
    }
    match (&status.ocsp, &status.list_sha256) {
        (Some(answer), None) => match kept(&answer.0, &chain, record.at, APART)? {
            (Standing::Good, _) => Ok(()),
            _ => Err(RecordError::Contradiction("the status answer does not say good")),
        },
        (None, Some(_)) => Ok(()),
        _ => Err(RecordError::Contradiction("it must rest on an answer or a list")),
    }
}
