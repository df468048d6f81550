//! Statuses and their feed.

use std::ops::Range;

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::direct::{self, DirectTx};
use super::expect_rows;
use super::many::Many;
use super::rows::{parse, serial};
use crate::domain::{CertificateStatus, IssuerId, Serial, StatusChange, Timestamp};
use crate::for_each_backend;
use crate::store::{ChangedStatus, Feed, StatusRecord, Statuses, StoreError, Unusable};

const STATUS: &str = "SELECT status, reason, since, not_after FROM certificate_status \
     WHERE issuer = $1 AND serial = $2";
const BETWEEN: &str = "SELECT serial, status, reason, since, not_after FROM certificate_status \
     WHERE issuer = $1 AND serial >= $2 AND serial <= $3 ORDER BY serial LIMIT $4";
const MOVE_HEAD: &str = "UPDATE feed SET head = $1 WHERE id = 1 AND head = $2";
static APPEND: Many =
    Many::rows("INSERT INTO status_log (seq, issuer, serial, status, reason, since, not_after, at, listed) VALUES", 9);
static ADD: Many =
    Many::rows("INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after) VALUES", 6);
const SET: &str = "INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after) \
     VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (issuer, serial) DO UPDATE SET status = excluded.status, reason = excluded.reason, \
     since = excluded.since";
const ADD_INVALIDITY: &str = "INSERT INTO invalidity (issuer, serial, since) VALUES ($1, $2, $3)";
// Beside a page of a list: few certificates have one.
const INVALIDITIES: &str = "SELECT serial, since FROM invalidity WHERE issuer = $1 AND serial > $2 AND serial <= $3";
const FEED: &str = "SELECT head, beat FROM feed WHERE id = 1";
const BEAT: &str = "UPDATE feed SET beat = $1 WHERE id = 1";
// Of a certificate that lists never told of, the first line is the last: not found by certificate, for there is no index
// of them, but all in one pass.
const LOG_FAULTS: &str = "SELECT s.issuer, s.serial FROM certificate_status s \
     LEFT JOIN status_log f ON f.issuer = s.issuer AND f.serial = s.serial AND NOT f.listed AND f.status = s.status \
     AND f.reason = s.reason AND f.since = s.since AND f.not_after = s.not_after WHERE NOT EXISTS \
     (SELECT 1 FROM status_log l WHERE l.issuer = s.issuer AND l.serial = s.serial AND l.status = s.status \
      AND l.reason = s.reason AND l.since = s.since AND l.not_after = s.not_after AND l.listed AND l.seq = \
      (SELECT max(m.seq) FROM status_log m WHERE m.issuer = s.issuer AND m.serial = s.serial AND m.listed)) \
     AND (f.seq IS NULL OR EXISTS (SELECT 1 FROM status_log m \
      WHERE m.issuer = s.issuer AND m.serial = s.serial AND m.listed)) \
     ORDER BY s.issuer, s.serial LIMIT 100";
// A page of rows as one text: a list may have a million, and a row costs sqlx more than reading it costs the engine.
const UNUSABLE: &str = "SELECT string_agg(line, ' ') FROM (SELECT \
     serial || ',' || status || ',' || reason || ',' || since AS line FROM certificate_status \
     WHERE issuer = $1 AND status <> 0 AND not_after >= $2 AND serial > $3 ORDER BY serial LIMIT $4) AS page";
const UNUSABLE_ROWS: &str = "SELECT serial, status, reason, since FROM certificate_status \
     WHERE issuer = $1 AND status <> 0 AND not_after >= $2 AND serial > $3 ORDER BY serial LIMIT $4";
const CHANGED_AFTER: &str = "SELECT seq FROM status_log WHERE issuer = $1 AND seq > $2 AND listed LIMIT 1";

