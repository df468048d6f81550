//! The registration office's tables on SQLite and PostgreSQL: rules as in [`ca_core::sql`].

use ca_core::sql::migrations;
use sqlx::migrate::Migrator;

mod asked;
mod batches;
mod bills;
mod cases;
mod certificates;
mod checkouts;
mod drawers;
mod einvoices;
mod evidence;
mod given_back;
mod jobs;
mod kept;
mod ledger;
mod letters;
mod mails;
mod matters;
mod office;
mod officers;
mod orders;
mod payments;
mod quota;
mod reconciliation;
mod refunds;
mod reminders;
mod reports;
mod row;
pub mod sessions;
mod tokens;
mod tour;
mod units;
mod wires;

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
        (17, "officers", include_str!("../../migrations/0017_officers.sql")),
        (18, "idle", include_str!("../../migrations/0018_idle.sql")),
        (19, "evidence", include_str!("../../migrations/0019_evidence.sql")),
        (20, "retention", include_str!("../../migrations/0020_retention.sql")),
        (21, "tokens", include_str!("../../migrations/0021_tokens.sql")),
        (22, "matters", include_str!("../../migrations/0022_matters.sql")),
        (25, "money", include_str!("../../migrations/0025_money.sql")),
        (26, "online", include_str!("../../migrations/0026_online.sql")),
        (28, "jobs", include_str!("../../migrations/0028_jobs.sql")),
        (29, "reports", include_str!("../../migrations/0029_reports.sql")),
        (30, "batches", include_str!("../../migrations/0030_batches.sql")),
        (31, "letters", include_str!("../../migrations/0031_letters.sql")),
        (32, "tour", include_str!("../../migrations/0032_tour.sql")),
        (33, "recovery", include_str!("../../migrations/0033_recovery.sql")),
        (34, "desk", include_str!("../../migrations/0034_desk.sql")),
        (36, "batch_mover", include_str!("../../migrations/0036_batch_mover.sql")),
        (37, "ledger_proof", include_str!("../../migrations/0037_ledger_proof.sql")),
        (38, "asked", include_str!("../../migrations/0038_asked.sql")),
        (40, "wire", include_str!("../../migrations/0040_wire.sql")),
        (41, "given_back", include_str!("../../migrations/0041_given_back.sql")),
        (42, "reconciliation", include_str!("../../migrations/0042_reconciliation.sql")),
        (45, "mail", include_str!("../../migrations/0045_mail.sql")),
        (46, "einvoices", include_str!("../../migrations/0046_einvoices.sql")),
        (47, "quota", include_str!("../../migrations/0047_quota.sql")),
        (48, "signed_orders", include_str!("../../migrations/0048_signed_orders.sql")),
    ])
}

/// Every statement of the office's tables, for the test that prepares them on both engines.
pub const STATEMENTS: &[&[&str]] = &[
    sessions::STATEMENTS,
    asked::STATEMENTS,
    batches::STATEMENTS,
    cases::STATEMENTS,
    certificates::STATEMENTS,
    evidence::STATEMENTS,
    letters::STATEMENTS,
    orders::STATEMENTS,
    units::STATEMENTS,
    officers::STATEMENTS,
    jobs::STATEMENTS,
    tokens::STATEMENTS,
    tour::STATEMENTS,
    bills::STATEMENTS,
    checkouts::STATEMENTS,
    wires::STATEMENTS,
    given_back::STATEMENTS,
    reconciliation::STATEMENTS,
    payments::STATEMENTS,
    refunds::STATEMENTS,
    drawers::STATEMENTS,
    ledger::STATEMENTS,
    reports::STATEMENTS,
    reminders::STATEMENTS,
    matters::STATEMENTS,
    kept::STATEMENTS,
    mails::STATEMENTS,
    einvoices::STATEMENTS,
    quota::STATEMENTS,
];

#[cfg(test)]
mod money_tests;
#[cfg(test)]
pub(crate) mod plan_tests;
#[cfg(test)]
mod quota_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod units_tests;
#[cfg(test)]
mod wire_tests;
