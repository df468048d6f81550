//! What money needs of storage: small ports, joined in the office's unit of work ([`crate::store::Tx`]).

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, OfficerId, Sha256, Timestamp};
use ca_core::sql::DatabaseError;

use super::back::{Disputed, GatewayRefund};
use super::bill::{Bill, BillNumber, BillSubject};
use super::checkout::{Checkout, CheckoutId};
use super::difference::Difference;
use super::drawer::Drawer;
use super::fen::Fen;
use super::gateway::{Event, Settlement, SettlementKind};
use super::invoice::HandedOut;
use super::ledger::{Account, Entry, Posting};
use super::refund::{Refund, RefundNumber};
use super::remittance::{Remittance, RemittanceCode};
use super::taking::{Method, Payment, PaymentId};
use super::wire::{BankLine, LineNumber, StatementNumber, TakenIn};
use crate::enrolment::case::Who;

/// Which bills a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillFilter {
    /// Those of an office in a state, the last made first.
    Office(OfficeId, &'static str),
    /// Those about something, the last made first.
    About(BillSubject),
    /// Those of a unit, the last made first.
    Uscc(String),
    /// Open ones of an office, the first made first.
    Awaiting(OfficeId),
    /// Open ones of all offices whose time is over at this moment.
    Lapsing(Timestamp),
    /// Paid ones of an office whose service is missing, paid before this moment.
    Unserved(OfficeId, Timestamp),
    /// Paid ones of an office whose invoice is to be handed out, the most urgent first.
    Uninvoiced(OfficeId),
    /// Those of an office of which nothing is kept and whose invoice stands, the first made first.
    InvoicedInVain(OfficeId),
}

/// Bills, and what follows from them for the invoice.
#[async_trait]
pub trait Bills {
    /// The next number of a series, without gaps: moved by compare-and-swap, given back when the unit of work is dropped.
    async fn next_in_series(&mut self, series: &str) -> Result<i64, DatabaseError>;
    /// Stores a new bill.
    async fn add_bill(&mut self, bill: &Bill) -> Result<(), DatabaseError>;
    /// Stores a moved bill; fails with a row count when another write came first.
    async fn put_bill(&mut self, bill: &Bill) -> Result<(), DatabaseError>;
    /// A bill.
    async fn bill(&mut self, number: &BillNumber) -> Result<Option<Bill>, DatabaseError>;
    /// Bills.
    async fn bills(&mut self, filter: &BillFilter, limit: i64) -> Result<Vec<Bill>, DatabaseError>;
    /// Notes an invoice that was handed out.
    async fn add_invoice(&mut self, invoice: &HandedOut) -> Result<(), DatabaseError>;
    /// Notes that an invoice was taken back; fails with a row count when it was before.
    async fn take_back_invoice(&mut self, invoice: &HandedOut) -> Result<(), DatabaseError>;
    /// The invoices of a bill, the last first.
    async fn invoices(&mut self, bill: &BillNumber) -> Result<Vec<HandedOut>, DatabaseError>;
}

/// Payment on the provider's page.
#[async_trait]
pub trait Checkouts {
    /// Stores a new checkout. A second one of the same bill conflicts while the first is open.
    async fn add_checkout(&mut self, checkout: &Checkout) -> Result<(), DatabaseError>;
    /// Stores a moved checkout; fails with a row count when another write came first.
    async fn put_checkout(&mut self, checkout: &Checkout) -> Result<(), DatabaseError>;
    /// A checkout.
    async fn checkout(&mut self, id: &CheckoutId) -> Result<Option<Checkout>, DatabaseError>;
    /// The checkout of a session of the provider's.
    async fn checkout_of_session(&mut self, session: &str) -> Result<Option<Checkout>, DatabaseError>;
    /// The checkouts of a bill, the last first.
    async fn checkouts(&mut self, bill: &BillNumber) -> Result<Vec<Checkout>, DatabaseError>;
    /// Checkouts begun before this moment that are not over, the oldest first.
    async fn waiting_checkouts(&mut self, before: Timestamp, limit: i64) -> Result<Vec<Checkout>, DatabaseError>;
    /// Checkouts whose money nobody asked for, the last first.
    async fn faulty_checkouts(&mut self, limit: i64) -> Result<Vec<Checkout>, DatabaseError>;
    /// Whether a message of the provider's was heard before.
    async fn was_heard(&mut self, event: &str) -> Result<bool, DatabaseError>;
    /// Notes that a message was heard and what came of it; one that was noted before stays as it is.
    async fn note_event(&mut self, event: &Event, outcome: &str, now: Timestamp) -> Result<(), DatabaseError>;
}

