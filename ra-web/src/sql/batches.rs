//! Batches and their lines.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::batches::store::{Batches, LineFilter, StoredLine};
use crate::batches::{Batch, BatchNumber, BatchState};
use crate::enrolment::case::CaseNumber;

const NEXT: &str = "INSERT INTO batch_counter (day, last) VALUES ($1, 1) \
    ON CONFLICT (day) DO UPDATE SET last = batch_counter.last + 1 RETURNING last";
const ADD: &str = "INSERT INTO batch (number, office, state, file_name, lines, faulty, made, entry_id, entry_name, created, \
    updated, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)";
const PUT: &str = "UPDATE batch SET state = $3, made = $4, updated = $5, mover_id = $6, mover_name = $7, version = version + 1 \
    WHERE number = $1 AND version = $2";
const FIND: &str = "SELECT number, office, state, file_name, lines, faulty, made, entry_id, entry_name, mover_id, mover_name, \
    created, updated, version FROM batch WHERE number = $1";
const OF_OFFICE: &str = "SELECT number, office, state, file_name, lines, faulty, made, entry_id, entry_name, mover_id, \
    mover_name, created, updated, version FROM batch WHERE office = $1 ORDER BY created DESC, number DESC LIMIT $2";
const ADD_LINE: &str = "INSERT INTO batch_line (batch, line, uscc, unit_name, form, faults, twice, open_cases, certificates) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)";
const LOOK_UP: &str = "UPDATE batch_line SET \
    open_cases = (SELECT COUNT(*) FROM enrolment_case c WHERE c.uscc = batch_line.uscc AND c.due IS NOT NULL), \
    certificates = (SELECT COUNT(*) FROM certificate k WHERE k.uscc = batch_line.uscc AND k.status <> 2 \
    AND k.not_after >= $2) WHERE batch = $1 AND uscc <> ''";
// The state is looked up for each line by the case's number: a join might be planned through all cases.
const LINES: &str = "SELECT l.line, l.uscc, l.unit_name, l.form, l.faults, l.twice, l.open_cases, l.certificates, l.case_number, \
    (SELECT c.state FROM enrolment_case c WHERE c.number = l.case_number) AS state FROM batch_line l \
    WHERE l.batch = $1 AND l.line > $2 ORDER BY l.line LIMIT $3";
const FAULTY: &str = "SELECT l.line, l.uscc, l.unit_name, l.form, l.faults, l.twice, l.open_cases, l.certificates, l.case_number, \
    l.case_number AS state FROM batch_line l \
    WHERE l.batch = $1 AND l.line > $2 AND l.faults IS NOT NULL ORDER BY l.line LIMIT $3";
const WITHOUT_CASE: &str = "SELECT l.line, l.uscc, l.unit_name, l.form, l.faults, l.twice, l.open_cases, l.certificates, l.case_number, \
    l.case_number AS state FROM batch_line l \
    WHERE l.batch = $1 AND l.line > $2 AND l.case_number IS NULL ORDER BY l.line LIMIT $3";
const OF_STATE: &str = "SELECT l.line, l.uscc, l.unit_name, l.form, l.faults, l.twice, l.open_cases, l.certificates, l.case_number, \
    (SELECT c.state FROM enrolment_case c WHERE c.number = l.case_number) AS state FROM batch_line l \
    WHERE l.batch = $1 AND l.line > $2 AND (SELECT c.state FROM enrolment_case c WHERE c.number = l.case_number) = $4 \
    ORDER BY l.line LIMIT $3";
const OF_USCC: &str = "SELECT l.line, l.uscc, l.unit_name, l.form, l.faults, l.twice, l.open_cases, l.certificates, l.case_number, \
    (SELECT c.state FROM enrolment_case c WHERE c.number = l.case_number) AS state FROM batch_line l \
    WHERE l.batch = $1 AND l.uscc = $2 ORDER BY l.line LIMIT $3";
const COUNT: &str = "SELECT s.state, COUNT(*) FROM (SELECT (SELECT c.state FROM enrolment_case c \
    WHERE c.number = l.case_number) AS state FROM batch_line l WHERE l.batch = $1 AND l.case_number IS NOT NULL) s \
    GROUP BY s.state ORDER BY s.state";