/// `$seq` is how the lines are found: by their numbers when few are wanted, by serial number when all are.
macro_rules! changes {
    ($seq:literal) => {
        concat!(
            "SELECT l.serial, l.status, l.reason, l.since, l.at, l.seq, l.not_after, i.since FROM status_log l \
             LEFT JOIN invalidity i ON i.issuer = l.issuer AND i.serial = l.serial AND l.status = 2 WHERE \
             l.issuer = $1 AND ",
            $seq,
            " > $2 AND ",
            $seq,
            " <= $3 AND l.not_after >= $4 AND l.serial > $5 AND l.listed AND NOT EXISTS (SELECT 1 FROM status_log m \
             WHERE m.issuer = l.issuer AND m.serial = l.serial AND m.seq > l.seq AND m.seq <= $3 AND m.listed) \
             ORDER BY l.serial LIMIT $6"
        )
    };
}
const CHANGES: &str = changes!("l.seq");
const ALL_CHANGES: &str = changes!("+l.seq");
const CAN_CHANGE: &str = "SELECT 1 FROM certificate c LEFT JOIN certificate_status s \
     ON s.issuer = c.issuer AND s.serial = c.serial WHERE c.issuer = $1 AND c.not_after >= $2 \
     AND c.origin <> 'responder' AND (s.status IS NULL OR s.status <> 2) LIMIT 1";

pub(super) const STATEMENTS: &[&str] = &[
    STATUS,
    BETWEEN,
    MOVE_HEAD,
    SET,
    ADD_INVALIDITY,
    INVALIDITIES,
    FEED,
    BEAT,
    LOG_FAULTS,
    UNUSABLE,
    UNUSABLE_ROWS,
    CHANGED_AFTER,
    CHANGES,
    ALL_CHANGES,
    CAN_CHANGE,
];
pub(super) static OF_MANY: [&Many; 2] = [&APPEND, &ADD];

fn status(number: &str, codes: (i16, i16, i64)) -> Result<CertificateStatus, StoreError> {
    CertificateStatus::from_codes(codes.0, codes.1, codes.2)
        .ok_or_else(|| StoreError::odd("certificate_status", number, format!("{codes:?}")))
}

/// Reads a page of [`UNUSABLE`]: `serial,status,reason,since` for each, in the order of the serial numbers, which an
/// engine need not keep when it joins them.
fn unusable(page: &str) -> Result<Vec<Unusable>, StoreError> {
    let read = |line: &str| {
        let mut fields = line.split(',');
        let number = fields.next().unwrap_or_default();
        let mut code = || fields.next()?.parse::<i64>().ok();
        let codes = (|| Some((i16::try_from(code()?).ok()?, i16::try_from(code()?).ok()?, code()?)))();
        let codes = codes.ok_or_else(|| StoreError::odd("certificate_status", number, line))?;
        Ok(Unusable {
            serial: serial("certificate_status", number)?,
            status: status(number, codes)?,
            invalid_since: None,
        })
    };
    let mut page = page.split_ascii_whitespace().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    page.sort_by(|one, other| one.serial.cmp(&other.serial));
    Ok(page)
}

for_each_backend! { Transaction =>
    impl Transaction {
        async fn page_of_unusable(
            &mut self,
            issuer: &IssuerId,
            still_valid_at: Timestamp,
            after: &str,
            limit: i64,
        ) -> Result<Vec<Unusable>, StoreError> {
            let (page,): (Option<String>,) = sqlx::query_as(UNUSABLE)
                .bind(issuer.as_str())
                .bind(still_valid_at.unix())
                .bind(after)
                .bind(limit)
                .fetch_one(self.connection())
                .await?;
            unusable(&page.unwrap_or_default())
        }
    }
}

impl DirectTx {
    async fn page_of_unusable(
        &mut self,
        issuer: &IssuerId,
        still_valid_at: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Unusable>, StoreError> {
        let mut page = Vec::with_capacity(usize::try_from(limit).unwrap_or_default());
        let query = direct::query(UNUSABLE_ROWS).bind(issuer.as_str()).bind(still_valid_at.unix());
        let see = |row: &rusqlite::Row<'_>| {
            let number = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            let codes = (row.get(1)?, row.get(2)?, row.get(3)?);
            page.push(Unusable {
                serial: serial("certificate_status", number)?,
                status: status(number, codes)?,
                invalid_since: None,
            });
            Ok::<_, StoreError>(())
        };
        query.bind(after).bind(limit).each(self.connection(), see).await?;
        Ok(page)
    }
}

