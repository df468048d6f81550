//! Whether there is more to sign than can be signed in time.
//!
//! A question is signed where it was read, so that it waits only before its turn: in a socket, and in the runtime's queue
//! behind others that are being signed. Nobody can count those, but what they cost can be bounded: between two looks of a
//! task that waits in the same queue, no more than a budget of time goes into signatures; what is more is told to come later,
//! which takes a fraction of the time, and the queue is through. So however many come at once, the last of them waits no
//! longer than the budget and the cheap answers before it. Time is measured as it passes, so that a machine that is busy with
//! other things has a smaller budget by itself; and when the look comes late all the same the budget is halved, and grows
//! again step by step.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::wire::Failure;

/// How often it looks, when it is not late.
const TICK: Duration = Duration::from_millis(10);
/// The budget of a worker of the runtime between two looks, at most and at least. Half of what an answer may take: those
/// before it and its own look.
const MOST: Duration = Duration::from_millis(25);
const LEAST: Duration = Duration::from_millis(3);
/// A look that comes later than this halves the budget.
const LATE: Duration = Duration::from_millis(30);
/// Fewer signatures than these between two looks make nobody late.
const FEW: u64 = 64;

/// What signing costs at the moment.
pub(crate) struct Load {
    /// Nanoseconds that signatures took since the last look.
    spent: AtomicU64,
    /// How many there were.
    signed: AtomicU64,
    /// How many nanoseconds they may take.
    budget: AtomicU64,
}

impl Load {
    pub(super) fn new() -> Self {
        Self { spent: AtomicU64::new(0), signed: AtomicU64::new(0), budget: AtomicU64::new(nanoseconds(MOST)) }
    }

    /// Looks again and again; never returns.
    pub(crate) async fn watch(&self) {
        let workers = u64::try_from(Handle::current().metrics().num_workers()).unwrap_or(1);
        loop {
            let due = Instant::now() + TICK;
            tokio::time::sleep_until(due).await;
            self.look(due.elapsed(), workers);
        }
    }

    fn look(&self, late: Duration, workers: u64) {
        let many = self.signed.swap(0, Ordering::Relaxed) >= FEW;
        self.spent.store(0, Ordering::Relaxed);
        let (least, most) = (nanoseconds(LEAST) * workers, nanoseconds(MOST) * workers);
        let budget = self.budget.load(Ordering::Relaxed);
        let next = if many && late > LATE { budget / 2 } else { budget + most / 16 };
        self.budget.store(next.clamp(least, most), Ordering::Relaxed);
    }

    /// Whether a question may be signed. Those about certificates that were never issued, of which anyone can think up any
    /// number, are the first to be turned away.
    pub(super) fn admit(&self, issued: bool) -> Result<(), Failure> {
        let budget = self.budget.load(Ordering::Relaxed);
        let bound = if issued { budget } else { budget / 2 };
        let used_up = self.spent.load(Ordering::Relaxed) >= bound && self.signed.load(Ordering::Relaxed) >= FEW;
        if used_up { Err(Failure::TryLater) } else { Ok(()) }
    }

    /// Makes a signature, if it may be made, and counts its time.
    pub(super) fn sign<T>(&self, issued: bool, make: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        self.admit(issued)?;
        let start = std::time::Instant::now();
        let made = make();
        self.spend(start.elapsed());
        made
    }

    fn spend(&self, time: Duration) {
        self.spent.fetch_add(nanoseconds(time), Ordering::Relaxed);
        self.signed.fetch_add(1, Ordering::Relaxed);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs until it is turned away, each in this time; how many were signed.
    fn flood(load: &Load, issued: bool, each: Duration) -> u32 {
        let mut signed = 0;
        while load.admit(issued).is_ok() && signed < 1_000_000 {
            load.spend(each);
            signed += 1;
        }
        signed
    }

    #[test]
    fn what_comes_at_once_is_signed_up_to_the_budget_the_unissued_up_to_half_of_it() {
        for (each, issued, count) in
            [(25, true, 1000), (25, false, 500), (100, true, 250), (100, false, 125), (5_000, true, 64)]
        {
            let each = Duration::from_micros(each);
            let load = Load::new();
            assert_eq!(flood(&load, issued, each), count, "{each:?}");
            assert!(load.admit(issued).is_err());
            load.look(Duration::ZERO, 1);
            assert_eq!(flood(&load, issued, each), count, "{each:?}: after a look");
        }
    }

    #[test]
    fn two_workers_have_twice_as_much() {
        let load = Load::new();
        for _ in 0..16 {
            load.look(Duration::ZERO, 2);
        }
        assert_eq!(flood(&load, true, Duration::from_micros(25)), 2000);
    }

    #[test]
    fn a_look_that_comes_late_halves_the_budget_and_it_grows_again() {
        let load = Load::new();
        let each = Duration::from_micros(25);
        for count in [1000, 500, 250, 125, 120, 120] {
            assert_eq!(flood(&load, true, each), count);
            load.look(Duration::from_millis(50), 1);
        }
        for _ in 0..16 {
            load.look(Duration::ZERO, 1);
        }
        assert_eq!(flood(&load, true, each), 1000);
    }

    #[test]
    fn a_machine_that_is_busy_with_other_things_turns_nobody_away() {
        let load = Load::new();
        for _ in 0..20 {
            for _ in 0..FEW - 1 {
                load.spend(Duration::from_millis(1));
                assert!(load.admit(false).is_ok());
            }
            load.look(Duration::from_secs(1), 1);
        }
        assert_eq!(flood(&load, true, Duration::from_micros(25)), 1000);
    }

    #[tokio::test]
    async fn it_looks_by_itself() {
        let load = std::sync::Arc::new(Load::new());
        let watched = load.clone();
        let watch = tokio::spawn(async move { watched.watch().await });
        flood(&load, true, Duration::from_micros(25));
        assert!(load.admit(true).is_err());
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(load.admit(true).is_ok());
        watch.abort();
    }
}
