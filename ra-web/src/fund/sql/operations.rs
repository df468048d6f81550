//! Operations with their evidence, and settled interest.

use ca_core::domain::{FundAct, Timestamp};
use ca_core::sql::DatabaseError;
use ca_core::sql_row as row;

use super::odd;
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::{InterestLine, Step};
use crate::fund::operation::{Operation, Signature, State};

pub(super) const ADD: &str = "INSERT INTO fund_operation (serial, unit, act, state, month, heads, amount, created, expires, \
    plan, document, list, check_code, prints, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 1)";
pub(super) const MOVE: &str = "UPDATE fund_operation SET state = $3, signed = $4, booked = $5, certificate = $6, \
    signature = $7, status_source = $8, status_evidence = $9, reversed_by = $10, version = version + 1 \
    WHERE serial = $1 AND version = $2";
pub(super) const PRINT: &str = "UPDATE fund_operation SET prints = prints + 1 WHERE serial = $1 RETURNING prints AS n";

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

pub(super) const FIND: &str = operations_where!("serial = $1 AND unit = $2");
pub(super) const OF_CODE: &str = operations_where!("check_code = $1");
pub(super) const WAITING: &str = operations_where!("unit = $1 AND state = 'awaiting_funds'");
// Drafts that were not signed are nobody's business.
pub(super) const PAGE: &str = operations_where!(
    "unit = $1 AND serial < $2 AND state <> 'draft' AND ($3 = '' OR act = $3) ORDER BY serial DESC LIMIT $4"
);
pub(super) const FORGET_STEPS: &str = "DELETE FROM fund_operation_state WHERE serial IN \
    (SELECT serial FROM fund_operation WHERE state = 'draft' AND expires < $1)";
pub(super) const FORGET: &str = "DELETE FROM fund_operation WHERE state = 'draft' AND expires < $1";
pub(super) const ADD_STEP: &str =
    "INSERT INTO fund_operation_state (serial, n, state, at, actor) VALUES ($1, $2, $3, $4, $5)";
pub(super) const COUNT_STEPS: &str = "SELECT COUNT(*) AS n FROM fund_operation_state WHERE serial = $1";
pub(super) const STEPS: &str =
    "SELECT serial, state, at, actor FROM fund_operation_state WHERE serial = $1 ORDER BY n LIMIT 20";
pub(super) const ADD_INTEREST: &str = "INSERT INTO interest_line (unit, year, number, name, opening, product, rate, \
    interest, closing, serial) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
pub(super) const INTEREST: &str = "SELECT number, name, opening, product, rate, interest, closing, serial \
    FROM interest_line WHERE unit = $1 AND year = $2 AND number > $3 ORDER BY number LIMIT $4";
pub(super) const INTEREST_SUMS: &str = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(opening), 0) AS BIGINT) AS a, \
    CAST(COALESCE(SUM(interest), 0) AS BIGINT) AS b, CAST(COALESCE(SUM(closing), 0) AS BIGINT) AS c \
    FROM interest_line WHERE unit = $1 AND year = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD,
    FORGET_STEPS,
    FORGET,
    MOVE,
    PRINT,
    FIND,
    OF_CODE,
    WAITING,
    PAGE,
    ADD_STEP,
    COUNT_STEPS,
    STEPS,
    ADD_INTEREST,
    INTEREST,
    INTEREST_SUMS,
];

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

row!(pub(super) InterestRow {
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
