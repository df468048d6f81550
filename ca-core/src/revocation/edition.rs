//! The making of an edition: all lists of an issuer that come together.
//!
//! **Numbers.** Each edition takes one number of its issuer's one series, and every list in it has that number. So
//! the numbers of each list rise strictly (RFC 5280 §5.2.3), full lists and deltas share a series, and those made at
//! once have the same number (§5.2.3 again); a shard that did not change leaves some out, which is allowed.
//!
//! **Deltas.** A delta goes with the last full list that was made because it was time, before this edition: whoever
//! fetched that one, or any full list since, may combine them (§5.2.4: the base's number or higher, but lower than the
//! delta's). It lists every certificate that was held, revoked, released or amended since, as it stands now: a
//! released one as removeFromCRL, whether it stood on the base or only on a list in between.
//!
//! **Memory.** Entries go from the store, page by page, into the files of their lists ([`super::list_file`]).

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::error::CrlError;
use super::list_file::ListFile;
use crate::domain::{CertificateStatus, IssuerId, ListKind, ListScope, Sha256, Timestamp};
use crate::durable::Staged;
use crate::encode::crl::Head;
use crate::issuance::Issuing;
use crate::lint;
use crate::store::{CrlRecord, Tx, Unusable};

/// Entries that are read at once.
const PAGE: i64 = 10_000;

/// What is decided before an edition is made.
pub(super) struct Plan<'a> {
    pub(super) issuing: &'a Issuing,
    pub(super) number: i64,
    pub(super) now: Timestamp,
    pub(super) next_update: Timestamp,
    /// Whether it is made because it was time.
    pub(super) planned: bool,
    /// Where responders answer.
    pub(super) base_url: &'a str,
    /// The folder of lists.
    pub(super) folder: &'a Path,
}

/// A list whose entries are known.
pub(super) struct Draft {
    record: CrlRecord,
    scope: ListScope,
    previous: Option<u64>,
    file: ListFile,
}

/// The full list and the shards on their way, which share their entries.
struct Lists {
    full: Draft,
    shards: BTreeMap<u16, Draft>,
    /// Into how many shards the issuer's certificates are divided.
    of: u16,
    now: Timestamp,
}

impl Lists {
    fn write(&mut self, page: &[Unusable]) -> Result<(), CrlError> {
        for entry in page {
            let status = no_later(entry.status, self.now);
            self.full.file.writer().add_dated(&entry.serial, status, entry.invalid_since)?;
            if let Some(shard) = self.shards.get_mut(&entry.serial.shard(self.of)) {
                shard.file.writer().add_dated(&entry.serial, status, entry.invalid_since)?;
            }
        }
        Ok(())
    }
}

/// A list that is signed, and found right, beside its place.
pub(super) struct Signed {
    pub(super) record: CrlRecord,
    pub(super) staged: Staged,
}

/// A status as a list of `now` may give it. An entry must not be later than its list (RFC 5280 §5.1.2.6), and is when
/// the clock was set back since: rather an earlier date than no list. The store keeps the date as it was.
fn no_later(status: CertificateStatus, now: Timestamp) -> CertificateStatus {
    match status {
        CertificateStatus::Good => status,
        CertificateStatus::Held { since } => CertificateStatus::Held { since: since.min(now) },
        CertificateStatus::Revoked { since, reason } => CertificateStatus::Revoked { since: since.min(now), reason },
    }
}

