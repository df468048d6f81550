//! The audit tables, on both engines. `migrations*/…_audit.sql` makes them.

use async_trait::async_trait;
use ca_core::domain::Sha256;
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::{AuditTx, Event, Head};

const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
const MOVE_HEAD: &str = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1 AND seq = $3";
const APPEND: &str = "INSERT INTO audit_event (seq, at, kind, subject, entry) VALUES ($1, $2, $3, $4, $5)";
const ENTRIES: &str = "SELECT entry FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2";

/// Every statement of this module, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[HEAD, MOVE_HEAD, APPEND, ENTRIES];

fn head(seq: i64, hash: &str) -> Result<Head, DatabaseError> {
    let hash: Sha256 =
        hash.parse().map_err(|what| DatabaseError::OddRow { table: "audit_head", id: seq.to_string(), what })?;
    Ok(Head { seq, hash })
}

for_each_backend! { Tx =>
    #[async_trait]
    impl AuditTx for Tx {
        async fn audit(&mut self, event: &Event) -> Result<(), DatabaseError> {
            let last = self.audit_head().await?;
            let (entry, next) = last.follow(event);
            let moved = sqlx::query(MOVE_HEAD)
                .bind(next.seq)
                .bind(next.hash.to_string())
                .bind(last.seq)
                .execute(self.connection())
                .await?;
            expect_rows(MOVE_HEAD, moved.rows_affected(), 1)?;
            let added = sqlx::query(APPEND)
                .bind(next.seq)
                .bind(event.at.unix())
                .bind(event.kind)
                .bind(&event.subject)
                .bind(entry)
                .execute(self.connection())
                .await?;
            expect_rows(APPEND, added.rows_affected(), 1)
        }

        async fn audit_head(&mut self) -> Result<Head, DatabaseError> {
            let (seq, hash): (i64, String) = sqlx::query_as(HEAD).fetch_one(self.connection()).await?;
            head(seq, &hash)
        }

        async fn audit_entries(&mut self, after: i64, limit: i64) -> Result<Vec<Vec<u8>>, DatabaseError> {
            let rows: Vec<(Vec<u8>,)> =
                sqlx::query_as(ENTRIES).bind(after).bind(limit).fetch_all(self.connection()).await?;
            Ok(rows.into_iter().map(|(entry,)| entry).collect())
        }
    }
}
