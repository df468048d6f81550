//! The practice statement of a case, and how its evidence goes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Sha256, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::case::{CaseNumber, Who};
use crate::enrolment::retention::{Deletion, Expired};
use crate::store::{Evidences, PracticeStatement};

const FIX: &str = "INSERT INTO case_statement (case_number, version, sha256, since) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (case_number) DO NOTHING";
const FIXED: &str = "SELECT version, sha256, since FROM case_statement WHERE case_number = $1";
const AUDIT_ABOUT: &str = "SELECT seq, entry FROM audit_event WHERE subject = $1 ORDER BY seq LIMIT $2";
const ENDED_WITH: &str = "SELECT case_number FROM certificate WHERE evidence_gone IS NULL AND office = $1 \
    AND (CASE WHEN status = 2 AND since < not_after THEN since ELSE not_after END) <= $2 \
    ORDER BY (CASE WHEN status = 2 AND since < not_after THEN since ELSE not_after END) LIMIT $3";
const ENDED_WITHOUT: &str = "SELECT number FROM enrolment_case WHERE evidence_gone IS NULL \
    AND state IN ('rejected', 'cancelled', 'lapsed') AND office = $1 AND updated <= $2 ORDER BY updated LIMIT $3";
const DELETION: &str = "SELECT reason, asked_id, asked_name, asked, confirmed_id, confirmed_name, done \
    FROM case_deletion WHERE case_number = $1";
const ADD_DELETION: &str = "INSERT INTO case_deletion (case_number, reason, asked_id, asked_name, asked) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (case_number) DO NOTHING";
const DROP_DELETION: &str = "DELETE FROM case_deletion WHERE case_number = $1 AND done IS NULL";
const SETTLE_DELETION: &str = "UPDATE case_deletion SET confirmed_id = $2, confirmed_name = $3, done = $4 \
    WHERE case_number = $1 AND done IS NULL";
const GONE_CASE: &str = "UPDATE enrolment_case SET evidence_gone = $2 WHERE number = $1";
const GONE_CERTIFICATES: &str = "UPDATE certificate SET evidence_gone = $2 WHERE case_number = $1";
const GONE_NAMES: &str = "UPDATE case_document SET name = '' WHERE case_number = $1";
const QUEUE: &str = "INSERT INTO evidence_removal (sha256, queued) VALUES ($1, $2) \
    ON CONFLICT (sha256) DO UPDATE SET queued = excluded.queued, removed = NULL";
const REMOVALS: &str = "SELECT sha256 FROM evidence_removal WHERE removed IS NULL ORDER BY queued LIMIT $1";
const TAKE: &str = "UPDATE evidence_removal SET removed = $2 WHERE sha256 = $1 AND removed IS NULL";
const WANTED: &str = "SELECT d.case_number FROM case_document d WHERE d.sha256 = $1 AND EXISTS (SELECT 1 FROM enrolment_case e \
    WHERE e.number = d.case_number AND e.evidence_gone IS NULL) \
    UNION ALL SELECT m.matter FROM matter_document m WHERE m.sha256 = $1 AND EXISTS (SELECT 1 FROM matter x \
    WHERE x.number = m.matter AND x.evidence_gone IS NULL) LIMIT 1";
const REVIVE: &str = "DELETE FROM evidence_removal WHERE sha256 = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    FIX,
    FIXED,
    AUDIT_ABOUT,
    ENDED_WITH,
    ENDED_WITHOUT,
    DELETION,
    ADD_DELETION,
    DROP_DELETION,
    SETTLE_DELETION,
    GONE_CASE,
    GONE_CERTIFICATES,
    GONE_NAMES,
    QUEUE,
    REMOVALS,
    TAKE,
    WANTED,
    REVIVE,
];

row!(DeletionRow {
    reason: String,
    asked_id: String,
    asked_name: String,
    asked: i64,
    confirmed_id: Option<String>,
    confirmed_name: Option<String>,
    done: Option<i64>,
});

fn deletion(case: &CaseNumber, row: DeletionRow) -> Result<Deletion, DatabaseError> {
    let who = |id: &str, name| who("case_deletion", case.as_str(), id, name);
    let confirmed = row.confirmed_id.zip(row.confirmed_name).map(|(id, name)| who(&id, name)).transpose()?;
    Ok(Deletion {
        reason: row.reason,
        asked: (who(&row.asked_id, row.asked_name)?, Timestamp::from_unix(row.asked)),
        confirmed,
        done: row.done.map(Timestamp::from_unix),
    })
}

