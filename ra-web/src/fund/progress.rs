//! How far the booking of an operation is, for whoever waits for it.
//!
//! For: a list of ten thousand employees is looked at and written row by row in one transaction, of which nobody sees anything before
//! it is committed. Lies in the memory of the process that books, bounded, and is forgotten when the booking ends, however it
//! ends. Holds serial numbers, units and counts, and tells a unit of its own alone. Nothing rests on it: what stands in the books
//! says the store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::account::AccountNumber;

/// So many bookings are told of at once; more are made all the same.
const MOST: usize = 1_000;

/// What is done at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The business is made anew by the rules.
    Checking,
    /// Accounts, entries and changes are written.
    Writing,
    /// State, evidence and audit are written, and all of it becomes durable.
    Closing,
}

impl Stage {
    /// Every one, in order.
    pub const ALL: [Self; 3] = [Self::Checking, Self::Writing, Self::Closing];

    /// Its word, also the end of the message key `fund-progress-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Writing => "writing",
            Self::Closing => "closing",
        }
    }
}

/// How far a booking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Far {
    /// What is done.
    pub stage: Stage,
    /// Rows of this stage that are done. Where one statement reads all of them they are done at once.
    pub done: usize,
    /// Of so many.
    pub total: usize,
}

/// The bookings that are under way.
#[derive(Debug, Default)]
pub struct Register(Mutex<BTreeMap<String, (AccountNumber, Far)>>);

impl Register {
    /// How far the booking of an operation of this unit is, and of no other's; nothing when none is under way.
    #[must_use]
    pub fn of(&self, unit: &AccountNumber, serial: &str) -> Option<Far> {
        self.lock().get(serial).filter(|(whose, _)| whose == unit).map(|(_, far)| *far)
    }

    /// Whether none is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// A booking begins. It is forgotten when what this answers is dropped. Of two of the same operation the first is told.
    pub(super) fn begin(&self, unit: &AccountNumber, serial: &str, rows: usize) -> Run<'_> {
        let mut running = self.lock();
        let told = running.len() < MOST && !running.contains_key(serial);
        if told {
            let far = Far { stage: Stage::Checking, done: 0, total: rows };
            running.insert(serial.to_owned(), (unit.clone(), far));
        }
        Run { register: told.then_some(self), serial: serial.to_owned() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (AccountNumber, Far)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A booking that is under way, told of by whoever books.
#[derive(Debug)]
pub struct Run<'a> {
    register: Option<&'a Register>,
    serial: String,
}

impl Run<'_> {
    /// One that nobody waits for.
    #[must_use]
    pub const fn untold() -> Self {
        Self { register: None, serial: String::new() }
    }

    /// A stage of so many rows begins.
    pub(super) fn enter(&self, stage: Stage, total: usize) {
        self.put(|far| *far = Far { stage, done: 0, total });
    }

    /// A row of it is done.
    pub(super) fn step(&self) {
        self.put(|far| far.done = (far.done + 1).min(far.total));
    }

    /// All rows are done, and what is left is the receipt.
    pub(super) fn close(&self) {
        self.put(|far| *far = Far { stage: Stage::Closing, done: far.total, ..*far });
    }

    fn put(&self, change: impl FnOnce(&mut Far)) {
        let Some(register) = self.register else { return };
        if let Some((_, far)) = register.lock().get_mut(&self.serial) {
            change(far);
            let Far { stage, done, total } = *far;
            tracing::trace!(serial = self.serial, stage = stage.word(), done, total, "A booking goes on");
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let Some(register) = self.register {
            register.lock().remove(&self.serial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> AccountNumber {
        text.parse().expect("an account")
    }

    #[test]
    fn a_unit_alone_is_told_of_its_booking_until_it_ends() {
        let register = Register::default();
        let (own, other) = (unit("0210000001"), unit("0210000002"));
        let run = register.begin(&own, "S1", 3);
        let far = || register.of(&own, "S1");
        assert_eq!(far(), Some(Far { stage: Stage::Checking, done: 0, total: 3 }));
        assert_eq!((register.of(&other, "S1"), register.of(&own, "S2")), (None, None));
        for done in [1, 2, 3, 3] {
            run.step();
            assert_eq!(far(), Some(Far { stage: Stage::Checking, done, total: 3 }), "never more than there are");
        }
        run.enter(Stage::Writing, 5);
        run.step();
        assert_eq!(far(), Some(Far { stage: Stage::Writing, done: 1, total: 5 }));
        run.close();
        assert_eq!(far(), Some(Far { stage: Stage::Closing, done: 5, total: 5 }));
        drop(run);
        assert!(far().is_none() && register.is_empty());
    }

    #[test]
    fn another_try_at_the_same_operation_neither_tells_nor_ends_the_first() {
        let register = Register::default();
        let own = unit("0210000001");
        let first = register.begin(&own, "S1", 3);
        let second = register.begin(&own, "S1", 9);
        second.enter(Stage::Writing, 9);
        second.step();
        drop(second);
        assert_eq!(register.of(&own, "S1"), Some(Far { stage: Stage::Checking, done: 0, total: 3 }));
        drop(first);
        assert!(register.is_empty());
    }

    #[test]
    fn it_is_bounded_and_a_panic_leaves_nothing_behind() {
        let register = Register::default();
        let own = unit("0210000001");
        let runs: Vec<Run<'_>> = (0..MOST + 5).map(|n| register.begin(&own, &format!("S{n}"), 1)).collect();
        assert_eq!(register.lock().len(), MOST);
        assert_eq!(register.of(&own, &format!("S{MOST}")), None);
        Run::untold().step();
        drop(runs);
        assert!(register.is_empty());
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _run = register.begin(&own, "S1", 1);
            panic!("while it is booked");
        }));
        assert!(died.is_err() && register.is_empty());
    }
}
