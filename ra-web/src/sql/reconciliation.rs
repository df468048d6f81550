//! What the provider of online payment settled, and differences.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::payment::difference::{Difference, DifferenceState, Kind};
use crate::payment::fen::Fen;
use crate::payment::gateway::{Settlement, SettlementKind};
use crate::payment::store::Reconciliation;

const ADD: &str = "INSERT INTO settlement (id, kind, reference, presented, presented_currency, gross, fee, net, currency, at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
const SINCE: &str = "SELECT id, kind, reference, presented, presented_currency, gross, fee, net, currency, at FROM settlement \
    WHERE at >= $1 ORDER BY at, id LIMIT $2";
const FIRST: &str = "SELECT id FROM settlement WHERE reference = $1 AND kind = $2 ORDER BY at, id LIMIT 1";
const SENT: &str = "SELECT number FROM bank_line WHERE reference = $1 AND state = 'returned' LIMIT 1";
const PAID_OUT: &str = "SELECT number FROM refund WHERE reference = $1 AND method = 'wire' LIMIT 1";
const SEE: &str = "INSERT INTO difference (id, office, kind, subject, bill, ours, theirs, note, state, found, seen) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $9) ON CONFLICT (id) DO NOTHING";
const SEE_AGAIN: &str = "UPDATE difference SET seen = $2, state = CASE WHEN state = 'gone' THEN 'open' ELSE state END \
    WHERE id = $1";
const FORGET: &str = "UPDATE difference SET state = 'gone' WHERE office = $1 AND state = 'open' AND seen < $2";
const FIND: &str = "SELECT id, office, kind, subject, bill, ours, theirs, note, state, found, why, by_id, by_name, at \
    FROM difference WHERE id = $1";
const IN_STATE: &str = "SELECT id, office, kind, subject, bill, ours, theirs, note, state, found, why, by_id, by_name, at \
    FROM difference WHERE office = $1 AND state = $2 ORDER BY found, id LIMIT $3";
const EXPLAIN: &str = "UPDATE difference SET state = 'explained', why = $2, by_id = $3, by_name = $4, at = $5 \
    WHERE id = $1 AND state = 'open'";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[ADD, SINCE, FIRST, SENT, PAID_OUT, SEE, SEE_AGAIN, FORGET, FIND, IN_STATE, EXPLAIN];

row!(SettlementRow {
    id: String,
    kind: String,
    reference: Option<String>,
    presented: Option<i64>,
    presented_currency: Option<String>,
    gross: i64,
    fee: i64,
    net: i64,
    currency: String,
    at: i64,
});

impl TryFrom<SettlementRow> for Settlement {
    type Error = DatabaseError;

    fn try_from(row: SettlementRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            kind: SettlementKind::from_word(&row.kind).ok_or_else(|| odd("settlement", &row.id, "kind"))?,
            reference: row.reference,
            presented: row.presented.map(Fen::new).zip(row.presented_currency),
            gross: Fen::new(row.gross),
            fee: Fen::new(row.fee),
            net: Fen::new(row.net),
            currency: row.currency,
            at: Timestamp::from_unix(row.at),
            id: row.id,
        })
    }
}

row!(DifferenceRow {
    id: String,
    office: String,
    kind: String,
    subject: String,
    bill: Option<String>,
    ours: Option<i64>,
    theirs: Option<i64>,
    note: String,
    state: String,
    found: i64,
    why: Option<String>,
    by_id: Option<String>,
    by_name: Option<String>,
    at: Option<i64>,
});

impl TryFrom<DifferenceRow> for Difference {
    type Error = DatabaseError;

