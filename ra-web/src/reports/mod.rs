//! What the office did, in figures: counts by office and day, how long things took, and what becomes of both.
//!
//! For: the pages of reports, their spreadsheets, and the statistics that the law asks for. Every figure is moved by
//! the store itself in the transaction of the step that it counts ([`steps`]), so that no service can forget it and no
//! page walks through cases; a test holds them against a recount. Trusts the store. Never holds personal data.

pub mod chart;
mod money;
pub mod register;
pub mod report;
pub mod scale;
pub mod sheet;
pub mod steps;
mod stock;

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, Timestamp};
use ca_core::sql::DatabaseError;

use register::{Entry, NewEntry};

/// A month of the calendar, Beijing time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i64);

impl Month {
    /// Out of the store: years times twelve, plus the month from 0.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The month's number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The month of a day.
    #[must_use]
    pub fn of(day: BeijingDay) -> Self {
        let text = day.to_string();
        text.get(..7).and_then(Self::parse).unwrap_or(Self(0))
    }

    /// Reads `2026-11`; years 2000 to 2199.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
        ((2000..2200).contains(&year) && (1..=12).contains(&month)).then(|| Self(year * 12 + month - 1))
    }

    /// So many months later, earlier if negative.
    #[must_use]
    pub const fn plus(self, months: i64) -> Self {
        Self(self.0 + months)
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> BeijingDay {
        let year = i32::try_from(self.0.div_euclid(12)).unwrap_or(1970);
        let month = u8::try_from(self.0.rem_euclid(12) + 1).unwrap_or(1);
        BeijingDay::from_calendar(year, month, 1).unwrap_or_else(|| day_of(0))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

const DAY_SECONDS: i64 = 86_400;
const BEIJING_SECONDS: i64 = 8 * 3600;

/// The number of a day in the store.
#[must_use]
pub const fn day_number(day: BeijingDay) -> i64 {
    (day.first_second().unix() + BEIJING_SECONDS).div_euclid(DAY_SECONDS)
}

/// The day with this number.
#[must_use]
pub const fn day_of(number: i64) -> BeijingDay {
    Timestamp::from_unix(number * DAY_SECONDS - BEIJING_SECONDS).beijing_day()
}

/// How often something happened in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// When.
    pub month: Month,
    /// A word of [`steps`].
    pub what: String,
    /// How often.
    pub n: i64,
}

/// How many things that ended in a month took so long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// When.
    pub month: Month,
    /// A word of [`steps`].
    pub what: String,
    /// A step of [`scale`].
    pub step: i64,
    /// How many.
    pub n: i64,
}

/// Figures and the register, inside a unit of work.
#[async_trait]
pub trait ReportTx: Send {
    /// The offices that have cases or entries in the register.
    async fn counted_offices(&mut self) -> Result<Vec<OfficeId>, DatabaseError>;
    /// What happened at an office from one day to before another, by month.
    async fn counts_of(
        &mut self,
        office: &OfficeId,
        from: BeijingDay,
        before: BeijingDay,
    ) -> Result<Vec<Count>, DatabaseError>;
    /// How long things took that ended at an office from one month to another, both inclusive.
    async fn spans_of(&mut self, office: &OfficeId, from: Month, to: Month) -> Result<Vec<Span>, DatabaseError>;
    /// Writes an entry into the register; gives its number.
    async fn register(&mut self, entry: &NewEntry) -> Result<i64, DatabaseError>;
    /// Writes down what was done about an entry; `false` when there is none that waits for it.
    async fn settle_entry(&mut self, office: &OfficeId, n: i64, done: &str) -> Result<bool, DatabaseError>;
    /// How many entries of each kind an office has, from one day to before another.
    async fn count_entries(
        &mut self,
        office: &OfficeId,
        from: BeijingDay,
        before: BeijingDay,
    ) -> Result<Vec<(String, i64)>, DatabaseError>;
    /// Entries of an office, the latest first, from one day to before another.
    async fn entries_of(
        &mut self,
        office: &OfficeId,
        from: BeijingDay,
        before: BeijingDay,
        limit: i64,
    ) -> Result<Vec<Entry>, DatabaseError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_written_and_reckoned_over_new_year() {
        let november = Month::parse("2026-11").expect("a month");
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!(november.plus(2).to_string(), "2027-01");
        assert_eq!(november.plus(2).first_day().to_string(), "2027-01-01");
        assert_eq!(Month::of(november.first_day().plus_days(29)), november);
        assert_eq!(Month::of(november.first_day().plus_days(30)), november.plus(1));
        assert_eq!(day_of(day_number(november.first_day())), november.first_day());
        for bad in ["2026-13", "2026-00", "26-01", "2026-1", "1999-12", "2200-01", "2026", "２０２６-01", ""] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }
}
