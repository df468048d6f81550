//! The office's store on either engine.

use async_trait::async_trait;
use ca_core::for_each_backend;
use ca_core::sql::{Database, DatabaseError, SqlTx};
use sqlx::{Postgres, Sqlite};

use crate::store::{Store, Tx};

/// The office's store.
#[derive(Clone, Debug)]
pub struct OfficeStore(pub Database);

#[async_trait]
impl Store for OfficeStore {
    async fn begin(&self) -> Result<Box<dyn Tx>, DatabaseError> {
        Ok(match &self.0 {
            Database::Sqlite { writer, .. } => Box::new(SqlTx::<Sqlite>::begin(writer).await?),
            Database::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin(pool).await?),
        })
    }

    async fn read(&self) -> Result<Box<dyn Tx>, DatabaseError> {
        Ok(match &self.0 {
            Database::Sqlite { reader, .. } => Box::new(SqlTx::<Sqlite>::begin_read(reader).await?),
            Database::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin_read(pool).await?),
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Tx for SqlTx {
        async fn commit(self: Box<Self>) -> Result<(), DatabaseError> {
            (*self).commit().await
        }
    }
}
