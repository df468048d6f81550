//! Pools, transactions and the macro that writes one body for both engines.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, MigrationType};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgPool, Postgres, SqlSafeStr as _, Sqlite, SqlitePool};

use super::group::{Engine, Unit};

/// Why storage did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The engine said no, or is away.
    #[error("the database failed: {0}")]
    Engine(#[from] sqlx::Error),
    /// SQLite said no to a statement of the authority's own writer.
    #[error("the database failed: {0}")]
    Direct(#[from] rusqlite::Error),
    /// A migration does not fit the schema that is there.
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A migration is still to be applied.
    #[error("the schema is behind: migration {0} is not applied, run the migrate command")]
    SchemaBehind(i64),
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
    /// The transaction that this unit of work shared with others failed, for all of them.
    #[error(transparent)]
    Shared(Arc<DatabaseError>),
    /// The transaction that this unit of work shared with others was rolled back because of another one.
    #[error("the transaction was rolled back because of another unit of work")]
    Undone,
    /// Too many writers were before this one.
    #[error("the writers before this one took too long")]
    Crowded,
    /// Not a database URL that we know.
    #[error("a database URL starts with sqlite: or postgres:")]
    Url,
}

impl DatabaseError {
    /// Whether a unique or primary key stood in the way.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Engine(sqlx::Error::Database(error)) => error.kind() == sqlx::error::ErrorKind::UniqueViolation,
            // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
            Self::Direct(rusqlite::Error::SqliteFailure(error, _)) => matches!(error.extended_code, 1555 | 2067),
            _ => false,
        }
    }

    /// Whether a text was bound that the engine cannot hold: NUL in PostgreSQL (22021 character_not_in_repertoire, 22P05
    /// untranslatable_character). SQLite takes any.
    #[must_use]
    pub fn is_impossible_text(&self) -> bool {
        match self {
            Self::Engine(sqlx::Error::Database(error)) => matches!(error.code().as_deref(), Some("22021" | "22P05")),
            Self::Shared(error) => error.is_impossible_text(),
            _ => false,
        }
    }

    /// Whether another transaction got in first, so that the same use case may succeed when run again:
    /// PostgreSQL's serialization failure (40001) and deadlock (40P01), SQLite's BUSY (5) and its extended codes.
    #[must_use]
    pub fn is_contention(&self) -> bool {
        let error = match self {
            Self::Engine(sqlx::Error::Database(error)) => error,
            Self::Shared(error) => return error.is_contention(),
            Self::Direct(rusqlite::Error::SqliteFailure(error, _)) => return error.extended_code & 0xff == 5,
            Self::Undone => return true,
            _ => return false,
        };
        match error.code().as_deref() {
            Some("40001" | "40P01") => true,
            Some(code) if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() => {
                code.parse::<i32>().is_ok_and(|code| code & 0xff == 5)
            }
            _ => false,
        }
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
                // 32 MiB of pages: the inner nodes of every index of ten million certificates.
                .pragma("cache_size", "-32768")
                // Pages in the log before they are moved to the file, 64 MiB: what comes together is moved once.
                .pragma("wal_autocheckpoint", "16000")
                // The journal of a statement of many rows would be a file of its own.
                .pragma("temp_store", "memory")
                .statement_cache_capacity(256)
                .busy_timeout(Duration::from_secs(3));
            let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
            let reader =
                SqlitePoolOptions::new().max_connections(4).connect_with(options.pragma("query_only", "1")).await?;
            Ok(Self::Sqlite { writer, reader })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?
                .options([("statement_timeout", "10s"), ("idle_in_transaction_session_timeout", "30s")]);
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
            Self::Postgres(pool) => {
                // A connection of its own: building an index may take longer than any other statement may.
                let mut connection = pool.acquire().await?.detach();
                sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
                migrator.run(&mut connection).await?;
                connection.close().await?;
            }
        }
        Ok(())
    }

    /// Whether every migration is applied, unchanged: what a server asks before it serves.
    ///
    /// # Errors
    /// [`DatabaseError::SchemaBehind`] or [`DatabaseError::Migration`] names the first that is missing or differs.
    pub async fn check_schema(&self, migrator: &sqlx::migrate::Migrator) -> Result<(), DatabaseError> {
        let applied = match self {
            Self::Sqlite { reader, .. } => applied(&mut *reader.acquire().await?, migrator).await?,
            Self::Postgres(pool) => applied(&mut *pool.acquire().await?, migrator).await?,
        };
        for wanted in migrator.iter() {
            match applied.iter().find(|done| done.version == wanted.version) {
                None => return Err(DatabaseError::SchemaBehind(wanted.version)),
                Some(done) if done.checksum != wanted.checksum => {
                    return Err(MigrateError::VersionMismatch(wanted.version).into());
                }
                Some(_) => {}
            }
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

async fn applied<C: Migrate>(
    connection: &mut C,
    migrator: &sqlx::migrate::Migrator,
) -> Result<Vec<AppliedMigration>, MigrateError> {
    match connection.list_applied_migrations(&migrator.table_name).await {
        // Without the table nothing is applied.
        Err(MigrateError::Execute(sqlx::Error::Database(_))) => Ok(Vec::new()),
        other => other,
    }
}

/// The migrations of one database, from `(number, name, SQL)`: one text for both engines, forward only.
#[must_use]
pub fn migrations(steps: &[(i64, &'static str, &'static str)]) -> sqlx::migrate::Migrator {
    let steps = steps.iter().map(|(version, name, sql)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    sqlx::migrate::Migrator::with_migrations(steps.collect())
}

/// A unit of work on one engine. Dropped without [`SqlTx::commit`] it is rolled back.
#[derive(Debug)]
pub struct SqlTx<DB: Engine>(Hold<DB>);

#[derive(Debug)]
enum Hold<DB: Engine> {
    /// A transaction of its own.
    Alone(sqlx::Transaction<'static, DB>),
    /// A part of one that is shared.
    Together(Unit<DB>),
}

impl<DB: Engine> SqlTx<DB> {
    /// Rows in one statement at most. Not more: sqlx looks each parameter's name up, which SQLite does by walking
    /// through all of them.
    pub(super) const MOST_ROWS: usize = 16;
    /// [`Engine::TELL`].
    pub(super) const TELL: Option<&'static str> = DB::TELL;

    /// A part of a transaction that is shared.
    pub(super) const fn together(unit: Unit<DB>) -> Self {
        Self(Hold::Together(unit))
    }

    /// The connection to run statements on.
    pub fn connection(&mut self) -> &mut DB::Connection {
        match &mut self.0 {
            Hold::Alone(transaction) => transaction,
            Hold::Together(unit) => unit.connection(),
        }
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing was written, or the engine's answer was lost.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        match self.0 {
            Hold::Alone(transaction) => Ok(transaction.commit().await?),
            Hold::Together(unit) => unit.commit().await,
        }
    }
}

impl SqlTx<Sqlite> {
    /// Begins a write.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin(writer: &SqlitePool) -> Result<Self, DatabaseError> {
        Ok(Self(Hold::Alone(writer.begin_with(Sqlite::BEGIN).await?)))
    }

    /// Begins a read over one state of the database.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin_read(reader: &SqlitePool) -> Result<Self, DatabaseError> {
        Ok(Self(Hold::Alone(reader.begin().await?)))
    }
}

impl SqlTx<Postgres> {
    /// Begins a write.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin(pool: &PgPool) -> Result<Self, DatabaseError> {
        Ok(Self(Hold::Alone(pool.begin_with(Postgres::BEGIN).await?)))
    }

    /// Begins a read over one state of the database.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`].
    pub async fn begin_read(pool: &PgPool) -> Result<Self, DatabaseError> {
        Ok(Self(Hold::Alone(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)))
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

/// Declares a row struct, private unless it says otherwise, and reads it by column names from either engine.
#[macro_export]
macro_rules! sql_row {
    ($vis:vis $name:ident { $($column:ident : $kind:ty),* $(,)? }) => {
        $vis struct $name { $($vis $column: $kind),* }

        impl<'r, R: ::sqlx::Row> ::sqlx::FromRow<'r, R> for $name
        where
            &'static str: ::sqlx::ColumnIndex<R>,
            String: ::sqlx::Decode<'r, R::Database> + ::sqlx::Type<R::Database>,
            Vec<u8>: ::sqlx::Decode<'r, R::Database> + ::sqlx::Type<R::Database>,
            i64: ::sqlx::Decode<'r, R::Database> + ::sqlx::Type<R::Database>,
            i16: ::sqlx::Decode<'r, R::Database> + ::sqlx::Type<R::Database>,
        {
            fn from_row(row: &'r R) -> Result<Self, ::sqlx::Error> {
                Ok(Self { $($column: row.try_get(stringify!($column))?),* })
            }
        }
    };
}

/// [`for_each_backend`](crate::for_each_backend) for the authority's own tables: once more with `$tx` = the writer of
/// SQLite that runs statements where they are called, whose `query` and `query_as` take the place of sqlx's.
macro_rules! for_each_driver {
    ($tx:ident => $($items:item)*) => {
        $crate::for_each_backend! { $tx => $($items)* }
        const _: () = {
            use $crate::sql::direct::{self as sqlx, DirectTx as $tx};
            $($items)*
        };
    };
}
pub(super) use for_each_driver;
