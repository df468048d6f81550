//! Undoing (冲账): what was wrong is not edited but undone, by entries and changes of its own that name what they undo.
//!
//! The last comes first: a month before the one that follows it, a change before the one that builds on it. What money was
//! paid on, or interest counted on, is no longer undone here but corrected at the counter; each refusal says which it is.

use ca_core::domain::{FundFact, FundField};

use super::account::{Unit, masked_mobile};
use super::amounts::Fen;
use super::book_store::KeptChange;
use super::books::{Booking, Change, Clerk, PersonAccount, PersonEntry, Posted, UnitEntry, working};
use super::codes::{BusinessType, PersonStatus};
use super::policy::fund_year;
use super::rules::Rule;

/// An employee's entry that is undone.
#[derive(Clone, Debug)]
pub struct PaidEntry {
    /// The account as it is now.
    pub account: PersonAccount,
    /// The entry.
    pub entry: PersonEntry,
    /// What was paid for its month in all.
    pub month_paid: Fen,
}

/// An employee's account that was opened, sealed, unsealed, or given another base.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The account as it is now.
    pub account: PersonAccount,
    /// The change that is undone.
    pub change: KeptChange,
    /// Changes of the account that stand, newest first.
    pub standing: Vec<KeptChange>,
    /// Whether money was ever paid in that was not given back.
    pub paid_into: bool,
}

