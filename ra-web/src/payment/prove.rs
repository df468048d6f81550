//! The job that adds up the books from their first entry, each night: what a page proves in the day begins there.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::sql::DatabaseError;

use crate::enrolment::desk::Desk;
use crate::jobs::{Done, Every, Fault, Handler, Job};
use crate::retry::settled;

/// The handler.
pub struct Prove {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Prove {
    fn kind(&self) -> &'static str {
        "prove-books"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::DayAt(4 * 3600))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        self.desk.prove_books().await?;
        Ok(Done::Wholly)
    }
}

impl Desk {
    /// Adds up every office's books from their first entry. Entries are only added, so that the sums hold whatever is
    /// booked meanwhile; they are read before anything is written, for that takes its time.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn prove_books(&self) -> Result<(), DatabaseError> {
        let offices = self.store.read().await?.counted_offices().await?;
        for office in offices {
            let mut tx = self.store.read().await?;
            let (n, sums) = tx.add_up(&office).await?;
            let kept = tx.balances(&office).await?;
            drop(tx);
            if sums != kept {
                tracing::error!(%office, "The books do not balance: what is kept is not what the entries add up to");
            }
            settled(async || {
                let mut tx = self.store.begin().await?;
                tx.put_proof(&office, n, &sums).await?;
                tx.commit().await?;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
