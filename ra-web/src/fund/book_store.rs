//! What the books are kept in: the port. `sql` is its one adapter.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Sha256, Timestamp};
use ca_core::sql::DatabaseError;

use super::account::AccountNumber;
use super::amounts::{Fen, Month};
use super::books::{Booking, Person, PersonAccount, PersonEntry, PersonNumber, UnitEntry};
use super::codes::{BusinessType, PersonStatus};
use super::operation::State;
use super::operation_store::OperationTx;
use super::policy::Policy;
use super::progress::Run;

/// The most employees that one read brings: those of the largest unit.
pub const MOST_HEADS: i64 = 20_000;

/// Which entries of a ledger, and changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFilter {
    /// From this day on.
    pub from: BeijingDay,
    /// Until this one.
    pub to: BeijingDay,
    /// Of one type only.
    pub kind: Option<BusinessType>,
}

/// Which employees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// Of this status.
    pub status: Option<PersonStatus>,
    /// Of exactly this name; empty for all.
    pub name: String,
    /// Of the person with this id; empty for all.
    pub person: String,
}

/// Sums over entries of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerSums {
    /// How many.
    pub count: i64,
    /// What came in.
    pub credit: Fen,
    /// What went out or was reversed, as a positive amount.
    pub debit: Fen,
    /// Interest.
    pub interest: Fen,
}

/// Sums over employees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeopleSums {
    /// How many.
    pub count: i64,
    /// Of their bases.
    pub base: Fen,
    /// Of the unit's parts.
    pub unit_share: Fen,
    /// Of theirs.
    pub personal_share: Fen,
    /// Of their balances.
    pub balance: Fen,
}

/// A change with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptChange {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: ChangeRow,
}

/// A change as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Of which transaction.
    pub serial: String,
    /// Whose account; empty for the unit.
    pub number: String,
    /// Whose name.
    pub name: String,
    /// What kind.
    pub kind: BusinessType,
    /// From which month it holds.
    pub month: Option<Month>,
    /// What.
    pub field: String,
    /// Before.
    pub was: String,
    /// After.
    pub will: String,
    /// The place of the change that it undoes.
    pub undoes: Option<i64>,
}

/// The interest of an account for a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterestLine {
    /// The account.
    pub number: PersonNumber,
    /// Its holder.
    pub name: String,
    /// What it had when the year began.
    pub opening: Fen,
    /// Sum of each day's balance, in fen times days.
    pub product: i128,
    /// Rate of a year, in ten-thousandths.
    pub rate: i64,
    /// What that gave.
    pub interest: Fen,
    /// What it had then.
    pub closing: Fen,
    /// The run.
    pub serial: String,
}

/// A state that an operation went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub state: State,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
}

/// A new person's number, sealed.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Id of the person.
    pub person: String,
    /// What the vault made of the number.
    pub bytes: Vec<u8>,
}

/// Reads and writes the rules, inside a unit of work.
#[async_trait]
pub trait PolicyTx: Send {
    /// Keeps rules; `false` when there are some from this day on already, which stay.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_policy(&mut self, policy: &Policy) -> Result<bool, DatabaseError>;

    /// The rules of a day.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn policy_at(&mut self, day: BeijingDay) -> Result<Option<Policy>, DatabaseError>;
}

/// Reads persons and their accounts, inside a unit of work.
#[async_trait]
pub trait AccountTx: Send {
    /// Draws so many account numbers; answers the first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn draw_numbers(&mut self, count: i64) -> Result<i64, DatabaseError>;

    /// The person with this keyed hash.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person_of(&mut self, hash: Sha256) -> Result<Option<Person>, DatabaseError>;

    /// Whether a person has an account that is not closed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn has_open_account(&mut self, person: &str) -> Result<bool, DatabaseError>;

    /// The sealed number of a person.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn sealed_number(&mut self, person: &str) -> Result<Option<Vec<u8>>, DatabaseError>;

    /// An account of this unit, and of no other.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person_account(
        &mut self,
        unit: &AccountNumber,
        number: &PersonNumber,
    ) -> Result<Option<PersonAccount>, DatabaseError>;

    /// The accounts that are to be paid for a month.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn due_accounts(&mut self, unit: &AccountNumber, month: Month) -> Result<Vec<PersonAccount>, DatabaseError>;

    /// Accounts of a unit in the order of their numbers, after one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn people(
        &mut self,
        unit: &AccountNumber,
        filter: &PeopleFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<PersonAccount>, DatabaseError>;

    /// Sums over them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn people_sums(&mut self, unit: &AccountNumber, filter: &PeopleFilter) -> Result<PeopleSums, DatabaseError>;

    /// Units in the order of their accounts, after one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn units_after(&mut self, after: &str, limit: i64) -> Result<Vec<AccountNumber>, DatabaseError>;
}

