//! The books in memory, for tests of the rules.

use std::collections::BTreeMap;

use ca_core::domain::{BeijingDay, Sha256, Timestamp};

use super::account::{AccountStatus, Unit};
use super::amounts::{Fen, Month, Rate};
use super::book_store::{ChangeRow, KeptChange};
use super::books::{Booking, Clerk, Newcomer, Person, PersonAccount, PersonEntry, PersonNumber, UnitEntry};
use super::codes::{BusinessType, IdKind, PersonStatus};
use super::make_up::{Arrear, Owed};
use super::policy::tests::policy;
use super::rules::Rule;
use super::undo::{PaidEntry, Touched};

pub(super) fn day(y: i32, m: u8, d: u8) -> BeijingDay {
    BeijingDay::from_calendar(y, m, d).expect("a day")
}

pub(super) fn month(yyyymm: i64) -> Month {
    Month::new(yyyymm).expect("a month")
}

pub(super) fn unit() -> Unit {
    Unit {
        account: "0210000001".parse().expect("an account"),
        name: "示范单位".into(),
        uscc: "91130502MA0ABCDE61".parse().expect("a code"),
        unique_id: None,
        address: "建设大街18号".into(),
        handler: "周晓燕".into(),
        handler_mobile: "13800000001".into(),
        bank: "示范银行".into(),
        opened: day(2024, 1, 2),
        status: AccountStatus::Opened,
        unit_rate: Rate::new(800).expect("a rate"),
        personal_rate: Rate::new(800).expect("a rate"),
        active_heads: 0,
        sealed_heads: 0,
        balance: Fen::ZERO,
        suspense: Fen::ZERO,
        paid_through: None,
        payday: None,
        version: 0,
    }
}

pub(super) fn newcomer(n: i64, base: i64, starts: Month) -> Newcomer {
    let person = Person {
        id: format!("P{n}"),
        name: format!("职工{n}"),
        id_kind: IdKind::Resident,
        id_masked: "110105********002X".into(),
        id_hash: Sha256([u8::try_from(n).unwrap_or(255); 32]),
        mobile: "13800000001".into(),
        address: String::new(),
    };
    Newcomer { number: PersonNumber::nth(n), person, base: Fen::new(base), starts }
}

