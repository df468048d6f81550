//! A bound on what callers can make us write.

use crate::domain::Timestamp;

/// Counts refusals within one hour, so that whoever can ask cannot fill the disk with the record of it.
#[derive(Debug)]
pub struct Budget {
    most: u32,
    since: Timestamp,
    count: u32,
}

impl Budget {
    /// At most so many in each hour.
    #[must_use]
    pub const fn new(most: u32) -> Self {
        Self { most, since: Timestamp::from_unix(0), count: 0 }
    }

    /// Whether one more may be written.
    pub fn take(&mut self, now: Timestamp) -> bool {
        if !(0..3600).contains(&now.since(self.since)) {
            *self = Self { since: now, ..Self::new(self.most) };
        }
        self.count = self.count.saturating_add(1);
        self.count <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_used_up_and_comes_back_with_the_hour() {
        let mut budget = Budget::new(2);
        let now = Timestamp::from_unix(10_000);
        assert_eq!([budget.take(now), budget.take(now), budget.take(now)], [true, true, false]);
        assert!(!budget.take(now.plus(3599)));
        assert!(budget.take(now.plus(3600)));
    }
}
