//! Who has gone through the first-run tour.

use async_trait::async_trait;
use ca_core::domain::{OfficerId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::DatabaseError;

use crate::tour::TourTx;

const SEEN: &str = "SELECT at FROM tour_seen WHERE officer = $1";
const SEE: &str = "INSERT INTO tour_seen (officer, at) VALUES ($1, $2) ON CONFLICT (officer) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[SEEN, SEE];

for_each_backend! { SqlTx =>
    #[async_trait]
    impl TourTx for SqlTx {
        async fn tour_seen(&mut self, officer: &OfficerId) -> Result<bool, DatabaseError> {
            let seen: Option<(i64,)> =
                sqlx::query_as(SEEN).bind(officer.as_str()).fetch_optional(self.connection()).await?;
            Ok(seen.is_some())
        }

        async fn see_tour(&mut self, officer: &OfficerId, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(SEE).bind(officer.as_str()).bind(now.unix()).execute(self.connection()).await?;
            Ok(())
        }
    }
}
