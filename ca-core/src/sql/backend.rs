//! Pools, transactions and the macro that writes one body for both engines.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};

/// Why storage did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The engine said no, or is away.
    #[error("the database failed: {0}")]
    Engine(#[from] sqlx::Error),
    /// A migration does not fit the schema that is there.
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A write touched another number of rows than it must; the transaction is rolled back.
    #[error("{statement} touched {touched} rows, expected {expected}")]
    RowCount {
        /// What was written.
        statement: &'static str,
        /// How many rows it had to touch.
        expected: u64,
        /// How many it did.
        touched: u64,
    },
    /// A row that the types do not allow.
    #[error("row {id} of {table} cannot be: {what}")]
    OddRow {
        /// Table.
        table: &'static str,
        /// Key of the row.
        id: String,
        /// What is odd.
        what: String,
    },
    /// Not a database URL that we know.
    #[error("a database URL starts with sqlite: or postgres:")]
    Url,
}

impl DatabaseError {
    /// Whether a unique or primary key stood in the way.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Engine(sqlx::Error::Database(e)) if e.kind() == sqlx::error::ErrorKind::UniqueViolation)
    }
}

/// One database: SQLite with one writer and a few readers, or a PostgreSQL pool.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file on this machine.
    Sqlite {
        /// The one connection that writes.
        writer: SqlitePool,
        /// Connections that only read.
        reader: SqlitePool,
    },
    /// A PostgreSQL server.
    Postgres(PgPool),
}

impl Database {
    /// Opens `sqlite:PATH` or `postgres://…`. A SQLite file must exist unless `create` is set, so that a
    /// wrong path cannot found a new database.
    ///
    /// # Errors
    /// [`DatabaseError`] when the URL is no database URL or the database cannot be opened.
    pub async fn open(url: &str, create: bool) -> Result<Self, DatabaseError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(create)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(5));
            let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
            let reader =
                SqlitePoolOptions::new().max_connections(4).connect_with(options.pragma("query_only", "1")).await?;
            Ok(Self::Sqlite { writer, reader })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?;
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(5))
                .connect_with(options)
                .await?;
            Ok(Self::Postgres(pool))
        } else {
            Err(DatabaseError::Url)
        }
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// [`DatabaseError::Migration`].
    pub async fn migrate(&self, migrator: &sqlx::migrate::Migrator) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite { writer, .. } => migrator.run(writer).await?,
            Self::Postgres(pool) => migrator.run(pool).await?,
        }
        Ok(())
    }

    /// Closes all connections, after what they do now.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// One transaction on one engine: a unit of work. Dropped without [`SqlTx::commit`] it is rolled back.
#[derive(Debug)]
pub struct SqlTx<DB: sqlx::Database> {
    tx: sqlx::Transaction<'static, DB>,
}

impl<DB: sqlx::Database> SqlTx<DB> {
    /// The connection to run statements on.
    pub fn connection(&mut self) -> &mut DB::Connection {
        &mut self.tx
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`]; then nothing was written.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        Ok(self.tx.commit().await?)
    }
}

impl SqlTx<Sqlite> {
    /// Begins a write: takes the lock at once, since a deferred transaction that upgrades fails.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin(writer: &SqlitePool) -> Result<Self, DatabaseError> {
        Ok(Self { tx: writer.begin_with("BEGIN IMMEDIATE").await? })
    }

    /// Begins a read over one state of the database.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin_read(reader: &SqlitePool) -> Result<Self, DatabaseError> {
        Ok(Self { tx: reader.begin().await? })
    }
}

impl SqlTx<Postgres> {
    /// Begins a write. Serializable, so that what a use case read still holds when it commits.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin(pool: &PgPool) -> Result<Self, DatabaseError> {
        Ok(Self { tx: pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await? })
    }

    /// Begins a read over one state of the database.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin_read(pool: &PgPool) -> Result<Self, DatabaseError> {
        Ok(Self { tx: pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await? })
    }
}

/// Fails unless a write touched exactly `expected` rows.
///
/// # Errors
/// [`DatabaseError::RowCount`].
pub fn expect_rows(statement: &'static str, touched: u64, expected: u64) -> Result<(), DatabaseError> {
    if touched == expected { Ok(()) } else { Err(DatabaseError::RowCount { statement, expected, touched }) }
}

/// Writes items twice, once with `$tx` = `SqlTx<Sqlite>` and once with `$tx` = `SqlTx<Postgres>`.
///
/// ```ignore
/// for_each_backend! { Tx =>
///     #[async_trait]
///     impl Cases for Tx {
///         async fn open(&mut self, id: &str) -> Result<(), DatabaseError> {
///             let done = sqlx::query(OPEN).bind(id).execute(self.connection()).await?;
///             expect_rows(OPEN, done.rows_affected(), 1)
///         }
///     }
/// }
/// ```
#[macro_export]
macro_rules! for_each_backend {
    ($tx:ident => $($items:item)*) => {
        const _: () = { type $tx = $crate::sql::SqlTx<::sqlx::Sqlite>; $($items)* };
        const _: () = { type $tx = $crate::sql::SqlTx<::sqlx::Postgres>; $($items)* };
    };
}
