//! No statement of the fund walks through a table, on either engine.

use ca_core::sql::Database;
use ca_core::sql::testing::databases;

use super::{STATEMENTS, fund_migrations};
use crate::sql::plan_tests::{postgres_walks, sqlite_walks};

#[tokio::test]
async fn no_statement_of_the_fund_walks_through_a_table() {
    let mut found = Vec::new();
    for fresh in databases(&fund_migrations()).await {
        for statement in STATEMENTS.concat() {
            let walks = match &fresh.database {
                Database::Sqlite { writer, .. } => sqlite_walks(writer, statement).await,
                Database::Postgres(pool) => postgres_walks(pool, statement).await,
            };
            if !walks.is_empty() {
                found.push(format!("{}: {statement}: {walks:?}", fresh.engine));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
