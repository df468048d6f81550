//! What the fund keeps: the port. `sql` is its one adapter.

use async_trait::async_trait;
use ca_core::sql::DatabaseError;

use super::account::{AccountNumber, Unit};
use super::bank::store::BankTx;
use super::book_store::BookTx;
use super::citizen_store::CitizenTx;
use super::machines::MachineTx;
use super::stamps::StampTx;
use super::withdrawal::payments::PaymentTx;
use crate::audit::AuditTx;

/// A unit of work on the fund's accounts.
#[async_trait]
pub trait FundTx: AuditTx + BookTx + BankTx + CitizenTx + MachineTx + PaymentTx + StampTx {
    /// Opens an account; `false` when there is one of this number already, which then stays as it is.
    ///
    /// # Errors
    /// [`DatabaseError`]; a conflict when another account has this credit code or unique id.
    async fn open_account(&mut self, unit: &Unit) -> Result<bool, DatabaseError>;

    /// The account of this number.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit(&mut self, account: &AccountNumber) -> Result<Option<Unit>, DatabaseError>;

    /// The unit to which certificates of this unique id are bound.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit_of_unique_id(&mut self, unique_id: &str) -> Result<Option<Unit>, DatabaseError>;

    /// The unit of this unified social credit code.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit_of_uscc(&mut self, uscc: &str) -> Result<Option<Unit>, DatabaseError>;

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing was written.
    async fn commit(self: Box<Self>) -> Result<(), DatabaseError>;
}

/// Begins units of work.
#[async_trait]
pub trait FundStore: Send + Sync + 'static {
    /// Begins one that writes.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn begin(&self) -> Result<Box<dyn FundTx>, DatabaseError>;

    /// Begins one that only reads.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn begin_read(&self) -> Result<Box<dyn FundTx>, DatabaseError>;
}
