//! What a business does to the books, as it is written: unit, accounts, entries and changes together.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::ledgers::{ADD_PERSON_ENTRY, ADD_UNIT_ENTRY, CountRow};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::{BookTx, Sealed};
use crate::fund::books::Booking;
use crate::fund::codes::BusinessType;
use crate::fund::progress::{Run, Stage};

const ADD_PERSON: &str = "INSERT INTO person (id, name, id_kind, id_masked, id_hash, id_number, mobile, address) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const SET_PERSON: &str = "UPDATE person SET mobile = $2, address = $3 WHERE id = $1";
const ADD_ACCOUNT: &str = "INSERT INTO person_account (number, person, unit, base, unit_share, personal_share, status, \
    opened, starts, paid_through, rebased, carried, current_year, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const SET_ACCOUNT: &str = "UPDATE person_account SET base = $2, unit_share = $3, personal_share = $4, status = $5, \
    paid_through = $6, rebased = $7, carried = $8, current_year = $9, version = $10 \
    WHERE number = $1 AND version = $10 - 1";
const SET_UNIT: &str = "UPDATE unit_account SET address = $2, handler = $3, handler_mobile = $4, bank = $5, payday = $6, \
    status = $7, active_heads = $8, sealed_heads = $9, balance = $10, suspense = $11, paid_through = $12, version = $13 \
    WHERE account = $1 AND version = $13 - 1";
const CHANGE_PLACE: &str = "INSERT INTO book_change_count (unit, last) VALUES ($1, 1) \
    ON CONFLICT (unit) DO UPDATE SET last = book_change_count.last + 1 RETURNING last AS n";
const ADD_CHANGE: &str = "INSERT INTO book_change (unit, seq, at, serial, number, name, kind, month, field, was, will, undoes) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const KEEP_RECEIPT: &str = "INSERT INTO fund_receipt (reference, unit, amount, at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (reference) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[ADD_PERSON, SET_PERSON, ADD_ACCOUNT, SET_ACCOUNT, SET_UNIT, CHANGE_PLACE, ADD_CHANGE, KEEP_RECEIPT];

/// Every one of some rows.
pub(super) fn all<R, T: TryFrom<R, Error = DatabaseError>>(rows: Vec<R>) -> Result<Vec<T>, DatabaseError> {
    rows.into_iter().map(T::try_from).collect()
}

/// The code by which a list is narrowed; empty for all.
pub(super) fn code(kind: Option<BusinessType>) -> &'static str {
    kind.map_or("", BusinessType::code)
}

for_each_backend! { Tx =>
    #[async_trait]
    impl BookTx for Tx {
        async fn book_telling(
            &mut self,
            booking: &Booking,
            sealed: &[Sealed],
            at: Timestamp,
            run: &Run<'_>,
        ) -> Result<(), DatabaseError> {
            run.enter(Stage::Writing, booking.people.len() + booking.changes.len());
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
                sqlx::query(ADD_UNIT_ENTRY)
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
                    sqlx::query(ADD_PERSON_ENTRY)
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
                run.step();
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
                run.step();
            }
            Ok(())
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
    }
}
