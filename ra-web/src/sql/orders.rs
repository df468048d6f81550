//! Orders and their signatures.

use async_trait::async_trait;
use ca_core::domain::{IssuerId, OfficeId, OfficerId, Order, OrderId, Timestamp, decode};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::store::{OrderState, OrderSubject, Orders, Signature, StoredOrder, act_word};

const ADD: &str = "INSERT INTO office_order (id, act, office, subject, statement, state, opened_id, opened_name, created) \
    VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8)";
const FIND: &str =
    "SELECT id, subject, statement, state, refusal, opened_id, opened_name FROM office_order WHERE id = $1";
const SIGNATURES: &str =
    "SELECT officer_id, officer_name, message, at FROM order_signature WHERE order_id = $1 ORDER BY seat";
const SIGN: &str = "INSERT INTO order_signature (order_id, seat, officer_id, officer_name, message, at) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const SETTLE: &str = "UPDATE office_order SET state = $3, refusal = $4, settled = $5 WHERE id = $1 AND state = $2";
const ABOUT: &str = "SELECT id, subject, statement, state, refusal, opened_id, opened_name FROM office_order \
    WHERE subject = $1 ORDER BY created DESC, id DESC LIMIT 20";
const DROP: &str = "UPDATE office_order SET state = 'dropped', settled = $2 WHERE subject = $1 AND state = 'open'";
const WAITING: &str = "SELECT id, subject, statement, state, refusal, opened_id, opened_name FROM office_order \
    WHERE office = $1 AND act <> 'issue' AND (state = 'signed' OR state = 'open') ORDER BY created, id LIMIT 200";
const SIGNED: &str = "SELECT id, subject, statement, state, refusal, opened_id, opened_name FROM office_order \
    WHERE opened_id = $1 AND act <> 'issue' AND state = 'signed' ORDER BY created, id LIMIT 200";
const COUNT_WAITING: &str = "SELECT COUNT(*) FROM office_order \
    WHERE office = $1 AND act <> 'issue' AND (state = 'signed' OR state = 'open') \
    AND EXISTS (SELECT 1 FROM order_signature s WHERE s.order_id = office_order.id AND s.seat = 0)";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[ADD, FIND, SIGNATURES, SIGN, SETTLE, ABOUT, DROP, WAITING, SIGNED, COUNT_WAITING];

const TABLE: &str = "office_order";

row!(OrderRow {
    id: String,
    subject: String,
    statement: Vec<u8>,
    state: String,
    refusal: Option<String>,
    opened_id: String,
    opened_name: String,
});

row!(SignatureRow { officer_id: String, officer_name: String, message: Vec<u8>, at: i64 });

fn stored(row: OrderRow, signatures: Vec<SignatureRow>) -> Result<StoredOrder, DatabaseError> {
    let id = row.id.clone();
    let fault = |what: &str| odd(TABLE, &id, what);
    let order: Order = decode(&row.statement).map_err(|error| fault(&error.to_string()))?;
    let subject = match row.subject.split_once('/') {
        None => OrderSubject::Case(row.subject.parse().map_err(|()| fault("subject"))?),
        Some((issuer, serial)) => OrderSubject::Certificate(
            IssuerId::new(issuer).ok_or_else(|| fault("issuer"))?,
            serial.parse().map_err(|_| fault("serial"))?,
        ),
    };
    let state = OrderState::ALL.into_iter().find(|state| state.word() == row.state).ok_or_else(|| fault("state"))?;
    let signatures = signatures
        .into_iter()
        .map(|signature| {
            Ok(Signature {
                by: who("order_signature", &id, &signature.officer_id, signature.officer_name)?,
                message: signature.message,
                at: Timestamp::from_unix(signature.at),
            })
        })
        .collect::<Result<_, DatabaseError>>()?;
    let opened = who(TABLE, &id, &row.opened_id, row.opened_name)?;
    Ok(StoredOrder { order, statement: row.statement, subject, state, refusal: row.refusal, opened, signatures })
}

/// Reads the signatures that belong to an order's row.
#[async_trait]
trait WithSignatures {
    async fn with_signatures(&mut self, row: OrderRow) -> Result<StoredOrder, DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl WithSignatures for SqlTx {
        async fn with_signatures(&mut self, row: OrderRow) -> Result<StoredOrder, DatabaseError> {
            let signatures = sqlx::query_as(SIGNATURES).bind(&row.id).fetch_all(self.connection()).await?;
            stored(row, signatures)
        }
    }

    #[async_trait]
    impl Orders for SqlTx {
        async fn add_order(&mut self, order: &StoredOrder) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(order.order.id.to_string())
                .bind(act_word(&order.order.act))
                .bind(order.order.office.as_str())
                .bind(order.subject.key())
                .bind(&order.statement)
                .bind(order.opened.id.as_str())
                .bind(&order.opened.name)
                .bind(order.order.created.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn order(&mut self, id: OrderId) -> Result<Option<StoredOrder>, DatabaseError> {
            let row: Option<OrderRow> = sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(self.connection()).await?;
            match row {
                Some(row) => self.with_signatures(row).await.map(Some),
                None => Ok(None),
            }
        }

        async fn sign_order(&mut self, id: OrderId, seat: usize, signature: &Signature) -> Result<(), DatabaseError> {
            let done = sqlx::query(SIGN)
                .bind(id.to_string())
                .bind(i16::try_from(seat).unwrap_or(i16::MAX))
                .bind(signature.by.id.as_str())
                .bind(&signature.by.name)
                .bind(&signature.message)
                .bind(signature.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(SIGN, done.rows_affected(), 1)
        }

        async fn settle_order(
            &mut self,
            id: OrderId,
            from: OrderState,
            to: OrderState,
            refusal: Option<&str>,
            now: Timestamp,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(SETTLE)
                .bind(id.to_string())
                .bind(from.word())
                .bind(to.word())
                .bind(refusal)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            expect_rows(SETTLE, done.rows_affected(), 1)
        }

        async fn orders_about(&mut self, subject: &OrderSubject) -> Result<Vec<StoredOrder>, DatabaseError> {
            let rows: Vec<OrderRow> = sqlx::query_as(ABOUT).bind(subject.key()).fetch_all(self.connection()).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(self.with_signatures(row).await?);
            }
            Ok(found)
        }

        async fn drop_open_orders(&mut self, subject: &OrderSubject, now: Timestamp) -> Result<u64, DatabaseError> {
            let done = sqlx::query(DROP).bind(subject.key()).bind(now.unix()).execute(self.connection()).await?;
            Ok(done.rows_affected())
        }

        async fn count_waiting_orders(&mut self, office: &OfficeId) -> Result<i64, DatabaseError> {
            let (n,): (i64,) = sqlx::query_as(COUNT_WAITING).bind(office.as_str()).fetch_one(self.connection()).await?;
            Ok(n)
        }

        async fn signed_orders(&mut self, opened: &OfficerId) -> Result<Vec<StoredOrder>, DatabaseError> {
            let rows: Vec<OrderRow> = sqlx::query_as(SIGNED).bind(opened.as_str()).fetch_all(self.connection()).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(self.with_signatures(row).await?);
            }
            Ok(found)
        }

        async fn waiting_orders(&mut self, office: &OfficeId) -> Result<Vec<StoredOrder>, DatabaseError> {
            let rows: Vec<OrderRow> = sqlx::query_as(WAITING).bind(office.as_str()).fetch_all(self.connection()).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(self.with_signatures(row).await?);
            }
            Ok(found)
        }
    }
}
