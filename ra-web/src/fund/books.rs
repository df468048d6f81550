//! The books: employees' accounts, the two ledgers, and what one business does to them.
//!
//! For: saying, without storing anything, what accounts become and which entries are written. Entries are added and never
//! changed: what was wrong is reversed by entries of its own. Whatever is done here keeps three sums true: a balance is the
//! sum of its entries, the unit's is that of its employees, heads are accounts in that status.

mod clerk;

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{BeijingDay, Sha256};

pub use self::clerk::{Clerk, Newcomer, working};
use super::account::{AccountNumber, Unit};
use super::amounts::{Fen, Month};
use super::codes::{BusinessType, IdKind, PersonStatus};

/// An employee's account number (GRZH): 12 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonNumber(String);

impl PersonNumber {
    /// The number with this place in the fund's order.
    #[must_use]
    pub fn nth(n: i64) -> Self {
        Self(format!("03{n:010}"))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PersonNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| Self(text.to_owned())).ok_or_else(|| "an employee's account has 12 digits".to_owned())
    }
}

impl TryFrom<String> for PersonNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PersonNumber> for String {
    fn from(number: PersonNumber) -> Self {
        number.0
    }
}

/// A person. The number that identifies them is kept sealed elsewhere; here are its mask and its keyed hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// A ULID.
    pub id: String,
    /// XingMing.
    pub name: String,
    /// ZJLX.
    pub id_kind: IdKind,
    /// `110105********002X`.
    pub id_masked: String,
    /// Keyed hash of kind and number: finds the person, tells nothing.
    pub id_hash: Sha256,
    /// SJHM; pages show it masked.
    pub mobile: String,
    /// JTZZ.
    pub address: String,
}

/// An employee's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonAccount {
    /// GRZH.
    pub number: PersonNumber,
    /// Whose it is.
    pub person: Person,
    /// DWZH: who pays.
    pub unit: AccountNumber,
    /// GRJCJS.
    pub base: Fen,
    /// DWYJCE: what the unit pays a month.
    pub unit_share: Fen,
    /// GRYJCE: what the employee pays.
    pub personal_share: Fen,
    /// GRZHZT.
    pub status: PersonStatus,
    /// KHRQ.
    pub opened: BeijingDay,
    /// The first month that is paid for.
    pub starts: Month,
    /// JZNY of the person: the last month paid for.
    pub paid_through: Option<Month>,
    /// When the base was last changed.
    pub rebased: Option<BeijingDay>,
    /// GRZHSNJZYE: carried over from earlier fund years.
    pub carried: Fen,
    /// GRZHDNGJYE: of this fund year.
    pub current: Fen,
    /// How often it was written: numbers its entries.
    pub version: i64,
}

impl PersonAccount {
    /// GRZHYE.
    #[must_use]
    pub fn balance(&self) -> Fen {
        self.carried + self.current
    }

    /// Both sides of a month.
    #[must_use]
    pub fn monthly(&self) -> Fen {
        self.unit_share + self.personal_share
    }

    /// Whether a month of the unit is to be paid for this account.
    #[must_use]
    pub fn is_due(&self, month: Month) -> bool {
        self.status == PersonStatus::Normal && self.starts <= month
    }
}

/// An entry of an employee's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonEntry {
    /// The account.
    pub number: PersonNumber,
    /// Its place in the ledger.
    pub seq: i64,
    /// JZRQ.
    pub day: BeijingDay,
    /// GJHTQYWLX.
    pub kind: BusinessType,
    /// The month paid for.
    pub month: Option<Month>,
    /// The unit's part.
    pub unit_part: Fen,
    /// The employee's part, and whatever else is no interest.
    pub personal_part: Fen,
    /// FSLXE.
    pub interest: Fen,
    /// SNJZFSE: what it changes of what is carried over. The rest of the sum changes this year's.
    pub carried: Fen,
    /// The balance after it.
    pub balance: Fen,
    /// YWLSH: of which transaction it is.
    pub serial: String,
    /// CZBZ: the place of the entry that it undoes.
    pub reverses: Option<i64>,
}

impl PersonEntry {
    /// What it changes of the balance.
    #[must_use]
    pub fn sum(&self) -> Fen {
        self.unit_part + self.personal_part + self.interest
    }
}

/// An entry of the unit's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitEntry {
    /// The account.
    pub unit: AccountNumber,
    /// Its place in the ledger.
    pub seq: i64,
    /// JZRQ.
    pub day: BeijingDay,
    /// YWMXLX.
    pub kind: BusinessType,
    /// HBJNY: the month paid for.
    pub month: Option<Month>,
    /// FSRS.
    pub heads: u32,
    /// FSE: what it changes of the balance, without interest.
    pub amount: Fen,
    /// FSLXE.
    pub interest: Fen,
    /// What it changes of the suspense account.
    pub suspense: Fen,
    /// The balance after it.
    pub balance: Fen,
    /// The suspense account after it.
    pub suspense_after: Fen,
    /// YWLSH.
    pub serial: String,
    /// CZBZ: the place of the entry that it undoes.
    pub reverses: Option<i64>,
}

/// A change of what stands in an account, old and new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of which transaction.
    pub serial: String,
    /// Whose account and name; none for the unit itself.
    pub person: Option<(PersonNumber, String)>,
    /// What kind of change.
    pub kind: BusinessType,
    /// From which month it holds.
    pub month: Option<Month>,
    /// What: a message `fund-changed-…`.
    pub field: &'static str,
    /// Before.
    pub was: String,
    /// After.
    pub will: String,
    /// The place of the change that it undoes.
    pub undoes: Option<i64>,
}

/// An account as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// After.
    pub account: PersonAccount,
    /// Whether it is new.
    pub fresh: bool,
    /// What is written of it.
    pub entry: Option<PersonEntry>,
}

/// All that one business does to the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The unit after it.
    pub unit: Unit,
    /// Its entry.
    pub entry: Option<UnitEntry>,
    /// The employees' accounts after it.
    pub people: Vec<Posted>,
    /// What changed besides money.
    pub changes: Vec<Change>,
}

impl Booking {
    /// So many employees.
    #[must_use]
    pub fn heads(&self) -> usize {
        self.people.len()
    }

    /// The unit's part and the employees' part of what is paid.
    #[must_use]
    pub fn shares(&self) -> (Fen, Fen) {
        let entries = || self.people.iter().filter_map(|posted| posted.entry.as_ref());
        (entries().map(|entry| entry.unit_part).sum(), entries().map(|entry| entry.personal_part).sum())
    }
}

#[cfg(test)]
mod tests;
