//! Making a list and putting it where responders serve it.
//!
//! Number and audit event are durable before the key signs; the list is recorded before it is published; it is
//! published in one step, only under a higher number than what is there, and only after the linter, which reads it
//! anew and verifies its signature, found nothing. One process at a time makes a list of an issuer.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use const_oid::AssociatedOid as _;
use der::Decode as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::CrlNumber;

use crate::audit::{self, Actor, Event};
use crate::clock::Clock;
use crate::config;
use crate::domain::{IssuerId, ListKind, ListScope, Sha256, Timestamp};
use crate::durable;
use crate::encode::crl::{CrlError as EncodeError, Head, in_memory};
use crate::issuance::{Issuing, listed};
use crate::lint;
use crate::signer::CrlKey;
use crate::store::{Contends, CrlRecord, Store, StoreError, Unusable};
use crate::unit_of_work;

/// Entries that are read at once.
const PAGE: i64 = 10_000;

/// When lists are made.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// A list at least so often, in seconds.
    pub every: i64,
    /// nextUpdate is so many seconds after thisUpdate.
    pub valid: i64,
    /// So long after a change others are waited for.
    pub debounce: Duration,
    /// How often is looked whether a list is due.
    pub poll: Duration,
}

impl From<config::Crl> for Schedule {
    fn from(crl: config::Crl) -> Self {
        Self {
            every: i64::from(crl.every_hours) * 3600,
            valid: i64::from(crl.valid_hours) * 3600,
            debounce: Duration::from_secs(u64::from(crl.debounce_seconds)),
            poll: Duration::from_secs(u64::from(crl.poll_seconds)),
        }
    }
}

/// Why there is no new list; the old one stands.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list could not be made or signed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The list is not right; it is thrown away.
    #[error("the list has faults: {0}")]
    Lint(String),
    /// The file could not be written.
    #[error("publishing {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process makes a list of this issuer at this moment.
    #[error("another process makes a list of {0}")]
    Busy(IssuerId),
    /// What is published has this number or a higher one.
    #[error("the list has number {number}, but {published} is published")]
    StaleNumber {
        /// Of the new list.
        number: i64,
        /// Of the published one.
        published: i64,
    },
    /// The task that signs was stopped.
    #[error("signing was stopped: {0}")]
    Stopped(String),
}

impl Contends for CrlError {
    fn contends(&self) -> bool {
        matches!(self, Self::Store(error) if error.contends())
    }
}

/// What signs a list, and its head.
pub(crate) struct CrlMaterial<'a> {
    pub(crate) certificate: &'a [u8],
    pub(crate) key: &'a CrlKey,
    pub(crate) record: &'a CrlRecord,
}

/// Makes a list, reads it anew, lints it and verifies its signature.
pub(crate) fn build_crl(material: &CrlMaterial<'_>, entries: &[Unusable]) -> Result<Vec<u8>, CrlError> {
    let CrlMaterial { certificate, key, record } = material;
    let number = u64::try_from(record.number).unwrap_or_default();
    let head = Head {
        issuer_certificate: certificate,
        scope: &ListScope::Full { delta_url: None },
        number,
        this_update: record.this_update,
        next_update: record.next_update,
    };
    let crl = in_memory(&head, key, entries.iter().map(|entry| (&entry.serial, entry.status)))?;
    let context = lint::CrlContext { issuer: certificate, previous: number.checked_sub(1), now: record.this_update };
    let findings = lint::crl(&crl, &context);
    if findings.is_empty() { Ok(crl) } else { Err(CrlError::Lint(listed(&findings))) }
}

/// Makes and publishes lists.
#[derive(Clone)]
pub struct Publisher {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    schedule: Schedule,
}

