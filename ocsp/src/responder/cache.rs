//! Signed answers, ready to send.
//!
//! An entry remembers the status word that it was signed for, and is used only while the index still says the
//! same: a change in the index is what invalidates it, so that there is no moment between the two, and no
//! answer signed just before a change can be stored just after it and live on.
//!
//! A table of fixed size whose places are swapped whole: no lock, no growth. What is full gives up an answer that
//! nobody asked for lately.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use ca_core::domain::Timestamp;
use hyper::HeaderMap;

use super::index::{StatusIndex, Word};

/// Places in which an answer may stand.
const WAYS: usize = 8;

/// How many of an answer's certificates are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Good.
    pub(crate) good: u8,
    /// Revoked or held.
    pub(crate) revoked: u8,
    /// Never issued.
    pub(crate) unknown: u8,
}

/// A signed answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// DER of the response.
    pub(crate) der: Bytes,
    /// The header of a GET's answer, if caches outside may keep it for a while: with a strong validator of the bytes,
    /// and thisUpdate as the moment of their last change.
    pub(crate) keepable: Option<HeaderMap>,
    /// What it says.
    pub(crate) tally: Tally,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
}

/// An answer about one certificate, without nonce.
pub(super) struct Entry {
    pub(super) id: Box<[u8]>,
    pub(super) issuer: usize,
    pub(super) serial: Box<[u8]>,
    pub(super) word: Word,
    pub(super) answer: Arc<Answer>,
    asked: AtomicBool,
    /// The index's count of changes when it last said the same word.
    agreed: AtomicU64,
}

impl Entry {
    /// An answer that was signed for `word`.
    pub(super) fn new(id: &[u8], issuer: usize, serial: &[u8], word: Word, answer: Arc<Answer>) -> Arc<Self> {
        let (asked, agreed) = (AtomicBool::new(false), AtomicU64::new(u64::MAX));
        Arc::new(Self { id: id.into(), issuer, serial: serial.into(), word, answer, asked, agreed })
    }

    /// Whether the index still says what the answer says.
    fn holds(&self, index: &StatusIndex) -> bool {
        let changes = index.changes(&self.serial);
        if self.agreed.load(Ordering::Relaxed) == changes {
            return true;
        }
        let holds = index.find(&self.serial) == Some(self.word);
        if holds {
            self.agreed.store(changes, Ordering::Relaxed);
        }
        holds
    }

    /// Whether it is to be given: it holds, and is not past three quarters of its life.
    pub(super) fn serves(&self, index: &StatusIndex, now: Timestamp) -> bool {
        if has_lived(&self.answer, now, 75) || now < self.answer.this_update || !self.holds(index) {
            return false;
        }
        if !self.asked.load(Ordering::Relaxed) {
            self.asked.store(true, Ordering::Relaxed);
        }
        true
    }
}

/// Answers about one certificate each, without nonce, by the CertID's DER.
pub(super) struct AnswerCache {
    tags: Box<[AtomicU64]>,
    places: Box<[ArcSwapOption<Entry>]>,
    turn: AtomicU64,
}

impl AnswerCache {
    /// Holds about `capacity` answers of about a kilobyte each.
    pub(super) fn new(capacity: usize) -> Self {
        let places = capacity.div_ceil(WAYS).next_power_of_two() * WAYS;
        Self {
            tags: (0..places).map(|_| AtomicU64::new(0)).collect(),
            places: (0..places).map(|_| ArcSwapOption::empty()).collect(),
            turn: AtomicU64::new(0),
        }
    }

    /// Shows what is kept about this certificate, if anything is.
    pub(super) fn find<T>(&self, id: &[u8], see: impl FnOnce(&Entry) -> Option<T>) -> Option<T> {
        let tag = tag(id);
        for at in self.ways(tag) {
            if self.tags[at].load(Ordering::Relaxed) != tag {
                continue;
            }
            let entry = self.places[at].load();
            if let Some(entry) = &*entry
                && *entry.id == *id
            {
                return see(entry);
            }
        }
        None
    }

