//! The same rows, read and written by plain SQL through the same driver, in transactions of the same size. What is written is taken away
//! again, untimed.

use std::time::{Duration, Instant};

use ca_core::sql::Database;

use super::ground::Ground;

/// Behind every place that is used.
const PLACE: i64 = 1_000_000;
/// Accounts of one transaction of the year's interest.
const BATCH: usize = 500;
/// The first day of the fund year.
const YEAR: &str = "2025-07-01";

const NUMBERS: &str = "SELECT number FROM person_account WHERE unit = $1 ORDER BY number";
const UNITS: &str = "SELECT account FROM unit_account ORDER BY account";
const MOVES: &str = "SELECT day, unit_part + personal_part + interest FROM person_entry \
    WHERE number = $1 AND day >= $2 ORDER BY seq";
const ENTRY: &str = "INSERT INTO person_entry (number, seq, day, kind, month, unit_part, personal_part, interest, carried, \
    balance, serial) VALUES ($1, $2, '2026-11-24', '01', 202611, 48000, 48000, 0, 0, 0, $3)";
const ACCOUNT: &str = "UPDATE person_account SET carried = carried, current_year = current_year, version = version \
    WHERE number = $1";
const UNIT_ENTRY: &str = "INSERT INTO unit_entry (unit, seq, day, kind, month, heads, amount, interest, suspense, balance, \
    suspense_after, serial) VALUES ($1, $2, '2026-11-24', '01', 202611, 0, 0, 0, 0, 0, 0, $3)";
const UNIT: &str = "UPDATE unit_account SET balance = balance, version = version WHERE account = $1";
const LINE: &str = "INSERT INTO interest_line (unit, year, number, name, opening, product, rate, interest, closing, serial) \
    VALUES ($1, 1, $2, '', 0, '0', 150, 0, 0, $3)";
const AWAY: [&str; 3] = [
    "DELETE FROM person_entry WHERE seq >= 1000000",
    "DELETE FROM unit_entry WHERE seq >= 1000000",
    "DELETE FROM interest_line WHERE year = 1",
];

/// Does the same on either engine's pool.
macro_rules! on {
    ($database:expr, $pool:ident => $body:expr) => {
        match $database {
            Database::Sqlite { writer: $pool, .. } => $body,
            Database::Postgres($pool) => $body,
        }
    };
}

/// A month of so many employees of the large unit.
pub(crate) async fn month(ground: &Ground, large: u64) -> anyhow::Result<Duration> {
    let unit = ground.large()?.to_string();
    on!(&ground.database, pool => {
        let numbers: Vec<(String,)> = sqlx::query_as(NUMBERS).bind(&unit).fetch_all(pool).await?;
        anyhow::ensure!(numbers.len() as u64 == large, "{} employees", numbers.len());
        let start = Instant::now();
        let mut tx = pool.begin().await?;
        for (number,) in &numbers {
            sqlx::query(ACCOUNT).bind(number).execute(&mut *tx).await?;
            sqlx::query(ENTRY).bind(number).bind(PLACE).bind("plain").execute(&mut *tx).await?;
        }
        sqlx::query(UNIT_ENTRY).bind(&unit).bind(PLACE).bind("plain").execute(&mut *tx).await?;
        sqlx::query(UNIT).bind(&unit).execute(&mut *tx).await?;
        tx.commit().await?;
        let took = start.elapsed();
        for statement in AWAY {
            sqlx::query(statement).execute(pool).await?;
        }
        Ok(took)
    })
}

/// The interest of every account.
pub(crate) async fn year(ground: &Ground) -> anyhow::Result<Duration> {
    on!(&ground.database, pool => {
        let start = Instant::now();
        let units: Vec<(String,)> = sqlx::query_as(UNITS).fetch_all(pool).await?;
        for (unit,) in &units {
            let numbers: Vec<(String,)> = sqlx::query_as(NUMBERS).bind(unit).fetch_all(pool).await?;
            for (n, batch) in (PLACE..).zip(numbers.chunks(BATCH)) {
                let mut tx = pool.begin().await?;
                for (number,) in batch {
                    let moves: Vec<(String, i64)> =
                        sqlx::query_as(MOVES).bind(number).bind(YEAR).fetch_all(&mut *tx).await?;
                    std::hint::black_box(moves);
                    sqlx::query(ACCOUNT).bind(number).execute(&mut *tx).await?;
                    sqlx::query(ENTRY).bind(number).bind(PLACE).bind("plain").execute(&mut *tx).await?;
                    sqlx::query(LINE).bind(unit).bind(number).bind("plain").execute(&mut *tx).await?;
                }
                sqlx::query(UNIT_ENTRY).bind(unit).bind(n).bind("plain").execute(&mut *tx).await?;
                sqlx::query(UNIT).bind(unit).execute(&mut *tx).await?;
                tx.commit().await?;
            }
        }
        let took = start.elapsed();
        for statement in AWAY {
            sqlx::query(statement).execute(pool).await?;
        }
        Ok(took)
    })
}
