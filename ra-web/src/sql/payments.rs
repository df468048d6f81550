//! Payments, and what came and went by day.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::form::day;
use crate::payment::bill::BillNumber;
use crate::payment::fen::Fen;
use crate::payment::store::{Payments, Takings};
use crate::payment::taking::{Method, Payment, PaymentId, PaymentState};

const ADD: &str = "INSERT INTO payment (id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, \
    day, at, prints) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)";
const VOID: &str = "UPDATE payment SET voided_id = $2, voided_name = $3, voided_at = $4, void_reason = $5 \
    WHERE id = $1 AND void_reason IS NULL";
const PRINT: &str = "UPDATE payment SET prints = prints + 1 WHERE id = $1 RETURNING prints";
const OF_REFERENCE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE method = 'online' AND reference = $1";
const ONLINE_SINCE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE method = 'online' AND at >= $1 AND at < $2 ORDER BY at LIMIT $3";
const WIRE_SINCE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE method = 'wire' AND at >= $1 AND at < $2 ORDER BY at LIMIT $3";
const FIND: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE id = $1";
const OF_BILL: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE bill = $1 ORDER BY at DESC, id DESC LIMIT 20";
const OF_OFFICE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE office = $1 ORDER BY at DESC LIMIT $2";
const COUNT_IN: &str = "INSERT INTO takings (office, day, method, payments, taken, refunds, refunded) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (office, day, method) DO UPDATE SET \
    payments = takings.payments + excluded.payments, taken = takings.taken + excluded.taken, \
    refunds = takings.refunds + excluded.refunds, refunded = takings.refunded + excluded.refunded";
const TAKINGS: &str = "SELECT office, day, method, payments, taken, refunds, refunded FROM takings \
    WHERE office = $3 AND day >= $1 AND day <= $2 ORDER BY day, method LIMIT 5000";
const ALL_TAKINGS: &str = "SELECT office, day, method, payments, taken, refunds, refunded FROM takings \
    WHERE day >= $1 AND day <= $2 ORDER BY day, office, method LIMIT 50000";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD,
    VOID,
    PRINT,
    FIND,
    OF_REFERENCE,
    ONLINE_SINCE,
    WIRE_SINCE,
    OF_BILL,
    OF_OFFICE,
    COUNT_IN,
    TAKINGS,
    ALL_TAKINGS,
];

row!(pub(super) PaymentRow {
    id: String,
    bill: String,
    method: String,
    amount: i64,
    handed: Option<i64>,
    reference: Option<String>,
    receipt: String,
    office: String,
    clerk_id: String,
    clerk_name: String,
    day: String,
    at: i64,
    voided_id: Option<String>,
    voided_name: Option<String>,
    voided_at: Option<i64>,
    void_reason: Option<String>,
    prints: i64,
});

impl TryFrom<PaymentRow> for Payment {
    type Error = DatabaseError;

