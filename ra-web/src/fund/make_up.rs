//! Months that were left out or paid short (补缴, type 02): by which rules, and what they do to the books.
//!
//! Each line is a month of an employee with both sides' parts. A month is made up once, unless the line says that it is the
//! difference to what was paid; and never more than the highest base and rate would have come to.

use std::collections::BTreeMap;

use super::account::Unit;
use super::amounts::{Fen, Month};
use super::books::{Booking, Clerk, PersonAccount, PersonNumber, Posted, working};
use super::codes::{BusinessType, PersonStatus};
use super::rules::Rule;

/// A month that is made up for an employee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrear {
    /// The month.
    pub month: Month,
    /// The unit's part.
    pub unit_part: Fen,
    /// The employee's.
    pub personal_part: Fen,
    /// Whether it is the difference to what was paid for the month.
    pub difference: bool,
}

impl Arrear {
    /// Both sides.
    #[must_use]
    pub fn sum(&self) -> Fen {
        self.unit_part + self.personal_part
    }
}

/// An employee with what was paid for each month already.
#[derive(Clone, Debug)]
pub struct Owed {
    /// The account.
    pub account: PersonAccount,
    /// Month and sum.
    pub paid: Vec<(Month, Fen)>,
}

impl Clerk<'_> {
    /// Whether a month may be made up for an employee, beside these lines of the same list.
    ///
    /// # Errors
    /// The [`Rule`] that stands in the way.
    pub fn arrear_fits(&self, unit: &Unit, owed: &Owed, arrear: &Arrear, before: &[Month]) -> Result<(), Rule> {
        if !owed.account.status.is_open() || owed.account.status == PersonStatus::Frozen {
            return Err(Rule::NotOpen);
        }
        let through = unit.paid_through.ok_or(Rule::NothingPaidYet)?;
        let first = Month::of(unit.opened);
        if arrear.month > through {
            return Err(Rule::NotYetDue { through });
        }
        if arrear.month < first {
            return Err(Rule::BeforeUnit { first });
        }
        if arrear.sum() <= Fen::ZERO || arrear.unit_part < Fen::ZERO || arrear.personal_part < Fen::ZERO {
            return Err(Rule::NoAmount);
        }
        let paid: Fen = owed.paid.iter().filter(|(month, _)| *month == arrear.month).map(|(_, sum)| *sum).sum();
        if before.contains(&arrear.month) || (paid > Fen::ZERO && !arrear.difference) {
            return Err(Rule::PaidAlready { month: arrear.month });
        }
        let side = self.policy.contribution(self.policy.base_cap, self.policy.rate_max);
        if arrear.unit_part > side || arrear.personal_part > side || paid + arrear.sum() > side + side {
            return Err(Rule::AboveMonth { most: side + side });
        }
        Ok(())
    }

    /// Makes months up, out of the suspense account.
    ///
    /// # Errors
    /// The first [`Rule`] that stands in the way.
    pub fn make_up(&self, unit: Unit, people: &[Owed], arrears: &[(PersonNumber, Arrear)]) -> Result<Booking, Rule> {
        working(&unit)?;
        let mut lines: Vec<&(PersonNumber, Arrear)> = arrears.iter().collect();
        lines.sort_by(|a, b| (&a.0, a.1.month).cmp(&(&b.0, b.1.month)));
        let owed: BTreeMap<&PersonNumber, &Owed> = people.iter().map(|owed| (&owed.account.number, owed)).collect();
        let mut posted: Vec<Posted> = Vec::with_capacity(lines.len());
        let mut before: Vec<Month> = Vec::new();
        for (number, arrear) in lines {
            let owed = owed.get(number).ok_or(Rule::NoSuchAccount)?;
            let mut account = match posted.last().filter(|last| last.account.number == *number) {
                Some(last) => last.account.clone(),
                None => {
                    before.clear();
                    owed.account.clone()
                }
            };
            self.arrear_fits(&unit, owed, arrear, &before)?;
            before.push(arrear.month);
            account.paid_through = account.paid_through.max(Some(arrear.month));
            posted.push(self.paid(account, BusinessType::MakeUp, arrear.month, arrear.unit_part, arrear.personal_part));
        }
        let month = arrears.iter().map(|(_, arrear)| arrear.month).max();
        self.out_of_suspense(unit, posted, BusinessType::MakeUp, month)
    }
}

#[cfg(test)]
mod tests;
