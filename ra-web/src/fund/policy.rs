//! What the city has laid down, each from a day on: bounds, rounding, how interest is counted (`domain.md` §4.2, §4.5).

use ca_core::domain::BeijingDay;
use serde::Deserialize;

use super::amounts::{Fen, Rate};

/// To what a contribution is rounded, half up, each side by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the fen.
    Fen,
    /// To the yuan.
    Yuan,
}

impl Rounding {
    /// The word in stores and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fen => "fen",
            Self::Yuan => "yuan",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Fen, Self::Yuan].into_iter().find(|one| one.word() == word)
    }
}

/// When the base of one employee may be changed; lists are for the weeks of adjustment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleBase {
    /// Whenever there is a reason.
    #[default]
    Free,
    /// Once a fund year.
    Yearly,
    /// Once a fund year, in the weeks of adjustment.
    Window,
}

impl SingleBase {
    /// The word in stores and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Yearly => "yearly",
            Self::Window => "window",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Free, Self::Yearly, Self::Window].into_iter().find(|one| one.word() == word)
    }
}

/// A day of every year, as month × 100 + day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayOfYear(pub i64);

impl DayOfYear {
    /// Of a day.
    #[must_use]
    pub fn of(day: BeijingDay) -> Self {
        let text = day.to_string();
        Self(text[5..7].parse::<i64>().unwrap_or(0) * 100 + text[8..10].parse::<i64>().unwrap_or(0))
    }
}

/// `07-01`.
impl std::fmt::Display for DayOfYear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}-{:02}", self.0 / 100, self.0 % 100)
    }
}

/// The rules of the city from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From when on.
    pub valid_from: BeijingDay,
    /// The least that a side pays of a base.
    pub rate_min: Rate,
    /// The most.
    pub rate_max: Rate,
    /// The lowest base.
    pub base_floor: Fen,
    /// The highest.
    pub base_cap: Fen,
    /// To what contributions are rounded.
    pub rounding: Rounding,
    /// Interest a year.
    pub interest: Rate,
    /// Days of a year, as interest is counted.
    pub day_count: i64,
    /// Decimals to which the rate of a day is rounded before it is used; none: not at all.
    pub daily_rate_digits: Option<u32>,
    /// From when in the year on bases of all employees may be adjusted.
    pub adjust_from: DayOfYear,
    /// Until when; before `adjust_from` when the weeks go over the year's end.
    pub adjust_to: DayOfYear,
    /// When the base of one employee may be changed.
    pub single_base: SingleBase,
}

impl Policy {
    /// What one side pays a month.
    #[must_use]
    pub fn contribution(&self, base: Fen, rate: Rate) -> Fen {
        let exact = i128::from(base.fen()) * i128::from(rate.ten_thousandths());
        let rounded = match self.rounding {
            Rounding::Fen => half_up(exact, 10_000),
            Rounding::Yuan => half_up(exact, 1_000_000) * 100,
        };
        Fen::new(i64::try_from(rounded).unwrap_or(i64::MAX))
    }

    /// Interest on a sum of balances times days (积数), in fen times days, for any account of the fund.
    #[must_use]
    pub fn interest_on(&self, product: i128) -> Fen {
        let rate = i128::from(self.interest.ten_thousandths());
        let interest = match self.daily_rate_digits {
            None => half_up(product * rate, 10_000 * i128::from(self.day_count)),
            Some(digits) => {
                let scale = 10_i128.pow(digits);
                let daily = half_up(rate * scale, 10_000 * i128::from(self.day_count));
                half_up(product * daily, scale)
            }
        };
        Fen::new(i64::try_from(interest).unwrap_or(i64::MAX))
    }

    /// Whether bases of all employees may be adjusted on this day.
    #[must_use]
    pub fn adjusts_on(&self, day: BeijingDay) -> bool {
        let (day, from, to) = (DayOfYear::of(day), self.adjust_from, self.adjust_to);
        if from <= to { (from..=to).contains(&day) } else { day >= from || day <= to }
    }
}

/// A quotient rounded half up; dividends here are never negative.
fn half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor).div_euclid(2 * divisor)
}

/// The fund year in which a day lies: 2025 is that of 1 July 2025 to 30 June 2026.
#[must_use]
pub fn fund_year(day: BeijingDay) -> i64 {
    let year = day.to_string()[..4].parse::<i64>().unwrap_or(0);
    if DayOfYear::of(day).0 >= 701 { year } else { year - 1 }
}

