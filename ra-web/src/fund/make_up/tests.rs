use super::*;
use crate::fund::policy::tests::policy;
use crate::fund::testing::{begun, day, month};

fn arrear(yyyymm: i64, part: i64, difference: bool) -> Arrear {
    Arrear { month: month(yyyymm), unit_part: Fen::new(part), personal_part: Fen::new(part), difference }
}

#[test]
fn a_month_is_made_up_once_or_as_a_difference_never_ahead_and_never_beyond_the_highest() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let mut world = begun(&clerk);
    let number = world.all()[0].number.clone();
    let nothing = world.make_up(&clerk, &number, &[arrear(202_401, 100, false)]);
    assert_eq!(nothing, Err(Rule::NothingPaidYet));
    world.take(clerk.seal(world.unit.clone(), world.all()[0].clone(), "unpaid").expect("sealed"));
    world.take(clerk.remit(world.unit.clone(), world.all(), month(202_401)).expect("booked"));
    let refused =
        |world: &crate::fund::testing::World, arrears: &[Arrear]| world.make_up(&clerk, &number, arrears).err();
    assert_eq!(refused(&world, &[arrear(202_402, 100, false)]), Some(Rule::NotYetDue { through: month(202_401) }));
    assert_eq!(refused(&world, &[arrear(202_312, 100, false)]), Some(Rule::BeforeUnit { first: month(202_401) }));
    assert_eq!(refused(&world, &[arrear(202_401, 0, false)]), Some(Rule::NoAmount));
    let negative = Arrear { unit_part: Fen::new(-1), ..arrear(202_401, 100, false) };
    assert_eq!(refused(&world, &[negative]), Some(Rule::NoAmount));
    let twice = [arrear(202_401, 100, true), arrear(202_401, 100, true)];
    assert_eq!(refused(&world, &twice), Some(Rule::PaidAlready { month: month(202_401) }));
    // 20,400 at 12 % is 2,448 a side and 4,896 a month.
    let most = Rule::AboveMonth { most: Fen::new(489_600) };
    assert_eq!(refused(&world, &[arrear(202_401, 244_801, false)]), Some(most.clone()));
    world.take(world.make_up(&clerk, &number, &[arrear(202_401, 244_700, false)]).expect("booked"));
    assert_eq!(refused(&world, &[arrear(202_401, 100, false)]), Some(Rule::PaidAlready { month: month(202_401) }));
    assert_eq!(refused(&world, &[arrear(202_401, 101, true)]), Some(most));
    world.take(world.make_up(&clerk, &number, &[arrear(202_401, 100, true)]).expect("a difference"));
}

#[test]
fn a_list_books_each_line_of_its_employee_and_counts_heads_once() {
    let policy = policy();
    let clerk = Clerk { policy: &policy, today: day(2024, 3, 10), serial: "S1" };
    let mut world = begun(&clerk);
    for account in world.all().into_iter().take(2) {
        world.take(clerk.seal(world.unit.clone(), account, "unpaid").expect("sealed"));
    }
    for yyyymm in [202_401, 202_402] {
        world.take(clerk.remit(world.unit.clone(), world.all(), month(yyyymm)).expect("booked"));
    }
    let (first, second) = (PersonNumber::nth(1), PersonNumber::nth(2));
    // Not in the order of accounts: what a spreadsheet has.
    let lines = [
        (second.clone(), arrear(202_402, 300, false)),
        (first.clone(), arrear(202_402, 200, false)),
        (second.clone(), arrear(202_401, 300, false)),
    ];
    let owed = [world.owed(&first), world.owed(&second)];
    let made_up = Clerk { serial: "M1", ..clerk };
    let booking = made_up.make_up(world.unit.clone(), &owed, &lines).expect("booked");
    let entry = booking.entry.clone().expect("an entry");
    assert_eq!((entry.heads, entry.amount, entry.month), (2, Fen::new(1_600), Some(month(202_402))));
    world.take(booking);
    assert_eq!(world.people[&second].balance(), Fen::new(1_200));
    let at = world.unit_entries.len() - 1;
    let undone = world.reverse(&Clerk { serial: "U1", ..clerk }, at).expect("undone");
    world.take(undone);
    assert_eq!((world.people[&second].balance(), world.people[&second].paid_through), (Fen::ZERO, None));
    let poor = crate::fund::account::Unit { suspense: Fen::new(1), ..world.unit.clone() };
    let short = Rule::SuspenseShort { has: Fen::new(1), needs: Fen::new(1_600) };
    assert_eq!(clerk.make_up(poor, &[world.owed(&first), world.owed(&second)], &lines), Err(short));
}
