//! Accounts, ledgers and changes.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, FundAct, Sha256, Timestamp};
use ca_core::sql::{DatabaseError, expect_rows};
use ca_core::{for_each_backend, sql_row as row};

use super::ledgers::{self as l, CodeRow, CountRow, EntryRow, MoveRow, PersonEntryRow, SumsRow};
use super::operations::{self, InterestRow, OperationRow, StepRow};
use super::{odd, read_day};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::{Fen, Month, Rate};
use crate::fund::book_store::{
    BookTx, ChangeRow, EntryFilter, InterestLine, KeptChange, LedgerSums, MOST_HEADS, PeopleFilter, PeopleSums, Sealed,
    Step,
};
use crate::fund::books::{Booking, Person, PersonAccount, PersonEntry, PersonNumber, UnitEntry};
use crate::fund::codes::{BusinessType, IdKind, PersonStatus};
use crate::fund::operation::Operation;
use crate::fund::policy::{DayOfYear, Policy, Rounding, SingleBase};

const KEEP_POLICY: &str = "INSERT INTO policy (valid_from, rate_min, rate_max, base_floor, base_cap, rounding, interest, \
    day_count, daily_rate_digits, adjust_from, adjust_to, single_base) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
    ON CONFLICT (valid_from) DO NOTHING";
const POLICY_AT: &str = "SELECT valid_from, rate_min, rate_max, base_floor, base_cap, rounding, interest, day_count, \
    daily_rate_digits, adjust_from, adjust_to, single_base FROM policy WHERE valid_from <= $1 ORDER BY valid_from DESC LIMIT 1";
const DRAW: &str = "UPDATE person_number SET last = last + $1 WHERE id = 1 RETURNING last AS n";
const PERSON_OF: &str = "SELECT id, name, id_kind, id_masked, id_hash, mobile, address FROM person WHERE id_hash = $1";
pub(super) const PERSON_BY_ID: &str =
    "SELECT id, name, id_kind, id_masked, id_hash, mobile, address FROM person WHERE id = $1";
pub(super) const PERSON_BY_UNIQUE_ID: &str =
    "SELECT id, name, id_kind, id_masked, id_hash, mobile, address FROM person WHERE unique_id = $1";
const SEALED: &str = "SELECT id_number AS bytes FROM person WHERE id = $1";
const ADD_PERSON: &str = "INSERT INTO person (id, name, id_kind, id_masked, id_hash, id_number, mobile, address) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const SET_PERSON: &str = "UPDATE person SET mobile = $2, address = $3 WHERE id = $1";
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
const UNSETTLED: &str = account_where!(
    "a.unit = $1 AND a.opened <= $3 AND a.status IN ('01', '02', '06') AND NOT EXISTS (SELECT 1 FROM interest_line i \
     WHERE i.unit = $1 AND i.year = $2 AND i.number = a.number) ORDER BY a.number LIMIT $4"
);
const ADD_ACCOUNT: &str = "INSERT INTO person_account (number, person, unit, base, unit_share, personal_share, status, \
    opened, starts, paid_through, rebased, carried, current_year, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const SET_ACCOUNT: &str = "UPDATE person_account SET base = $2, unit_share = $3, personal_share = $4, status = $5, \
    paid_through = $6, rebased = $7, carried = $8, current_year = $9, version = $10 \
    WHERE number = $1 AND version = $10 - 1";
const SET_UNIT: &str = "UPDATE unit_account SET address = $2, handler = $3, handler_mobile = $4, bank = $5, payday = $6, \
    status = $7, active_heads = $8, sealed_heads = $9, balance = $10, suspense = $11, paid_through = $12, version = $13 \
    WHERE account = $1 AND version = $13 - 1";
const UNITS_AFTER: &str = "SELECT account AS code FROM unit_account WHERE account > $1 ORDER BY account LIMIT $2";
const CHANGE_PLACE: &str = "INSERT INTO book_change_count (unit, last) VALUES ($1, 1) \
    ON CONFLICT (unit) DO UPDATE SET last = book_change_count.last + 1 RETURNING last AS n";
