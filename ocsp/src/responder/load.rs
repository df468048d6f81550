//! Whether there is more to sign than can be signed in time.
//!
//! Questions wait in sockets and in the runtime's own queue, where nobody can count them. So a task that wants to run
//! every few milliseconds looks how late it comes: that late comes everybody else too. A machine that is busy with
//! other things makes it late as well; only where many signatures were made meanwhile are they the reason.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::Failure;

/// How often it looks.
const TICK: Duration = Duration::from_millis(10);
/// Above this, in milliseconds, nothing more is signed: an answer that takes twice as long is still in time.
const LATE: u64 = 15;
/// Fewer signatures than these between two looks make nobody late.
const FEW: u64 = 64;

/// How late things are.
pub(crate) struct Load {
    late: AtomicU64,
    admitted: AtomicU64,
}

impl Load {
    pub(super) const fn new() -> Self {
        Self { late: AtomicU64::new(0), admitted: AtomicU64::new(0) }
    }

    /// Looks again and again; never returns.
    pub(crate) async fn watch(&self) {
        loop {
            let due = Instant::now() + TICK;
            tokio::time::sleep_until(due).await;
            self.is_behind(due.elapsed());
        }
    }

    fn is_behind(&self, late: Duration) {
        let admitted = self.admitted.swap(0, Ordering::Relaxed);
        let late = if admitted < FEW { 0 } else { u64::try_from(late.as_millis()).unwrap_or(u64::MAX) };
        self.late.store(late, Ordering::Relaxed);
    }

    /// Lets a question through to be signed. Those about certificates that were never issued, of which anyone can think
    /// up any number, are the first to be turned away.
    pub(super) fn admit(&self, urgent: bool) -> Result<(), Failure> {
        let bound = if urgent { LATE } else { LATE / 2 };
        if self.late.load(Ordering::Relaxed) > bound {
            return Err(Failure::TryLater);
        }
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(load: &Load, count: u64) {
        for _ in 0..count {
            load.admit(true).expect("not late yet");
        }
    }

    #[test]
    fn who_comes_late_turns_questions_away_the_unissued_first() {
        for (late, unissued, issued) in [(0, true, true), (10, false, true), (50, false, false), (2, true, true)] {
            let load = Load::new();
            sign(&load, FEW);
            load.is_behind(Duration::from_millis(late));
            assert_eq!((load.admit(false).is_ok(), load.admit(true).is_ok()), (unissued, issued), "{late} ms");
        }
    }

    #[test]
    fn after_a_pause_all_are_let_in_again() {
        let load = Load::new();
        sign(&load, FEW);
        load.is_behind(Duration::from_secs(1));
        assert!(load.admit(true).is_err());
        load.is_behind(Duration::from_secs(1));
        assert!(load.admit(true).is_ok(), "nothing was signed meanwhile");
    }

    #[test]
    fn a_machine_that_is_busy_with_other_things_turns_nobody_away() {
        let load = Load::new();
        sign(&load, FEW - 1);
        load.is_behind(Duration::from_secs(1));
        assert!(load.admit(false).is_ok());
    }

    #[tokio::test]
    async fn a_blocked_runtime_is_noticed() {
        let load = std::sync::Arc::new(Load::new());
        let watched = load.clone();
        let watch = tokio::spawn(async move { watched.watch().await });
        tokio::time::sleep(Duration::from_millis(30)).await;
        sign(&load, FEW);
        std::thread::sleep(Duration::from_millis(200));
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        assert!(load.admit(true).is_err());
        watch.abort();
    }
}