fn numbers(rows: Vec<(String,)>) -> Result<Vec<CaseNumber>, DatabaseError> {
    rows.into_iter().map(|(number,)| number.parse().map_err(|()| odd("enrolment_case", &number, "number"))).collect()
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Evidences for SqlTx {
        async fn fix_practice_statement(
            &mut self,
            case: &CaseNumber,
            statement: &PracticeStatement,
        ) -> Result<(), DatabaseError> {
            sqlx::query(FIX)
                .bind(case.as_str())
                .bind(&statement.version)
                .bind(statement.sha256.map(|hash| hash.to_string()).unwrap_or_default())
                .bind(statement.since.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn practice_statement(&mut self, case: &CaseNumber) -> Result<Option<PracticeStatement>, DatabaseError> {
            let row: Option<(String, String, i64)> =
                sqlx::query_as(FIXED).bind(case.as_str()).fetch_optional(self.connection()).await?;
            let read = |(version, sha256, since): (String, String, i64)| {
                let hash = Some(sha256.as_str()).filter(|text| !text.is_empty()).map(str::parse).transpose();
                let sha256 = hash.map_err(|_| odd("case_statement", case.as_str(), "sha256"))?;
                Ok(PracticeStatement { version, sha256, since: Timestamp::from_unix(since) })
            };
            row.map(read).transpose()
        }

        async fn audit_about(&mut self, subject: &str, limit: i64) -> Result<Vec<(i64, Vec<u8>)>, DatabaseError> {
            Ok(sqlx::query_as(AUDIT_ABOUT).bind(subject).bind(limit).fetch_all(self.connection()).await?)
        }

        async fn ended_with(
            &mut self,
            office: &OfficeId,
            before: Timestamp,
            limit: i64,
        ) -> Result<Vec<CaseNumber>, DatabaseError> {
            let query = sqlx::query_as(ENDED_WITH).bind(office.as_str()).bind(before.unix()).bind(limit);
            numbers(query.fetch_all(self.connection()).await?)
        }

        async fn ended_without(
            &mut self,
            office: &OfficeId,
            before: Timestamp,
            limit: i64,
        ) -> Result<Vec<CaseNumber>, DatabaseError> {
            let query = sqlx::query_as(ENDED_WITHOUT).bind(office.as_str()).bind(before.unix()).bind(limit);
            numbers(query.fetch_all(self.connection()).await?)
        }

        async fn deletion(&mut self, case: &CaseNumber) -> Result<Option<Deletion>, DatabaseError> {
            let row: Option<DeletionRow> =
                sqlx::query_as(DELETION).bind(case.as_str()).fetch_optional(self.connection()).await?;
            row.map(|row| deletion(case, row)).transpose()
        }

        async fn add_deletion(&mut self, case: &CaseNumber, deletion: &Deletion) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_DELETION)
                .bind(case.as_str())
                .bind(&deletion.reason)
                .bind(deletion.asked.0.id.as_str())
                .bind(&deletion.asked.0.name)
                .bind(deletion.asked.1.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_DELETION, done.rows_affected(), 1)
        }

        async fn drop_deletion(&mut self, case: &CaseNumber) -> Result<(), DatabaseError> {
            let done = sqlx::query(DROP_DELETION).bind(case.as_str()).execute(self.connection()).await?;
            expect_rows(DROP_DELETION, done.rows_affected(), 1)
        }

        async fn settle_deletion(&mut self, case: &CaseNumber, by: &Who, now: Timestamp) -> Result<(), DatabaseError> {
            let done = sqlx::query(SETTLE_DELETION)
                .bind(case.as_str())
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            expect_rows(SETTLE_DELETION, done.rows_affected(), 1)?;
            for statement in [GONE_CASE, GONE_CERTIFICATES] {
                sqlx::query(statement).bind(case.as_str()).bind(now.unix()).execute(self.connection()).await?;
            }
            sqlx::query(GONE_NAMES).bind(case.as_str()).execute(self.connection()).await?;
            Ok(())
        }

        async fn queue_removals(
            &mut self,
            hashes: &BTreeSet<Sha256>,
            now: Timestamp,
            _proof: &Expired,
        ) -> Result<(), DatabaseError> {
            for hash in hashes {
                sqlx::query(QUEUE).bind(hash.to_string()).bind(now.unix()).execute(self.connection()).await?;
            }
            Ok(())
        }

        async fn removals(&mut self, limit: i64) -> Result<Vec<Sha256>, DatabaseError> {
            let rows: Vec<(String,)> = sqlx::query_as(REMOVALS).bind(limit).fetch_all(self.connection()).await?;
            let read = |(text,): (String,)| text.parse().map_err(|_| odd("evidence_removal", &text, "sha256"));
            rows.into_iter().map(read).collect()
        }

        async fn take_removal(&mut self, hash: Sha256, now: Timestamp) -> Result<bool, DatabaseError> {
            let hash = hash.to_string();
            let done = sqlx::query(TAKE).bind(&hash).bind(now.unix()).execute(self.connection()).await?;
            let wanted: Option<(String,)> =
                sqlx::query_as(WANTED).bind(&hash).fetch_optional(self.connection()).await?;
            Ok(done.rows_affected() == 1 && wanted.is_none())
        }

        async fn revive(&mut self, hash: Sha256) -> Result<bool, DatabaseError> {
            let done = sqlx::query(REVIVE).bind(hash.to_string()).execute(self.connection()).await?;
            Ok(done.rows_affected() == 1)
        }
    }
}
