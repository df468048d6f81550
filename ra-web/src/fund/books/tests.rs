//! Rules one by one, and random histories after each step of which the sums are true.

use proptest::prelude::*;

use super::*;
use crate::fund::account::AccountStatus;
use crate::fund::interest::accrue;
use crate::fund::make_up::Arrear;
use crate::fund::policy::tests::policy;
use crate::fund::policy::{Policy, SingleBase, days_of, fund_year};
use crate::fund::rules::Rule;
use crate::fund::testing::{World, begun, day, month, newcomer};

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

fn at(policy: &Policy, today: BeijingDay) -> Clerk<'_> {
    Clerk { policy, today, serial: "S1" }
}

#[test]
fn a_base_changes_in_lists_once_a_fund_year_in_the_weeks_and_alone_as_the_city_allows() {
    let free = policy();
    let march = at(&free, day(2024, 3, 10));
    let mut world = begun(&march);
    let list = |base: i64, world: &World| -> Vec<_> {
        world.all().into_iter().take(2).map(|account| (account, Fen::new(base))).collect()
    };
    let rebase = |clerk: &Clerk<'_>, world: &World, bases| clerk.rebase(world.unit.clone(), bases).err();
    for (today, open) in
        [(day(2024, 6, 30), false), (day(2024, 7, 1), true), (day(2024, 8, 31), true), (day(2024, 9, 1), false)]
    {
        let refused = rebase(&at(&free, today), &world, list(700_000, &world));
        assert_eq!(refused.is_none(), open, "{today}: {refused:?}");
    }
    let july = at(&free, day(2024, 7, 1));
    world.take(july.rebase(world.unit.clone(), list(700_000, &world)).expect("adjusted"));
    let again = Some(Rule::AdjustedAlready { on: day(2024, 7, 1) });
    assert_eq!(rebase(&at(&free, day(2024, 8, 31)), &world, list(710_000, &world)), again, "once a fund year");
    assert_eq!(rebase(&at(&free, day(2025, 7, 1)), &world, list(710_000, &world)), None, "the next fund year");
    let one = |world: &World| list(710_000, world)[..1].to_vec();
    let yearly = Policy { single_base: SingleBase::Yearly, ..policy() };
    let window = Policy { single_base: SingleBase::Window, ..policy() };
    assert_eq!(rebase(&at(&free, day(2025, 6, 30)), &world, one(&world)), None, "alone whenever");
    assert_eq!(rebase(&at(&yearly, day(2025, 6, 30)), &world, one(&world)), again);
    assert_eq!(rebase(&at(&yearly, day(2025, 9, 1)), &world, one(&world)), None);
    let outside = rebase(&at(&window, day(2025, 9, 1)), &world, one(&world));
    assert!(matches!(outside, Some(Rule::SingleOutsideWindow { .. })), "{outside:?}");
    assert_eq!(rebase(&at(&window, day(2024, 8, 31)), &world, one(&world)), again);
    assert_eq!(rebase(&at(&window, day(2025, 7, 1)), &world, one(&world)), None);
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
    Undo,
    Wait,
    Settle,
}

fn acts() -> impl Strategy<Value = Vec<(Act, u16)>> {
    use Act::{MakeUp, Open, Rebase, Receive, Remit, Reverse, Seal, Settle, Undo, Unseal, Wait};
    let act = prop::sample::select(vec![
        Open, Receive, Receive, Remit, Remit, Remit, Seal, Seal, Unseal, Unseal, Rebase, MakeUp, Reverse, Undo, Undo,
        Wait, Wait, Settle,
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
            world.now = today.first_second();
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
                    let arrears = [Arrear { month: of, unit_part: part, personal_part: part, difference: pick % 2 == 0 }];
                    world.make_up(&clerk, &account.number, &arrears)
                }
                (Act::Reverse, _) if !world.unit_entries.is_empty() => {
                    world.reverse(&clerk, usize::from(pick) % world.unit_entries.len())
                }
                (Act::Undo, _) if !world.changes.is_empty() => {
                    // The last ones have the best chance, but any may be tried.
                    let back = usize::from(pick) % world.changes.len().min(6);
                    let serial = world.changes[world.changes.len() - 1 - back].change.serial.clone();
                    world.undo(&clerk, &serial)
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
