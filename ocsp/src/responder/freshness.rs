//! How recent our knowledge is, and whether it is recent enough to answer.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use ca_core::domain::Timestamp;

/// Set by the feed, asked by every answer.
pub(crate) struct Freshness {
    caught_up: AtomicBool,
    beat: AtomicI64,
    max_age: i64,
}

impl Freshness {
    /// Knows nothing yet; later, knowledge is good for `max_age_seconds` after a heartbeat.
    pub(crate) const fn new(max_age_seconds: i64) -> Self {
        Self { caught_up: AtomicBool::new(false), beat: AtomicI64::new(0), max_age: max_age_seconds }
    }

    /// All changes up to the authority's heartbeat at `beat` are in the index.
    pub(crate) fn heard(&self, beat: Timestamp) {
        self.beat.store(beat.unix(), Ordering::Release);
        self.caught_up.store(true, Ordering::Release);
    }

    /// The index may not be relied on until a snapshot was read.
    pub(crate) fn lost(&self) {
        self.caught_up.store(false, Ordering::Release);
    }

    /// Seconds since the last heartbeat; `None` before the first snapshot. Negative when the authority's clock
    /// is ahead of ours.
    pub(crate) fn age(&self, now: Timestamp) -> Option<i64> {
        let beat = Timestamp::from_unix(self.beat.load(Ordering::Acquire));
        self.caught_up.load(Ordering::Acquire).then(|| now.since(beat))
    }

    /// Whether an answer may be given. A heartbeat from the far future is no better than an old one: then one
    /// of the two clocks is wrong.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.age(now).is_some_and(|age| age.abs() <= self.max_age)
    }
}
