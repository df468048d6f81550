//! What the office's services need of storage: small traits, one a table group, joined in a unit of work.
//!
//! Absent is `Ok(None)`; a write says how many rows it must touch. Nothing here knows sqlx.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ca_core::domain::{
    Act, BeijingDay, CertificateStatus, IssuerId, OfficeId, OfficerId, Order, OrderId, Serial, Sha256, Timestamp,
    Validity,
};
use ca_core::sql::DatabaseError;

use crate::audit::AuditTx;
use crate::batches::store::{Batches, Letters};
use crate::enrolment::case::{Case, CaseNumber, State, Step, Who};
use crate::enrolment::document::{DocumentKind, Media};
use crate::enrolment::process::CertificateName;
use crate::enrolment::retention::{Deletion, Expired};
use crate::invoice::quota::store::QuotaInvoices;
use crate::invoice::store::EInvoices;
use crate::jobs::JobTx;
use crate::kept::KeptFormTx;
use crate::mail::outbox::MailTx;
use crate::matters::MatterNumber;
use crate::matters::store::Matters;
use crate::officers::OfficerOrders;
use crate::payment::store::{Bills, Checkouts, Drawers, GivenBack, Ledger, Payments, Reconciliation, Refunds, Wires};
use crate::reminders::ReminderTx;
use crate::reports::ReportTx;
use crate::selfcare::asked::AskedTx;
use crate::tokens::TokenNumber;
use crate::tokens::store::Tokens;
use crate::tour::TourTx;
use crate::units::{UnitLine, UnitRecord};

/// Opens units of work.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Begins one that may write.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn begin(&self) -> Result<Box<dyn Tx>, DatabaseError>;

    /// Begins one that only reads, over one state of the database.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn read(&self) -> Result<Box<dyn Tx>, DatabaseError>;
}

/// A unit of work: dropped without commit, it did nothing.
#[async_trait]
pub trait Tx:
    Batches
    + Letters
    + Cases
    + Units
    + Orders
    + Tickets
    + Certificates
    + History
    + Evidences
    + OfficerOrders
    + Bills
    + Checkouts
    + Payments
    + Refunds
    + Drawers
    + Wires
    + GivenBack
    + Reconciliation
    + Ledger
    + AuditTx
    + JobTx
    + Tokens
    + Matters
    + ReportTx
    + ReminderTx
    + TourTx
    + KeptFormTx
    + AskedTx
    + MailTx
    + EInvoices
    + QuotaInvoices
    + Send
{
    /// Makes everything durable.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing was written.
    async fn commit(self: Box<Self>) -> Result<(), DatabaseError>;
}

/// A case as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseLine {
    /// Its number.
    pub number: CaseNumber,
    /// The office that took it in.
    pub office: OfficeId,
    /// Word of what it is about.
    pub process: String,
    /// Word of its state.
    pub state: String,
    /// As typed.
    pub unit_name: String,
    /// As typed.
    pub uscc: String,
    /// Who took it in.
    pub entry: Who,
    /// When it last moved.
    pub updated: Timestamp,
    /// Until when its next step is to be done.
    pub due: Option<Timestamp>,
    /// Who has taken that step in hand, and when.
    pub claimed: Option<(String, Timestamp)>,
}

impl CaseLine {
    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        State::OPEN.contains(&self.state.as_str())
    }
}

/// Which cases a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseFilter {
    /// Those of an office in a state; all states when `None`.
    Office(OfficeId, Option<&'static str>),
    /// Those of an office that wait for a step, the most urgent first.
    Waiting(OfficeId),
    /// Those with this code, of any office.
    Uscc(String),
    /// Those that delivered nothing yet and whose folded unit name contains this: of an office, or of all.
    Name(Option<OfficeId>, String),
    /// Those that an officer of this name took in last, of an office or of all.
    TakenInBy(Option<OfficeId>, String),
    /// Those that an officer of this name decided on, of an office or of all.
    DecidedBy(Option<OfficeId>, String),
    /// Those that are to replace this certificate, of any office.
    About(CertificateName),
}

/// A document of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it shows.
    pub kind: DocumentKind,
    /// 1, 2, 3, … among those of its kind.
    pub sheet: i64,
    /// Of its plain bytes.
    pub sha256: Sha256,
    /// What it is.
    pub media: Media,
    /// How long it is.
    pub bytes: i64,
    /// How many pages it has.
    pub pages: i64,
    /// The file's name at the counter.
    pub name: String,
    /// When it was taken in.
    pub added: Timestamp,
}