const COUNT_DOUBTFUL: &str = "SELECT COUNT(*) FROM batch_line \
    WHERE batch = $1 AND (twice IS NOT NULL OR open_cases > 0 OR certificates > 0)";
const BECAME: &str =
    "UPDATE batch_line SET case_number = $3, form = $4 WHERE batch = $1 AND line = $2 AND case_number IS NULL";
const FORGET: &str = "UPDATE batch_line SET form = $2 WHERE batch = $1";
const OF_CASE: &str = "SELECT batch FROM batch_line WHERE case_number = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    NEXT,
    ADD,
    PUT,
    FIND,
    OF_OFFICE,
    ADD_LINE,
    LOOK_UP,
    LINES,
    FAULTY,
    WITHOUT_CASE,
    OF_STATE,
    OF_USCC,
    COUNT,
    COUNT_DOUBTFUL,
    BECAME,
    FORGET,
    OF_CASE,
];

row!(BatchRow {
    number: String,
    office: String,
    state: String,
    file_name: String,
    lines: i64,
    faulty: i64,
    made: i64,
    entry_id: String,
    entry_name: String,
    mover_id: Option<String>,
    mover_name: Option<String>,
    created: i64,
    updated: i64,
    version: i64,
});

impl TryFrom<BatchRow> for Batch {
    type Error = DatabaseError;

