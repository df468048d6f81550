//! Money, rates and months as the fund counts them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use ca_core::domain::BeijingDay;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// Text that is no amount, rate or month.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not {1}")]
pub struct AmountError(String, &'static str);

/// An amount of yuan in fen; negative amounts are debts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fen(i64);

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// How many fen.
    #[must_use]
    pub const fn fen(self) -> i64 {
        self.0
    }
}

impl Fen {
    /// `1234567.80`: what files have.
    #[must_use]
    pub fn plain(self) -> String {
        self.to_string().replace(',', "")
    }

    /// In Chinese capitals.
    #[must_use]
    pub fn capitals(self) -> String {
        crate::capitals::yuan(self.0)
    }

    /// As people type it: `5678`, `5678.5`, `5,678.50`, also with full-width digits. Never negative.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        let text: String = text.trim().nfkc().filter(|c| *c != ',').collect();
        let text = text.strip_prefix(['¥', '￥']).unwrap_or(&text);
        let (yuan, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if yuan.is_empty() || yuan.len() > 9 || part.len() > 2 || !digits(yuan) || !digits(part) {
            return None;
        }
        format!("{yuan}.{part:0<2}").parse().ok()
    }
}

impl From<Fen> for String {
    fn from(fen: Fen) -> Self {
        fen.plain()
    }
}

impl Add for Fen {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Fen {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Fen {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Fen {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Fen {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

/// `1,234,567.80`, in yuan.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yuan = (self.0.unsigned_abs() / 100).to_string();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        for (place, digit) in yuan.chars().enumerate() {
            if place > 0 && (yuan.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, ".{:02}", self.0.unsigned_abs() % 100)
    }
}

/// `1234567.80`: plain digits, exactly two after the point.
impl FromStr for Fen {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let fault = || AmountError(text.to_owned(), "an amount in yuan with two decimals");
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (yuan, fen) = digits.split_once('.').ok_or_else(fault)?;
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(yuan) || !plain(fen) || fen.len() != 2 || yuan.len() > 16 {
            return Err(fault());
        }
        let amount: i64 = format!("{yuan}{fen}").parse().map_err(|_| fault())?;
        Ok(Self(if negative { -amount } else { amount }))
    }
}

impl TryFrom<String> for Fen {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

/// A contribution rate in ten-thousandths: 0.08 (8 %) is 800. JGJ/T 320 writes it as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(i64);

impl Rate {
    /// A rate of so many ten-thousandths, if it is above nothing and at most the whole.
    #[must_use]
    pub fn new(ten_thousandths: i64) -> Option<Self> {
        (1..=10_000).contains(&ten_thousandths).then_some(Self(ten_thousandths))
    }

    /// As people type it: `8%`, `8.5 %`, `0.08`, also with full-width digits.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        let text: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
        let (digits, shift) = text.strip_suffix('%').map_or((text.as_str(), 4), |percent| (percent, 2));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > shift || !plain(whole) || !plain(part) {
            return None;
        }
        Self::new(format!("{whole}{part:0<shift$}").parse().ok()?)
    }

    /// How many ten-thousandths.
    #[must_use]
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }
}

/// `8%`, `8.5%`, `8.25%`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole}%"),
            _ if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            _ => write!(f, "{whole}.{part:02}%"),
        }
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        format!("{:.4}", rate.0 as f64 / 10_000.0)
    }
}

/// `0.08`: a fraction with two to four decimals.
impl TryFrom<String> for Rate {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        let fault = || AmountError(text.clone(), "a rate as a fraction with two to four decimals, e.g. 0.08");
        let decimals = text.strip_prefix("0.").ok_or_else(fault)?;
        if !(2..=4).contains(&decimals.len()) || !decimals.bytes().all(|b| b.is_ascii_digit()) {
            return Err(fault());
        }
        Self::new(format!("{decimals:0<4}").parse().map_err(|_| fault())?).ok_or_else(fault)
    }
}

/// A calendar month, e.g. the one that a unit has paid through (缴至年月).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(i64);

impl Month {
    /// From the number `yyyymm`, if there is such a month.
    #[must_use]
    pub fn new(yyyymm: i64) -> Option<Self> {
        ((1991..=9999).contains(&(yyyymm / 100)) && (1..=12).contains(&(yyyymm % 100))).then_some(Self(yyyymm))
    }

    /// The number `yyyymm`.
    #[must_use]
    pub const fn yyyymm(self) -> i64 {
        self.0
    }

