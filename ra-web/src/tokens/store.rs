//! What tokens need of storage: a port, joined in the office's unit of work ([`crate::store::Tx`]).

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, IssuerId, OfficeId, Serial, Timestamp};
use ca_core::sql::DatabaseError;

use super::{Count, Token, TokenNumber, Transfer};
use crate::enrolment::case::{CaseNumber, Who};

/// Which tokens a list shows, the last moved first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFilter {
    /// Those of an office in a state; all states when `None`.
    Office(OfficeId, Option<&'static str>),
    /// Those that a unit has or had.
    Uscc(String),
    /// Those that are on their way under this number.
    Transfer(String),
    /// Those on which the certificate of a case is being made.
    Case(CaseNumber),
}

/// Tokens, and where they are.
#[async_trait]
pub trait Tokens {
    /// The next number of a series on a day, e.g. `20261130-0001`.
    async fn next_number(&mut self, series: &str, day: BeijingDay) -> Result<String, DatabaseError>;
    /// Stores a new token; `false` when its serial number is in the books already.
    async fn add_token(&mut self, token: &Token) -> Result<bool, DatabaseError>;
    /// Stores a moved token; fails with a row count when another write came first.
    async fn put_token(&mut self, token: &Token) -> Result<(), DatabaseError>;
    /// A token.
    async fn token(&mut self, serial: &TokenNumber) -> Result<Option<Token>, DatabaseError>;
    /// The token that a certificate was delivered on, if it is the last one on it.
    async fn token_with(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<Token>, DatabaseError>;
    /// Tokens.
    async fn tokens(&mut self, filter: &TokenFilter, limit: i64) -> Result<Vec<Token>, DatabaseError>;
    /// How many tokens of an office are in each state.
    async fn count_tokens(&mut self, office: &OfficeId) -> Result<Vec<(String, i64)>, DatabaseError>;
    /// Stores a transfer that was sent.
    async fn add_transfer(&mut self, transfer: &Transfer) -> Result<(), DatabaseError>;
    /// A transfer.
    async fn transfer(&mut self, id: &str) -> Result<Option<Transfer>, DatabaseError>;
    /// Notes that so many more arrived than had before.
    async fn put_arrival(
        &mut self,
        id: &str,
        before: i64,
        arrived: i64,
        by: &Who,
        now: Timestamp,
    ) -> Result<(), DatabaseError>;
    /// The latest transfers from and to an office, newest first.
    async fn transfers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Transfer>, DatabaseError>;
    /// Stores what was found when a stock was counted.
    async fn add_count(&mut self, count: &Count) -> Result<(), DatabaseError>;
    /// The latest counts of an office, newest first.
    async fn counts(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Count>, DatabaseError>;
    /// The sealed key of which admin PINs are derived.
    async fn token_master(&mut self) -> Result<Option<Vec<u8>>, DatabaseError>;
    /// Stores that key where there is none.
    async fn add_token_master(&mut self, sealed: &[u8], now: Timestamp) -> Result<(), DatabaseError>;
}