/// The books in memory.
pub(super) struct World {
    pub(super) unit: Unit,
    pub(super) people: BTreeMap<PersonNumber, PersonAccount>,
    pub(super) unit_entries: Vec<UnitEntry>,
    pub(super) entries: Vec<PersonEntry>,
    pub(super) changes: Vec<KeptChange>,
    pub(super) settled: Vec<i64>,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            unit: unit(),
            people: BTreeMap::new(),
            unit_entries: Vec::new(),
            entries: Vec::new(),
            changes: Vec::new(),
            settled: Vec::new(),
            now: day(2024, 3, 10).first_second(),
        }
    }

    pub(super) fn take(&mut self, booking: Booking) {
        assert_eq!(booking.unit.version, self.unit.version + 1);
        self.unit = booking.unit;
        self.unit_entries.extend(booking.entry);
        for posted in booking.people {
            let before = self.people.get(&posted.account.number).map(|account| account.version);
            assert_eq!(posted.fresh, before.is_none());
            assert!(before.is_none_or(|before| posted.account.version == before + 1), "written once");
            self.entries.extend(posted.entry);
            self.people.insert(posted.account.number.clone(), posted.account);
        }
        for change in booking.changes {
            let (number, name) = change.person.unzip();
            let change = ChangeRow {
                serial: change.serial,
                number: number.map(|number| number.to_string()).unwrap_or_default(),
                name: name.unwrap_or_default(),
                kind: change.kind,
                month: change.month,
                field: change.field.to_owned(),
                was: change.was,
                will: change.will,
                undoes: change.undoes,
            };
            self.changes.push(KeptChange { seq: self.changes.len() as i64 + 1, at: self.now, change });
        }
        self.proved();
    }

    /// A balance is the sum of its entries, the unit's that of its employees, heads are accounts of that status; months that
    /// stand follow each other; status and base are what the last change that stands made them.
    pub(super) fn proved(&self) {
        let balance: Fen = self.people.values().map(PersonAccount::balance).sum();
        assert_eq!(self.unit.balance, balance);
        assert_eq!(self.unit.balance, self.unit_entries.iter().map(|entry| entry.amount + entry.interest).sum());
        assert_eq!(self.unit.suspense, self.unit_entries.iter().map(|entry| entry.suspense).sum());
        assert!(self.unit.suspense >= Fen::ZERO);
        for account in self.people.values() {
            let own = || self.entries.iter().filter(|entry| entry.number == account.number);
            assert_eq!(account.balance(), own().map(PersonEntry::sum).sum());
            assert_eq!(account.carried, own().map(|entry| entry.carried).sum());
            assert!(account.balance() >= Fen::ZERO && account.current >= Fen::ZERO);
            let mut places: Vec<i64> = own().map(|entry| entry.seq).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), own().count(), "no place twice");
            self.stands(account);
        }
        let heads = |status| self.people.values().filter(|account| account.status == status).count() as u32;
        assert_eq!(self.unit.active_heads, heads(PersonStatus::Normal));
        assert_eq!(self.unit.sealed_heads, heads(PersonStatus::Sealed));
        let undone: Vec<i64> = self.unit_entries.iter().filter_map(|entry| entry.reverses).collect();
        let remitted = self.unit_entries.iter().filter(|entry| {
            entry.kind == BusinessType::Remittance && entry.reverses.is_none() && !undone.contains(&entry.seq)
        });
        let months: Vec<Month> = remitted.filter_map(|entry| entry.month).collect();
        assert!(months.windows(2).all(|pair| pair[1] == pair[0].plus(1)), "{months:?}");
        assert!(months.last().is_none_or(|last| Some(*last) == self.unit.paid_through));
    }

    fn stands(&self, account: &PersonAccount) {
        use BusinessType::{BaseChange, Opening, Sealing, Unsealing};
        let standing = self.standing(&account.number);
        let last = standing.iter().find(|one| one.change.kind != BaseChange).map(|one| one.change.kind);
        let status = match last {
            Some(Opening | Unsealing) => PersonStatus::Normal,
            Some(Sealing) => PersonStatus::Sealed,
            _ => PersonStatus::Other,
        };
        assert_eq!(account.status, status);
        if let Some(base) = standing.iter().find(|one| one.change.kind != Sealing) {
            assert_eq!(Some(account.base), Fen::typed(&base.change.will));
            let share = policy().contribution(account.base, self.unit.unit_rate);
            assert_eq!((account.unit_share, account.personal_share), (share, share));
        }
    }

    /// Changes of an account that stand, newest first.
    pub(super) fn standing(&self, number: &PersonNumber) -> Vec<KeptChange> {
        let undone: Vec<i64> = self.changes.iter().filter_map(|one| one.change.undoes).collect();
        let own = self.changes.iter().rev().filter(|one| one.change.number == number.as_str());
        own.filter(|one| one.change.undoes.is_none() && !undone.contains(&one.seq)).cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<PersonAccount> {
        self.people.values().cloned().collect()
    }

    pub(super) fn paid(&self, number: &PersonNumber) -> Vec<(Month, Fen)> {
        let own = self.entries.iter().filter(|entry| entry.number == *number);
        own.filter_map(|entry| Some((entry.month?, entry.sum()))).collect()
    }

    pub(super) fn owed(&self, number: &PersonNumber) -> Owed {
        Owed { account: self.people[number].clone(), paid: self.paid(number) }
    }

    /// Makes months of one employee up.
    pub(super) fn make_up(
        &self,
        clerk: &Clerk<'_>,
        number: &PersonNumber,
        arrears: &[Arrear],
    ) -> Result<Booking, Rule> {
        let arrears: Vec<_> = arrears.iter().map(|arrear| (number.clone(), *arrear)).collect();
        clerk.make_up(self.unit.clone(), &[self.owed(number)], &arrears)
    }

    /// Undoes a payment, as the hall does.
    pub(super) fn reverse(&self, clerk: &Clerk<'_>, at: usize) -> Result<Booking, Rule> {
        let original = &self.unit_entries[at];
        if self.unit_entries.iter().any(|entry| entry.reverses == Some(original.seq)) {
            return Err(Rule::ReversedAlready);
        }
        let entries = self.entries.iter().filter(|entry| entry.serial == original.serial).map(|entry| {
            let paid = self.paid(&entry.number);
            PaidEntry {
                account: self.people[&entry.number].clone(),
                entry: entry.clone(),
                month_paid: paid.iter().filter(|(month, _)| Some(*month) == entry.month).map(|(_, sum)| *sum).sum(),
            }
        });
        clerk.reverse(self.unit.clone(), original, entries.collect())
    }

    /// Undoes the changes of a transaction, as the hall does.
    pub(super) fn undo(&self, clerk: &Clerk<'_>, serial: &str) -> Result<Booking, Rule> {
        let kept = self.changes.iter().filter(|one| one.change.serial == serial);
        if kept.clone().any(|one| self.changes.iter().any(|other| other.change.undoes == Some(one.seq))) {
            return Err(Rule::ReversedAlready);
        }
        let touched = kept.filter(|one| one.change.undoes.is_none()).map(|change| {
            let number: PersonNumber = change.change.number.parse().expect("a number");
            Touched {
                account: self.people[&number].clone(),
                change: change.clone(),
                standing: self.standing(&number),
                paid_into: self
                    .entries
                    .iter()
                    .filter(|entry| entry.number == number)
                    .map(PersonEntry::sum)
                    .sum::<Fen>()
                    != Fen::ZERO,
            }
        });
        clerk.undo(self.unit.clone(), touched.collect())
    }
}

/// Three employees and some money.
pub(super) fn begun(clerk: &Clerk<'_>) -> World {
    let mut world = World::new();
    let three = [(1, 567_800), (2, 345_678), (3, 200_000)].map(|(n, base)| newcomer(n, base, month(202_401)));
    world.take(clerk.open(world.unit.clone(), three.into()).expect("opened"));
    world.take(clerk.receive(world.unit.clone(), Fen::new(1_000_000)));
    world
}
