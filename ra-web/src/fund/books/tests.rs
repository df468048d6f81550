//! Rules one by one, and random histories after each step of which the sums are true.

use std::collections::BTreeMap;

use ca_core::domain::Sha256;
use proptest::prelude::*;

use super::*;
use crate::fund::amounts::Rate;
use crate::fund::interest::accrue;
use crate::fund::policy::tests::policy;
use crate::fund::policy::{days_of, fund_year};

fn day(y: i32, m: u8, d: u8) -> BeijingDay {
    BeijingDay::from_calendar(y, m, d).expect("a day")
}

fn month(yyyymm: i64) -> Month {
    Month::new(yyyymm).expect("a month")
}

fn unit() -> Unit {
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

fn newcomer(n: i64, base: i64, starts: Month) -> Newcomer {
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
struct World {
    unit: Unit,
    people: BTreeMap<PersonNumber, PersonAccount>,
    unit_entries: Vec<UnitEntry>,
    entries: Vec<PersonEntry>,
    settled: Vec<i64>,
}

impl World {
    fn new() -> Self {
        Self {
            unit: unit(),
            people: BTreeMap::new(),
            unit_entries: Vec::new(),
            entries: Vec::new(),
            settled: Vec::new(),
        }
    }

    fn take(&mut self, booking: Booking) {
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
        self.proved();
    }

    /// A balance is the sum of its entries, the unit's that of its employees, heads are accounts of that status.
    fn proved(&self) {
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
        }
        let heads = |status| self.people.values().filter(|account| account.status == status).count() as u32;
        assert_eq!(self.unit.active_heads, heads(PersonStatus::Normal));
        assert_eq!(self.unit.sealed_heads, heads(PersonStatus::Sealed));
    }

    fn all(&self) -> Vec<PersonAccount> {
        self.people.values().cloned().collect()
    }

    fn paid(&self, number: &PersonNumber) -> Vec<(Month, Fen)> {
        let own = self.entries.iter().filter(|entry| entry.number == *number);
        own.filter_map(|entry| Some((entry.month?, entry.sum()))).collect()
    }

    /// Undoes a payment, as the hall does.
    fn undo(&self, clerk: &Clerk<'_>, at: usize) -> Result<Booking, Rule> {
        let original = &self.unit_entries[at];
        if self.unit_entries.iter().any(|entry| entry.reverses == Some(original.seq)) {
            return Err(Rule::ReversedAlready);
        }
        let entries = self.entries.iter().filter(|entry| entry.serial == original.serial);
        let entries = entries.map(|entry| (self.people[&entry.number].clone(), entry.clone())).collect();
        clerk.reverse(self.unit.clone(), original, entries)
    }
}

fn begun(clerk: &Clerk<'_>) -> World {
    let mut world = World::new();
    let three = [(1, 567_800), (2, 345_678), (3, 200_000)].map(|(n, base)| newcomer(n, base, month(202_401)));
    world.take(clerk.open(world.unit.clone(), three.into()).expect("opened"));
    world.take(clerk.receive(world.unit.clone(), Fen::new(1_000_000)));
    world
}

#[test]
fn a_unit_of_three_pays_what_the_worked_example_says_and_months_follow_each_other() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let mut world = begun(&clerk);
    let remit = |world: &World, yyyymm| clerk.remit(world.unit.clone(), world.all(), month(yyyymm));
    assert_eq!(remit(&world, 202_402), Err(Rule::MonthOrder { next: month(202_401) }));
    let booking = remit(&world, 202_401).expect("booked");
    assert_eq!(booking.shares(), (Fen::new(89_078), Fen::new(89_078)));
    assert_eq!(booking.entry.as_ref().map(|entry| (entry.amount.fen(), entry.heads)), Some((178_156, 3)));
    world.take(booking);
    assert_eq!((world.unit.status, world.unit.suspense), (AccountStatus::Normal, Fen::new(1_000_000 - 178_156)));
    for yyyymm in [202_402, 202_403] {
        world.take(remit(&world, yyyymm).expect("booked"));
    }
    assert_eq!(remit(&world, 202_404), Err(Rule::MonthAhead { month: month(202_404) }));
    assert_eq!(remit(&world, 202_403), Err(Rule::MonthOrder { next: month(202_404) }));
    let poor = Unit { suspense: Fen::new(1), paid_through: Some(month(202_402)), ..world.unit.clone() };
    let short = Rule::SuspenseShort { has: Fen::new(1), needs: Fen::new(178_156) };
    assert_eq!(clerk.remit(poor, world.all(), month(202_403)), Err(short));
}

