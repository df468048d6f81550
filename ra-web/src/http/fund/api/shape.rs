//! What programs read: amounts as text in yuan, days and moments in ISO 8601, codes of JGJ/T 320-2014.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{BeijingDay, FundAct, FundTransaction, Sha256, Timestamp, decode};
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::fund::account::{Unit, masked_mobile};
use crate::fund::amounts::{Fen, Month, Rate};
use crate::fund::bank::TrusteeAccount;
use crate::fund::book_store::{InterestLine, KeptChange, LedgerSums, Step};
use crate::fund::books::{PersonAccount, PersonEntry, UnitEntry};
use crate::fund::contributions::Contribution;
use crate::fund::operation::{Operation, State};
use crate::http::error::Failure;

/// An amount of yuan with two decimals, as text.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = r"^-?[0-9]{1,16}\.[0-9]{2}$", example = "5678.00")]
pub(super) struct Yuan(String);

impl From<Fen> for Yuan {
    fn from(fen: Fen) -> Self {
        Self(fen.plain())
    }
}

/// A moment in Beijing time.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(format = DateTime, example = "2026-11-24T09:00:00+08:00")]
pub(super) struct Moment(String);

impl From<Timestamp> for Moment {
    fn from(moment: Timestamp) -> Self {
        Self(format!("{}+08:00", moment.beijing_text().replace(' ', "T")))
    }
}

/// A day of the Beijing calendar.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(format = Date, example = "2026-11-24")]
pub(super) struct Day(String);

impl From<BeijingDay> for Day {
    fn from(day: BeijingDay) -> Self {
        Self(day.to_string())
    }
}

/// A month.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-11")]
pub(super) struct YearMonth(String);

impl From<Month> for YearMonth {
    fn from(month: Month) -> Self {
        Self(month.to_string())
    }
}

/// A file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct File(#[expect(dead_code, reason = "it stands for bytes")] Vec<u8>);

/// A set of words as a schema.
fn words(description: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .enum_values(Some(words))
        .into()
}

/// The word of what is done.
pub(super) struct Act;

impl PartialSchema for Act {
    fn schema() -> RefOr<Schema> {
        words("What is done.", FundAct::ALL.iter().map(|act| act.word()))
    }
}

impl ToSchema for Act {}

/// The word of how far an operation is.
pub(super) struct Progress;

impl PartialSchema for Progress {
    fn schema() -> RefOr<Schema> {
        words("How far it is: only what is posted stands in the books.", State::ALL.iter().map(|state| state.word()))
    }
}

impl ToSchema for Progress {}

/// A unit's account.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitShape {
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

/// Sums over all entries of a query, not only over those of the page.
#[derive(Serialize, ToSchema)]
pub(super) struct Sums {
    count: i64,
    /// What came in.
    credit: Yuan,
    /// What went out or was reversed.
    debit: Yuan,
    interest: Yuan,
}

impl From<LedgerSums> for Sums {
    fn from(sums: LedgerSums) -> Self {
        Self { count: sums.count, credit: sums.credit.into(), debit: sums.debit.into(), interest: sums.interest.into() }
    }
}

