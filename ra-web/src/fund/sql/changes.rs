//! Changes besides money, as they are read.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::books::{all, code};
use super::ledgers::{CodeRow, CountRow};
use super::odd;
use crate::fund::account::AccountNumber;
use crate::fund::amounts::Month;
use crate::fund::book_store::{ChangeRow, ChangeTx, EntryFilter, KeptChange, MOST_HEADS};
use crate::fund::books::PersonNumber;
use crate::fund::codes::BusinessType;

macro_rules! changes_where {
    ($condition:literal) => {
        concat!(
            "SELECT c.seq, c.at, c.serial, c.number, c.name, c.kind, c.month, c.field, c.was, c.will, c.undoes \
             FROM book_change c WHERE ",
            $condition
        )
    };
}

const CHANGES: &str = changes_where!(
    "c.unit = $1 AND c.seq < $2 AND c.at >= $3 AND c.at <= $4 AND ($5 = '' OR c.kind = $5) ORDER BY c.seq DESC LIMIT $6"
);
const CHANGES_OF: &str = changes_where!("c.serial = $1 AND c.unit = $2 ORDER BY c.seq LIMIT $3");
// What an account is and what is paid for it, without what was undone.
const STANDING: &str = changes_where!(
    "c.number = $1 AND c.kind IN ('03', '04', '05', '10') AND c.undoes IS NULL AND NOT EXISTS \
     (SELECT 1 FROM book_change u WHERE u.number = $1 AND u.undoes = c.seq) ORDER BY c.seq DESC LIMIT $2"
);
const COUNT_CHANGES: &str = "SELECT COUNT(*) AS n FROM book_change \
    WHERE unit = $1 AND at >= $2 AND at <= $3 AND ($4 = '' OR kind = $4)";
const SEALED_FOR: &str = "SELECT will AS code FROM book_change WHERE number = $1 AND kind = '05' AND undoes IS NULL ORDER BY seq DESC LIMIT 1";
// As many as are looked through for the last change of a base.
const MOST_STANDING: i64 = 50;

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[CHANGES, CHANGES_OF, STANDING, COUNT_CHANGES, SEALED_FOR];

row!(KeptRow {
    seq: i64,
    at: i64,
    serial: String,
    number: Option<String>,
    name: String,
    kind: String,
    month: Option<i64>,
    field: String,
    was: String,
    will: String,
    undoes: Option<i64>,
});

impl TryFrom<KeptRow> for KeptChange {
    type Error = DatabaseError;

    fn try_from(row: KeptRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            seq: row.seq,
            at: Timestamp::from_unix(row.at),
            change: ChangeRow {
                kind: BusinessType::from_code(&row.kind).ok_or_else(|| odd("book_change", &row.serial, "kind"))?,
                month: row.month.and_then(Month::new),
                number: row.number.unwrap_or_default(),
                serial: row.serial,
                name: row.name,
                field: row.field,
                was: row.was,
                will: row.will,
                undoes: row.undoes,
            },
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl ChangeTx for Tx {
        async fn sealed_for(&mut self, number: &PersonNumber) -> Result<String, DatabaseError> {
            let row: Option<CodeRow> =
                sqlx::query_as(SEALED_FOR).bind(number.as_str()).fetch_optional(self.connection()).await?;
            Ok(row.map(|row| row.code).unwrap_or_default())
        }

        async fn changes(
            &mut self,
            unit: &AccountNumber,
            filter: &EntryFilter,
            before: i64,
            limit: i64,
        ) -> Result<Vec<KeptChange>, DatabaseError> {
            let rows: Vec<KeptRow> = sqlx::query_as(CHANGES)
                .bind(unit.as_str())
                .bind(before)
                .bind(filter.from.first_second().unix())
                .bind(filter.to.last_second().unix())
                .bind(code(filter.kind))
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn changes_of(&mut self, unit: &AccountNumber, serial: &str) -> Result<Vec<KeptChange>, DatabaseError> {
            let rows: Vec<KeptRow> = sqlx::query_as(CHANGES_OF)
                .bind(serial)
                .bind(unit.as_str())
                .bind(MOST_HEADS)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn standing_changes(&mut self, number: &PersonNumber) -> Result<Vec<KeptChange>, DatabaseError> {
            let rows: Vec<KeptRow> = sqlx::query_as(STANDING)
                .bind(number.as_str())
                .bind(MOST_STANDING)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn count_changes(&mut self, unit: &AccountNumber, filter: &EntryFilter) -> Result<i64, DatabaseError> {
            let row: CountRow = sqlx::query_as(COUNT_CHANGES)
                .bind(unit.as_str())
                .bind(filter.from.first_second().unix())
                .bind(filter.to.last_second().unix())
                .bind(code(filter.kind))
                .fetch_one(self.connection())
                .await?;
            Ok(row.n)
        }
    }
}