    fn try_from(row: DifferenceRow) -> Result<Self, DatabaseError> {
        let wrong = |what: &str| odd("difference", &row.id, what);
        let state = match (row.state.as_str(), row.why, row.by_id, row.by_name, row.at) {
            ("open", ..) => DifferenceState::Open,
            ("gone", ..) => DifferenceState::Gone,
            ("explained", Some(why), Some(id), Some(name), Some(at)) => DifferenceState::Explained {
                by: who("difference", &row.id, &id, name)?,
                at: Timestamp::from_unix(at),
                why,
            },
            _ => return Err(wrong("its state lacks its facts")),
        };
        Ok(Self {
            kind: Kind::from_word(&row.kind).ok_or_else(|| wrong("kind"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| wrong("office"))?,
            bill: row.bill.map(|text| text.parse()).transpose().map_err(|()| wrong("bill"))?,
            subject: row.subject,
            ours: row.ours.map(Fen::new),
            theirs: row.theirs.map(Fen::new),
            note: row.note,
            state,
            found: Timestamp::from_unix(row.found),
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Reconciliation for SqlTx {
        async fn add_settlement(&mut self, settled: &Settlement) -> Result<bool, DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(&settled.id)
                .bind(settled.kind.word())
                .bind(settled.reference.as_deref())
                .bind(settled.presented.as_ref().map(|(sum, _)| sum.fen()))
                .bind(settled.presented.as_ref().map(|(_, currency)| currency.as_str()))
                .bind(settled.gross.fen())
                .bind(settled.fee.fen())
                .bind(settled.net.fen())
                .bind(&settled.currency)
                .bind(settled.at.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn settlements(&mut self, since: Timestamp, limit: i64) -> Result<Vec<Settlement>, DatabaseError> {
            let rows: Vec<SettlementRow> =
                sqlx::query_as(SINCE).bind(since.unix()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn first_settlement(
            &mut self,
            reference: &str,
            kind: SettlementKind,
        ) -> Result<Option<String>, DatabaseError> {
            let row: Option<(String,)> =
                sqlx::query_as(FIRST).bind(reference).bind(kind.word()).fetch_optional(self.connection()).await?;
            Ok(row.map(|(id,)| id))
        }

        async fn sent_under(&mut self, reference: &str) -> Result<bool, DatabaseError> {
            for statement in [SENT, PAID_OUT] {
                let row: Option<(String,)> =
                    sqlx::query_as(statement).bind(reference).fetch_optional(self.connection()).await?;
                if row.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        }

        async fn see_difference(&mut self, difference: &Difference, now: Timestamp) -> Result<bool, DatabaseError> {
            let id = difference.id();
            let done = sqlx::query(SEE)
                .bind(&id)
                .bind(difference.office.as_str())
                .bind(difference.kind.word())
                .bind(&difference.subject)
                .bind(difference.bill.as_ref().map(crate::payment::bill::BillNumber::as_str))
                .bind(difference.ours.map(Fen::fen))
                .bind(difference.theirs.map(Fen::fen))
                .bind(&difference.note)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            if done.rows_affected() == 1 {
                return Ok(true);
            }
            sqlx::query(SEE_AGAIN).bind(&id).bind(now.unix()).execute(self.connection()).await?;
            Ok(false)
        }

        async fn forget_differences(&mut self, office: &OfficeId, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(FORGET).bind(office.as_str()).bind(now.unix()).execute(self.connection()).await?;
            Ok(())
        }

        async fn difference(&mut self, id: &str) -> Result<Option<Difference>, DatabaseError> {
            let row: Option<DifferenceRow> =
                sqlx::query_as(FIND).bind(id).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn differences_in(
            &mut self,
            office: &OfficeId,
            state: &'static str,
            limit: i64,
        ) -> Result<Vec<Difference>, DatabaseError> {
            let query = sqlx::query_as(IN_STATE).bind(office.as_str()).bind(state).bind(limit);
            let rows: Vec<DifferenceRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn put_difference(&mut self, difference: &Difference) -> Result<(), DatabaseError> {
            let DifferenceState::Explained { by, at, why } = &difference.state else { return Ok(()) };
            let done = sqlx::query(EXPLAIN)
                .bind(difference.id())
                .bind(why)
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(EXPLAIN, done.rows_affected(), 1)
        }
    }
}
