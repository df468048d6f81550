//! The clerks' drawers, and what moved in them.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, OfficerId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::payments::PaymentRow;
use super::refunds::RefundRow;
use super::row::{odd, row, who};
use crate::enrolment::case::Who;
use crate::enrolment::form::day;
use crate::payment::drawer::{Count, Drawer, DrawerState};
use crate::payment::fen::Fen;
use crate::payment::refund::Refund;
use crate::payment::store::Drawers;
use crate::payment::taking::{Method, Payment};

const DRAWER: &str = "SELECT office, clerk_id, day, clerk_name, state, book, counted, note, filed_at, confirmed_id, \
    confirmed_name, confirmed_at, returned, returned_id, \
    returned_name, returned_at FROM drawer WHERE office = $1 AND clerk_id = $2 AND day = $3";
const OPEN: &str = "INSERT INTO drawer (office, clerk_id, clerk_name, day, state, moves) VALUES ($1, $2, $3, $4, 'open', 0) \
    ON CONFLICT (office, clerk_id, day) DO NOTHING";
const USE: &str =
    "UPDATE drawer SET moves = moves + 1 WHERE office = $1 AND clerk_id = $2 AND day = $3 AND state = 'open'";
const PUT_DRAWER: &str = "UPDATE drawer SET state = $5, book = $6, counted = $7, note = $8, filed_at = $9, \
    confirmed_id = $10, confirmed_name = $11, confirmed_at = $12, returned = $13, returned_id = $14, returned_name = $15, \
    returned_at = $16 \
    WHERE office = $1 AND clerk_id = $2 AND day = $3 AND state = $4";
// CAST: PostgreSQL adds BIGINT up to NUMERIC.
const CAME: &str = "SELECT method, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount FROM payment \
    WHERE office = $1 AND clerk_id = $2 AND day = $3 AND void_reason IS NULL GROUP BY method";
const WENT: &str = "SELECT method, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount FROM refund \
    WHERE office = $1 AND paid_id = $2 AND paid_day = $3 GROUP BY method";
const WAITING_DRAWERS: &str = "SELECT office, clerk_id, day, clerk_name, state, book, counted, note, filed_at, \
    confirmed_id, confirmed_name, confirmed_at, returned, returned_id, \
    returned_name, returned_at FROM drawer WHERE office = $1 AND (state = 'open' OR state = 'filed') \
    ORDER BY day, clerk_id LIMIT $2";
const LAST_DRAWERS: &str = "SELECT office, clerk_id, day, clerk_name, state, book, counted, note, filed_at, confirmed_id, \
    confirmed_name, confirmed_at, returned, returned_id, \
    returned_name, returned_at FROM drawer WHERE office = $1 ORDER BY day DESC, clerk_id LIMIT $2";
const OF_DRAWER: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE office = $1 AND clerk_id = $2 AND day = $3 \
    ORDER BY at LIMIT 500";
const PAID_OUT: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE office = $1 AND paid_id = $2 AND paid_day = $3 ORDER BY paid_at LIMIT 500";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[DRAWER, OPEN, USE, PUT_DRAWER, CAME, WENT, OF_DRAWER, PAID_OUT, WAITING_DRAWERS, LAST_DRAWERS];

row!(DrawerRow {
    office: String,
    clerk_id: String,
    day: String,
    clerk_name: String,
    state: String,
    book: Option<i64>,
    counted: Option<i64>,
    note: Option<String>,
    filed_at: Option<i64>,
    confirmed_id: Option<String>,
    confirmed_name: Option<String>,
    confirmed_at: Option<i64>,
    returned: Option<String>,
    returned_id: Option<String>,
    returned_name: Option<String>,
    returned_at: Option<i64>,
});

impl TryFrom<DrawerRow> for Drawer {
    type Error = DatabaseError;

