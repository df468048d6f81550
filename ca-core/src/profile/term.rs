//! How long certificates live, and when their life begins and ends.

use crate::domain::{Timestamp, Validity};

/// How long a certificate may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Years, ending with a Beijing day (`domain.md` §1.2).
    Years {
        /// At most so many.
        most: u8,
        /// When the first day begins.
        begins: Begins,
        /// Which day is the last.
        ends: Ends,
        /// At most so many days of an old certificate's life may stand before these years when it is renewed early.
        carry_days: u16,
    },
    /// At most so many seconds.
    Seconds(i64),
}

/// When a life in years begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begins {
    /// At 00:00:00 of the Beijing day of issue.
    #[default]
    DayStart,
    /// At the second of issue, as in 2014.
    Moment,
}

/// With which day a life in years ends, at 23:59:59.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The same calendar day, years later.
    #[default]
    SameDay,
    /// The day before that, as in 2014.
    DayBefore,
}

impl Term {
    /// The life of a certificate issued at this moment, for so many years, or for as many seconds as there may be.
    #[must_use]
    pub fn validity(self, now: Timestamp, years: u8) -> Validity {
        match self {
            Self::Seconds(seconds) => Validity::seconds(now, seconds),
            Self::Years { begins, ends, .. } => {
                let day = now.beijing_day();
                let not_before = match begins {
                    Begins::DayStart => day.first_second(),
                    Begins::Moment => now,
                };
                Validity { not_before, not_after: ends.last_second(not_before, years) }
            }
        }
    }

    /// The life of a certificate that renews one with this end: so many years from that end, which is a last day
    /// already, or from now when it is past (`domain.md` §3.5).
    #[must_use]
    pub fn extended(self, now: Timestamp, old_end: Timestamp, years: u8) -> Validity {
        let fresh = self.validity(now, years);
        if old_end <= now {
            return fresh;
        }
        Validity { not_after: old_end.beijing_day().plus_years(years).last_second(), ..fresh }
    }
}

impl Ends {
    /// The last second of a life of so many years from this moment.
    pub(super) fn last_second(self, not_before: Timestamp, years: u8) -> Timestamp {
        let day = not_before.beijing_day().plus_years(years);
        match self {
            Self::SameDay => day.last_second(),
            Self::DayBefore => day.plus_days(-1).last_second(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BeijingDay;

    #[test]
    fn the_practice_of_2014_begins_with_the_second_and_ends_a_day_earlier() {
        let issued = BeijingDay::from_calendar(2014, 1, 15).expect("day").first_second().plus(36_000);
        let old =
            Term::Years { most: 5, begins: Begins::Moment, ends: Ends::DayBefore, carry_days: 0 }.validity(issued, 1);
        assert_eq!(old.not_before, issued);
        assert_eq!(old.not_after.beijing_text(), "2015-01-14 23:59:59");
        let new =
            Term::Years { most: 5, begins: Begins::DayStart, ends: Ends::SameDay, carry_days: 0 }.validity(issued, 1);
        assert_eq!(new.not_before.beijing_text(), "2014-01-15 00:00:00");
        assert_eq!(new.not_after.beijing_text(), "2015-01-15 23:59:59");
        assert_eq!(Term::Seconds(60).validity(issued, 9), Validity::seconds(issued, 60));
    }
}