const ADD_CHANGE: &str = "INSERT INTO book_change (unit, seq, at, serial, number, name, kind, month, field, was, will, undoes) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
const KEEP_RECEIPT: &str = "INSERT INTO fund_receipt (reference, unit, amount, at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (reference) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    KEEP_POLICY,
    POLICY_AT,
    DRAW,
    PERSON_OF,
    SEALED,
    ADD_PERSON,
    SET_PERSON,
    HAS_OPEN,
    ACCOUNT,
    DUE,
    PEOPLE,
    PEOPLE_SUMS,
    UNSETTLED,
    ADD_ACCOUNT,
    SET_ACCOUNT,
    SET_UNIT,
    UNITS_AFTER,
    CHANGE_PLACE,
    ADD_CHANGE,
    CHANGES,
    CHANGES_OF,
    STANDING,
    COUNT_CHANGES,
    SEALED_FOR,
    KEEP_RECEIPT,
];

row!(PolicyRow {
    valid_from: String,
    rate_min: i64,
    rate_max: i64,
    base_floor: i64,
    base_cap: i64,
    rounding: String,
    interest: i64,
    day_count: i64,
    daily_rate_digits: Option<i64>,
    adjust_from: i64,
    adjust_to: i64,
    single_base: String,
});

impl TryFrom<PolicyRow> for Policy {
    type Error = DatabaseError;

    fn try_from(row: PolicyRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("policy", &row.valid_from, what);
        let rate = |n, what| Rate::new(n).ok_or_else(|| fault(what));
        Ok(Self {
            valid_from: read_day("policy", &row.valid_from)?,
            rate_min: rate(row.rate_min, "rate_min")?,
            rate_max: rate(row.rate_max, "rate_max")?,
            base_floor: Fen::new(row.base_floor),
            base_cap: Fen::new(row.base_cap),
            rounding: Rounding::from_word(&row.rounding).ok_or_else(|| fault("rounding"))?,
            interest: rate(row.interest, "interest")?,
            day_count: row.day_count,
            daily_rate_digits: row
                .daily_rate_digits
                .map(|n| u32::try_from(n).map_err(|_| fault("daily_rate_digits")))
                .transpose()?,
            adjust_from: DayOfYear(row.adjust_from),
            adjust_to: DayOfYear(row.adjust_to),
            single_base: SingleBase::from_word(&row.single_base).ok_or_else(|| fault("single_base"))?,
        })
    }
}

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

/// Every one of some rows.
pub(super) fn all<R, T: TryFrom<R, Error = DatabaseError>>(rows: Vec<R>) -> Result<Vec<T>, DatabaseError> {
    rows.into_iter().map(T::try_from).collect()
}

fn code(kind: Option<BusinessType>) -> &'static str {
    kind.map_or("", BusinessType::code)
}

