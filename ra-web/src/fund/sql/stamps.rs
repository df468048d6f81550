//! Time stamps over evidence, and what waits for one.

use async_trait::async_trait;
use ca_core::domain::{Sha256, Timestamp};
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::ledgers::CountRow;
use super::odd;
use crate::fund::stamps::{Asked, Kept, StampTx};

const ASK: &str = "INSERT INTO evidence_stamp (serial, sha256, state, asked, since, due, tries, refused, fault) \
    VALUES ($1, $2, 'waiting', $3, $3, $3, 0, 0, '') ON CONFLICT (serial) DO NOTHING";

macro_rules! asked_where {
    ($condition:literal) => {
        concat!(
            "SELECT serial, sha256, asked, since, due, tries, refused, fault FROM evidence_stamp WHERE ",
            $condition
        )
    };
}

const DUE: &str = asked_where!("state = 'waiting' AND due <= $1 ORDER BY due, serial LIMIT 1");
const WAITING: &str = asked_where!("state = 'waiting' AND due > $1 ORDER BY due, serial LIMIT $2");
const GIVEN_UP: &str = asked_where!("state = 'given_up' AND serial > $1 ORDER BY serial LIMIT $2");
const COUNT_WAITING: &str = "SELECT COUNT(*) AS n FROM evidence_stamp WHERE state = 'waiting' AND due > $1";
const COUNT_GIVEN_UP: &str = "SELECT COUNT(*) AS n FROM evidence_stamp WHERE state = 'given_up' AND serial > $1";
const TAKE: &str = "UPDATE evidence_stamp SET due = $3, tries = tries + 1 \
    WHERE serial = $1 AND tries = $2 AND state = 'waiting'";
const KEEP: &str = "UPDATE evidence_stamp SET state = 'stamped', token = $3, stamped = $4, fault = '' \
    WHERE serial = $1 AND tries = $2 AND state = 'waiting'";
const FAIL: &str = "UPDATE evidence_stamp SET state = $3, due = $4, refused = refused + $5, fault = $6 \
    WHERE serial = $1 AND tries = $2 AND state = 'waiting'";
const KEPT: &str = "SELECT stamped, token FROM evidence_stamp WHERE serial = $1";
const REVIVE: &str = "UPDATE evidence_stamp SET state = 'waiting', since = $1, due = $1 \
    WHERE state = 'given_up' AND serial > $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[ASK, DUE, WAITING, GIVEN_UP, COUNT_WAITING, COUNT_GIVEN_UP, TAKE, KEEP, FAIL, KEPT, REVIVE];

/// Before any moment that is stored.
const EVER: i64 = i64::MIN;

row!(AskedRow {
    serial: String,
    sha256: String,
    asked: i64,
    since: i64,
    due: i64,
    tries: i64,
    refused: i64,
    fault: String,
});

impl TryFrom<AskedRow> for Asked {
    type Error = DatabaseError;

    fn try_from(row: AskedRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            evidence: row.sha256.parse().map_err(|_| odd("evidence_stamp", &row.serial, "sha256"))?,
            asked: Timestamp::from_unix(row.asked),
            since: Timestamp::from_unix(row.since),
            due: Timestamp::from_unix(row.due),
            tries: row.tries,
            refused: row.refused,
            fault: row.fault,
            serial: row.serial,
        })
    }
}

row!(KeptRow { stamped: Option<i64>, token: Option<Vec<u8>> });

for_each_backend! { Tx =>
    #[async_trait]
    impl StampTx for Tx {
        async fn ask_stamp(&mut self, serial: &str, evidence: Sha256, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(ASK)
                .bind(serial)
                .bind(evidence.to_string())
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn due_stamp(&mut self, now: Timestamp) -> Result<Option<Asked>, DatabaseError> {
            let row: Option<AskedRow> =
                sqlx::query_as(DUE).bind(now.unix()).fetch_optional(self.connection()).await?;
            row.map(Asked::try_from).transpose()
        }

        async fn take_stamp(&mut self, asked: &Asked, until: Timestamp) -> Result<bool, DatabaseError> {
            let done = sqlx::query(TAKE)
                .bind(&asked.serial)
                .bind(asked.tries)
                .bind(until.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn keep_stamp(&mut self, asked: &Asked, token: &[u8], at: Timestamp) -> Result<bool, DatabaseError> {
            let done = sqlx::query(KEEP)
                .bind(&asked.serial)
                .bind(asked.tries)
                .bind(token)
                .bind(at.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn fail_stamp(
            &mut self,
            asked: &Asked,
            fault: &str,
            refused: bool,
            next: Option<Timestamp>,
        ) -> Result<bool, DatabaseError> {
            let done = sqlx::query(FAIL)
                .bind(&asked.serial)
                .bind(asked.tries)
                .bind(if next.is_some() { "waiting" } else { "given_up" })
                .bind(next.unwrap_or(asked.due).unix())
                .bind(i64::from(refused))
                .bind(fault)
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn stamp_of(&mut self, serial: &str) -> Result<Option<Kept>, DatabaseError> {
            let row: Option<KeptRow> =
                sqlx::query_as(KEPT).bind(serial).fetch_optional(self.connection()).await?;
            Ok(row.and_then(|row| {
                Some(Kept { at: Timestamp::from_unix(row.stamped?), token: row.token? })
            }))
        }

        async fn waiting_stamps(&mut self, limit: i64) -> Result<Vec<Asked>, DatabaseError> {
            let rows: Vec<AskedRow> =
                sqlx::query_as(WAITING).bind(EVER).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(Asked::try_from).collect()
        }

        async fn given_up_stamps(&mut self, limit: i64) -> Result<Vec<Asked>, DatabaseError> {
            let rows: Vec<AskedRow> =
                sqlx::query_as(GIVEN_UP).bind("").bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(Asked::try_from).collect()
        }

        async fn count_stamps(&mut self) -> Result<(i64, i64), DatabaseError> {
            let waiting: CountRow = sqlx::query_as(COUNT_WAITING).bind(EVER).fetch_one(self.connection()).await?;
            let given_up: CountRow = sqlx::query_as(COUNT_GIVEN_UP).bind("").fetch_one(self.connection()).await?;
            Ok((waiting.n, given_up.n))
        }

        async fn revive_stamps(&mut self, now: Timestamp) -> Result<u64, DatabaseError> {
            let done = sqlx::query(REVIVE).bind(now.unix()).bind("").execute(self.connection()).await?;
            Ok(done.rows_affected())
        }
    }
}
