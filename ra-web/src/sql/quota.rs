//! Quota invoices: runs, papers, wishes, allotments, and the log of papers.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::bills::BillRow;
use super::row::{odd, row, who};
use crate::enrolment::case::Who;
use crate::invoice::quota::allotment::{Allotment, AllotmentState, Ended, Sending};
use crate::invoice::quota::paper::{Code, Paper, Place, Range, Run};
use crate::invoice::quota::store::{Kept, Logged, QuotaInvoices};
use crate::invoice::quota::wish::Wish;
use crate::payment::bill::{Bill, BillNumber};
use crate::payment::fen::Fen;
use crate::payment::store::Bills as _;

const ADD_RUN: &str = "INSERT INTO quota_run (code, first, last, worth, office, by_id, by_name, at, stock, allotted, sent, void) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0)";
const ADD_PAPER: &str = "INSERT INTO quota_paper (code, number, first, office, worth, state) \
    VALUES ($1, $2, $3, $4, $5, 'stock')";
const RUNS: &str = "SELECT code, first, last, worth, by_id, by_name, at, stock, allotted, sent, void FROM quota_run \
    WHERE office = $1 ORDER BY at DESC, code DESC, first DESC LIMIT $2";
const LOWEST_OF: &str = "SELECT number FROM quota_paper WHERE office = $1 AND worth = $2 AND code = $3 AND number >= $4 \
    AND number <= $5 AND state = 'stock' ORDER BY number LIMIT 1";
const HIGHEST_OF: &str = "SELECT number FROM quota_paper WHERE office = $1 AND worth = $2 AND code = $3 AND number >= $4 \
    AND number <= $5 AND state = 'stock' ORDER BY number DESC LIMIT 1";
const IN_STOCK: &str = "SELECT worth, stock FROM quota_run WHERE office = $1 AND stock > 0 ORDER BY worth LIMIT 1000";
const LOWEST: &str = "SELECT code, number FROM quota_paper WHERE office = $1 AND worth = $2 AND state = 'stock' \
    ORDER BY code, number LIMIT $3";
const MOVE: &str = "UPDATE quota_paper SET state = $5, bill = $6 WHERE code = $1 AND number = $2 AND office = $3 AND state = $4 \
    RETURNING first";
const COUNT: &str = "UPDATE quota_run SET stock = stock + $3, allotted = allotted + $4, sent = sent + $5, void = void + $6 \
    WHERE code = $1 AND first = $2";
const COUNT_STOCK: &str = "SELECT count(*) FROM quota_paper WHERE code = $1 AND number >= $2 AND number <= $3 AND office = $4 \
    AND state = 'stock'";
const ADD_LOG: &str = "INSERT INTO quota_log (office, n, act, code, first, last, bill, by_id, by_name, at, note) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const LOG: &str = "SELECT n, act, code, first, last, bill, by_id, by_name, at, note FROM quota_log WHERE office = $1 \
    ORDER BY n DESC LIMIT $2";
const PUT_WISH: &str = "INSERT INTO quota_wish (bill, delivery, by_id, by_name, at) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (bill) DO UPDATE SET delivery = excluded.delivery, by_id = excluded.by_id, by_name = excluded.by_name, \
    at = excluded.at";
const DROP_WISH: &str = "DELETE FROM quota_wish WHERE bill = $1";
const WISH: &str = "SELECT delivery, by_id, by_name, at FROM quota_wish WHERE bill = $1";
const WISHED: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE office = $1 AND invoice_due IS NOT NULL \
    AND (SELECT count(*) FROM quota_wish w WHERE w.bill = bill.number) = 1 \
    AND (SELECT count(*) FROM quota_allotment a WHERE a.bill = bill.number AND (a.state = 'allotted' OR a.state = 'sent')) = 0 \
    ORDER BY invoice_due LIMIT $2";
const ADD_ALLOTMENT: &str = "INSERT INTO quota_allotment (bill, n, office, amount, papers, by_id, by_name, at, state, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)";
const PUT_ALLOTMENT: &str = "UPDATE quota_allotment SET state = $4, waybill = $5, sent_id = $6, sent_name = $7, sent_at = $8, \
    end_id = $9, end_name = $10, end_at = $11, end_why = $12, version = version + 1 WHERE bill = $1 AND n = $2 AND version = $3";
const OF_BILL: &str = "SELECT bill, n, office, amount, papers, by_id, by_name, at, state, waybill, sent_id, sent_name, sent_at, \
    end_id, end_name, end_at, end_why, version FROM quota_allotment WHERE bill = $1 ORDER BY n DESC LIMIT 20";
