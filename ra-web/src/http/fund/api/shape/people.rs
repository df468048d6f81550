//! Employees' accounts, their ledgers and their interest.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Day, Sums, YearMonth, Yuan};
use crate::fund::account::masked_mobile;
use crate::fund::amounts::Rate;
use crate::fund::book_store::InterestLine;
use crate::fund::books::{PersonAccount, PersonEntry};

/// The interest of an account for a fund year.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct InterestShape {
    /// GRZH.
    number: String,
    name: String,
    opening: Yuan,
    /// 积数: the sum of each day's balance, in yuan times days.
    product: String,
    /// Of a year, as a fraction.
    rate: Option<String>,
    interest: Yuan,
    closing: Yuan,
    /// Of the run.
    serial: String,
}

impl From<InterestLine> for InterestShape {
    fn from(line: InterestLine) -> Self {
        let (yuan, part) = (line.product / 100, (line.product % 100).abs());
        Self {
            number: line.number.to_string(),
            name: line.name,
            opening: line.opening.into(),
            product: format!("{yuan}.{part:02}"),
            rate: Rate::new(line.rate).map(Into::into),
            interest: line.interest.into(),
            closing: line.closing.into(),
            serial: line.serial,
        }
    }
}

/// Interest of a fund year, in the order of accounts.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Interest {
    /// The year in which the fund year begins.
    pub(in super::super) year: i64,
    pub(in super::super) items: Vec<InterestShape>,
    /// How many accounts there are.
    pub(in super::super) count: i64,
    pub(in super::super) opening: Yuan,
    pub(in super::super) interest: Yuan,
    pub(in super::super) closing: Yuan,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}

/// An employee's account.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct PersonShape {
    /// GRZH.
    number: String,
    name: String,
    /// ZJLX: 01 身份证, 02 军官证, 03 护照, 04 外国人永久居留证, 99 其他.
    id_kind: &'static str,
    /// ZJHM, masked.
    id_number: String,
    /// SJHM, masked.
    mobile: String,
    /// GRZHZT: 01 正常, 02 封存, 03 合并销户, 04 外部转出销户, 05 提取销户, 06 冻结, 99 其他.
    status: &'static str,
    /// GRJCJS.
    base: Yuan,
    /// DWYJCE.
    unit_share: Yuan,
    /// GRYJCE.
    personal_share: Yuan,
    /// GRZHYE.
    balance: Yuan,
    /// GRZHSNJZYE.
    carried: Yuan,
    /// GRZHDNGJYE.
    current: Yuan,
    /// KHRQ.
    opened: Day,
    /// The first month that is paid for.
    starts: YearMonth,
    paid_through: Option<YearMonth>,
}

impl From<PersonAccount> for PersonShape {
    fn from(account: PersonAccount) -> Self {
        Self {
            number: account.number.to_string(),
            id_kind: account.person.id_kind.code(),
            mobile: masked_mobile(&account.person.mobile),
            status: account.status.code(),
            base: account.base.into(),
            unit_share: account.unit_share.into(),
            personal_share: account.personal_share.into(),
            balance: account.balance().into(),
            carried: account.carried.into(),
            current: account.current.into(),
            opened: account.opened.into(),
            starts: account.starts.into(),
            paid_through: account.paid_through.map(Into::into),
            name: account.person.name,
            id_number: account.person.id_masked,
        }
    }
}

/// Employees, in the order of accounts.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct People {
    pub(in super::super) items: Vec<PersonShape>,
    /// How many there are.
    pub(in super::super) count: i64,
    pub(in super::super) base: Yuan,
    pub(in super::super) unit_share: Yuan,
    pub(in super::super) personal_share: Yuan,
    pub(in super::super) balance: Yuan,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}

/// An entry of an employee's ledger.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct PersonEntryShape {
    seq: i64,
    /// JZRQ.
    day: Day,
    /// GJHTQYWLX.
    kind: &'static str,
    month: Option<YearMonth>,
    unit_part: Yuan,
    personal_part: Yuan,
    /// FSLXE.
    interest: Yuan,
    /// The balance after it.
    balance: Yuan,
    /// YWLSH.
    serial: String,
    /// CZBZ: the place of the entry that it undoes.
    reverses: Option<i64>,
}

impl From<PersonEntry> for PersonEntryShape {
    fn from(entry: PersonEntry) -> Self {
        Self {
            seq: entry.seq,
            day: entry.day.into(),
            kind: entry.kind.code(),
            month: entry.month.map(Into::into),
            unit_part: entry.unit_part.into(),
            personal_part: entry.personal_part.into(),
            interest: entry.interest.into(),
            balance: entry.balance.into(),
            serial: entry.serial,
            reverses: entry.reverses,
        }
    }
}

/// Entries of an employee's ledger, newest first.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct PersonLedger {
    pub(in super::super) person: PersonShape,
    pub(in super::super) items: Vec<PersonEntryShape>,
    pub(in super::super) sums: Sums,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}
