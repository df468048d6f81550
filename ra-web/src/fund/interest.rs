//! Interest of a fund year: the sum of each day's closing balance (积数), and what it gives.

use ca_core::domain::BeijingDay;

use super::amounts::Fen;
use super::policy::Policy;

/// What came of an account's year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrual {
    /// What the account had when the year began.
    pub opening: Fen,
    /// Sum of each day's closing balance, in fen times days.
    pub product: i128,
    /// What that gives.
    pub interest: Fen,
}

/// Counts a period, both days included, from what the account had before it and what moved in it, in the order of the days.
/// A day counts with the balance at its end: a deposit from its own day on, a withdrawal's day no more.
#[must_use]
pub fn accrue(policy: &Policy, opening: Fen, moves: &[(BeijingDay, Fen)], from: BeijingDay, to: BeijingDay) -> Accrual {
    let (mut product, mut balance, mut since) = (0_i128, opening, from);
    for (day, amount) in moves {
        product += i128::from(balance.fen()) * i128::from(days(since, *day));
        balance += *amount;
        since = *day;
    }
    product += i128::from(balance.fen()) * i128::from(days(since, to) + 1);
    Accrual { opening, product, interest: policy.interest_on(product.max(0)) }
}

fn days(from: BeijingDay, to: BeijingDay) -> i64 {
    to.first_second().since(from.first_second()) / 86_400
}

#[cfg(test)]
mod tests {
    use super::super::policy::tests::policy;
    use super::*;

    fn day(y: i32, m: u8, d: u8) -> BeijingDay {
        BeijingDay::from_calendar(y, m, d).expect("a day")
    }

    #[test]
    fn the_worked_cases_come_out_to_the_fen() {
        let year = |opening: i64, moves: &[(BeijingDay, Fen)], first: i32| {
            let accrual = accrue(&policy(), Fen::new(opening), moves, day(first, 7, 1), day(first + 1, 6, 30));
            (accrual.product, accrual.interest.fen())
        };
        assert_eq!(year(1_000_000, &[], 2024), (365_000_000, 15_208), "A");
        assert_eq!(year(1_000_000, &[], 2023), (366_000_000, 15_250), "A′");
        let mut moves: Vec<(BeijingDay, Fen)> = (0..12)
            .map(|n| (if n < 6 { day(2024, 7 + n, 25) } else { day(2025, n - 5, 25) }, Fen::new(90_800)))
            .collect();
        moves.push((day(2025, 3, 10), Fen::new(-500_000)));
        moves.sort_by_key(|(day, _)| *day);
        assert_eq!(year(1_200_000, &moves, 2024), (570_000_800, 23_750), "B");
        // Days and balance of each stretch of B.
        let stretches: [(i64, i64); 14] = [
            (24, 1_200_000),
            (31, 1_290_800),
            (31, 1_381_600),
            (30, 1_472_400),
            (31, 1_563_200),
            (30, 1_654_000),
            (31, 1_744_800),
            (31, 1_835_600),
            (13, 1_926_400),
            (15, 1_426_400),
            (31, 1_517_200),
            (30, 1_608_000),
            (31, 1_698_800),
            (6, 1_789_600),
        ];
        let (mut product, mut until) = (0_i128, day(2024, 6, 30));
        for (days, balance) in stretches {
            product += i128::from(days * balance);
            until = until.plus_days(days);
            let before: Vec<_> = moves.iter().filter(|(day, _)| *day <= until).copied().collect();
            let so_far = accrue(&policy(), Fen::new(1_200_000), &before, day(2024, 7, 1), until);
            assert_eq!(so_far.product, product, "{until}");
        }
        assert_eq!((until, product), (day(2025, 6, 30), 570_000_800));
        let closing = moves.iter().map(|(_, amount)| *amount).sum::<Fen>() + Fen::new(1_200_000);
        assert_eq!(closing.fen(), 1_789_600);
        assert_eq!(year(0, &[(day(2024, 9, 12), Fen::new(150_000))], 2024), (43_800_000, 1_825), "C");
        let closed = [(day(2024, 12, 10), Fen::new(-800_000))];
        assert_eq!(year(800_000, &closed, 2024), (129_600_000, 5_400), "D");
    }
}
