//! Refunds in the hands of the provider of online payment, and disputed payments.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row};
use crate::payment::back::{BackStep, Disputed, GatewayRefund};
use crate::payment::fen::Fen;
use crate::payment::refund::RefundNumber;
use crate::payment::store::GivenBack;

const ADD: &str = "INSERT INTO gateway_refund (refund, office, state, created, version) VALUES ($1, $2, $3, $4, 1)";
const PUT: &str = "UPDATE gateway_refund SET state = $3, id = $4, fault = $5, settled = $6, version = version + 1 \
    WHERE refund = $1 AND version = $2";
const FIND: &str = "SELECT refund, office, state, id, fault, created, settled, version FROM gateway_refund \
    WHERE refund = $1";
const FAILED: &str = "SELECT refund, office, state, id, fault, created, settled, version FROM gateway_refund \
    WHERE office = $1 AND state = 'failed' ORDER BY created DESC LIMIT $2";
// What is told again changes nothing.
const PUT_DISPUTE: &str = "INSERT INTO dispute (id, bill, office, amount, currency, reason, status, opened, closed) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, closed = excluded.closed \
    WHERE dispute.status <> excluded.status";
const DISPUTES: &str = "SELECT id, bill, office, amount, currency, reason, status, opened, closed FROM dispute \
    WHERE office = $1 AND closed IS NULL ORDER BY opened DESC LIMIT $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ADD, PUT, FIND, FAILED, PUT_DISPUTE, DISPUTES];

row!(BackRow {
    refund: String,
    office: String,
    state: String,
    id: Option<String>,
    fault: Option<String>,
    created: i64,
    settled: Option<i64>,
    version: i64,
});

impl TryFrom<BackRow> for GatewayRefund {
    type Error = DatabaseError;

    fn try_from(row: BackRow) -> Result<Self, DatabaseError> {
        let wrong = |what: &str| odd("gateway_refund", &row.refund, what);
        let step = match (row.state.as_str(), row.id, row.fault) {
            ("asking", None, _) => BackStep::Asking,
            ("pending", Some(id), _) => BackStep::Pending { id },
            ("done", Some(id), _) => BackStep::Done { id },
            ("failed", id, Some(fault)) => BackStep::Failed { id, fault },
            _ => return Err(wrong("its state lacks its facts")),
        };
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| wrong("office"))?,
            step,
            created: Timestamp::from_unix(row.created),
            settled: row.settled.map(Timestamp::from_unix),
            version: row.version,
            refund: row.refund.parse().map_err(|()| odd("gateway_refund", &row.refund, "refund"))?,
        })
    }
}

row!(DisputeRow {
    id: String,
    bill: String,
    office: String,
    amount: i64,
    currency: String,
    reason: String,
    status: String,
    opened: i64,
    closed: Option<i64>,
});

impl TryFrom<DisputeRow> for Disputed {
    type Error = DatabaseError;

    fn try_from(row: DisputeRow) -> Result<Self, DatabaseError> {
        let wrong = |what: &str| odd("dispute", &row.id, what);
        Ok(Self {
            bill: row.bill.parse().map_err(|()| wrong("bill"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| wrong("office"))?,
            amount: Fen::new(row.amount),
            currency: row.currency,
            reason: row.reason,
            status: row.status,
            opened: Timestamp::from_unix(row.opened),
            closed: row.closed.map(Timestamp::from_unix),
            id: row.id,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl GivenBack for SqlTx {
        async fn add_gateway_refund(&mut self, refund: &GatewayRefund) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(refund.refund.as_str())
                .bind(refund.office.as_str())
                .bind(refund.step.word())
                .bind(refund.created.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn put_gateway_refund(&mut self, refund: &GatewayRefund) -> Result<(), DatabaseError> {
            let fault = match &refund.step {
                BackStep::Failed { fault, .. } => Some(fault),
                _ => None,
            };
            let done = sqlx::query(PUT)
                .bind(refund.refund.as_str())
                .bind(refund.version)
                .bind(refund.step.word())
                .bind(refund.step.id())
                .bind(fault)
                .bind(refund.settled.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)
        }

        async fn gateway_refund(&mut self, number: &RefundNumber) -> Result<Option<GatewayRefund>, DatabaseError> {
            let row: Option<BackRow> =
                sqlx::query_as(FIND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn failed_refunds(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<GatewayRefund>, DatabaseError> {
            let rows: Vec<BackRow> =
                sqlx::query_as(FAILED).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn put_dispute(&mut self, dispute: &Disputed) -> Result<bool, DatabaseError> {
            let done = sqlx::query(PUT_DISPUTE)
                .bind(&dispute.id)
                .bind(dispute.bill.as_str())
                .bind(dispute.office.as_str())
                .bind(dispute.amount.fen())
                .bind(&dispute.currency)
                .bind(&dispute.reason)
                .bind(&dispute.status)
                .bind(dispute.opened.unix())
                .bind(dispute.closed.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn disputes(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Disputed>, DatabaseError> {
            let rows: Vec<DisputeRow> =
                sqlx::query_as(DISPUTES).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
