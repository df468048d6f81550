//! The audit: what the authority did, in a chain that cannot be changed without being seen.
//!
//! For: an auditor who trusts neither the database nor its operators. Every act appends its event in the
//! transaction of the act itself, so that what cannot be audited does not happen. Each event's hash covers the
//! one before; now and then the authority signs where the chain stands ([`Checkpoint`]), and a checkpoint kept
//! elsewhere shows that the tail was cut off. Never holds secrets, PINs or whole messages: it names things by
//! their hashes and serial numbers.
//!
//! To add an event: a variant of [`Event`], and [`record`] it where it happens.

mod budget;
mod chain;
mod checkpoint;
mod event;
mod export;
#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use chain::{Fault, Verifier, Whole, hash, verify_store};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, sign_checkpoint};
pub use event::{Actor, Entry, Event};
pub use export::{ExportError, export, verify_export};

use serde::Serialize;

use crate::domain::Timestamp;
use crate::store::{AuditHead, AuditLog, AuditRow, StoreError, Tx};

/// Appends an event to the chain, in the unit of work of the act.
///
/// # Errors
/// [`StoreError`]; then the act must not happen.
pub async fn record(tx: &mut dyn Tx, now: Timestamp, actor: Actor, event: Event) -> Result<AuditHead, StoreError> {
    append(tx, now, &Entry { actor, event }).await
}

/// Appends an entry of whatever kind the chain is of, in the unit of work of the act.
///
/// # Errors
/// [`StoreError`]; then the act must not happen.
pub async fn append<E: Serialize + Sync>(
    log: &mut dyn AuditLog,
    now: Timestamp,
    entry: &E,
) -> Result<AuditHead, StoreError> {
    append_all(log, now, std::slice::from_ref(entry)).await
}

/// Appends entries in this order, in the unit of work of the acts.
///
/// # Errors
/// [`StoreError`]; then none of the acts may happen.
pub async fn append_all<E: Serialize + Sync>(
    log: &mut dyn AuditLog,
    now: Timestamp,
    entries: &[E],
) -> Result<AuditHead, StoreError> {
    let before = log.audit_head().await?;
    let mut head = before;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let event = serde_json::to_string(entry).expect("an event is plain data");
        let seq = head.seq + 1;
        let hash = hash(head.hash, seq, now, &event);
        rows.push(AuditRow { seq, at: now, event, hash });
        head = AuditHead { seq, hash };
    }
    log.append_audit(before, &rows).await?;
    Ok(head)
}
