//! Persons who look after their own account: certificates, cards, rules, orders, payments, loans.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Timestamp, WithdrawalReason};
use ca_core::sql::{DatabaseError, expect_rows};
use ca_core::{for_each_backend, sql_row as row};

use super::accounts::{ACCOUNTS_OF, AccountRow, OWN_ACCOUNT, PERSON_BY_ID, PERSON_BY_UNIQUE_ID, PersonRow};
use super::ledgers::{CodeRow, CountRow};
use super::operations::signature;
use super::{odd, read_day};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::{Fen, Month};
use crate::fund::books::{Person, PersonAccount, PersonNumber};
use crate::fund::citizen_store::{CitizenTx, MOST_OF_A_PERSON};
use crate::fund::face::Answer;
use crate::fund::loan::{Loan, Method, Repayment};
use crate::fund::withdrawal::rules::WithdrawalRule;
use crate::fund::withdrawal::{Card, PaymentOrder, Stage, WithdrawalOrder};

/// A loan runs at most so many months.
const MOST_MONTHS: i64 = 480;

const KEEP_RULE: &str = "INSERT INTO withdrawal_rule (reason, valid_from, share, most, keep, interval_days, closes, \
    sealed_only) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (reason, valid_from) DO NOTHING";
const RULE_AT: &str = "SELECT reason, valid_from, share, most, keep, interval_days, closes, sealed_only \
    FROM withdrawal_rule WHERE reason = $1 AND valid_from <= $2 ORDER BY valid_from DESC LIMIT 1";
const BIND: &str = "UPDATE person SET unique_id = $2 WHERE id = $1";
const KEEP_CARD: &str = "INSERT INTO person_card (person, bank, bank_code, masked, card) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (person) DO UPDATE SET bank = excluded.bank, bank_code = excluded.bank_code, masked = excluded.masked, \
    card = excluded.card";
const CARD: &str = "SELECT bank, bank_code, masked, card FROM person_card WHERE person = $1";
const KEEP_LOAN: &str = "INSERT INTO loan (number, person, principal, rate, months, method, granted, first) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (number) DO NOTHING";
const LOANS: &str = "SELECT number, person, principal, rate, months, method, granted, first FROM loan \
    WHERE person = $1 ORDER BY number LIMIT $2";
const KEEP_REPAYMENT: &str = "INSERT INTO repayment (loan, n, day, principal, interest) VALUES ($1, $2, $3, $4, $5)";
const REPAYMENTS: &str = "SELECT loan, n, day, principal, interest FROM repayment WHERE loan = $1 ORDER BY n LIMIT $2";
const DROP_UNSIGNED: &str = "DELETE FROM withdrawal WHERE number = $1 AND stage IN ('asked', 'matched', 'cancelled')";
const FORGET: &str = "DELETE FROM withdrawal WHERE expires < $1 AND stage IN ('asked', 'matched', 'cancelled')";
const ADD: &str = "INSERT INTO withdrawal (serial, person, number, unit, reason, closes, amount, interest, stage, created, \
    expires, nonce, tries, document, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)";
const MOVE: &str = "UPDATE withdrawal SET stage = $3, tries = $4, document = $5, face_answer = $6, face_signature = $7, \
    signed = $8, certificate = $9, signature = $10, status_source = $11, status_evidence = $12, booked = $13, \
    version = version + 1 WHERE serial = $1 AND version = $2";
const LAST: &str = "SELECT booked AS code FROM withdrawal WHERE number = $1 AND reason = $2 AND booked IS NOT NULL \
    ORDER BY booked DESC LIMIT 1";
const UNPAID: &str = "SELECT COUNT(*) AS n FROM withdrawal WHERE number = $1 AND stage = 'ordered'";
const SETTLED: &str = "SELECT COUNT(*) AS n FROM interest_line WHERE unit = $1 AND year = $2 AND number = $3";
const FIRST_ENTRY: &str = "SELECT day AS code FROM person_entry WHERE number = $1 ORDER BY seq LIMIT 1";
const KEEP_PAYMENT: &str = "INSERT INTO payment_order (serial, message, made) VALUES ($1, $2, $3)";
const UNWRITTEN: &str = "SELECT serial, message, made, written FROM payment_order \
    WHERE written IS NULL AND serial > $1 ORDER BY serial LIMIT $2";