const TO_SEND: &str = "SELECT bill, n, office, amount, papers, by_id, by_name, at, state, waybill, sent_id, sent_name, sent_at, \
    end_id, end_name, end_at, end_why, version FROM quota_allotment WHERE office = $1 AND state = 'allotted' ORDER BY at LIMIT $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD_RUN,
    ADD_PAPER,
    RUNS,
    LOWEST_OF,
    HIGHEST_OF,
    IN_STOCK,
    LOWEST,
    MOVE,
    COUNT,
    COUNT_STOCK,
    ADD_LOG,
    LOG,
    PUT_WISH,
    DROP_WISH,
    WISH,
    WISHED,
    ADD_ALLOTMENT,
    PUT_ALLOTMENT,
    OF_BILL,
    TO_SEND,
];

fn number(table: &'static str, id: &str, number: i64) -> Result<u32, DatabaseError> {
    u32::try_from(number).map_err(|_| odd(table, id, "number"))
}

fn code(table: &'static str, text: &str) -> Result<Code, DatabaseError> {
    text.parse().map_err(|()| odd(table, text, "code"))
}

row!(RunRow {
    code: String,
    first: i64,
    last: i64,
    worth: i64,
    by_id: String,
    by_name: String,
    at: i64,
    stock: i64,
    allotted: i64,
    sent: i64,
    void: i64,
});

impl TryFrom<RunRow> for Kept {
    type Error = DatabaseError;

    fn try_from(row: RunRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "quota_run";
        let range = Range {
            code: code(TABLE, &row.code)?,
            first: number(TABLE, &row.code, row.first)?,
            last: number(TABLE, &row.code, row.last)?,
        };
        Ok(Self {
            run: Run { range, worth: Fen::new(row.worth) },
            by: who(TABLE, &row.code, &row.by_id, row.by_name)?,
            at: Timestamp::from_unix(row.at),
            counts: [row.stock, row.allotted, row.sent, row.void],
            ends: None,
        })
    }
}

row!(LogRow {
    n: i64,
    act: String,
    code: String,
    first: i64,
    last: i64,
    bill: Option<String>,
    by_id: String,
    by_name: String,
    at: i64,
    note: String,
});

impl TryFrom<LogRow> for Logged {
    type Error = DatabaseError;

    fn try_from(row: LogRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "quota_log";
        let id = row.n.to_string();
        let bill = row.bill.map(|bill| bill.parse().map_err(|()| odd(TABLE, &id, "bill"))).transpose()?;
        let range = Range {
            code: code(TABLE, &row.code)?,
            first: number(TABLE, &id, row.first)?,
            last: number(TABLE, &id, row.last)?,
        };
        Ok(Self {
            range,
            bill,
            by: who(TABLE, &id, &row.by_id, row.by_name)?,
            at: Timestamp::from_unix(row.at),
            act: row.act,
            note: row.note,
        })
    }
}

row!(AllotmentRow {
    bill: String,
    n: i64,
    office: String,
    amount: i64,
    papers: String,
    by_id: String,
    by_name: String,
    at: i64,
    state: String,
    waybill: Option<String>,
    sent_id: Option<String>,
    sent_name: Option<String>,
    sent_at: Option<i64>,
    end_id: Option<String>,
    end_name: Option<String>,
    end_at: Option<i64>,
    end_why: Option<String>,
    version: i64,
});

impl TryFrom<AllotmentRow> for Allotment {
    type Error = DatabaseError;

    fn try_from(row: AllotmentRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "quota_allotment";
        let fault = |what: &str| odd(TABLE, &row.bill, what);
        let sending = match (row.waybill, row.sent_id, row.sent_name, row.sent_at) {
            (Some(waybill), Some(id), Some(name), Some(at)) => {
                Some(Sending { waybill, by: who(TABLE, &row.bill, &id, name)?, at: Timestamp::from_unix(at) })
            }
            _ => None,
        };
        let ended = match (row.end_id, row.end_name, row.end_at, row.end_why) {
            (Some(id), Some(name), Some(at), Some(why)) => {
                Some(Ended { by: who(TABLE, &row.bill, &id, name)?, at: Timestamp::from_unix(at), why })
            }
            _ => None,
        };
        let state = match (row.state.as_str(), sending, ended) {
            ("allotted", None, None) => AllotmentState::Allotted,
            ("sent", Some(sending), None) => AllotmentState::Sent(sending),
            ("released", None, Some(ended)) => AllotmentState::Released(ended),
            ("returned", Some(sending), Some(ended)) => AllotmentState::Returned(sending, ended),
            _ => return Err(fault("its state lacks its facts")),
        };
        let papers = row.papers.split(' ').map(|paper| paper.parse::<Paper>().map_err(|()| fault("papers")));
        Ok(Self {
            n: row.n,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            amount: Fen::new(row.amount),
            papers: papers.collect::<Result<_, _>>()?,
            by: who(TABLE, &row.bill, &row.by_id, row.by_name)?,
            at: Timestamp::from_unix(row.at),
            state,
            version: row.version,
            bill: row.bill.parse().map_err(|()| odd(TABLE, &row.bill, "bill"))?,
        })
    }
}

