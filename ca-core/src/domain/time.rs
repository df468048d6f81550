//! Moments, Beijing days and the validity of certificates.
//!
//! Stored time is UTC in unix seconds; law and contracts count days of UTC+8, which has no summer time
//! (`domain.md` §1.2: a certificate is valid from 00:00:00 of one Beijing day to 23:59:59 of another).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month, OffsetDateTime, UtcOffset};

const BEIJING_SECONDS: i64 = 8 * 3600;
const DAY_SECONDS: i64 = 86_400;

/// A moment: unix seconds, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `seconds` after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The moment that is `seconds` later (earlier if negative).
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this moment; negative when it is the other way round.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The Beijing day in which this moment lies.
    #[must_use]
    pub const fn beijing_day(self) -> BeijingDay {
        BeijingDay((self.0 + BEIJING_SECONDS).div_euclid(DAY_SECONDS))
    }

    /// `2026-11-23 20:29:08` of Beijing, as pages and letters show it.
    #[must_use]
    pub fn beijing_text(self) -> String {
        let t = (self.0 + BEIJING_SECONDS).rem_euclid(DAY_SECONDS);
        format!("{} {:02}:{:02}:{:02}", self.beijing_day(), t / 3600, t % 3600 / 60, t % 60)
    }

    /// The moment as a date and time of UTC, or `None` outside the years that X.509 can write (1950 to 9999).
    #[must_use]
    pub fn to_utc(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .filter(|t| (1950..=9999).contains(&t.year()))
            .map(|t| t.to_offset(UtcOffset::UTC))
    }
}

/// A calendar day of UTC+8, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeijingDay(i64);

impl BeijingDay {
    /// The day of a calendar date, or `None` if there is no such date.
    #[must_use]
    pub fn from_calendar(year: i32, month: u8, day: u8) -> Option<Self> {
        let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
        Some(Self(i64::from(date.to_julian_day()) - i64::from(epoch().to_julian_day())))
    }

    /// 00:00:00 of the day.
    #[must_use]
    pub const fn first_second(self) -> Timestamp {
        Timestamp(self.0 * DAY_SECONDS - BEIJING_SECONDS)
    }

    /// 23:59:59 of the day.
    #[must_use]
    pub const fn last_second(self) -> Timestamp {
        Timestamp(self.0 * DAY_SECONDS - BEIJING_SECONDS + DAY_SECONDS - 1)
    }

    /// The same calendar day `years` later; 29 February becomes 28 February in a common year.
    #[must_use]
    pub fn plus_years(self, years: u8) -> Self {
        let date = self.date();
        let year = date.year() + i32::from(years);
        let moved = date
            .replace_year(year)
            .or_else(|_| Date::from_calendar_date(year, Month::February, 28))
            .unwrap_or(Date::MAX);
        Self(i64::from(moved.to_julian_day()) - i64::from(epoch().to_julian_day()))
    }

    /// The day `days` later (earlier if negative).
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    fn date(self) -> Date {
        epoch().saturating_add(Duration::days(self.0))
    }
}

impl fmt::Display for BeijingDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }
}

fn epoch() -> Date {
    OffsetDateTime::UNIX_EPOCH.date()
}

/// From the first to the last second of a certificate's life, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// notBefore.
    pub not_before: Timestamp,
    /// notAfter.
    pub not_after: Timestamp,
}

impl Validity {
    /// Whole Beijing days: from the first second of `from` to the last second of the same calendar day
    /// `years` later (`domain.md` §1.2).
    #[must_use]
    pub fn years(from: BeijingDay, years: u8) -> Self {
        Self { not_before: from.first_second(), not_after: from.plus_years(years).last_second() }
    }

    /// From `start` for exactly `seconds` (short-lived responder certificates).
    #[must_use]
    pub const fn seconds(start: Timestamp, seconds: i64) -> Self {
        Self { not_before: start, not_after: start.plus(seconds - 1) }
    }

    /// Whether the moment lies inside.
    #[must_use]
    pub fn contains(&self, moment: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(y: i32, m: u8, d: u8) -> BeijingDay {
        BeijingDay::from_calendar(y, m, d).expect("a real date")
    }

    #[test]
    fn a_year_runs_from_beijing_midnight_to_the_last_second_of_the_same_day() {
        let validity = Validity::years(day(2018, 2, 26), 3);
        // domain.md §1.2: 2018-02-25T16:00:00Z to 2021-02-26T15:59:59Z
        assert_eq!(validity.not_before.unix(), 1_519_574_400);
        assert_eq!(validity.not_after.unix(), 1_614_355_199);
    }

    #[test]
    fn a_leap_day_ends_on_28_february() {
        assert_eq!(day(2024, 2, 29).plus_years(1), day(2025, 2, 28));
        assert_eq!(day(2024, 2, 29).plus_years(4), day(2028, 2, 29));
    }

    #[test]
    fn the_beijing_day_changes_at_16_hours_utc() {
        let before = Timestamp::from_unix(1_519_574_399);
        assert_eq!(before.beijing_day(), day(2018, 2, 25));
        assert_eq!(before.plus(1).beijing_day(), day(2018, 2, 26));
        assert_eq!(before.beijing_text(), "2018-02-25 23:59:59");
    }
}