const UNWRITTEN_AGAIN: &str = "SELECT serial, message, made, written FROM payment_again \
    WHERE message IS NOT NULL AND written IS NULL AND serial > $1 ORDER BY serial LIMIT $2";
const WRITTEN: &str = "UPDATE payment_order SET written = $2 WHERE serial = $1";
const WRITTEN_AGAIN: &str = "UPDATE payment_again SET written = $2 WHERE serial = $1";
/// By its number: the bare column would have PostgreSQL walk the index of those that are unpaid.
const PAID: &str =
    "UPDATE withdrawal SET stage = 'paid', version = version + 1 WHERE serial = $1 AND stage || '' = 'ordered'";

macro_rules! withdrawals_where {
    ($condition:literal) => {
        concat!(
            "SELECT serial, person, number, unit, reason, closes, amount, interest, stage, created, expires, nonce, tries, \
             document, face_answer, face_signature, signed, certificate, signature, status_source, status_evidence, \
             booked, version FROM withdrawal WHERE ",
            $condition
        )
    };
}

const FIND: &str = withdrawals_where!("serial = $1 AND person = $2");
/// Whoever's it is.
pub(super) const ANY_WITHDRAWAL: &str = withdrawals_where!("serial = $1");
const OF_PERSON: &str =
    withdrawals_where!("person = $1 AND stage IN ('ordered', 'paid') ORDER BY serial DESC LIMIT $2");

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    KEEP_RULE,
    RULE_AT,
    BIND,
    KEEP_CARD,
    CARD,
    KEEP_LOAN,
    LOANS,
    KEEP_REPAYMENT,
    REPAYMENTS,
    DROP_UNSIGNED,
    FORGET,
    ADD,
    MOVE,
    LAST,
    UNPAID,
    SETTLED,
    FIRST_ENTRY,
    KEEP_PAYMENT,
    UNWRITTEN,
    UNWRITTEN_AGAIN,
    WRITTEN,
    WRITTEN_AGAIN,
    PAID,
    FIND,
    OF_PERSON,
    ACCOUNTS_OF,
    OWN_ACCOUNT,
    PERSON_BY_ID,
    PERSON_BY_UNIQUE_ID,
];

row!(RuleRow {
    reason: String,
    valid_from: String,
    share: i64,
    most: Option<i64>,
    keep: i64,
    interval_days: i64,
    closes: i64,
    sealed_only: i64,
});

impl TryFrom<RuleRow> for WithdrawalRule {
    type Error = DatabaseError;

    fn try_from(row: RuleRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            valid_from: read_day("withdrawal_rule", &row.valid_from)?,
            reason: WithdrawalReason::from_code(&row.reason)
                .ok_or_else(|| odd("withdrawal_rule", &row.reason, "reason"))?,
            share: row.share,
            most: row.most.map(Fen::new),
            keep: Fen::new(row.keep),
            interval_days: row.interval_days,
            closes: row.closes == 1,
            sealed_only: row.sealed_only == 1,
        })
    }
}

row!(CardRow { bank: String, bank_code: String, masked: String, card: Vec<u8> });

row!(LoanRow {
    number: String,
    person: String,
    principal: i64,
    rate: i64,
    months: i64,
    method: String,
    granted: String,
    first: i64,
});

impl TryFrom<LoanRow> for Loan {
    type Error = DatabaseError;

    fn try_from(row: LoanRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("loan", &row.number, what);
        Ok(Self {
            principal: Fen::new(row.principal),
            rate: row.rate,
            months: u32::try_from(row.months).map_err(|_| fault("months"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            granted: read_day("loan", &row.granted)?,
            first: Month::new(row.first).ok_or_else(|| fault("first"))?,
            person: row.person,
            number: row.number,
        })
    }
}

row!(RepaymentRow { loan: String, n: i64, day: String, principal: i64, interest: i64 });

impl TryFrom<RepaymentRow> for Repayment {
    type Error = DatabaseError;

    fn try_from(row: RepaymentRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            n: u32::try_from(row.n).map_err(|_| odd("repayment", &row.loan, "n"))?,
            day: read_day("repayment", &row.day)?,
            principal: Fen::new(row.principal),
            interest: Fen::new(row.interest),
        })
    }
}

