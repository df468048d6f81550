//! CRL numbers and records.

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::expect_rows;
use super::rows::sha256;
use crate::domain::{IssuerId, ListKind, Timestamp};
use crate::store::{CrlRecord, Crls, StoreError};

const NUMBER: &str = "SELECT number FROM crl_head WHERE issuer = $1";
const TAKE: &str = "UPDATE crl_head SET number = number + 1 WHERE issuer = $1 AND number = $2";
const ADD: &str = "INSERT INTO crl_list \
     (issuer, list, number, base, this_update, next_update, entries, covers, planned, sha256) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const LAST: &str = "SELECT number, base, this_update, next_update, entries, covers, planned, sha256 FROM crl_list \
     WHERE issuer = $1 AND list = $2 ORDER BY number DESC LIMIT 1";
const LAST_PLANNED: &str = "SELECT number, base, this_update, next_update, entries, covers, planned, sha256 \
     FROM crl_list WHERE issuer = $1 AND list = $2 AND planned ORDER BY number DESC LIMIT 1";
const PLANNED_BEFORE: &str = "SELECT number, base, this_update, next_update, entries, covers, planned, sha256 \
     FROM crl_list WHERE issuer = $1 AND list = 'full' AND planned AND number < $2 ORDER BY number DESC LIMIT 1";

pub(super) const STATEMENTS: &[&str] = &[NUMBER, TAKE, ADD, LAST, LAST_PLANNED, PLANNED_BEFORE];

type CrlRow = (i64, Option<i64>, i64, i64, i64, i64, bool, String);

fn record(issuer: &IssuerId, list: ListKind, row: CrlRow) -> Result<CrlRecord, StoreError> {
    let (number, base, this_update, next_update, entries, covers, planned, digest) = row;
    Ok(CrlRecord {
        issuer: issuer.clone(),
        list,
        number,
        base,
        this_update: Timestamp::from_unix(this_update),
        next_update: Timestamp::from_unix(next_update),
        entries,
        covers,
        planned,
        sha256: sha256("crl_list", number, &digest)?,
    })
}

for_each_driver! { Transaction =>
    #[async_trait]
    impl Crls for Transaction {
        async fn crl_number(&mut self, issuer: &IssuerId) -> Result<i64, StoreError> {
            let (number,): (i64,) =
                sqlx::query_as(NUMBER).bind(issuer.as_str()).fetch_one(self.connection()).await?;
            Ok(number)
        }

        async fn take_crl_number(&mut self, issuer: &IssuerId, last: i64) -> Result<i64, StoreError> {
            let done = sqlx::query(TAKE).bind(issuer.as_str()).bind(last).execute(self.connection()).await?;
            if done.rows_affected() == 1 { Ok(last + 1) } else { Err(StoreError::Contended) }
        }

        async fn add_crl(&mut self, crl: &CrlRecord) -> Result<(), StoreError> {
            let done = sqlx::query(ADD)
                .bind(crl.issuer.as_str())
                .bind(crl.list.word())
                .bind(crl.number)
                .bind(crl.base)
                .bind(crl.this_update.unix())
                .bind(crl.next_update.unix())
                .bind(crl.entries)
                .bind(crl.covers)
                .bind(crl.planned)
                .bind(crl.sha256.to_string())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD, done.rows_affected(), 1)?)
        }

        async fn last_crl(
            &mut self,
            issuer: &IssuerId,
            list: ListKind,
        ) -> Result<Option<CrlRecord>, StoreError> {
            let row: Option<CrlRow> =
                sqlx::query_as(LAST).bind(issuer.as_str()).bind(list.word()).fetch_optional(self.connection()).await?;
            row.map(|row| record(issuer, list, row)).transpose()
        }

        async fn planned_crl_before(
            &mut self,
            issuer: &IssuerId,
            number: i64,
        ) -> Result<Option<CrlRecord>, StoreError> {
            let row: Option<CrlRow> = sqlx::query_as(PLANNED_BEFORE)
                .bind(issuer.as_str())
                .bind(number)
                .fetch_optional(self.connection())
                .await?;
            row.map(|row| record(issuer, ListKind::Full, row)).transpose()
        }

        async fn last_planned_crl(
            &mut self,
            issuer: &IssuerId,
            list: ListKind,
        ) -> Result<Option<CrlRecord>, StoreError> {
            let row: Option<CrlRow> =
                sqlx::query_as(LAST_PLANNED).bind(issuer.as_str()).bind(list.word()).fetch_optional(self.connection()).await?;
            row.map(|row| record(issuer, list, row)).transpose()
        }
    }
}
