//! What the authority does by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::audit::{SignedCheckpoint, sign_checkpoint};
use crate::clock::Clock;
use crate::config;
use crate::domain::Timestamp;
use crate::durable;
use crate::issuance::Authority;
use crate::signer::Signer;
use crate::sql::SqlStore;
use crate::store::{AuditHead, CheckpointRow, Store as _, StoreError};
use crate::unit_of_work;

/// Time between heartbeats; the responder's bound (design §7, 30 s) allows for some that fail.
const BEAT: Duration = Duration::from_secs(5);
/// Time between looks for certificates left open.
const RECONCILE: Duration = Duration::from_secs(60);

/// Writes the heartbeat while it can: where it cannot, responders stop saying `good` in time.
pub(super) async fn beat(store: SqlStore, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut rounds = Rounds::every(BEAT, stop);
    while rounds.next().await {
        let now = clock.now();
        if let Err(error) = unit_of_work!(&store, StoreError, |tx| { tx.beat(now).await? }) {
            tracing::error!(%error, "No heartbeat could be written");
        }
    }
}

/// Tries again what could not be finished at the start, or failed since.
pub(super) async fn reconcile(authority: Arc<Authority>, stop: CancellationToken) {
    let mut rounds = Rounds::every(RECONCILE, stop);
    while rounds.next().await {
        match authority.reconcile().await {
            Ok(0) => {}
            Ok(finished) => tracing::warn!(finished, "Finished {finished} certificates that were left open"),
            Err(error) => tracing::error!(%error, "A certificate is left open"),
        }
    }
}

/// Signs where the audit chain stands.
pub(super) async fn checkpoints(
    store: SqlStore,
    clock: Arc<dyn Clock>,
    key: Arc<dyn Signer>,
    audit: config::Audit,
    stop: CancellationToken,
) {
    let mut rounds = Rounds::every(audit.every(), stop);
    while rounds.next().await {
        if let Err(error) = checkpoint(&store, &*clock, &key, &audit.dir).await {
            tracing::error!(%error, "No checkpoint could be made");
        }
    }
}

/// Signs where the audit chain stands, unless that is done already, into the store and into
/// `{folder}/checkpoint.json`.
///
/// # Errors
/// When store, key or folder cannot be used.
pub async fn checkpoint(
    store: &SqlStore,
    clock: &dyn Clock,
    key: &Arc<dyn Signer>,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut tx = store.begin_read().await?;
    let (head, last) = (tx.audit_head().await?, tx.last_checkpoint().await?);
    drop(tx);
    let row = match last {
        Some(last) if last.seq >= head.seq => last,
        _ => {
            let row = sign(head, clock.now(), key.clone()).await?;
            unit_of_work!(store, StoreError, |tx| { tx.add_checkpoint(&row).await? })?;
            row
        }
    };
    publish(row, folder)
}

/// Signs where a chain stands, on another thread.
pub(crate) async fn sign(head: AuditHead, now: Timestamp, key: Arc<dyn Signer>) -> anyhow::Result<CheckpointRow> {
    Ok(tokio::task::spawn_blocking(move || sign_checkpoint(head, now, &*key)).await??)
}

/// Writes a signed checkpoint into `{folder}/checkpoint.json`.
pub(crate) fn publish(row: CheckpointRow, folder: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_vec(&SignedCheckpoint::from(row))?;
    durable::replace(&folder.join("checkpoint.json"), &text, durable::PUBLIC)?;
    Ok(())
}

/// Comes at once and then again and again, until told to stop.
pub(crate) struct Rounds {
    ticks: Interval,
    stop: CancellationToken,
}

impl Rounds {
    pub(crate) fn every(time: Duration, stop: CancellationToken) -> Self {
        let mut ticks = interval(time);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stop }
    }

    pub(crate) async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            _ = self.ticks.tick() => true,
        }
    }
}
