//! The fund's tables, on both engines. `migrations-fund/` makes them.

mod accounts;
mod bank;
#[cfg(test)]
mod bank_tests;
mod books;
mod changes;
mod citizens;
#[cfg(test)]
mod citizens_tests;
mod interest;
mod ledgers;
#[cfg(test)]
mod machine_tests;
mod machines;
mod operations;
mod payments;
#[cfg(test)]
mod plan_tests;
mod policies;
mod stamps;
#[cfg(test)]
mod stamps_tests;

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Uscc};
use ca_core::sql::{Database, DatabaseError, SqlTx, migrations};
use ca_core::{for_each_backend, sql_row as row};
use sqlx::migrate::Migrator;
use sqlx::{Postgres, Sqlite};

use super::account::{AccountNumber, AccountStatus, Unit, day};
use super::amounts::{Fen, Month, Rate};
use super::store::{FundStore, FundTx};

const OPEN: &str = "INSERT INTO unit_account \
    (account, name, uscc, unique_id, address, handler, handler_mobile, bank, opened, status, unit_rate, \
     personal_rate, active_heads, sealed_heads, balance, suspense, paid_through, payday, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
    ON CONFLICT (account) DO NOTHING";

macro_rules! unit_where {
    ($condition:literal) => {
        concat!(
            "SELECT account, name, uscc, unique_id, address, handler, handler_mobile, bank, opened, status, \
             unit_rate, personal_rate, active_heads, sealed_heads, balance, suspense, paid_through, payday, version \
             FROM unit_account WHERE ",
            $condition
        )
    };
}

const BY_ACCOUNT: &str = unit_where!("account = $1");
const BY_UNIQUE_ID: &str = unit_where!("unique_id = $1");
const BY_USCC: &str = unit_where!("uscc = $1");

/// Every statement of this module, for the tests that prepare and plan them on both engines.
pub const STATEMENTS: &[&[&str]] = &[
    &[OPEN, BY_ACCOUNT, BY_UNIQUE_ID, BY_USCC],
    accounts::STATEMENTS,
    bank::STATEMENTS,
    books::STATEMENTS,
    changes::STATEMENTS,
    citizens::STATEMENTS,
    interest::STATEMENTS,
    ledgers::STATEMENTS,
    machines::STATEMENTS,
    operations::STATEMENTS,
    policies::STATEMENTS,
    payments::STATEMENTS,
    stamps::STATEMENTS,
];

/// The schema of the fund's database, forward only.
#[must_use]
pub fn fund_migrations() -> Migrator {
    migrations(&[
        (1, "audit", include_str!("../../../migrations-fund/0001_audit.sql")),
        (2, "login", include_str!("../../../migrations-fund/0002_login.sql")),
        (3, "accounts", include_str!("../../../migrations-fund/0003_accounts.sql")),
        (4, "sessions", include_str!("../../../migrations-fund/0004_sessions.sql")),
        (5, "books", include_str!("../../../migrations-fund/0005_books.sql")),
        (6, "drafts", include_str!("../../../migrations-fund/0006_drafts.sql")),
        (7, "machines", include_str!("../../../migrations-fund/0007_machines.sql")),
        (9, "withdrawals", include_str!("../../../migrations-fund/0009_withdrawals.sql")),
        (10, "loans", include_str!("../../../migrations-fund/0010_loans.sql")),
        (11, "bank", include_str!("../../../migrations-fund/0011_bank.sql")),
        (12, "undo", include_str!("../../../migrations-fund/0012_undo.sql")),
        (18, "stamps", include_str!("../../../migrations-fund/0018_stamps.sql")),
        (19, "returns", include_str!("../../../migrations-fund/0019_returns.sql")),
        (20, "payments_again", include_str!("../../../migrations-fund/0020_payments_again.sql")),
    ])
}

#[async_trait]
impl FundStore for Database {
    async fn begin(&self) -> Result<Box<dyn FundTx>, DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Box::new(SqlTx::<Sqlite>::begin(writer).await?),
            Self::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin(pool).await?),
        })
    }

    async fn begin_read(&self) -> Result<Box<dyn FundTx>, DatabaseError> {
        Ok(match self {
            Self::Sqlite { reader, .. } => Box::new(SqlTx::<Sqlite>::begin_read(reader).await?),
            Self::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin_read(pool).await?),
        })
    }
}

/// An odd row of a table.
fn odd(table: &'static str, id: &str, what: &str) -> DatabaseError {
    DatabaseError::OddRow { table, id: id.to_owned(), what: what.to_owned() }
}

