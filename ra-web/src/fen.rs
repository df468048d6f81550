//! Money: whole fen of renminbi, as text at the counter, and in Chinese capitals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// The most that one amount can be: a hundred million yuan. Sums of a few thousand of them still fit 64 bits.
const MOST: i64 = 10_000_000_000;

/// An amount in fen, a hundredth of a yuan. Negative on the credit side of a booking and for what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fen(i64);

/// Text that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is written in yuan, with two decimals at most, e.g. 200 or 200.50")]
pub struct NoAmount;

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// So many whole yuan.
    #[must_use]
    pub const fn yuan(yuan: i64) -> Self {
        Self(yuan * 100)
    }

    /// In fen, for stores and payment services.
    #[must_use]
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0 * n)
    }

    /// In Chinese capitals, as receipts and invoices write it: `200.00` is 贰佰元整. Amounts below zero begin with 负.
    #[must_use]
    pub fn capitals(self) -> String {
        crate::capitals::yuan(self.0)
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let yuan = (self.0.unsigned_abs() / 100).to_string();
        let mut grouped = String::new();
        for (n, digit) in yuan.chars().enumerate() {
            if n > 0 && (yuan.len() - n).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        write!(f, "{sign}{grouped}.{:02}", self.0.unsigned_abs() % 100)
    }
}

impl FromStr for Fen {
    type Err = NoAmount;

    /// As people type it: `200`, `200.5`, `1,200.00`, `￥200`, full-width digits.
    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let text: String = text.nfkc().filter(|c| !c.is_whitespace() && *c != ',').collect();
        let text = text.trim_start_matches(['¥', '￥']).trim_end_matches('元');
        let (yuan, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if yuan.is_empty() || yuan.len() > 9 || rest.len() > 2 || !digits(yuan) || !digits(rest) {
            return Err(NoAmount);
        }
        let fen: i64 = format!("{rest:0<2}").parse().map_err(|_| NoAmount)?;
        let amount = yuan.parse::<i64>().map_err(|_| NoAmount)? * 100 + fen;
        if amount <= MOST { Ok(Self(amount)) } else { Err(NoAmount) }
    }
}

impl std::ops::Add for Fen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Fen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::Neg for Fen {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::iter::Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum + amount)
    }
}

/// A gross amount parted into what is ours and what is the tax office's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Without tax.
    pub net: Fen,
    /// Tax.
    pub tax: Fen,
}

/// A rate of value-added tax in hundredths of a percent: 600 is 6 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaxRate(pub u16);

impl TaxRate {
    /// Parts a tax-inclusive amount: net to the nearest fen, the rest is tax, so that both always add up.
    #[must_use]
    pub fn split(self, gross: Fen) -> Split {
        let (part, whole) = (10_000, 10_000 + i64::from(self.0));
        let net = Fen((gross.0 * part + whole / 2).div_euclid(whole));
        Split { net, tax: gross - net }
    }
}

impl fmt::Display for TaxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        if part == 0 { write!(f, "{whole} %") } else { write!(f, "{whole}.{part:02} %") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(text: &str) -> Fen {
        text.parse().expect("an amount")
    }

    /// The table of `domain.md` §5, and what lies around it.
    #[test]
    fn capitals_are_written_as_banks_write_them() {
        for (amount, text) in [
            ("200.00", "贰佰元整"),
            ("1781.56", "壹仟柒佰捌拾壹元伍角陆分"),
            ("10050.30", "壹万零伍拾元叁角整"),
            ("1000.05", "壹仟元零伍分"),
            ("0.05", "伍分"),
            ("0", "零元整"),
            ("0.50", "伍角整"),
            ("0.55", "伍角伍分"),
            ("10", "壹拾元整"),
            ("105.10", "壹佰零伍元壹角整"),
            ("1005", "壹仟零伍元整"),
            ("20000", "贰万元整"),
            ("20005", "贰万零伍元整"),
            ("100000", "壹拾万元整"),
            ("1005000", "壹佰万伍仟元整"),
            ("10000005.09", "壹仟万零伍元零玖分"),
            ("100000000", "壹亿元整"),
        ] {
            assert_eq!(fen(amount).capitals(), text, "{amount}");
        }
        assert_eq!((-fen("200")).capitals(), "负贰佰元整");
        assert_eq!(Fen::new(10_001_000_500).capitals(), "壹亿零壹万零伍元整");
    }

    #[test]
    fn amounts_are_read_as_people_type_them_and_nothing_else_is() {
        for (text, expected) in
            [("200", 20_000), ("200.5", 20_050), ("1,200.00", 120_000), ("￥２００", 20_000), (" 0.01元", 1)]
        {
            assert_eq!(text.parse(), Ok(Fen::new(expected)), "{text}");
        }
        for text in ["", "-1", "2.001", "1e3", "two", "9999999999", "100000000.01", ".5", "+3", "1.2.3"] {
            let read = text.parse::<Fen>();
            assert_eq!(read, Err(NoAmount), "{text}");
        }
        assert_eq!(Fen::new(-123_456_789).to_string(), "-1,234,567.89");
    }

    /// The worked numbers of `domain.md` §5, and every gross from 0.01 to 10,000.00.
    #[test]
    fn net_and_tax_always_add_up_and_neither_is_below_zero() {
        let six = TaxRate(600);
        for (gross, net, tax) in [
            ("200", "188.68", "11.32"),
            ("400", "377.36", "22.64"),
            ("600", "566.04", "33.96"),
            ("1000", "943.40", "56.60"),
        ] {
            assert_eq!(six.split(fen(gross)), Split { net: fen(net), tax: fen(tax) }, "{gross}");
        }
        for gross in 1..=1_000_000 {
            let Split { net, tax } = six.split(Fen::new(gross));
            assert_eq!(net + tax, Fen::new(gross));
            assert!(net.fen() >= 0 && tax.fen() >= 0, "{gross}");
            // Not a fen farther from gross / 1.06 than rounding makes it.
            assert!((net.fen() * 106 - gross * 100).abs() * 2 <= 106, "{gross}");
        }
        assert_eq!(TaxRate(0).split(fen("7")), Split { net: fen("7"), tax: Fen::ZERO });
        assert_eq!((TaxRate(600).to_string(), TaxRate(150).to_string()), ("6 %".into(), "1.50 %".into()));
    }
}
