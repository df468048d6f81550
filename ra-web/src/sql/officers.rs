//! Orders about officers and their signatures.

use async_trait::async_trait;
use ca_core::domain::{IssuerId, OfficerId, Order, OrderId, Serial, Sha256, Timestamp, decode};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::officers::{OfficerOrder, OfficerOrders, OrderState};
use crate::store::{Signature, act_word};

const TABLE: &str = "officer_order";

const ADD: &str = "INSERT INTO officer_order \
    (id, act, officer, name, statement, state, opened_id, opened_name, created) \
    VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8)";
const FIND: &str = "SELECT id, officer, name, statement, state, refusal, opened_id, opened_name, made_issuer, \
    made_serial, ticket_expires FROM officer_order WHERE id = $1";
const OF_TICKET: &str = "SELECT id, officer, name, statement, state, refusal, opened_id, opened_name, made_issuer, \
    made_serial, ticket_expires FROM officer_order WHERE ticket_hash IS NOT NULL AND ticket_hash = $1";
const ABOUT: &str = "SELECT id, officer, name, statement, state, refusal, opened_id, opened_name, made_issuer, \
    made_serial, ticket_expires FROM officer_order WHERE officer = $1 ORDER BY created DESC, id DESC LIMIT 50";
const WAITING: &str = "SELECT id, officer, name, statement, state, refusal, opened_id, opened_name, made_issuer, \
    made_serial, ticket_expires FROM officer_order WHERE state IN ('open', 'signed', 'issued') \
    ORDER BY created, id LIMIT 100";
const SIGNATURES: &str =
    "SELECT officer_id, officer_name, message, at FROM officer_signature WHERE order_id = $1 ORDER BY seat";
const SIGN: &str = "INSERT INTO officer_signature (order_id, seat, officer_id, officer_name, message, at) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const SETTLE: &str = "UPDATE officer_order SET state = $3, refusal = $4, settled = $5 WHERE id = $1 AND state = $2";
const MADE: &str = "UPDATE officer_order SET state = 'issued', made_issuer = $3, made_serial = $4 \
    WHERE id = $1 AND state = $2";
const TICKET: &str = "UPDATE officer_order SET ticket_hash = $2, ticket_expires = $3 WHERE id = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ADD, FIND, OF_TICKET, ABOUT, WAITING, SIGNATURES, SIGN, SETTLE, MADE, TICKET];

row!(OrderRow {
    id: String,
    officer: String,
    name: String,
    statement: Vec<u8>,
    state: String,
    refusal: Option<String>,
    opened_id: String,
    opened_name: String,
    made_issuer: Option<String>,
    made_serial: Option<String>,
    ticket_expires: Option<i64>,
});

row!(SignatureRow { officer_id: String, officer_name: String, message: Vec<u8>, at: i64 });

fn stored(row: OrderRow, signatures: Vec<SignatureRow>) -> Result<OfficerOrder, DatabaseError> {
    let id = row.id.clone();
    let fault = |what: &str| odd(TABLE, &id, what);
    let order: Order = decode(&row.statement).map_err(|error| fault(&error.to_string()))?;
    let made = match (row.made_issuer, row.made_serial) {
        (Some(issuer), Some(serial)) => Some((
            IssuerId::new(&issuer).ok_or_else(|| fault("made_issuer"))?,
            serial.parse().map_err(|_| fault("made_serial"))?,
        )),
        _ => None,
    };
    let signatures = signatures
        .into_iter()
        .map(|signature| {
            Ok(Signature {
                by: who("officer_signature", &id, &signature.officer_id, signature.officer_name)?,
                message: signature.message,
                at: Timestamp::from_unix(signature.at),
            })
        })
        .collect::<Result<_, DatabaseError>>()?;
    Ok(OfficerOrder {
        order,
        statement: row.statement,
        officer: OfficerId::new(&row.officer).ok_or_else(|| fault("officer"))?,
        name: row.name,
        state: OrderState::ALL.into_iter().find(|state| state.word() == row.state).ok_or_else(|| fault("state"))?,
        refusal: row.refusal,
        opened: who(TABLE, &id, &row.opened_id, row.opened_name)?,
        signatures,
        made,
        ticket_expires: row.ticket_expires.map(Timestamp::from_unix),
    })
}

