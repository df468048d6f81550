//! No statement walks through a table: each is planned on both engines, and a plan without an index fails.

use ca_core::sql::testing::databases;
use ca_core::sql::{Database, SqlTx};
use sqlx::{Postgres, Row as _, SqlSafeStr as _, Sqlite};

use super::{STATEMENTS, office_migrations};

/// Statements that may read an index from its beginning: they stop soon.
const STOP_EARLY: [&str; 5] = [
    // The last certificates of all.
    "FROM certificate ORDER BY issued DESC",
    // The held ones of all offices: the index has no others, and a hold lasts thirty days at most.
    "FROM certificate WHERE status = 1 AND EXISTS",
    // The orders about officers that wait: the index has no others.
    "FROM officer_order WHERE state IN",
    // Money online that nobody asked for: the index has no others.
    "FROM checkout WHERE fault IS NOT NULL",
    // The scans that the store is still to forget: the index has no others.
    "FROM evidence_removal WHERE removed IS NULL",
];

/// Tables that stay small however many units there are.
const SMALL: [&str; 4] = ["incident", "case_count", "schedule", "unit_backfill"];

fn stops_early(statement: &str) -> bool {
    STOP_EARLY.iter().any(|piece| statement.contains(piece))
}

#[tokio::test]
async fn no_statement_walks_through_a_table() {
    let mut found = Vec::new();
    for fresh in databases(&office_migrations()).await {
        for statement in STATEMENTS.concat() {
            let walks = match &fresh.database {
                Database::Sqlite { writer, .. } => sqlite_walks(writer, statement).await,
                Database::Postgres(pool) => postgres_walks(pool, statement).await,
            };
            let walks: Vec<String> =
                walks.into_iter().filter(|line| !SMALL.iter().any(|small| line.contains(small))).collect();
            if !walks.is_empty() && !stops_early(statement) {
                found.push(format!("{}: {statement}: {walks:?}", fresh.engine));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The lines of SQLite's plan that go through a whole table or index.
pub(crate) async fn sqlite_walks(writer: &sqlx::SqlitePool, statement: &'static str) -> Vec<String> {
    let text: &'static str = String::leak(format!("EXPLAIN QUERY PLAN {statement}"));
    let mut tx = SqlTx::<Sqlite>::begin(writer).await.expect("begun");
    let rows = sqlx::query(text.into_sql_str()).fetch_all(tx.connection()).await.expect("planned");
    let lines = rows.iter().map(|row| row.get::<String, _>("detail"));
    lines.filter(|line| line.starts_with("SCAN ") && !line.contains("CONSTANT ROW")).collect()
}

/// The nodes of PostgreSQL's plan that go through a whole table or index. The tables are empty: it is told not to walk
/// where it can help it, and to plan for any value of the parameters.
pub(crate) async fn postgres_walks(pool: &sqlx::PgPool, statement: &'static str) -> Vec<String> {
    let mut tx = SqlTx::<Postgres>::begin(pool).await.expect("begun");
    for setting in ["SET LOCAL enable_seqscan = off", "SET LOCAL plan_cache_mode = force_generic_plan"] {
        sqlx::query(setting).execute(tx.connection()).await.expect("set");
    }
    let count = (1..40).take_while(|n| statement.contains(&format!("${n}"))).count();
    let prepare: &'static str = String::leak(format!("PREPARE looked_at AS {statement}"));
    let nulls = vec!["NULL"; count].join(", ");
    let list = if count == 0 { String::new() } else { format!("({nulls})") };
    let explain: &'static str = String::leak(format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{list}"));
    sqlx::raw_sql(prepare.into_sql_str()).execute(tx.connection()).await.expect("prepared");
    let rows = sqlx::raw_sql(explain.into_sql_str()).fetch_all(tx.connection()).await.expect("planned");
    sqlx::raw_sql("DEALLOCATE looked_at").execute(tx.connection()).await.expect("forgotten");
    let text: String = rows[0].try_get_unchecked(0).expect("JSON");
    let mut walks = Vec::new();
    nodes(&serde_json::from_str(&text).expect("JSON"), &mut walks);
    walks
}

fn nodes(plan: &serde_json::Value, walks: &mut Vec<String>) {
    match plan {
        serde_json::Value::Array(plans) => plans.iter().for_each(|plan| nodes(plan, walks)),
        serde_json::Value::Object(node) => {
            let word = |key: &str| node.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            let kind = word("Node Type");
            let walks_through = match kind.as_str() {
                "Seq Scan" => true,
                // A partial index is what its condition leaves.
                "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => node.get("Index Cond").is_none(),
                _ => false,
            };
            if walks_through {
                walks.push(format!("{kind} {} {}", word("Relation Name"), word("Index Name")));
            }
            node.values().filter(|value| value.is_object() || value.is_array()).for_each(|value| nodes(value, walks));
        }
        _ => {}
    }
}
