//! What is kept of payments that the bank refused and of what was ordered in their place: the port. `sql` is its one adapter.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::sql::DatabaseError;

use super::{Card, PaymentOrder, WithdrawalOrder};

/// That an order to the bank is closed without payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRefusal {
    /// The order's end-to-end id.
    pub payment: String,
    /// Of which withdrawal.
    pub withdrawal: String,
    /// What the bank said, or the clerk of it.
    pub said: String,
    /// `bank`, or a clerk.
    pub actor: String,
    /// When it was noted.
    pub at: Timestamp,
}

/// What is to be told the bank in place of a refused order. No Debug: it has a card.
#[derive(Clone)]
pub struct PaymentAgain {
    /// Its end-to-end id.
    pub serial: String,
    /// Of which withdrawal.
    pub withdrawal: String,
    /// In whose place.
    pub refused: String,
    /// To which account.
    pub card: Card,
    /// The clerk who gave it.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
    /// The clerk who confirmed it; with that it is an order.
    pub confirmed_by: Option<String>,
}

/// Reads and writes payments that went wrong, inside a unit of work.
#[async_trait]
pub trait PaymentTx: Send {
    /// An order to withdraw, whoever's.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn any_withdrawal(&mut self, serial: &str) -> Result<Option<WithdrawalOrder>, DatabaseError>;

    /// Whether an order lies in the bank's folder, or lay there.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn is_told(&mut self, payment: &str) -> Result<bool, DatabaseError>;

    /// Why an order was closed without payment.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn refusal(&mut self, payment: &str) -> Result<Option<PaymentRefusal>, DatabaseError>;

    /// Closes an order.
    ///
    /// # Errors
    /// [`DatabaseError`]; a conflict when it is closed.
    async fn refuse(&mut self, refusal: &PaymentRefusal) -> Result<(), DatabaseError>;

    /// What is to take a refused order's place, or did.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn in_place_of(&mut self, refused: &str) -> Result<Option<PaymentAgain>, DatabaseError>;

    /// Keeps what is to take its place, instead of what nobody confirmed.
    ///
    /// # Errors
    /// [`DatabaseError`]; a wrong count of rows when that is confirmed.
    async fn propose_again(&mut self, again: &PaymentAgain) -> Result<(), DatabaseError>;

    /// It is confirmed: from now on it is an order. `proposed` must be what stands there.
    ///
    /// # Errors
    /// [`DatabaseError`]; a wrong count of rows when another was quicker.
    async fn confirm_again(
        &mut self,
        proposed: &PaymentAgain,
        by: &str,
        payment: &PaymentOrder,
    ) -> Result<(), DatabaseError>;

    /// A payment that was made came back: the bank has still to pay.
    ///
    /// # Errors
    /// [`DatabaseError`]; a conflict when another order of the account waits for the bank.
    async fn payment_came_back(&mut self, withdrawal: &str) -> Result<(), DatabaseError>;

    /// Closed orders in whose place nothing was ordered yet.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn refused_payments(&mut self, limit: i64) -> Result<Vec<PaymentRefusal>, DatabaseError>;

    /// Whether a withdrawal has such an order.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn has_refused(&mut self, withdrawal: &str) -> Result<bool, DatabaseError>;
}
