//! The two ledgers.

use async_trait::async_trait;
use ca_core::domain::BeijingDay;
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::books::{all, code};
use super::{odd, read_day};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::{EntryFilter, LedgerSums, LedgerTx, MOST_HEADS};
use crate::fund::books::{PersonEntry, PersonNumber, UnitEntry};
use crate::fund::codes::BusinessType;

pub(super) const ADD_UNIT_ENTRY: &str = "INSERT INTO unit_entry (unit, seq, day, kind, month, heads, amount, interest, \
    suspense, balance, suspense_after, serial, reverses) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
pub(super) const ADD_PERSON_ENTRY: &str = "INSERT INTO person_entry (number, seq, day, kind, month, unit_part, \
    personal_part, interest, carried, balance, serial, reverses) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

macro_rules! unit_entries_where {
    ($condition:literal) => {
        concat!(
            "SELECT unit, seq, day, kind, month, heads, amount, interest, suspense, balance, suspense_after, serial, \
             reverses FROM unit_entry WHERE ",
            $condition
        )
    };
}
macro_rules! person_entries_where {
    ($condition:literal) => {
        concat!(
            "SELECT number, seq, day, kind, month, unit_part, personal_part, interest, carried, balance, serial, reverses \
             FROM person_entry WHERE ",
            $condition
        )
    };
}

const UNIT_ENTRY: &str = unit_entries_where!("serial = $1 AND unit = $2");
const UNIT_ENTRIES: &str = unit_entries_where!(
    "unit = $1 AND seq < $2 AND day >= $3 AND day <= $4 AND ($5 = '' OR kind = $5) ORDER BY seq DESC LIMIT $6"
);
const UNIT_MONTHS: &str = unit_entries_where!("unit = $1 AND month >= $2 AND month <= $3 ORDER BY month, seq LIMIT $4");
const UNIT_SUMS: &str = "SELECT COUNT(*) AS n, \
    CAST(COALESCE(SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END), 0) AS BIGINT) AS credit, \
    CAST(COALESCE(SUM(CASE WHEN amount < 0 THEN -amount ELSE 0 END), 0) AS BIGINT) AS debit, \
    CAST(COALESCE(SUM(interest), 0) AS BIGINT) AS interest FROM unit_entry \
    WHERE unit = $1 AND day >= $2 AND day <= $3 AND ($4 = '' OR kind = $4)";
const PERSON_ENTRIES: &str = person_entries_where!("serial = $1 ORDER BY number, seq LIMIT $2");
const PERSON_LEDGER: &str = person_entries_where!(
    "number = $1 AND seq < $2 AND day >= $3 AND day <= $4 AND ($5 = '' OR kind = $5) ORDER BY seq DESC LIMIT $6"
);
const PERSON_SUMS: &str = "SELECT COUNT(*) AS n, \
    CAST(COALESCE(SUM(CASE WHEN unit_part + personal_part > 0 THEN unit_part + personal_part ELSE 0 END), 0) AS BIGINT) \
    AS credit, \
    CAST(COALESCE(SUM(CASE WHEN unit_part + personal_part < 0 THEN -unit_part - personal_part ELSE 0 END), 0) AS BIGINT) \
    AS debit, CAST(COALESCE(SUM(interest), 0) AS BIGINT) AS interest FROM person_entry \
    WHERE number = $1 AND day >= $2 AND day <= $3 AND ($4 = '' OR kind = $4)";
const MOVES: &str = "SELECT day, unit_part + personal_part + interest AS amount FROM person_entry \
    WHERE number = $1 AND day >= $2 ORDER BY seq LIMIT $3";
const PAID_MONTHS: &str = "SELECT month, CAST(SUM(unit_part + personal_part) AS BIGINT) AS amount \
    FROM person_entry WHERE number = $1 AND month IS NOT NULL GROUP BY month ORDER BY month";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD_UNIT_ENTRY,
    ADD_PERSON_ENTRY,
    UNIT_ENTRY,
    UNIT_ENTRIES,
    UNIT_MONTHS,
    UNIT_SUMS,
    PERSON_ENTRIES,
    PERSON_LEDGER,
    PERSON_SUMS,
    MOVES,
    PAID_MONTHS,
];

row!(pub(super) CountRow { n: i64 });
row!(pub(super) CodeRow { code: String });
row!(pub(super) MoveRow { day: String, amount: i64 });
row!(pub(super) PaidRow { month: i64, amount: i64 });
row!(pub(super) FourRow { n: i64, a: i64, b: i64, c: i64 });
row!(pub(super) SumsRow { n: i64, credit: i64, debit: i64, interest: i64 });

impl From<SumsRow> for LedgerSums {
    fn from(row: SumsRow) -> Self {
        Self {
            count: row.n,
            credit: Fen::new(row.credit),
            debit: Fen::new(row.debit),
            interest: Fen::new(row.interest),
        }
    }
}

row!(pub(super) EntryRow {
    unit: String,
    seq: i64,
    day: String,
    kind: String,
    month: Option<i64>,
    heads: i64,
    amount: i64,
    interest: i64,
    suspense: i64,
    balance: i64,
    suspense_after: i64,
    serial: String,
    reverses: Option<i64>,
});

impl TryFrom<EntryRow> for UnitEntry {
    type Error = DatabaseError;

