//! What batches need of storage: small ports, joined in the office's unit of work ([`crate::store::Tx`]).

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, Timestamp};
use ca_core::sql::DatabaseError;

use super::letters::Ending;
use super::{Batch, BatchNumber, CellFault};
use crate::enrolment::case::{CaseNumber, Who};

/// A line of a batch as it is kept: what was typed is sealed, and gone once the line is a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLine {
    /// Number of the row in the sheet.
    pub line: i64,
    /// Code, as typed.
    pub uscc: String,
    /// Name, as typed.
    pub unit_name: String,
    /// The form, sealed.
    pub sealed: Vec<u8>,
    /// What is wrong with it.
    pub faults: Vec<CellFault>,
    /// An earlier line with the same code.
    pub twice: Option<i64>,
    /// How many cases that are not over there were about the code.
    pub open_cases: i64,
    /// How many valid certificates the unit had.
    pub certificates: i64,
    /// The case that it became.
    pub case: Option<CaseNumber>,
    /// Word of that case's state, where the filter reads it.
    pub state: Option<String>,
}

/// Which lines of a batch a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFilter {
    /// All.
    All,
    /// Those with a fault.
    Faulty,
    /// Those that have not become cases.
    WithoutCase,
    /// Those whose case is in this state.
    State(&'static str),
}

/// Batches and their lines.
#[async_trait]
pub trait Batches {
    /// The next batch number of a day.
    async fn next_batch_number(&mut self, day: BeijingDay) -> Result<BatchNumber, DatabaseError>;
    /// Stores a new batch.
    async fn add_batch(&mut self, batch: &Batch) -> Result<(), DatabaseError>;
    /// Stores a moved batch; fails with a row count when another write came first.
    async fn put_batch(&mut self, batch: &Batch) -> Result<(), DatabaseError>;
    /// A batch.
    async fn batch(&mut self, number: &BatchNumber) -> Result<Option<Batch>, DatabaseError>;
    /// The latest batches of an office.
    async fn batches(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Batch>, DatabaseError>;
    /// Stores a line.
    async fn add_batch_line(&mut self, batch: &BatchNumber, line: &StoredLine) -> Result<(), DatabaseError>;
    /// Marks on every line what there is about its code already.
    async fn look_up_batch(&mut self, batch: &BatchNumber, now: Timestamp) -> Result<(), DatabaseError>;
    /// Lines in their order, after one of them.
    async fn batch_lines(
        &mut self,
        batch: &BatchNumber,
        filter: &LineFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredLine>, DatabaseError>;
    /// The lines with this code, ten at most.
    async fn batch_lines_of(&mut self, batch: &BatchNumber, uscc: &str) -> Result<Vec<StoredLine>, DatabaseError>;
    /// How many cases of a batch stand in each state.
    async fn count_batch(&mut self, batch: &BatchNumber) -> Result<Vec<(String, i64)>, DatabaseError>;
    /// How many lines have something that should be looked at.
    async fn count_doubtful(&mut self, batch: &BatchNumber) -> Result<i64, DatabaseError>;
    /// A line became a case, once; what was typed is forgotten here.
    async fn line_became(&mut self, batch: &BatchNumber, line: i64, case: &CaseNumber) -> Result<(), DatabaseError>;
    /// Forgets what was typed in all lines.
    async fn forget_batch(&mut self, batch: &BatchNumber) -> Result<(), DatabaseError>;
    /// The batch that a case came from.
    async fn batch_of_case(&mut self, case: &CaseNumber) -> Result<Option<BatchNumber>, DatabaseError>;
}

/// Letters about certificates that end soon.
#[async_trait]
pub trait Letters {
    /// Delivered, valid certificates of an office's cases that end within this time and have no later one, in the order in
    /// which they end.
    async fn letters_due(
        &mut self,
        office: &OfficeId,
        from: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Ending>, DatabaseError>;
    /// Its letter was printed; printed again, the later time stands.
    async fn letter_printed(&mut self, ending: &Ending, by: &Who, now: Timestamp) -> Result<(), DatabaseError>;
}
