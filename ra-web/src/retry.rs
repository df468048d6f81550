//! Repeats a unit of work that lost a race, and says how long to wait for what failed.

use std::sync::PoisonError;

use ca_core::sql::DatabaseError;
use rand::Rng as _;

use crate::Chance;

/// How often a unit of work is tried before its failure is told.
const ATTEMPTS: u32 = 6;

/// Runs a unit of work, and runs it again when the database rolled it back only because another came first
/// ([`DatabaseError::is_contention`]). `attempt` must begin and commit its own transaction.
///
/// # Errors
/// What the last attempt failed with.
pub async fn settled<T, F>(attempt: impl FnMut() -> F) -> Result<T, DatabaseError>
where
    F: Future<Output = Result<T, DatabaseError>>,
{
    settled_by(DatabaseError::is_contention, attempt).await
}

/// The same for units of work that fail with errors of their own; `lost` tells the lost race from the rest.
///
/// # Errors
/// What the last attempt failed with.
pub async fn settled_by<T, E, F>(lost: impl Fn(&E) -> bool, mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if lost(&error) => tokio::task::yield_now().await,
            done => return done,
        }
    }
    attempt().await
}

/// How many seconds to wait after so many failures before: `first` doubled each time, at most `longest`, and drawn from the
/// upper half so that what failed together is not tried together.
#[must_use]
pub fn back_off(failures: i64, first: i64, longest: i64, chance: &Chance) -> i64 {
    let longest = (first << failures.clamp(0, 16)).min(longest);
    chance.lock().unwrap_or_else(PoisonError::into_inner).random_range(longest / 2..=longest)
}
