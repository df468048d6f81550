//! What quota invoices need of storage.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::sql::DatabaseError;

use super::allotment::Allotment;
use super::paper::{Paper, Place, Range, Run};
use super::wish::Wish;
use crate::enrolment::case::Who;
use crate::payment::bill::{Bill, BillNumber};
use crate::payment::fen::Fen;

/// A run with what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// As it was bought.
    pub run: Run,
    /// Who took it in.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// How many of its papers are in each place, as [`Place::ALL`].
    pub counts: [i64; 4],
    /// The lowest and the highest number in stock.
    pub ends: Option<(u32, u32)>,
}

/// A line of the log of papers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Word of the act: `buy`, `allot`, `release`, `send`, `return`, `void`.
    pub act: String,
    /// Which papers.
    pub range: Range,
    /// For which bill.
    pub bill: Option<BillNumber>,
    /// By whom.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// The waybill, or why.
    pub note: String,
}

/// Quota invoices, inside a unit of work.
#[async_trait]
pub trait QuotaInvoices {
    /// Takes a run into an office's stock, paper by paper. One that is known conflicts, in whatever run.
    async fn add_run(&mut self, office: &OfficeId, run: &Run, by: &Who, now: Timestamp) -> Result<(), DatabaseError>;
    /// The runs of an office, the last bought first.
    async fn runs(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Kept>, DatabaseError>;
    /// What is in an office's stock: the amount of a paper, and how many.
    async fn in_stock(&mut self, office: &OfficeId) -> Result<Vec<(Fen, i64)>, DatabaseError>;
    /// Papers of an amount in stock, the lowest numbers first.
    async fn lowest(&mut self, office: &OfficeId, worth: Fen, limit: i64) -> Result<Vec<Paper>, DatabaseError>;
    /// Moves a paper of an office; fails with a row count when it is not there, or another's.
    async fn move_paper(
        &mut self,
        office: &OfficeId,
        paper: &Paper,
        from: Place,
        to: Place,
        bill: Option<&BillNumber>,
    ) -> Result<(), DatabaseError>;
    /// How many papers of a range are in an office's stock.
    async fn count_in_stock(&mut self, office: &OfficeId, range: &Range) -> Result<i64, DatabaseError>;
    /// Writes a line into an office's log.
    async fn log_papers(&mut self, office: &OfficeId, line: &Logged) -> Result<(), DatabaseError>;
    /// The last lines of an office's log, the last first.
    async fn papers_log(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Logged>, DatabaseError>;
    /// Notes that a bill is to have quota invoices, in place of what was noted before.
    async fn put_wish(&mut self, bill: &BillNumber, wish: &Wish) -> Result<(), DatabaseError>;
    /// Forgets that; what is not there stays so.
    async fn drop_wish(&mut self, bill: &BillNumber) -> Result<(), DatabaseError>;
    /// Whether a bill is to have them.
    async fn wish(&mut self, bill: &BillNumber) -> Result<Option<Wish>, DatabaseError>;
    /// Paid bills of an office that are to have them and that nothing is allotted to, the most urgent first.
    async fn wished(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Bill>, DatabaseError>;
    /// Stores an allotment. A second one of the same bill conflicts while the first stands.
    async fn add_allotment(&mut self, allotment: &Allotment) -> Result<(), DatabaseError>;
    /// Stores a moved allotment; fails with a row count when another write came first.
    async fn put_allotment(&mut self, allotment: &Allotment) -> Result<(), DatabaseError>;
    /// The allotments of a bill, the last first.
    async fn allotments(&mut self, bill: &BillNumber) -> Result<Vec<Allotment>, DatabaseError>;
    /// Allotments of an office that are to be sent, the oldest first.
    async fn to_send(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Allotment>, DatabaseError>;
}