row!(pub(super) WithdrawalRow {
    serial: String,
    person: String,
    number: String,
    unit: String,
    reason: String,
    closes: i64,
    amount: i64,
    interest: i64,
    stage: String,
    created: i64,
    expires: i64,
    nonce: String,
    tries: i64,
    document: Vec<u8>,
    face_answer: Option<Vec<u8>>,
    face_signature: Option<Vec<u8>>,
    signed: Option<i64>,
    certificate: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    status_source: Option<String>,
    status_evidence: Option<Vec<u8>>,
    booked: Option<String>,
    version: i64,
});

impl TryFrom<WithdrawalRow> for WithdrawalOrder {
    type Error = DatabaseError;

    fn try_from(row: WithdrawalRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("withdrawal", &row.serial, what);
        let parts = (row.signed, row.certificate, row.signature, row.status_source, row.status_evidence);
        let signature = signature(parts).map_err(fault)?;
        Ok(Self {
            number: row.number.parse().map_err(|_| fault("number"))?,
            unit: row.unit.parse().map_err(|_| fault("unit"))?,
            reason: WithdrawalReason::from_code(&row.reason).ok_or_else(|| fault("reason"))?,
            closes: row.closes == 1,
            amount: Fen::new(row.amount),
            interest: Fen::new(row.interest),
            stage: Stage::from_word(&row.stage).ok_or_else(|| fault("stage"))?,
            created: Timestamp::from_unix(row.created),
            expires: Timestamp::from_unix(row.expires),
            nonce: row.nonce,
            tries: row.tries,
            document: row.document,
            face: row.face_answer.zip(row.face_signature).map(|(bytes, signature)| Answer { bytes, signature }),
            signature,
            booked: row.booked.as_deref().map(|day| read_day("withdrawal", day)).transpose()?,
            version: row.version,
            person: row.person,
            serial: row.serial,
        })
    }
}

row!(PaymentRow { serial: String, message: Vec<u8>, made: i64, written: Option<i64> });

fn all<R, T: TryFrom<R, Error = DatabaseError>>(rows: Vec<R>) -> Result<Vec<T>, DatabaseError> {
    rows.into_iter().map(T::try_from).collect()
}

