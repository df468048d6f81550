//! Refunds.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::payments::Counting as _;
use super::row::{odd, row, who};
use crate::enrolment::form::day;
use crate::payment::bill::BillNumber;
use crate::payment::fen::Fen;
use crate::payment::refund::{Refund, RefundNumber, RefundState};
use crate::payment::store::Refunds;
use crate::payment::taking::Method;

const ADD_REFUND: &str = "INSERT INTO refund (number, bill, payment, office, method, amount, reason, state, asked_id, \
    asked_name, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const PUT_REFUND: &str = "UPDATE refund SET state = $3, decided_id = $4, decided_name = $5, \
    decided_at = COALESCE(decided_at, $6), decline_reason = $7, paid_id = $8, paid_name = $9, paid_at = $10, paid_day = $11, \
    reference = $12 WHERE number = $1 AND state = $2";
const FIND_REFUND: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE number = $1";
const REFUNDS_OF: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE bill = $1 ORDER BY asked_at DESC LIMIT 20";
const WAITING_REFUNDS: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE office = $1 AND state = $2 ORDER BY asked_at LIMIT $3";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ADD_REFUND, PUT_REFUND, FIND_REFUND, REFUNDS_OF, WAITING_REFUNDS];

row!(pub(super) RefundRow {
    number: String,
    bill: String,
    payment: String,
    office: String,
    method: String,
    amount: i64,
    reason: String,
    state: String,
    asked_id: String,
    asked_name: String,
    asked_at: i64,
    decided_id: Option<String>,
    decided_name: Option<String>,
    decided_at: Option<i64>,
    decline_reason: Option<String>,
    paid_id: Option<String>,
    paid_name: Option<String>,
    paid_at: Option<i64>,
    paid_day: Option<String>,
    reference: Option<String>,
});

impl TryFrom<RefundRow> for Refund {
    type Error = DatabaseError;

    fn try_from(row: RefundRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "refund";
        let fault = |what: &str| odd(TABLE, &row.number, what);
        let decided = match (row.decided_id, row.decided_name, row.decided_at) {
            (Some(id), Some(name), Some(at)) => Some((who(TABLE, &row.number, &id, name)?, Timestamp::from_unix(at))),
            _ => None,
        };
        let paid = match (row.paid_id, row.paid_name, row.paid_at, row.paid_day) {
            (Some(id), Some(name), Some(at), Some(text)) => Some((
                who(TABLE, &row.number, &id, name)?,
                Timestamp::from_unix(at),
                day(&text).ok_or_else(|| fault("paid_day"))?,
            )),
            _ => None,
        };
        let state = match (row.state.as_str(), decided, paid, row.decline_reason) {
            ("asked", None, None, None) => RefundState::Asked,
            ("approved", Some((by, at)), None, None) => RefundState::Approved { by, at },
            ("declined", Some((by, at)), None, Some(reason)) => RefundState::Declined { by, at, reason },
            ("paid_out", Some((approved, _)), Some((by, at, day)), None) => {
                RefundState::PaidOut { approved, by, at, day, reference: row.reference }
            }
            _ => return Err(fault("its state lacks its facts")),
        };
        Ok(Self {
            number: row.number.parse().map_err(|()| fault("number"))?,
            bill: row.bill.parse().map_err(|()| fault("bill"))?,
            payment: row.payment.parse().map_err(|()| fault("payment"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            amount: Fen::new(row.amount),
            asked: who(TABLE, &row.number, &row.asked_id, row.asked_name)?,
            asked_at: Timestamp::from_unix(row.asked_at),
            reason: row.reason,
            state,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Refunds for SqlTx {
        async fn add_refund(&mut self, refund: &Refund) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_REFUND)
                .bind(refund.number.as_str())
                .bind(refund.bill.as_str())
                .bind(refund.payment.as_str())
                .bind(refund.office.as_str())
                .bind(refund.method.word())
                .bind(refund.amount.fen())
                .bind(&refund.reason)
                .bind(refund.state.word())
                .bind(refund.asked.id.as_str())
                .bind(&refund.asked.name)
                .bind(refund.asked_at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_REFUND, done.rows_affected(), 1)
        }

        async fn put_refund(&mut self, refund: &Refund, from: &'static str) -> Result<(), DatabaseError> {
            let (decided, decline, paid) = match &refund.state {
                RefundState::Asked => (None, None, None),
                RefundState::Approved { by, at } => (Some((by, *at)), None, None),
                RefundState::Declined { by, at, reason } => (Some((by, *at)), Some(reason), None),
                RefundState::PaidOut { approved, by, at, day, reference } => {
                    (Some((approved, *at)), None, Some((by, *at, *day, reference.as_deref())))
                }
            };
            let done = sqlx::query(PUT_REFUND)
                .bind(refund.number.as_str())
                .bind(from)
                .bind(refund.state.word())
                .bind(decided.map(|(by, _)| by.id.as_str()))
                .bind(decided.map(|(by, _)| &by.name))
                .bind(decided.map(|(_, at)| at.unix()))
                .bind(decline)
                .bind(paid.map(|(by, ..)| by.id.as_str()))
                .bind(paid.map(|(by, ..)| &by.name))
                .bind(paid.map(|(_, at, ..)| at.unix()))
                .bind(paid.map(|(_, _, day, _)| day.to_string()))
                .bind(paid.and_then(|(.., reference)| reference))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_REFUND, done.rows_affected(), 1)?;
            match paid {
                Some((_, _, day, _)) => {
                    self.count_in(&refund.office, day, refund.method, [0, 0, 1, refund.amount.fen()]).await
                }
                None => Ok(()),
            }
        }

        async fn refund(&mut self, number: &RefundNumber) -> Result<Option<Refund>, DatabaseError> {
            let row: Option<RefundRow> =
                sqlx::query_as(FIND_REFUND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn refunds(&mut self, bill: &BillNumber) -> Result<Vec<Refund>, DatabaseError> {
            let rows: Vec<RefundRow> =
                sqlx::query_as(REFUNDS_OF).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn waiting_refunds(
            &mut self,
            office: &OfficeId,
            state: &'static str,
            limit: i64,
        ) -> Result<Vec<Refund>, DatabaseError> {
            let query = sqlx::query_as(WAITING_REFUNDS).bind(office.as_str()).bind(state).bind(limit);
            let rows: Vec<RefundRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
