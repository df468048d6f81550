//! The login tables, on both engines. `migrations*/…_login.sql` makes them.

use async_trait::async_trait;
use ca_core::domain::{Sha256, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{Database, DatabaseError, SqlTx, expect_rows};
use sqlx::{ColumnIndex, Decode, FromRow, Postgres, Row, Sqlite, Type};

use super::{BrowserSession, Challenge, ChallengeTaken, LoginRecord, Outcome, PastLogin, StatusEvidence};
use crate::audit::AuditTx;

const KEEP: &str = "INSERT INTO login_challenge (id, browser, expires) VALUES ($1, $2, $3)";
const SWEEP: &str = "DELETE FROM login_challenge WHERE expires < $1";
const TAKE: &str = "DELETE FROM login_challenge WHERE id = $1 AND browser = $2 RETURNING id";
const ANSWERED: &str = "SELECT id FROM login_record WHERE challenge = $1";
const RECORD: &str = "INSERT INTO login_record \
    (id, challenge, at, outcome, account, certificate, statement, signature, status_source, \
     status_evidence) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const RECORD_BY_ID: &str = "SELECT id, challenge, at, outcome, account, certificate, statement, signature, \
    status_source, status_evidence FROM login_record WHERE id = $1";
const LATEST: &str = "SELECT id, at FROM login_record WHERE account = $1 ORDER BY at DESC, id DESC LIMIT $2";

/// Every statement of this module, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[KEEP, SWEEP, TAKE, ANSWERED, RECORD, RECORD_BY_ID, LATEST];

/// What login needs of a unit of work.
#[async_trait]
pub trait LoginTx: AuditTx {
    /// Stores a challenge for a browser.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_challenge(&mut self, challenge: &Challenge, browser: BrowserSession) -> Result<(), DatabaseError>;

    /// Forgets challenges that expired before a moment; answers how many.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn sweep_challenges(&mut self, before: Timestamp) -> Result<u64, DatabaseError>;

    /// Takes a challenge out of the store: at most one caller ever gets it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn take_challenge(
        &mut self,
        id: Sha256,
        browser: BrowserSession,
    ) -> Result<Option<ChallengeTaken>, DatabaseError>;

    /// Whether a challenge was answered before.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn was_answered(&mut self, id: Sha256) -> Result<bool, DatabaseError>;

    /// Writes the record of an answered challenge.
    ///
    /// # Errors
    /// [`DatabaseError`]; a second record of one challenge is a conflict.
    async fn record_login(&mut self, record: &LoginRecord) -> Result<(), DatabaseError>;

    /// A record by its id.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn login_record(&mut self, id: &str) -> Result<Option<LoginRecord>, DatabaseError>;

    /// An account's last logins that opened a session, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn latest_logins(&mut self, account: &str, limit: i64) -> Result<Vec<PastLogin>, DatabaseError>;

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing was written.
    async fn commit(self: Box<Self>) -> Result<(), DatabaseError>;
}

/// Begins units of work for login.
#[async_trait]
pub trait LoginStore: Send + Sync + 'static {
    /// Begins one that writes.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn begin_login(&self) -> Result<Box<dyn LoginTx>, DatabaseError>;
}

#[async_trait]
impl LoginStore for Database {
    async fn begin_login(&self) -> Result<Box<dyn LoginTx>, DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Box::new(SqlTx::<Sqlite>::begin(writer).await?),
            Self::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin(pool).await?),
        })
    }
}

struct RecordRow {
    id: String,
    challenge: String,
    at: i64,
    outcome: String,
    account: Option<String>,
    certificate: Option<Vec<u8>>,
    statement: Vec<u8>,
    signature: Vec<u8>,
    status_source: Option<String>,
    status_evidence: Option<Vec<u8>>,
}

impl<'r, R: Row> FromRow<'r, R> for RecordRow
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            challenge: row.try_get("challenge")?,
            at: row.try_get("at")?,
            outcome: row.try_get("outcome")?,
            account: row.try_get("account")?,
            certificate: row.try_get("certificate")?,
            statement: row.try_get("statement")?,
            signature: row.try_get("signature")?,
            status_source: row.try_get("status_source")?,
            status_evidence: row.try_get("status_evidence")?,
        })
    }
}

impl TryFrom<RecordRow> for LoginRecord {
    type Error = DatabaseError;

