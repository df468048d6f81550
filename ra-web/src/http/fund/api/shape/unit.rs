//! A unit's account, its ledger, its contributions and its changes.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::{Day, Moment, Sums, YearMonth, Yuan, words};
use crate::fund::account::Unit;
use crate::fund::book_store::KeptChange;
use crate::fund::books::UnitEntry;
use crate::fund::contributions::Contribution;

/// A unit's account.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct UnitShape {
    /// DWZH.
    account: String,
    /// DWMC.
    name: String,
    /// Unified social credit code.
    uscc: String,
    /// DWZHZT: 01 正常, 02 开户, 03 缓缴, 04 销户, 05 封存, 99 其他.
    status: &'static str,
    /// DWJCBL, as a fraction.
    unit_rate: String,
    /// GRJCBL, as a fraction.
    personal_rate: String,
    /// DWJCRS.
    active_heads: u32,
    /// DWFCRS.
    sealed_heads: u32,
    /// DWZHYE.
    balance: Yuan,
    /// ZSYE: received and not yet allocated.
    suspense: Yuan,
    /// JZNY.
    paid_through: Option<YearMonth>,
    /// The month that is remitted next, and from which changes hold.
    next_month: YearMonth,
    /// DWKHRQ.
    opened: Day,
    /// DWFXR.
    payday: Option<u8>,
    /// DWDZ.
    address: String,
    /// JBRXM.
    handler: String,
    /// JBRSJHM, masked.
    handler_mobile: String,
    /// STYHMC.
    bank: String,
}

impl From<Unit> for UnitShape {
    fn from(unit: Unit) -> Self {
        Self {
            account: unit.account.to_string(),
            uscc: unit.uscc.as_str().to_owned(),
            status: unit.status.code(),
            unit_rate: unit.unit_rate.into(),
            personal_rate: unit.personal_rate.into(),
            active_heads: unit.active_heads,
            sealed_heads: unit.sealed_heads,
            balance: unit.balance.into(),
            suspense: unit.suspense.into(),
            paid_through: unit.paid_through.map(Into::into),
            next_month: unit.next_month().into(),
            opened: unit.opened.into(),
            payday: unit.payday,
            handler_mobile: unit.masked_mobile(),
            name: unit.name,
            address: unit.address,
            handler: unit.handler,
            bank: unit.bank,
        }
    }
}

/// An entry of the unit's ledger.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct UnitEntryShape {
    /// Its place: 1, 2, 3, … without gaps.
    seq: i64,
    /// JZRQ.
    day: Day,
    /// YWMXLX: 01 汇缴, 02 补缴, 09 年终结息, 99 其他.
    kind: &'static str,
    /// HBJNY.
    month: Option<YearMonth>,
    /// FSRS.
    heads: u32,
    /// FSE: what it changes of the balance, without interest.
    amount: Yuan,
    /// FSLXE.
    interest: Yuan,
    /// What it changes of the suspense account.
    suspense: Yuan,
    /// The balance after it.
    balance: Yuan,
    /// The suspense account after it.
    suspense_after: Yuan,
    /// YWLSH.
    serial: String,
    /// CZBZ: the place of the entry that it undoes.
    reverses: Option<i64>,
}

impl From<UnitEntry> for UnitEntryShape {
    fn from(entry: UnitEntry) -> Self {
        Self {
            seq: entry.seq,
            day: entry.day.into(),
            kind: entry.kind.code(),
            month: entry.month.map(Into::into),
            heads: entry.heads,
            amount: entry.amount.into(),
            interest: entry.interest.into(),
            suspense: entry.suspense.into(),
            balance: entry.balance.into(),
            suspense_after: entry.suspense_after.into(),
            serial: entry.serial,
            reverses: entry.reverses,
        }
    }
}

/// Entries of the unit's ledger, newest first.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct UnitLedger {
    pub(in super::super) items: Vec<UnitEntryShape>,
    pub(in super::super) sums: Sums,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}

/// A month of contributions.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct ContributionShape {
    month: YearMonth,
    due_heads: i64,
    due: Yuan,
    paid: Yuan,
    made_up: Yuan,
    /// When it was remitted.
    paid_on: Option<Day>,
    /// How far it is paid.
    #[schema(schema_with = paid_words)]
    status: &'static str,
}

fn paid_words() -> RefOr<Schema> {
    words("How far it is paid.", ["whole", "late", "partly", "due", "overdue"])
}

impl From<Contribution> for ContributionShape {
    fn from(one: Contribution) -> Self {
        Self {
            month: one.month.into(),
            due_heads: one.due_heads,
            due: one.due.into(),
            paid: one.paid.into(),
            made_up: one.made_up.into(),
            paid_on: one.day.map(Into::into),
            status: one.status.word(),
        }
    }
}

/// Months of contributions, in their order.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Contributions {
    pub(in super::super) items: Vec<ContributionShape>,
}

/// A change besides money.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct ChangeShape {
    at: Moment,
    /// 03 开户, 04 启封, 05 封存, 10 基数调整, 70 变更, 75 比例调整.
    kind: &'static str,
    /// Whose account; empty for the unit.
    number: String,
    name: String,
    /// What was changed.
    field: String,
    was: String,
    will: String,
    /// From which month it holds.
    month: Option<YearMonth>,
    /// YWLSH.
    serial: String,
}

impl From<KeptChange> for ChangeShape {
    fn from(kept: KeptChange) -> Self {
        Self {
            at: kept.at.into(),
            kind: kept.change.kind.code(),
            number: kept.change.number,
            name: kept.change.name,
            field: kept.change.field,
            was: kept.change.was,
            will: kept.change.will,
            month: kept.change.month.map(Into::into),
            serial: kept.change.serial,
        }
    }
}

/// Changes, newest first.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Changes {
    pub(in super::super) items: Vec<ChangeShape>,
    /// How many there are.
    pub(in super::super) count: i64,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}
