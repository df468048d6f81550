//! Figures of reports, and the register of complaints and incidents.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::DatabaseError;

use super::row::{odd, row, who};
use crate::enrolment::case::Step;
use crate::reports::register::{Entry, NewEntry};
use crate::reports::{Count, Month, ReportTx, Span, day_number, day_of, scale, steps};
use crate::store::OrderSubject;

const COUNT: &str = "INSERT INTO day_count (office, day, what, month, n) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (office, day, what) DO UPDATE SET n = day_count.n + excluded.n";
const SPAN: &str = "INSERT INTO span_count (office, month, what, step, n) VALUES ($1, $2, $3, $4, 1) \
    ON CONFLICT (office, month, what, step) DO UPDATE SET n = span_count.n + 1";
const OF_CERTIFICATE: &str = "SELECT c.office, e.process, c.not_after FROM certificate c \
    JOIN enrolment_case e ON e.number = c.case_number WHERE c.issuer = $1 AND c.serial = $2";
const OF_CASE: &str = "SELECT office FROM enrolment_case WHERE number = $1";
const BEGAN: &str = "SELECT at FROM history WHERE subject = $1 AND act = $2 ORDER BY n DESC LIMIT 1";
const OFFICES: &str = "SELECT office FROM case_count UNION SELECT office FROM incident ORDER BY office";
const COUNTS: &str = "SELECT month, what, CAST(SUM(n) AS BIGINT) AS n FROM day_count \
    WHERE office = $1 AND day >= $2 AND day < $3 GROUP BY month, what";
const SPANS: &str = "SELECT month, what, step, n FROM span_count WHERE office = $1 AND month >= $2 AND month <= $3";
const ADD_ENTRY: &str = "INSERT INTO incident (office, n, kind, day, what, done, by_id, by_name, at) \
    SELECT $1, COALESCE(MAX(n), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM incident WHERE office = $1 RETURNING n";
const SETTLE_ENTRY: &str = "UPDATE incident SET done = $3 WHERE office = $1 AND n = $2 AND done IS NULL";
const COUNT_ENTRIES: &str = "SELECT kind, CAST(COUNT(*) AS BIGINT) AS n FROM incident \
    WHERE office = $1 AND day >= $2 AND day < $3 GROUP BY kind";
const ENTRIES: &str = "SELECT office, n, kind, day, what, done, by_id, by_name, at FROM incident \
    WHERE office = $1 AND day >= $2 AND day < $3 ORDER BY day DESC, n DESC LIMIT $4";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    COUNT,
    SPAN,
    OF_CERTIFICATE,
    OF_CASE,
    BEGAN,
    OFFICES,
    COUNTS,
    SPANS,
    ADD_ENTRY,
    SETTLE_ENTRY,
    COUNT_ENTRIES,
    ENTRIES,
];

const TABLE: &str = "incident";

row!(EntryRow {
    office: String,
    n: i64,
    kind: String,
    day: i64,
    what: String,
    done: Option<String>,
    by_id: String,
    by_name: String,
    at: i64,
});

impl TryFrom<EntryRow> for Entry {
    type Error = DatabaseError;

    fn try_from(row: EntryRow) -> Result<Self, DatabaseError> {
        let id = format!("{}/{}", row.office, row.n);
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| odd(TABLE, &id, "office"))?,
            n: row.n,
            kind: row.kind,
            day: day_of(row.day),
            what: row.what,
            done: row.done,
            by: who(TABLE, &id, &row.by_id, row.by_name)?,
            at: Timestamp::from_unix(row.at),
        })
    }
}

row!(CountRow { month: i64, what: String, n: i64 });

row!(SpanRow { month: i64, what: String, step: i64, n: i64 });

