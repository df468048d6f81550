//! Payments that the bank refused, and what was ordered in their place.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::sql::{DatabaseError, expect_rows};
use ca_core::{for_each_backend, sql_row as row};

use super::books::all;
use super::citizens::{ANY_WITHDRAWAL, WithdrawalRow};
use super::ledgers::CountRow;
use crate::fund::withdrawal::payments::{PaymentAgain, PaymentRefusal, PaymentTx};
use crate::fund::withdrawal::{Card, PaymentOrder, WithdrawalOrder};

const IS_TOLD: &str = "SELECT (SELECT COUNT(*) FROM payment_order WHERE serial = $1 AND written IS NOT NULL) \
    + (SELECT COUNT(*) FROM payment_again WHERE serial = $1 AND written IS NOT NULL) AS n";
const REFUSAL: &str = "SELECT payment, withdrawal, said, actor, at FROM payment_refusal WHERE payment = $1";
const REFUSE: &str = "INSERT INTO payment_refusal (payment, withdrawal, said, actor, at) VALUES ($1, $2, $3, $4, $5)";
const IN_PLACE_OF: &str = "SELECT serial, withdrawal, refused, bank, bank_code, masked, card, asked_by, asked, \
    confirmed_by FROM payment_again WHERE refused = $1";
const PROPOSE: &str = "INSERT INTO payment_again (serial, withdrawal, refused, bank, bank_code, masked, card, asked_by, \
    asked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (serial) DO UPDATE SET bank = excluded.bank, \
    bank_code = excluded.bank_code, masked = excluded.masked, card = excluded.card, asked_by = excluded.asked_by, \
    asked = excluded.asked WHERE payment_again.confirmed_by IS NULL";
/// Only what the clerk looked at: a proposal that was changed meanwhile has another sealed account.
const CONFIRM: &str = "UPDATE payment_again SET confirmed_by = $2, message = $3, made = $4 WHERE serial = $1 \
    AND confirmed_by IS NULL AND card = $5 AND asked_by <> $2";
const CAME_BACK: &str =
    "UPDATE withdrawal SET stage = 'ordered', version = version + 1 WHERE serial = $1 AND stage = 'paid'";
/// Spelled so that PostgreSQL takes the number and not the index of those that are open.
const CLOSE: &str = "UPDATE payment_refusal SET again = $2 WHERE payment = $1 AND COALESCE(again, '') = ''";
const REFUSED: &str = "SELECT payment, withdrawal, said, actor, at FROM payment_refusal \
    WHERE again IS NULL AND withdrawal > $1 ORDER BY withdrawal LIMIT $2";
const HAS_REFUSED: &str = "SELECT COUNT(*) AS n FROM payment_refusal WHERE withdrawal = $1 AND again IS NULL";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[IS_TOLD, REFUSAL, REFUSE, IN_PLACE_OF, PROPOSE, CONFIRM, CAME_BACK, CLOSE, REFUSED, HAS_REFUSED, ANY_WITHDRAWAL];

row!(RefusalRow { payment: String, withdrawal: String, said: String, actor: String, at: i64 });

impl TryFrom<RefusalRow> for PaymentRefusal {
    type Error = DatabaseError;

    fn try_from(row: RefusalRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            payment: row.payment,
            withdrawal: row.withdrawal,
            said: row.said,
            actor: row.actor,
            at: Timestamp::from_unix(row.at),
        })
    }
}

row!(AgainRow {
    serial: String,
    withdrawal: String,
    refused: String,
    bank: String,
    bank_code: String,
    masked: String,
    card: Vec<u8>,
    asked_by: String,
    asked: i64,
    confirmed_by: Option<String>,
});

