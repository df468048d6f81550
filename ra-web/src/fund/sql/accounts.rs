//! Persons and their accounts, as they are read.

use async_trait::async_trait;
use ca_core::domain::Sha256;
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::books::all;
use super::ledgers::{CodeRow, CountRow};
use super::{odd, read_day};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::{AccountTx, MOST_HEADS, PeopleFilter, PeopleSums};
use crate::fund::books::{Person, PersonAccount, PersonNumber};
use crate::fund::codes::{IdKind, PersonStatus};

const DRAW: &str = "UPDATE person_number SET last = last + $1 WHERE id = 1 RETURNING last AS n";
const PERSON_OF: &str = "SELECT id, name, id_kind, id_masked, id_hash, mobile, address FROM person WHERE id_hash = $1";
pub(super) const PERSON_BY_ID: &str =
    "SELECT id, name, id_kind, id_masked, id_hash, mobile, address FROM person WHERE id = $1";
pub(super) const PERSON_BY_UNIQUE_ID: &str =
    "SELECT id, name, id_kind, id_masked, id_hash, mobile, address FROM person WHERE unique_id = $1";
const SEALED: &str = "SELECT id_number AS bytes FROM person WHERE id = $1";
const HAS_OPEN: &str = "SELECT COUNT(*) AS n FROM person_account WHERE person = $1 AND status IN ('01', '02', '06')";

macro_rules! account_where {
    ($condition:literal) => {
        concat!(
            "SELECT a.number, a.person, a.unit, a.base, a.unit_share, a.personal_share, a.status, a.opened, a.starts, \
             a.paid_through, a.rebased, a.carried, a.current_year, a.version, \
             (SELECT p.name FROM person p WHERE p.id = a.person) AS name, \
             (SELECT p.id_kind FROM person p WHERE p.id = a.person) AS id_kind, \
             (SELECT p.id_masked FROM person p WHERE p.id = a.person) AS id_masked, \
             (SELECT p.id_hash FROM person p WHERE p.id = a.person) AS id_hash, \
             (SELECT p.mobile FROM person p WHERE p.id = a.person) AS mobile, \
             (SELECT p.address FROM person p WHERE p.id = a.person) AS address \
             FROM person_account a WHERE ",
            $condition
        )
    };
}

const ACCOUNT: &str = account_where!("a.number = $1 AND a.unit = $2");
const DUE: &str = account_where!("a.unit = $1 AND a.status = '01' AND a.starts <= $2 ORDER BY a.number LIMIT $3");
pub(super) const ACCOUNTS_OF: &str = account_where!("a.person = $1 ORDER BY a.number LIMIT $2");
pub(super) const OWN_ACCOUNT: &str = account_where!("a.number = $1 AND a.person = $2");
const PEOPLE: &str = account_where!(
    "a.unit = $1 AND a.number > $2 AND ($3 = '' OR a.status = $3) \
     AND ($4 = '' OR (SELECT p.name FROM person p WHERE p.id = a.person) = $4) AND ($5 = '' OR a.person = $5) \
     ORDER BY a.number LIMIT $6"
);
const PEOPLE_SUMS: &str = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(a.base), 0) AS BIGINT) AS base, \
    CAST(COALESCE(SUM(a.unit_share), 0) AS BIGINT) AS unit_share, \
    CAST(COALESCE(SUM(a.personal_share), 0) AS BIGINT) AS personal_share, \
    CAST(COALESCE(SUM(a.carried + a.current_year), 0) AS BIGINT) AS balance FROM person_account a \
    WHERE a.unit = $1 AND ($2 = '' OR a.status = $2) \
    AND ($3 = '' OR (SELECT p.name FROM person p WHERE p.id = a.person) = $3) AND ($4 = '' OR a.person = $4)";
// Who came after the year's end has nothing to settle in it.
pub(super) const UNSETTLED: &str = account_where!(
    "a.unit = $1 AND a.opened <= $3 AND a.status IN ('01', '02', '06') AND NOT EXISTS (SELECT 1 FROM interest_line i \
     WHERE i.unit = $1 AND i.year = $2 AND i.number = a.number) ORDER BY a.number LIMIT $4"
);
const UNITS_AFTER: &str = "SELECT account AS code FROM unit_account WHERE account > $1 ORDER BY account LIMIT $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[DRAW, PERSON_OF, SEALED, HAS_OPEN, ACCOUNT, DUE, PEOPLE, PEOPLE_SUMS, UNSETTLED, UNITS_AFTER];

row!(pub(super) PersonRow {
    id: String,
    name: String,
    id_kind: String,
    id_masked: String,
    id_hash: String,
    mobile: String,
    address: String,
});

impl TryFrom<PersonRow> for Person {
    type Error = DatabaseError;

    fn try_from(row: PersonRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            id_kind: IdKind::from_code(&row.id_kind).ok_or_else(|| odd("person", &row.id, "id_kind"))?,
            id_hash: row.id_hash.parse().map_err(|_| odd("person", &row.id, "id_hash"))?,
            id: row.id,
            name: row.name,
            id_masked: row.id_masked,
            mobile: row.mobile,
            address: row.address,
        })
    }
}