#[test]
fn bases_stay_within_bounds_and_lists_within_the_citys_weeks() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let mut world = begun(&clerk);
    let open = |base| clerk.open(world.unit.clone(), vec![newcomer(9, base, month(202_401))]).err();
    assert_eq!(open(2_500_000), Some(Rule::BaseHigh { cap: Fen::new(2_040_000) }));
    assert_eq!(open(199_999), Some(Rule::BaseLow { floor: Fen::new(200_000) }));
    assert_eq!((open(2_040_000), open(200_000)), (None, None));
    let early = clerk.open(world.unit.clone(), vec![newcomer(9, 300_000, month(202_312))]);
    assert_eq!(early, Err(Rule::StartsTooEarly { first: month(202_401) }));
    let both: Vec<_> = world.all().into_iter().take(2).map(|account| (account, Fen::new(700_000))).collect();
    assert!(matches!(clerk.rebase(world.unit.clone(), both.clone()), Err(Rule::OutsideWindow { .. })));
    let july = Clerk { today: day(2024, 7, 1), ..clerk };
    assert!(july.rebase(world.unit.clone(), both.clone()).is_ok());
    let one = clerk.rebase(world.unit.clone(), both[..1].to_vec()).expect("booked");
    assert_eq!(one.changes[0].month, Some(month(202_401)));
    assert_eq!(one.people[0].account.unit_share, Fen::new(56_000));
    world.take(one);
    let same = vec![(world.all()[0].clone(), Fen::new(700_000))];
    assert_eq!(clerk.rebase(world.unit.clone(), same), Err(Rule::NothingChanges));
}

#[test]
fn a_sealed_account_is_not_paid_for_until_it_is_unsealed_and_a_frozen_one_is_not_sealed() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let mut world = begun(&clerk);
    let first = world.all()[0].clone();
    world.take(clerk.seal(world.unit.clone(), first.clone(), "left").expect("sealed"));
    assert_eq!((world.unit.active_heads, world.unit.sealed_heads), (2, 1));
    let sealed = world.people[&first.number].clone();
    assert_eq!(clerk.seal(world.unit.clone(), sealed.clone(), "left"), Err(Rule::NotActive));
    let booking = clerk.remit(world.unit.clone(), world.all(), month(202_401)).expect("booked");
    assert_eq!(booking.heads(), 2);
    world.take(booking);
    let unseal = |sealed: &PersonAccount, why| clerk.unseal(world.unit.clone(), sealed.clone(), Fen::new(300_000), why);
    assert_eq!(unseal(&sealed, "died"), Err(Rule::NoReturn));
    assert_eq!(unseal(&world.all()[1], "left"), Err(Rule::NotSealed));
    let back = unseal(&sealed, "left").expect("unsealed");
    assert_eq!(back.changes[0].month, Some(month(202_402)));
    let frozen = PersonAccount { status: PersonStatus::Frozen, ..first };
    assert_eq!(clerk.seal(world.unit.clone(), frozen, "left"), Err(Rule::Frozen));
    world.take(back);
    assert_eq!(clerk.remit(world.unit.clone(), world.all(), month(202_402)).expect("booked").heads(), 3);
}

