//! Checkouts, and the provider's messages that were heard.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row};
use crate::payment::bill::BillNumber;
use crate::payment::checkout::{Checkout, CheckoutId, CheckoutState, FAULTS, Way};
use crate::payment::fen::Fen;
use crate::payment::gateway::Event;
use crate::payment::store::Checkouts;

const ADD: &str = "INSERT INTO checkout (id, bill, way, amount, state, created, expires, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, 1)";
const PUT: &str = "UPDATE checkout SET state = $3, session = $4, url = $5, fault = $6, settled = $7, \
    version = version + 1 WHERE id = $1 AND version = $2";
const FIND: &str = "SELECT id, bill, way, amount, state, session, url, fault, created, expires, settled, version \
    FROM checkout WHERE id = $1";
const BY_SESSION: &str = "SELECT id, bill, way, amount, state, session, url, fault, created, expires, settled, version \
    FROM checkout WHERE session = $1";
const OF_BILL: &str = "SELECT id, bill, way, amount, state, session, url, fault, created, expires, settled, version \
    FROM checkout WHERE bill = $1 ORDER BY created DESC, id DESC LIMIT 20";
const WAITING: &str = "SELECT id, bill, way, amount, state, session, url, fault, created, expires, settled, version \
    FROM checkout WHERE (state = 'opening' OR state = 'open') AND created < $1 ORDER BY created LIMIT $2";
const FAULTY: &str = "SELECT id, bill, way, amount, state, session, url, fault, created, expires, settled, version \
    FROM checkout WHERE fault IS NOT NULL ORDER BY created DESC LIMIT $1";
const HEARD: &str = "SELECT outcome FROM gateway_event WHERE id = $1";
const NOTE: &str = "INSERT INTO gateway_event (id, kind, outcome, received) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (id) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ADD, PUT, FIND, BY_SESSION, OF_BILL, WAITING, FAULTY, HEARD, NOTE];

/// What stands in the column `fault` of money that came twice.
const SURPLUS: &str = "surplus";

row!(CheckoutRow {
    id: String,
    bill: String,
    way: String,
    amount: i64,
    state: String,
    session: Option<String>,
    url: Option<String>,
    fault: Option<String>,
    created: i64,
    expires: i64,
    settled: Option<i64>,
    version: i64,
});

impl TryFrom<CheckoutRow> for Checkout {
    type Error = DatabaseError;

    fn try_from(row: CheckoutRow) -> Result<Self, DatabaseError> {
        let wrong = |what: &str| odd("checkout", &row.id, what);
        let fault = row.fault.as_deref().and_then(|word| FAULTS.into_iter().find(|known| *known == word));
        let state = match (row.state.as_str(), row.session, row.url, fault) {
            ("opening", None, _, _) => CheckoutState::Opening,
            ("open", Some(session), Some(url), _) => CheckoutState::Open { session, url },
            ("paid", Some(session), _, _) => CheckoutState::Paid { session },
            ("expired", session, _, _) => CheckoutState::Expired { session },
            ("surplus", Some(session), _, _) => CheckoutState::Surplus { session },
            ("strange", Some(session), _, Some(fault)) => CheckoutState::Strange { session, fault },
            _ => return Err(wrong("its state lacks its facts")),
        };
        Ok(Self {
            bill: row.bill.parse().map_err(|()| wrong("bill"))?,
            way: Way::from_word(&row.way).ok_or_else(|| wrong("way"))?,
            amount: Fen::new(row.amount),
            state,
            created: Timestamp::from_unix(row.created),
            expires: Timestamp::from_unix(row.expires),
            settled: row.settled.map(Timestamp::from_unix),
            version: row.version,
            id: row.id.parse().map_err(|()| odd("checkout", &row.id, "id"))?,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Checkouts for SqlTx {
        async fn add_checkout(&mut self, checkout: &Checkout) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(checkout.id.as_str())
                .bind(checkout.bill.as_str())
                .bind(checkout.way.word())
                .bind(checkout.amount.fen())
                .bind(checkout.state.word())
                .bind(checkout.created.unix())
                .bind(checkout.expires.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn put_checkout(&mut self, checkout: &Checkout) -> Result<(), DatabaseError> {
            let url = match &checkout.state {
                CheckoutState::Open { url, .. } => Some(url),
                _ => None,
            };
            let fault = match &checkout.state {
                CheckoutState::Strange { fault, .. } => Some(*fault),
                CheckoutState::Surplus { .. } => Some(SURPLUS),
                _ => None,
            };
            let done = sqlx::query(PUT)
                .bind(checkout.id.as_str())
                .bind(checkout.version)
                .bind(checkout.state.word())
                .bind(checkout.state.session())
                .bind(url)
                .bind(fault)
                .bind(checkout.settled.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)
        }

        async fn checkout(&mut self, id: &CheckoutId) -> Result<Option<Checkout>, DatabaseError> {
            let row: Option<CheckoutRow> =
                sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn checkout_of_session(&mut self, session: &str) -> Result<Option<Checkout>, DatabaseError> {
            let row: Option<CheckoutRow> =
                sqlx::query_as(BY_SESSION).bind(session).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn checkouts(&mut self, bill: &BillNumber) -> Result<Vec<Checkout>, DatabaseError> {
            let rows: Vec<CheckoutRow> =
                sqlx::query_as(OF_BILL).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn waiting_checkouts(&mut self, before: Timestamp, limit: i64) -> Result<Vec<Checkout>, DatabaseError> {
            let rows: Vec<CheckoutRow> =
                sqlx::query_as(WAITING).bind(before.unix()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn faulty_checkouts(&mut self, limit: i64) -> Result<Vec<Checkout>, DatabaseError> {
            let rows: Vec<CheckoutRow> = sqlx::query_as(FAULTY).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn was_heard(&mut self, event: &str) -> Result<bool, DatabaseError> {
            let row: Option<(String,)> = sqlx::query_as(HEARD).bind(event).fetch_optional(self.connection()).await?;
            Ok(row.is_some())
        }

        async fn note_event(&mut self, event: &Event, outcome: &str, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(NOTE)
                .bind(&event.id)
                .bind(&event.kind)
                .bind(outcome)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }
    }
}
