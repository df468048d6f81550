//! Orders and signatures.

use async_trait::async_trait;

use super::expect_rows;
use super::rows::{parse, sha256};
use crate::domain::{OrderId, Timestamp};
use crate::for_each_backend;
use crate::store::{OrderRecord, Orders, Place, SignatureRecord, StoreError};

const ADD_ORDER: &str = "INSERT INTO ca_order (id, sha256, statement, received) VALUES ($1, $2, $3, $4)";
const ORDER: &str = "SELECT sha256, statement, received FROM ca_order WHERE id = $1";
const ADD_SIGNATURE: &str = "INSERT INTO ca_signature (order_id, place, certificate_sha256, officer, message) \
     VALUES ($1, $2, $3, $4, $5)";
const SIGNATURES: &str = "SELECT place, certificate_sha256, officer, message FROM ca_signature \
     WHERE order_id = $1 ORDER BY place";
const COUNT_ORDERS: &str = "SELECT CAST(count(*) AS BIGINT) FROM ca_order";

pub(super) const STATEMENTS: &[&str] = &[ADD_ORDER, ORDER, ADD_SIGNATURE, SIGNATURES, COUNT_ORDERS];

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

for_each_backend! { Transaction =>
    #[async_trait]
    impl Orders for Transaction {
        async fn add_order(&mut self, order: &OrderRecord) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_ORDER)
                .bind(order.id.to_string())
                .bind(order.sha256.to_string())
                .bind(&order.statement)
                .bind(order.received.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_ORDER, done.rows_affected(), 1)?)
        }

        async fn order(&mut self, id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
            let row: Option<(String, Vec<u8>, i64)> =
                sqlx::query_as(ORDER).bind(id.to_string()).fetch_optional(self.connection()).await?;
            row.map(|(digest, statement, received)| {
                Ok(OrderRecord {
                    id,
                    sha256: sha256("ca_order", id, &digest)?,
                    statement,
                    received: Timestamp::from_unix(received),
                })
            })
            .transpose()
        }

        async fn add_signature(&mut self, signature: &SignatureRecord) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_SIGNATURE)
                .bind(signature.order.to_string())
                .bind(place_word(signature.place))
                .bind(signature.certificate_sha256.to_string())
                .bind(signature.officer.as_ref().map(|officer| officer.as_str()))
                .bind(&signature.message)
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_SIGNATURE, done.rows_affected(), 1)?)
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