impl Plan<'_> {
    fn issuer(&self) -> &IssuerId {
        self.issuing.id()
    }

    /// Reads what stands on the lists of this edition. Read after its number was taken, so that a higher number never
    /// says less.
    ///
    /// An expired certificate stands on the first planned list after its end and then leaves (RFC 5280 §3.3).
    pub(super) async fn drafts(&self, tx: &mut dyn Tx) -> Result<Vec<Draft>, CrlError> {
        let covers = tx.feed().await?.head;
        let last = tx.last_crl(self.issuer(), ListKind::Full).await?;
        let base = tx.last_planned_crl(self.issuer(), ListKind::Full).await?;
        let still_valid_at = base.as_ref().map_or(Timestamp::from_unix(0), |base| base.this_update);

        let full = self.draft(tx, ListKind::Full, covers, None).await?;
        let mut shards = BTreeMap::new();
        let since = last.map_or(0, |last| last.covers);
        for shard in self.shards(tx, since..covers, still_valid_at).await? {
            shards.insert(shard, self.draft(tx, ListKind::Shard(shard), covers, None).await?);
        }
        let mut lists = Lists { full, shards, of: self.issuing.crl_shards(), now: self.now };
        let mut page = tx.unusable(self.issuer(), still_valid_at, "", PAGE).await?;
        while let Some(last) = page.last() {
            let after = last.serial.to_string();
            // A page is written while the next is read.
            let written = tokio::task::spawn_blocking(move || lists.write(&page).map(|()| lists));
            page = tx.unusable(self.issuer(), still_valid_at, &after, PAGE).await?;
            lists = written.await.map_err(|error| CrlError::Stopped(error.to_string()))??;
        }
        let Lists { full, shards, .. } = lists;
        let mut drafts = vec![full];
        if !self.issuing.is_root() {
            // With the first full list comes an empty delta, so that there is one where the list says.
            let (number, since) = base.map_or((self.number, covers), |base| (base.number, base.covers));
            let mut delta = self.draft(tx, ListKind::Delta, covers, Some(number)).await?;
            self.changes(tx, &mut delta, since..covers, still_valid_at).await?;
            drafts.push(delta);
        }
        drafts.extend(shards.into_values());
        Ok(drafts)
    }

    /// All shards of a planned edition; of another those that changed, or were never made.
    async fn shards(&self, tx: &mut dyn Tx, seqs: Range<i64>, still_valid_at: Timestamp) -> Result<Vec<u16>, CrlError> {
        let all = 0..self.issuing.crl_shards();
        if self.planned || all.is_empty() {
            return Ok(all.collect());
        }
        let mut due = vec![false; usize::from(self.issuing.crl_shards())];
        for shard in all.clone() {
            due[usize::from(shard)] = tx.last_crl(self.issuer(), ListKind::Shard(shard)).await?.is_none();
        }
        let mut after = String::new();
        loop {
            let page = tx.changed_between(self.issuer(), seqs.clone(), still_valid_at, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.serial.to_string();
            for shard in page.iter().filter_map(|change| self.issuing.shard(&change.serial)) {
                due[usize::from(shard)] = true;
            }
        }
        Ok(all.filter(|shard| due[usize::from(*shard)]).collect())
    }

    async fn changes(
        &self,
        tx: &mut dyn Tx,
        delta: &mut Draft,
        seqs: Range<i64>,
        still_valid_at: Timestamp,
    ) -> Result<(), CrlError> {
        let mut after = String::new();
        loop {
            let page = tx.changed_between(self.issuer(), seqs.clone(), still_valid_at, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.serial.to_string();
            for change in page {
                match change.status {
                    CertificateStatus::Good => {
                        delta.file.writer().remove(&change.serial, change.changed.min(self.now))?;
                    }
                    status => {
                        let status = no_later(status, self.now);
                        delta.file.writer().add_dated(&change.serial, status, change.invalid_since)?;
                    }
                }
            }
        }
    }

    async fn draft(&self, tx: &mut dyn Tx, list: ListKind, covers: i64, base: Option<i64>) -> Result<Draft, CrlError> {
        let base_number = unsigned(base.unwrap_or(self.number));
        let scope = list.scope(self.base_url, self.issuer(), self.issuing.is_root(), base_number);
        let previous = tx.last_crl(self.issuer(), list).await?.map(|last| unsigned(last.number));
        let head = Head {
            issuer_certificate: self.issuing.certificate(),
            scope: &scope,
            number: unsigned(self.number),
            this_update: self.now,
            next_update: self.next_update,
        };
        let path = self.folder.join(list.file(self.issuer()));
        let file = ListFile::begin(&path, &head, &self.issuing.crl_key)?;
        Ok(Draft {
            record: CrlRecord {
                issuer: self.issuer().clone(),
                list,
                number: self.number,
                base,
                this_update: self.now,
                next_update: self.next_update,
                entries: 0,
                covers,
                planned: self.planned,
                sha256: Sha256([0; 32]),
            },
            scope,
            previous,
            file,
        })
    }
}

impl Draft {
    /// Lints the list and signs it.
    pub(super) fn sign(self, issuing: &Issuing) -> Result<Signed, CrlError> {
        let Self { mut record, scope, previous, file } = self;
        let context = lint::CrlContext {
            issuer: issuing.certificate(),
            key: issuing.public_key(),
            scope: &scope,
            previous,
            now: record.this_update,
        };
        let signed = file.sign(&context, &issuing.crl_key)?;
        record.entries = i64::try_from(signed.entries).unwrap_or(i64::MAX);
        record.sha256 = signed.sha256;
        Ok(Signed { record, staged: signed.staged })
    }
}

/// Numbers of lists are positive.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
