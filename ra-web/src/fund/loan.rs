//! Loans on the fund: what an instalment is, and what of it repays. Only read here; loans are granted and collected elsewhere.

use ca_core::domain::BeijingDay;
use serde::Deserialize;

use super::amounts::{Fen, Month};

/// How a loan is repaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 等额本息: every instalment is the same.
    EqualInstalment,
    /// 等额本金: every instalment repays the same.
    EqualPrincipal,
}

impl Method {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::EqualInstalment => "equal_instalment",
            Self::EqualPrincipal => "equal_principal",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::EqualInstalment, Self::EqualPrincipal].into_iter().find(|one| one.word() == word)
    }
}

/// A loan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Its number.
    pub number: String,
    /// Whose.
    pub person: String,
    /// What was lent.
    pub principal: Fen,
    /// Interest a year, in hundred-thousandths: 2.85 % is 2,850.
    pub rate: i64,
    /// In how many months it is repaid.
    pub months: u32,
    /// How.
    pub method: Method,
    /// When it was paid out.
    pub granted: BeijingDay,
    /// The month of the first instalment.
    pub first: Month,
}

/// An instalment of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instalment {
    /// 1 is the first.
    pub n: u32,
    /// When it is due.
    pub month: Month,
    /// What of it repays.
    pub principal: Fen,
    /// What of it is interest.
    pub interest: Fen,
    /// What is still lent after it.
    pub remaining: Fen,
}

impl Instalment {
    /// Both together.
    #[must_use]
    pub fn sum(&self) -> Fen {
        self.principal + self.interest
    }
}

/// An instalment that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repayment {
    /// Which.
    pub n: u32,
    /// When.
    pub day: BeijingDay,
    /// What of it repaid.
    pub principal: Fen,
    /// What of it was interest.
    pub interest: Fen,
}

/// Digits of the growth factor after the point.
const SCALE: i128 = 1_000_000_000_000_000_000;
/// A year's rate in these, over twelve months.
const PER_MONTH: i128 = 12 * 100_000;

fn half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor).div_euclid(2 * divisor)
}

fn fen(amount: i128) -> Fen {
    Fen::new(i64::try_from(amount).unwrap_or(i64::MAX))
}

impl Loan {
    /// The instalment of a loan that is repaid in equal ones: P·r·(1+r)ⁿ / ((1+r)ⁿ − 1), to the fen, half up.
    #[must_use]
    pub fn equal_instalment(&self) -> Fen {
        let (principal, months) = (i128::from(self.principal.fen()), i128::from(self.months.max(1)));
        if self.rate == 0 {
            return fen(half_up(principal, months));
        }
        let rate = i128::from(self.rate);
        let mut factor = SCALE;
        for _ in 0..self.months {
            factor = half_up(factor * (PER_MONTH + rate), PER_MONTH);
        }
        fen(half_up(principal * rate * factor, PER_MONTH * (factor - SCALE)))
    }

    /// Every instalment. The last one takes what rounding left.
    #[must_use]
    pub fn plan(&self) -> Vec<Instalment> {
        let equal = self.equal_instalment();
        let part = fen(half_up(i128::from(self.principal.fen()), i128::from(self.months.max(1))));
        let mut remaining = self.principal;
        (1..=self.months)
            .map(|n| {
                let interest = fen(half_up(i128::from(remaining.fen()) * i128::from(self.rate), PER_MONTH));
                let principal = match self.method {
                    _ if n == self.months => remaining,
                    Method::EqualInstalment => (equal - interest).min(remaining),
                    Method::EqualPrincipal => part.min(remaining),
                };
                remaining -= principal;
                Instalment { n, month: self.first.plus(i64::from(n) - 1), principal, interest, remaining }
            })
            .collect()
    }

    /// What is still lent after these repayments.
    #[must_use]
    pub fn remaining(&self, repaid: &[Repayment]) -> Fen {
        self.principal - repaid.iter().map(|one| one.principal).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loan(principal: i64, rate: i64, months: u32, method: Method) -> Loan {
        Loan {
            number: "DK1".into(),
            person: "P1".into(),
            principal: Fen::new(principal),
            rate,
            months,
            method,
            granted: BeijingDay::from_calendar(2024, 5, 20).expect("a day"),
            first: Month::new(202_406).expect("a month"),
        }
    }

    /// Reckoned apart with exact decimals.
    #[test]
    fn equal_instalments_are_those_of_the_formula() {
        for (principal, rate, months, instalment) in INSTALMENTS {
            let loan = loan(principal, rate, months, Method::EqualInstalment);
            assert_eq!(loan.equal_instalment().fen(), instalment, "{principal} {rate} {months}");
        }
    }

    #[test]
    fn every_plan_repays_exactly_what_was_lent() {
        for method in [Method::EqualInstalment, Method::EqualPrincipal] {
            for (principal, rate, months, _) in INSTALMENTS {
                let loan = loan(principal, rate, months, method);
                let plan = loan.plan();
                assert_eq!(plan.len(), months as usize);
                assert_eq!(plan.iter().map(|one| one.principal).sum::<Fen>(), loan.principal);
                assert!(plan.iter().all(|one| one.principal >= Fen::ZERO && one.interest >= Fen::ZERO));
                assert_eq!(plan.last().map(|one| one.remaining), Some(Fen::ZERO));
                if method == Method::EqualInstalment {
                    let off = (plan.last().expect("one").sum() - loan.equal_instalment()).fen().abs();
                    assert!(off <= i64::from(months), "the last one is {off} fen off");
                }
            }
        }
        let plan = loan(35_000_000, 2_850, 240, Method::EqualInstalment).plan();
        assert_eq!((plan[0].interest.fen(), plan[0].month.to_string()), (83_125, "2024-06".into()));
        let (day, one) = (BeijingDay::from_calendar(2024, 6, 20).expect("a day"), plan[0]);
        let paid = [Repayment { n: 1, day, principal: one.principal, interest: one.interest }];
        let loan = loan(35_000_000, 2_850, 240, Method::EqualInstalment);
        assert_eq!(loan.remaining(&paid), one.remaining);
    }

    const INSTALMENTS: [(i64, i64, u32, i64); 6] = [
        (10_000_000, 3_100, 60, 180_132),
        (35_000_000, 2_850, 240, 191_492),
        (60_000_000, 3_250, 360, 261_124),
        (80_000_000, 2_600, 360, 320_272),
        (1_200_001, 2_350, 12, 101_278),
        (1_000_000, 0, 7, 142_857),
    ];
}
