//! Whether what relying parties read is fresh.

use crate::domain::{IssuerId, ListKind, Timestamp};
use crate::store::{StoreError, Tx};

/// How fresh lists and feed are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Issuers without a list that is valid now.
    pub stale: Vec<IssuerId>,
    /// Seconds since the last heartbeat of the feed.
    pub beat_age: i64,
    /// Certificates whose intent is not complete.
    pub open_intents: usize,
}

/// Looks at lists, heartbeat and intents.
///
/// # Errors
/// [`StoreError`] when they cannot be read.
pub async fn freshness(tx: &mut dyn Tx, now: Timestamp) -> Result<Freshness, StoreError> {
    let mut stale = Vec::new();
    for issuer in tx.issuers().await? {
        if tx.last_crl(&issuer.id, ListKind::Full).await?.is_none_or(|crl| crl.next_update <= now) {
            stale.push(issuer.id);
        }
    }
    let beat_age = now.since(tx.feed().await?.beat);
    let open_intents = tx.open_intents(100).await?.len();
    Ok(Freshness { stale, beat_age, open_intents })
}
