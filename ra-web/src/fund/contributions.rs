//! What a unit owed and paid, month by month (单位缴存信息).

use ca_core::domain::BeijingDay;

use super::account::Unit;
use super::amounts::{Fen, Month};
use super::books::{PersonAccount, UnitEntry};
use super::codes::BusinessType;

/// One look covers at most so many months.
pub const MOST_MONTHS: i64 = 60;

/// How far a month is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paid {
    /// All of it, in time.
    Whole,
    /// All of it, after its end.
    Late,
    /// A part.
    Partly,
    /// Nothing yet, and it is not over.
    Due,
    /// Nothing yet, and it is over.
    Overdue,
}

impl Paid {
    /// The end of the message key `fund-paid-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Late => "late",
            Self::Partly => "partly",
            Self::Due => "due",
            Self::Overdue => "overdue",
        }
    }
}

/// A month of contributions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Which.
    pub month: Month,
    /// Heads that are to be paid for.
    pub due_heads: i64,
    /// What is to be paid.
    pub due: Fen,
    /// What was remitted.
    pub paid: Fen,
    /// What was made up for it later.
    pub made_up: Fen,
    /// When it was remitted.
    pub day: Option<BeijingDay>,
    /// How far it is paid.
    pub status: Paid,
}

/// The months of these that the books know, in their order: what was owed and what was paid. `entries` are the unit's for these months,
/// `due` the accounts that are to be paid for in `this` month.
#[must_use]
pub fn by_month(
    unit: &Unit,
    months: &[Month],
    entries: &[UnitEntry],
    due: &[PersonAccount],
    this: Month,
) -> Vec<Contribution> {
    let first = Month::of(unit.opened);
    let known = months.iter().filter(|month| **month >= first && **month <= this);
    let one = |month: &Month| {
        let of = |kind| entries.iter().filter(move |entry| entry.month == Some(*month) && entry.kind == kind);
        let paid: Fen = of(BusinessType::Remittance).map(|entry| entry.amount).sum();
        let made_up: Fen = of(BusinessType::MakeUp).map(|entry| entry.amount).sum();
        let standing = of(BusinessType::Remittance).rfind(|entry| entry.reverses.is_none());
        let is_paid = unit.paid_through.is_some_and(|through| *month <= through);
        let (due_heads, owed) = if is_paid {
            (standing.map_or(0, |entry| i64::from(entry.heads)), paid)
        } else {
            let of_month = || due.iter().filter(|account| account.is_due(*month));
            (of_month().count() as i64, of_month().map(PersonAccount::monthly).sum())
        };
        let day = standing.filter(|_| is_paid).map(|entry| entry.day);
        let status = match (is_paid, day) {
            (true, Some(day)) if day > month.last_day() => Paid::Late,
            (true, _) => Paid::Whole,
            (false, _) if paid > Fen::ZERO => Paid::Partly,
            (false, _) if *month < this => Paid::Overdue,
            (false, _) => Paid::Due,
        };
        Contribution { month: *month, due_heads, due: owed, paid, made_up, day, status }
    };
    // What was paid before the books began is not known month by month.
    let begun = entries.iter().filter_map(|entry| entry.month).min();
    known
        .filter(|month| {
            unit.paid_through.is_none_or(|through| **month > through) || begun.is_some_and(|begun| **month >= begun)
        })
        .map(one)
        .collect()
}
