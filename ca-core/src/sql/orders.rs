//! Orders and signatures.

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::expect_rows;
use super::many::Many;
use super::rows::{parse, sha256};
use crate::domain::{OrderId, Timestamp};
use crate::store::{OrderRecord, Orders, Place, SignatureRecord, StoreError};

static ADD_ORDERS: Many = Many::rows("INSERT INTO ca_order (id, sha256, statement, received) VALUES", 4);
static ORDERS: Many = Many::keys("SELECT id, sha256, statement, received FROM ca_order WHERE id IN");
static SIGNED: Many = Many::keys("SELECT order_id FROM ca_signature WHERE order_id IN");
static ADD_SIGNATURES: Many =
    Many::rows("INSERT INTO ca_signature (order_id, place, certificate_sha256, officer, message) VALUES", 5);
const SIGNATURES: &str = "SELECT place, certificate_sha256, officer, message FROM ca_signature \
     WHERE order_id = $1 ORDER BY place";
const COUNT_ORDERS: &str = "SELECT CAST(count(*) AS BIGINT) FROM ca_order";

pub(super) const STATEMENTS: &[&str] = &[SIGNATURES, COUNT_ORDERS];
pub(super) static OF_MANY: [&Many; 4] = [&ADD_ORDERS, &ORDERS, &SIGNED, &ADD_SIGNATURES];

fn place_word(place: Place) -> String {
    match place {
        Place::Seat(seat) => format!("seat-{seat}"),
        Place::Binding => "binding".into(),
        Place::Install => "install".into(),
    }
}

fn place_of(word: &str) -> Option<Place> {
    match word {
        "binding" => Some(Place::Binding),
        "install" => Some(Place::Install),
        other => other.strip_prefix("seat-")?.parse().ok().map(Place::Seat),
    }
}

type SignatureRow = (String, String, Option<String>, Vec<u8>);

fn signature_of(order: OrderId, row: SignatureRow) -> Result<SignatureRecord, StoreError> {
    let (place, certificate, officer, message) = row;
    Ok(SignatureRecord {
        order,
        place: place_of(&place).ok_or_else(|| StoreError::odd("ca_signature", order, &place))?,
        certificate_sha256: sha256("ca_signature", order, &certificate)?,
        officer: officer.map(|officer| parse("ca_signature", order, officer)).transpose()?,
        message,
    })
}

type OrderRow = (String, String, Vec<u8>, i64);

fn order_of(row: OrderRow) -> Result<OrderRecord, StoreError> {
    let (id, digest, statement, received) = row;
    Ok(OrderRecord {
        sha256: sha256("ca_order", &id, &digest)?,
        id: id.parse().map_err(|e| StoreError::odd("ca_order", &id, e))?,
        statement,
        received: Timestamp::from_unix(received),
    })
}

for_each_driver! { Transaction =>
    #[async_trait]
    impl Orders for Transaction {
        async fn add_orders(&mut self, orders: &[OrderRecord]) -> Result<(), StoreError> {
            for (statement, orders) in ADD_ORDERS.pieces(orders, Transaction::MOST_ROWS) {
                let mut query = sqlx::query(statement);
                for order in orders {
                    query = query
                        .bind(order.id.to_string())
                        .bind(order.sha256.to_string())
                        .bind(&order.statement)
                        .bind(order.received.unix());
                }
                let done = query.execute(self.connection()).await?;
                expect_rows(statement, done.rows_affected(), orders.len() as u64)?;
            }
            Ok(())
        }

        async fn order(&mut self, id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
            Ok(self.orders(&[id]).await?.pop())
        }

        async fn orders(&mut self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, StoreError> {
            let mut found = Vec::new();
            for (statement, ids) in ORDERS.pieces(ids, Transaction::MOST_ROWS) {
                let mut query = sqlx::query_as(statement);
                for id in ids {
                    query = query.bind(id.to_string());
                }
                let rows: Vec<OrderRow> = query.fetch_all(self.connection()).await?;
                for row in rows {
                    found.push(order_of(row)?);
                }
            }
            Ok(found)
        }

        async fn add_signatures(&mut self, signatures: &[SignatureRecord]) -> Result<(), StoreError> {
            for (statement, signatures) in ADD_SIGNATURES.pieces(signatures, Transaction::MOST_ROWS) {
                let mut query = sqlx::query(statement);
                for signature in signatures {
                    query = query
                        .bind(signature.order.to_string())
                        .bind(place_word(signature.place))
                        .bind(signature.certificate_sha256.to_string())
                        .bind(signature.officer.as_ref().map(|officer| officer.as_str()))
                        .bind(&signature.message);
                }
                let done = query.execute(self.connection()).await?;
                expect_rows(statement, done.rows_affected(), signatures.len() as u64)?;
            }
            Ok(())
        }

        async fn signed_orders(&mut self, ids: &[OrderId]) -> Result<Vec<OrderId>, StoreError> {
            let mut found = Vec::new();
            for (statement, ids) in SIGNED.pieces(ids, Transaction::MOST_ROWS) {
                let mut query = sqlx::query_as(statement);
                for id in ids {
                    query = query.bind(id.to_string());
                }
                let rows: Vec<(String,)> = query.fetch_all(self.connection()).await?;
                for (id,) in rows {
                    found.push(id.parse().map_err(|e| StoreError::odd("ca_signature", &id, e))?);
                }
            }
            Ok(found)
        }

        async fn signatures(&mut self, order: OrderId) -> Result<Vec<SignatureRecord>, StoreError> {
            let rows: Vec<SignatureRow> =
                sqlx::query_as(SIGNATURES).bind(order.to_string()).fetch_all(self.connection()).await?;
            rows.into_iter().map(|row| signature_of(order, row)).collect()
        }

        async fn count_orders(&mut self) -> Result<i64, StoreError> {
            let (count,): (i64,) = sqlx::query_as(COUNT_ORDERS).fetch_one(self.connection()).await?;
            Ok(count)
        }
    }
}
