//! Remittance codes, statements of the fund's accounts, and their lines.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Sha256, Timestamp};
use ca_core::sql::{DatabaseError, expect_rows};
use ca_core::{for_each_backend, sql_row as row};

use super::books::all;
use super::{odd, read_day};
use crate::fund::account::AccountNumber;
use crate::fund::amounts::Fen;
use crate::fund::bank::store::BankTx;
use crate::fund::bank::{BankLine, LineState, Payer, Reason, Taken};
use crate::fund::operation::Operation;
use crate::statement::Format;
use crate::statement::code::RemittanceCode;

const ADD_CODE: &str = "INSERT INTO fund_remittance (code, operation, unit, created) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (code) DO NOTHING";
const CODE_OF: &str = "SELECT code FROM fund_remittance WHERE operation = $1";
const PAYER_OF_CODE: &str = "SELECT u.account, u.name FROM fund_remittance r JOIN unit_account u ON u.account = r.unit \
    WHERE r.code = $1";
const PAYERS_NAMED: &str = "SELECT account, name FROM unit_account WHERE name IN ($1, $2, $3) ORDER BY account LIMIT 3";
const RECEIPT: &str = "SELECT unit AS account, amount FROM fund_receipt WHERE reference = $1";
const ADD_STATEMENT: &str = "INSERT INTO fund_statement (number, account, format, file_name, sha256, lines, known, at, \
    actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const STATEMENT_OF_FILE: &str = "SELECT number, account, format, file_name, sha256, lines, known, at, actor \
    FROM fund_statement WHERE sha256 = $1";
const ADD_LINE: &str = "INSERT INTO fund_bank_line (number, statement, account, serial, fingerprint, day, amount, payer, \
    payer_account, memo, state, reason, unit, operation, reference, actor, moved, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1)";
const PUT_LINE: &str = "UPDATE fund_bank_line SET state = $3, reason = $4, unit = $5, operation = $6, reference = $7, \
    actor = $8, moved = $9, version = version + 1 WHERE number = $1 AND version = $2";

const ASK_RETURN: &str = "INSERT INTO fund_line_return (line, asked_by, asked) VALUES ($1, $2, $3) \
    ON CONFLICT (line) DO UPDATE SET asked_by = excluded.asked_by, asked = excluded.asked";
const DROP_RETURN: &str = "DELETE FROM fund_line_return WHERE line = $1";
const RETURN_ASKED_BY: &str = "SELECT asked_by AS code FROM fund_line_return WHERE line = $1";

macro_rules! lines_where {
    ($condition:literal) => {
        concat!(
            "SELECT number, statement, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, \
             reason, unit, operation, reference, actor, moved, version FROM fund_bank_line WHERE ",
            $condition
        )
    };
}

const LINE: &str = lines_where!("number = $1");
const OF_SERIAL: &str = lines_where!("account = $1 AND serial = $2");
const HAS: &str = lines_where!("account = $1 AND fingerprint = $2");
const IN_STATE: &str = lines_where!("state = $1 AND number > $2 ORDER BY number LIMIT $3");
const OF_STATEMENT: &str = lines_where!("statement = $1 AND number > $2 ORDER BY number LIMIT $3");

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD_CODE,
    CODE_OF,
    PAYER_OF_CODE,
    PAYERS_NAMED,
    RECEIPT,
    ADD_STATEMENT,
    STATEMENT_OF_FILE,
    ADD_LINE,
    PUT_LINE,
    ASK_RETURN,
    DROP_RETURN,
    RETURN_ASKED_BY,
    LINE,
    OF_SERIAL,
    HAS,
    IN_STATE,
    OF_STATEMENT,
];

row!(CodeRow { code: String });
row!(PayerRow { account: String, name: String });
row!(ReceiptRow { account: String, amount: i64 });
row!(TakenRow {
    number: String,
    account: String,
    format: String,
    file_name: String,
    sha256: String,
    lines: i64,
    known: i64,
    at: i64,
    actor: String,
});
row!(LineRow {
    number: String,
    statement: String,
    account: String,
    serial: Option<String>,
    fingerprint: String,
    day: String,
    amount: i64,
    payer: String,
    payer_account: String,
    memo: String,
    state: String,
    reason: Option<String>,
    unit: Option<String>,
    operation: Option<String>,
    reference: Option<String>,
    actor: String,
    moved: i64,
    version: i64,
});

impl TryFrom<PayerRow> for Payer {
    type Error = DatabaseError;