/// Cases and their documents.
#[async_trait]
pub trait Cases {
    /// The next case number of a day.
    async fn next_case_number(&mut self, day: BeijingDay) -> Result<CaseNumber, DatabaseError>;
    /// Stores a new case with its encrypted resident number.
    async fn add_case(&mut self, case: &Case, handler_id: Option<&[u8]>) -> Result<(), DatabaseError>;
    /// Stores a moved case; fails with a row count when another write came first.
    async fn put_case(&mut self, case: &Case, handler_id: Option<&[u8]>) -> Result<(), DatabaseError>;
    /// A case with its encrypted resident number.
    async fn case(&mut self, number: &CaseNumber) -> Result<Option<(Case, Option<Vec<u8>>)>, DatabaseError>;
    /// The case of an order.
    async fn case_of_order(&mut self, order: OrderId) -> Result<Option<CaseNumber>, DatabaseError>;
    /// Cases, the last moved first.
    async fn cases(&mut self, filter: &CaseFilter, limit: i64) -> Result<Vec<CaseLine>, DatabaseError>;
    /// Cases with which nobody went on since then, the longest idle first; without those that wait for a
    /// token or for payment, and those that are paid for.
    async fn idle_cases(&mut self, since: Timestamp, limit: i64) -> Result<Vec<CaseNumber>, DatabaseError>;
    /// Cases issued before then whose certificate nobody confirmed, the last moved first.
    async fn issued_cases(&mut self, before: Timestamp, limit: i64) -> Result<Vec<CaseNumber>, DatabaseError>;
    /// How many cases of an office stand in each state.
    async fn count_cases(&mut self, office: &OfficeId) -> Result<Vec<(String, i64)>, DatabaseError>;
    /// Stores a document, in place of the one of its kind and number.
    async fn put_document(&mut self, case: &CaseNumber, document: &Document) -> Result<(), DatabaseError>;
    /// Drops the documents of a kind: others take their place.
    async fn drop_documents(&mut self, case: &CaseNumber, kind: DocumentKind) -> Result<(), DatabaseError>;
    /// The documents of a case, in the order of their kinds and numbers.
    async fn documents(&mut self, case: &CaseNumber) -> Result<Vec<Document>, DatabaseError>;
}

/// Units, and the names by which they and their cases are found.
#[async_trait]
pub trait Units {
    /// Writes what is known of a unit now, in the transaction in which it became so. An older fact changes nothing;
    /// former names go on leading to the unit.
    async fn put_unit(&mut self, unit: &UnitRecord) -> Result<(), DatabaseError>;
    /// A unit.
    async fn unit(&mut self, uscc: &str) -> Result<Option<UnitRecord>, DatabaseError>;
    /// Units whose folded name, now or before, is this one.
    async fn units_called(&mut self, folded: &str, limit: i64) -> Result<Vec<UnitLine>, DatabaseError>;
    /// Units whose folded name contains this: first those that have it as their name, then those that begin with it.
    async fn units_like(&mut self, part: &str, limit: i64) -> Result<Vec<UnitLine>, DatabaseError>;
    /// Writes the names by which a case is found; [`Cases`] does so with every write.
    async fn name_case(&mut self, case: &Case) -> Result<(), DatabaseError>;
    /// The case after which units and names are still to be written; `None` when all are.
    async fn backfill_after(&mut self) -> Result<Option<String>, DatabaseError>;
    /// Cases in the order of their numbers.
    async fn cases_after(&mut self, after: &str, limit: i64) -> Result<Vec<CaseNumber>, DatabaseError>;
    /// Moves that place by compare-and-swap; `None` says that all are written.
    async fn move_backfill(&mut self, from: &str, to: Option<&str>) -> Result<(), DatabaseError>;
}

/// What an order is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSubject {
    /// An enrolment.
    Case(CaseNumber),
    /// A certificate that we issued.
    Certificate(IssuerId, Serial),
    /// A token; it has a history and no orders.
    Token(TokenNumber),
    /// A matter; its orders are about its certificate.
    Matter(MatterNumber),
}

impl OrderSubject {
    /// The key of order and history rows.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Case(number) => number.to_string(),
            Self::Certificate(issuer, serial) => format!("{issuer}/{serial}"),
            Self::Token(number) => format!("token/{number}"),
            Self::Matter(number) => number.to_string(),
        }
    }
}

/// The word of an act in the store and in message keys.
#[must_use]
pub const fn act_word(act: &Act) -> &'static str {
    match act {
        Act::Issue { .. } => "issue",
        Act::Revoke { .. } => "revoke",
        Act::Hold { .. } => "hold",
        Act::Release { .. } => "release",
        Act::Amend { .. } => "amend",
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Signatures are missing.
    Open,
    /// All signed, not yet carried out.
    Signed,
    /// The authority carried it out.
    Done,
    /// The authority will not carry it out.
    Refused,
    /// Given up before the authority saw it.
    Dropped,
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Open, Self::Signed, Self::Done, Self::Refused, Self::Dropped];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Signed => "signed",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        }
    }
}

