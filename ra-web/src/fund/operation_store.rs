//! What operations are kept in: the port. `sql` is its one adapter.

use async_trait::async_trait;
use ca_core::domain::{FundAct, Timestamp};
use ca_core::sql::DatabaseError;

use super::account::AccountNumber;
use super::book_store::Step;
use super::operation::Operation;

/// Reads and writes operations with their evidence, inside a unit of work.
#[async_trait]
pub trait OperationTx: Send {
    /// Keeps a new operation and its first state.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_operation(&mut self, operation: &Operation, actor: &str) -> Result<(), DatabaseError>;

    /// Forgets documents that could be signed until before this moment and were not.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn forget_drafts(&mut self, before: Timestamp) -> Result<(), DatabaseError>;

    /// An operation of this unit, and of no other.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn operation(&mut self, unit: &AccountNumber, serial: &str) -> Result<Option<Operation>, DatabaseError>;

    /// The operation whose voucher has this code.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn operation_of_code(&mut self, code: &str) -> Result<Option<Operation>, DatabaseError>;

    /// The operation that waits for its money.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn waiting(&mut self, unit: &AccountNumber) -> Result<Option<Operation>, DatabaseError>;

    /// Operations, newest first, before one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn operations(
        &mut self,
        unit: &AccountNumber,
        act: Option<FundAct>,
        before: &str,
        limit: i64,
    ) -> Result<Vec<Operation>, DatabaseError>;

    /// Writes an operation by compare-and-swap, and the states that it went through.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn move_operation(&mut self, operation: &Operation, steps: &[Step]) -> Result<(), DatabaseError>;

    /// Counts a print of a voucher; answers how many there were.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn count_print(&mut self, serial: &str) -> Result<i64, DatabaseError>;

    /// The states that an operation went through.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn steps(&mut self, serial: &str) -> Result<Vec<Step>, DatabaseError>;
}
