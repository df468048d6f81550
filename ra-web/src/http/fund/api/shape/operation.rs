//! Operations: at a glance, with their documents, and their lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{FundTransaction, Sha256, decode};
use openssl::sha::sha256;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Act, BookingStage, Moment, Progress, YearMonth, Yuan};
use crate::fund::bank::TrusteeAccount;
use crate::fund::book_store::Step;
use crate::fund::operation::{Operation, State};
use crate::fund::progress::Far;
use crate::http::error::Failure;

/// An operation at a glance.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct OperationShape {
    /// YWLSH.
    pub(in super::super) serial: String,
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

/// A booking that is under way.
#[derive(Serialize, ToSchema)]
struct BookingShape {
    #[schema(value_type = BookingStage)]
    stage: &'static str,
    /// Rows of this stage that are done.
    done: usize,
    /// Of so many.
    total: usize,
}

/// How far an operation is.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Advance {
    #[schema(value_type = Progress)]
    state: &'static str,
    /// While its signature is worked at.
    booking: Option<BookingShape>,
}

impl Advance {
    /// An operation, and how far its booking is if one is under way.
    pub(in super::super) fn of(operation: &Operation, far: Option<Far>) -> Self {
        let booking = |far: Far| BookingShape { stage: far.stage.word(), done: far.done, total: far.total };
        Self { state: operation.state.word(), booking: far.map(booking) }
    }
}

/// Operations, newest first; what was not signed is not among them.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Operations {
    pub(in super::super) items: Vec<OperationShape>,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}

/// A particular of a document.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct FactShape {
    /// What it is about.
    field: &'static str,
    /// What it is, or will be, in the words that are signed.
    value: String,
    /// What it was, where it changes.
    was: Option<String>,
}

/// A state that an operation went through.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct StepShape {
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
pub(in super::super) struct Transfer {
    /// Stands in the transfer's remark: by it the money finds the operation.
    code: Option<String>,
    accounts: Vec<BankShape>,
}

impl Transfer {
    pub(in super::super) fn new(code: Option<String>, banks: &[TrusteeAccount]) -> Self {
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
pub(in super::super) struct OperationWhole {
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
    pub(in super::super) fn of(operation: &Operation, steps: &[Step], transfer: Transfer) -> Result<Self, Failure> {
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
pub(in super::super) struct LineShape {
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
pub(in super::super) struct Lines {
    pub(in super::super) items: Vec<LineShape>,
    /// How many there are.
    pub(in super::super) count: usize,
    /// The cursor of the next page; null on the last.
    pub(in super::super) next: Option<String>,
}
