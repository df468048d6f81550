//! Forgets jobs that were done long ago, and forms that nobody took up again. Jobs that were given up stay until staff have
//! seen to them.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::clock::Clock;

use super::{Done, Every, Fault, Handler, Job};
use crate::kept::KEEP_SECONDS as KEPT_FORM_SECONDS;
use crate::store::Store;

/// For so long the same fact asked for again is known to be done.
const KEEP_SECONDS: i64 = 30 * 86_400;
/// Rows of one transaction.
const PIECE: i64 = 500;

/// The handler.
pub struct Sweep {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Handler for Sweep {
    fn kind(&self) -> &'static str {
        "sweep"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::DayAt(3 * 3600))
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        tx.sweep_forms(now.plus(-KEPT_FORM_SECONDS)).await?;
        let swept = tx.sweep_jobs(now.plus(-KEEP_SECONDS), PIECE).await?;
        tx.commit().await?;
        let all = i64::try_from(swept).is_ok_and(|swept| swept < PIECE);
        Ok(if all { Done::Wholly } else { Done::Partly { next: now, payload: job.payload.clone() } })
    }
}
