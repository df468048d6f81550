//! The registration office's tables on SQLite and PostgreSQL: rules as in [`ca_core::sql`].

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

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

pub(crate) fn migrations(steps: &[(i64, &'static str, &'static str)]) -> Migrator {
    let steps = steps.iter().map(|(version, name, sql)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}

#[cfg(test)]
pub(crate) mod testing;