/// Reads the two ledgers, inside a unit of work.
#[async_trait]
pub trait LedgerTx: Send {
    /// The unit's entry of a transaction.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit_entry(&mut self, unit: &AccountNumber, serial: &str) -> Result<Option<UnitEntry>, DatabaseError>;

    /// The employees' entries of a transaction, in the order of accounts and places.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person_entries(&mut self, serial: &str) -> Result<Vec<PersonEntry>, DatabaseError>;

    /// Entries of the unit's ledger, newest first, before a place.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit_entries(
        &mut self,
        unit: &AccountNumber,
        filter: &EntryFilter,
        before: i64,
        limit: i64,
    ) -> Result<Vec<UnitEntry>, DatabaseError>;

    /// Sums over them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit_sums(&mut self, unit: &AccountNumber, filter: &EntryFilter) -> Result<LedgerSums, DatabaseError>;

    /// Entries for these months, in the order of months and places.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unit_months(
        &mut self,
        unit: &AccountNumber,
        from: Month,
        to: Month,
    ) -> Result<Vec<UnitEntry>, DatabaseError>;

    /// Entries of an employee's ledger, newest first, before a place.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person_ledger(
        &mut self,
        number: &PersonNumber,
        filter: &EntryFilter,
        before: i64,
        limit: i64,
    ) -> Result<Vec<PersonEntry>, DatabaseError>;

    /// Sums over them.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn person_sums(&mut self, number: &PersonNumber, filter: &EntryFilter) -> Result<LedgerSums, DatabaseError>;

    /// What moved in an account from a day on, in order.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn moves_since(
        &mut self,
        number: &PersonNumber,
        day: BeijingDay,
    ) -> Result<Vec<(BeijingDay, Fen)>, DatabaseError>;

    /// What was paid for each month, what was reversed taken off.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn paid_months(&mut self, number: &PersonNumber) -> Result<Vec<(Month, Fen)>, DatabaseError>;
}

/// Reads changes besides money, inside a unit of work.
#[async_trait]
pub trait ChangeTx: Send {
    /// Why an account was last sealed; empty when nobody knows.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn sealed_for(&mut self, number: &PersonNumber) -> Result<String, DatabaseError>;

    /// Changes, newest first, before a place.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn changes(
        &mut self,
        unit: &AccountNumber,
        filter: &EntryFilter,
        before: i64,
        limit: i64,
    ) -> Result<Vec<KeptChange>, DatabaseError>;

    /// The changes of a transaction, in order.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn changes_of(&mut self, unit: &AccountNumber, serial: &str) -> Result<Vec<KeptChange>, DatabaseError>;

    /// The last openings, sealings, unsealings and changes of base of an account that stand, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn standing_changes(&mut self, number: &PersonNumber) -> Result<Vec<KeptChange>, DatabaseError>;

    /// How many changes there are.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn count_changes(&mut self, unit: &AccountNumber, filter: &EntryFilter) -> Result<i64, DatabaseError>;
}

/// Reads and writes settled interest, inside a unit of work.
#[async_trait]
pub trait InterestTx: Send {
    /// Accounts whose interest of a year is not settled, in order.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn unsettled(
        &mut self,
        unit: &AccountNumber,
        year: i64,
        until: BeijingDay,
        limit: i64,
    ) -> Result<Vec<PersonAccount>, DatabaseError>;

    /// Keeps the interest of an account.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_interest(
        &mut self,
        unit: &AccountNumber,
        year: i64,
        line: &InterestLine,
    ) -> Result<(), DatabaseError>;

    /// Interest of a year in the order of accounts, after one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn interest_lines(
        &mut self,
        unit: &AccountNumber,
        year: i64,
        after: &str,
        limit: i64,
    ) -> Result<Vec<InterestLine>, DatabaseError>;

    /// Number of accounts, openings, interest and closings of a year.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn interest_sums(&mut self, unit: &AccountNumber, year: i64) -> Result<(i64, Fen, Fen, Fen), DatabaseError>;
}

/// Reads and writes the books, inside a unit of work.
#[async_trait]
pub trait BookTx: PolicyTx + AccountTx + LedgerTx + ChangeTx + InterestTx + OperationTx {
    /// Writes all that a business does to the books: each account by compare-and-swap, each entry once.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn book(&mut self, booking: &Booking, sealed: &[Sealed], at: Timestamp) -> Result<(), DatabaseError> {
        self.book_telling(booking, sealed, at, &Run::untold()).await
    }

    /// The same, and tells of each row.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn book_telling(
        &mut self,
        booking: &Booking,
        sealed: &[Sealed],
        at: Timestamp,
        run: &Run<'_>,
    ) -> Result<(), DatabaseError>;

    /// Keeps a receipt of money; `false` when the bank's reference was there already.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_receipt(
        &mut self,
        reference: &str,
        unit: &AccountNumber,
        amount: Fen,
        at: Timestamp,
    ) -> Result<bool, DatabaseError>;
}