    fn try_from(row: BatchRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("batch", &row.number, what);
        Ok(Self {
            number: row.number.parse().map_err(|()| fault("number"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            state: BatchState::ALL.into_iter().find(|state| state.word() == row.state).ok_or_else(|| fault("state"))?,
            entry: who("batch", &row.number, &row.entry_id, row.entry_name)?,
            mover: match (&row.mover_id, row.mover_name) {
                (Some(id), Some(name)) => Some(who("batch", &row.number, id, name)?),
                _ => None,
            },
            file_name: row.file_name,
            lines: row.lines,
            faulty: row.faulty,
            made: row.made,
            created: Timestamp::from_unix(row.created),
            updated: Timestamp::from_unix(row.updated),
            version: row.version,
        })
    }
}

row!(LineRow {
    line: i64,
    uscc: String,
    unit_name: String,
    form: Vec<u8>,
    faults: Option<String>,
    twice: Option<i64>,
    open_cases: i64,
    certificates: i64,
    case_number: Option<String>,
    state: Option<String>,
});

fn stored(batch: &BatchNumber, row: LineRow) -> Result<StoredLine, DatabaseError> {
    let fault = |what: &str| odd("batch_line", &format!("{batch}/{}", row.line), what);
    let faults = row.faults.as_deref().map(serde_json::from_str).transpose();
    Ok(StoredLine {
        line: row.line,
        faults: faults.map_err(|_| fault("faults"))?.unwrap_or_default(),
        case: row
            .case_number
            .map(|number| number.parse::<CaseNumber>())
            .transpose()
            .map_err(|()| fault("case_number"))?,
        state: row.state,
        uscc: row.uscc,
        unit_name: row.unit_name,
        sealed: row.form,
        twice: row.twice,
        open_cases: row.open_cases,
        certificates: row.certificates,
    })
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Batches for SqlTx {
        async fn next_batch_number(&mut self, day: BeijingDay) -> Result<BatchNumber, DatabaseError> {
            let (n,): (i64,) = sqlx::query_as(NEXT).bind(day.to_string()).fetch_one(self.connection()).await?;
            Ok(BatchNumber::new(day, n))
        }

        async fn add_batch(&mut self, batch: &Batch) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(batch.number.as_str())
                .bind(batch.office.as_str())
                .bind(batch.state.word())
                .bind(&batch.file_name)
                .bind(batch.lines)
                .bind(batch.faulty)
                .bind(batch.made)
                .bind(batch.entry.id.as_str())
                .bind(&batch.entry.name)
                .bind(batch.created.unix())
                .bind(batch.updated.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn put_batch(&mut self, batch: &Batch) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT)
                .bind(batch.number.as_str())
                .bind(batch.version)
                .bind(batch.state.word())
                .bind(batch.made)
                .bind(batch.updated.unix())
                .bind(batch.mover.as_ref().map(|mover| mover.id.as_str()))
                .bind(batch.mover.as_ref().map(|mover| &mover.name))
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)
        }

        async fn batch(&mut self, number: &BatchNumber) -> Result<Option<Batch>, DatabaseError> {
            let row: Option<BatchRow> =
                sqlx::query_as(FIND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn batches(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Batch>, DatabaseError> {
            let rows: Vec<BatchRow> =
                sqlx::query_as(OF_OFFICE).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_batch_line(&mut self, batch: &BatchNumber, line: &StoredLine) -> Result<(), DatabaseError> {
            let faults = (!line.faults.is_empty()).then(|| serde_json::to_string(&line.faults)).transpose();
            let done = sqlx::query(ADD_LINE)
                .bind(batch.as_str())
                .bind(line.line)
                .bind(&line.uscc)
                .bind(&line.unit_name)
                .bind(&line.sealed)
                .bind(faults.map_err(|_| odd("batch_line", batch.as_str(), "faults"))?)
                .bind(line.twice)
                .execute(self.connection())
                .await?;
            expect_rows(ADD_LINE, done.rows_affected(), 1)
        }

        async fn look_up_batch(&mut self, batch: &BatchNumber, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(LOOK_UP).bind(batch.as_str()).bind(now.unix()).execute(self.connection()).await?;
            Ok(())
        }

        async fn batch_lines(
            &mut self,
            batch: &BatchNumber,
            filter: &LineFilter,
            after: i64,
            limit: i64,
        ) -> Result<Vec<StoredLine>, DatabaseError> {
            let statement = match filter {
                LineFilter::All => LINES,
                LineFilter::Faulty => FAULTY,
                LineFilter::WithoutCase => WITHOUT_CASE,
                LineFilter::State(_) => OF_STATE,
            };
            let mut query = sqlx::query_as(statement).bind(batch.as_str()).bind(after).bind(limit);
            if let LineFilter::State(state) = filter {
                query = query.bind(*state);
            }
            let rows: Vec<LineRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(|row| stored(batch, row)).collect()
        }

        async fn batch_lines_of(&mut self, batch: &BatchNumber, uscc: &str) -> Result<Vec<StoredLine>, DatabaseError> {
            let query = sqlx::query_as(OF_USCC).bind(batch.as_str()).bind(uscc).bind(10_i64);
            let rows: Vec<LineRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(|row| stored(batch, row)).collect()
        }

        async fn count_batch(&mut self, batch: &BatchNumber) -> Result<Vec<(String, i64)>, DatabaseError> {
            Ok(sqlx::query_as(COUNT).bind(batch.as_str()).fetch_all(self.connection()).await?)
        }

        async fn count_doubtful(&mut self, batch: &BatchNumber) -> Result<i64, DatabaseError> {
            let (n,): (i64,) = sqlx::query_as(COUNT_DOUBTFUL).bind(batch.as_str()).fetch_one(self.connection()).await?;
            Ok(n)
        }

        async fn line_became(&mut self, batch: &BatchNumber, line: i64, case: &CaseNumber) -> Result<(), DatabaseError> {
            let query = sqlx::query(BECAME).bind(batch.as_str()).bind(line).bind(case.as_str()).bind(Vec::<u8>::new());
            expect_rows(BECAME, query.execute(self.connection()).await?.rows_affected(), 1)
        }

        async fn forget_batch(&mut self, batch: &BatchNumber) -> Result<(), DatabaseError> {
            sqlx::query(FORGET).bind(batch.as_str()).bind(Vec::<u8>::new()).execute(self.connection()).await?;
            Ok(())
        }

        async fn batch_of_case(&mut self, case: &CaseNumber) -> Result<Option<BatchNumber>, DatabaseError> {
            let row: Option<(String,)> =
                sqlx::query_as(OF_CASE).bind(case.as_str()).fetch_optional(self.connection()).await?;
            row.map(|(batch,)| batch.parse().map_err(|()| odd("batch_line", case.as_str(), "batch"))).transpose()
        }
    }
}
