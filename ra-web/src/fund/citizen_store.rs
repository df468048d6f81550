//! What the fund keeps of persons who look after their own account: the port. `sql` is its one adapter.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Timestamp, WithdrawalReason};
use ca_core::sql::DatabaseError;

use super::account::AccountNumber;
use super::books::{Person, PersonAccount, PersonNumber};
use super::loan::{Loan, Repayment};
use super::withdrawal::rules::WithdrawalRule;
use super::withdrawal::{Card, PaymentOrder, WithdrawalOrder};

/// The most accounts, loans or orders of a person that one read brings.
pub const MOST_OF_A_PERSON: i64 = 50;

/// Reads and writes what concerns single persons, inside a unit of work.
#[async_trait]
pub trait CitizenTx: Send {
    /// Keeps a rule; `false` when there is one of this reason from this day on already, which stays.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_rule(&mut self, rule: &WithdrawalRule) -> Result<bool, DatabaseError>;

    /// The rule of a reason that holds on a day.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn rule_at(
        &mut self,
        reason: WithdrawalReason,
        day: BeijingDay,
    ) -> Result<Option<WithdrawalRule>, DatabaseError>;

    /// Binds certificates of this unique id to a person, in place of others.
    ///
    /// # Errors
    /// [`DatabaseError`]; a conflict when it is another person's.
    async fn bind_person(&mut self, person: &str, unique_id: &str) -> Result<(), DatabaseError>;

    /// The person to whom certificates of this unique id are bound.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person_of_unique_id(&mut self, unique_id: &str) -> Result<Option<Person>, DatabaseError>;

    /// A person.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person(&mut self, id: &str) -> Result<Option<Person>, DatabaseError>;

    /// Their accounts, closed ones too.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn own_accounts(&mut self, person: &str) -> Result<Vec<PersonAccount>, DatabaseError>;

    /// One of their accounts, and of nobody else's.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn own_account(
        &mut self,
        person: &str,
        number: &PersonNumber,
    ) -> Result<Option<PersonAccount>, DatabaseError>;

    /// Registers a person's bank account, in place of another.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_card(&mut self, person: &str, card: &Card) -> Result<(), DatabaseError>;

    /// It.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn card(&mut self, person: &str) -> Result<Option<Card>, DatabaseError>;

    /// Keeps a loan with its repayments; `false` when it is there already.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_loan(&mut self, loan: &Loan, repaid: &[Repayment]) -> Result<bool, DatabaseError>;

    /// The loans of a person.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn loans_of(&mut self, person: &str) -> Result<Vec<Loan>, DatabaseError>;

    /// What was repaid of a loan, in order.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn repayments(&mut self, loan: &str) -> Result<Vec<Repayment>, DatabaseError>;

    /// Keeps a new order, in place of others of the account that nobody signed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_withdrawal(&mut self, order: &WithdrawalOrder) -> Result<(), DatabaseError>;

    /// Forgets orders that could be signed until before this moment and were not.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn forget_withdrawals(&mut self, before: Timestamp) -> Result<(), DatabaseError>;

    /// An order of this person, and of nobody else.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn withdrawal(&mut self, person: &str, serial: &str) -> Result<Option<WithdrawalOrder>, DatabaseError>;

    /// Their orders that were signed, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn withdrawals_of(&mut self, person: &str) -> Result<Vec<WithdrawalOrder>, DatabaseError>;

    /// Writes an order by compare-and-swap.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn move_withdrawal(&mut self, order: &WithdrawalOrder) -> Result<(), DatabaseError>;

    /// When an account was last withdrawn from for a reason.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn last_withdrawal(
        &mut self,
        number: &PersonNumber,
        reason: WithdrawalReason,
    ) -> Result<Option<BeijingDay>, DatabaseError>;

    /// Whether the bank has still to say that it paid an order of this account.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn has_unpaid(&mut self, number: &PersonNumber) -> Result<bool, DatabaseError>;

    /// Whether interest of a year was settled for an account.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn is_settled(
        &mut self,
        unit: &AccountNumber,
        year: i64,
        number: &PersonNumber,
    ) -> Result<bool, DatabaseError>;

    /// The day of an account's first entry.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn first_entry(&mut self, number: &PersonNumber) -> Result<Option<BeijingDay>, DatabaseError>;

    /// Keeps what the bank is told.
    ///
    /// # Errors
    /// [`DatabaseError`]; a conflict when it was told already.
    async fn keep_payment(&mut self, payment: &PaymentOrder) -> Result<(), DatabaseError>;

    /// What does not lie in the bank's folder yet.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unwritten_payments(&mut self) -> Result<Vec<PaymentOrder>, DatabaseError>;

    /// It lies there.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn payment_written(&mut self, serial: &str, at: Timestamp) -> Result<(), DatabaseError>;

    /// The bank says that it paid; `false` when it did not wait for that.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn payment_made(&mut self, serial: &str) -> Result<bool, DatabaseError>;
}