/// A signature on an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Whose.
    pub by: Who,
    /// CMS SignedData over the order's bytes.
    pub message: Vec<u8>,
    /// When it was given.
    pub at: Timestamp,
}

/// An order, the exact bytes that are signed, and the signatures so far in the order of the seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrder {
    /// What the bytes say.
    pub order: Order,
    /// The canonical bytes.
    pub statement: Vec<u8>,
    /// What it is about.
    pub subject: OrderSubject,
    /// Where it stands.
    pub state: OrderState,
    /// The authority's refusal code.
    pub refusal: Option<String>,
    /// Who wrote it.
    pub opened: Who,
    /// Signatures.
    pub signatures: Vec<Signature>,
}

/// Orders and signatures.
#[async_trait]
pub trait Orders {
    /// Stores a new open order.
    async fn add_order(&mut self, order: &StoredOrder) -> Result<(), DatabaseError>;
    /// An order with its signatures.
    async fn order(&mut self, id: OrderId) -> Result<Option<StoredOrder>, DatabaseError>;
    /// Adds the signature of the next seat.
    async fn sign_order(&mut self, id: OrderId, seat: usize, signature: &Signature) -> Result<(), DatabaseError>;
    /// Moves an order on, from exactly one state.
    async fn settle_order(
        &mut self,
        id: OrderId,
        from: OrderState,
        to: OrderState,
        refusal: Option<&str>,
        now: Timestamp,
    ) -> Result<(), DatabaseError>;
    /// The latest orders about something, newest first.
    async fn orders_about(&mut self, subject: &OrderSubject) -> Result<Vec<StoredOrder>, DatabaseError>;
    /// Drops the open orders about something; says how many.
    async fn drop_open_orders(&mut self, subject: &OrderSubject, now: Timestamp) -> Result<u64, DatabaseError>;
    /// How many orders on certificates of an office wait for a second signature or for the authority.
    async fn count_waiting_orders(&mut self, office: &OfficeId) -> Result<i64, DatabaseError>;
    /// Orders on certificates of an office that wait for a signature or for the authority, oldest first.
    async fn waiting_orders(&mut self, office: &OfficeId) -> Result<Vec<StoredOrder>, DatabaseError>;
    /// Signed orders about certificates that the authority did not answer yet, of all offices, the oldest first: those that
    /// somebody of this id opened.
    async fn signed_orders(&mut self, opened: &OfficerId) -> Result<Vec<StoredOrder>, DatabaseError>;
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Can be used.
    Open,
    /// Its certificate was delivered.
    Used,
    /// Given up, or replaced by a later one.
    Dropped,
}

/// A ticket: leave for one counter PC to make one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTicket {
    /// SHA-256 of the ticket.
    pub hash: Sha256,
    /// For which case.
    pub case: CaseNumber,
    /// For which order.
    pub order: OrderId,
    /// Where it stands.
    pub state: TicketState,
    /// Who minted it.
    pub minted: Who,
    /// When.
    pub created: Timestamp,
    /// Until when it opens.
    pub expires: Timestamp,
}

/// Tickets.
#[async_trait]
pub trait Tickets {
    /// Stores a new ticket; the open ones of its order are dropped.
    async fn add_ticket(&mut self, ticket: &StoredTicket) -> Result<(), DatabaseError>;
    /// A ticket by its hash.
    async fn ticket(&mut self, hash: Sha256) -> Result<Option<StoredTicket>, DatabaseError>;
    /// Drops the open tickets of an order.
    async fn drop_tickets(&mut self, order: OrderId) -> Result<(), DatabaseError>;
    /// Closes an open ticket.
    async fn close_ticket(&mut self, hash: Sha256, to: TicketState) -> Result<(), DatabaseError>;
}

/// A certificate that the authority issued for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// For which case.
    pub case: CaseNumber,
    /// By which order.
    pub order: OrderId,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name.
    pub unit_name: String,
    /// From and until.
    pub validity: Validity,
    /// DER.
    pub certificate: Vec<u8>,
    /// Its encryption certificate, if it is one of a pair.
    pub encryption: Option<IssuedEncryption>,
    /// When we were told of it.
    pub issued: Timestamp,
    /// When its key proved that it is on the token.
    pub delivered: Option<Timestamp>,
    /// As the authority last told.
    pub status: CertificateStatus,
}

/// The encryption certificate of a pair: subject, validity, status and delivery are those of the signature
/// certificate beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedEncryption {
    /// Its serial number.
    pub serial: Serial,
    /// DER.
    pub certificate: Vec<u8>,
}

