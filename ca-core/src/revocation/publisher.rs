//! Makes the lists that are due and puts them where responders serve them.
//!
//! Number and audit event are durable before the key signs; each list is recorded before it is published, and
//! published in one step, only under a higher number than what is there. The linter, which reads back what was written,
//! must find nothing before the key signs, nor in the signature after it. One process at a time makes lists of an issuer.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::edition::{Plan, Signed};
use super::error::CrlError;
use super::publish::{Folder, number_in};
use super::schedule::{NO_OTHER, Schedule};
use crate::audit::{self, Actor, Event};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{IssuerId, ListKind, Timestamp};
use crate::issuance::Issuing;
use crate::store::{CrlRecord, Store};
use crate::unit_of_work;

/// Why lists are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is time.
    Time,
    /// Something changed, or what is published is not what was made last.
    News,
}

/// Makes and publishes lists.
#[derive(Clone)]
pub struct Publisher {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    base_url: String,
    schedule: Schedule,
}

impl Publisher {
    /// A publisher into `{publish_dir}/crl`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: &Config) -> Self {
        let folder = config.publish_dir.join("crl");
        Self { store, clock, folder, base_url: config.base_url.clone(), schedule: Schedule::from(config.crl) }
    }

    /// Where a list of an issuer is.
    #[must_use]
    pub fn path(&self, issuer: &IssuerId, list: ListKind) -> PathBuf {
        Folder::new(self.folder.clone()).path(&list.file(issuer))
    }

    /// Whether lists are due, and why. After the last ones of a retired issuer none are, unless one was lost.
    ///
    /// # Errors
    /// [`CrlError`] when store or folder cannot be read.
    pub async fn due(&self, issuing: &Issuing) -> Result<Option<Due>, CrlError> {
        let issuer = issuing.id();
        let mut tx = self.store.begin_read().await?;
        let Some(planned) = tx.last_planned_crl(issuer, ListKind::Full).await? else { return Ok(Some(Due::Time)) };
        let closed = planned.next_update == NO_OTHER;
        if !closed && self.clock.now().since(planned.this_update) >= self.schedule.every {
            return Ok(Some(Due::Time));
        }
        for kind in ListKind::all(issuing.is_root(), issuing.crl_shards()) {
            let made = tx.last_crl(issuer, kind).await?.map(|last| last.number);
            if made.is_none() || made != self.published(issuer, kind)? {
                return Ok(Some(if closed { Due::Time } else { Due::News }));
            }
        }
        let covers = tx.last_crl(issuer, ListKind::Full).await?.map_or(0, |last| last.covers);
        let changed = !closed && tx.crl_changed_after(issuer, covers).await?;
        Ok(changed.then_some(Due::News))
    }

    /// Makes an edition and publishes it.
    ///
    /// # Errors
    /// [`CrlError`]; what was published before still stands.
    pub async fn publish(&self, issuing: &Issuing, due: Due) -> Result<CrlRecord, CrlError> {
        let now = self.clock.now();
        let last = due == Due::Time && self.is_last(issuing.id(), now).await?;
        let next_update = if last { NO_OTHER } else { now.plus(self.schedule.valid) };
        self.publish_until(issuing, due, next_update).await
    }

    /// [`Self::publish`] with this nextUpdate. Answers the record of the full list.
    ///
    /// # Errors
    /// [`CrlError`].
    pub async fn publish_until(
        &self,
        issuing: &Issuing,
        due: Due,
        next_update: Timestamp,
    ) -> Result<CrlRecord, CrlError> {
        let issuer = issuing.id();
        let _alone = self.lock(issuer)?;
        let now = self.clock.now();
        let number = unit_of_work!(&*self.store, CrlError, |tx| {
            let closed = tx.last_planned_crl(issuer, ListKind::Full).await?.is_some_and(|last| is_closing(&last));
            if closed && next_update != NO_OTHER {
                return Err(CrlError::Closed(issuer.clone()));
            }
            let last = tx.crl_number(issuer).await?;
            let number = tx.take_crl_number(issuer, last).await?;
            audit::record(tx, now, Actor::Authority, Event::CrlSigning { issuer: issuer.clone(), number }).await?;
            number
        })?;

        let plan = Plan {
            issuing,
            number,
            now,
            next_update,
            planned: due == Due::Time,
            base_url: &self.base_url,
            folder: &self.folder,
        };
        let mut tx = self.store.begin_scan().await?;
        let drafts = plan.drafts(&mut *tx).await?;
        tx.commit().await?;
        let issuing = issuing.clone();
        let sign = move || drafts.into_iter().map(|draft| draft.sign(&issuing)).collect();
        let signed: Result<Vec<Signed>, CrlError> =
            tokio::task::spawn_blocking(sign).await.map_err(|error| CrlError::Stopped(error.to_string()))?;
        let signed = signed?;
        unit_of_work!(&*self.store, CrlError, |tx| {
            for Signed { record, .. } in &signed {
                tx.add_crl(record).await?;
                audit::record(tx, now, Actor::Authority, signed_event(record)).await?;
            }
        })?;

        let full = signed[0].record.clone();
        for Signed { record, staged } in signed {
            self.place(&record, staged)?;
        }
        metrics::counter!("ca_crls_total", "issuer" => full.issuer.to_string()).increment(1);
        tracing::info!(
            issuer = %full.issuer, number, entries = full.entries, "Published lists {number} of {}", full.issuer
        );
        Ok(full)
    }

    /// Whether the next edition is the last of a retired issuer: when nothing on it can change any more. Before that
    /// a list without an end would tell of certificates that are revoked later that they are good (ETSI EN 319 411-1
    /// CSS-6.3.9).
    async fn is_last(&self, issuer: &IssuerId, now: Timestamp) -> Result<bool, CrlError> {
        let mut tx = self.store.begin_read().await?;
        Ok(tx.retired(issuer).await?.is_some() && !tx.can_still_change(issuer, now).await?)
    }

    fn place(&self, record: &CrlRecord, staged: crate::durable::Staged) -> Result<(), CrlError> {
        let path = self.path(&record.issuer, record.list);
        match self.published(&record.issuer, record.list)? {
            Some(published) if published >= record.number => {
                Err(CrlError::StaleNumber { path, number: record.number, published })
            }
            _ => staged.place().map_err(CrlError::file(&path)),
        }
    }

    /// The number of what is published.
    fn published(&self, issuer: &IssuerId, list: ListKind) -> Result<Option<i64>, CrlError> {
        let path = self.path(issuer, list);
        number_in(&path).map_err(CrlError::file(&path))
    }

    fn lock(&self, issuer: &IssuerId) -> Result<File, CrlError> {
        let path = self.folder.join(format!("{issuer}.lock"));
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(CrlError::file(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(CrlError::Busy(issuer.clone())),
            Err(TryLockError::Error(error)) => Err(CrlError::file(&path)(error)),
        }
    }

    /// Publishes what is due.
    ///
    /// # Errors
    /// The first [`CrlError`]; the others are tried all the same.
    pub async fn publish_due(&self, issuers: &[Arc<Issuing>]) -> Result<usize, CrlError> {
        let (mut published, mut failed) = (0, None);
        for issuing in issuers {
            let outcome = match self.due(issuing).await {
                Ok(Some(due)) => self.publish(issuing, due).await.map(|_| 1),
                Ok(None) => Ok(0),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(count) => published += count,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(published), Err)
    }

    /// Publishes what is due until told to stop: soon after each change, and when it is time.
    pub async fn run(self, issuers: Vec<Arc<Issuing>>, changed: Arc<Notify>, stop: CancellationToken) {
        loop {
            if let Err(error) = self.publish_due(&issuers).await {
                metrics::counter!("ca_crl_failures_total").increment(1);
                tracing::error!(%error, "A list could not be published; the old one stands");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.schedule.poll) => {}
                () = changed.notified() => tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(self.schedule.debounce) => {}
                },
            }
        }
    }
}

/// Whether this list says that no other comes.
pub(super) fn is_closing(record: &CrlRecord) -> bool {
    record.next_update == NO_OTHER
}

/// The event of a list that was signed.
pub(crate) fn signed_event(record: &CrlRecord) -> Event {
    Event::CrlSigned {
        issuer: record.issuer.clone(),
        list: record.list,
        number: record.number,
        entries: record.entries,
        sha256: record.sha256,
    }
}
