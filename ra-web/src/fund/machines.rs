//! What is kept of units' programs: their sessions, and the requests that they may send again.
//!
//! A session is a token that was given for a signed challenge; the store has its hash only. It lets a program read for a
//! quarter of an hour and put plans together; whatever is booked is signed besides. A request with a name of the program's
//! choice is done once: sent again it is answered as it was, and another one under the same name is refused.

use async_trait::async_trait;
use ca_core::domain::{Sha256, Timestamp};
use ca_core::sql::DatabaseError;

use super::account::AccountNumber;

/// A session lasts so many seconds.
pub const SESSION_SECONDS: i64 = 15 * 60;
/// A request's answer is kept for so many seconds.
pub const ANSWER_SECONDS: i64 = 24 * 3600;
/// Longer than any request may take: whoever began it so many seconds ago is no longer at it.
pub const LAPSE_SECONDS: i64 = 120;

/// A program's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineSession {
    /// SHA-256 of its token.
    pub id: Sha256,
    /// Whose it is.
    pub unit: AccountNumber,
    /// SHA-256 of the certificate that opened it, by which alone its transactions are signed.
    pub certificate: Sha256,
    /// Id of the login's record, which has the evidence.
    pub record: String,
    /// Good until then, the certificate's own end included.
    pub expires: Timestamp,
}

/// A request under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRequest {
    /// SHA-256 of address and body.
    pub request: Sha256,
    /// When somebody began with it.
    pub begun: Timestamp,
    /// The answer, sealed.
    pub answer: Option<Vec<u8>>,
}

/// What becomes of a request under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is this caller's, for the first time.
    First,
    /// It is this caller's; whoever had it before may have done it and not lived to tell.
    Again,
    /// Another caller is at it.
    Busy,
    /// The name is another request's.
    Other,
    /// It was done.
    Done(Vec<u8>),
}

/// Reads and writes what is kept of programs, inside a unit of work.
#[async_trait]
pub trait MachineTx: Send {
    /// Keeps a new session, and forgets those that ended before `now`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_machine_session(&mut self, session: &MachineSession, now: Timestamp) -> Result<(), DatabaseError>;

    /// The session of a token's hash, ended or not.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn machine_session(&mut self, id: Sha256) -> Result<Option<MachineSession>, DatabaseError>;

    /// Ends a session.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn end_machine_session(&mut self, id: Sha256) -> Result<(), DatabaseError>;

    /// Ends all sessions of a certificate.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn end_machine_sessions_of(&mut self, certificate: Sha256) -> Result<(), DatabaseError>;

    /// Keeps a request under a name, and forgets those that began before `dead`; `false` when the name is taken.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn begin_request(
        &mut self,
        unit: &AccountNumber,
        name: &str,
        request: Sha256,
        now: Timestamp,
        dead: Timestamp,
    ) -> Result<bool, DatabaseError>;

    /// The request under a name.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn kept_request(&mut self, unit: &AccountNumber, name: &str) -> Result<Option<KeptRequest>, DatabaseError>;

    /// Takes over a request that was begun at `before` and not answered; `false` when another caller did.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn take_request_over(
        &mut self,
        unit: &AccountNumber,
        name: &str,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError>;

    /// Keeps the answer of the caller who began at `begun`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_answer(
        &mut self,
        unit: &AccountNumber,
        name: &str,
        begun: Timestamp,
        answer: &[u8],
    ) -> Result<(), DatabaseError>;

    /// Gives the name free, of a request that changed nothing.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn release_request(
        &mut self,
        unit: &AccountNumber,
        name: &str,
        begun: Timestamp,
    ) -> Result<(), DatabaseError>;
}

/// Claims a request under a name.
///
/// # Errors
/// [`DatabaseError`].
pub async fn claim(
    tx: &mut dyn MachineTx,
    unit: &AccountNumber,
    name: &str,
    request: Sha256,
    now: Timestamp,
) -> Result<Claim, DatabaseError> {
    if tx.begin_request(unit, name, request, now, now.plus(-ANSWER_SECONDS)).await? {
        return Ok(Claim::First);
    }
    Ok(match tx.kept_request(unit, name).await? {
        // It was given free in between.
        None => Claim::Busy,
        Some(kept) if kept.request != request => Claim::Other,
        Some(KeptRequest { answer: Some(answer), .. }) => Claim::Done(answer),
        Some(kept) if now.since(kept.begun) >= LAPSE_SECONDS => {
            if tx.take_request_over(unit, name, kept.begun, now).await? { Claim::Again } else { Claim::Busy }
        }
        Some(_) => Claim::Busy,
    })
}
