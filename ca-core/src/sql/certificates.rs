//! Certificates from intent to delivery, and the wrapped keys of pairs.

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::expect_rows;
use super::many::Many;
use super::rows::{parse, serial, sha256};
use crate::domain::{IssuerId, OrderId, Serial, Sha256, Timestamp, Validity};
use crate::escrow::port::Envelope;
use crate::service::protocol::Blob;
use crate::store::{CertificateRecord, Certificates, Completion, Intent, Made, Origin, Part, StoreError};

static ADD_INTENTS: Many = Many::rows(
    "INSERT INTO certificate \
     (issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after, tbs, intended) VALUES",
    11,
);
static COMPLETE: Many = Many::written(complete_text);
const BY_SERIAL: &str = "SELECT issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after, \
     tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate WHERE issuer = $1 AND serial = $2";
const BY_ORDER: &str = "SELECT issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after, \
     tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate WHERE order_id = $1 ORDER BY part";
static ORDERS_OF_KEYS: Many =
    Many::keys("SELECT spki_sha256, order_id FROM certificate WHERE origin <> 'responder' AND spki_sha256 IN");
const RESPONDER: &str = "SELECT issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after, \
     tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate \
     WHERE issuer = $1 AND spki_sha256 = $2 AND origin = 'responder' AND certificate IS NOT NULL \
     ORDER BY not_after DESC LIMIT 1";
const OPEN_INTENTS: &str = "SELECT issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after, \
     tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate \
     WHERE certificate IS NULL AND NOT EXISTS (SELECT 1 FROM certificate_status s \
     WHERE s.issuer = certificate.issuer AND s.serial = certificate.serial) \
     ORDER BY intended, issuer, serial LIMIT $1";
const DELIVER: &str = "UPDATE certificate SET delivered = $3 \
     WHERE issuer = $1 AND serial = $2 AND certificate IS NOT NULL AND delivered IS NULL";
const AFTER: &str = "SELECT issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after, \
     tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate \
     WHERE issuer > $1 OR (issuer = $1 AND serial > $2) ORDER BY issuer, serial LIMIT $3";

const ADD_ENVELOPE: &str = "INSERT INTO ca_envelope (order_id, message, skf) VALUES ($1, $2, $3)";
const ENVELOPE: &str = "SELECT message, skf FROM ca_envelope WHERE order_id = $1";

const ADD_REPLACEMENT: &str = "INSERT INTO ca_replacement (order_id, issuer, serial) VALUES ($1, $2, $3)";
const REPLACEMENTS: &str = "SELECT order_id FROM ca_replacement WHERE issuer = $1 AND serial = $2 ORDER BY order_id";

pub(super) const STATEMENTS: &[&str] = &[
    BY_SERIAL,
    BY_ORDER,
    RESPONDER,
    OPEN_INTENTS,
    DELIVER,
    AFTER,
    ADD_ENVELOPE,
    ENVELOPE,
    ADD_REPLACEMENT,
    REPLACEMENTS,
];
pub(super) static OF_MANY: [&Many; 3] = [&ADD_INTENTS, &COMPLETE, &ORDERS_OF_KEYS];

/// Completes rows: `$1` is the time, then issuer, serial number, certificate and hash of each.
fn complete_text(rows: usize) -> String {
    let each = |one: &dyn Fn(usize) -> String, between: &str| {
        (0..rows).map(|row| one(2 + 4 * row)).collect::<Vec<_>>().join(between)
    };
    let is = |n: usize| format!("issuer = ${n} AND serial = ${}", n + 1);
    let certificate = each(&|n| format!("WHEN {} THEN ${}", is(n), n + 2), " ");
    let digest = each(&|n| format!("WHEN {} THEN ${}", is(n), n + 3), " ");
    let these = each(&|n| format!("({})", is(n)), " OR ");
    format!(
        "UPDATE certificate SET certificate = CASE {certificate} ELSE certificate END, \
         certificate_sha256 = CASE {digest} ELSE certificate_sha256 END, issued = $1 \
         WHERE ({these}) AND certificate IS NULL AND NOT EXISTS (SELECT 1 FROM certificate_status s \
         WHERE s.issuer = certificate.issuer AND s.serial = certificate.serial)"
    )
}

const fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Order => "order",
        Origin::Ceremony => "ceremony",
        Origin::Responder => "responder",
    }
}

fn origin_of(word: &str) -> Option<Origin> {
    [Origin::Order, Origin::Ceremony, Origin::Responder].into_iter().find(|origin| origin_word(*origin) == word)
}

const fn part_code(part: Part) -> i16 {
    match part {
        Part::Signature => 0,
        Part::Encryption => 1,
    }
}

fn part_of(code: i16) -> Option<Part> {
    [Part::Signature, Part::Encryption].into_iter().find(|part| part_code(*part) == code)
}

type CertificateRow = (
    String,
    String,
    String,
    i16,
    String,
    String,
    String,
    i64,
    i64,
    Vec<u8>,
    i64,
    Option<Vec<u8>>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);

fn record(row: CertificateRow) -> Result<CertificateRecord, StoreError> {
    const TABLE: &str = "certificate";
    let (issuer, number, order, part, origin, profile, spki, not_before, not_after, tbs, intended, ..) = &row;
    let intent = Intent {
        issuer: parse(TABLE, number, issuer.clone())?,
        serial: serial(TABLE, number)?,
        order: order.parse().map_err(|e| StoreError::odd(TABLE, number, e))?,
        part: part_of(*part).ok_or_else(|| StoreError::odd(TABLE, number, part))?,
        origin: origin_of(origin).ok_or_else(|| StoreError::odd(TABLE, number, origin))?,
        profile: parse(TABLE, number, profile.clone())?,
        spki_sha256: sha256(TABLE, number, spki)?,
        validity: Validity {
            not_before: Timestamp::from_unix(*not_before),
            not_after: Timestamp::from_unix(*not_after),
        },
        tbs: tbs.clone(),
        intended: Timestamp::from_unix(*intended),
    };
    let (.., certificate, digest, issued, delivered) = row;
    let made = match (certificate, digest, issued) {
        (Some(certificate), Some(digest), Some(issued)) => Some(Made {
            certificate,
            sha256: sha256(TABLE, &intent.serial, &digest)?,
            issued: Timestamp::from_unix(issued),
            delivered: delivered.map(Timestamp::from_unix),
        }),
        (None, None, None) => None,
        _ => return Err(StoreError::odd(TABLE, &intent.serial, "half a certificate")),
    };
    Ok(CertificateRecord { intent, made })
}