/// A day as it is stored.
fn read_day(table: &'static str, text: &str) -> Result<BeijingDay, DatabaseError> {
    day(text).ok_or_else(|| odd(table, text, "no day"))
}

row!(UnitRow {
    account: String,
    name: String,
    uscc: String,
    unique_id: Option<String>,
    address: String,
    handler: String,
    handler_mobile: String,
    bank: String,
    opened: String,
    status: String,
    unit_rate: i64,
    personal_rate: i64,
    active_heads: i64,
    sealed_heads: i64,
    balance: i64,
    suspense: i64,
    paid_through: Option<i64>,
    payday: Option<i64>,
    version: i64,
});

impl TryFrom<UnitRow> for Unit {
    type Error = DatabaseError;

    fn try_from(row: UnitRow) -> Result<Self, DatabaseError> {
        let id = row.account.clone();
        let odd = |what: &str| odd("unit_account", &id, what);
        Ok(Self {
            account: row.account.parse::<AccountNumber>().map_err(|_| odd("account"))?,
            name: row.name,
            uscc: row.uscc.parse::<Uscc>().map_err(|_| odd("uscc"))?,
            unique_id: row.unique_id,
            address: row.address,
            handler: row.handler,
            handler_mobile: row.handler_mobile,
            bank: row.bank,
            opened: day(&row.opened).ok_or_else(|| odd("opened"))?,
            status: AccountStatus::from_code(&row.status).ok_or_else(|| odd("status"))?,
            unit_rate: Rate::new(row.unit_rate).ok_or_else(|| odd("unit_rate"))?,
            personal_rate: Rate::new(row.personal_rate).ok_or_else(|| odd("personal_rate"))?,
            active_heads: u32::try_from(row.active_heads).map_err(|_| odd("active_heads"))?,
            sealed_heads: u32::try_from(row.sealed_heads).map_err(|_| odd("sealed_heads"))?,
            balance: Fen::new(row.balance),
            suspense: Fen::new(row.suspense),
            paid_through: row
                .paid_through
                .map(|month| Month::new(month).ok_or_else(|| odd("paid_through")))
                .transpose()?,
            payday: row.payday.map(|day| u8::try_from(day).map_err(|_| odd("payday"))).transpose()?,
            version: row.version,
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl FundTx for Tx {
        async fn open_account(&mut self, unit: &Unit) -> Result<bool, DatabaseError> {
            let done = sqlx::query(OPEN)
                .bind(unit.account.as_str())
                .bind(&unit.name)
                .bind(unit.uscc.as_str())
                .bind(unit.unique_id.as_deref())
                .bind(&unit.address)
                .bind(&unit.handler)
                .bind(&unit.handler_mobile)
                .bind(&unit.bank)
                .bind(unit.opened.to_string())
                .bind(unit.status.code())
                .bind(unit.unit_rate.ten_thousandths())
                .bind(unit.personal_rate.ten_thousandths())
                .bind(i64::from(unit.active_heads))
                .bind(i64::from(unit.sealed_heads))
                .bind(unit.balance.fen())
                .bind(unit.suspense.fen())
                .bind(unit.paid_through.map(Month::yyyymm))
                .bind(unit.payday.map(i64::from))
                .bind(unit.version)
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn unit(&mut self, account: &AccountNumber) -> Result<Option<Unit>, DatabaseError> {
            let row: Option<UnitRow> =
                sqlx::query_as(BY_ACCOUNT).bind(account.as_str()).fetch_optional(self.connection()).await?;
            row.map(Unit::try_from).transpose()
        }

        async fn unit_of_unique_id(&mut self, unique_id: &str) -> Result<Option<Unit>, DatabaseError> {
            let row: Option<UnitRow> =
                sqlx::query_as(BY_UNIQUE_ID).bind(unique_id).fetch_optional(self.connection()).await?;
            row.map(Unit::try_from).transpose()
        }

        async fn unit_of_uscc(&mut self, uscc: &str) -> Result<Option<Unit>, DatabaseError> {
            let row: Option<UnitRow> = sqlx::query_as(BY_USCC).bind(uscc).fetch_optional(self.connection()).await?;
            row.map(Unit::try_from).transpose()
        }

        async fn commit(self: Box<Self>) -> Result<(), DatabaseError> {
            SqlTx::commit(*self).await
        }
    }
}

#[cfg(test)]
mod tests;
