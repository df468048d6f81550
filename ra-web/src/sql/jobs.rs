//! The queue of jobs, and what comes round.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::for_each_backend;
use ca_core::sql::DatabaseError;

use super::row::row;
use crate::jobs::{DeadJob, Job, JobTx, NewJob, Round};

const ADD: &str = "INSERT INTO job (kind, about, payload, state, due, turn, failures, created) \
    VALUES ($1, $2, $3, 'waiting', $4, 0, 0, $5) ON CONFLICT (kind, about) DO NOTHING";
const DUE: &str = "SELECT kind, about, payload, turn, failures FROM job \
    WHERE kind = $1 AND state = 'waiting' AND due <= $2 ORDER BY due, about LIMIT 1";
const TAKE: &str = "UPDATE job SET turn = turn + 1, due = $5 \
    WHERE kind = $1 AND about = $2 AND turn = $3 AND state = 'waiting' AND due <= $4";
const KEEP: &str = "UPDATE job SET due = $4 WHERE kind = $1 AND about = $2 AND turn = $3 AND state = 'waiting'";
const END: &str = "UPDATE job SET state = 'done', settled = $4, failures = 0, fault = NULL \
    WHERE kind = $1 AND about = $2 AND turn = $3 AND state = 'waiting'";
const GO_ON: &str = "UPDATE job SET due = $4, payload = $5, failures = 0, fault = NULL \
    WHERE kind = $1 AND about = $2 AND turn = $3 AND state = 'waiting'";
const FAIL: &str = "UPDATE job SET due = $4, failures = failures + 1, fault = $5 \
    WHERE kind = $1 AND about = $2 AND turn = $3 AND state = 'waiting'";
const GIVE_UP: &str = "UPDATE job SET state = 'dead', settled = $4, failures = failures + 1, fault = $5 \
    WHERE kind = $1 AND about = $2 AND turn = $3 AND state = 'waiting'";
const DEAD: &str = "SELECT kind, about, failures, fault, created, settled FROM job \
    WHERE state = 'dead' ORDER BY settled DESC LIMIT $1";
const REVIVE: &str = "UPDATE job SET state = 'waiting', due = $3, failures = 0, settled = NULL \
    WHERE kind = $1 AND about = $2 AND state = 'dead'";
const SWEEP: &str = "DELETE FROM job WHERE (kind, about) IN \
    (SELECT kind, about FROM job WHERE state = 'done' AND settled < $1 ORDER BY settled LIMIT $2)";
const BEGIN_ROUND: &str = "INSERT INTO schedule (kind, next_run) VALUES ($1, $2) ON CONFLICT (kind) DO NOTHING";
const NEXT_ROUND: &str = "SELECT next_run FROM schedule WHERE kind = $1";
const MOVE_ROUND: &str = "UPDATE schedule SET next_run = $3 WHERE kind = $1 AND next_run = $2";
const ROUNDS: &str = "SELECT kind, next_run FROM schedule ORDER BY kind";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD,
    DUE,
    TAKE,
    KEEP,
    END,
    GO_ON,
    FAIL,
    GIVE_UP,
    DEAD,
    REVIVE,
    SWEEP,
    BEGIN_ROUND,
    NEXT_ROUND,
    MOVE_ROUND,
    ROUNDS,
];

row!(JobRow { kind: String, about: String, payload: String, turn: i64, failures: i64 });

row!(DeadRow {
    kind: String,
    about: String,
    failures: i64,
    fault: Option<String>,
    created: i64,
    settled: i64,
});