for_each_backend! { Tx =>
    #[async_trait]
    impl CitizenTx for Tx {
        async fn keep_rule(&mut self, rule: &WithdrawalRule) -> Result<bool, DatabaseError> {
            let done = sqlx::query(KEEP_RULE)
                .bind(rule.reason.code())
                .bind(rule.valid_from.to_string())
                .bind(rule.share)
                .bind(rule.most.map(Fen::fen))
                .bind(rule.keep.fen())
                .bind(rule.interval_days)
                .bind(i64::from(rule.closes))
                .bind(i64::from(rule.sealed_only))
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn rule_at(
            &mut self,
            reason: WithdrawalReason,
            day: BeijingDay,
        ) -> Result<Option<WithdrawalRule>, DatabaseError> {
            let row: Option<RuleRow> = sqlx::query_as(RULE_AT)
                .bind(reason.code())
                .bind(day.to_string())
                .fetch_optional(self.connection())
                .await?;
            row.map(WithdrawalRule::try_from).transpose()
        }

        async fn bind_person(&mut self, person: &str, unique_id: &str) -> Result<(), DatabaseError> {
            let done = sqlx::query(BIND).bind(person).bind(unique_id).execute(self.connection()).await?;
            expect_rows(BIND, done.rows_affected(), 1)
        }

        async fn person_of_unique_id(&mut self, unique_id: &str) -> Result<Option<Person>, DatabaseError> {
            let row: Option<PersonRow> =
                sqlx::query_as(PERSON_BY_UNIQUE_ID).bind(unique_id).fetch_optional(self.connection()).await?;
            row.map(Person::try_from).transpose()
        }

        async fn person(&mut self, id: &str) -> Result<Option<Person>, DatabaseError> {
            let row: Option<PersonRow> =
                sqlx::query_as(PERSON_BY_ID).bind(id).fetch_optional(self.connection()).await?;
            row.map(Person::try_from).transpose()
        }

        async fn own_accounts(&mut self, person: &str) -> Result<Vec<PersonAccount>, DatabaseError> {
            let rows: Vec<AccountRow> = sqlx::query_as(ACCOUNTS_OF)
                .bind(person)
                .bind(MOST_OF_A_PERSON)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn own_account(
            &mut self,
            person: &str,
            number: &PersonNumber,
        ) -> Result<Option<PersonAccount>, DatabaseError> {
            let row: Option<AccountRow> = sqlx::query_as(OWN_ACCOUNT)
                .bind(number.as_str())
                .bind(person)
                .fetch_optional(self.connection())
                .await?;
            row.map(PersonAccount::try_from).transpose()
        }

        async fn keep_card(&mut self, person: &str, card: &Card) -> Result<(), DatabaseError> {
            sqlx::query(KEEP_CARD)
                .bind(person)
                .bind(&card.bank)
                .bind(&card.bank_code)
                .bind(&card.masked)
                .bind(&card.sealed)
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn card(&mut self, person: &str) -> Result<Option<Card>, DatabaseError> {
            let row: Option<CardRow> = sqlx::query_as(CARD).bind(person).fetch_optional(self.connection()).await?;
            Ok(row.map(|row| Card { bank: row.bank, bank_code: row.bank_code, masked: row.masked, sealed: row.card }))
        }

        async fn keep_loan(&mut self, loan: &Loan, repaid: &[Repayment]) -> Result<bool, DatabaseError> {
            let done = sqlx::query(KEEP_LOAN)
                .bind(&loan.number)
                .bind(&loan.person)
                .bind(loan.principal.fen())
                .bind(loan.rate)
                .bind(i64::from(loan.months))
                .bind(loan.method.word())
                .bind(loan.granted.to_string())
                .bind(loan.first.yyyymm())
                .execute(self.connection())
                .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            for one in repaid {
                sqlx::query(KEEP_REPAYMENT)
                    .bind(&loan.number)
                    .bind(i64::from(one.n))
                    .bind(one.day.to_string())
                    .bind(one.principal.fen())
                    .bind(one.interest.fen())
                    .execute(self.connection())
                    .await?;
            }
            Ok(true)
        }

        async fn loans_of(&mut self, person: &str) -> Result<Vec<Loan>, DatabaseError> {
            let rows: Vec<LoanRow> =
                sqlx::query_as(LOANS).bind(person).bind(MOST_OF_A_PERSON).fetch_all(self.connection()).await?;
            all(rows)
        }

        async fn repayments(&mut self, loan: &str) -> Result<Vec<Repayment>, DatabaseError> {
            let rows: Vec<RepaymentRow> =
                sqlx::query_as(REPAYMENTS).bind(loan).bind(MOST_MONTHS).fetch_all(self.connection()).await?;
            all(rows)
        }

        async fn keep_withdrawal(&mut self, order: &WithdrawalOrder) -> Result<(), DatabaseError> {
            sqlx::query(DROP_UNSIGNED).bind(order.number.as_str()).execute(self.connection()).await?;
            sqlx::query(ADD)
                .bind(&order.serial)
                .bind(&order.person)
                .bind(order.number.as_str())
                .bind(order.unit.as_str())
                .bind(order.reason.code())
                .bind(i64::from(order.closes))
                .bind(order.amount.fen())
                .bind(order.interest.fen())
                .bind(order.stage.word())
                .bind(order.created.unix())
                .bind(order.expires.unix())
                .bind(&order.nonce)
                .bind(order.tries)
                .bind(&order.document)
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn forget_withdrawals(&mut self, before: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(FORGET).bind(before.unix()).execute(self.connection()).await?;
            Ok(())
        }

        async fn withdrawal(&mut self, person: &str, serial: &str) -> Result<Option<WithdrawalOrder>, DatabaseError> {
            let row: Option<WithdrawalRow> =
                sqlx::query_as(FIND).bind(serial).bind(person).fetch_optional(self.connection()).await?;
            row.map(WithdrawalOrder::try_from).transpose()
        }

        async fn withdrawals_of(&mut self, person: &str) -> Result<Vec<WithdrawalOrder>, DatabaseError> {
            let rows: Vec<WithdrawalRow> =
                sqlx::query_as(OF_PERSON).bind(person).bind(MOST_OF_A_PERSON).fetch_all(self.connection()).await?;
            all(rows)
        }

        async fn move_withdrawal(&mut self, order: &WithdrawalOrder) -> Result<(), DatabaseError> {
            let signature = order.signature.as_ref();
            let done = sqlx::query(MOVE)
                .bind(&order.serial)
                .bind(order.version)
                .bind(order.stage.word())
                .bind(order.tries)
                .bind(&order.document)
                .bind(order.face.as_ref().map(|face| face.bytes.as_slice()))
                .bind(order.face.as_ref().map(|face| face.signature.as_slice()))
                .bind(signature.map(|signature| signature.at.unix()))
                .bind(signature.map(|signature| signature.certificate.as_slice()))
                .bind(signature.map(|signature| signature.message.as_slice()))
                .bind(signature.map(|signature| signature.status_source))
                .bind(signature.map(|signature| signature.status_evidence.as_slice()))
                .bind(order.booked.map(|day| day.to_string()))
                .execute(self.connection())
                .await?;
            expect_rows(MOVE, done.rows_affected(), 1)
        }

        async fn last_withdrawal(
            &mut self,
            number: &PersonNumber,
            reason: WithdrawalReason,
        ) -> Result<Option<BeijingDay>, DatabaseError> {
            let row: Option<CodeRow> = sqlx::query_as(LAST)
                .bind(number.as_str())
                .bind(reason.code())
                .fetch_optional(self.connection())
                .await?;
            row.map(|row| read_day("withdrawal", &row.code)).transpose()
        }

        async fn has_unpaid(&mut self, number: &PersonNumber) -> Result<bool, DatabaseError> {
            let row: CountRow = sqlx::query_as(UNPAID).bind(number.as_str()).fetch_one(self.connection()).await?;
            Ok(row.n > 0)
        }

        async fn is_settled(
            &mut self,
            unit: &AccountNumber,
            year: i64,
            number: &PersonNumber,
        ) -> Result<bool, DatabaseError> {
            let row: CountRow = sqlx::query_as(SETTLED)
                .bind(unit.as_str())
                .bind(year)
                .bind(number.as_str())
                .fetch_one(self.connection())
                .await?;
            Ok(row.n > 0)
        }

        async fn first_entry(&mut self, number: &PersonNumber) -> Result<Option<BeijingDay>, DatabaseError> {
            let row: Option<CodeRow> =
                sqlx::query_as(FIRST_ENTRY).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(|row| read_day("person_entry", &row.code)).transpose()
        }

        async fn keep_payment(&mut self, payment: &PaymentOrder) -> Result<(), DatabaseError> {
            sqlx::query(KEEP_PAYMENT)
                .bind(&payment.serial)
                .bind(&payment.message)
                .bind(payment.made.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn unwritten_payments(&mut self) -> Result<Vec<PaymentOrder>, DatabaseError> {
            let mut rows: Vec<PaymentRow> = Vec::new();
            for statement in [UNWRITTEN, UNWRITTEN_AGAIN] {
                let some: Vec<PaymentRow> =
                    sqlx::query_as(statement).bind("").bind(MOST_OF_A_PERSON).fetch_all(self.connection()).await?;
                rows.extend(some);
            }
            let one = |row: PaymentRow| PaymentOrder {
                serial: row.serial,
                message: row.message,
                made: Timestamp::from_unix(row.made),
                written: row.written.map(Timestamp::from_unix),
            };
            Ok(rows.into_iter().map(one).collect())
        }

        async fn payment_written(&mut self, serial: &str, at: Timestamp) -> Result<(), DatabaseError> {
            let mut rows = 0;
            for statement in [WRITTEN, WRITTEN_AGAIN] {
                let done = sqlx::query(statement).bind(serial).bind(at.unix()).execute(self.connection()).await?;
                rows += done.rows_affected();
            }
            expect_rows(WRITTEN, rows, 1)
        }

        async fn payment_made(&mut self, serial: &str) -> Result<bool, DatabaseError> {
            let done = sqlx::query(PAID).bind(serial).execute(self.connection()).await?;
            Ok(done.rows_affected() == 1)
        }
    }
}
