use ca_core::domain::{BeijingDay, Timestamp};

use super::*;
use crate::fund::book_store::ChangeRow;
use crate::fund::books::PersonNumber;
use crate::fund::policy::Policy;
use crate::fund::policy::tests::policy;
use crate::fund::testing::{World, begun, day, month, newcomer};

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
    assert_eq!(world.reverse(&undo, at), Err(Rule::LaterMonths));
    let before = world.unit.suspense;
    world.take(world.reverse(&undo, at + 1).expect("undone"));
    assert_eq!((world.unit.paid_through, world.unit.suspense - before), (Some(month(202_401)), Fen::new(178_156)));
    let last = world.unit_entries.last().expect("an entry");
    assert_eq!((last.amount, last.reverses), (Fen::new(-178_156), Some(world.unit_entries[at + 1].seq)));
    assert_eq!(world.reverse(&undo, world.unit_entries.len() - 1), Err(Rule::NotReversible), "a reversal stands");
    let later = Clerk { today: day(2024, 7, 1), ..undo };
    assert_eq!(world.reverse(&later, at), Err(Rule::Settled));
}

fn clerk<'a>(policy: &'a Policy, serial: &'a str) -> Clerk<'a> {
    Clerk { policy, today: day(2024, 3, 10), serial }
}

/// What an account is, what is paid for it, and when its base was changed.
fn state(world: &World, number: i64) -> (PersonStatus, Fen, Fen, Option<BeijingDay>) {
    let account = &world.people[&PersonNumber::nth(number)];
    (account.status, account.base, account.unit_share, account.rebased)
}

#[test]
fn an_opening_is_undone_while_nothing_was_paid_in_and_the_account_stays_as_nobodys() {
    let policy = policy();
    let mut world = begun(&clerk(&policy, "S1"));
    let late = newcomer(4, 300_000, month(202_402));
    world.take(clerk(&policy, "S2").open(world.unit.clone(), vec![late]).expect("opened"));
    world.take(clerk(&policy, "S3").remit(world.unit.clone(), world.all(), month(202_401)).expect("booked"));
    assert_eq!(world.undo(&clerk(&policy, "U1"), "S1"), Err(Rule::PaidInto));
    world.take(world.undo(&clerk(&policy, "U2"), "S2").expect("undone"));
    assert_eq!((world.unit.active_heads, state(&world, 4).0), (3, PersonStatus::Other));
    assert_eq!(world.undo(&clerk(&policy, "U3"), "S2"), Err(Rule::ReversedAlready));
    // Once the payment is undone too, there is nothing in the way.
    let at = world.unit_entries.iter().position(|entry| entry.serial == "S3").expect("booked");
    world.take(world.reverse(&clerk(&policy, "U4"), at).expect("undone"));
    world.take(world.undo(&clerk(&policy, "U5"), "S1").expect("undone"));
    assert_eq!(world.unit.active_heads, 0);
}

#[test]
fn sealing_unsealing_and_bases_are_undone_the_last_first_and_before_the_month_is_paid() {
    let policy = policy();
    let mut world = begun(&clerk(&policy, "S1"));
    let before = state(&world, 1);
    let one = |world: &World| world.all()[0].clone();
    let bases = vec![(one(&world), Fen::new(600_000))];
    world.take(clerk(&policy, "B1").rebase(world.unit.clone(), bases).expect("rebased"));
    let rebased = state(&world, 1);
    world.take(clerk(&policy, "S2").seal(world.unit.clone(), one(&world), "left").expect("sealed"));
    let higher = Fen::new(650_000);
    world.take(clerk(&policy, "S3").unseal(world.unit.clone(), one(&world), higher, "left").expect("unsealed"));
    for earlier in ["B1", "S2"] {
        assert_eq!(world.undo(&clerk(&policy, "U1"), earlier), Err(Rule::LaterChanges), "{earlier}");
    }
    world.take(world.undo(&clerk(&policy, "U2"), "S3").expect("undone"));
    assert_eq!((state(&world, 1).0, state(&world, 1).1), (PersonStatus::Sealed, Fen::new(600_000)));
    world.take(world.undo(&clerk(&policy, "U3"), "S2").expect("undone"));
    assert_eq!(state(&world, 1), rebased);
    let undone = world.changes.iter().find(|one| one.change.serial == "B1").map(|one| one.seq);
    world.take(world.undo(&clerk(&policy, "U4"), "B1").expect("undone"));
    assert_eq!(state(&world, 1), before, "also whether the base was changed this fund year");
    // A reversal names what it undid, and is no change that could be undone.
    assert_eq!(world.changes.last().map(|one| one.change.undoes), Some(undone));
    assert_eq!(world.undo(&clerk(&policy, "U5"), "U4"), Err(Rule::NotReversible));

    world.take(clerk(&policy, "S4").seal(world.unit.clone(), one(&world), "left").expect("sealed"));
    world.take(clerk(&policy, "R1").remit(world.unit.clone(), world.all(), month(202_401)).expect("booked"));
    let late = Rule::MonthPaidSince { month: month(202_401) };
    assert_eq!(world.undo(&clerk(&policy, "U6"), "S4"), Err(late));
}

#[test]
fn particulars_go_back_to_what_they_were_unless_they_moved_on() {
    let policy = policy();
    let world = begun(&clerk(&policy, "S1"));
    let fact = |field, was: &str, value: &str| FundFact { field, value: value.into(), was: Some(was.into()) };
    let facts = [
        fact(FundField::Address, "旧址", "建设大街18号"),
        fact(FundField::Payday, "15", ""),
        FundFact { field: FundField::Words, value: "搬迁".into(), was: None },
    ];
    let change = ChangeRow {
        serial: "C1".into(),
        number: String::new(),
        name: "示范单位".into(),
        kind: BusinessType::DataChange,
        month: None,
        field: "address".into(),
        was: String::new(),
        will: String::new(),
        undoes: None,
    };
    let kept = [KeptChange { seq: 7, at: Timestamp::from_unix(1), change }];
    let undo = clerk(&policy, "U1");
    let back = undo.undo_unit(world.unit.clone(), &facts, &kept).expect("undone");
    assert_eq!((back.unit.address.as_str(), back.unit.payday), ("旧址", Some(15)));
    assert_eq!(back.changes.iter().map(|change| change.undoes).collect::<Vec<_>>(), [Some(7), None]);
    let moved = Unit { address: "又一处".into(), ..world.unit.clone() };
    assert_eq!(undo.undo_unit(moved, &facts, &[]), Err(Rule::LaterChanges));
    assert_eq!(undo.undo_unit(world.unit.clone(), &facts[2..], &[]), Err(Rule::NotReversible));
    let (person, mine) = ([fact(FundField::Mobile, "13900000009", "13800000001")], world.all()[0].clone());
    let back = undo.undo_person(world.unit.clone(), mine.clone(), &person, &[]).expect("undone");
    assert_eq!(back.people[0].account.person.mobile, "13900000009");
    assert_eq!((back.changes[0].was.as_str(), back.changes[0].will.as_str()), ("138****0001", "139****0009"));
    let other = [fact(FundField::Mobile, "13900000009", "13800000002")];
    assert_eq!(undo.undo_person(world.unit, mine, &other, &[]), Err(Rule::LaterChanges));
}
