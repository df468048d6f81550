//! Signed answers, ready to send.
//!
//! An entry remembers the status word that it was signed for, and is used only while the index still says the
//! same: a change in the index is what invalidates it, so that there is no moment between the two, and no
//! answer signed just before a change can be stored just after it and live on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use ca_core::domain::Timestamp;
use hyper::header::HeaderValue;

use super::index::Word;

const SHARDS: usize = 64;

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
    /// Strong validator of these bytes.
    pub(crate) etag: HeaderValue,
    /// thisUpdate as an HTTP date.
    pub(crate) last_modified: HeaderValue,
    /// Whether a cache outside may keep it for a while.
    pub(crate) cacheable: bool,
    /// What it says.
    pub(crate) tally: Tally,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
}

struct Entry {
    answer: Arc<Answer>,
    word: Word,
    asked: AtomicBool,
}

type Shard = HashMap<Box<[u8]>, Entry>;

/// Answers about one certificate each, without nonce, by the CertID's DER.
pub(super) struct AnswerCache {
    shards: Vec<RwLock<Shard>>,
    shard_capacity: usize,
}

impl AnswerCache {
    /// Holds about `capacity` answers of about a kilobyte each.
    pub(super) fn new(capacity: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), shard_capacity: capacity.div_ceil(SHARDS) }
    }

    /// The answer for this status, if it is not past three quarters of its life.
    pub(super) fn find(&self, id: &[u8], word: Word, now: Timestamp) -> Option<Arc<Answer>> {
        let shard = read(self.shard(id));
        let entry = shard.get(id).filter(|entry| entry.word == word)?;
        if life(&entry.answer, now) >= 75 || now < entry.answer.this_update {
            return None;
        }
        if !entry.asked.load(Ordering::Relaxed) {
            entry.asked.store(true, Ordering::Relaxed);
        }
        Some(entry.answer.clone())
    }

    /// Keeps an answer, in place of an older one about the same certificate. One that is full gives up an
    /// entry that nobody asked for lately, or else any.
    pub(super) fn keep(&self, id: &[u8], word: Word, answer: Arc<Answer>) {
        let mut shard = write(self.shard(id));
        if shard.len() >= self.shard_capacity && !shard.contains_key(id) {
            let idle = shard.iter().take(8).find(|(_, entry)| !entry.asked.load(Ordering::Relaxed));
            if let Some(victim) = idle.or_else(|| shard.iter().next()).map(|(id, _)| id.clone()) {
                shard.remove(&victim);
            }
        }
        shard.insert(id.into(), Entry { answer, word, asked: AtomicBool::new(false) });
    }

    /// Forgets answers that are past 40 % of their life and were not asked for since they were signed; names
    /// those that were.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Box<[u8]>> {
        let mut due = Vec::new();
        for shard in &self.shards {
            if read(shard).values().all(|entry| life(&entry.answer, now) < 40) {
                continue;
            }
            write(shard).retain(|id, entry| {
                let aged = life(&entry.answer, now) >= 40;
                let wanted = entry.asked.load(Ordering::Relaxed);
                if aged && wanted {
                    due.push(id.clone());
                }
                wanted || !aged
            });
        }
        due
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).len()).sum()
    }

    fn shard(&self, id: &[u8]) -> &RwLock<Shard> {
        // The last octet of a CertID is the last of the serial number, which is random.
        &self.shards[usize::from(id.last().copied().unwrap_or(0)) % SHARDS]
    }
}

/// How much of its life an answer has behind it, in percent; 100 and more is past its end.
fn life(answer: &Answer, now: Timestamp) -> i64 {
    let whole = answer.next_update.since(answer.this_update).max(1);
    now.since(answer.this_update).saturating_mul(100) / whole
}

fn read(lock: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(lock: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
