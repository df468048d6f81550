//! [`SqlStore`]: the authority's store on either engine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use tokio::sync::Mutex;

use super::{Database, DatabaseError, SqlTx, migrations};
use crate::for_each_backend;
use crate::store::{Store, StoreError, Tx};

/// How long a writer waits for those before it. A caller of the socket waits 15 seconds for everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// The schema of the authority's database.
#[must_use]
pub fn authority_migrations() -> Migrator {
    migrations(&[
        (1, "status", include_str!("../../migrations/0001_status.sql")),
        (2, "authority", include_str!("../../migrations/0002_authority.sql")),
        (3, "audit", include_str!("../../migrations/0003_audit.sql")),
        (4, "pairs", include_str!("../../migrations/0004_pairs.sql")),
        (5, "lists", include_str!("../../migrations/0005_lists.sql")),
    ])
}

/// The authority's store. Its writers take turns, on PostgreSQL too: the audit chain has one end, so that two at
/// once would only make each other begin again.
#[derive(Clone, Debug)]
pub struct SqlStore {
    database: Database,
    turn: Arc<Mutex<()>>,
}

impl SqlStore {
    /// A store on a database whose schema is [`authority_migrations`].
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, turn: Arc::new(Mutex::new(())) }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let turn = tokio::time::timeout(PATIENCE, self.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|elapsed| StoreError::Unavailable(Box::new(elapsed)))?;
        Ok(match &self.database {
            Database::Sqlite { writer, .. } => Box::new(SqlTx::<sqlx::Sqlite>::begin(writer).await?.in_turn(turn)),
            Database::Postgres(pool) => Box::new(SqlTx::<sqlx::Postgres>::begin(pool).await?.in_turn(turn)),
        })
    }

    async fn begin_read(&self) -> Result<Box<dyn Tx>, StoreError> {
        Ok(match &self.database {
            Database::Sqlite { reader, .. } => Box::new(SqlTx::<sqlx::Sqlite>::begin_read(reader).await?),
            Database::Postgres(pool) => Box::new(SqlTx::<sqlx::Postgres>::begin_read(pool).await?),
        })
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

/// Every statement of the authority's store, for the test that prepares each on both engines.
#[must_use]
pub fn statements() -> Vec<&'static str> {
    [
        super::orders::STATEMENTS,
        super::certificates::STATEMENTS,
        super::registry::STATEMENTS,
        super::statuses::STATEMENTS,
        super::issuers::STATEMENTS,
        super::crls::STATEMENTS,
        super::audit::STATEMENTS,
    ]
    .concat()
}