for_each_driver! { Transaction =>
    /// Moves the head of the feed over these changes, appends them to the log, and has those told who follow it. `first`:
    /// each is the first of its certificate; of such a line lists tell only when it is not "good".
    async fn log(
        tx: &mut Transaction,
        changes: &[StatusChange],
        at: Timestamp,
        first: bool,
    ) -> Result<(), StoreError> {
        let (Some(begin), Some(end)) = (changes.first(), changes.last()) else { return Ok(()) };
        let moved = sqlx::query(MOVE_HEAD).bind(end.seq).bind(begin.seq - 1).execute(tx.connection()).await?;
        if moved.rows_affected() != 1 {
            return Err(StoreError::Contended);
        }
        for (statement, changes) in APPEND.pieces(changes, Transaction::MOST_ROWS) {
            let mut query = sqlx::query(statement);
            for change in changes {
                query = query
                    .bind(change.seq)
                    .bind(change.issuer.as_str())
                    .bind(change.serial.to_string())
                    .bind(change.status.code())
                    .bind(change.status.reason_code())
                    .bind(change.status.since_unix())
                    .bind(change.not_after.unix())
                    .bind(at.unix())
                    .bind(!first || change.status != CertificateStatus::Good);
            }
            let done = query.execute(tx.connection()).await?;
            expect_rows(statement, done.rows_affected(), changes.len() as u64)?;
        }
        if let Some(tell) = Transaction::TELL {
            sqlx::query(tell).execute(tx.connection()).await?;
        }
        Ok(())
    }

    #[async_trait]
    impl Statuses for Transaction {
        async fn status(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<StatusRecord>, StoreError> {
            let row: Option<(i16, i16, i64, i64)> = sqlx::query_as(STATUS)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .fetch_optional(self.connection())
                .await?;
            row.map(|(code, reason, since, not_after)| {
                Ok(StatusRecord {
                    status: status(&serial.to_string(), (code, reason, since))?,
                    not_after: Timestamp::from_unix(not_after),
                })
            })
            .transpose()
        }

        async fn statuses_between(
            &mut self,
            issuer: &IssuerId,
            first: &Serial,
            last: &Serial,
            limit: i64,
        ) -> Result<Vec<(Serial, StatusRecord)>, StoreError> {
            let rows: Vec<(String, i16, i16, i64, i64)> = sqlx::query_as(BETWEEN)
                .bind(issuer.as_str())
                .bind(first.to_string())
                .bind(last.to_string())
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter()
                .map(|(number, code, reason, since, not_after)| {
                    let status = status(&number, (code, reason, since))?;
                    let record = StatusRecord { status, not_after: Timestamp::from_unix(not_after) };
                    Ok((serial("certificate_status", &number)?, record))
                })
                .collect()
        }

        async fn add_statuses(&mut self, changes: &[StatusChange], at: Timestamp) -> Result<(), StoreError> {
            log(self, changes, at, true).await?;
            for (statement, changes) in ADD.pieces(changes, Transaction::MOST_ROWS) {
                let mut query = sqlx::query(statement);
                for change in changes {
                    query = query
                        .bind(change.issuer.as_str())
                        .bind(change.serial.to_string())
                        .bind(change.status.code())
                        .bind(change.status.reason_code())
                        .bind(change.status.since_unix())
                        .bind(change.not_after.unix());
                }
                let done = query.execute(self.connection()).await?;
                expect_rows(statement, done.rows_affected(), changes.len() as u64)?;
            }
            Ok(())
        }

        async fn set_status(&mut self, change: &StatusChange, at: Timestamp) -> Result<(), StoreError> {
            let first = self.status(&change.issuer, &change.serial).await?.is_none();
            log(self, std::slice::from_ref(change), at, first).await?;
            let done = sqlx::query(SET)
                .bind(change.issuer.as_str())
                .bind(change.serial.to_string())
                .bind(change.status.code())
                .bind(change.status.reason_code())
                .bind(change.status.since_unix())
                .bind(change.not_after.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(SET, done.rows_affected(), 1)?)
        }

        async fn add_invalidity(
            &mut self,
            issuer: &IssuerId,
            serial: &Serial,
            since: Timestamp,
        ) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_INVALIDITY)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .bind(since.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_INVALIDITY, done.rows_affected(), 1)?)
        }

        async fn feed(&mut self) -> Result<Feed, StoreError> {
            let (head, beat): (i64, i64) = sqlx::query_as(FEED).fetch_one(self.connection()).await?;
            Ok(Feed { head, beat: Timestamp::from_unix(beat) })
        }

        async fn beat(&mut self, now: Timestamp) -> Result<(), StoreError> {
            let done = sqlx::query(BEAT).bind(now.unix()).execute(self.connection()).await?;
            Ok(expect_rows(BEAT, done.rows_affected(), 1)?)
        }

        async fn log_faults(&mut self) -> Result<Vec<(IssuerId, Serial)>, StoreError> {
            let rows: Vec<(String, String)> = sqlx::query_as(LOG_FAULTS).fetch_all(self.connection()).await?;
            rows.into_iter()
                .map(|(issuer, number)| {
                    Ok((parse("certificate_status", &number, issuer)?, serial("certificate_status", &number)?))
                })
                .collect()
        }

        async fn unusable(
            &mut self,
            issuer: &IssuerId,
            still_valid_at: Timestamp,
            after: &str,
            limit: i64,
        ) -> Result<Vec<Unusable>, StoreError> {
            let mut page = self.page_of_unusable(issuer, still_valid_at, after, limit).await?;
            let Some(last) = page.last() else { return Ok(page) };
            let dates: Vec<(String, i64)> = sqlx::query_as(INVALIDITIES)
                .bind(issuer.as_str())
                .bind(after)
                .bind(last.serial.to_string())
                .fetch_all(self.connection())
                .await?;
            for (number, since) in dates {
                let number = serial("invalidity", &number)?;
                if let Ok(at) = page.binary_search_by(|line| line.serial.cmp(&number)) {
                    page[at].invalid_since = Some(Timestamp::from_unix(since));
                }
            }
            Ok(page)
        }

        async fn crl_changed_after(&mut self, issuer: &IssuerId, seq: i64) -> Result<bool, StoreError> {
            let row: Option<(i64,)> = sqlx::query_as(CHANGED_AFTER)
                .bind(issuer.as_str())
                .bind(seq)
                .fetch_optional(self.connection())
                .await?;
            Ok(row.is_some())
        }

        async fn changed_between(
            &mut self,
            issuer: &IssuerId,
            seqs: Range<i64>,
            still_valid_at: Timestamp,
            after: &str,
            limit: i64,
        ) -> Result<Vec<ChangedStatus>, StoreError> {
            let statement = if seqs.start == 0 { ALL_CHANGES } else { CHANGES };
            let rows: Vec<(String, i16, i16, i64, i64, i64, i64, Option<i64>)> = sqlx::query_as(statement)
                .bind(issuer.as_str())
                .bind(seqs.start)
                .bind(seqs.end)
                .bind(still_valid_at.unix())
                .bind(after)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter()
                .map(|(number, code, reason, since, changed, seq, not_after, invalid_since)| {
                    Ok(ChangedStatus {
                        serial: serial("status_log", &number)?,
                        status: status(&number, (code, reason, since))?,
                        changed: Timestamp::from_unix(changed),
                        seq,
                        not_after: Timestamp::from_unix(not_after),
                        invalid_since: invalid_since.map(Timestamp::from_unix),
                    })
                })
                .collect()
        }

        async fn can_still_change(&mut self, issuer: &IssuerId, now: Timestamp) -> Result<bool, StoreError> {
            let row: Option<(i32,)> = sqlx::query_as(CAN_CHANGE)
                .bind(issuer.as_str())
                .bind(now.unix())
                .fetch_optional(self.connection())
                .await?;
            Ok(row.is_some())
        }
    }
}
