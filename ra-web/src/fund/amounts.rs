//! Money, rates and months as the fund counts them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Text that is no amount, rate or month.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not {1}")]
pub struct AmountError(String, &'static str);

/// An amount of yuan in fen; negative amounts are debts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Fen(i64);

impl Fen {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate(i64);

impl Rate {
    /// A rate of so many ten-thousandths, if it is above nothing and at most the whole.
    #[must_use]
    pub fn new(ten_thousandths: i64) -> Option<Self> {
        (1..=10_000).contains(&ten_thousandths).then_some(Self(ten_thousandths))
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
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
    fn months_exist() {
        assert_eq!(Month::try_from("2026-10".to_owned()).map(|m| m.to_string()).as_deref(), Ok("2026-10"));
        for wrong in ["2026-13", "2026-00", "2026-1", "202610", "-026-10"] {
            assert!(Month::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
