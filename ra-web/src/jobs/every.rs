//! How often something comes round.

use ca_core::domain::Timestamp;

/// How often something comes round. What was missed while nothing ran comes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// After so many seconds.
    Seconds(i64),
    /// Each Beijing day, so many seconds after midnight.
    DayAt(i64),
}

impl Every {
    /// The first time after `now`.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Seconds(seconds) => now.plus(seconds.max(1)),
            Self::DayAt(seconds) => {
                let today = now.beijing_day().first_second().plus(seconds);
                if today > now { today } else { now.beijing_day().plus_days(1).first_second().plus(seconds) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ca_core::domain::BeijingDay;

    use super::*;

    #[test]
    fn a_day_has_one_time_and_the_next_is_always_later() {
        let day = BeijingDay::from_calendar(2026, 11, 30).expect("a day");
        let seven = |day: BeijingDay| day.first_second().plus(7 * 3600);
        let every = Every::DayAt(7 * 3600);
        assert_eq!(every.after(day.first_second()), seven(day));
        assert_eq!(every.after(seven(day)), seven(day.plus_days(1)));
        assert_eq!(every.after(day.last_second()), seven(day.plus_days(1)));
        let now = day.first_second();
        assert_eq!(Every::Seconds(0).after(now), now.plus(1));
    }
}