    /// Keeps an answer, in place of an older one about the same certificate, else in a place that is free, or whose
    /// answer nobody asked for lately, or else in any.
    pub(super) fn keep(&self, entry: Arc<Entry>) {
        let tag = tag(&entry.id);
        let mut best = None;
        for at in self.ways(tag) {
            let rank = match &*self.places[at].load() {
                Some(other) if other.id == entry.id => 0,
                None => 1,
                Some(other) if !other.asked.load(Ordering::Relaxed) => 2,
                Some(_) => continue,
            };
            if best.is_none_or(|(other, _)| rank < other) {
                best = Some((rank, at));
            }
        }
        let any = || {
            let turn = usize::try_from(self.turn.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
            self.ways(tag).start + turn % WAYS
        };
        let at = best.map_or_else(any, |(_, at)| at);
        self.tags[at].store(tag, Ordering::Relaxed);
        self.places[at].store(Some(entry));
    }

    /// Forgets answers that are past 40 % of their life and were not asked for since they were signed; names
    /// those that were.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Box<[u8]>> {
        let mut due = Vec::new();
        for place in &self.places {
            let entry = place.load();
            let Some(entry) = &*entry else { continue };
            if !has_lived(&entry.answer, now, 40) {
                continue;
            }
            if entry.asked.load(Ordering::Relaxed) {
                due.push(entry.id.clone());
            } else {
                place.store(None);
            }
        }
        due
    }

    pub(super) fn len(&self) -> usize {
        self.places.iter().filter(|place| place.load().is_some()).count()
    }

    fn ways(&self, tag: u64) -> std::ops::Range<usize> {
        // There is a power of two of them.
        let sets = self.places.len() / WAYS;
        let first = (usize::try_from(tag >> 8).unwrap_or(usize::MAX) & (sets - 1)) * WAYS;
        first..first + WAYS
    }
}

/// A mix of a CertID's length and last octets, which are those of the serial number. Never 0.
fn tag(id: &[u8]) -> u64 {
    let last = &id[id.len().saturating_sub(16)..];
    let bits = last.iter().fold(0_u128, |sum, octet| (sum << 8) | u128::from(*octet));
    let bits = super::index::Number::mixed(bits ^ id.len() as u128);
    bits.max(1)
}

/// Whether an answer has this much of its life behind it, in percent.
fn has_lived(answer: &Answer, now: Timestamp, percent: i64) -> bool {
    let whole = answer.next_update.since(answer.this_update).max(1);
    now.since(answer.this_update).saturating_mul(100) >= whole.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use ca_core::domain::{CertificateStatus, Serial};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn entry(id: &[u8]) -> Arc<Entry> {
        let answer = Answer {
            der: Bytes::new(),
            keepable: None,
            tally: Tally::default(),
            this_update: NOW,
            next_update: NOW.plus(300),
        };
        Entry::new(id, 0, &[0x5a; 16], Word::of(CertificateStatus::Good), Arc::new(answer))
    }

    fn id(number: u32) -> [u8; 20] {
        let mut id = [0x5a; 20];
        id[16..].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn what_is_full_gives_up_what_nobody_asked_for() {
        let (cache, index) = (AnswerCache::new(64), StatusIndex::new());
        index.apply(&Serial::from_der_content(&[0x5a; 16]).expect("positive"), CertificateStatus::Good);
        let wanted = entry(&id(0));
        cache.keep(wanted.clone());
        assert!(wanted.serves(&index, NOW));
        for number in 1..=40 {
            cache.keep(entry(&id(number)));
        }
        for number in 41..=1000 {
            cache.keep(entry(&id(number)));
            assert!(cache.find(&id(number), |_| Some(())).is_some());
        }
        assert!(cache.find(&id(0), |_| Some(())).is_some(), "the one that was asked for");
        assert!(cache.len() <= 64);
    }

    #[test]
    fn one_certificate_has_one_place() {
        let cache = AnswerCache::new(64);
        for _ in 0..10 {
            cache.keep(entry(&id(7)));
        }
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn an_answer_serves_while_the_index_agrees_and_most_of_its_life_is_left() {
        let index = StatusIndex::new();
        let serial = Serial::from_der_content(&[0x5a; 16]).expect("positive");
        let entry = entry(&id(7));
        assert!(!entry.serves(&index, NOW), "never issued");
        index.apply(&serial, CertificateStatus::Good);
        assert!(entry.serves(&index, NOW));
        assert!(entry.serves(&index, NOW.plus(224)));
        assert!(!entry.serves(&index, NOW.plus(225)));
        assert!(!entry.serves(&index, NOW.plus(-1)));
        index.apply(&serial, CertificateStatus::Held { since: NOW });
        assert!(!entry.serves(&index, NOW));
        index.apply(&serial, CertificateStatus::Good);
        assert!(entry.serves(&index, NOW), "released");
    }
}