/// Reads the signatures that belong to the rows of orders.
#[async_trait]
trait WithSignatures {
    async fn signed(&mut self, rows: Vec<OrderRow>) -> Result<Vec<OfficerOrder>, DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl WithSignatures for SqlTx {
        async fn signed(&mut self, rows: Vec<OrderRow>) -> Result<Vec<OfficerOrder>, DatabaseError> {
            let mut orders = Vec::with_capacity(rows.len());
            for row in rows {
                let signatures = sqlx::query_as(SIGNATURES).bind(&row.id).fetch_all(self.connection()).await?;
                orders.push(stored(row, signatures)?);
            }
            Ok(orders)
        }
    }

    #[async_trait]
    impl OfficerOrders for SqlTx {
        async fn add_officer_order(&mut self, order: &OfficerOrder) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(order.order.id.to_string())
                .bind(act_word(&order.order.act))
                .bind(order.officer.as_str())
                .bind(&order.name)
                .bind(&order.statement)
                .bind(order.opened.id.as_str())
                .bind(&order.opened.name)
                .bind(order.order.created.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn officer_order(&mut self, id: OrderId) -> Result<Option<OfficerOrder>, DatabaseError> {
            let row: Vec<OrderRow> = sqlx::query_as(FIND).bind(id.to_string()).fetch_all(self.connection()).await?;
            Ok(self.signed(row).await?.pop())
        }

        async fn officer_order_of(&mut self, ticket: Sha256) -> Result<Option<OfficerOrder>, DatabaseError> {
            let row: Vec<OrderRow> =
                sqlx::query_as(OF_TICKET).bind(ticket.to_string()).fetch_all(self.connection()).await?;
            Ok(self.signed(row).await?.pop())
        }

        async fn sign_officer_order(
            &mut self,
            id: OrderId,
            seat: usize,
            signed: &Signature,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(SIGN)
                .bind(id.to_string())
                .bind(i16::try_from(seat).unwrap_or(i16::MAX))
                .bind(signed.by.id.as_str())
                .bind(&signed.by.name)
                .bind(&signed.message)
                .bind(signed.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(SIGN, done.rows_affected(), 1)
        }

        async fn settle_officer_order(
            &mut self,
            order: &OfficerOrder,
            to: OrderState,
            refusal: Option<&str>,
            now: Timestamp,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(SETTLE)
                .bind(order.order.id.to_string())
                .bind(order.state.word())
                .bind(to.word())
                .bind(refusal)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            expect_rows(SETTLE, done.rows_affected(), 1)
        }

        async fn note_made(
            &mut self,
            order: &OfficerOrder,
            issuer: &IssuerId,
            serial: &Serial,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(MADE)
                .bind(order.order.id.to_string())
                .bind(order.state.word())
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .execute(self.connection())
                .await?;
            expect_rows(MADE, done.rows_affected(), 1)
        }

        async fn put_officer_ticket(
            &mut self,
            id: OrderId,
            ticket: Option<(Sha256, Timestamp)>,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(TICKET)
                .bind(id.to_string())
                .bind(ticket.map(|(hash, _)| hash.to_string()))
                .bind(ticket.map(|(_, expires)| expires.unix()))
                .execute(self.connection())
                .await?;
            expect_rows(TICKET, done.rows_affected(), 1)
        }

        async fn officer_orders(&mut self, officer: &OfficerId) -> Result<Vec<OfficerOrder>, DatabaseError> {
            let rows: Vec<OrderRow> =
                sqlx::query_as(ABOUT).bind(officer.as_str()).fetch_all(self.connection()).await?;
            self.signed(rows).await
        }

        async fn waiting_officer_orders(&mut self) -> Result<Vec<OfficerOrder>, DatabaseError> {
            let rows: Vec<OrderRow> = sqlx::query_as(WAITING).fetch_all(self.connection()).await?;
            self.signed(rows).await
        }
    }
}