/// First and last day of a fund year.
#[must_use]
pub fn days_of(year: i64) -> Option<(BeijingDay, BeijingDay)> {
    let year = i32::try_from(year).ok().filter(|year| (1991..9999).contains(year))?;
    Some((BeijingDay::from_calendar(year, 7, 1)?, BeijingDay::from_calendar(year + 1, 6, 30)?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn rate(ten_thousandths: i64) -> Rate {
        Rate::new(ten_thousandths).expect("a rate")
    }

    /// The illustrative figures of `domain.md` §4.5.
    pub(crate) fn policy() -> Policy {
        Policy {
            valid_from: BeijingDay::from_calendar(2016, 2, 21).expect("a day"),
            rate_min: rate(500),
            rate_max: rate(1200),
            base_floor: Fen::new(200_000),
            base_cap: Fen::new(2_040_000),
            rounding: Rounding::Fen,
            interest: rate(150),
            day_count: 360,
            daily_rate_digits: None,
            adjust_from: DayOfYear(701),
            adjust_to: DayOfYear(831),
            single_base: SingleBase::Free,
        }
    }

    #[test]
    fn contributions_are_those_of_the_worked_table() {
        let (fen, yuan) = (policy(), Policy { rounding: Rounding::Yuan, ..policy() });
        for (base, at, in_fen, in_yuan) in [
            (567_800, 800, 45_424, 45_400),
            (345_678, 1200, 41_481, 41_500),
            (432_150, 700, 30_251, 30_300),
            (625_000, 500, 31_250, 31_300),
            (777_777, 1100, 85_555, 85_600),
            (2_040_000, 1200, 244_800, 244_800),
            (200_000, 500, 10_000, 10_000),
        ] {
            assert_eq!(fen.contribution(Fen::new(base), rate(at)).fen(), in_fen, "{base}");
            assert_eq!(yuan.contribution(Fen::new(base), rate(at)).fen(), in_yuan, "{base}");
        }
        let three = |policy: &Policy| -> i64 {
            [567_800, 345_678, 200_000].iter().map(|base| policy.contribution(Fen::new(*base), rate(800)).fen()).sum()
        };
        assert_eq!((three(&fen), 2 * three(&fen)), (89_078, 178_156));
        assert_eq!((three(&yuan), 2 * three(&yuan)), (89_100, 178_200));
    }

    #[test]
    fn interest_on_the_worked_products_is_as_each_way_of_counting_gives_it() {
        let (exact, rounded) = (policy(), Policy { daily_rate_digits: Some(8), ..policy() });
        for (product, by_day, by_rounded_day) in [
            (365_000_000, 15_208, Some(15_210)),
            (366_000_000, 15_250, Some(15_251)),
            (570_000_800, 23_750, Some(23_752)),
            (43_800_000, 1_825, None),
            (129_600_000, 5_400, None),
        ] {
            assert_eq!(exact.interest_on(product).fen(), by_day, "{product}");
            if let Some(expected) = by_rounded_day {
                assert_eq!(rounded.interest_on(product).fen(), expected, "{product}");
            }
        }
    }

    #[test]
    fn a_fund_year_runs_from_july_to_june() {
        let day = |y, m, d| BeijingDay::from_calendar(y, m, d).expect("a day");
        assert_eq!(fund_year(day(2026, 6, 30)), 2025);
        assert_eq!(fund_year(day(2026, 7, 1)), 2026);
        assert_eq!(days_of(2025), Some((day(2025, 7, 1), day(2026, 6, 30))));
        let adjusts = |policy: &Policy, days: &[BeijingDay]| days.iter().map(|day| policy.adjusts_on(*day)).collect();
        let edges = [day(2026, 6, 30), day(2026, 7, 1), day(2026, 8, 31), day(2026, 9, 1)];
        let within: Vec<bool> = adjusts(&policy(), &edges);
        assert_eq!(within, [false, true, true, false]);
        let over = Policy { adjust_from: DayOfYear(1201), adjust_to: DayOfYear(131), ..policy() };
        let edges = [day(2026, 11, 30), day(2026, 12, 1), day(2027, 1, 31), day(2027, 2, 1)];
        let within: Vec<bool> = adjusts(&over, &edges);
        assert_eq!(within, [false, true, true, false], "over the year's end");
    }
}