row!(pub(super) AccountRow {
    number: String,
    person: String,
    unit: String,
    base: i64,
    unit_share: i64,
    personal_share: i64,
    status: String,
    opened: String,
    starts: i64,
    paid_through: Option<i64>,
    rebased: Option<String>,
    carried: i64,
    current_year: i64,
    version: i64,
    name: String,
    id_kind: String,
    id_masked: String,
    id_hash: String,
    mobile: String,
    address: String,
});

impl TryFrom<AccountRow> for PersonAccount {
    type Error = DatabaseError;

    fn try_from(row: AccountRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("person_account", &row.number, what);
        Ok(Self {
            number: row.number.parse().map_err(|_| fault("number"))?,
            unit: row.unit.parse().map_err(|_| fault("unit"))?,
            base: Fen::new(row.base),
            unit_share: Fen::new(row.unit_share),
            personal_share: Fen::new(row.personal_share),
            status: PersonStatus::from_code(&row.status).ok_or_else(|| fault("status"))?,
            opened: read_day("person_account", &row.opened)?,
            starts: Month::new(row.starts).ok_or_else(|| fault("starts"))?,
            paid_through: row.paid_through.map(|n| Month::new(n).ok_or_else(|| fault("paid_through"))).transpose()?,
            rebased: row.rebased.as_deref().map(|day| read_day("person_account", day)).transpose()?,
            carried: Fen::new(row.carried),
            current: Fen::new(row.current_year),
            version: row.version,
            person: Person::try_from(PersonRow {
                id: row.person,
                name: row.name,
                id_kind: row.id_kind,
                id_masked: row.id_masked,
                id_hash: row.id_hash,
                mobile: row.mobile,
                address: row.address,
            })?,
        })
    }
}

row!(PeopleSumsRow { n: i64, base: i64, unit_share: i64, personal_share: i64, balance: i64 });
row!(BytesRow { bytes: Vec<u8> });

for_each_backend! { Tx =>
    #[async_trait]
    impl AccountTx for Tx {
        async fn draw_numbers(&mut self, count: i64) -> Result<i64, DatabaseError> {
            let row: CountRow = sqlx::query_as(DRAW).bind(count).fetch_one(self.connection()).await?;
            Ok(row.n - count + 1)
        }

        async fn person_of(&mut self, hash: Sha256) -> Result<Option<Person>, DatabaseError> {
            let row: Option<PersonRow> =
                sqlx::query_as(PERSON_OF).bind(hash.to_string()).fetch_optional(self.connection()).await?;
            row.map(Person::try_from).transpose()
        }

        async fn has_open_account(&mut self, person: &str) -> Result<bool, DatabaseError> {
            let row: CountRow = sqlx::query_as(HAS_OPEN).bind(person).fetch_one(self.connection()).await?;
            Ok(row.n > 0)
        }

        async fn sealed_number(&mut self, person: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
            let row: Option<BytesRow> = sqlx::query_as(SEALED).bind(person).fetch_optional(self.connection()).await?;
            Ok(row.map(|row| row.bytes))
        }

        async fn person_account(
            &mut self,
            unit: &AccountNumber,
            number: &PersonNumber,
        ) -> Result<Option<PersonAccount>, DatabaseError> {
            let row: Option<AccountRow> = sqlx::query_as(ACCOUNT)
                .bind(number.as_str())
                .bind(unit.as_str())
                .fetch_optional(self.connection())
                .await?;
            row.map(PersonAccount::try_from).transpose()
        }

        async fn due_accounts(&mut self, unit: &AccountNumber, month: Month) -> Result<Vec<PersonAccount>, DatabaseError> {
            let rows: Vec<AccountRow> = sqlx::query_as(DUE)
                .bind(unit.as_str())
                .bind(month.yyyymm())
                .bind(MOST_HEADS)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn people(
            &mut self,
            unit: &AccountNumber,
            filter: &PeopleFilter,
            after: &str,
            limit: i64,
        ) -> Result<Vec<PersonAccount>, DatabaseError> {
            let rows: Vec<AccountRow> = sqlx::query_as(PEOPLE)
                .bind(unit.as_str())
                .bind(after)
                .bind(filter.status.map_or("", PersonStatus::code))
                .bind(&filter.name)
                .bind(&filter.person)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn people_sums(&mut self, unit: &AccountNumber, filter: &PeopleFilter) -> Result<PeopleSums, DatabaseError> {
            let row: PeopleSumsRow = sqlx::query_as(PEOPLE_SUMS)
                .bind(unit.as_str())
                .bind(filter.status.map_or("", PersonStatus::code))
                .bind(&filter.name)
                .bind(&filter.person)
                .fetch_one(self.connection())
                .await?;
            Ok(PeopleSums {
                count: row.n,
                base: Fen::new(row.base),
                unit_share: Fen::new(row.unit_share),
                personal_share: Fen::new(row.personal_share),
                balance: Fen::new(row.balance),
            })
        }

        async fn units_after(&mut self, after: &str, limit: i64) -> Result<Vec<AccountNumber>, DatabaseError> {
            let rows: Vec<CodeRow> =
                sqlx::query_as(UNITS_AFTER).bind(after).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(|row| row.code.parse().map_err(|_| odd("unit_account", &row.code, "account"))).collect()
        }
    }
}
