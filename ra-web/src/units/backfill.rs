//! Cases from before there were unit records: written into them once, in pieces, when a process starts. Interrupted,
//! the next start goes on where the last piece ended; two processes at once write the same.

use ca_core::sql::DatabaseError;

use super::UnitRecord;
use crate::enrolment::case::{CaseNumber, State};
use crate::store::Store;

/// Cases of one transaction.
const PIECE: i64 = 200;

/// Writes units and names of all cases that are not in them yet. Says how many cases it looked at.
///
/// # Errors
/// [`DatabaseError`]; then the next start goes on.
pub async fn fill(store: &dyn Store) -> Result<usize, DatabaseError> {
    let mut looked = 0;
    loop {
        match piece(store).await {
            Ok(Some(cases)) => {
                looked += cases;
                tracing::info!(looked, "Units of earlier cases are written down");
            }
            Ok(None) => return Ok(looked),
            // Another process wrote this piece.
            Err(error) if error.is_contention() => tokio::task::yield_now().await,
            Err(error) => return Err(error),
        }
    }
}

/// The next piece; `None` when there is none left.
async fn piece(store: &dyn Store) -> Result<Option<usize>, DatabaseError> {
    let mut tx = store.begin().await?;
    let Some(after) = tx.backfill_after().await? else { return Ok(None) };
    let piece = tx.cases_after(&after, PIECE).await?;
    for number in &piece {
        let Some((case, sealed)) = tx.case(number).await? else { continue };
        tx.name_case(&case).await?;
        if matches!(case.state, State::Delivered { .. }) {
            tx.put_unit(&UnitRecord::of(&case, sealed.as_deref(), case.updated)).await?;
        }
    }
    tx.move_backfill(&after, piece.last().map(CaseNumber::as_str)).await?;
    tx.commit().await?;
    Ok(Some(piece.len()).filter(|cases| *cases > 0))
}