/// What a move changes in the counts of a run, in the order of [`Place::ALL`].
fn moved(from: Place, to: Place) -> [i64; 4] {
    Place::ALL.map(|place| i64::from(place == to) - i64::from(place == from))
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl QuotaInvoices for SqlTx {
        async fn add_run(
            &mut self,
            office: &OfficeId,
            run: &Run,
            by: &Who,
            now: Timestamp,
        ) -> Result<(), DatabaseError> {
            let Run { range, worth } = run;
            let done = sqlx::query(ADD_RUN)
                .bind(range.code.as_str())
                .bind(i64::from(range.first))
                .bind(i64::from(range.last))
                .bind(worth.fen())
                .bind(office.as_str())
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(now.unix())
                .bind(i64::from(range.count()))
                .execute(self.connection())
                .await?;
            expect_rows(ADD_RUN, done.rows_affected(), 1)?;
            for paper in range.papers() {
                let done = sqlx::query(ADD_PAPER)
                    .bind(paper.code.as_str())
                    .bind(i64::from(paper.number))
                    .bind(i64::from(range.first))
                    .bind(office.as_str())
                    .bind(worth.fen())
                    .execute(self.connection())
                    .await?;
                expect_rows(ADD_PAPER, done.rows_affected(), 1)?;
            }
            Ok(())
        }

        async fn runs(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Kept>, DatabaseError> {
            let rows: Vec<RunRow> =
                sqlx::query_as(RUNS).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            let mut runs = Vec::with_capacity(rows.len());
            for row in rows {
                let mut kept = Kept::try_from(row)?;
                let Run { range, worth } = &kept.run;
                let mut ends = [None, None];
                for (end, statement) in ends.iter_mut().zip([LOWEST_OF, HIGHEST_OF]) {
                    let found: Option<(i64,)> = sqlx::query_as(statement)
                        .bind(office.as_str())
                        .bind(worth.fen())
                        .bind(range.code.as_str())
                        .bind(i64::from(range.first))
                        .bind(i64::from(range.last))
                        .fetch_optional(self.connection())
                        .await?;
                    *end = found.map(|(end,)| number("quota_paper", range.code.as_str(), end)).transpose()?;
                }
                kept.ends = ends[0].zip(ends[1]);
                runs.push(kept);
            }
            Ok(runs)
        }

        async fn in_stock(&mut self, office: &OfficeId) -> Result<Vec<(Fen, i64)>, DatabaseError> {
            let rows: Vec<(i64, i64)> =
                sqlx::query_as(IN_STOCK).bind(office.as_str()).fetch_all(self.connection()).await?;
            let mut sums: Vec<(Fen, i64)> = Vec::new();
            for (worth, count) in rows {
                match sums.last_mut() {
                    Some((known, sum)) if known.fen() == worth => *sum += count,
                    _ => sums.push((Fen::new(worth), count)),
                }
            }
            Ok(sums)
        }

        async fn lowest(&mut self, office: &OfficeId, worth: Fen, limit: i64) -> Result<Vec<Paper>, DatabaseError> {
            let rows: Vec<(String, i64)> = sqlx::query_as(LOWEST)
                .bind(office.as_str())
                .bind(worth.fen())
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            let paper = |(text, n): (String, i64)| {
                Ok(Paper { number: number("quota_paper", &text, n)?, code: code("quota_paper", &text)? })
            };
            rows.into_iter().map(paper).collect()
        }

        async fn move_paper(
            &mut self,
            office: &OfficeId,
            paper: &Paper,
            from: Place,
            to: Place,
            bill: Option<&BillNumber>,
        ) -> Result<(), DatabaseError> {
            let first: Option<(i64,)> = sqlx::query_as(MOVE)
                .bind(paper.code.as_str())
                .bind(i64::from(paper.number))
                .bind(office.as_str())
                .bind(from.word())
                .bind(to.word())
                .bind(bill.map(BillNumber::as_str))
                .fetch_optional(self.connection())
                .await?;
            expect_rows(MOVE, u64::from(first.is_some()), 1)?;
            let [stock, allotted, sent, void] = moved(from, to);
            let done = sqlx::query(COUNT)
                .bind(paper.code.as_str())
                .bind(first.map(|(first,)| first))
                .bind(stock)
                .bind(allotted)
                .bind(sent)
                .bind(void)
                .execute(self.connection())
                .await?;
            expect_rows(COUNT, done.rows_affected(), 1)
        }

        async fn count_in_stock(&mut self, office: &OfficeId, range: &Range) -> Result<i64, DatabaseError> {
            let (count,): (i64,) = sqlx::query_as(COUNT_STOCK)
                .bind(range.code.as_str())
                .bind(i64::from(range.first))
                .bind(i64::from(range.last))
                .bind(office.as_str())
                .fetch_one(self.connection())
                .await?;
            Ok(count)
        }

        async fn log_papers(&mut self, office: &OfficeId, line: &Logged) -> Result<(), DatabaseError> {
            let n = self.next_in_series(&format!("quota-log/{office}")).await?;
            let done = sqlx::query(ADD_LOG)
                .bind(office.as_str())
                .bind(n)
                .bind(&line.act)
                .bind(line.range.code.as_str())
                .bind(i64::from(line.range.first))
                .bind(i64::from(line.range.last))
                .bind(line.bill.as_ref().map(BillNumber::as_str))
                .bind(line.by.id.as_str())
                .bind(&line.by.name)
                .bind(line.at.unix())
                .bind(&line.note)
                .execute(self.connection())
                .await?;
            expect_rows(ADD_LOG, done.rows_affected(), 1)
        }

        async fn papers_log(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Logged>, DatabaseError> {
            let rows: Vec<LogRow> =
                sqlx::query_as(LOG).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn put_wish(&mut self, bill: &BillNumber, wish: &Wish) -> Result<(), DatabaseError> {
            let delivery = serde_json::to_string(&wish.delivery)
                .map_err(|error| odd("quota_wish", bill.as_str(), &error.to_string()))?;
            let done = sqlx::query(PUT_WISH)
                .bind(bill.as_str())
                .bind(delivery)
                .bind(wish.by.id.as_str())
                .bind(&wish.by.name)
                .bind(wish.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT_WISH, done.rows_affected(), 1)
        }

        async fn drop_wish(&mut self, bill: &BillNumber) -> Result<(), DatabaseError> {
            sqlx::query(DROP_WISH).bind(bill.as_str()).execute(self.connection()).await?;
            Ok(())
        }

        async fn wish(&mut self, bill: &BillNumber) -> Result<Option<Wish>, DatabaseError> {
            let row: Option<(String, String, String, i64)> =
                sqlx::query_as(WISH).bind(bill.as_str()).fetch_optional(self.connection()).await?;
            let read = |(delivery, id, name, at): (String, String, String, i64)| {
                const TABLE: &str = "quota_wish";
                Ok(Wish {
                    delivery: serde_json::from_str(&delivery).map_err(|_| odd(TABLE, bill.as_str(), "delivery"))?,
                    by: who(TABLE, bill.as_str(), &id, name)?,
                    at: Timestamp::from_unix(at),
                })
            };
            row.map(read).transpose()
        }

        async fn wished(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Bill>, DatabaseError> {
            let rows: Vec<BillRow> =
                sqlx::query_as(WISHED).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_allotment(&mut self, allotment: &Allotment) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_ALLOTMENT)
                .bind(allotment.bill.as_str())
                .bind(allotment.n)
                .bind(allotment.office.as_str())
                .bind(allotment.amount.fen())
                .bind(allotment.numbers())
                .bind(allotment.by.id.as_str())
                .bind(&allotment.by.name)
                .bind(allotment.at.unix())
                .bind(allotment.state.word())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_ALLOTMENT, done.rows_affected(), 1)
        }

        async fn put_allotment(&mut self, allotment: &Allotment) -> Result<(), DatabaseError> {
            let (sending, ended) = match &allotment.state {
                AllotmentState::Allotted => (None, None),
                AllotmentState::Sent(sending) => (Some(sending), None),
                AllotmentState::Released(ended) => (None, Some(ended)),
                AllotmentState::Returned(sending, ended) => (Some(sending), Some(ended)),
            };
            let done = sqlx::query(PUT_ALLOTMENT)
                .bind(allotment.bill.as_str())
                .bind(allotment.n)
                .bind(allotment.version)
                .bind(allotment.state.word())
                .bind(sending.map(|sending| &sending.waybill))
                .bind(sending.map(|sending| sending.by.id.as_str()))
                .bind(sending.map(|sending| &sending.by.name))
                .bind(sending.map(|sending| sending.at.unix()))
                .bind(ended.map(|ended| ended.by.id.as_str()))
                .bind(ended.map(|ended| &ended.by.name))
                .bind(ended.map(|ended| ended.at.unix()))
                .bind(ended.map(|ended| &ended.why))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_ALLOTMENT, done.rows_affected(), 1)
        }

        async fn allotments(&mut self, bill: &BillNumber) -> Result<Vec<Allotment>, DatabaseError> {
            let rows: Vec<AllotmentRow> =
                sqlx::query_as(OF_BILL).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn to_send(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Allotment>, DatabaseError> {
            let rows: Vec<AllotmentRow> =
                sqlx::query_as(TO_SEND).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
