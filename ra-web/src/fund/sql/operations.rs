//! Operations with their evidence.

use async_trait::async_trait;
use ca_core::domain::{FundAct, Timestamp};
use ca_core::sql::{DatabaseError, expect_rows};
use ca_core::{for_each_backend, sql_row as row};

use super::books::all;
use super::ledgers::CountRow;
use super::odd;
use crate::fund::account::AccountNumber;
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::Step;
use crate::fund::operation::{Operation, Signature, State};
use crate::fund::operation_store::OperationTx;

const ADD: &str = "INSERT INTO fund_operation (serial, unit, act, state, month, heads, amount, created, expires, \
    plan, document, list, check_code, prints, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 1)";
const MOVE: &str = "UPDATE fund_operation SET state = $3, signed = $4, booked = $5, certificate = $6, \
    signature = $7, status_source = $8, status_evidence = $9, reversed_by = $10, version = version + 1 \
    WHERE serial = $1 AND version = $2";
const PRINT: &str = "UPDATE fund_operation SET prints = prints + 1 WHERE serial = $1 RETURNING prints AS n";

macro_rules! operations_where {
    ($condition:literal) => {
        concat!(
            "SELECT serial, unit, act, state, month, heads, amount, created, expires, plan, document, list, check_code, \
             signed, booked, certificate, signature, status_source, status_evidence, prints, reversed_by, version \
             FROM fund_operation WHERE ",
            $condition
        )
    };
}

const FIND: &str = operations_where!("serial = $1 AND unit = $2");
const OF_CODE: &str = operations_where!("check_code = $1");
const WAITING: &str = operations_where!("unit = $1 AND state = 'awaiting_funds'");
// Drafts that were not signed are nobody's business.
const PAGE: &str = operations_where!(
    "unit = $1 AND serial < $2 AND state <> 'draft' AND ($3 = '' OR act = $3) ORDER BY serial DESC LIMIT $4"
);
const FORGET_STEPS: &str = "DELETE FROM fund_operation_state WHERE serial IN \
    (SELECT serial FROM fund_operation WHERE state = 'draft' AND expires < $1)";
const FORGET: &str = "DELETE FROM fund_operation WHERE state = 'draft' AND expires < $1";
const ADD_STEP: &str = "INSERT INTO fund_operation_state (serial, n, state, at, actor) VALUES ($1, $2, $3, $4, $5)";
const COUNT_STEPS: &str = "SELECT COUNT(*) AS n FROM fund_operation_state WHERE serial = $1";
const STEPS: &str = "SELECT serial, state, at, actor FROM fund_operation_state WHERE serial = $1 ORDER BY n LIMIT 20";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[ADD, FORGET_STEPS, FORGET, MOVE, PRINT, FIND, OF_CODE, WAITING, PAGE, ADD_STEP, COUNT_STEPS, STEPS];

row!(pub(super) OperationRow {
    serial: String,
    unit: String,
    act: String,
    state: String,
    month: Option<i64>,
    heads: i64,
    amount: i64,
    created: i64,
    expires: i64,
    plan: Vec<u8>,
    document: Vec<u8>,
    list: Vec<u8>,
    check_code: String,
    signed: Option<i64>,
    booked: Option<i64>,
    certificate: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    status_source: Option<String>,
    status_evidence: Option<Vec<u8>>,
    prints: i64,
    reversed_by: Option<String>,
    version: i64,
});

/// What a row keeps of a signature: when, certificate, message, source and evidence of the status.
type SignatureParts = (Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>, Option<String>, Option<Vec<u8>>);

/// The signature of a row, if it has one.
///
/// # Errors
/// Says that only a part of one is there.
pub(super) fn signature(parts: SignatureParts) -> Result<Option<Signature>, &'static str> {
    match parts {
        (Some(at), Some(certificate), Some(message), Some(source), Some(status_evidence)) => Ok(Some(Signature {
            certificate,
            message,
            status_source: if source == "crl" { "crl" } else { "ocsp" },
            status_evidence,
            at: Timestamp::from_unix(at),
        })),
        (None, None, None, None, None) => Ok(None),
        _ => Err("half a signature"),
    }
}

