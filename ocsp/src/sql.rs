//! The authority's database, read-only: issuers, statuses, status log (`ca-core/migrations/0001_status.sql`).

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use ca_core::domain::{CertificateStatus, IssuerId, Serial, Sm2Id, StatusChange, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, STATUS_CHANNEL, SqlTx};
use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};

use crate::feed::{Position, ROUND_MAX, Round, Sink, StatusSource};
use crate::wakes::{Bell, Listening};

const ISSUERS: &str = "SELECT id, certificate, sm2_id FROM issuer ORDER BY id";
const HEAD: &str = "SELECT head, beat FROM feed WHERE id = 1";
const STATUSES: &str = "SELECT serial, status, reason, since FROM certificate_status WHERE issuer = $1 ORDER BY serial";
const LINES: &str = "SELECT seq, issuer, serial, status, reason, since, not_after FROM status_log \
     WHERE seq >= $1 ORDER BY seq LIMIT $2";

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);

type Line = (i64, String, String, i16, i16, i64, i64);

/// Connections that can only read.
#[derive(Clone, Debug)]
pub(crate) enum StatusDatabase {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl StatusDatabase {
    /// Opens `sqlite:PATH` (which must exist) or `postgres://…` for reading.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) async fn open(url: &str) -> Result<Self, DatabaseError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?.read_only(true).busy_timeout(PATIENCE);
            let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
            Ok(Self::Sqlite(pool.connect_with(options.pragma("query_only", "1")).await?))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?.options([("default_transaction_read_only", "on")]);
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
            Ok(Self::Postgres(pool.connect_with(options).await?))
        } else {
            Err(DatabaseError::Url)
        }
    }

    /// The CAs with their certificates and the ids of their SM2 keys, roots included.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) async fn issuers(&self) -> Result<Vec<(IssuerId, Vec<u8>, Sm2Id)>, DatabaseError> {
        let rows: Vec<(String, Vec<u8>, String)> = match self {
            Self::Sqlite(pool) => sqlx::query_as(ISSUERS).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_as(ISSUERS).fetch_all(pool).await?,
        };
        let issuer = |(id, certificate, sm2_id): (String, Vec<u8>, String)| {
            let odd = |_| DatabaseError::OddRow { table: "issuer", id: id.clone(), what: "sm2_id".to_owned() };
            let sm2_id = sm2_id.parse().map_err(odd)?;
            Ok((issuer_id(id, "issuer")?, certificate, sm2_id))
        };
        rows.into_iter().map(issuer).collect()
    }

    /// What hears the authority tell that the log has grown; `None` for an engine that tells nobody.
    pub(crate) fn bell(&self) -> Option<Box<dyn Bell>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(pool) => Some(Box::new(PostgresBell(pool.clone()))),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// LISTEN, on a connection of its own: the feed's is busy with reading.
struct PostgresBell(PgPool);

#[async_trait]
impl Bell for PostgresBell {
    async fn listen(&self) -> Result<Box<dyn Listening>, DatabaseError> {
        let options = (*self.0.connect_options()).clone().application_name("yinxin-ocsp-wake");
        // No time-outs: it waits for as long as nothing happens.
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(PATIENCE).connect_with(options).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        // Connecting again is the caller's, who waits between two tries.
        listener.eager_reconnect(false);
        // The pool is closed by nobody, it goes with the listener.
        listener.ignore_pool_close_event(true);
        listener.listen(STATUS_CHANNEL).await?;
        Ok(Box::new(listener))
    }
}

#[async_trait]
impl Listening for PgListener {
    async fn told(&mut self) -> Result<bool, DatabaseError> {
        Ok(self.try_recv().await?.is_some())
    }
}

#[async_trait]
impl StatusSource for StatusDatabase {
    async fn snapshot(&mut self, issuers: &[IssuerId], sink: Sink<'_>) -> Result<Position, DatabaseError> {
        match self {
            Self::Sqlite(pool) => SqlTx::<sqlx::Sqlite>::begin_read(pool).await?.snapshot(issuers, sink).await,
            Self::Postgres(pool) => SqlTx::<sqlx::Postgres>::begin_read(pool).await?.snapshot(issuers, sink).await,
        }
    }

    async fn lines(&mut self, from: i64) -> Result<Round, DatabaseError> {
        match self {
            Self::Sqlite(pool) => SqlTx::<sqlx::Sqlite>::begin_read(pool).await?.lines(from).await,
            Self::Postgres(pool) => SqlTx::<sqlx::Postgres>::begin_read(pool).await?.lines(from).await,
        }
    }
}