    fn try_from(row: EntryRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("unit_entry", &row.serial, what);
        Ok(Self {
            unit: row.unit.parse().map_err(|_| fault("unit"))?,
            seq: row.seq,
            day: read_day("unit_entry", &row.day)?,
            kind: BusinessType::from_code(&row.kind).ok_or_else(|| fault("kind"))?,
            month: row.month.and_then(Month::new),
            heads: u32::try_from(row.heads).map_err(|_| fault("heads"))?,
            amount: Fen::new(row.amount),
            interest: Fen::new(row.interest),
            suspense: Fen::new(row.suspense),
            balance: Fen::new(row.balance),
            suspense_after: Fen::new(row.suspense_after),
            serial: row.serial.clone(),
            reverses: row.reverses,
        })
    }
}

row!(pub(super) PersonEntryRow {
    number: String,
    seq: i64,
    day: String,
    kind: String,
    month: Option<i64>,
    unit_part: i64,
    personal_part: i64,
    interest: i64,
    carried: i64,
    balance: i64,
    serial: String,
    reverses: Option<i64>,
});

impl TryFrom<PersonEntryRow> for PersonEntry {
    type Error = DatabaseError;

    fn try_from(row: PersonEntryRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("person_entry", &row.serial, what);
        Ok(Self {
            number: row.number.parse().map_err(|_| fault("number"))?,
            seq: row.seq,
            day: read_day("person_entry", &row.day)?,
            kind: BusinessType::from_code(&row.kind).ok_or_else(|| fault("kind"))?,
            month: row.month.and_then(Month::new),
            unit_part: Fen::new(row.unit_part),
            personal_part: Fen::new(row.personal_part),
            interest: Fen::new(row.interest),
            carried: Fen::new(row.carried),
            balance: Fen::new(row.balance),
            serial: row.serial.clone(),
            reverses: row.reverses,
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl LedgerTx for Tx {
        async fn unit_entry(&mut self, unit: &AccountNumber, serial: &str) -> Result<Option<UnitEntry>, DatabaseError> {
            let row: Option<EntryRow> = sqlx::query_as(UNIT_ENTRY)
                .bind(serial)
                .bind(unit.as_str())
                .fetch_optional(self.connection())
                .await?;
            row.map(UnitEntry::try_from).transpose()
        }

        async fn person_entries(&mut self, serial: &str) -> Result<Vec<PersonEntry>, DatabaseError> {
            let rows: Vec<PersonEntryRow> = sqlx::query_as(PERSON_ENTRIES)
                .bind(serial)
                .bind(MOST_HEADS)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn unit_entries(
            &mut self,
            unit: &AccountNumber,
            filter: &EntryFilter,
            before: i64,
            limit: i64,
        ) -> Result<Vec<UnitEntry>, DatabaseError> {
            let rows: Vec<EntryRow> = sqlx::query_as(UNIT_ENTRIES)
                .bind(unit.as_str())
                .bind(before)
                .bind(filter.from.to_string())
                .bind(filter.to.to_string())
                .bind(code(filter.kind))
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn unit_sums(&mut self, unit: &AccountNumber, filter: &EntryFilter) -> Result<LedgerSums, DatabaseError> {
            let row: SumsRow = sqlx::query_as(UNIT_SUMS)
                .bind(unit.as_str())
                .bind(filter.from.to_string())
                .bind(filter.to.to_string())
                .bind(code(filter.kind))
                .fetch_one(self.connection())
                .await?;
            Ok(row.into())
        }

        async fn unit_months(
            &mut self,
            unit: &AccountNumber,
            from: Month,
            to: Month,
        ) -> Result<Vec<UnitEntry>, DatabaseError> {
            let rows: Vec<EntryRow> = sqlx::query_as(UNIT_MONTHS)
                .bind(unit.as_str())
                .bind(from.yyyymm())
                .bind(to.yyyymm())
                .bind(MOST_HEADS)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn person_ledger(
            &mut self,
            number: &PersonNumber,
            filter: &EntryFilter,
            before: i64,
            limit: i64,
        ) -> Result<Vec<PersonEntry>, DatabaseError> {
            let rows: Vec<PersonEntryRow> = sqlx::query_as(PERSON_LEDGER)
                .bind(number.as_str())
                .bind(before)
                .bind(filter.from.to_string())
                .bind(filter.to.to_string())
                .bind(code(filter.kind))
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn person_sums(&mut self, number: &PersonNumber, filter: &EntryFilter) -> Result<LedgerSums, DatabaseError> {
            let row: SumsRow = sqlx::query_as(PERSON_SUMS)
                .bind(number.as_str())
                .bind(filter.from.to_string())
                .bind(filter.to.to_string())
                .bind(code(filter.kind))
                .fetch_one(self.connection())
                .await?;
            Ok(row.into())
        }

        async fn moves_since(
            &mut self,
            number: &PersonNumber,
            day: BeijingDay,
        ) -> Result<Vec<(BeijingDay, Fen)>, DatabaseError> {
            let rows: Vec<MoveRow> = sqlx::query_as(MOVES)
                .bind(number.as_str())
                .bind(day.to_string())
                .bind(MOST_HEADS)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(|row| Ok((read_day("person_entry", &row.day)?, Fen::new(row.amount)))).collect()
        }

        async fn paid_months(&mut self, number: &PersonNumber) -> Result<Vec<(Month, Fen)>, DatabaseError> {
            let rows: Vec<PaidRow> =
                sqlx::query_as(PAID_MONTHS).bind(number.as_str()).fetch_all(self.connection()).await?;
            Ok(rows.into_iter().filter_map(|row| Some((Month::new(row.month)?, Fen::new(row.amount)))).collect())
        }
    }
}
