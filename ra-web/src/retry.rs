//! Repeats a unit of work that lost a race.

use ca_core::sql::DatabaseError;

/// How often a unit of work is tried before its failure is told.
const ATTEMPTS: u32 = 6;

/// Runs a unit of work, and runs it again when the database rolled it back only because another came first
/// ([`DatabaseError::is_contention`]). `attempt` must begin and commit its own transaction.
///
/// # Errors
/// What the last attempt failed with.
pub async fn settled<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, DatabaseError>
where
    F: Future<Output = Result<T, DatabaseError>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_contention() => tokio::task::yield_now().await,
            done => return done,
        }
    }
    attempt().await
}
