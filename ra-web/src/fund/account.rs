//! Units and their accounts, with the data items of JGJ/T 320-2014 (`domain.md` §4.1).

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{BeijingDay, Uscc};
use serde::Deserialize;

use super::amounts::{Fen, Month, Rate};

/// A unit's account number (DWZH): 1 to 20 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountNumber(String);

impl AccountNumber {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| Self(text.to_owned())).ok_or_else(|| format!("{text:?} is not an account number"))
    }
}

impl TryFrom<String> for AccountNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What a unit's account may do (DWZHZT).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// 01 正常.
    Normal,
    /// 02 开户: opened, nothing paid yet.
    Opened,
    /// 03 缓缴: payment put off with leave.
    Deferred,
    /// 04 销户: closed.
    Closed,
    /// 05 封存: sealed.
    Sealed,
    /// 99 其他.
    Other,
}

impl AccountStatus {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 6] = [Self::Normal, Self::Opened, Self::Deferred, Self::Closed, Self::Sealed, Self::Other];

    /// The two digits of the standard.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Normal => "01",
            Self::Opened => "02",
            Self::Deferred => "03",
            Self::Closed => "04",
            Self::Sealed => "05",
            Self::Other => "99",
        }
    }

    /// The status with these two digits.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The word in message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Opened => "opened",
            Self::Deferred => "deferred",
            Self::Closed => "closed",
            Self::Sealed => "sealed",
            Self::Other => "other",
        }
    }
}

/// A unit and its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// DWZH.
    pub account: AccountNumber,
    /// DWMC.
    pub name: String,
    /// ZZJGDM, which stores the unified social credit code.
    pub uscc: Uscc,
    /// The unique id of its certificates, if the fund bound one; otherwise the code alone identifies the unit.
    pub unique_id: Option<String>,
    /// DWDZ.
    pub address: String,
    /// JBRXM: who handles the unit's business.
    pub handler: String,
    /// JBRSJHM: their mobile number; pages show it masked.
    pub handler_mobile: String,
    /// STYHMC: the entrusted bank.
    pub bank: String,
    /// DWKHRQ.
    pub opened: BeijingDay,
    /// DWZHZT.
    pub status: AccountStatus,
    /// DWJCBL: what the unit pays of a base.
    pub unit_rate: Rate,
    /// GRJCBL: what the employee pays of it.
    pub personal_rate: Rate,
    /// DWJCRS: heads that are paid for.
    pub active_heads: u32,
    /// DWFCRS: heads whose accounts are sealed.
    pub sealed_heads: u32,
    /// DWZHYE: the sum of its employees' accounts.
    pub balance: Fen,
    /// Received and not yet allocated (暂存款, ZSYE).
    pub suspense: Fen,
    /// JZNY: the last month paid for; none before the first payment.
    pub paid_through: Option<Month>,
    /// DWFXR: the day of the month on which wages are paid.
    pub payday: Option<u8>,
    /// How often it was written: numbers its entries.
    pub version: i64,
}

impl Unit {
    /// `138****0001`: what pages show of the handler's number.
    #[must_use]
    pub fn masked_mobile(&self) -> String {
        masked_mobile(&self.handler_mobile)
    }

    /// The month that is to be paid next, from which changes hold.
    #[must_use]
    pub fn next_month(&self) -> Month {
        self.paid_through.map_or_else(|| Month::of(self.opened), |paid| paid.plus(1))
    }
}

/// `138****0001`.
#[must_use]
pub fn masked_mobile(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    if digits.len() < 8 {
        return "*".repeat(digits.len());
    }
    let (head, tail) = (&digits[..3], &digits[digits.len() - 4..]);
    format!("{}****{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// Reads `2020-03-01`.
#[must_use]
pub fn day(text: &str) -> Option<BeijingDay> {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().filter(|y| y.len() == 4)?.parse().ok()?;
    let month = parts.next().filter(|m| m.len() == 2)?.parse().ok()?;
    let day = parts.next().filter(|d| d.len() == 2)?.parse().ok()?;
    BeijingDay::from_calendar(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_are_those_of_the_standard_and_read_back() {
        for status in AccountStatus::ALL {
            assert_eq!(AccountStatus::from_code(status.code()), Some(status));
        }
        assert_eq!(AccountStatus::from_code("06"), None);
    }

    #[test]
    fn account_numbers_are_digits() {
        assert!("0210000001".parse::<AccountNumber>().is_ok());
        for wrong in ["", "021000000100000000000", "02A", "０２１"] {
            assert!(wrong.parse::<AccountNumber>().is_err(), "{wrong}");
        }
    }
}
