//! Work for later: a queue in the office's own database, worked off by any number of workers.
//!
//! For: side effects that leave in the transaction of the fact ([`JobTx::add_job`]), long work in pieces, and what
//! comes round by the clock. A job may run twice, because a worker died or was slow: what a [`Handler`] does must be
//! the same done again. Trusts the database. Never holds secrets or personal data: payloads name records, and the
//! staff's list of jobs that were given up shows the fault of the last try.

mod every;
pub mod lapse;
pub mod sweep;
mod worker;

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::sql::DatabaseError;

pub use every::Every;
pub use worker::Worker;

/// Work to be done, when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Which [`Handler`] does it.
    pub kind: &'static str,
    /// What it is about, e.g. an order's number. Asked for twice, it is one job.
    pub about: String,
    /// What the handler has to know beside that.
    pub payload: String,
    /// Not before.
    pub due: Timestamp,
}

/// A job in a worker's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub about: String,
    /// What the handler has to know beside that.
    pub payload: String,
    /// How often it was taken, this time included: only the last taking may say what came of it.
    pub turn: i64,
    /// How often it failed since it last got on.
    pub failures: i64,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// All of it is done.
    Wholly,
    /// A piece of it is done; the next one at that time, with this payload.
    Partly {
        /// Not before.
        next: Timestamp,
        /// Where to go on.
        payload: String,
    },
}

/// Why a try failed. The words are for the log and for staff: no secrets, no personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may go well another time.
    #[error("{0}")]
    Later(String),
    /// It will never go well: given up at once.
    #[error("{0}")]
    Never(String),
}

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::OddRow { .. } => Self::Never(error.to_string()),
            _ => Self::Later(error.to_string()),
        }
    }
}

/// Does the jobs of one kind, one at a time in each worker.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The kind.
    fn kind(&self) -> &'static str;

    /// How often it comes round by itself; a job that comes round is about the time for which it was due.
    fn every(&self) -> Option<Every> {
        None
    }

    /// After so many failures in a row it is given up and shown to staff. Twelve are about a day. A try that ended because its
    /// worker died is none: it says nothing of the job, and another worker begins it when the lease is over.
    fn most_failures(&self) -> i64 {
        12
    }

    /// Does a job, or a piece of it. It may have been done before, wholly or in part. While this runs, the worker keeps
    /// others away; when it cannot, it drops this.
    ///
    /// # Errors
    /// [`Fault`].
    async fn run(&self, job: &Job) -> Result<Done, Fault>;
}

/// A job that was given up, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadJob {
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub about: String,
    /// How often it failed.
    pub failures: i64,
    /// What the last failure was.
    pub fault: String,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was given up.
    pub settled: Timestamp,
}

/// What comes round, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The kind of its jobs.
    pub kind: String,
    /// When the next one is due.
    pub next: Timestamp,
}

/// The queue, inside a unit of work. Writes answer whether the row was still as the caller believed.
#[async_trait]
pub trait JobTx: Send {
    /// Asks for work. `false`: it was asked for before, and nothing changes.
    async fn add_job(&mut self, job: &NewJob, now: Timestamp) -> Result<bool, DatabaseError>;
    /// The first job of a kind that is due, with the turn that it would have.
    async fn due_job(&mut self, kind: &str, now: Timestamp) -> Result<Option<Job>, DatabaseError>;
    /// Takes a job that [`JobTx::due_job`] found, until a time.
    async fn take_job(&mut self, job: &Job, now: Timestamp, until: Timestamp) -> Result<bool, DatabaseError>;
    /// Keeps a job that was taken for longer.
    async fn keep_job(&mut self, job: &Job, until: Timestamp) -> Result<bool, DatabaseError>;
    /// The job is done.
    async fn end_job(&mut self, job: &Job, now: Timestamp) -> Result<bool, DatabaseError>;
    /// A piece of it is done, and the next one waits.
    async fn go_on_with_job(&mut self, job: &Job, next: Timestamp, payload: &str) -> Result<bool, DatabaseError>;
    /// It failed: tried again at `next`, or given up when there is none.
    async fn fail_job(
        &mut self,
        job: &Job,
        fault: &str,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, DatabaseError>;
    /// Jobs that were given up, the last first.
    async fn dead_jobs(&mut self, limit: i64) -> Result<Vec<DeadJob>, DatabaseError>;
    /// Lets a job that was given up be tried again.
    async fn revive_job(&mut self, kind: &str, about: &str, now: Timestamp) -> Result<bool, DatabaseError>;
    /// Forgets some of the jobs that were done before a time; says how many.
    async fn sweep_jobs(&mut self, before: Timestamp, limit: i64) -> Result<u64, DatabaseError>;
    /// When a kind comes round next; written down as `first` when it never was.
    async fn next_round(&mut self, kind: &str, first: Timestamp) -> Result<Timestamp, DatabaseError>;
    /// Moves that on.
    async fn move_round(&mut self, kind: &str, from: Timestamp, to: Timestamp) -> Result<bool, DatabaseError>;
    /// All that comes round.
    async fn rounds(&mut self) -> Result<Vec<Round>, DatabaseError>;
}

#[cfg(test)]
mod tests;