/// Which certificates a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFilter {
    /// All, the last issued first.
    Latest,
    /// Those of a unit.
    Uscc(String),
    /// Those with this serial number, of any issuer; of a pair, either's.
    Serial(Serial),
    /// The held ones of an office's cases, the longest held first.
    Held(OfficeId),
}

/// Certificates.
#[async_trait]
pub trait Certificates {
    /// Stores a certificate; one that is there already stays as it is.
    async fn add_certificate(&mut self, issued: &Issued) -> Result<(), DatabaseError>;
    /// A certificate.
    async fn certificate(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<Issued>, DatabaseError>;
    /// Certificates, the last issued first unless the filter says otherwise.
    async fn certificates(&mut self, filter: &CertificateFilter, limit: i64) -> Result<Vec<Issued>, DatabaseError>;
    /// Certificates that a case led to, the last issued first.
    async fn certificates_of_case(&mut self, case: &CaseNumber) -> Result<Vec<Issued>, DatabaseError>;
    /// What the authority says of it now.
    async fn put_status(
        &mut self,
        issuer: &IssuerId,
        serial: &Serial,
        status: CertificateStatus,
        delivered: Option<Timestamp>,
    ) -> Result<(), DatabaseError>;
}

/// History, append-only.
#[async_trait]
pub trait History {
    /// Writes a line, in the transaction of the step.
    async fn add_step(&mut self, subject: &OrderSubject, step: &Step) -> Result<(), DatabaseError>;
    /// The lines about something, newest first.
    async fn steps(&mut self, subject: &OrderSubject) -> Result<Vec<PastStep>, DatabaseError>;
}

/// A line of history as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastStep {
    /// What was done.
    pub act: String,
    /// State before.
    pub from: String,
    /// State after.
    pub to: String,
    /// By whom.
    pub by: Option<Who>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The practice statement (CPS) that goes with a case (law L7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeStatement {
    /// Its version.
    pub version: String,
    /// SHA-256 of its text, when that was configured.
    pub sha256: Option<Sha256>,
    /// When the case took it.
    pub since: Timestamp,
}

/// What is accepted, kept and deleted of a case's evidence.
#[async_trait]
pub trait Evidences {
    /// Lets a case keep the practice statement that it has, or take this one.
    async fn fix_practice_statement(
        &mut self,
        case: &CaseNumber,
        statement: &PracticeStatement,
    ) -> Result<(), DatabaseError>;
    /// The practice statement of a case.
    async fn practice_statement(&mut self, case: &CaseNumber) -> Result<Option<PracticeStatement>, DatabaseError>;
    /// The first audit entries about something: place and stored bytes.
    async fn audit_about(&mut self, subject: &str, limit: i64) -> Result<Vec<(i64, Vec<u8>)>, DatabaseError>;
    /// Cases of an office with a certificate that ended at this moment or before, whose evidence is there.
    async fn ended_with(
        &mut self,
        office: &OfficeId,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<CaseNumber>, DatabaseError>;
    /// Cases of an office that were rejected or given up at this moment or before, whose evidence is there.
    async fn ended_without(
        &mut self,
        office: &OfficeId,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<CaseNumber>, DatabaseError>;
    /// A deletion that was asked for or done.
    async fn deletion(&mut self, case: &CaseNumber) -> Result<Option<Deletion>, DatabaseError>;
    /// Notes that a deletion was asked for; a second one is a conflict.
    async fn add_deletion(&mut self, case: &CaseNumber, deletion: &Deletion) -> Result<(), DatabaseError>;
    /// Drops a deletion that is not done.
    async fn drop_deletion(&mut self, case: &CaseNumber) -> Result<(), DatabaseError>;
    /// Notes that a deletion is done, at its case and its certificates too; the names of its files go.
    async fn settle_deletion(&mut self, case: &CaseNumber, by: &Who, now: Timestamp) -> Result<(), DatabaseError>;
    /// Scans that the store is to forget.
    async fn queue_removals(
        &mut self,
        hashes: &BTreeSet<Sha256>,
        now: Timestamp,
        proof: &Expired,
    ) -> Result<(), DatabaseError>;
    /// Scans that the store is still to forget.
    async fn removals(&mut self, limit: i64) -> Result<Vec<Sha256>, DatabaseError>;
    /// Takes a scan out of that list, locked until the commit; whether no case or matter has it any more.
    async fn take_removal(&mut self, hash: Sha256, now: Timestamp) -> Result<bool, DatabaseError>;
    /// A case has a scan that may be in that list: takes it out. Whether it was there, so that it must be kept anew.
    async fn revive(&mut self, hash: Sha256) -> Result<bool, DatabaseError>;
}