#[test]
fn a_month_is_made_up_once_or_as_a_difference_and_never_ahead() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let mut world = begun(&clerk);
    let first = world.all()[0].clone();
    world.take(clerk.seal(world.unit.clone(), first.clone(), "unpaid").expect("sealed"));
    world.take(clerk.remit(world.unit.clone(), world.all(), month(202_401)).expect("booked"));
    let arrear = |yyyymm| Arrear { month: month(yyyymm), unit_part: Fen::new(100), personal_part: Fen::new(100) };
    let make_up = |world: &World, number: &PersonNumber, arrears: &[Arrear], difference| {
        clerk.make_up(world.unit.clone(), world.people[number].clone(), arrears, &world.paid(number), difference)
    };
    let number = &first.number;
    assert_eq!(make_up(&world, number, &[arrear(202_402)], false), Err(Rule::NotYetDue { through: month(202_401) }));
    let twice = [arrear(202_401), arrear(202_401)];
    assert_eq!(make_up(&world, number, &twice, true), Err(Rule::PaidAlready { month: month(202_401) }));
    world.take(make_up(&world, number, &[arrear(202_401)], false).expect("booked"));
    assert_eq!(make_up(&world, number, &[arrear(202_401)], false), Err(Rule::PaidAlready { month: month(202_401) }));
    world.take(make_up(&world, number, &[arrear(202_401)], true).expect("a difference"));
}

#[test]
fn a_payment_is_undone_by_entries_of_its_own_the_last_month_first_and_not_after_interest() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S0" };
    let mut world = begun(&clerk);
    for (n, yyyymm) in [202_401, 202_402].into_iter().enumerate() {
        let serial = format!("R{n}");
        let clerk = Clerk { serial: &serial, ..clerk };
        world.take(clerk.remit(world.unit.clone(), world.all(), month(yyyymm)).expect("booked"));
    }
    let undo = Clerk { serial: "U1", ..clerk };
    let at = world.unit_entries.iter().position(|entry| entry.serial == "R0").expect("booked");
    assert_eq!(world.undo(&undo, at), Err(Rule::LaterMonths));
    let before = world.unit.suspense;
    world.take(world.undo(&undo, at + 1).expect("undone"));
    assert_eq!((world.unit.paid_through, world.unit.suspense - before), (Some(month(202_401)), Fen::new(178_156)));
    let last = world.unit_entries.last().expect("an entry");
    assert_eq!((last.amount, last.reverses), (Fen::new(-178_156), Some(world.unit_entries[at + 1].seq)));
    assert_eq!(world.undo(&undo, world.unit_entries.len() - 1), Err(Rule::NotReversible), "a reversal stands");
    let later = Clerk { today: day(2024, 7, 1), ..undo };
    assert_eq!(world.undo(&later, at), Err(Rule::Settled));
}

#[test]
fn a_unit_that_is_sealed_or_closed_does_nothing() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let world = begun(&clerk);
    let closed = Unit { status: AccountStatus::Closed, ..world.unit.clone() };
    let account = world.all()[0].clone();
    for refused in [
        clerk.open(closed.clone(), vec![newcomer(9, 300_000, month(202_401))]).err(),
        clerk.remit(closed.clone(), world.all(), month(202_401)).err(),
        clerk.seal(closed.clone(), account.clone(), "left").err(),
        clerk.rebase(closed, vec![(account, Fen::new(700_000))]).err(),
    ] {
        assert_eq!(refused, Some(Rule::UnitNotWorking));
    }
}

/// A step of a history: what, and a number that chooses whom and how much.
#[derive(Clone, Copy, Debug)]
enum Act {
    Open,
    Receive,
    Remit,
    Seal,
    Unseal,
    Rebase,
    MakeUp,
    Reverse,
    Wait,
    Settle,
}