/// What is read in one transaction, so of one moment.
#[async_trait]
trait Reads {
    async fn snapshot(self, issuers: &[IssuerId], sink: Sink<'_>) -> Result<Position, DatabaseError>;
    async fn lines(self, from: i64) -> Result<Round, DatabaseError>;
}

for_each_backend! { Transaction =>
    #[async_trait]
    impl Reads for Transaction {
        async fn snapshot(mut self, issuers: &[IssuerId], sink: Sink<'_>) -> Result<Position, DatabaseError> {
            let (seq, _): (i64, i64) = sqlx::query_as(HEAD).fetch_one(self.connection()).await?;
            let line: Option<Line> =
                sqlx::query_as(LINES).bind(seq.max(1)).bind(1_i64).fetch_optional(self.connection()).await?;
            for issuer in issuers {
                let mut rows = sqlx::query_as(STATUSES).bind(issuer.as_str()).fetch(self.connection());
                while let Some((number, status, reason, since)) = rows.try_next().await? {
                    let number: String = number;
                    let status = parse_status("certificate_status", &number, (status, reason, since))?;
                    sink(issuer, &parse_serial("certificate_status", &number)?, status);
                }
            }
            self.commit().await?;
            Ok(Position { seq, line: line.map(parse_line).transpose()? })
        }

        async fn lines(mut self, from: i64) -> Result<Round, DatabaseError> {
            let (head, beat): (i64, i64) = sqlx::query_as(HEAD).fetch_one(self.connection()).await?;
            let rows: Vec<Line> = if head >= from {
                sqlx::query_as(LINES).bind(from).bind(ROUND_MAX).fetch_all(self.connection()).await?
            } else {
                Vec::new()
            };
            self.commit().await?;
            let lines = rows.into_iter().map(parse_line).collect::<Result<_, _>>()?;
            Ok(Round { head, beat: Timestamp::from_unix(beat), lines })
        }
    }
}

fn parse_line((seq, issuer, serial, status, reason, since, not_after): Line) -> Result<StatusChange, DatabaseError> {
    let id = seq.to_string();
    Ok(StatusChange {
        seq,
        issuer: issuer_id(issuer, "status_log")?,
        serial: parse_serial("status_log", &serial)?,
        status: parse_status("status_log", &id, (status, reason, since))?,
        not_after: Timestamp::from_unix(not_after),
    })
}

fn issuer_id(text: String, table: &'static str) -> Result<IssuerId, DatabaseError> {
    IssuerId::new(&text).ok_or_else(|| DatabaseError::OddRow { table, id: text, what: "issuer".to_owned() })
}

fn parse_serial(table: &'static str, text: &str) -> Result<Serial, DatabaseError> {
    text.parse().map_err(|_| DatabaseError::OddRow { table, id: text.to_owned(), what: "serial".to_owned() })
}

fn parse_status(table: &'static str, id: &str, codes: (i16, i16, i64)) -> Result<CertificateStatus, DatabaseError> {
    CertificateStatus::from_codes(codes.0, codes.1, codes.2).ok_or_else(|| DatabaseError::OddRow {
        table,
        id: id.to_owned(),
        what: format!("status {codes:?}"),
    })
}

#[cfg(test)]
mod tests {
    use ca_core::sql::{authority_migrations, testing};
    use sqlx::{Executor as _, SqlSafeStr as _};

    use super::*;

    #[tokio::test]
    async fn every_statement_prepares_on_both_engines_and_none_can_write() {
        for fresh in testing::databases(&authority_migrations()).await {
            let database = StatusDatabase::open(&fresh.url).await.expect("opens");
            for statement in [ISSUERS, HEAD, STATUSES, LINES] {
                let prepared = match &database {
                    StatusDatabase::Sqlite(pool) => pool.prepare(statement.into_sql_str()).await.map(drop),
                    StatusDatabase::Postgres(pool) => pool.prepare(statement.into_sql_str()).await.map(drop),
                };
                prepared.unwrap_or_else(|error| panic!("{}: {statement}: {error}", fresh.engine));
            }
            const WRITE: &str = "UPDATE feed SET head = 7";
            let written = match &database {
                StatusDatabase::Sqlite(pool) => sqlx::query(WRITE).execute(pool).await.map(drop),
                StatusDatabase::Postgres(pool) => sqlx::query(WRITE).execute(pool).await.map(drop),
            };
            assert!(written.is_err(), "{} lets the responder write", fresh.engine);
        }
    }

    #[tokio::test]
    async fn a_wrong_path_founds_no_database() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("none.db");
        assert!(StatusDatabase::open(&format!("sqlite:{}", file.display())).await.is_err());
        assert!(!file.exists());
        assert!(matches!(StatusDatabase::open("mysql://x").await, Err(DatabaseError::Url)));
    }
}
