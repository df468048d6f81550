//! SQLite and PostgreSQL behind one SQL text (design §5).
//!
//! Rules: columns only TEXT, BIGINT, SMALLINT, BOOLEAN, BYTEA; placeholders `$1`; time in unix seconds;
//! branch on affected rows or [`sqlx::error::ErrorKind`], never on a constraint's name; counters and heads by
//! compare-and-swap; every statement a `const &str` in a list that a test prepares on both engines.

mod audit;
mod backend;
mod certificates;
mod crls;
mod direct;
mod group;
#[cfg(test)]
mod group_tests;
mod issuers;
mod many;
mod orders;
mod registry;
mod rows;
mod statuses;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use backend::{Database, DatabaseError, SqlTx, expect_rows, migrations};
pub use group::{Engine, STATUS_CHANNEL};
pub use store::{SqlStore, authority_migrations, statements};