    fn try_from(row: PayerRow) -> Result<Self, DatabaseError> {
        let account = row.account.parse().map_err(|_| odd("unit_account", &row.account, "account"))?;
        Ok(Self { account, name: row.name })
    }
}

impl TryFrom<TakenRow> for Taken {
    type Error = DatabaseError;

    fn try_from(row: TakenRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("fund_statement", &row.number, what);
        Ok(Self {
            format: Format::from_word(&row.format).ok_or_else(|| fault("format"))?,
            sha256: row.sha256.parse().map_err(|_| fault("sha256"))?,
            number: row.number,
            account: row.account,
            file_name: row.file_name,
            lines: row.lines,
            known: row.known,
            at: Timestamp::from_unix(row.at),
            actor: row.actor,
        })
    }
}

impl TryFrom<LineRow> for BankLine {
    type Error = DatabaseError;

    fn try_from(row: LineRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("fund_bank_line", &row.number, what);
        let unit = row.unit.map(|unit| unit.parse::<AccountNumber>().map_err(|_| fault("unit"))).transpose()?;
        let reason = row.reason.map(|word| Reason::from_word(&word).ok_or_else(|| fault("reason"))).transpose()?;
        let state = match (row.state.as_str(), reason, unit, row.reference) {
            ("went", ..) => LineState::Went,
            ("received", ..) => LineState::Received,
            ("proposed", Some(reason), Some(unit), _) => LineState::Proposed { reason, unit },
            ("open", Some(reason), ..) => LineState::Open(reason),
            ("credited", _, Some(unit), _) => LineState::Credited { unit, operation: row.operation },
            ("returned", _, _, Some(reference)) => LineState::Returned { reference },
            _ => return Err(fault("state")),
        };
        Ok(Self {
            fingerprint: row.fingerprint.parse().map_err(|_| fault("fingerprint"))?,
            day: read_day("fund_bank_line", &row.day)?,
            number: row.number,
            statement: row.statement,
            account: row.account,
            serial: row.serial,
            amount: Fen::new(row.amount),
            payer: row.payer,
            payer_account: row.payer_account,
            memo: row.memo,
            state,
            actor: row.actor,
            moved: Timestamp::from_unix(row.moved),
            version: row.version,
        })
    }
}

