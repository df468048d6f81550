//! What one business does to the books, by the rules of its day: whoever books says it, and stores nothing.

use ca_core::domain::BeijingDay;

use super::{Booking, Change, Person, PersonAccount, PersonEntry, PersonNumber, Posted, UnitEntry};
use crate::fund::account::{AccountStatus, Unit};
use crate::fund::amounts::{Fen, Month};
use crate::fund::codes::{BusinessType, PersonStatus};
use crate::fund::interest::Accrual;
use crate::fund::policy::{Policy, SingleBase, fund_year};
use crate::fund::rules::Rule;

/// Whoever books: by which rules, on which day, under which number.
#[derive(Clone, Copy, Debug)]
pub struct Clerk<'a> {
    /// The rules of the day.
    pub policy: &'a Policy,
    /// The booking date.
    pub today: BeijingDay,
    /// The transaction.
    pub serial: &'a str,
}

/// What an employee who gets an account brings.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The account number that was drawn.
    pub number: PersonNumber,
    /// Who it is.
    pub person: Person,
    /// Contribution base.
    pub base: Fen,
    /// The first month to be paid for.
    pub starts: Month,
}

impl Clerk<'_> {
    /// An account for each newcomer (type 03).
    ///
    /// # Errors
    /// The first [`Rule`] that stands in the way.
    pub fn open(&self, unit: Unit, newcomers: Vec<Newcomer>) -> Result<Booking, Rule> {
        working(&unit)?;
        let mut booking = Booking { unit, entry: None, people: Vec::new(), changes: Vec::new() };
        for newcomer in newcomers {
            self.base_fits(newcomer.base)?;
            let first = booking.unit.next_month();
            if newcomer.starts < first {
                return Err(Rule::StartsTooEarly { first });
            }
            let (unit_share, personal_share) = self.shares(&booking.unit, newcomer.base);
            let account = PersonAccount {
                number: newcomer.number,
                unit: booking.unit.account.clone(),
                base: newcomer.base,
                unit_share,
                personal_share,
                status: PersonStatus::Normal,
                opened: self.today,
                starts: newcomer.starts,
                paid_through: None,
                rebased: None,
                carried: Fen::ZERO,
                current: Fen::ZERO,
                version: 0,
                person: newcomer.person,
            };
            booking.unit.active_heads += 1;
            booking.changes.push(self.change(
                &account,
                BusinessType::Opening,
                Some(account.starts),
                "opened",
                String::new(),
                account.base.to_string(),
            ));
            booking.people.push(Posted { account, fresh: true, entry: None });
        }
        booking.unit.version += 1;
        Ok(booking)
    }

    /// A month for every employee that is due, out of the suspense account (type 01).
    ///
    /// # Errors
    /// The [`Rule`] that stands in the way.
    pub fn remit(&self, mut unit: Unit, due: Vec<PersonAccount>, month: Month) -> Result<Booking, Rule> {
        working(&unit)?;
        let next = unit.next_month();
        if month != next {
            return Err(Rule::MonthOrder { next });
        }
        if month > Month::of(self.today) {
            return Err(Rule::MonthAhead { month });
        }
        let due: Vec<PersonAccount> = due.into_iter().filter(|account| account.is_due(month)).collect();
        if due.is_empty() {
            return Err(Rule::NobodyDue { month });
        }
        unit.paid_through = Some(month);
        if unit.status == AccountStatus::Opened {
            unit.status = AccountStatus::Normal;
        }
        let people: Vec<Posted> = due
            .into_iter()
            .map(|mut account| {
                account.paid_through = Some(month);
                let (unit_part, personal_part) = (account.unit_share, account.personal_share);
                self.paid(account, BusinessType::Remittance, month, unit_part, personal_part)
            })
            .collect();
        self.out_of_suspense(unit, people, BusinessType::Remittance, Some(month))
    }

    /// The account is no longer paid for, from the next month on (type 05).
    ///
    /// # Errors
    /// The [`Rule`] that stands in the way.
    pub fn seal(&self, mut unit: Unit, mut account: PersonAccount, why: &str) -> Result<Booking, Rule> {
        working(&unit)?;
        match account.status {
            PersonStatus::Normal => {}
            PersonStatus::Frozen => return Err(Rule::Frozen),
            _ => return Err(Rule::NotActive),
        }
        account.status = PersonStatus::Sealed;
        (unit.active_heads, unit.sealed_heads) = (unit.active_heads - 1, unit.sealed_heads + 1);
        let month = unit.next_month();
        let change = self.change(&account, BusinessType::Sealing, Some(month), "sealed", String::new(), why.to_owned());
        Ok(one(unit, account, vec![change]))
    }

    /// The account is paid for again, from the next month on, of this base (type 04).
    ///
    /// # Errors
    /// The [`Rule`] that stands in the way.
    pub fn unseal(
        &self,
        mut unit: Unit,
        mut account: PersonAccount,
        base: Fen,
        sealed_for: &str,
    ) -> Result<Booking, Rule> {
        working(&unit)?;
        if account.status != PersonStatus::Sealed {
            return Err(Rule::NotSealed);
        }
        if matches!(sealed_for, "died" | "retired") {
            return Err(Rule::NoReturn);
        }
        self.base_fits(base)?;
        let month = unit.next_month();
        let was = account.base;
        account.status = PersonStatus::Normal;
        account.base = base;
        (account.unit_share, account.personal_share) = self.shares(&unit, base);
        (unit.active_heads, unit.sealed_heads) = (unit.active_heads + 1, unit.sealed_heads - 1);
        let change =
            self.change(&account, BusinessType::Unsealing, Some(month), "unsealed", was.to_string(), base.to_string());
        Ok(one(unit, account, vec![change]))
    }

    /// Other bases, from the next month on (type 10). A list of several only in the city's weeks for it, and each base once a
    /// fund year; a single one as the city allows.
    ///
    /// # Errors
    /// The first [`Rule`] that stands in the way.
    pub fn rebase(&self, unit: Unit, bases: Vec<(PersonAccount, Fen)>) -> Result<Booking, Rule> {
        working(&unit)?;
        let list = bases.len() > 1;
        let month = unit.next_month();
        let mut booking = Booking { unit, entry: None, people: Vec::new(), changes: Vec::new() };
        for (mut account, base) in bases {
            self.base_may_change(&account, base, list)?;
            let was = account.base;
            account.base = base;
            account.rebased = Some(self.today);
            (account.unit_share, account.personal_share) = self.shares(&booking.unit, base);
            booking.changes.push(self.change(
                &account,
                BusinessType::BaseChange,
                Some(month),
                "base",
                was.to_string(),
                base.to_string(),
            ));
            account.version += 1;
            booking.people.push(Posted { account, fresh: false, entry: None });
        }
        booking.unit.version += 1;
        Ok(booking)
    }

    /// Whether an account may have another base today, alone or in a list.
    ///
    /// # Errors
    /// The [`Rule`] that stands in the way.
    pub fn base_may_change(&self, account: &PersonAccount, base: Fen, list: bool) -> Result<(), Rule> {
        let (from, to) = (self.policy.adjust_from, self.policy.adjust_to);
        if !self.policy.adjusts_on(self.today) {
            if list {
                return Err(Rule::OutsideWindow { from, to });
            }
            if self.policy.single_base == SingleBase::Window {
                return Err(Rule::SingleOutsideWindow { from, to });
            }
        }
        if account.status != PersonStatus::Normal {
            return Err(Rule::NotActive);
        }
        self.base_fits(base)?;
        if base == account.base {
            return Err(Rule::NothingChanges);
        }
        match account.rebased {
            Some(on)
                if fund_year(on) == fund_year(self.today) && (list || self.policy.single_base != SingleBase::Free) =>
            {
                Err(Rule::AdjustedAlready { on })
            }
            _ => Ok(()),
        }
    }

    /// Money that came and is not yet allocated (type 99).
    #[must_use]
    pub fn receive(&self, mut unit: Unit, amount: Fen) -> Booking {
        unit.suspense += amount;
        unit.version += 1;
        let entry = self.unit_entry(&unit, BusinessType::Other, None, 0, Fen::ZERO, Fen::ZERO, amount);
        Booking { unit, entry: Some(entry), people: Vec::new(), changes: Vec::new() }
    }

    /// Interest of a year, added with what the year brought to what is carried over (type 09). With each account what moved
    /// in it after the year's end: that is of the new year.
    #[must_use]
    pub fn settle(&self, mut unit: Unit, accounts: Vec<(PersonAccount, Accrual, Fen)>) -> Booking {
        let mut sum = Fen::ZERO;
        let people: Vec<Posted> = accounts
            .into_iter()
            .map(|(mut account, accrual, later)| {
                let carried = account.current - later + accrual.interest;
                account.carried += carried;
                account.current = later;
                account.version += 1;
                sum += accrual.interest;
                let entry = PersonEntry {
                    number: account.number.clone(),
                    seq: account.version,
                    day: self.today,
                    kind: BusinessType::Interest,
                    month: None,
                    unit_part: Fen::ZERO,
                    personal_part: Fen::ZERO,
                    interest: accrual.interest,
                    carried,
                    balance: account.balance(),
                    serial: self.serial.to_owned(),
                    reverses: None,
                };
                Posted { account, fresh: false, entry: Some(entry) }
            })
            .collect();
        unit.balance += sum;
        unit.version += 1;
        let heads = u32::try_from(people.len()).unwrap_or(u32::MAX);
        let entry = self.unit_entry(&unit, BusinessType::Interest, None, heads, Fen::ZERO, sum, Fen::ZERO);
        Booking { unit, entry: Some(entry), people, changes: Vec::new() }
    }

    /// Balances that accounts bring with them when the books are begun (type 99).
    #[must_use]
    pub fn bring_in(&self, mut unit: Unit, accounts: Vec<PersonAccount>) -> Booking {
        let mut sum = Fen::ZERO;
        let people: Vec<Posted> = accounts
            .into_iter()
            .map(|mut account| {
                match account.status {
                    PersonStatus::Normal => unit.active_heads += 1,
                    PersonStatus::Sealed => unit.sealed_heads += 1,
                    _ => {}
                }
                let brought = account.balance();
                sum += brought;
                account.version = 1;
                let entry = PersonEntry {
                    number: account.number.clone(),
                    seq: 1,
                    day: self.today,
                    kind: BusinessType::Other,
                    month: None,
                    unit_part: Fen::ZERO,
                    personal_part: brought,
                    interest: Fen::ZERO,
                    carried: account.carried,
                    balance: brought,
                    serial: self.serial.to_owned(),
                    reverses: None,
                };
                Posted { account, fresh: true, entry: Some(entry) }
            })
            .collect();
        unit.balance += sum;
        unit.version += 1;
        let heads = u32::try_from(people.len()).unwrap_or(u32::MAX);
        let entry = self.unit_entry(&unit, BusinessType::Other, None, heads, sum, Fen::ZERO, Fen::ZERO);
        Booking { unit, entry: Some(entry), people, changes: Vec::new() }
    }

    /// What each side pays of a base.
    #[must_use]
    pub fn shares(&self, unit: &Unit, base: Fen) -> (Fen, Fen) {
        (self.policy.contribution(base, unit.unit_rate), self.policy.contribution(base, unit.personal_rate))
    }

    pub(in crate::fund) fn base_fits(&self, base: Fen) -> Result<(), Rule> {
        if base < self.policy.base_floor {
            Err(Rule::BaseLow { floor: self.policy.base_floor })
        } else if base > self.policy.base_cap {
            Err(Rule::BaseHigh { cap: self.policy.base_cap })
        } else {
            Ok(())
        }
    }

    pub(in crate::fund) fn paid(
        &self,
        mut account: PersonAccount,
        kind: BusinessType,
        month: Month,
        unit_part: Fen,
        personal_part: Fen,
    ) -> Posted {
        account.current += unit_part + personal_part;
        account.version += 1;
        let entry = PersonEntry {
            number: account.number.clone(),
            seq: account.version,
            day: self.today,
            kind,
            month: Some(month),
            unit_part,
            personal_part,
            interest: Fen::ZERO,
            carried: Fen::ZERO,
            balance: account.balance(),
            serial: self.serial.to_owned(),
            reverses: None,
        };
        Posted { account, fresh: false, entry: Some(entry) }
    }

    pub(in crate::fund) fn out_of_suspense(
        &self,
        mut unit: Unit,
        people: Vec<Posted>,
        kind: BusinessType,
        month: Option<Month>,
    ) -> Result<Booking, Rule> {
        let sum: Fen = people.iter().filter_map(|posted| posted.entry.as_ref()).map(PersonEntry::sum).sum();
        if sum > unit.suspense {
            return Err(Rule::SuspenseShort { has: unit.suspense, needs: sum });
        }
        unit.suspense -= sum;
        unit.balance += sum;
        unit.version += 1;
        let mut numbers: Vec<&PersonNumber> = people.iter().map(|posted| &posted.account.number).collect();
        numbers.dedup();
        let heads = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let entry = self.unit_entry(&unit, kind, month, heads, sum, Fen::ZERO, -sum);
        Ok(Booking { unit, entry: Some(entry), people, changes: Vec::new() })
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of the ledger")]
    pub(in crate::fund) fn unit_entry(
        &self,
        unit: &Unit,
        kind: BusinessType,
        month: Option<Month>,
        heads: u32,
        amount: Fen,
        interest: Fen,
        suspense: Fen,
    ) -> UnitEntry {
        UnitEntry {
            unit: unit.account.clone(),
            seq: unit.version,
            day: self.today,
            kind,
            month,
            heads,
            amount,
            interest,
            suspense,
            balance: unit.balance,
            suspense_after: unit.suspense,
            serial: self.serial.to_owned(),
            reverses: None,
        }
    }

    /// A change that one account goes through.
    pub(in crate::fund) fn change(
        &self,
        account: &PersonAccount,
        kind: BusinessType,
        month: Option<Month>,
        field: &'static str,
        was: String,
        will: String,
    ) -> Change {
        Change {
            serial: self.serial.to_owned(),
            person: Some((account.number.clone(), account.person.name.clone())),
            kind,
            month,
            field,
            was,
            will,
            undoes: None,
        }
    }
}

fn one(mut unit: Unit, mut account: PersonAccount, changes: Vec<Change>) -> Booking {
    unit.version += 1;
    account.version += 1;
    Booking { unit, entry: None, people: vec![Posted { account, fresh: false, entry: None }], changes }
}

/// A unit whose account is sealed or closed does no business here.
///
/// # Errors
/// [`Rule::UnitNotWorking`].
pub fn working(unit: &Unit) -> Result<(), Rule> {
    match unit.status {
        AccountStatus::Normal | AccountStatus::Opened | AccountStatus::Deferred => Ok(()),
        AccountStatus::Closed | AccountStatus::Sealed | AccountStatus::Other => Err(Rule::UnitNotWorking),
    }
}
