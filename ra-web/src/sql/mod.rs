//! The registration office's tables on SQLite and PostgreSQL: rules as in [`ca_core::sql`].

use ca_core::sql::migrations;
use sqlx::migrate::Migrator;

pub mod sessions;

/// The schema of the office's database, forward only.
#[must_use]
pub fn office_migrations() -> Migrator {
    migrations(&[
        (1, "sessions", include_str!("../../migrations/0001_sessions.sql")),
        (2, "audit", include_str!("../../migrations/0002_audit.sql")),
        (3, "login", include_str!("../../migrations/0003_login.sql")),
    ])
}

#[cfg(test)]
pub(crate) mod testing;
