//! What is kept of each answered challenge: who, with which certificate, what the responder said, and the
//! exact bytes.

use ca_core::domain::{OrderId, Sha256, Timestamp};
use ocsp::client::Evidence;
use rand::RngCore;

use super::Refusal;
use super::challenge::sha256;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A session was opened for this account.
    Opened {
        /// Officer id or account number.
        account: String,
    },
    /// Nobody was let in.
    Refused {
        /// [`Refusal::code`].
        code: String,
    },
}

impl Outcome {
    /// `opened`, or the refusal's code.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Refused { code } => code,
        }
    }

    /// The account that was opened.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Opened { account } => Some(account),
            Self::Refused { .. } => None,
        }
    }
}

impl From<&Refusal> for Outcome {
    fn from(refusal: &Refusal) -> Self {
        Self::Refused { code: refusal.code().to_owned() }
    }
}

/// On what we go by for a certificate's status, good or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusEvidence {
    /// DER of the OCSP response.
    Ocsp(Vec<u8>),
    /// SHA-256 of the CRL that stood in: the list itself is published and kept by its issuer.
    Crl(Sha256),
}

impl StatusEvidence {
    /// SHA-256 of the response or the list.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        match self {
            Self::Ocsp(response) => sha256(response),
            Self::Crl(hash) => *hash,
        }
    }
}

impl From<&Evidence> for StatusEvidence {
    fn from(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::Ocsp(response) => Self::Ocsp(response.to_vec()),
            Evidence::Crl(list) => Self::Crl(sha256(list)),
        }
    }
}

/// One answered challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRecord {
    /// A ULID.
    pub id: String,
    /// SHA-256 of the statement: one challenge has at most one record.
    pub challenge: Sha256,
    /// When it was answered.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// DER certificate of the signer, once the signature had verified.
    pub certificate: Option<Vec<u8>>,
    /// The bytes that were to be signed.
    pub statement: Vec<u8>,
    /// The CMS message as it came.
    pub signature: Vec<u8>,
    /// On what the status rests, when somebody whom we believe told it: also when it was the reason to refuse.
    pub status_evidence: Option<StatusEvidence>,
}

/// A login of the past, as its account's owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLogin {
    /// Id of the record.
    pub id: String,
    /// When.
    pub at: Timestamp,
}

impl LoginRecord {
    /// A new id.
    pub(super) fn draw_id<R: RngCore + ?Sized>(now: Timestamp, rng: &mut R) -> String {
        OrderId::draw(now, rng).to_string()
    }
}