impl From<AgainRow> for PaymentAgain {
    fn from(row: AgainRow) -> Self {
        Self {
            serial: row.serial,
            withdrawal: row.withdrawal,
            refused: row.refused,
            card: Card { bank: row.bank, bank_code: row.bank_code, masked: row.masked, sealed: row.card },
            asked_by: row.asked_by,
            asked: Timestamp::from_unix(row.asked),
            confirmed_by: row.confirmed_by,
        }
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl PaymentTx for Tx {
        async fn any_withdrawal(&mut self, serial: &str) -> Result<Option<WithdrawalOrder>, DatabaseError> {
            let row: Option<WithdrawalRow> =
                sqlx::query_as(ANY_WITHDRAWAL).bind(serial).fetch_optional(self.connection()).await?;
            row.map(WithdrawalOrder::try_from).transpose()
        }

        async fn is_told(&mut self, payment: &str) -> Result<bool, DatabaseError> {
            let row: CountRow = sqlx::query_as(IS_TOLD).bind(payment).fetch_one(self.connection()).await?;
            Ok(row.n > 0)
        }

        async fn refusal(&mut self, payment: &str) -> Result<Option<PaymentRefusal>, DatabaseError> {
            let row: Option<RefusalRow> =
                sqlx::query_as(REFUSAL).bind(payment).fetch_optional(self.connection()).await?;
            row.map(PaymentRefusal::try_from).transpose()
        }

        async fn refuse(&mut self, refusal: &PaymentRefusal) -> Result<(), DatabaseError> {
            sqlx::query(REFUSE)
                .bind(&refusal.payment)
                .bind(&refusal.withdrawal)
                .bind(&refusal.said)
                .bind(&refusal.actor)
                .bind(refusal.at.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn in_place_of(&mut self, refused: &str) -> Result<Option<PaymentAgain>, DatabaseError> {
            let row: Option<AgainRow> =
                sqlx::query_as(IN_PLACE_OF).bind(refused).fetch_optional(self.connection()).await?;
            Ok(row.map(PaymentAgain::from))
        }

        async fn propose_again(&mut self, again: &PaymentAgain) -> Result<(), DatabaseError> {
            let done = sqlx::query(PROPOSE)
                .bind(&again.serial)
                .bind(&again.withdrawal)
                .bind(&again.refused)
                .bind(&again.card.bank)
                .bind(&again.card.bank_code)
                .bind(&again.card.masked)
                .bind(&again.card.sealed)
                .bind(&again.asked_by)
                .bind(again.asked.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PROPOSE, done.rows_affected(), 1)
        }

        async fn confirm_again(
            &mut self,
            proposed: &PaymentAgain,
            by: &str,
            payment: &PaymentOrder,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(CONFIRM)
                .bind(&proposed.serial)
                .bind(by)
                .bind(&payment.message)
                .bind(payment.made.unix())
                .bind(&proposed.card.sealed)
                .execute(self.connection())
                .await?;
            expect_rows(CONFIRM, done.rows_affected(), 1)?;
            let done = sqlx::query(CLOSE)
                .bind(&proposed.refused)
                .bind(&proposed.serial)
                .execute(self.connection())
                .await?;
            expect_rows(CLOSE, done.rows_affected(), 1)
        }

        async fn payment_came_back(&mut self, withdrawal: &str) -> Result<(), DatabaseError> {
            let done = sqlx::query(CAME_BACK).bind(withdrawal).execute(self.connection()).await?;
            expect_rows(CAME_BACK, done.rows_affected(), 1)
        }

        async fn refused_payments(&mut self, limit: i64) -> Result<Vec<PaymentRefusal>, DatabaseError> {
            let rows: Vec<RefusalRow> = sqlx::query_as(REFUSED).bind("").bind(limit).fetch_all(self.connection()).await?;
            all(rows)
        }

        async fn has_refused(&mut self, withdrawal: &str) -> Result<bool, DatabaseError> {
            let row: CountRow =
                sqlx::query_as(HAS_REFUSED).bind(withdrawal).fetch_one(self.connection()).await?;
            Ok(row.n > 0)
        }
    }
}
