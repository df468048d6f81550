//! How often something may be asked about without a token.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::sql::DatabaseError;

use crate::enrolment::desk::{Desk, OfficeError, again};

/// So many questions an hour about one unit or order, right or wrong.
pub const MOST_AN_HOUR: i64 = 10;

/// Counts of questions.
#[async_trait]
pub trait AskedTx {
    /// Counts one more question about something, and answers how many there were in this hour of the epoch. Counts of
    /// earlier hours are forgotten.
    async fn count_asked(&mut self, about: &str, hour: i64) -> Result<i64, DatabaseError>;
}

impl Desk {
    /// Whether one more question about something is answered in this hour. The count is durable before the answer.
    ///
    /// # Errors
    /// Storage.
    pub(super) async fn may_ask(&self, about: &str, now: Timestamp) -> Result<bool, OfficeError> {
        again(|| async {
            let mut tx = self.store.begin().await?;
            let n = tx.count_asked(about, now.unix().div_euclid(3600)).await?;
            tx.commit().await?;
            Ok(n <= MOST_AN_HOUR)
        })
        .await
    }
}