for_each_backend! { SqlTx =>
    #[async_trait]
    impl JobTx for SqlTx {
        async fn add_job(&mut self, job: &NewJob, now: Timestamp) -> Result<bool, DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(job.kind)
                .bind(&job.about)
                .bind(&job.payload)
                .bind(job.due.unix())
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn due_job(&mut self, kind: &str, now: Timestamp) -> Result<Option<Job>, DatabaseError> {
            let row: Option<JobRow> =
                sqlx::query_as(DUE).bind(kind).bind(now.unix()).fetch_optional(self.connection()).await?;
            Ok(row.map(|row| Job {
                kind: row.kind,
                about: row.about,
                payload: row.payload,
                turn: row.turn + 1,
                failures: row.failures,
            }))
        }

        async fn take_job(&mut self, job: &Job, now: Timestamp, until: Timestamp) -> Result<bool, DatabaseError> {
            let done = sqlx::query(TAKE)
                .bind(&job.kind)
                .bind(&job.about)
                .bind(job.turn - 1)
                .bind(now.unix())
                .bind(until.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn keep_job(&mut self, job: &Job, until: Timestamp) -> Result<bool, DatabaseError> {
            let query = sqlx::query(KEEP).bind(&job.kind).bind(&job.about).bind(job.turn).bind(until.unix());
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn end_job(&mut self, job: &Job, now: Timestamp) -> Result<bool, DatabaseError> {
            let query = sqlx::query(END).bind(&job.kind).bind(&job.about).bind(job.turn).bind(now.unix());
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn go_on_with_job(&mut self, job: &Job, next: Timestamp, payload: &str) -> Result<bool, DatabaseError> {
            let query = sqlx::query(GO_ON).bind(&job.kind).bind(&job.about).bind(job.turn).bind(next.unix());
            Ok(query.bind(payload).execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn fail_job(
            &mut self,
            job: &Job,
            fault: &str,
            next: Option<Timestamp>,
            now: Timestamp,
        ) -> Result<bool, DatabaseError> {
            let (statement, at) = next.map_or((GIVE_UP, now), |next| (FAIL, next));
            let query = sqlx::query(statement).bind(&job.kind).bind(&job.about).bind(job.turn).bind(at.unix());
            Ok(query.bind(fault).execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn dead_jobs(&mut self, limit: i64) -> Result<Vec<DeadJob>, DatabaseError> {
            let rows: Vec<DeadRow> = sqlx::query_as(DEAD).bind(limit).fetch_all(self.connection()).await?;
            let dead = rows.into_iter().map(|row| DeadJob {
                kind: row.kind,
                about: row.about,
                failures: row.failures,
                fault: row.fault.unwrap_or_default(),
                created: Timestamp::from_unix(row.created),
                settled: Timestamp::from_unix(row.settled),
            });
            Ok(dead.collect())
        }

        async fn revive_job(&mut self, kind: &str, about: &str, now: Timestamp) -> Result<bool, DatabaseError> {
            let query = sqlx::query(REVIVE).bind(kind).bind(about).bind(now.unix());
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn sweep_jobs(&mut self, before: Timestamp, limit: i64) -> Result<u64, DatabaseError> {
            let query = sqlx::query(SWEEP).bind(before.unix()).bind(limit);
            Ok(query.execute(self.connection()).await?.rows_affected())
        }

        async fn next_round(&mut self, kind: &str, first: Timestamp) -> Result<Timestamp, DatabaseError> {
            sqlx::query(BEGIN_ROUND).bind(kind).bind(first.unix()).execute(self.connection()).await?;
            let (next,): (i64,) = sqlx::query_as(NEXT_ROUND).bind(kind).fetch_one(self.connection()).await?;
            Ok(Timestamp::from_unix(next))
        }

        async fn move_round(&mut self, kind: &str, from: Timestamp, to: Timestamp) -> Result<bool, DatabaseError> {
            let query = sqlx::query(MOVE_ROUND).bind(kind).bind(from.unix()).bind(to.unix());
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn rounds(&mut self) -> Result<Vec<Round>, DatabaseError> {
            let rows: Vec<(String, i64)> = sqlx::query_as(ROUNDS).fetch_all(self.connection()).await?;
            let rounds = rows.into_iter().map(|(kind, next)| Round { kind, next: Timestamp::from_unix(next) });
            Ok(rounds.collect())
        }
    }
}