for_each_backend! { Tx =>
    #[async_trait]
    impl BookTx for Tx {
        async fn keep_policy(&mut self, policy: &Policy) -> Result<bool, DatabaseError> {
            let done = sqlx::query(KEEP_POLICY)
                .bind(policy.valid_from.to_string())
                .bind(policy.rate_min.ten_thousandths())
                .bind(policy.rate_max.ten_thousandths())
                .bind(policy.base_floor.fen())
                .bind(policy.base_cap.fen())
                .bind(policy.rounding.word())
                .bind(policy.interest.ten_thousandths())
                .bind(policy.day_count)
                .bind(policy.daily_rate_digits.map(i64::from))
                .bind(policy.adjust_from.0)
                .bind(policy.adjust_to.0)
                .bind(policy.single_base.word())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn policy_at(&mut self, day: BeijingDay) -> Result<Option<Policy>, DatabaseError> {
            let row: Option<PolicyRow> =
                sqlx::query_as(POLICY_AT).bind(day.to_string()).fetch_optional(self.connection()).await?;
            row.map(Policy::try_from).transpose()
        }

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

        async fn book(&mut self, booking: &Booking, sealed: &[Sealed], at: Timestamp) -> Result<(), DatabaseError> {
            let unit = &booking.unit;
            let done = sqlx::query(SET_UNIT)
                .bind(unit.account.as_str())
                .bind(&unit.address)
                .bind(&unit.handler)
                .bind(&unit.handler_mobile)
                .bind(&unit.bank)
                .bind(unit.payday.map(i64::from))
                .bind(unit.status.code())
                .bind(i64::from(unit.active_heads))
                .bind(i64::from(unit.sealed_heads))
                .bind(unit.balance.fen())
                .bind(unit.suspense.fen())
                .bind(unit.paid_through.map(Month::yyyymm))
                .bind(unit.version)
                .execute(self.connection())
                .await?;
            expect_rows(SET_UNIT, done.rows_affected(), 1)?;
            if let Some(entry) = &booking.entry {
                sqlx::query(l::ADD_UNIT_ENTRY)
                    .bind(entry.unit.as_str())
                    .bind(entry.seq)
                    .bind(entry.day.to_string())
                    .bind(entry.kind.code())
                    .bind(entry.month.map(Month::yyyymm))
                    .bind(i64::from(entry.heads))
                    .bind(entry.amount.fen())
                    .bind(entry.interest.fen())
                    .bind(entry.suspense.fen())
                    .bind(entry.balance.fen())
                    .bind(entry.suspense_after.fen())
                    .bind(&entry.serial)
                    .bind(entry.reverses)
                    .execute(self.connection())
                    .await?;
            }
            for posted in &booking.people {
                let account = &posted.account;
                if let Some(sealed) = sealed.iter().find(|sealed| sealed.person == account.person.id) {
                    sqlx::query(ADD_PERSON)
                        .bind(&account.person.id)
                        .bind(&account.person.name)
                        .bind(account.person.id_kind.code())
                        .bind(&account.person.id_masked)
                        .bind(account.person.id_hash.to_string())
                        .bind(&sealed.bytes)
                        .bind(&account.person.mobile)
                        .bind(&account.person.address)
                        .execute(self.connection())
                        .await?;
                }
                if posted.fresh {
                    sqlx::query(ADD_ACCOUNT)
                        .bind(account.number.as_str())
                        .bind(&account.person.id)
                        .bind(account.unit.as_str())
                        .bind(account.base.fen())
                        .bind(account.unit_share.fen())
                        .bind(account.personal_share.fen())
                        .bind(account.status.code())
                        .bind(account.opened.to_string())
                        .bind(account.starts.yyyymm())
                        .bind(account.paid_through.map(Month::yyyymm))
                        .bind(account.rebased.map(|day| day.to_string()))
                        .bind(account.carried.fen())
                        .bind(account.current.fen())
                        .bind(account.version)
                        .execute(self.connection())
                        .await?;
                } else {
                    let done = sqlx::query(SET_ACCOUNT)
                        .bind(account.number.as_str())
                        .bind(account.base.fen())
                        .bind(account.unit_share.fen())
                        .bind(account.personal_share.fen())
                        .bind(account.status.code())
                        .bind(account.paid_through.map(Month::yyyymm))
                        .bind(account.rebased.map(|day| day.to_string()))
                        .bind(account.carried.fen())
                        .bind(account.current.fen())
                        .bind(account.version)
                        .execute(self.connection())
                        .await?;
                    expect_rows(SET_ACCOUNT, done.rows_affected(), 1)?;
                    // Only who changes a person's own particulars changes the person.
                    if booking.changes.iter().any(|change| change.kind == BusinessType::DataChange) {
                        let done = sqlx::query(SET_PERSON)
                            .bind(&account.person.id)
                            .bind(&account.person.mobile)
                            .bind(&account.person.address)
                            .execute(self.connection())
                            .await?;
                        expect_rows(SET_PERSON, done.rows_affected(), 1)?;
                    }
                }
                if let Some(entry) = &posted.entry {
                    sqlx::query(l::ADD_PERSON_ENTRY)
                        .bind(entry.number.as_str())
                        .bind(entry.seq)
                        .bind(entry.day.to_string())
                        .bind(entry.kind.code())
                        .bind(entry.month.map(Month::yyyymm))
                        .bind(entry.unit_part.fen())
                        .bind(entry.personal_part.fen())
                        .bind(entry.interest.fen())
                        .bind(entry.carried.fen())
                        .bind(entry.balance.fen())
                        .bind(&entry.serial)
                        .bind(entry.reverses)
                        .execute(self.connection())
                        .await?;
                }
            }
            for change in &booking.changes {
                let place: CountRow =
                    sqlx::query_as(CHANGE_PLACE).bind(unit.account.as_str()).fetch_one(self.connection()).await?;
                let (number, name) = match &change.person {
                    Some((number, name)) => (Some(number.as_str()), name.as_str()),
                    None => (None, unit.name.as_str()),
                };
                sqlx::query(ADD_CHANGE)
                    .bind(unit.account.as_str())
                    .bind(place.n)
                    .bind(at.unix())
                    .bind(&change.serial)
                    .bind(number)
                    .bind(name)
                    .bind(change.kind.code())
                    .bind(change.month.map(Month::yyyymm))
                    .bind(change.field)
                    .bind(&change.was)
                    .bind(&change.will)
                    .bind(change.undoes)
                    .execute(self.connection())
                    .await?;
            }
            Ok(())
        }

        async fn unit_entry(&mut self, unit: &AccountNumber, serial: &str) -> Result<Option<UnitEntry>, DatabaseError> {
            let row: Option<EntryRow> = sqlx::query_as(l::UNIT_ENTRY)
                .bind(serial)
                .bind(unit.as_str())
                .fetch_optional(self.connection())
                .await?;
            row.map(UnitEntry::try_from).transpose()
        }

        async fn person_entries(&mut self, serial: &str) -> Result<Vec<PersonEntry>, DatabaseError> {
            let rows: Vec<PersonEntryRow> = sqlx::query_as(l::PERSON_ENTRIES)
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
            let rows: Vec<EntryRow> = sqlx::query_as(l::UNIT_ENTRIES)
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
            let row: SumsRow = sqlx::query_as(l::UNIT_SUMS)
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
            let rows: Vec<EntryRow> = sqlx::query_as(l::UNIT_MONTHS)
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
            let rows: Vec<PersonEntryRow> = sqlx::query_as(l::PERSON_LEDGER)
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
            let row: SumsRow = sqlx::query_as(l::PERSON_SUMS)
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
            let rows: Vec<MoveRow> = sqlx::query_as(l::MOVES)
                .bind(number.as_str())
                .bind(day.to_string())
                .bind(MOST_HEADS)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(|row| Ok((read_day("person_entry", &row.day)?, Fen::new(row.amount)))).collect()
        }

        async fn paid_months(&mut self, number: &PersonNumber) -> Result<Vec<(Month, Fen)>, DatabaseError> {
            let rows: Vec<l::PaidRow> =
                sqlx::query_as(l::PAID_MONTHS).bind(number.as_str()).fetch_all(self.connection()).await?;
            Ok(rows.into_iter().filter_map(|row| Some((Month::new(row.month)?, Fen::new(row.amount)))).collect())
        }

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

        async fn keep_receipt(
            &mut self,
            reference: &str,
            unit: &AccountNumber,
            amount: Fen,
            at: Timestamp,
        ) -> Result<bool, DatabaseError> {
            let done = sqlx::query(KEEP_RECEIPT)
                .bind(reference)
                .bind(unit.as_str())
                .bind(amount.fen())
                .bind(at.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

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

        async fn units_after(&mut self, after: &str, limit: i64) -> Result<Vec<AccountNumber>, DatabaseError> {
            let rows: Vec<CodeRow> =
                sqlx::query_as(UNITS_AFTER).bind(after).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(|row| row.code.parse().map_err(|_| odd("unit_account", &row.code, "account"))).collect()
        }

        async fn keep_interest(
            &mut self,
            unit: &AccountNumber,
            year: i64,
            line: &InterestLine,
        ) -> Result<(), DatabaseError> {
            sqlx::query(operations::ADD_INTEREST)
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
            let rows: Vec<InterestRow> = sqlx::query_as(operations::INTEREST)
                .bind(unit.as_str())
                .bind(year)
                .bind(after)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn interest_sums(&mut self, unit: &AccountNumber, year: i64) -> Result<(i64, Fen, Fen, Fen), DatabaseError> {
            let row: l::FourRow = sqlx::query_as(operations::INTEREST_SUMS)
                .bind(unit.as_str())
                .bind(year)
                .fetch_one(self.connection())
                .await?;
            Ok((row.n, Fen::new(row.a), Fen::new(row.b), Fen::new(row.c)))
        }

        async fn keep_operation(&mut self, operation: &Operation, actor: &str) -> Result<(), DatabaseError> {
            sqlx::query(operations::ADD)
                .bind(&operation.serial)
                .bind(operation.unit.as_str())
                .bind(operation.act.word())
                .bind(operation.state.word())
                .bind(operation.month.map(Month::yyyymm))
                .bind(i64::from(operation.heads))
                .bind(operation.amount.fen())
                .bind(operation.created.unix())
                .bind(operation.expires.unix())
                .bind(&operation.plan)
                .bind(&operation.document)
                .bind(&operation.list)
                .bind(&operation.check_code)
                .execute(self.connection())
                .await?;
            sqlx::query(operations::ADD_STEP)
                .bind(&operation.serial)
                .bind(1_i64)
                .bind(operation.state.word())
                .bind(operation.created.unix())
                .bind(actor)
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn forget_drafts(&mut self, before: Timestamp) -> Result<(), DatabaseError> {
            for statement in [operations::FORGET_STEPS, operations::FORGET] {
                sqlx::query(statement).bind(before.unix()).execute(self.connection()).await?;
            }
            Ok(())
        }

        async fn operation(&mut self, unit: &AccountNumber, serial: &str) -> Result<Option<Operation>, DatabaseError> {
            let row: Option<OperationRow> = sqlx::query_as(operations::FIND)
                .bind(serial)
                .bind(unit.as_str())
                .fetch_optional(self.connection())
                .await?;
            row.map(Operation::try_from).transpose()
        }

        async fn operation_of_code(&mut self, code: &str) -> Result<Option<Operation>, DatabaseError> {
            let row: Option<OperationRow> =
                sqlx::query_as(operations::OF_CODE).bind(code).fetch_optional(self.connection()).await?;
            row.map(Operation::try_from).transpose()
        }

        async fn waiting(&mut self, unit: &AccountNumber) -> Result<Option<Operation>, DatabaseError> {
            let row: Option<OperationRow> =
                sqlx::query_as(operations::WAITING).bind(unit.as_str()).fetch_optional(self.connection()).await?;
            row.map(Operation::try_from).transpose()
        }

        async fn operations(
            &mut self,
            unit: &AccountNumber,
            act: Option<FundAct>,
            before: &str,
            limit: i64,
        ) -> Result<Vec<Operation>, DatabaseError> {
            let rows: Vec<OperationRow> = sqlx::query_as(operations::PAGE)
                .bind(unit.as_str())
                .bind(before)
                .bind(act.map_or("", FundAct::word))
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn move_operation(&mut self, operation: &Operation, steps: &[Step]) -> Result<(), DatabaseError> {
            let signature = operation.signature.as_ref();
            let done = sqlx::query(operations::MOVE)
                .bind(&operation.serial)
                .bind(operation.version)
                .bind(operation.state.word())
                .bind(signature.map(|signature| signature.at.unix()))
                .bind(operation.booked.map(Timestamp::unix))
                .bind(signature.map(|signature| signature.certificate.as_slice()))
                .bind(signature.map(|signature| signature.message.as_slice()))
                .bind(signature.map(|signature| signature.status_source))
                .bind(signature.map(|signature| signature.status_evidence.as_slice()))
                .bind(operation.reversed_by.as_deref())
                .execute(self.connection())
                .await?;
            expect_rows(operations::MOVE, done.rows_affected(), 1)?;
            let there: CountRow =
                sqlx::query_as(operations::COUNT_STEPS).bind(&operation.serial).fetch_one(self.connection()).await?;
            for (n, step) in (there.n + 1..).zip(steps) {
                sqlx::query(operations::ADD_STEP)
                    .bind(&operation.serial)
                    .bind(n)
                    .bind(step.state.word())
                    .bind(step.at.unix())
                    .bind(&step.actor)
                    .execute(self.connection())
                    .await?;
            }
            Ok(())
        }

        async fn count_print(&mut self, serial: &str) -> Result<i64, DatabaseError> {
            let row: CountRow = sqlx::query_as(operations::PRINT).bind(serial).fetch_one(self.connection()).await?;
            Ok(row.n)
        }

        async fn steps(&mut self, serial: &str) -> Result<Vec<Step>, DatabaseError> {
            let rows: Vec<StepRow> = sqlx::query_as(operations::STEPS).bind(serial).fetch_all(self.connection()).await?;
            all(rows)
        }
    }
}