/// Reason, unit, operation and reference of a state, as they are stored.
fn parts(state: &LineState) -> (Option<&'static str>, Option<&str>, Option<&str>, Option<&str>) {
    match state {
        LineState::Went | LineState::Received => (None, None, None, None),
        LineState::Proposed { reason, unit } => (Some(reason.word()), Some(unit.as_str()), None, None),
        LineState::Open(reason) => (Some(reason.word()), None, None, None),
        LineState::Credited { unit, operation } => (None, Some(unit.as_str()), operation.as_deref(), None),
        LineState::Returned { reference } => (None, None, None, Some(reference)),
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl BankTx for Tx {
        async fn add_code(
            &mut self,
            code: &RemittanceCode,
            operation: &Operation,
            at: Timestamp,
        ) -> Result<bool, DatabaseError> {
            let done = sqlx::query(ADD_CODE)
                .bind(code.as_str())
                .bind(&operation.serial)
                .bind(operation.unit.as_str())
                .bind(at.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn code_of(&mut self, serial: &str) -> Result<Option<RemittanceCode>, DatabaseError> {
            let row: Option<CodeRow> = sqlx::query_as(CODE_OF).bind(serial).fetch_optional(self.connection()).await?;
            row.map(|row| row.code.parse().map_err(|()| odd("fund_remittance", serial, "code"))).transpose()
        }

        async fn payer_of_code(&mut self, code: &RemittanceCode) -> Result<Option<Payer>, DatabaseError> {
            let row: Option<PayerRow> =
                sqlx::query_as(PAYER_OF_CODE).bind(code.as_str()).fetch_optional(self.connection()).await?;
            row.map(Payer::try_from).transpose()
        }

        async fn payers_named(&mut self, names: &[String; 3]) -> Result<Vec<Payer>, DatabaseError> {
            let rows: Vec<PayerRow> = sqlx::query_as(PAYERS_NAMED)
                .bind(&names[0])
                .bind(&names[1])
                .bind(&names[2])
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn receipt(&mut self, reference: &str) -> Result<Option<(AccountNumber, Fen)>, DatabaseError> {
            let row: Option<ReceiptRow> =
                sqlx::query_as(RECEIPT).bind(reference).fetch_optional(self.connection()).await?;
            row.map(|row| {
                let account = row.account.parse().map_err(|_| odd("fund_receipt", reference, "unit"))?;
                Ok((account, Fen::new(row.amount)))
            })
            .transpose()
        }

        async fn add_statement(&mut self, taken: &Taken) -> Result<(), DatabaseError> {
            sqlx::query(ADD_STATEMENT)
                .bind(&taken.number)
                .bind(&taken.account)
                .bind(taken.format.word())
                .bind(&taken.file_name)
                .bind(taken.sha256.to_string())
                .bind(taken.lines)
                .bind(taken.known)
                .bind(taken.at.unix())
                .bind(&taken.actor)
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn statement_of_file(&mut self, sha256: Sha256) -> Result<Option<Taken>, DatabaseError> {
            let row: Option<TakenRow> =
                sqlx::query_as(STATEMENT_OF_FILE).bind(sha256.to_string()).fetch_optional(self.connection()).await?;
            row.map(Taken::try_from).transpose()
        }

        async fn add_line(&mut self, line: &BankLine) -> Result<(), DatabaseError> {
            let (reason, unit, operation, reference) = parts(&line.state);
            sqlx::query(ADD_LINE)
                .bind(&line.number)
                .bind(&line.statement)
                .bind(&line.account)
                .bind(line.serial.as_deref())
                .bind(line.fingerprint.to_string())
                .bind(line.day.to_string())
                .bind(line.amount.fen())
                .bind(&line.payer)
                .bind(&line.payer_account)
                .bind(&line.memo)
                .bind(line.state.word())
                .bind(reason)
                .bind(unit)
                .bind(operation)
                .bind(reference)
                .bind(&line.actor)
                .bind(line.moved.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn put_line(&mut self, line: &BankLine) -> Result<(), DatabaseError> {
            let (reason, unit, operation, reference) = parts(&line.state);
            let done = sqlx::query(PUT_LINE)
                .bind(&line.number)
                .bind(line.version)
                .bind(line.state.word())
                .bind(reason)
                .bind(unit)
                .bind(operation)
                .bind(reference)
                .bind(&line.actor)
                .bind(line.moved.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT_LINE, done.rows_affected(), 1)
        }

        async fn line(&mut self, number: &str) -> Result<Option<BankLine>, DatabaseError> {
            let row: Option<LineRow> = sqlx::query_as(LINE).bind(number).fetch_optional(self.connection()).await?;
            row.map(BankLine::try_from).transpose()
        }

        async fn ask_return(&mut self, line: &str, by: &str, at: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(ASK_RETURN).bind(line).bind(by).bind(at.unix()).execute(self.connection()).await?;
            Ok(())
        }

        async fn drop_return(&mut self, line: &str) -> Result<bool, DatabaseError> {
            let done = sqlx::query(DROP_RETURN).bind(line).execute(self.connection()).await?;
            Ok(done.rows_affected() == 1)
        }

        async fn return_asked_by(&mut self, line: &str) -> Result<Option<String>, DatabaseError> {
            let row: Option<CodeRow> =
                sqlx::query_as(RETURN_ASKED_BY).bind(line).fetch_optional(self.connection()).await?;
            Ok(row.map(|row| row.code))
        }

        async fn line_of_serial(
            &mut self,
            account: &str,
            serial: &str,
        ) -> Result<Option<(Fen, BeijingDay)>, DatabaseError> {
            let row: Option<LineRow> =
                sqlx::query_as(OF_SERIAL).bind(account).bind(serial).fetch_optional(self.connection()).await?;
            let line = row.map(BankLine::try_from).transpose()?;
            Ok(line.map(|line| (line.amount, line.day)))
        }

        async fn has_line(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError> {
            let row: Option<LineRow> = sqlx::query_as(HAS)
                .bind(account)
                .bind(fingerprint.to_string())
                .fetch_optional(self.connection())
                .await?;
            Ok(row.is_some())
        }

        async fn lines_in(&mut self, state: &str, after: &str, limit: i64) -> Result<Vec<BankLine>, DatabaseError> {
            let rows: Vec<LineRow> = sqlx::query_as(IN_STATE)
                .bind(state)
                .bind(after)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }

        async fn lines_of(&mut self, statement: &str, after: &str, limit: i64) -> Result<Vec<BankLine>, DatabaseError> {
            let rows: Vec<LineRow> = sqlx::query_as(OF_STATEMENT)
                .bind(statement)
                .bind(after)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            all(rows)
        }
    }
}
