//! Signed statements of where the chain stands.

use serde::{Deserialize, Serialize};

use crate::domain::{CanonicalError, Sha256, Statement, Timestamp, decode, encode};
use crate::keys::SignatureAlgorithm;
use crate::keys::verify::{VerifyError, verify_with};
use crate::service::protocol::Blob;
use crate::signer::{SignError, Signer};
use crate::store::{AuditHead, CheckpointRow};

/// The audit key is P-256.
const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::EcdsaSha256;

/// Where the chain stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// When.
    pub at: Timestamp,
    /// At which event.
    pub seq: i64,
    /// Its hash.
    pub hash: Sha256,
}

impl Statement for Checkpoint {
    const TAG: &'static str = "yinxin.audit-checkpoint.v1";
}

/// A checkpoint with its signature, as exported and kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    /// Canonical bytes of the [`Checkpoint`].
    pub statement: Blob,
    /// Signature over them.
    pub signature: Blob,
}

/// Why a checkpoint is not believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// Not a checkpoint.
    #[error("not a checkpoint: {0}")]
    Malformed(#[from] CanonicalError),
    /// Not signed by the audit key.
    #[error("not signed by the audit key: {0}")]
    Signature(String),
}

impl From<VerifyError> for CheckpointError {
    fn from(error: VerifyError) -> Self {
        Self::Signature(error.to_string())
    }
}

impl SignedCheckpoint {
    /// The checkpoint, if the audit key (DER SubjectPublicKeyInfo) signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, audit_key: &[u8]) -> Result<Checkpoint, CheckpointError> {
        verify_with(audit_key, ALGORITHM, &self.statement.0, &self.signature.0)?;
        Ok(decode(&self.statement.0)?)
    }

    /// The event that it names, unverified; 0 if it cannot be read.
    pub(super) fn claimed_seq(&self) -> i64 {
        decode::<Checkpoint>(&self.statement.0).map_or(0, |checkpoint| checkpoint.seq)
    }
}

impl From<CheckpointRow> for SignedCheckpoint {
    fn from(row: CheckpointRow) -> Self {
        Self { statement: Blob(row.statement), signature: Blob(row.signature) }
    }
}

/// Signs where the chain stands.
///
/// # Errors
/// [`SignError`] of the audit key.
pub fn sign_checkpoint(head: AuditHead, now: Timestamp, key: &dyn Signer) -> Result<CheckpointRow, SignError> {
    let statement = encode(&Checkpoint { at: now, seq: head.seq, hash: head.hash });
    let signature = key.sign(&statement)?;
    Ok(CheckpointRow { seq: head.seq, at: now, statement, signature })
}
