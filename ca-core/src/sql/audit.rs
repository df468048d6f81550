//! The audit chain as rows.

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::expect_rows;
use super::many::Many;
use super::rows::sha256;
use crate::domain::Timestamp;
use crate::store::{AuditHead, AuditLog, AuditRow, CheckpointRow, StoreError};

const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
const MOVE_HEAD: &str = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1 AND seq = $3 AND hash = $4";
static APPEND: Many = Many::rows("INSERT INTO audit_event (seq, at, event, hash) VALUES", 4);
const AFTER: &str = "SELECT seq, at, event, hash FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2";
const ADD_CHECKPOINT: &str = "INSERT INTO audit_checkpoint (seq, at, statement, signature) VALUES ($1, $2, $3, $4)";
const CHECKPOINTS: &str = "SELECT seq, at, statement, signature FROM audit_checkpoint ORDER BY seq";
const LAST_CHECKPOINT: &str = "SELECT seq, at, statement, signature FROM audit_checkpoint ORDER BY seq DESC LIMIT 1";
const SET_KEY: &str = "INSERT INTO audit_key (id, spki) VALUES (1, $1)";
const KEY: &str = "SELECT spki FROM audit_key WHERE id = 1";

pub(super) const STATEMENTS: &[&str] =
    &[HEAD, MOVE_HEAD, AFTER, ADD_CHECKPOINT, CHECKPOINTS, LAST_CHECKPOINT, SET_KEY, KEY];
pub(super) static OF_MANY: [&Many; 1] = [&APPEND];

type EventRow = (i64, i64, String, String);
type CheckpointTuple = (i64, i64, Vec<u8>, Vec<u8>);

fn event(row: EventRow) -> Result<AuditRow, StoreError> {
    let (seq, at, event, hash) = row;
    Ok(AuditRow { seq, at: Timestamp::from_unix(at), event, hash: sha256("audit_event", seq, &hash)? })
}

fn checkpoint(row: CheckpointTuple) -> CheckpointRow {
    let (seq, at, statement, signature) = row;
    CheckpointRow { seq, at: Timestamp::from_unix(at), statement, signature }
}

for_each_driver! { Transaction =>
    #[async_trait]
    impl AuditLog for Transaction {
        async fn audit_head(&mut self) -> Result<AuditHead, StoreError> {
            let (seq, hash): (i64, String) = sqlx::query_as(HEAD).fetch_one(self.connection()).await?;
            Ok(AuditHead { seq, hash: sha256("audit_head", seq, &hash)? })
        }

        async fn append_audit(&mut self, head: AuditHead, rows: &[AuditRow]) -> Result<(), StoreError> {
            let Some(last) = rows.last() else { return Ok(()) };
            let moved = sqlx::query(MOVE_HEAD)
                .bind(last.seq)
                .bind(last.hash.to_string())
                .bind(head.seq)
                .bind(head.hash.to_string())
                .execute(self.connection())
                .await?;
            if moved.rows_affected() != 1 {
                return Err(StoreError::Contended);
            }
            for (statement, rows) in APPEND.pieces(rows, Transaction::MOST_ROWS) {
                let mut query = sqlx::query(statement);
                for row in rows {
                    query = query.bind(row.seq).bind(row.at.unix()).bind(&row.event).bind(row.hash.to_string());
                }
                let done = query.execute(self.connection()).await?;
                expect_rows(statement, done.rows_affected(), rows.len() as u64)?;
            }
            Ok(())
        }

        async fn audit_after(&mut self, seq: i64, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
            let rows: Vec<EventRow> =
                sqlx::query_as(AFTER).bind(seq).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(event).collect()
        }

        async fn add_checkpoint(&mut self, checkpoint: &CheckpointRow) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_CHECKPOINT)
                .bind(checkpoint.seq)
                .bind(checkpoint.at.unix())
                .bind(&checkpoint.statement)
                .bind(&checkpoint.signature)
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_CHECKPOINT, done.rows_affected(), 1)?)
        }

        async fn checkpoints(&mut self) -> Result<Vec<CheckpointRow>, StoreError> {
            let rows: Vec<CheckpointTuple> = sqlx::query_as(CHECKPOINTS).fetch_all(self.connection()).await?;
            Ok(rows.into_iter().map(checkpoint).collect())
        }

        async fn last_checkpoint(&mut self) -> Result<Option<CheckpointRow>, StoreError> {
            let row: Option<CheckpointTuple> =
                sqlx::query_as(LAST_CHECKPOINT).fetch_optional(self.connection()).await?;
            Ok(row.map(checkpoint))
        }

        async fn set_audit_key(&mut self, spki_der: &[u8]) -> Result<(), StoreError> {
            let done = sqlx::query(SET_KEY).bind(spki_der).execute(self.connection()).await?;
            Ok(expect_rows(SET_KEY, done.rows_affected(), 1)?)
        }

        async fn audit_key(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
            let row: Option<(Vec<u8>,)> = sqlx::query_as(KEY).fetch_optional(self.connection()).await?;
            Ok(row.map(|(spki,)| spki))
        }
    }
}
