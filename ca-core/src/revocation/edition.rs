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
//! **Memory.** Entries go from the store, page by page, into scratch files without a name beside the lists; each list
//! is signed while it is read from there, then read anew, linted and verified as a stream.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::error::CrlError;
use crate::domain::{CertificateStatus, IssuerId, ListKind, ListScope, Sha256, Timestamp};
use crate::durable::{self, Staged};
use crate::encode::crl::{CrlWriter, Head};
use crate::issuance::{Issuing, listed};
use crate::lint;
use crate::store::{CrlRecord, Tx};

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
    writer: CrlWriter<File>,
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

        let mut full = self.draft(tx, ListKind::Full, covers, None).await?;
        let mut shards = BTreeMap::new();
        let since = last.map_or(0, |last| last.covers);
        for shard in self.shards(tx, since..covers, still_valid_at).await? {
            shards.insert(shard, self.draft(tx, ListKind::Shard(shard), covers, None).await?);
        }
        let mut after = String::new();
        loop {
            let page = tx.unusable(self.issuer(), still_valid_at, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.serial.to_string();
            for entry in page {
                let status = no_later(entry.status, self.now);
                full.writer.add(&entry.serial, status)?;
                if let Some(shard) = self.issuing.shard(&entry.serial).and_then(|shard| shards.get_mut(&shard)) {
                    shard.writer.add(&entry.serial, status)?;
                }
            }
        }
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
                    CertificateStatus::Good => delta.writer.remove(&change.serial, change.changed.min(self.now))?,
                    status => delta.writer.add(&change.serial, no_later(status, self.now))?,
                }
            }
        }
    }

    async fn draft(&self, tx: &mut dyn Tx, list: ListKind, covers: i64, base: Option<i64>) -> Result<Draft, CrlError> {
        let base_number = unsigned(base.unwrap_or(self.number));
        let scope = list.scope(self.base_url, self.issuer(), self.issuing.is_root(), base_number);
        let previous = tx.last_crl(self.issuer(), list).await?.map(|last| unsigned(last.number));
        let scratch = tempfile::tempfile_in(self.folder).map_err(CrlError::file(self.folder))?;
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
            writer: CrlWriter::new(scratch),
        })
    }
}

impl Draft {
    /// Signs the list into a file beside its place, reads it anew, lints it and verifies its signature.
    pub(super) fn sign(self, issuing: &Issuing, folder: &Path) -> Result<Signed, CrlError> {
        let Self { mut record, scope, previous, writer } = self;
        let path = folder.join(record.list.file(&record.issuer));
        let mut staged = Staged::new(&path, durable::PUBLIC).map_err(CrlError::file(&path))?;
        let head = Head {
            issuer_certificate: issuing.certificate(),
            scope: &scope,
            number: unsigned(record.number),
            this_update: record.this_update,
            next_update: record.next_update,
        };
        let written = writer.finish(&head, &issuing.crl_key, staged.file())?;
        staged.file().seek(SeekFrom::Start(0)).map_err(CrlError::file(&path))?;
        let context = lint::CrlContext {
            issuer: issuing.certificate(),
            key: issuing.public_key(),
            scope: &scope,
            previous,
            now: record.this_update,
        };
        let seen = lint::crl(staged.file(), &context).map_err(CrlError::file(&path))?;
        if !seen.findings.is_empty() {
            return Err(CrlError::Lint(listed(&seen.findings)));
        }
        if seen.entries != written.entries {
            return Err(CrlError::Lint(format!(
                "{} entries were written, {} are there",
                written.entries, seen.entries
            )));
        }
        record.entries = i64::try_from(seen.entries).unwrap_or(i64::MAX);
        record.sha256 = seen.sha256;
        Ok(Signed { record, staged })
    }
}

/// Numbers of lists are positive.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