impl TryFrom<OperationRow> for Operation {
    type Error = DatabaseError;

    fn try_from(row: OperationRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("fund_operation", &row.serial, what);
        let parts = (row.signed, row.certificate, row.signature, row.status_source, row.status_evidence);
        let signature = signature(parts).map_err(fault)?;
        Ok(Self {
            unit: row.unit.parse().map_err(|_| fault("unit"))?,
            act: FundAct::from_word(&row.act).ok_or_else(|| fault("act"))?,
            state: State::from_word(&row.state).ok_or_else(|| fault("state"))?,
            month: row.month.and_then(Month::new),
            heads: u32::try_from(row.heads).map_err(|_| fault("heads"))?,
            amount: Fen::new(row.amount),
            created: Timestamp::from_unix(row.created),
            expires: Timestamp::from_unix(row.expires),
            plan: row.plan,
            document: row.document,
            list: row.list,
            check_code: row.check_code,
            signature,
            booked: row.booked.map(Timestamp::from_unix),
            prints: row.prints,
            reversed_by: row.reversed_by,
            version: row.version,
            serial: row.serial,
        })
    }
}

row!(pub(super) StepRow { serial: String, state: String, at: i64, actor: String });

impl TryFrom<StepRow> for Step {
    type Error = DatabaseError;

    fn try_from(row: StepRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            state: State::from_word(&row.state).ok_or_else(|| odd("fund_operation_state", &row.serial, "state"))?,
            at: Timestamp::from_unix(row.at),
            actor: row.actor,
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl OperationTx for Tx {
        async fn keep_operation(&mut self, operation: &Operation, actor: &str) -> Result<(), DatabaseError> {
            sqlx::query(ADD)
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
            sqlx::query(ADD_STEP)
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
            for statement in [FORGET_STEPS, FORGET] {
                sqlx::query(statement).bind(before.unix()).execute(self.connection()).await?;
            }
            Ok(())
        }

        async fn operation(&mut self, unit: &AccountNumber, serial: &str) -> Result<Option<Operation>, DatabaseError> {
            let row: Option<OperationRow> = sqlx::query_as(FIND)
                .bind(serial)
                .bind(unit.as_str())
                .fetch_optional(self.connection())
                .await?;
            row.map(Operation::try_from).transpose()
        }

        async fn operation_of_code(&mut self, code: &str) -> Result<Option<Operation>, DatabaseError> {
            let row: Option<OperationRow> =
                sqlx::query_as(OF_CODE).bind(code).fetch_optional(self.connection()).await?;
            row.map(Operation::try_from).transpose()
        }

        async fn waiting(&mut self, unit: &AccountNumber) -> Result<Option<Operation>, DatabaseError> {
            let row: Option<OperationRow> =
                sqlx::query_as(WAITING).bind(unit.as_str()).fetch_optional(self.connection()).await?;
            row.map(Operation::try_from).transpose()
        }

        async fn operations(
            &mut self,
            unit: &AccountNumber,
            act: Option<FundAct>,
            before: &str,
            limit: i64,
        ) -> Result<Vec<Operation>, DatabaseError> {
            let rows: Vec<OperationRow> = sqlx::query_as(PAGE)
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
            let done = sqlx::query(MOVE)
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
            expect_rows(MOVE, done.rows_affected(), 1)?;
            let there: CountRow =
                sqlx::query_as(COUNT_STEPS).bind(&operation.serial).fetch_one(self.connection()).await?;
            for (n, step) in (there.n + 1..).zip(steps) {
                sqlx::query(ADD_STEP)
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
            let row: CountRow = sqlx::query_as(PRINT).bind(serial).fetch_one(self.connection()).await?;
            Ok(row.n)
        }

        async fn steps(&mut self, serial: &str) -> Result<Vec<Step>, DatabaseError> {
            let rows: Vec<StepRow> = sqlx::query_as(STEPS).bind(serial).fetch_all(self.connection()).await?;
            all(rows)
        }
    }
}