/// Refunds in the hands of the provider of online payment, and disputed payments.
#[async_trait]
pub trait GivenBack {
    /// Notes that the provider is to make a refund.
    async fn add_gateway_refund(&mut self, refund: &GatewayRefund) -> Result<(), DatabaseError>;
    /// Stores how far it is; fails with a row count when another write came first.
    async fn put_gateway_refund(&mut self, refund: &GatewayRefund) -> Result<(), DatabaseError>;
    /// How far it is.
    async fn gateway_refund(&mut self, number: &RefundNumber) -> Result<Option<GatewayRefund>, DatabaseError>;
    /// Refunds of an office that did not go back, the last first.
    async fn failed_refunds(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<GatewayRefund>, DatabaseError>;
    /// Stores a dispute as it was told. `false`: it was told so before.
    async fn put_dispute(&mut self, dispute: &Disputed) -> Result<bool, DatabaseError>;
    /// Disputes of an office that are not over, the last first.
    async fn disputes(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Disputed>, DatabaseError>;
}

/// What the provider of online payment settled, and what does not fit.
#[async_trait]
pub trait Reconciliation {
    /// Stores what was settled. `false`: it was stored before.
    async fn add_settlement(&mut self, settled: &Settlement) -> Result<bool, DatabaseError>;
    /// What was settled since, the oldest first.
    async fn settlements(&mut self, since: Timestamp, limit: i64) -> Result<Vec<Settlement>, DatabaseError>;
    /// The first one of a payment.
    async fn first_settlement(
        &mut self,
        reference: &str,
        kind: SettlementKind,
    ) -> Result<Option<String>, DatabaseError>;
    /// Whether money was sent by bank under this number of the bank's: a return, or a refund.
    async fn sent_under(&mut self, reference: &str) -> Result<bool, DatabaseError>;
    /// Stores a difference, or that it was found again. `false`: it was known.
    async fn see_difference(&mut self, difference: &Difference, now: Timestamp) -> Result<bool, DatabaseError>;
    /// Open ones of an office that were not found at this moment are gone.
    async fn forget_differences(&mut self, office: &OfficeId, now: Timestamp) -> Result<(), DatabaseError>;
    /// A difference.
    async fn difference(&mut self, id: &str) -> Result<Option<Difference>, DatabaseError>;
    /// Differences of an office in a state, the oldest first.
    async fn differences_in(
        &mut self,
        office: &OfficeId,
        state: &'static str,
        limit: i64,
    ) -> Result<Vec<Difference>, DatabaseError>;
    /// Stores that one was explained; fails with a row count when it is not open.
    async fn put_difference(&mut self, difference: &Difference) -> Result<(), DatabaseError>;
}

/// Money by bank: codes of bills, statements of our account, their lines.
#[async_trait]
pub trait Wires {
    /// Stores the code of a bill. `false`: another bill has that code.
    async fn add_remittance(&mut self, remittance: &Remittance) -> Result<bool, DatabaseError>;
    /// Notes since when a bill is to be paid by bank; once noted, it stays.
    async fn choose_wire(&mut self, bill: &BillNumber, now: Timestamp) -> Result<(), DatabaseError>;
    /// By code.
    async fn remittance(&mut self, code: &RemittanceCode) -> Result<Option<Remittance>, DatabaseError>;
    /// Of a bill.
    async fn remittance_of(&mut self, bill: &BillNumber) -> Result<Option<Remittance>, DatabaseError>;
    /// Of units of this folded name, over this amount, the last first.
    async fn remittances_like(
        &mut self,
        payer: &str,
        amount: Fen,
        limit: i64,
    ) -> Result<Vec<Remittance>, DatabaseError>;
    /// Stores a statement. The same file conflicts.
    async fn add_statement(&mut self, statement: &TakenIn) -> Result<(), DatabaseError>;
    /// A statement.
    async fn statement(&mut self, number: &StatementNumber) -> Result<Option<TakenIn>, DatabaseError>;
    /// The statement that was this file.
    async fn statement_of_file(&mut self, sha256: Sha256) -> Result<Option<TakenIn>, DatabaseError>;
    /// The last statements of an office, the last first.
    async fn statements(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<TakenIn>, DatabaseError>;
    /// Stores a new line. The same fingerprint or number of the bank's conflicts.
    async fn add_line(&mut self, line: &BankLine) -> Result<(), DatabaseError>;
    /// Stores a moved line; fails with a row count when another write came first.
    async fn put_line(&mut self, line: &BankLine) -> Result<(), DatabaseError>;
    /// A line.
    async fn line(&mut self, number: &LineNumber) -> Result<Option<BankLine>, DatabaseError>;
    /// The line of our account with this number of the bank's.
    async fn line_of_serial(&mut self, account: &str, serial: &str) -> Result<Option<BankLine>, DatabaseError>;
    /// Whether a line of our account is known.
    async fn knows_line(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError>;
    /// The lines of a statement, in their order.
    async fn lines_of(&mut self, statement: &StatementNumber, limit: i64) -> Result<Vec<BankLine>, DatabaseError>;
    /// The lines of an office in a state, the oldest first.
    async fn lines_in(
        &mut self,
        office: &OfficeId,
        state: &'static str,
        limit: i64,
    ) -> Result<Vec<BankLine>, DatabaseError>;
    /// Lines of an office's account by which money went, from a day on.
    async fn lines_that_went(
        &mut self,
        office: &OfficeId,
        from: BeijingDay,
        limit: i64,
    ) -> Result<Vec<BankLine>, DatabaseError>;
    /// The lines that paid a bill or come nearest it.
    async fn lines_about(&mut self, bill: &BillNumber) -> Result<Vec<BankLine>, DatabaseError>;
}

/// What came and went on a day by one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takings {
    /// At which office.
    pub office: OfficeId,
    /// On which day of its drawers.
    pub day: BeijingDay,
    /// How.
    pub method: Method,
    /// How many payments, without those that were undone.
    pub payments: i64,
    /// Their sum.
    pub taken: Fen,
    /// How many refunds were paid out.
    pub refunds: i64,
    /// Their sum.
    pub refunded: Fen,
}

/// Payments, and what came and went by day.
#[async_trait]
pub trait Payments {
    /// Stores a new payment. A second one of the same bill conflicts while the first stands.
    async fn add_payment(&mut self, payment: &Payment) -> Result<(), DatabaseError>;
    /// Stores that a payment was undone; fails with a row count when it was before.
    async fn void_payment(&mut self, payment: &Payment) -> Result<(), DatabaseError>;
    /// Counts one more print of its receipt.
    async fn count_print(&mut self, id: &PaymentId) -> Result<i64, DatabaseError>;
    /// A payment.
    async fn payment(&mut self, id: &PaymentId) -> Result<Option<Payment>, DatabaseError>;
    /// The payment online that the provider calls so.
    async fn payment_of_reference(&mut self, reference: &str) -> Result<Option<Payment>, DatabaseError>;
    /// Payments by a way from one moment to another, the oldest first; online and by bank only.
    async fn payments_by(
        &mut self,
        method: Method,
        from: Timestamp,
        to: Timestamp,
        limit: i64,
    ) -> Result<Vec<Payment>, DatabaseError>;
    /// The payments of a bill, the last first.
    async fn payments(&mut self, bill: &BillNumber) -> Result<Vec<Payment>, DatabaseError>;
    /// The last payments of an office, the last first.
    async fn last_payments(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Payment>, DatabaseError>;
    /// What came and went from one day to another, by office, day and method: for reports. Bounded by the days asked for:
    /// it reads one kept line for each office, day and way, and goes through no payments. Of all offices without one.
    async fn takings(
        &mut self,
        office: Option<&OfficeId>,
        from: BeijingDay,
        to: BeijingDay,
    ) -> Result<Vec<Takings>, DatabaseError>;
}

/// Refunds.
#[async_trait]
pub trait Refunds {
    /// Stores a new refund. A second one of the same bill conflicts while the first waits.
    async fn add_refund(&mut self, refund: &Refund) -> Result<(), DatabaseError>;
    /// Stores a moved refund, from exactly this state.
    async fn put_refund(&mut self, refund: &Refund, from: &'static str) -> Result<(), DatabaseError>;
    /// A refund.
    async fn refund(&mut self, number: &RefundNumber) -> Result<Option<Refund>, DatabaseError>;
    /// The refunds of a bill, the last first.
    async fn refunds(&mut self, bill: &BillNumber) -> Result<Vec<Refund>, DatabaseError>;
    /// The refunds of an office in a state, the oldest first.
    async fn waiting_refunds(
        &mut self,
        office: &OfficeId,
        state: &'static str,
        limit: i64,
    ) -> Result<Vec<Refund>, DatabaseError>;
}

/// The clerks' drawers.
#[async_trait]
pub trait Drawers {
    /// A drawer.
    async fn drawer(
        &mut self,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
    ) -> Result<Option<Drawer>, DatabaseError>;
    /// Opens a drawer; one that is there stays as it is.
    async fn open_drawer(&mut self, office: &OfficeId, clerk: &Who, day: BeijingDay) -> Result<(), DatabaseError>;
    /// Marks that money moved in an open drawer; fails with a row count when it was counted meanwhile.
    async fn use_drawer(&mut self, office: &OfficeId, clerk: &OfficerId, day: BeijingDay) -> Result<(), DatabaseError>;
    /// Stores a counted or confirmed drawer, from exactly this state.
    async fn put_drawer(&mut self, drawer: &Drawer, from: &'static str) -> Result<(), DatabaseError>;
    /// What should be in a drawer by each way: payments less payouts, and how many there were.
    async fn drawer_book(
        &mut self,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
    ) -> Result<Vec<(Method, i64, Fen)>, DatabaseError>;
    /// The payments of a drawer's day, in their order.
    async fn drawer_payments(
        &mut self,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
    ) -> Result<Vec<Payment>, DatabaseError>;
    /// The refunds paid out of a drawer on a day, in their order.
    async fn drawer_refunds(
        &mut self,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
    ) -> Result<Vec<Refund>, DatabaseError>;
    /// The drawers of an office that finance has not taken over, the oldest first.
    async fn waiting_drawers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Drawer>, DatabaseError>;
    /// The last drawers of an office, the latest day first.
    async fn last_drawers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Drawer>, DatabaseError>;
}

/// An entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Its place in the office's books: 1, 2, 3, … without gaps.
    pub n: i64,
    /// Its id.
    pub id: String,
    /// Word of the fact.
    pub fact: String,
    /// The bill, or the day of a closing.
    pub subject: String,
    /// By whom.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Its sides.
    pub postings: Vec<Posting>,
}

/// The ledger, append-only.
#[async_trait]
pub trait Ledger {
    /// Books an entry. One that is booked already conflicts.
    async fn book(&mut self, entry: &Entry) -> Result<(), DatabaseError>;
    /// The balances of an office, as kept.
    async fn balances(&mut self, office: &OfficeId) -> Result<Vec<(Account, Fen)>, DatabaseError>;
    /// The balances of an office, added up from its last proof and all postings since.
    async fn proved_balances(&mut self, office: &OfficeId) -> Result<Vec<(Account, Fen)>, DatabaseError>;
    /// What all postings of an office add up to, from the first one, and the number of its last entry.
    async fn add_up(&mut self, office: &OfficeId) -> Result<(i64, Vec<(Account, Fen)>), DatabaseError>;
    /// Keeps such sums as the proof up to that entry.
    async fn put_proof(&mut self, office: &OfficeId, n: i64, sums: &[(Account, Fen)]) -> Result<(), DatabaseError>;
    /// Entries of an office before a place, the last first.
    async fn entries(&mut self, office: &OfficeId, before: i64, limit: i64) -> Result<Vec<Booked>, DatabaseError>;
    /// Entries about a bill, in their order.
    async fn entries_about(&mut self, subject: &str) -> Result<Vec<Booked>, DatabaseError>;
}
