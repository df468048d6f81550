//! [`SqlStore`]: the authority's store on either engine.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::{Postgres, Sqlite};

use super::direct::{Direct, DirectTx, Slot};
use super::group::Writers;
use super::many::Many;
use super::{Database, DatabaseError, SqlTx, migrations};
use crate::for_each_backend;
use crate::store::{Store, StoreError, Tx};

/// The schema of the authority's database.
#[must_use]
pub fn authority_migrations() -> Migrator {
    migrations(&[
        (1, "status", include_str!("../../migrations/0001_status.sql")),
        (2, "authority", include_str!("../../migrations/0002_authority.sql")),
        (3, "audit", include_str!("../../migrations/0003_audit.sql")),
        (4, "pairs", include_str!("../../migrations/0004_pairs.sql")),
        (5, "lists", include_str!("../../migrations/0005_lists.sql")),
        (7, "sm2_id", include_str!("../../migrations/0007_sm2_id.sql")),
        (8, "unusable", include_str!("../../migrations/0008_unusable.sql")),
        (9, "replacement", include_str!("../../migrations/0009_replacement.sql")),
        (10, "invalidity", include_str!("../../migrations/0010_invalidity.sql")),
        (11, "fewer_indexes", include_str!("../../migrations/0011_fewer_indexes.sql")),
    ])
}

/// The authority's store. Its writers take turns and share transactions ([`super::group`]), on PostgreSQL too: the
/// audit chain has one end, so that two at once would only make each other begin again.
#[derive(Clone, Debug)]
pub struct SqlStore {
    database: Database,
    writers: Arc<Engines>,
}

#[derive(Debug)]
enum Engines {
    Sqlite(Writers<Direct>, Arc<Slot>),
    Postgres(Writers<Postgres>),
}

impl SqlStore {
    /// A store on a database whose schema is [`authority_migrations`].
    #[must_use]
    pub fn new(database: Database) -> Self {
        let writers = match &database {
            Database::Sqlite { writer, .. } => {
                let options = writer.connect_options();
                let file = options.get_filename();
                Engines::Sqlite(Writers::new(Slot::new(file)), Slot::reading(file))
            }
            Database::Postgres(pool) => Engines::Postgres(Writers::new(pool.clone())),
        };
        Self { database, writers: Arc::new(writers) }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A unit of work that ends well but spoils the transaction that it shares: SQLite refuses the commit because
    /// of a foreign key, PostgreSQL loses its connection.
    #[cfg(test)]
    pub(super) async fn break_commit(&self) -> Result<(), DatabaseError> {
        match &*self.writers {
            Engines::Sqlite(writers, _) => {
                let mut unit = writers.begin().await?;
                let spoil =
                    "PRAGMA defer_foreign_keys = ON; INSERT INTO crl_head (issuer, number) VALUES ('nobody', 1)";
                <Direct as super::group::Grouped>::run(unit.connection(), spoil).await?;
                unit.commit().await
            }
            Engines::Postgres(writers) => {
                let mut unit = writers.begin().await?;
                let (pid,): (i32,) =
                    sqlx::query_as("SELECT pg_backend_pid()").fetch_one(&mut **unit.connection()).await?;
                if let Database::Postgres(pool) = &self.database {
                    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(pool).await?;
                }
                unit.commit().await
            }
        }
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        Ok(match &*self.writers {
            Engines::Sqlite(writers, _) => Box::new(DirectTx::new(writers.begin().await?)),
            Engines::Postgres(writers) => Box::new(SqlTx::together(writers.begin().await?)),
        })
    }

    async fn begin_read(&self) -> Result<Box<dyn Tx>, StoreError> {
        Ok(match &self.database {
            Database::Sqlite { reader, .. } => Box::new(SqlTx::<Sqlite>::begin_read(reader).await?),
            Database::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin_read(pool).await?),
        })
    }

    async fn begin_scan(&self) -> Result<Box<dyn Tx>, StoreError> {
        match &*self.writers {
            Engines::Sqlite(_, reading) => Ok(Box::new(DirectTx::begin_scan(reading).await?)),
            Engines::Postgres(_) => self.begin_read().await,
        }
    }
}

#[async_trait]
impl Tx for DirectTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok((*self).commit().await?)
    }
}

for_each_backend! { Transaction =>
    #[async_trait]
    impl Tx for Transaction {
        async fn commit(self: Box<Self>) -> Result<(), StoreError> {
            Ok((*self).commit().await?)
        }
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        match error {
            error if error.is_contention() || error.is_conflict() => Self::Contended,
            DatabaseError::OddRow { table, id, what } => Self::Inconsistent { table, id, what },
            error => Self::Unavailable(Box::new(error)),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

/// Every statement of the authority's store, for the test that prepares each on both engines.
#[must_use]
pub fn statements() -> Vec<&'static str> {
    use super::{audit, certificates, crls, issuers, orders, registry, statuses};
    let of_many = [&orders::OF_MANY[..], &certificates::OF_MANY, &statuses::OF_MANY, &audit::OF_MANY].concat();
    let fixed = [
        orders::STATEMENTS,
        certificates::STATEMENTS,
        registry::STATEMENTS,
        statuses::STATEMENTS,
        issuers::STATEMENTS,
        crls::STATEMENTS,
        audit::STATEMENTS,
    ];
    fixed.concat().into_iter().chain(of_many.into_iter().flat_map(Many::texts)).collect()
}