impl Publisher {
    /// A publisher into `{folder}/crl`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, folder: PathBuf, schedule: Schedule) -> Self {
        Self { store, clock, folder, schedule }
    }

    /// Where the list of an issuer is.
    #[must_use]
    pub fn path(&self, issuer: &IssuerId) -> PathBuf {
        self.folder.join(format!("crl/{issuer}.crl"))
    }

    /// Whether a list is due: `Some(true)` because it is time, `Some(false)` because something changed or what is
    /// published is not the last list.
    ///
    /// # Errors
    /// [`CrlError::Store`].
    pub async fn due(&self, issuer: &IssuerId) -> Result<Option<bool>, CrlError> {
        let mut tx = self.store.begin_read().await?;
        let Some(planned) = tx.last_planned_crl(issuer, ListKind::Full).await? else { return Ok(Some(true)) };
        if self.clock.now().since(planned.this_update) >= self.schedule.every {
            return Ok(Some(true));
        }
        let last = tx.last_crl(issuer, ListKind::Full).await?.unwrap_or(planned);
        let changed = tx.crl_changed_after(issuer, last.covers).await?;
        let published = published_number(&self.path(issuer)) == Some(last.number);
        Ok(if changed || !published { Some(false) } else { None })
    }

    /// Makes a full list and publishes it.
    ///
    /// # Errors
    /// [`CrlError`]; the list that was published before still stands.
    pub async fn publish(&self, issuing: &Issuing, planned: bool) -> Result<CrlRecord, CrlError> {
        self.publish_until(issuing, planned, self.clock.now().plus(self.schedule.valid)).await
    }

    /// [`Self::publish`] with this nextUpdate.
    ///
    /// # Errors
    /// [`CrlError`].
    pub async fn publish_until(
        &self,
        issuing: &Issuing,
        planned: bool,
        next_update: Timestamp,
    ) -> Result<CrlRecord, CrlError> {
        let path = self.path(issuing.id());
        let _alone = lock(&path, issuing.id())?;
        let now = self.clock.now();
        let issuer = issuing.id();
        let number = unit_of_work!(&*self.store, CrlError, |tx| {
            let last = tx.crl_number(issuer).await?;
            let number = tx.take_crl_number(issuer, last).await?;
            let event = Event::CrlSigning { issuer: issuer.clone(), number };
            audit::record(tx, now, Actor::Authority, event).await?;
            number
        })?;

        // Read after the number was taken: a higher number never lists less.
        let (covers, entries) = self.entries(issuer).await?;
        let record = CrlRecord {
            issuer: issuer.clone(),
            list: ListKind::Full,
            number,
            base: None,
            this_update: now,
            next_update,
            entries: i64::try_from(entries.len()).unwrap_or(i64::MAX),
            covers,
            planned,
            sha256: Sha256([0; 32]),
        };
        let (crl, record) = sign(issuing.clone(), record, entries).await?;
        unit_of_work!(&*self.store, CrlError, |tx| {
            tx.add_crl(&record).await?;
            let event =
                Event::CrlSigned { issuer: issuer.clone(), number, entries: record.entries, sha256: record.sha256 };
            audit::record(tx, now, Actor::Authority, event).await?;
        })?;

        match published_number(&path) {
            Some(published) if published >= number => return Err(CrlError::StaleNumber { number, published }),
            _ => {}
        }
        durable::replace(&path, &crl, durable::PUBLIC).map_err(|error| CrlError::File { path, error })?;
        metrics::counter!("ca_crls_total", "issuer" => issuer.to_string()).increment(1);
        tracing::info!(%issuer, number, entries = record.entries, "Published list {number} of {issuer}");
        Ok(record)
    }

    /// Held and revoked certificates, and up to which line of the feed they are told. An expired one stands on the
    /// first planned list after its end and then leaves (RFC 5280 §3.3).
    async fn entries(&self, issuer: &IssuerId) -> Result<(i64, Vec<Unusable>), CrlError> {
        let mut tx = self.store.begin_read().await?;
        let covers = tx.feed().await?.head;
        let still_valid_at = tx.last_planned_crl(issuer, ListKind::Full).await?;
        let still_valid_at = still_valid_at.map_or(Timestamp::from_unix(0), |planned| planned.this_update);
        let mut entries = Vec::new();
        let mut after = String::new();
        loop {
            let page = tx.unusable(issuer, still_valid_at, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.serial.to_string();
            entries.extend(page);
        }
        Ok((covers, entries))
    }

    /// Publishes what is due.
    ///
    /// # Errors
    /// The first [`CrlError`]; the others are tried all the same.
    pub async fn publish_due(&self, issuers: &[Arc<Issuing>]) -> Result<usize, CrlError> {
        let (mut published, mut failed) = (0, None);
        for issuing in issuers {
            let outcome = match self.due(issuing.id()).await {
                Ok(Some(planned)) => self.publish(issuing, planned).await.map(|_| 1),
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

async fn sign(issuing: Issuing, record: CrlRecord, entries: Vec<Unusable>) -> Result<(Vec<u8>, CrlRecord), CrlError> {
    let work = move || {
        let material = CrlMaterial { certificate: issuing.certificate(), key: &issuing.crl_key, record: &record };
        let crl = build_crl(&material, &entries)?;
        let sha256 = Sha256(openssl::sha::sha256(&crl));
        Ok((crl, CrlRecord { sha256, ..record }))
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| CrlError::Stopped(error.to_string()))?
}

/// The number of the list in a file; `None` if there is none that can be read.
fn published_number(path: &Path) -> Option<i64> {
    let list: CertificateList = CertificateList::from_der(&std::fs::read(path).ok()?).ok()?;
    let mut extensions = list.tbs_cert_list.crl_extensions.iter().flatten();
    let number = extensions.find(|extension| extension.extn_id == CrlNumber::OID)?;
    let number = CrlNumber::from_der(number.extn_value.as_bytes()).ok()?;
    let octets = number.0.as_bytes();
    octets.iter().try_fold(0_i64, |value, octet| value.checked_mul(256)?.checked_add(i64::from(*octet)))
}

fn lock(path: &Path, issuer: &IssuerId) -> Result<File, CrlError> {
    let lock = path.with_extension("lock");
    let failed = |error| CrlError::File { path: lock.clone(), error };
    let file = File::options().create(true).truncate(false).write(true).open(&lock).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CrlError::Busy(issuer.clone())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
