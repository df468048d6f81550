//! What money by bank is kept in: the port. `sql` is its one adapter.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Sha256, Timestamp};
use ca_core::sql::DatabaseError;

use super::{BankLine, Payer, Taken};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::Fen;
use crate::fund::operation::Operation;
use crate::statement::code::RemittanceCode;

/// Reads and writes statements and their lines, inside a unit of work.
#[async_trait]
pub trait BankTx: Send {
    /// Gives an operation its code; `false` when the code is taken.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn add_code(
        &mut self,
        code: &RemittanceCode,
        operation: &Operation,
        at: Timestamp,
    ) -> Result<bool, DatabaseError>;

    /// The code of an operation.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn code_of(&mut self, serial: &str) -> Result<Option<RemittanceCode>, DatabaseError>;

    /// The unit of a code.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn payer_of_code(&mut self, code: &RemittanceCode) -> Result<Option<Payer>, DatabaseError>;

    /// Units of one of these names; some, if there are many.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn payers_named(&mut self, names: &[String; 3]) -> Result<Vec<Payer>, DatabaseError>;

    /// Whose money a reference of the bank's is, and how much, if it was taken in.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn receipt(&mut self, reference: &str) -> Result<Option<(AccountNumber, Fen)>, DatabaseError>;

    /// Keeps a statement.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn add_statement(&mut self, taken: &Taken) -> Result<(), DatabaseError>;

    /// The statement whose file has this hash.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn statement_of_file(&mut self, sha256: Sha256) -> Result<Option<Taken>, DatabaseError>;

    /// Keeps a line.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn add_line(&mut self, line: &BankLine) -> Result<(), DatabaseError>;

    /// Writes where a line stands, by compare-and-swap.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn put_line(&mut self, line: &BankLine) -> Result<(), DatabaseError>;

    /// A line.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn line(&mut self, number: &str) -> Result<Option<BankLine>, DatabaseError>;

    /// Notes who asks that a line be sent back.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn ask_return(&mut self, line: &str, by: &str, at: Timestamp) -> Result<(), DatabaseError>;

    /// Nobody asks for it any more; `false` when nobody did.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn drop_return(&mut self, line: &str) -> Result<bool, DatabaseError>;

    /// Who asked that a line be sent back.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn return_asked_by(&mut self, line: &str) -> Result<Option<String>, DatabaseError>;

    /// Amount and day of the line of this number of the bank's.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn line_of_serial(&mut self, account: &str, serial: &str)
    -> Result<Option<(Fen, BeijingDay)>, DatabaseError>;

    /// Whether there is a line of this fingerprint.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn has_line(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError>;

    /// Lines of a state in their order, after one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn lines_in(&mut self, state: &str, after: &str, limit: i64) -> Result<Vec<BankLine>, DatabaseError>;

    /// Lines of a statement in their order, after one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn lines_of(&mut self, statement: &str, after: &str, limit: i64) -> Result<Vec<BankLine>, DatabaseError>;
}
