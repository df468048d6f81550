//! Settled interest, and whose is not settled.

use async_trait::async_trait;
use ca_core::domain::BeijingDay;
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::accounts::{AccountRow, UNSETTLED};
use super::books::all;
use super::ledgers::FourRow;
use super::odd;
use crate::fund::account::AccountNumber;
use crate::fund::amounts::Fen;
use crate::fund::book_store::{InterestLine, InterestTx};
use crate::fund::books::PersonAccount;

const ADD_INTEREST: &str = "INSERT INTO interest_line (unit, year, number, name, opening, product, rate, \
    interest, closing, serial) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const INTEREST: &str = "SELECT number, name, opening, product, rate, interest, closing, serial \
    FROM interest_line WHERE unit = $1 AND year = $2 AND number > $3 ORDER BY number LIMIT $4";
const INTEREST_SUMS: &str = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(opening), 0) AS BIGINT) AS a, \
    CAST(COALESCE(SUM(interest), 0) AS BIGINT) AS b, CAST(COALESCE(SUM(closing), 0) AS BIGINT) AS c \
    FROM interest_line WHERE unit = $1 AND year = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ADD_INTEREST, INTEREST, INTEREST_SUMS];

row!(InterestRow {
    number: String,
    name: String,
    opening: i64,
    product: String,
    rate: i64,
    interest: i64,
    closing: i64,
    serial: String,
});

impl TryFrom<InterestRow> for InterestLine {
    type Error = DatabaseError;

    fn try_from(row: InterestRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            product: row.product.parse().map_err(|_| odd("interest_line", &row.number, "product"))?,
            number: row.number.parse().map_err(|_| odd("interest_line", &row.number, "number"))?,
            name: row.name,
            opening: Fen::new(row.opening),
            rate: row.rate,
            interest: Fen::new(row.interest),
            closing: Fen::new(row.closing),
            serial: row.serial,
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl InterestTx for Tx {
        async fn unsettled(
            &mut self,
            unit: &AccountNumber,
            year: i64,
            until: BeijingDay,
            limit: i64,
        ) -> Result<Vec<PersonAccount>, DatabaseError> {
            let rows: Vec<AccountRow> = sqlx::query_as(UNSETTLED)
                .bind(unit.as_str())
                .bind(year)
                .bind(until.to_string())
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn keep_interest(
            &mut self,
            unit: &AccountNumber,
            year: i64,
            line: &InterestLine,
        ) -> Result<(), DatabaseError> {
            sqlx::query(ADD_INTEREST)
                .bind(unit.as_str())
                .bind(year)
                .bind(line.number.as_str())
                .bind(&line.name)
                .bind(line.opening.fen())
                .bind(line.product.to_string())
                .bind(line.rate)
                .bind(line.interest.fen())
                .bind(line.closing.fen())
                .bind(&line.serial)
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn interest_lines(
            &mut self,
            unit: &AccountNumber,
            year: i64,
            after: &str,
            limit: i64,
        ) -> Result<Vec<InterestLine>, DatabaseError> {
            let rows: Vec<InterestRow> = sqlx::query_as(INTEREST)
                .bind(unit.as_str())
                .bind(year)
                .bind(after)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn interest_sums(&mut self, unit: &AccountNumber, year: i64) -> Result<(i64, Fen, Fen, Fen), DatabaseError> {
            let row: FourRow = sqlx::query_as(INTEREST_SUMS)
                .bind(unit.as_str())
                .bind(year)
                .fetch_one(self.connection())
                .await?;
            Ok((row.n, Fen::new(row.a), Fen::new(row.b), Fen::new(row.c)))
        }
    }
}
