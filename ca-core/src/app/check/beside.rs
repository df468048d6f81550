//! The entries of one list beside the lines of the log that they must come from, both by serial number.

use std::ops::Range;

use tokio::sync::mpsc;

use super::lists::Page;
use crate::domain::{CertificateStatus, ListKind, RevocationReason, Timestamp};
use crate::lint::Listed;
use crate::store::ChangedStatus;

/// CRLReason certificateHold.
const CERTIFICATE_HOLD: u8 = 6;
/// CRLReason removeFromCRL.
const REMOVE_FROM_CRL: u8 = 8;
/// Differences of a list that are told; the rest is counted.
const MOST_TOLD: usize = 10;

/// What must stand on a list.
pub(super) struct Expected {
    /// The lines of the log that it tells of: after the start, up to the end.
    pub(super) seqs: Range<i64>,
    /// A certificate whose notAfter is before this does not stand on it any more,
    pub(super) still_valid_at: Timestamp,
    /// or, on the newest full list, before this.
    pub(super) still_on_newest: Timestamp,
    pub(super) this_update: Timestamp,
    pub(super) list: ListKind,
    /// Of the issuer.
    pub(super) shards: u16,
}

/// What a line of the log asks of a list.
#[derive(Debug, PartialEq, Eq)]
enum Asks {
    /// This date and reason, and this date of invalidity.
    Entry(Timestamp, u8, Option<Timestamp>),
    /// No entry.
    Absence,
    /// Another list, made later.
    Remaking,
    /// Nothing: the list is older than the line, and need not be made anew for it.
    Nothing,
}

impl Expected {
    fn asks(&self, line: &ChangedStatus) -> Asks {
        if let ListKind::Shard(shard) = self.list
            && line.serial.shard(self.shards) != shard
        {
            return Asks::Absence;
        }
        if line.seq > self.seqs.end {
            return if line.not_after >= self.still_on_newest { Asks::Remaking } else { Asks::Nothing };
        }
        if line.seq <= self.seqs.start || line.not_after < self.still_valid_at {
            return Asks::Absence;
        }
        // No entry is later than its list, though the clock was set back.
        let entry = |since: Timestamp, reason| Asks::Entry(since.min(self.this_update), reason, None);
        match line.status {
            CertificateStatus::Held { since } => entry(since, CERTIFICATE_HOLD),
            CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise } => {
                let since = since.min(self.this_update);
                let invalid_since = line.invalid_since.map(|date| date.min(since));
                Asks::Entry(since, RevocationReason::KeyCompromise.code(), invalid_since)
            }
            CertificateStatus::Revoked { since, reason } => entry(since, reason.code()),
            CertificateStatus::Good if self.list == ListKind::Delta => entry(line.changed, REMOVE_FROM_CRL),
            CertificateStatus::Good => Asks::Absence,
        }
    }
}

/// A list beside the log, as both pass.
pub(super) struct Beside {
    expected: Expected,
    pages: mpsc::Receiver<Page>,
    page: Page,
    at: usize,
    told: Vec<String>,
    untold: usize,
}

impl Beside {
    pub(super) fn new(expected: Expected, pages: mpsc::Receiver<Page>) -> Self {
        Self { expected, pages, page: Page::default(), at: 0, told: Vec::new(), untold: 0 }
    }

    /// Takes the next entry, which comes after the one before.
    pub(super) fn entry(&mut self, entry: Listed<'_>) {
        self.pass(Some(entry.serial));
        let Some(line) = self.line().filter(|line| line.serial.octets() == entry.serial) else {
            return self.tell(format!("{} is on it, and was never held or revoked", hex::encode(entry.serial)));
        };
        let serial = &line.serial;
        let different = match self.expected.asks(line) {
            Asks::Entry(since, reason, invalid_since)
                if (since, reason, invalid_since) == (entry.since, entry.reason, entry.invalid_since) =>
            {
                None
            }
            Asks::Entry(since, reason, date) if (since, reason) == (entry.since, entry.reason) => {
                let say = |date: Option<Timestamp>| date.map_or_else(|| "no day".to_owned(), Timestamp::beijing_text);
                let (listed, logged) = (say(entry.invalid_since), say(date));
                Some(format!("{serial} is not to be believed since {listed}, by the ledger since {logged}"))
            }
            Asks::Entry(since, reason, _) => Some(format!(
                "{serial} is on it since {} for reason {}, by the log since {} for reason {reason}",
                entry.since.beijing_text(),
                entry.reason,
                since.beijing_text()
            )),
            Asks::Absence => Some(format!("{serial} is on it, and by the log should not be")),
            Asks::Remaking => Some(not_made_anew(line)),
            Asks::Nothing => None,
        };
        self.at += 1;
        different.into_iter().for_each(|what| self.tell(what));
    }

    /// Ends the list, and tells what was found.
    pub(super) fn end(mut self) -> Vec<String> {
        self.pass(None);
        if self.untold > 0 {
            self.told.push(format!("and {} more entries that differ", self.untold));
        }
        self.told
    }

    /// Passes the lines before this serial number, or all that are left: there is no entry for them.
    fn pass(&mut self, until: Option<&[u8]>) {
        while self.fetch() {
            let Some(line) = self.line() else { return };
            if until.is_some_and(|until| line.serial.octets() >= until) {
                return;
            }
            let different = match self.expected.asks(line) {
                Asks::Entry(..) => Some(format!("{} should be on it, and is not", line.serial)),
                Asks::Remaking => Some(not_made_anew(line)),
                Asks::Absence | Asks::Nothing => None,
            };
            self.at += 1;
            different.into_iter().for_each(|what| self.tell(what));
        }
    }

    /// Makes sure that the next line of the log is here. `false` after the last.
    fn fetch(&mut self) -> bool {
        if self.at == self.page.len() {
            let Some(page) = self.pages.blocking_recv() else { return false };
            self.page = page;
            self.at = 0;
        }
        true
    }

    /// The next line of the log, if it is here.
    fn line(&self) -> Option<&ChangedStatus> {
        self.page.get(self.at)
    }

    fn tell(&mut self, what: String) {
        if self.told.len() < MOST_TOLD {
            self.told.push(what);
        } else {
            self.untold += 1;
        }
    }
}

fn not_made_anew(line: &ChangedStatus) -> String {
    format!("{} changed since, and the list was not made anew", line.serial)
}
