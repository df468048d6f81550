//! The registry of officers.

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::expect_rows;
use super::rows::{parse, serial, sha256, words};
use crate::domain::{IssuerId, Officer, Role, Serial, Sha256, Timestamp};
use crate::store::{OfficerRecord, Registry, StoreError};

const ADD: &str = "INSERT INTO officer \
     (certificate_sha256, officer, name, office, roles, issuer, serial, not_after, entered) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const BY_CERTIFICATE: &str = "SELECT certificate_sha256, officer, name, office, roles, issuer, serial, not_after, \
     entered FROM officer WHERE certificate_sha256 = $1";
const BY_SERIAL: &str = "SELECT certificate_sha256, officer, name, office, roles, issuer, serial, not_after, entered \
     FROM officer WHERE issuer = $1 AND serial = $2";
const ALL: &str = "SELECT certificate_sha256, officer, name, office, roles, issuer, serial, not_after, entered \
     FROM officer ORDER BY officer, entered, certificate_sha256";

pub(super) const STATEMENTS: &[&str] = &[ADD, BY_CERTIFICATE, BY_SERIAL, ALL];

type OfficerRow = (String, String, String, String, String, String, String, i64, i64);

fn record(row: OfficerRow) -> Result<OfficerRecord, StoreError> {
    const TABLE: &str = "officer";
    let (digest, id, name, office, roles, issuer, number, not_after, entered) = row;
    Ok(OfficerRecord {
        certificate_sha256: sha256(TABLE, &digest, &digest)?,
        officer: Officer {
            roles: words(TABLE, &digest, &roles, Role::from_word)?,
            id: parse(TABLE, &digest, id)?,
            name,
            office: parse(TABLE, &digest, office)?,
        },
        issuer: parse(TABLE, &digest, issuer)?,
        serial: serial(TABLE, &number)?,
        not_after: Timestamp::from_unix(not_after),
        entered: Timestamp::from_unix(entered),
    })
}

for_each_driver! { Transaction =>
    #[async_trait]
    impl Registry for Transaction {
        async fn add_officer(&mut self, record: &OfficerRecord) -> Result<(), StoreError> {
            let roles: Vec<&str> = record.officer.roles.iter().map(|role| role.word()).collect();
            let done = sqlx::query(ADD)
                .bind(record.certificate_sha256.to_string())
                .bind(record.officer.id.as_str())
                .bind(&record.officer.name)
                .bind(record.officer.office.as_str())
                .bind(roles.join(","))
                .bind(record.issuer.as_str())
                .bind(record.serial.to_string())
                .bind(record.not_after.unix())
                .bind(record.entered.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD, done.rows_affected(), 1)?)
        }

        async fn officer(&mut self, certificate_sha256: Sha256) -> Result<Option<OfficerRecord>, StoreError> {
            sqlx::query_as(BY_CERTIFICATE)
                .bind(certificate_sha256.to_string())
                .fetch_optional(self.connection())
                .await?
                .map(record)
                .transpose()
        }

        async fn officer_of(
            &mut self,
            issuer: &IssuerId,
            serial: &Serial,
        ) -> Result<Option<OfficerRecord>, StoreError> {
            sqlx::query_as(BY_SERIAL)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .fetch_optional(self.connection())
                .await?
                .map(record)
                .transpose()
        }

        async fn officers(&mut self) -> Result<Vec<OfficerRecord>, StoreError> {
            let rows: Vec<OfficerRow> = sqlx::query_as(ALL).fetch_all(self.connection()).await?;
            rows.into_iter().map(record).collect()
        }
    }
}