    fn try_from(row: PaymentRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("payment", &row.id, what);
        let state = match (row.voided_id, row.voided_name, row.voided_at, row.void_reason) {
            (Some(id), Some(name), Some(at), Some(reason)) => {
                PaymentState::Voided { by: who("payment", &row.id, &id, name)?, at: Timestamp::from_unix(at), reason }
            }
            _ => PaymentState::Taken,
        };
        Ok(Self {
            bill: row.bill.parse().map_err(|()| fault("bill"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            amount: Fen::new(row.amount),
            handed: row.handed.map(Fen::new),
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            clerk: who("payment", &row.id, &row.clerk_id, row.clerk_name)?,
            day: day(&row.day).ok_or_else(|| fault("day"))?,
            at: Timestamp::from_unix(row.at),
            id: row.id.parse().map_err(|()| fault("id"))?,
            reference: row.reference,
            receipt: row.receipt,
            state,
            prints: row.prints,
        })
    }
}

row!(TakingsRow {
    office: String,
    day: String,
    method: String,
    payments: i64,
    taken: i64,
    refunds: i64,
    refunded: i64,
});

impl TryFrom<TakingsRow> for Takings {
    type Error = DatabaseError;

    fn try_from(row: TakingsRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("takings", &row.day, what);
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            day: day(&row.day).ok_or_else(|| fault("day"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            payments: row.payments,
            taken: Fen::new(row.taken),
            refunds: row.refunds,
            refunded: Fen::new(row.refunded),
        })
    }
}

/// What counts of days have in common: payments, their sum, payouts, their sum.
#[async_trait]
pub(super) trait Counting {
    async fn count_in(
        &mut self,
        office: &OfficeId,
        day: BeijingDay,
        method: Method,
        moved: [i64; 4],
    ) -> Result<(), DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Counting for SqlTx {
        async fn count_in(
            &mut self,
            office: &OfficeId,
            day: BeijingDay,
            method: Method,
            moved: [i64; 4],
        ) -> Result<(), DatabaseError> {
            let mut query = sqlx::query(COUNT_IN).bind(office.as_str()).bind(day.to_string()).bind(method.word());
            for figure in moved {
                query = query.bind(figure);
            }
            expect_rows(COUNT_IN, query.execute(self.connection()).await?.rows_affected(), 1)
        }
    }

    #[async_trait]
    impl Payments for SqlTx {
        async fn add_payment(&mut self, payment: &Payment) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(payment.id.as_str())
                .bind(payment.bill.as_str())
                .bind(payment.method.word())
                .bind(payment.amount.fen())
                .bind(payment.handed.map(Fen::fen))
                .bind(payment.reference.as_deref())
                .bind(&payment.receipt)
                .bind(payment.office.as_str())
                .bind(payment.clerk.id.as_str())
                .bind(&payment.clerk.name)
                .bind(payment.day.to_string())
                .bind(payment.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)?;
            self.count_in(&payment.office, payment.day, payment.method, [1, payment.amount.fen(), 0, 0]).await
        }

        async fn void_payment(&mut self, payment: &Payment) -> Result<(), DatabaseError> {
            let PaymentState::Voided { by, at, reason } = &payment.state else {
                return Err(odd("payment", payment.id.as_str(), "it was not voided"));
            };
            let done = sqlx::query(VOID)
                .bind(payment.id.as_str())
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(at.unix())
                .bind(reason)
                .execute(self.connection())
                .await?;
            expect_rows(VOID, done.rows_affected(), 1)?;
            self.count_in(&payment.office, payment.day, payment.method, [-1, -payment.amount.fen(), 0, 0]).await
        }

        async fn count_print(&mut self, id: &PaymentId) -> Result<i64, DatabaseError> {
            let (prints,): (i64,) = sqlx::query_as(PRINT).bind(id.as_str()).fetch_one(self.connection()).await?;
            Ok(prints)
        }

        async fn payment(&mut self, id: &PaymentId) -> Result<Option<Payment>, DatabaseError> {
            let row: Option<PaymentRow> =
                sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn payments_by(
            &mut self,
            method: Method,
            from: Timestamp,
            to: Timestamp,
            limit: i64,
        ) -> Result<Vec<Payment>, DatabaseError> {
            let statement = match method {
                Method::Online => ONLINE_SINCE,
                Method::Wire => WIRE_SINCE,
                Method::Cash | Method::Pos | Method::Qr => return Ok(Vec::new()),
            };
            let query = sqlx::query_as(statement).bind(from.unix()).bind(to.unix()).bind(limit);
            let rows: Vec<PaymentRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn payment_of_reference(&mut self, reference: &str) -> Result<Option<Payment>, DatabaseError> {
            let row: Option<PaymentRow> =
                sqlx::query_as(OF_REFERENCE).bind(reference).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn payments(&mut self, bill: &BillNumber) -> Result<Vec<Payment>, DatabaseError> {
            let rows: Vec<PaymentRow> =
                sqlx::query_as(OF_BILL).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn last_payments(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Payment>, DatabaseError> {
            let query = sqlx::query_as(OF_OFFICE).bind(office.as_str()).bind(limit);
            let rows: Vec<PaymentRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn takings(
            &mut self,
            office: Option<&OfficeId>,
            from: BeijingDay,
            to: BeijingDay,
        ) -> Result<Vec<Takings>, DatabaseError> {
            let statement = if office.is_some() { TAKINGS } else { ALL_TAKINGS };
            let mut query = sqlx::query_as(statement).bind(from.to_string()).bind(to.to_string());
            if let Some(office) = office {
                query = query.bind(office.to_string());
            }
            let rows: Vec<TakingsRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

    }
}
