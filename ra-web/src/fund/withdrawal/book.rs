//! What a withdrawal does to the books: types 11 and 12.

use ca_core::domain::BeijingDay;

use crate::fund::account::Unit;
use crate::fund::amounts::Fen;
use crate::fund::books::{Booking, Clerk, PersonAccount, PersonEntry, Posted, UnitEntry};
use crate::fund::codes::{BusinessType, PersonStatus};
use crate::fund::interest::{Accrual, accrue};
use crate::fund::policy::{Policy, days_of, fund_year};

/// The interest of this fund year until the day before `today`, on which the account is emptied. `moves` are those since the
/// year's first day, in order.
#[must_use]
pub fn interest_until(
    policy: &Policy,
    balance: Fen,
    moves: &[(BeijingDay, Fen)],
    today: BeijingDay,
) -> Option<Accrual> {
    let (first, _) = days_of(fund_year(today))?;
    let opening = balance - moves.iter().map(|(_, amount)| *amount).sum();
    let emptied: Vec<_> = moves.iter().copied().chain([(today, -balance)]).collect();
    Some(accrue(policy, opening, &emptied, first, today))
}

impl Clerk<'_> {
    /// A part of what is in an account (type 11), first of what is carried over.
    #[must_use]
    pub fn withdraw(&self, unit: Unit, mut account: PersonAccount, amount: Fen) -> Booking {
        let carried = amount.min(account.carried);
        account.carried -= carried;
        account.current -= amount - carried;
        self.taken(unit, account, BusinessType::PartWithdrawal, -amount, -carried, Fen::ZERO)
    }

    /// Everything with the interest until today, and the account is closed (type 12).
    #[must_use]
    pub fn close_out(&self, mut unit: Unit, mut account: PersonAccount, accrual: &Accrual) -> Booking {
        let (all, carried) = (account.balance() + accrual.interest, account.carried);
        match account.status {
            PersonStatus::Normal => unit.active_heads -= 1,
            PersonStatus::Sealed => unit.sealed_heads -= 1,
            _ => {}
        }
        let was = format!("{} {}", account.status.code(), account.balance());
        account.carried = Fen::ZERO;
        account.current = Fen::ZERO;
        account.status = PersonStatus::ClosedWithdrawn;
        let change = self.change(
            &account,
            BusinessType::ClosingWithdrawal,
            None,
            "withdrawn",
            was,
            account.status.code().into(),
        );
        let booking = self.taken(unit, account, BusinessType::ClosingWithdrawal, -all, -carried, accrual.interest);
        Booking { changes: vec![change], ..booking }
    }

    fn taken(
        &self,
        mut unit: Unit,
        mut account: PersonAccount,
        kind: BusinessType,
        amount: Fen,
        carried: Fen,
        interest: Fen,
    ) -> Booking {
        account.version += 1;
        unit.version += 1;
        unit.balance += amount + interest;
        let entry = PersonEntry {
            number: account.number.clone(),
            seq: account.version,
            day: self.today,
            kind,
            month: None,
            unit_part: Fen::ZERO,
            personal_part: amount,
            interest,
            carried,
            balance: account.balance(),
            serial: self.serial.to_owned(),
            reverses: None,
        };
        let of_unit = UnitEntry {
            unit: unit.account.clone(),
            seq: unit.version,
            day: self.today,
            kind,
            month: None,
            heads: 1,
            amount,
            interest,
            suspense: Fen::ZERO,
            balance: unit.balance,
            suspense_after: unit.suspense,
            serial: self.serial.to_owned(),
            reverses: None,
        };
        let people = vec![Posted { account, fresh: false, entry: Some(entry) }];
        Booking { unit, entry: Some(of_unit), people, changes: Vec::new() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ca_core::domain::Sha256;

    use super::*;
    use crate::fund::account::AccountStatus;
    use crate::fund::amounts::{Month, Rate};
    use crate::fund::books::{Person, PersonNumber};
    use crate::fund::codes::IdKind;
    use crate::fund::policy::tests::policy;

    pub(crate) fn day(y: i32, m: u8, d: u8) -> BeijingDay {
        BeijingDay::from_calendar(y, m, d).expect("a day")
    }

    /// An account with so much carried over.
    pub(crate) fn account(carried: i64) -> PersonAccount {
        PersonAccount {
            number: PersonNumber::nth(1),
            person: Person {
                id: "01ARZ3NDEKTSV4RRFFQ69G5FAW".into(),
                name: "李强".into(),
                id_kind: IdKind::Resident,
                id_masked: "130599********0145".into(),
                id_hash: Sha256([1; 32]),
                mobile: "13800000001".into(),
                address: String::new(),
            },
            unit: "0210000001".parse().expect("an account"),
            base: Fen::new(567_800),
            unit_share: Fen::new(45_424),
            personal_share: Fen::new(45_424),
            status: PersonStatus::Normal,
            opened: day(2020, 3, 1),
            starts: Month::new(202_003).expect("a month"),
            paid_through: None,
            rebased: None,
            carried: Fen::new(carried),
            current: Fen::ZERO,
            version: 5,
        }
    }

    fn unit(balance: i64) -> Unit {
        Unit {
            account: "0210000001".parse().expect("an account"),
            name: "示范市东湖建筑工程有限公司".into(),
            uscc: "91130502MA0ABCDE61".parse().expect("a code"),
            unique_id: None,
            address: String::new(),
            handler: String::new(),
            handler_mobile: String::new(),
            bank: String::new(),
            opened: day(2016, 3, 14),
            status: AccountStatus::Normal,
            unit_rate: Rate::new(800).expect("a rate"),
            personal_rate: Rate::new(800).expect("a rate"),
            active_heads: 3,
            sealed_heads: 1,
            balance: Fen::new(balance),
            suspense: Fen::ZERO,
            paid_through: None,
            payday: None,
            version: 7,
        }
    }

    #[test]
    fn a_part_comes_out_of_what_is_carried_over_first_and_both_ledgers_agree() {
        let policy = policy();
        let clerk = Clerk { policy: &policy, today: day(2026, 11, 24), serial: "W1" };
        let before = PersonAccount { current: Fen::new(300_000), ..account(500_000) };
        let booking = clerk.withdraw(unit(2_000_000), before, Fen::new(600_000));
        let (posted, entry) = (&booking.people[0], booking.people[0].entry.as_ref().expect("an entry"));
        assert_eq!((posted.account.carried.fen(), posted.account.current.fen()), (0, 200_000));
        assert_eq!((entry.sum().fen(), entry.carried.fen(), entry.balance.fen()), (-600_000, -500_000, 200_000));
        assert_eq!(entry.kind.code(), "11");
        let of_unit = booking.entry.as_ref().expect("an entry");
        assert_eq!(
            (of_unit.amount.fen(), of_unit.balance, booking.unit.balance.fen()),
            (-600_000, Fen::new(1_400_000), 1_400_000)
        );
        assert_eq!((posted.account.version, booking.unit.version, booking.unit.active_heads), (6, 8, 3));
    }

    /// Case D of the worked table: 8,000.00 from 1 July, closed on 10 December, 162 days, 54.00 of interest.
    #[test]
    fn an_account_that_is_closed_gets_its_interest_until_the_day_before() {
        let policy = policy();
        let today = day(2024, 12, 10);
        let accrual = interest_until(&policy, Fen::new(800_000), &[], today).expect("a year");
        assert_eq!((accrual.product, accrual.interest.fen()), (129_600_000, 5_400));
        let clerk = Clerk { policy: &policy, today, serial: "W2" };
        for (status, heads) in [(PersonStatus::Normal, (2, 1)), (PersonStatus::Sealed, (3, 0))] {
            let booking = clerk.close_out(unit(2_000_000), PersonAccount { status, ..account(800_000) }, &accrual);
            let (posted, entry) = (&booking.people[0], booking.people[0].entry.as_ref().expect("an entry"));
            assert_eq!((posted.account.balance(), posted.account.status), (Fen::ZERO, PersonStatus::ClosedWithdrawn));
            assert_eq!(
                (entry.personal_part.fen(), entry.interest.fen(), entry.sum().fen()),
                (-805_400, 5_400, -800_000)
            );
            assert_eq!((entry.carried.fen(), entry.balance, entry.kind.code()), (-800_000, Fen::ZERO, "12"));
            let of_unit = booking.entry.as_ref().expect("an entry");
            assert_eq!((of_unit.amount + of_unit.interest).fen(), -800_000);
            assert_eq!(booking.unit.balance.fen(), 1_200_000);
            assert_eq!((booking.unit.active_heads, booking.unit.sealed_heads), heads);
        }
    }

    #[test]
    fn interest_counts_what_moved_in_the_year() {
        let policy = policy();
        // Opened on 12 September with 1,500.00 and closed on 1 July before the year's first balance day is over: nothing of the new year.
        let accrual = interest_until(&policy, Fen::new(150_000), &[], day(2025, 7, 1)).expect("a year");
        assert_eq!(accrual.interest, Fen::ZERO);
        let moves = [(day(2024, 9, 12), Fen::new(150_000))];
        let accrual = interest_until(&policy, Fen::new(150_000), &moves, day(2025, 6, 30)).expect("a year");
        assert_eq!((accrual.opening, accrual.product), (Fen::ZERO, 150_000 * 291));
    }
}
