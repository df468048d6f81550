//! The registration office's tables on SQLite and PostgreSQL: rules as in [`ca_core::sql`].

use ca_core::sql::migrations;
use sqlx::migrate::Migrator;

mod cases;
mod certificates;
mod jobs;
mod matters;
mod office;
mod orders;
mod row;
pub mod sessions;
mod tokens;
mod units;

pub use office::OfficeStore;

/// The schema of the office's database, forward only.
#[must_use]
pub fn office_migrations() -> Migrator {
    migrations(&[
        (1, "sessions", include_str!("../../migrations/0001_sessions.sql")),
        (2, "audit", include_str!("../../migrations/0002_audit.sql")),
        (3, "login", include_str!("../../migrations/0003_login.sql")),
        (4, "enrolment", include_str!("../../migrations/0004_enrolment.sql")),
        (5, "pairs", include_str!("../../migrations/0005_pairs.sql")),
        (6, "processes", include_str!("../../migrations/0006_processes.sql")),
        (7, "queue", include_str!("../../migrations/0007_queue.sql")),
        (16, "units", include_str!("../../migrations/0016_units.sql")),
        (21, "tokens", include_str!("../../migrations/0021_tokens.sql")),
        (22, "matters", include_str!("../../migrations/0022_matters.sql")),
        (28, "jobs", include_str!("../../migrations/0028_jobs.sql")),
    ])
}

/// Every statement of the office's tables, for the test that prepares them on both engines.
pub const STATEMENTS: [&[&str]; 8] = [
    sessions::STATEMENTS,
    cases::STATEMENTS,
    certificates::STATEMENTS,
    orders::STATEMENTS,
    units::STATEMENTS,
    jobs::STATEMENTS,
    tokens::STATEMENTS,
    matters::STATEMENTS,
];

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod units_tests;
