//! The hash chain and its verification.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use openssl::sha::Sha256 as Hasher;

use super::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::domain::{Sha256, Timestamp};
use crate::store::{AuditHead, AuditLog, AuditRow, StoreError};

/// What every hash begins with, so that it can never be the hash of something else.
const TAG: &[u8] = b"yinxin.audit.v1\0";

/// The chain before its first event.
pub(super) const GENESIS: AuditHead = AuditHead { seq: 0, hash: Sha256([0; 32]) };

/// The hash of an event: over the tag, the hash before, number, time (both 8 octets, big-endian) and its text.
#[must_use]
pub fn hash(previous: Sha256, seq: i64, at: Timestamp, event: &str) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(TAG);
    hasher.update(&previous.0);
    hasher.update(&seq.to_be_bytes());
    hasher.update(&at.unix().to_be_bytes());
    hasher.update(event.as_bytes());
    Sha256(hasher.finish())
}

/// What is wrong with a chain.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// The next event is not the one after the last: one was removed, or two changed places.
    #[error("event {expected} is missing: event {found} stands in its place")]
    Missing {
        /// Which should come.
        expected: i64,
        /// Which came.
        found: i64,
    },
    /// An event, or one before it, is not what was hashed.
    #[error("event {0} does not fit its hash: it, or the order of events before it, was changed")]
    Changed(i64),
    /// The chain ends before, or beside, where it must.
    #[error("the chain ends at event {found}, expected event {expected} with its hash: events were cut off")]
    Truncated {
        /// Where it must end.
        expected: i64,
        /// Where it does.
        found: i64,
    },
    /// A checkpoint stands behind events that came after it: what it says cannot be compared any more.
    #[error("the checkpoint at event {0} stands behind later events")]
    Late(i64),
    /// A checkpoint says otherwise.
    #[error("checkpoint at event {0} names another hash: the chain was written anew")]
    Rewritten(i64),
    /// A checkpoint is not signed by the audit key.
    #[error("checkpoint at event {seq}: {error}")]
    Checkpoint {
        /// At which event.
        seq: i64,
        /// Why.
        error: CheckpointError,
    },
}

/// A chain without fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Where it ends.
    pub head: AuditHead,
    /// How many checkpoints bore it out.
    pub checkpoints: usize,
}

/// Walks a chain from its beginning, holding nothing of it but its head.
#[derive(Debug)]
pub struct Verifier {
    audit_key: Vec<u8>,
    head: AuditHead,
    /// Those that lie ahead.
    checkpoints: BTreeMap<i64, Sha256>,
    borne_out: usize,
    /// The event at which the last one did.
    borne_out_at: i64,
}

impl Verifier {
    /// A walk that must pass each of these checkpoints, whose signatures `audit_key` (DER SubjectPublicKeyInfo)
    /// must have made.
    ///
    /// # Errors
    /// [`Fault::Checkpoint`].
    pub fn new(audit_key: &[u8], checkpoints: &[SignedCheckpoint]) -> Result<Self, Fault> {
        let mut verifier = Self {
            audit_key: audit_key.to_vec(),
            head: GENESIS,
            checkpoints: BTreeMap::new(),
            borne_out: 0,
            borne_out_at: 0,
        };
        checkpoints.iter().try_for_each(|checkpoint| verifier.checkpoint(checkpoint))?;
        Ok(verifier)
    }

    /// Takes a checkpoint, at the event that it names or before.
    ///
    /// # Errors
    /// [`Fault::Checkpoint`], [`Fault::Rewritten`] or [`Fault::Late`].
    pub fn checkpoint(&mut self, signed: &SignedCheckpoint) -> Result<(), Fault> {
        let Checkpoint { seq, hash, .. } =
            signed.verify(&self.audit_key).map_err(|error| Fault::Checkpoint { seq: signed.claimed_seq(), error })?;
        match seq.cmp(&self.head.seq) {
            Ordering::Less => Err(Fault::Late(seq)),
            Ordering::Equal => self.compare(self.head, hash),
            Ordering::Greater => match self.checkpoints.insert(seq, hash) {
                Some(other) if other != hash => Err(Fault::Rewritten(seq)),
                _ => Ok(()),
            },
        }
    }

    fn compare(&mut self, head: AuditHead, hash: Sha256) -> Result<(), Fault> {
        if head.hash != hash {
            return Err(Fault::Rewritten(head.seq));
        }
        self.borne_out += usize::from(self.borne_out_at != head.seq);
        self.borne_out_at = head.seq;
        Ok(())
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn push(&mut self, row: &AuditRow) -> Result<(), Fault> {
        let expected = self.head.seq + 1;
        if row.seq != expected {
            return Err(Fault::Missing { expected, found: row.seq });
        }
        if hash(self.head.hash, row.seq, row.at, &row.event) != row.hash {
            return Err(Fault::Changed(row.seq));
        }
        self.head = AuditHead { seq: row.seq, hash: row.hash };
        self.checkpoints.remove(&row.seq).map_or(Ok(()), |hash| self.compare(self.head, hash))
    }

    /// Ends the walk: it must end at `head`, and no checkpoint may lie beyond.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    pub fn finish(self, head: AuditHead) -> Result<Whole, Fault> {
        if let Some((&expected, _)) = self.checkpoints.last_key_value() {
            return Err(Fault::Truncated { expected, found: self.head.seq });
        }
        if self.head != head {
            return Err(Fault::Truncated { expected: head.seq, found: self.head.seq });
        }
        Ok(Whole { head, checkpoints: self.borne_out })
    }
}

/// Verifies the chain of a store, against its own checkpoints and any that were kept elsewhere.
///
/// `audit_key`: the key to believe; `None` takes the store's own, which an intruder may have replaced.
///
/// # Errors
/// [`StoreError`] when it cannot be read; the inner [`Fault`] when it is not whole.
pub async fn verify_store(
    tx: &mut dyn AuditLog,
    audit_key: Option<&[u8]>,
    kept_elsewhere: &[SignedCheckpoint],
) -> Result<Result<Whole, Fault>, StoreError> {
    let head = tx.audit_head().await?;
    let own_key = tx.audit_key().await?;
    let mut checkpoints: Vec<SignedCheckpoint> =
        tx.checkpoints().await?.into_iter().map(SignedCheckpoint::from).collect();
    checkpoints.extend_from_slice(kept_elsewhere);
    let key = audit_key.or(own_key.as_deref()).unwrap_or_default();
    let mut verifier = match Verifier::new(key, &checkpoints) {
        Ok(verifier) => verifier,
        Err(fault) => return Ok(Err(fault)),
    };
    let mut after = 0;
    loop {
        let rows = tx.audit_after(after, 1000).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in &rows {
            if let Err(fault) = verifier.push(row) {
                return Ok(Err(fault));
            }
        }
    }
    Ok(verifier.finish(head))
}
