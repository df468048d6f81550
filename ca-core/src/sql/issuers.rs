//! CAs, their keys and their responders' keys.

use async_trait::async_trait;

use super::backend::for_each_driver;
use super::expect_rows;
use super::rows::{parse, words};
use crate::domain::{IssuerId, ProfileName, Sha256, Timestamp};
use crate::store::{IssuerRecord, Issuers, StoreError};

const ADD: &str = "INSERT INTO issuer (id, root, certificate, sm2_id) VALUES ($1, $2, $3, $4)";
const ADD_KEY: &str = "INSERT INTO issuer_key (issuer, key, profiles, crl_shards) VALUES ($1, $2, $3, $4)";
const ADD_CRL_HEAD: &str = "INSERT INTO crl_head (issuer, number) VALUES ($1, 0)";
const ALL: &str = "SELECT i.id, i.root, i.certificate, k.key, k.profiles, k.crl_shards, i.sm2_id, k.retired FROM issuer i \
     JOIN issuer_key k ON k.issuer = i.id ORDER BY CASE WHEN i.root THEN 0 ELSE 1 END, i.id";
const RETIRE: &str = "UPDATE issuer_key SET retired = $2 WHERE issuer = $1 AND retired IS NULL";
const RETIRED: &str = "SELECT retired FROM issuer_key WHERE issuer = $1";
const ADD_RESPONDER_KEY: &str = "INSERT INTO responder_key (issuer, spki_sha256, registered) VALUES ($1, $2, $3)";
const RESPONDER_KEY: &str = "SELECT registered FROM responder_key WHERE issuer = $1 AND spki_sha256 = $2";

pub(super) const STATEMENTS: &[&str] =
    &[ADD, ADD_KEY, ADD_CRL_HEAD, ALL, RETIRE, RETIRED, ADD_RESPONDER_KEY, RESPONDER_KEY];

type IssuerRow = (String, bool, Vec<u8>, String, String, i16, String, Option<i64>);

fn record(row: IssuerRow) -> Result<IssuerRecord, StoreError> {
    let (id, root, certificate, key, profiles, crl_shards, sm2_id, retired) = row;
    Ok(IssuerRecord {
        profiles: words("issuer_key", &id, &profiles, ProfileName::new)?,
        crl_shards: u16::try_from(crl_shards).map_err(|error| StoreError::odd("issuer_key", &id, error))?,
        sm2_id: parse("issuer", &id, sm2_id)?,
        retired: retired.map(Timestamp::from_unix),
        id: parse("issuer", id.clone(), id)?,
        root,
        certificate,
        key,
    })
}

for_each_driver! { Transaction =>
    #[async_trait]
    impl Issuers for Transaction {
        async fn add_issuer(&mut self, issuer: &IssuerRecord) -> Result<(), StoreError> {
            let done = sqlx::query(ADD)
                .bind(issuer.id.as_str())
                .bind(issuer.root)
                .bind(&issuer.certificate)
                .bind(issuer.sm2_id.as_str())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)?;
            let crl_shards = i16::try_from(issuer.crl_shards)
                .map_err(|error| StoreError::odd("issuer_key", &issuer.id, error))?;
            let profiles: Vec<&str> = issuer.profiles.iter().map(ProfileName::as_str).collect();
            let done = sqlx::query(ADD_KEY)
                .bind(issuer.id.as_str())
                .bind(&issuer.key)
                .bind(profiles.join(","))
                .bind(crl_shards)
                .execute(self.connection())
                .await?;
            expect_rows(ADD_KEY, done.rows_affected(), 1)?;
            let done = sqlx::query(ADD_CRL_HEAD).bind(issuer.id.as_str()).execute(self.connection()).await?;
            Ok(expect_rows(ADD_CRL_HEAD, done.rows_affected(), 1)?)
        }

        async fn issuers(&mut self) -> Result<Vec<IssuerRecord>, StoreError> {
            let rows: Vec<IssuerRow> = sqlx::query_as(ALL).fetch_all(self.connection()).await?;
            rows.into_iter().map(record).collect()
        }

        async fn retire(&mut self, issuer: &IssuerId, at: Timestamp) -> Result<bool, StoreError> {
            let done = sqlx::query(RETIRE).bind(issuer.as_str()).bind(at.unix()).execute(self.connection()).await?;
            Ok(done.rows_affected() == 1)
        }

        async fn retired(&mut self, issuer: &IssuerId) -> Result<Option<Timestamp>, StoreError> {
            let row: Option<(Option<i64>,)> =
                sqlx::query_as(RETIRED).bind(issuer.as_str()).fetch_optional(self.connection()).await?;
            Ok(row.and_then(|(retired,)| retired).map(Timestamp::from_unix))
        }

        async fn add_responder_key(
            &mut self,
            issuer: &IssuerId,
            spki_sha256: Sha256,
            at: Timestamp,
        ) -> Result<(), StoreError> {
            let done = sqlx::query(ADD_RESPONDER_KEY)
                .bind(issuer.as_str())
                .bind(spki_sha256.to_string())
                .bind(at.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_RESPONDER_KEY, done.rows_affected(), 1)?)
        }

        async fn is_responder_key(&mut self, issuer: &IssuerId, spki_sha256: Sha256) -> Result<bool, StoreError> {
            let row: Option<(i64,)> = sqlx::query_as(RESPONDER_KEY)
                .bind(issuer.as_str())
                .bind(spki_sha256.to_string())
                .fetch_optional(self.connection())
                .await?;
            Ok(row.is_some())
        }
    }
}
