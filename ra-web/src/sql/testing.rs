//! Databases for tests.

use ca_core::sql::Database;
use sqlx::migrate::Migrator;

/// A migrated database that goes away with the value.
pub(crate) struct Fresh {
    pub(crate) database: Database,
    _folder: tempfile::TempDir,
}

/// One fresh database of each engine that is at hand.
pub(crate) async fn databases(migrator: &Migrator) -> Vec<Fresh> {
    vec![sqlite(migrator).await]
}

/// A fresh SQLite database.
pub(crate) async fn sqlite(migrator: &Migrator) -> Fresh {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let database = Database::open(&url, true).await.expect("a SQLite file");
    database.migrate(migrator).await.expect("migrations for SQLite");
    Fresh { database, _folder: folder }
}