/// Counts a step as it is written into the history.
#[async_trait]
pub(super) trait Tally {
    /// Call after the step's line was written.
    async fn tally(&mut self, subject: &OrderSubject, step: &Step) -> Result<(), DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Tally for SqlTx {
        async fn tally(&mut self, subject: &OrderSubject, step: &Step) -> Result<(), DatabaseError> {
            let ends = steps::ends(step.act, step.from, step.to);
            let office = match subject {
                OrderSubject::Case(number) => {
                    if ends.is_none() {
                        return Ok(());
                    }
                    let office: Option<(String,)> =
                        sqlx::query_as(OF_CASE).bind(number.as_str()).fetch_optional(self.connection()).await?;
                    office.map(|(office,)| office)
                }
                OrderSubject::Certificate(issuer, serial) => {
                    let known: Option<(String, String, i64)> = sqlx::query_as(OF_CERTIFICATE)
                        .bind(issuer.as_str())
                        .bind(serial.to_string())
                        .fetch_optional(self.connection())
                        .await?;
                    let Some((office, process, not_after)) = known else { return Ok(()) };
                    let not_after = Timestamp::from_unix(not_after);
                    for (what, day, n) in steps::counted(step.act, step.from, step.to, &process, step.at, not_after) {
                        sqlx::query(COUNT)
                            .bind(&office)
                            .bind(day_number(day))
                            .bind(&what)
                            .bind(Month::of(day).number())
                            .bind(n)
                            .execute(self.connection())
                            .await?;
                    }
                    Some(office)
                }
                // Stock is counted where it is kept, and what a matter comes to with its certificate.
                OrderSubject::Token(_) | OrderSubject::Matter(_) => return Ok(()),
            };
            let (Some(office), Some((what, began))) = (office, ends) else { return Ok(()) };
            // The step of a case stands in its certificate's history too: it is counted once.
            if (what == steps::HOLD) != matches!(subject, OrderSubject::Certificate(..)) {
                return Ok(());
            }
            let began: Option<(i64,)> =
                sqlx::query_as(BEGAN).bind(subject.key()).bind(began).fetch_optional(self.connection()).await?;
            if let Some((began,)) = began {
                sqlx::query(SPAN)
                    .bind(&office)
                    .bind(Month::of(step.at.beijing_day()).number())
                    .bind(what)
                    .bind(scale::step(step.at.unix() - began))
                    .execute(self.connection())
                    .await?;
            }
            Ok(())
        }
    }

    #[async_trait]
    impl ReportTx for SqlTx {
        async fn counted_offices(&mut self) -> Result<Vec<OfficeId>, DatabaseError> {
            let rows: Vec<(String,)> = sqlx::query_as(OFFICES).fetch_all(self.connection()).await?;
            rows.iter().map(|(id,)| OfficeId::new(id).ok_or_else(|| odd("case_count", id, "office"))).collect()
        }

        async fn counts_of(
            &mut self,
            office: &OfficeId,
            from: BeijingDay,
            before: BeijingDay,
        ) -> Result<Vec<Count>, DatabaseError> {
            let rows: Vec<CountRow> = sqlx::query_as(COUNTS)
                .bind(office.as_str())
                .bind(day_number(from))
                .bind(day_number(before))
                .fetch_all(self.connection())
                .await?;
            let counts = rows.into_iter();
            Ok(counts.map(|row| Count { month: Month::from_number(row.month), what: row.what, n: row.n }).collect())
        }

        async fn spans_of(&mut self, office: &OfficeId, from: Month, to: Month) -> Result<Vec<Span>, DatabaseError> {
            let rows: Vec<SpanRow> = sqlx::query_as(SPANS)
                .bind(office.as_str())
                .bind(from.number())
                .bind(to.number())
                .fetch_all(self.connection())
                .await?;
            let spans = rows.into_iter().map(|row| Span {
                month: Month::from_number(row.month),
                what: row.what,
                step: row.step,
                n: row.n,
            });
            Ok(spans.collect())
        }

        async fn register(&mut self, entry: &NewEntry) -> Result<i64, DatabaseError> {
            let (n,): (i64,) = sqlx::query_as(ADD_ENTRY)
                .bind(entry.office.as_str())
                .bind(entry.kind)
                .bind(day_number(entry.day))
                .bind(&entry.what)
                .bind(entry.done.as_ref())
                .bind(entry.by.id.as_str())
                .bind(&entry.by.name)
                .bind(entry.at.unix())
                .fetch_one(self.connection())
                .await?;
            Ok(n)
        }

        async fn settle_entry(&mut self, office: &OfficeId, n: i64, done: &str) -> Result<bool, DatabaseError> {
            let query = sqlx::query(SETTLE_ENTRY).bind(office.as_str()).bind(n).bind(done);
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn count_entries(
            &mut self,
            office: &OfficeId,
            from: BeijingDay,
            before: BeijingDay,
        ) -> Result<Vec<(String, i64)>, DatabaseError> {
            let query = sqlx::query_as(COUNT_ENTRIES).bind(office.as_str()).bind(day_number(from));
            Ok(query.bind(day_number(before)).fetch_all(self.connection()).await?)
        }

        async fn entries_of(
            &mut self,
            office: &OfficeId,
            from: BeijingDay,
            before: BeijingDay,
            limit: i64,
        ) -> Result<Vec<Entry>, DatabaseError> {
            let rows: Vec<EntryRow> = sqlx::query_as(ENTRIES)
                .bind(office.as_str())
                .bind(day_number(from))
                .bind(day_number(before))
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