for_each_driver! { Transaction =>
    #[async_trait]
    impl Certificates for Transaction {
        async fn add_intents(&mut self, intents: &[&Intent]) -> Result<(), StoreError> {
            for (statement, intents) in ADD_INTENTS.pieces(intents, Transaction::MOST_ROWS) {
                let mut query = sqlx::query(statement);
                for intent in intents {
                    query = query
                        .bind(intent.issuer.as_str())
                        .bind(intent.serial.to_string())
                        .bind(intent.order.to_string())
                        .bind(part_code(intent.part))
                        .bind(origin_word(intent.origin))
                        .bind(intent.profile.as_str())
                        .bind(intent.spki_sha256.to_string())
                        .bind(intent.validity.not_before.unix())
                        .bind(intent.validity.not_after.unix())
                        .bind(&intent.tbs)
                        .bind(intent.intended.unix());
                }
                let done = query.execute(self.connection()).await?;
                expect_rows(statement, done.rows_affected(), intents.len() as u64)?;
            }
            Ok(())
        }

        async fn complete_all(
            &mut self,
            completions: &[Completion<'_>],
            issued: Timestamp,
        ) -> Result<u64, StoreError> {
            let mut completed = 0;
            for (statement, completions) in COMPLETE.pieces(completions, Transaction::MOST_ROWS) {
                let mut query = sqlx::query(statement).bind(issued.unix());
                for Completion { intent, certificate, sha256 } in completions {
                    query = query
                        .bind(intent.issuer.as_str())
                        .bind(intent.serial.to_string())
                        .bind(*certificate)
                        .bind(sha256.to_string());
                }
                completed += query.execute(self.connection()).await?.rows_affected();
            }
            Ok(completed)
        }

        async fn certificate(
            &mut self,
            issuer: &IssuerId,
            serial: &Serial,
        ) -> Result<Option<CertificateRecord>, StoreError> {
            sqlx::query_as(BY_SERIAL)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .fetch_optional(self.connection())
                .await?
                .map(record)
                .transpose()
        }

        async fn certificates_of_order(&mut self, order: OrderId) -> Result<Vec<CertificateRecord>, StoreError> {
            let rows: Vec<CertificateRow> =
                sqlx::query_as(BY_ORDER).bind(order.to_string()).fetch_all(self.connection()).await?;
            rows.into_iter().map(record).collect()
        }

        async fn add_envelope(&mut self, order: OrderId, envelope: &Envelope) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_ENVELOPE)
                .bind(order.to_string())
                .bind(&envelope.message.0)
                .bind(envelope.skf.as_ref().map(|blob| &blob.0))
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_ENVELOPE, done.rows_affected(), 1)?)
        }

        async fn envelope(&mut self, order: OrderId) -> Result<Option<Envelope>, StoreError> {
            let row: Option<(Vec<u8>, Option<Vec<u8>>)> =
                sqlx::query_as(ENVELOPE).bind(order.to_string()).fetch_optional(self.connection()).await?;
            Ok(row.map(|(message, skf)| Envelope { message: Blob(message), skf: skf.map(Blob) }))
        }

        async fn add_replacement(&mut self, order: OrderId, issuer: &IssuerId, serial: &Serial) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_REPLACEMENT)
                .bind(order.to_string())
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_REPLACEMENT, done.rows_affected(), 1)?)
        }

        async fn replacements_of(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Vec<OrderId>, StoreError> {
            let rows: Vec<(String,)> = sqlx::query_as(REPLACEMENTS)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(|(id,)| id.parse().map_err(|e| StoreError::odd("ca_replacement", serial, e))).collect()
        }

        async fn orders_of_keys(&mut self, keys: &[Sha256]) -> Result<Vec<(Sha256, OrderId)>, StoreError> {
            let mut found = Vec::new();
            for (statement, keys) in ORDERS_OF_KEYS.pieces(keys, Transaction::MOST_ROWS) {
                let mut query = sqlx::query_as(statement);
                for key in keys {
                    query = query.bind(key.to_string());
                }
                let rows: Vec<(String, String)> = query.fetch_all(self.connection()).await?;
                for (key, id) in rows {
                    let order = id.parse().map_err(|e| StoreError::odd("certificate", &id, e))?;
                    found.push((sha256("certificate", &id, &key)?, order));
                }
            }
            Ok(found)
        }

        async fn responder_certificate(
            &mut self,
            issuer: &IssuerId,
            spki_sha256: Sha256,
        ) -> Result<Option<CertificateRecord>, StoreError> {
            sqlx::query_as(RESPONDER)
                .bind(issuer.as_str())
                .bind(spki_sha256.to_string())
                .fetch_optional(self.connection())
                .await?
                .map(record)
                .transpose()
        }

        async fn open_intents(&mut self, limit: i64) -> Result<Vec<CertificateRecord>, StoreError> {
            let rows: Vec<CertificateRow> =
                sqlx::query_as(OPEN_INTENTS).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(record).collect()
        }

        async fn deliver(&mut self, issuer: &IssuerId, serial: &Serial, at: Timestamp) -> Result<bool, StoreError> {
            let done = sqlx::query(DELIVER)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .bind(at.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn certificates_after(
            &mut self,
            issuer: &str,
            serial: &str,
            limit: i64,
        ) -> Result<Vec<CertificateRecord>, StoreError> {
            let rows: Vec<CertificateRow> = sqlx::query_as(AFTER)
                .bind(issuer)
                .bind(serial)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(record).collect()
        }
    }
}