    fn try_from(row: DrawerRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "drawer";
        let id = format!("{}/{}/{}", row.office, row.clerk_id, row.day);
        let fault = |what: &str| odd(TABLE, &id, what);
        let count = match (row.book, row.counted, row.note, row.filed_at) {
            (Some(book), Some(counted), Some(note), Some(at)) => {
                let at = Timestamp::from_unix(at);
                Some(Count { book: Fen::new(book), counted: Fen::new(counted), note, at })
            }
            _ => None,
        };
        let confirmed = match (row.confirmed_id, row.confirmed_name, row.confirmed_at) {
            (Some(by), Some(name), Some(at)) => Some((who(TABLE, &id, &by, name)?, Timestamp::from_unix(at))),
            _ => None,
        };
        let state = match (row.state.as_str(), count, confirmed) {
            ("open", None, None) => DrawerState::Open,
            ("filed", Some(count), None) => DrawerState::Filed(count),
            ("confirmed", Some(count), Some((by, at))) => DrawerState::Confirmed { count, by, at },
            _ => return Err(fault("its state lacks its facts")),
        };
        let returned = match (row.returned, row.returned_id, row.returned_name, row.returned_at) {
            (Some(why), Some(by), Some(name), Some(at)) => {
                Some((why, who(TABLE, &id, &by, name)?, Timestamp::from_unix(at)))
            }
            _ => None,
        };
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            clerk: who(TABLE, &id, &row.clerk_id, row.clerk_name)?,
            day: day(&row.day).ok_or_else(|| fault("day"))?,
            state,
            returned,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Drawers for SqlTx {
        async fn drawer(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Option<Drawer>, DatabaseError> {
            let query = sqlx::query_as(DRAWER).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            let row: Option<DrawerRow> = query.fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn open_drawer(&mut self, office: &OfficeId, clerk: &Who, day: BeijingDay) -> Result<(), DatabaseError> {
            let query = sqlx::query(OPEN).bind(office.as_str()).bind(clerk.id.as_str()).bind(&clerk.name);
            query.bind(day.to_string()).execute(self.connection()).await?;
            Ok(())
        }

        async fn use_drawer(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<(), DatabaseError> {
            let query = sqlx::query(USE).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            expect_rows(USE, query.execute(self.connection()).await?.rows_affected(), 1)
        }

        async fn put_drawer(&mut self, drawer: &Drawer, from: &'static str) -> Result<(), DatabaseError> {
            let count = drawer.count();
            let confirmed = match &drawer.state {
                DrawerState::Confirmed { by, at, .. } => Some((by, *at)),
                DrawerState::Open | DrawerState::Filed(_) => None,
            };
            let done = sqlx::query(PUT_DRAWER)
                .bind(drawer.office.as_str())
                .bind(drawer.clerk.id.as_str())
                .bind(drawer.day.to_string())
                .bind(from)
                .bind(drawer.word())
                .bind(count.map(|count| count.book.fen()))
                .bind(count.map(|count| count.counted.fen()))
                .bind(count.map(|count| &count.note))
                .bind(count.map(|count| count.at.unix()))
                .bind(confirmed.map(|(by, _)| by.id.as_str()))
                .bind(confirmed.map(|(by, _)| &by.name))
                .bind(confirmed.map(|(_, at)| at.unix()))
                .bind(drawer.returned.as_ref().map(|(why, ..)| why))
                .bind(drawer.returned.as_ref().map(|(_, by, _)| by.id.as_str()))
                .bind(drawer.returned.as_ref().map(|(_, by, _)| &by.name))
                .bind(drawer.returned.as_ref().map(|(.., at)| at.unix()))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_DRAWER, done.rows_affected(), 1)
        }

        async fn drawer_book(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Vec<(Method, i64, Fen)>, DatabaseError> {
            let mut book = Method::ALL.map(|method| (method, 0, Fen::ZERO));
            for (statement, sign) in [(CAME, 1), (WENT, -1)] {
                let query = sqlx::query_as(statement).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
                let rows: Vec<(String, i64, i64)> = query.fetch_all(self.connection()).await?;
                for (method, n, amount) in rows {
                    let line = book.iter_mut().find(|(known, ..)| known.word() == method);
                    let (_, count, sum) = line.ok_or_else(|| odd("payment", &method, "method"))?;
                    *count += n;
                    *sum = *sum + Fen::new(amount).times(sign);
                }
            }
            Ok(book.into_iter().filter(|(_, n, _)| *n > 0).collect())
        }

        async fn drawer_payments(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Vec<Payment>, DatabaseError> {
            let query = sqlx::query_as(OF_DRAWER).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            let rows: Vec<PaymentRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn drawer_refunds(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Vec<Refund>, DatabaseError> {
            let query = sqlx::query_as(PAID_OUT).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            let rows: Vec<RefundRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn waiting_drawers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Drawer>, DatabaseError> {
            let query = sqlx::query_as(WAITING_DRAWERS).bind(office.as_str()).bind(limit);
            let rows: Vec<DrawerRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn last_drawers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Drawer>, DatabaseError> {
            let query = sqlx::query_as(LAST_DRAWERS).bind(office.as_str()).bind(limit);
            let rows: Vec<DrawerRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