impl Clerk<'_> {
    /// Undoes a payment of the unit: the money goes back to the suspense account. `original` is its entry, `entries` are those
    /// of the employees, in the order of accounts and places.
    ///
    /// # Errors
    /// The [`Rule`] that stands in the way.
    pub fn reverse(&self, mut unit: Unit, original: &UnitEntry, entries: Vec<PaidEntry>) -> Result<Booking, Rule> {
        working(&unit)?;
        if !matches!(original.kind, BusinessType::Remittance | BusinessType::MakeUp) || original.reverses.is_some() {
            return Err(Rule::NotReversible);
        }
        if original.kind == BusinessType::Remittance {
            if unit.paid_through != original.month {
                return Err(Rule::LaterMonths);
            }
            unit.paid_through = original.month.map(|month| month.plus(-1));
        }
        let mut people: Vec<Posted> = Vec::new();
        // The last month of an account first.
        for PaidEntry { account, entry, month_paid } in entries.into_iter().rev() {
            let earlier = people.iter().rposition(|posted| posted.account.number == account.number);
            let mut account = earlier.map_or(account, |at| people[at].account.clone());
            if fund_year(entry.day) != fund_year(self.today) || account.current < entry.sum() {
                return Err(Rule::Settled);
            }
            if account.paid_through == entry.month && month_paid <= entry.sum() {
                account.paid_through = entry.month.map(|month| month.plus(-1)).filter(|month| *month >= account.starts);
            }
            account.current -= entry.sum();
            account.version += 1;
            let undone = PersonEntry {
                seq: account.version,
                day: self.today,
                unit_part: -entry.unit_part,
                personal_part: -entry.personal_part,
                interest: Fen::ZERO,
                carried: Fen::ZERO,
                balance: account.balance(),
                serial: self.serial.to_owned(),
                reverses: Some(entry.seq),
                ..entry
            };
            people.push(Posted { account, fresh: false, entry: Some(undone) });
        }
        people.sort_by(|a, b| a.account.number.cmp(&b.account.number));
        unit.balance -= original.amount;
        unit.suspense += original.amount;
        unit.version += 1;
        let entry = UnitEntry {
            reverses: Some(original.seq),
            ..self.unit_entry(
                &unit,
                original.kind,
                original.month,
                original.heads,
                -original.amount,
                Fen::ZERO,
                original.amount,
            )
        };
        Ok(Booking { unit, entry: Some(entry), people, changes: Vec::new() })
    }

    /// Undoes openings, sealings, unsealings or changes of base.
    ///
    /// # Errors
    /// The first [`Rule`] that stands in the way.
    pub fn undo(&self, unit: Unit, touched: Vec<Touched>) -> Result<Booking, Rule> {
        working(&unit)?;
        if touched.is_empty() {
            return Err(Rule::NotReversible);
        }
        let next = unit.next_month();
        let mut booking = Booking { unit, entry: None, people: Vec::new(), changes: Vec::new() };
        for Touched { mut account, change: KeptChange { seq, change, .. }, standing, paid_into } in touched {
            if standing.first().map(|last| last.seq) != Some(seq) {
                return Err(Rule::LaterChanges);
            }
            if change.kind == BusinessType::Opening {
                if paid_into || account.balance() != Fen::ZERO {
                    return Err(Rule::PaidInto);
                }
            } else if let Some(month) = change.month.filter(|month| *month != next) {
                return Err(Rule::MonthPaidSince { month });
            }
            let expected = match change.kind {
                BusinessType::Sealing => PersonStatus::Sealed,
                _ => PersonStatus::Normal,
            };
            if account.status != expected {
                return Err(if account.status == PersonStatus::Frozen { Rule::Frozen } else { Rule::LaterChanges });
            }
            let unit = &mut booking.unit;
            match change.kind {
                // Nothing is deleted: the account stays, as one that nobody has.
                BusinessType::Opening => {
                    account.status = PersonStatus::Other;
                    unit.active_heads -= 1;
                }
                BusinessType::Sealing => {
                    account.status = PersonStatus::Normal;
                    (unit.active_heads, unit.sealed_heads) = (unit.active_heads + 1, unit.sealed_heads - 1);
                }
                BusinessType::Unsealing => {
                    account.status = PersonStatus::Sealed;
                    (unit.active_heads, unit.sealed_heads) = (unit.active_heads - 1, unit.sealed_heads + 1);
                }
                BusinessType::BaseChange => {
                    let earlier = standing.iter().skip(1).find(|one| one.change.kind == BusinessType::BaseChange);
                    account.rebased = earlier.map(|one| one.at.beijing_day());
                }
                _ => return Err(Rule::NotReversible),
            }
            if matches!(change.kind, BusinessType::Unsealing | BusinessType::BaseChange) {
                account.base = Fen::typed(&change.was).ok_or(Rule::NotReversible)?;
                (account.unit_share, account.personal_share) = self.shares(unit, account.base);
            }
            account.version += 1;
            let field = match change.kind {
                BusinessType::Opening => "opened",
                BusinessType::Sealing => "sealed",
                BusinessType::Unsealing => "unsealed",
                _ => "base",
            };
            booking.changes.push(Change {
                undoes: Some(seq),
                ..self.change(&account, change.kind, change.month, field, change.will, change.was)
            });
            booking.people.push(Posted { account, fresh: false, entry: None });
        }
        booking.unit.version += 1;
        Ok(booking)
    }

    /// Undoes a change of the unit's own particulars. `facts` are those that were signed, `kept` their changes.
    ///
    /// # Errors
    /// [`Rule::LaterChanges`] when something is no longer as it was left.
    pub fn undo_unit(&self, mut unit: Unit, facts: &[FundFact], kept: &[KeptChange]) -> Result<Booking, Rule> {
        working(&unit)?;
        let day = |day: Option<u8>| day.map(|day| day.to_string()).unwrap_or_default();
        let mut changes = Vec::new();
        for (fact, was, word) in facts.iter().filter_map(|fact| Some((fact, fact.was.as_ref()?, fact.field))) {
            let (now, field) = match word {
                FundField::Address => (unit.address.clone(), "address"),
                FundField::Handler => (unit.handler.clone(), "handler"),
                FundField::Mobile => (unit.handler_mobile.clone(), "mobile"),
                FundField::Payday => (day(unit.payday), "payday"),
                FundField::Bank => (unit.bank.clone(), "bank"),
                _ => continue,
            };
            if now != fact.value {
                return Err(Rule::LaterChanges);
            }
            match word {
                FundField::Address => unit.address.clone_from(was),
                FundField::Handler => unit.handler.clone_from(was),
                FundField::Mobile => unit.handler_mobile.clone_from(was),
                FundField::Payday => unit.payday = was.parse().ok(),
                _ => unit.bank.clone_from(was),
            }
            changes.push(self.back(None, field, fact, was, kept));
        }
        if changes.is_empty() {
            return Err(Rule::NotReversible);
        }
        unit.version += 1;
        Ok(Booking { unit, entry: None, people: Vec::new(), changes })
    }

    /// Undoes a change of an employee's particulars.
    ///
    /// # Errors
    /// [`Rule::LaterChanges`] when something is no longer as it was left.
    pub fn undo_person(
        &self,
        mut unit: Unit,
        mut account: PersonAccount,
        facts: &[FundFact],
        kept: &[KeptChange],
    ) -> Result<Booking, Rule> {
        working(&unit)?;
        if !account.status.is_open() {
            return Err(Rule::NotOpen);
        }
        let mut changes = Vec::new();
        for (fact, was) in facts.iter().filter_map(|fact| Some((fact, fact.was.as_ref()?))) {
            let (value, field) = match fact.field {
                FundField::Mobile => (&mut account.person.mobile, "mobile"),
                FundField::Address => (&mut account.person.address, "address"),
                _ => continue,
            };
            if *value != fact.value {
                return Err(Rule::LaterChanges);
            }
            value.clone_from(was);
            changes.push(self.back(Some(&account), field, fact, was, kept));
        }
        if changes.is_empty() {
            return Err(Rule::NotReversible);
        }
        account.version += 1;
        unit.version += 1;
        Ok(Booking { unit, entry: None, people: vec![Posted { account, fresh: false, entry: None }], changes })
    }

    /// The change back of a particular.
    fn back(
        &self,
        account: Option<&PersonAccount>,
        field: &'static str,
        fact: &FundFact,
        was: &str,
        kept: &[KeptChange],
    ) -> Change {
        let shown = |text: &str| if fact.field == FundField::Mobile { masked_mobile(text) } else { text.to_owned() };
        Change {
            serial: self.serial.to_owned(),
            person: account.map(|account| (account.number.clone(), account.person.name.clone())),
            kind: BusinessType::DataChange,
            month: None,
            field,
            was: shown(&fact.value),
            will: shown(was),
            undoes: kept.iter().find(|one| one.change.field == field).map(|one| one.seq),
        }
    }
}

#[cfg(test)]
mod tests;