    fn try_from(row: RecordRow) -> Result<Self, DatabaseError> {
        let id = row.id.clone();
        let odd = |what: &str| DatabaseError::OddRow { table: "login_record", id: id.clone(), what: what.to_owned() };
        let outcome = match (row.outcome.as_str(), row.account) {
            ("opened", Some(account)) => Outcome::Opened { account },
            ("opened", None) => return Err(odd("opened without an account")),
            (_, Some(_)) => return Err(odd("refused with an account")),
            (_, None) => Outcome::Refused { code: row.outcome },
        };
        let status_evidence = match (row.status_source.as_deref(), row.status_evidence) {
            (None, None) => None,
            (Some("ocsp"), Some(response)) => Some(StatusEvidence::Ocsp(response)),
            (Some("crl"), Some(hash)) => {
                let hash = hash.try_into().map_err(|_| odd("the hash of a CRL is not a hash"))?;
                Some(StatusEvidence::Crl(Sha256(hash)))
            }
            _ => return Err(odd("evidence of no known source")),
        };
        Ok(Self {
            challenge: row.challenge.parse().map_err(|_| odd("challenge"))?,
            id: row.id,
            at: Timestamp::from_unix(row.at),
            outcome,
            certificate: row.certificate,
            statement: row.statement,
            signature: row.signature,
            status_evidence,
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl LoginTx for Tx {
        async fn keep_challenge(
            &mut self,
            challenge: &Challenge,
            browser: BrowserSession,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(KEEP)
                .bind(challenge.id().to_string())
                .bind(browser.hash().to_string())
                .bind(challenge.expires().unix())
                .execute(self.connection())
                .await?;
            expect_rows(KEEP, done.rows_affected(), 1)
        }

        async fn sweep_challenges(&mut self, before: Timestamp) -> Result<u64, DatabaseError> {
            Ok(sqlx::query(SWEEP).bind(before.unix()).execute(self.connection()).await?.rows_affected())
        }
        async fn take_challenge(
            &mut self,
            id: Sha256,
            browser: BrowserSession,
        ) -> Result<Option<ChallengeTaken>, DatabaseError> {
            let row: Option<(String,)> = sqlx::query_as(TAKE)
                .bind(id.to_string())
                .bind(browser.hash().to_string())
                .fetch_optional(self.connection())
                .await?;
            Ok(row.map(|_| ChallengeTaken::new(id)))
        }

        async fn was_answered(&mut self, id: Sha256) -> Result<bool, DatabaseError> {
            let row: Option<(String,)> =
                sqlx::query_as(ANSWERED).bind(id.to_string()).fetch_optional(self.connection()).await?;
            Ok(row.is_some())
        }

        async fn record_login(&mut self, record: &LoginRecord) -> Result<(), DatabaseError> {
            let (source, evidence) = match &record.status_evidence {
                None => (None, None),
                Some(StatusEvidence::Ocsp(response)) => (Some("ocsp"), Some(response.as_slice())),
                Some(StatusEvidence::Crl(hash)) => (Some("crl"), Some(hash.0.as_slice())),
            };
            let done = sqlx::query(RECORD)
                .bind(&record.id)
                .bind(record.challenge.to_string())
                .bind(record.at.unix())
                .bind(record.outcome.word())
                .bind(record.outcome.account())
                .bind(record.certificate.as_deref())
                .bind(record.statement.as_slice())
                .bind(record.signature.as_slice())
                .bind(source)
                .bind(evidence)
                .execute(self.connection())
                .await?;
            expect_rows(RECORD, done.rows_affected(), 1)
        }

        async fn login_record(&mut self, id: &str) -> Result<Option<LoginRecord>, DatabaseError> {
            let row: Option<RecordRow> =
                sqlx::query_as(RECORD_BY_ID).bind(id).fetch_optional(self.connection()).await?;
            row.map(LoginRecord::try_from).transpose()
        }

        async fn latest_logins(&mut self, account: &str, limit: i64) -> Result<Vec<PastLogin>, DatabaseError> {
            let rows: Vec<(String, i64)> =
                sqlx::query_as(LATEST).bind(account).bind(limit).fetch_all(self.connection()).await?;
            Ok(rows.into_iter().map(|(id, at)| PastLogin { id, at: Timestamp::from_unix(at) }).collect())
        }

        async fn commit(self: Box<Self>) -> Result<(), DatabaseError> {
            SqlTx::commit(*self).await
        }
    }
}

#[cfg(test)]
mod tests;
