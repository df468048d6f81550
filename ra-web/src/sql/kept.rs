//! What officers had typed when a session ended.

use async_trait::async_trait;
use ca_core::domain::{OfficerId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use crate::kept::KeptFormTx;

const KEEP: &str = "INSERT INTO kept_form (officer, sealed, at) VALUES ($1, $2, $3) \
    ON CONFLICT (officer) DO UPDATE SET sealed = excluded.sealed, at = excluded.at";
const SWEEP: &str = "DELETE FROM kept_form WHERE at <= $1";
const FIND: &str = "SELECT sealed FROM kept_form WHERE officer = $1 AND at > $2";
const FORGET: &str = "DELETE FROM kept_form WHERE officer = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[KEEP, SWEEP, FIND, FORGET];

for_each_backend! { SqlTx =>
    #[async_trait]
    impl KeptFormTx for SqlTx {
        async fn keep_form(&mut self, officer: &OfficerId, sealed: &[u8], now: Timestamp) -> Result<(), DatabaseError> {
            let query = sqlx::query(KEEP).bind(officer.as_str()).bind(sealed).bind(now.unix());
            expect_rows(KEEP, query.execute(self.connection()).await?.rows_affected(), 1)
        }

        async fn kept_form(&mut self, officer: &OfficerId, dead: Timestamp) -> Result<Option<Vec<u8>>, DatabaseError> {
            let row: Option<(Vec<u8>,)> = sqlx::query_as(FIND)
                .bind(officer.as_str())
                .bind(dead.unix())
                .fetch_optional(self.connection())
                .await?;
            Ok(row.map(|(sealed,)| sealed))
        }

        async fn sweep_forms(&mut self, dead: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(SWEEP).bind(dead.unix()).execute(self.connection()).await?;
            Ok(())
        }

        async fn forget_form(&mut self, officer: &OfficerId) -> Result<(), DatabaseError> {
            sqlx::query(FORGET).bind(officer.as_str()).execute(self.connection()).await?;
            Ok(())
        }
    }
}