    /// The month in which a day lies.
    #[must_use]
    pub fn of(day: BeijingDay) -> Self {
        let text = day.to_string();
        Self(text[..4].parse::<i64>().unwrap_or(0) * 100 + text[5..7].parse::<i64>().unwrap_or(0))
    }

    /// So many months later (earlier if negative).
    #[must_use]
    pub const fn plus(self, months: i64) -> Self {
        let all = (self.0 / 100) * 12 + self.0 % 100 - 1 + months;
        Self(all.div_euclid(12) * 100 + all.rem_euclid(12) + 1)
    }

    /// How many months it is after another.
    #[must_use]
    pub const fn since(self, other: Self) -> i64 {
        (self.0 / 100 - other.0 / 100) * 12 + self.0 % 100 - other.0 % 100
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> BeijingDay {
        let next = self.plus(1);
        let first = BeijingDay::from_calendar((next.0 / 100) as i32, (next.0 % 100) as u8, 1);
        first.map_or_else(|| self.first_day(), |day| day.plus_days(-1))
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> BeijingDay {
        BeijingDay::from_calendar((self.0 / 100) as i32, (self.0 % 100) as u8, 1).expect("a month has a first day")
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// `2026-10`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

impl TryFrom<String> for Month {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        let fault = || AmountError(text.clone(), "a month like 2026-10");
        let (year, month) = text.split_once('-').filter(|(y, m)| y.len() == 4 && m.len() == 2).ok_or_else(fault)?;
        format!("{year}{month}").parse().ok().and_then(Self::new).ok_or_else(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands_and_keep_their_fen() {
        let shown = |fen| Fen::new(fen).to_string();
        assert_eq!(shown(0), "0.00");
        assert_eq!(shown(5), "0.05");
        assert_eq!(shown(123_456_789), "1,234,567.89");
        assert_eq!(shown(-100_000), "-1,000.00");
        assert_eq!("1234567.80".parse(), Ok(Fen::new(123_456_780)));
        assert_eq!("-0.05".parse(), Ok(Fen::new(-5)));
        for wrong in ["1", "1.0", "1,000.00", "1.000", ".50", "+1.00", "99999999999999999.00"] {
            assert!(wrong.parse::<Fen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_fractions_in_files_and_percents_on_pages() {
        let shown = |text: &str| Rate::try_from(text.to_owned()).map(|rate| rate.to_string());
        assert_eq!(shown("0.08").as_deref(), Ok("8%"));
        assert_eq!(shown("0.085").as_deref(), Ok("8.5%"));
        assert_eq!(shown("0.0825").as_deref(), Ok("8.25%"));
        for wrong in ["8", "8%", "0.8", "0.00", "1.00", "0.08000"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read_as_people_type_them() {
        for (text, ten_thousandths) in [("8%", 800), ("8.5 %", 850), ("0.08", 800), ("１２％", 1_200), ("0.085", 850)]
        {
            assert_eq!(Rate::typed(text), Rate::new(ten_thousandths), "{text}");
        }
        for wrong in ["", "%", "8.125%", "0.08125", "-8%", "0", "八"] {
            assert_eq!(Rate::typed(wrong), None, "{wrong}");
        }
        assert_eq!(Rate::typed("8"), None, "eight times the base is nobody's rate");
    }

    #[test]
    fn amounts_are_read_as_people_type_them() {
        let typed = |text: &str| Fen::typed(text).map(Fen::fen);
        assert_eq!(typed(" 5,678 "), Some(567_800));
        assert_eq!(typed("５６７８．5"), Some(567_850));
        assert_eq!(typed("¥0.05"), Some(5));
        for wrong in ["", "-1", "1.234", "1e3", "abc", ".5", "1234567890"] {
            assert_eq!(typed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn months_follow_each_other_over_the_years_end() {
        let month = |yyyymm| Month::new(yyyymm).expect("a month");
        assert_eq!(month(202_612).plus(1), month(202_701));
        assert_eq!(month(202_701).plus(-13), month(202_512));
        assert_eq!(month(202_701).since(month(202_611)), 2);
        assert_eq!(month(202_402).last_day().to_string(), "2024-02-29");
        assert_eq!(Month::of(month(202_612).last_day()), month(202_612));
    }

    #[test]
    fn months_exist() {
        assert_eq!(Month::try_from("2026-10".to_owned()).map(|m| m.to_string()).as_deref(), Ok("2026-10"));
        for wrong in ["2026-13", "2026-00", "2026-1", "202610", "-026-10"] {
            assert!(Month::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