/// An entry of the unit's ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitEntryShape {
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
pub(super) struct UnitLedger {
    pub(super) items: Vec<UnitEntryShape>,
    pub(super) sums: Sums,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// A month of contributions.
#[derive(Serialize, ToSchema)]
pub(super) struct ContributionShape {
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
pub(super) struct Contributions {
    pub(super) items: Vec<ContributionShape>,
}

/// The interest of an account for a fund year.
#[derive(Serialize, ToSchema)]
pub(super) struct InterestShape {
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
pub(super) struct Interest {
    /// The year in which the fund year begins.
    pub(super) year: i64,
    pub(super) items: Vec<InterestShape>,
    /// How many accounts there are.
    pub(super) count: i64,
    pub(super) opening: Yuan,
    pub(super) interest: Yuan,
    pub(super) closing: Yuan,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// An employee's account.
#[derive(Serialize, ToSchema)]
pub(super) struct PersonShape {
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
pub(super) struct People {
    pub(super) items: Vec<PersonShape>,
    /// How many there are.
    pub(super) count: i64,
    pub(super) base: Yuan,
    pub(super) unit_share: Yuan,
    pub(super) personal_share: Yuan,
    pub(super) balance: Yuan,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// An entry of an employee's ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct PersonEntryShape {
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
pub(super) struct PersonLedger {
    pub(super) person: PersonShape,
    pub(super) items: Vec<PersonEntryShape>,
    pub(super) sums: Sums,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// A change besides money.
#[derive(Serialize, ToSchema)]
pub(super) struct ChangeShape {
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
pub(super) struct Changes {
    pub(super) items: Vec<ChangeShape>,
    /// How many there are.
    pub(super) count: i64,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// An operation at a glance.
#[derive(Serialize, ToSchema)]
pub(super) struct OperationShape {
    /// YWLSH.
    pub(super) serial: String,
    #[schema(value_type = Act)]
    act: &'static str,
    #[schema(value_type = Progress)]
    state: &'static str,
    month: Option<YearMonth>,
    heads: u32,
    amount: Yuan,
    created: Moment,
    /// It may be signed until then.
    sign_by: Moment,
    signed: Option<Moment>,
    booked: Option<Moment>,
    /// The operation that undid it.
    reversed_by: Option<String>,
    /// How often its voucher was printed.
    prints: i64,
}

impl From<&Operation> for OperationShape {
    fn from(operation: &Operation) -> Self {
        Self {
            serial: operation.serial.clone(),
            act: operation.act.word(),
            state: operation.state.word(),
            month: operation.month.map(Into::into),
            heads: operation.heads,
            amount: operation.amount.into(),
            created: operation.created.into(),
            sign_by: operation.expires.into(),
            signed: operation.signature.as_ref().map(|signature| signature.at.into()),
            booked: operation.booked.map(Into::into),
            reversed_by: operation.reversed_by.clone(),
            prints: operation.prints,
        }
    }
}

/// Operations, newest first; what was not signed is not among them.
#[derive(Serialize, ToSchema)]
pub(super) struct Operations {
    pub(super) items: Vec<OperationShape>,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// A particular of a document.
#[derive(Serialize, ToSchema)]
pub(super) struct FactShape {
    /// What it is about.
    field: &'static str,
    /// What it is, or will be, in the words that are signed.
    value: String,
    /// What it was, where it changes.
    was: Option<String>,
}

/// A state that an operation went through.
#[derive(Serialize, ToSchema)]
pub(super) struct StepShape {
    #[schema(value_type = Progress)]
    state: &'static str,
    at: Moment,
    by: String,
}

/// An account of the fund onto which units pay.
#[derive(Serialize, ToSchema)]
struct BankShape {
    payee: String,
    account: String,
    bank: String,
}

/// Where the money that an operation waits for is to be sent.
#[derive(Serialize, ToSchema)]
pub(super) struct Transfer {
    /// Stands in the transfer's remark: by it the money finds the operation.
    code: Option<String>,
    accounts: Vec<BankShape>,
}

impl Transfer {
    pub(super) fn new(code: Option<String>, banks: &[TrusteeAccount]) -> Self {
        let bank = |bank: &TrusteeAccount| BankShape {
            payee: bank.payee.clone(),
            account: bank.account.clone(),
            bank: bank.bank.clone(),
        };
        Self { code, accounts: banks.iter().map(bank).collect() }
    }
}

/// An operation with its document.
#[derive(Serialize, ToSchema)]
pub(super) struct OperationWhole {
    #[serde(flatten)]
    operation: OperationShape,
    /// The bytes that are signed, base64. Sign exactly these.
    document: String,
    document_sha256: String,
    facts: Vec<FactShape>,
    /// Lines of the list whose hash the document names.
    list_lines: u32,
    list_sha256: String,
    steps: Vec<StepShape>,
    /// Of the certificate that signed.
    certificate_sha256: Option<String>,
    /// By what its status was known then: `ocsp` or `crl`.
    status_source: Option<&'static str>,
    /// What anybody checks the voucher by; once it is booked.
    check_code: Option<String>,
    /// While it waits for its money.
    transfer: Option<Transfer>,
}

impl OperationWhole {
    /// An operation, the states that it went through, and where its money is to be sent if it waits for some.
    ///
    /// # Errors
    /// When its document cannot be read.
    pub(super) fn of(operation: &Operation, steps: &[Step], transfer: Transfer) -> Result<Self, Failure> {
        let document: FundTransaction =
            decode(&operation.document).map_err(|error| Failure::internal(format!("a document: {error}")))?;
        let hash = |bytes: &[u8]| Sha256(sha256(bytes)).to_string();
        let signature = operation.signature.as_ref();
        Ok(Self {
            operation: operation.into(),
            document: STANDARD.encode(&operation.document),
            document_sha256: hash(&operation.document),
            facts: document
                .facts
                .into_iter()
                .map(|fact| FactShape { field: fact.field.word(), value: fact.value, was: fact.was })
                .collect(),
            list_lines: document.list.lines,
            list_sha256: document.list.sha256.to_string(),
            steps: steps
                .iter()
                .map(|step| StepShape { state: step.state.word(), at: step.at.into(), by: step.actor.clone() })
                .collect(),
            certificate_sha256: signature.map(|signature| hash(&signature.certificate)),
            status_source: signature.map(|signature| signature.status_source),
            check_code: (operation.state == State::Posted).then(|| operation.check_code.clone()),
            transfer: (operation.state == State::AwaitingFunds).then_some(transfer),
        })
    }
}

/// A line of an operation's list, in the words that are signed.
#[derive(Serialize, ToSchema)]
pub(super) struct LineShape {
    number: String,
    name: String,
    /// Masked.
    id_number: String,
    was: String,
    will: String,
    unit_part: String,
    personal_part: String,
}

impl From<Vec<String>> for LineShape {
    fn from(cells: Vec<String>) -> Self {
        let mut cells = cells.into_iter();
        let mut next = || cells.next().unwrap_or_default();
        Self {
            number: next(),
            name: next(),
            id_number: next(),
            was: next(),
            will: next(),
            unit_part: next(),
            personal_part: next(),
        }
    }
}

/// Lines of an operation's list.
#[derive(Serialize, ToSchema)]
pub(super) struct Lines {
    pub(super) items: Vec<LineShape>,
    /// How many there are.
    pub(super) count: usize,
    /// The cursor of the next page; null on the last.
    pub(super) next: Option<String>,
}

/// Cuts the row that only says that there is more; answers the cursor of the next page.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: i64, place: impl Fn(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(place)
}