fn acts() -> impl Strategy<Value = Vec<(Act, u16)>> {
    use Act::{MakeUp, Open, Rebase, Receive, Remit, Reverse, Seal, Settle, Unseal, Wait};
    let act = prop::sample::select(vec![
        Open, Receive, Receive, Remit, Remit, Remit, Seal, Unseal, Rebase, MakeUp, Reverse, Wait, Wait, Settle,
    ]);
    prop::collection::vec((act, any::<u16>()), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_the_sums_of_the_books_are_true(acts in acts()) {
        let policy = policy();
        let (mut world, mut today) = (World::new(), day(2024, 2, 5));
        for (n, (act, pick)) in acts.into_iter().enumerate() {
            let serial = format!("S{n}");
            let clerk = Clerk { policy: &policy, today, serial: &serial };
            let amount = 200_000 + i64::from(pick) * 20;
            let chosen = world.all().get(usize::from(pick) % world.people.len().max(1)).cloned();
            let unit = world.unit.clone();
            let paid_before = unit.paid_through;
            let done = match (act, chosen) {
                (Act::Open, _) => {
                    let n = world.people.len() as i64 + 1;
                    clerk.open(unit.clone(), vec![newcomer(n, amount, unit.next_month().plus(i64::from(pick % 3)))])
                }
                (Act::Receive, _) => Ok(clerk.receive(unit, Fen::new(amount))),
                (Act::Remit, _) => clerk.remit(unit.clone(), world.all(), unit.next_month()),
                (Act::Seal, Some(account)) => clerk.seal(unit, account, "left"),
                (Act::Unseal, Some(account)) => clerk.unseal(unit, account, Fen::new(amount), "left"),
                (Act::Rebase, Some(account)) => clerk.rebase(unit, vec![(account, Fen::new(amount))]),
                (Act::MakeUp, Some(account)) => {
                    let of = unit.next_month().plus(-1 - i64::from(pick % 3));
                    let part = Fen::new(amount / 100);
                    let arrears = [Arrear { month: of, unit_part: part, personal_part: part }];
                    let paid = world.paid(&account.number);
                    clerk.make_up(unit, account, &arrears, &paid, pick % 2 == 0)
                }
                (Act::Reverse, _) if !world.unit_entries.is_empty() => {
                    world.undo(&clerk, usize::from(pick) % world.unit_entries.len())
                }
                (Act::Wait, _) => {
                    today = today.plus_days(i64::from(pick % 40));
                    continue;
                }
                (Act::Settle, _) => {
                    let year = fund_year(today) - 1;
                    let (first, last) = days_of(year).expect("a year");
                    if world.settled.contains(&year) || world.people.is_empty() {
                        continue;
                    }
                    world.settled.push(year);
                    let counted = world.all().into_iter().filter(|account| account.opened <= last).map(|account| {
                        let mut moves: Vec<(BeijingDay, Fen)> = world.entries.iter()
                            .filter(|entry| entry.number == account.number && entry.day >= first)
                            .map(|entry| (entry.day, entry.sum())).collect();
                        moves.sort_by_key(|(day, _)| *day);
                        let opening = account.balance() - moves.iter().map(|(_, sum)| *sum).sum();
                        let (own, later): (Vec<_>, Vec<_>) = moves.into_iter().partition(|(day, _)| *day <= last);
                        let accrual = accrue(&policy, opening, &own, first, last);
                        (account, accrual, later.iter().map(|(_, sum)| *sum).sum())
                    }).collect();
                    Ok(Clerk { today: last, ..clerk }.settle(unit, counted))
                }
                _ => continue,
            };
            if let Ok(booking) = done {
                match act {
                    Act::Remit => prop_assert_eq!(booking.unit.paid_through, Some(world.unit.next_month())),
                    Act::Reverse => prop_assert!(booking.unit.paid_through <= paid_before),
                    _ => prop_assert_eq!(booking.unit.paid_through, paid_before),
                }
                world.take(booking);
            }
        }
    }
}
