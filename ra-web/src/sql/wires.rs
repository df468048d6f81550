//! Remittance codes, statements of our bank account, and their lines.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, Sha256, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::case::Who;
use crate::enrolment::form::day;
use crate::payment::bill::BillNumber;
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::payment::remittance::{Remittance, RemittanceCode};
use crate::payment::store::Wires;
use crate::payment::wire::{Asked, BankLine, LineNumber, LineState, Reason, StatementNumber, TakenIn};
use crate::statement::Format;

const ADD_CODE: &str = "INSERT INTO remittance (code, bill, payer, amount, created, chosen) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (code) DO NOTHING";
const CHOOSE: &str = "UPDATE remittance SET chosen = $2 WHERE bill = $1 AND chosen IS NULL";
const BY_CODE: &str = "SELECT code, bill, payer, amount, created, chosen FROM remittance WHERE code = $1";
const OF_BILL: &str = "SELECT code, bill, payer, amount, created, chosen FROM remittance WHERE bill = $1";
const LIKE: &str = "SELECT code, bill, payer, amount, created, chosen FROM remittance WHERE payer = $1 AND amount = $2 \
    ORDER BY created DESC LIMIT $3";
const ADD_STATEMENT: &str = "INSERT INTO bank_statement (number, office, account, format, file_name, sha256, lines, known, opening, closing, by_id, by_name, at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const STATEMENT: &str = "SELECT number, office, account, format, file_name, sha256, lines, known, opening, closing, by_id, by_name, at \
    FROM bank_statement WHERE number = $1";
const OF_FILE: &str = "SELECT number, office, account, format, file_name, sha256, lines, known, opening, closing, by_id, by_name, at \
    FROM bank_statement WHERE sha256 = $1";
const OF_OFFICE: &str = "SELECT number, office, account, format, file_name, sha256, lines, known, opening, closing, by_id, by_name, at \
    FROM bank_statement WHERE office = $1 ORDER BY at DESC LIMIT $2";
const ADD_LINE: &str = "INSERT INTO bank_line (number, statement, n, office, account, serial, fingerprint, day, amount, payer, \
    payer_account, memo, state, created, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)";
const PUT_LINE: &str = "UPDATE bank_line SET state = $3, reason = $4, bill = $5, payment = $6, why = $7, reference = $8, \
    asked_id = $9, asked_name = $10, asked_at = $11, decided_id = $12, decided_name = $13, decided_at = $14, \
    closed_id = $15, closed_name = $16, closed_at = $17, version = version + 1 WHERE number = $1 AND version = $2";
const LINE: &str = "SELECT number, statement, n, office, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, reason, \
    bill, payment, why, reference, asked_id, asked_name, asked_at, decided_id, decided_name, decided_at, closed_id, \
    closed_name, closed_at, created, version FROM bank_line WHERE number = $1";
const OF_SERIAL: &str = "SELECT number, statement, n, office, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, reason, \
    bill, payment, why, reference, asked_id, asked_name, asked_at, decided_id, decided_name, decided_at, closed_id, \
    closed_name, closed_at, created, version FROM bank_line WHERE account = $1 AND serial = $2";
const KNOWN: &str = "SELECT number FROM bank_line WHERE account = $1 AND fingerprint = $2";
const OF_STATEMENT: &str = "SELECT number, statement, n, office, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, reason, \
    bill, payment, why, reference, asked_id, asked_name, asked_at, decided_id, decided_name, decided_at, closed_id, \
    closed_name, closed_at, created, version FROM bank_line WHERE statement = $1 ORDER BY n LIMIT $2";
const IN_STATE: &str = "SELECT number, statement, n, office, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, reason, \
    bill, payment, why, reference, asked_id, asked_name, asked_at, decided_id, decided_name, decided_at, closed_id, \
    closed_name, closed_at, created, version FROM bank_line WHERE office = $1 AND state = $2 \
    ORDER BY created, number LIMIT $3";
const WENT: &str = "SELECT number, statement, n, office, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, reason, \
    bill, payment, why, reference, asked_id, asked_name, asked_at, decided_id, decided_name, decided_at, closed_id, \
    closed_name, closed_at, created, version FROM bank_line WHERE office = $1 AND state = 'went' \
    AND day >= $2 ORDER BY day, number LIMIT $3";
const ABOUT: &str = "SELECT number, statement, n, office, account, serial, fingerprint, day, amount, payer, payer_account, memo, state, reason, \
    bill, payment, why, reference, asked_id, asked_name, asked_at, decided_id, decided_name, decided_at, closed_id, \
    closed_name, closed_at, created, version FROM bank_line WHERE bill = $1 ORDER BY number LIMIT 20";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD_CODE,
    CHOOSE,
    BY_CODE,
    OF_BILL,
    LIKE,
    ADD_STATEMENT,
    STATEMENT,
    OF_FILE,
    OF_OFFICE,
    ADD_LINE,
    PUT_LINE,
    LINE,
    OF_SERIAL,
    KNOWN,
    OF_STATEMENT,
    IN_STATE,
    WENT,
    ABOUT,
];

row!(RemittanceRow {
    code: String,
    bill: String,
    payer: String,
    amount: i64,
    created: i64,
    chosen: Option<i64>,
});

impl TryFrom<RemittanceRow> for Remittance {
    type Error = DatabaseError;

    fn try_from(row: RemittanceRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            code: row.code.parse().map_err(|()| odd("remittance", &row.code, "code"))?,
            bill: row.bill.parse().map_err(|()| odd("remittance", &row.code, "bill"))?,
            payer: row.payer,
            amount: Fen::new(row.amount),
            created: Timestamp::from_unix(row.created),
            chosen: row.chosen.map(Timestamp::from_unix),
        })
    }
}

row!(StatementRow {
    number: String,
    office: String,
    account: String,
    format: String,
    file_name: String,
    sha256: String,
    lines: i64,
    known: i64,
    opening: Option<i64>,
    closing: Option<i64>,
    by_id: String,
    by_name: String,
    at: i64,
});

impl TryFrom<StatementRow> for TakenIn {
    type Error = DatabaseError;

    fn try_from(row: StatementRow) -> Result<Self, DatabaseError> {
        let wrong = |what: &str| odd("bank_statement", &row.number, what);
        Ok(Self {
            number: row.number.parse().map_err(|()| wrong("number"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| wrong("office"))?,
            format: Format::from_word(&row.format).ok_or_else(|| wrong("format"))?,
            sha256: row.sha256.parse().map_err(|error: String| wrong(&error))?,
            by: who("bank_statement", &row.number, &row.by_id, row.by_name)?,
            account: row.account,
            file_name: row.file_name,
            lines: row.lines,
            known: row.known,
            opening: row.opening.map(Fen::new),
            closing: row.closing.map(Fen::new),
            at: Timestamp::from_unix(row.at),
        })
    }
}

row!(LineRow {
    number: String,
    statement: String,
    n: i64,
    office: String,
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
    bill: Option<String>,
    payment: Option<String>,
    why: Option<String>,
    reference: Option<String>,
    asked_id: Option<String>,
    asked_name: Option<String>,
    asked_at: Option<i64>,
    decided_id: Option<String>,
    decided_name: Option<String>,
    decided_at: Option<i64>,
    closed_id: Option<String>,
    closed_name: Option<String>,
    closed_at: Option<i64>,
    created: i64,
    version: i64,
});

/// Somebody and when, out of three columns.
fn act(
    number: &str,
    id: Option<String>,
    name: Option<String>,
    at: Option<i64>,
) -> Result<Option<(Who, Timestamp)>, DatabaseError> {
    match (id, name, at) {
        (Some(id), Some(name), Some(at)) => Ok(Some((who("bank_line", number, &id, name)?, Timestamp::from_unix(at)))),
        _ => Ok(None),
    }
}

impl TryFrom<LineRow> for BankLine {
    type Error = DatabaseError;

    fn try_from(row: LineRow) -> Result<Self, DatabaseError> {
        let number = row.number.clone();
        let wrong = |what: &str| odd("bank_line", &number, what);
        let bill: Option<BillNumber> = row.bill.map(|text| text.parse()).transpose().map_err(|()| wrong("bill"))?;
        let reason = row.reason.as_deref().and_then(Reason::from_word);
        let asked = act(&number, row.asked_id, row.asked_name, row.asked_at)?;
        let asked = asked.zip(row.why).map(|((by, at), why)| Asked { by, at, why });
        let decided = act(&number, row.decided_id, row.decided_name, row.decided_at)?;
        let closed = act(&number, row.closed_id, row.closed_name, row.closed_at)?;
        let state = match row.state.as_str() {
            "went" => Some(LineState::Went),
            "received" => Some(LineState::Received),
            "proposed" => bill.map(LineState::Proposed),
            "suspense" => reason.map(|reason| LineState::Suspense { reason, bill }),
            "matched" => {
                let payment = row.payment.and_then(|text| text.parse().ok());
                let at = row.closed_at.map(Timestamp::from_unix);
                match (bill, payment, at) {
                    (Some(bill), Some(payment), Some(at)) => {
                        Some(LineState::Matched { bill, payment, by: closed.map(|(by, _)| by), at })
                    }
                    _ => None,
                }
            }
            "cleared" => {
                let from = row.reference.as_deref().and_then(Account::from_word);
                from.zip(closed).map(|(from, (by, at))| LineState::Cleared { from, by, at })
            }
            "return_asked" => reason.zip(asked).map(|(reason, asked)| LineState::ReturnAsked { reason, asked }),
            "returning" => match (reason, asked, decided) {
                (Some(reason), Some(asked), Some(approved)) => Some(LineState::Returning { reason, asked, approved }),
                _ => None,
            },
            "returned" => match (reason, asked, decided, closed, row.reference) {
                (Some(reason), Some(asked), Some(approved), Some(sent), Some(reference)) => {
                    Some(LineState::Returned { reason, asked, approved, sent, reference })
                }
                _ => None,
            },
            _ => None,
        };
        Ok(Self {
            state: state.ok_or_else(|| wrong("its state lacks its facts"))?,
            statement: row.statement.parse().map_err(|()| wrong("statement"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| wrong("office"))?,
            fingerprint: row.fingerprint.parse().map_err(|error: String| wrong(&error))?,
            day: day(&row.day).ok_or_else(|| wrong("day"))?,
            number: number.parse().map_err(|()| wrong("number"))?,
            n: row.n,
            account: row.account,
            serial: row.serial,
            amount: Fen::new(row.amount),
            payer: row.payer,
            payer_account: row.payer_account,
            memo: row.memo,
            created: Timestamp::from_unix(row.created),
            version: row.version,
        })
    }
}

/// What of a state stands in columns of its own.
#[derive(Default)]
struct Facts<'l> {
    reason: Option<Reason>,
    payment: Option<&'l str>,
    reference: Option<&'l str>,
    asked: Option<&'l Asked>,
    decided: Option<&'l (Who, Timestamp)>,
    closed: (Option<&'l Who>, Option<Timestamp>),
}

impl<'l> Facts<'l> {
    fn of(state: &'l LineState) -> Self {
        match state {
            LineState::Went | LineState::Received | LineState::Proposed(_) => Self::default(),
            LineState::Suspense { reason, .. } => Self { reason: Some(*reason), ..Self::default() },
            LineState::Matched { payment, by, at, .. } => {
                Self { payment: Some(payment.as_str()), closed: (by.as_ref(), Some(*at)), ..Self::default() }
            }
            LineState::Cleared { from, by, at } => {
                Self { reference: Some(from.word()), closed: (Some(by), Some(*at)), ..Self::default() }
            }
            LineState::ReturnAsked { reason, asked } => {
                Self { reason: Some(*reason), asked: Some(asked), ..Self::default() }
            }
            LineState::Returning { reason, asked, approved } => {
                Self { reason: Some(*reason), asked: Some(asked), decided: Some(approved), ..Self::default() }
            }
            LineState::Returned { reason, asked, approved, sent, reference } => Self {
                reason: Some(*reason),
                reference: Some(reference),
                asked: Some(asked),
                decided: Some(approved),
                closed: (Some(&sent.0), Some(sent.1)),
                ..Self::default()
            },
        }
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Wires for SqlTx {
        async fn add_remittance(&mut self, remittance: &Remittance) -> Result<bool, DatabaseError> {
            let done = sqlx::query(ADD_CODE)
                .bind(remittance.code.as_str())
                .bind(remittance.bill.as_str())
                .bind(&remittance.payer)
                .bind(remittance.amount.fen())
                .bind(remittance.created.unix())
                .bind(remittance.chosen.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn choose_wire(&mut self, bill: &BillNumber, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(CHOOSE).bind(bill.as_str()).bind(now.unix()).execute(self.connection()).await?;
            Ok(())
        }

        async fn remittance(&mut self, code: &RemittanceCode) -> Result<Option<Remittance>, DatabaseError> {
            let row: Option<RemittanceRow> =
                sqlx::query_as(BY_CODE).bind(code.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn remittance_of(&mut self, bill: &BillNumber) -> Result<Option<Remittance>, DatabaseError> {
            let row: Option<RemittanceRow> =
                sqlx::query_as(OF_BILL).bind(bill.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn remittances_like(
            &mut self,
            payer: &str,
            amount: Fen,
            limit: i64,
        ) -> Result<Vec<Remittance>, DatabaseError> {
            let query = sqlx::query_as(LIKE).bind(payer).bind(amount.fen()).bind(limit);
            let rows: Vec<RemittanceRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_statement(&mut self, statement: &TakenIn) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_STATEMENT)
                .bind(statement.number.as_str())
                .bind(statement.office.as_str())
                .bind(&statement.account)
                .bind(statement.format.word())
                .bind(&statement.file_name)
                .bind(statement.sha256.to_string())
                .bind(statement.lines)
                .bind(statement.known)
                .bind(statement.opening.map(Fen::fen))
                .bind(statement.closing.map(Fen::fen))
                .bind(statement.by.id.as_str())
                .bind(&statement.by.name)
                .bind(statement.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_STATEMENT, done.rows_affected(), 1)
        }

        async fn statement(&mut self, number: &StatementNumber) -> Result<Option<TakenIn>, DatabaseError> {
            let row: Option<StatementRow> =
                sqlx::query_as(STATEMENT).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn statement_of_file(&mut self, sha256: Sha256) -> Result<Option<TakenIn>, DatabaseError> {
            let row: Option<StatementRow> =
                sqlx::query_as(OF_FILE).bind(sha256.to_string()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn statements(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<TakenIn>, DatabaseError> {
            let rows: Vec<StatementRow> =
                sqlx::query_as(OF_OFFICE).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_line(&mut self, line: &BankLine) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_LINE)
                .bind(line.number.as_str())
                .bind(line.statement.as_str())
                .bind(line.n)
                .bind(line.office.as_str())
                .bind(&line.account)
                .bind(line.serial.as_deref())
                .bind(line.fingerprint.to_string())
                .bind(line.day.to_string())
                .bind(line.amount.fen())
                .bind(&line.payer)
                .bind(&line.payer_account)
                .bind(&line.memo)
                .bind(line.state.word())
                .bind(line.created.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_LINE, done.rows_affected(), 1)
        }

        async fn put_line(&mut self, line: &BankLine) -> Result<(), DatabaseError> {
            let facts = Facts::of(&line.state);
            let done = sqlx::query(PUT_LINE)
                .bind(line.number.as_str())
                .bind(line.version)
                .bind(line.state.word())
                .bind(facts.reason.map(Reason::word))
                .bind(line.state.bill().map(BillNumber::as_str))
                .bind(facts.payment)
                .bind(facts.asked.map(|asked| &asked.why))
                .bind(facts.reference)
                .bind(facts.asked.map(|asked| asked.by.id.as_str()))
                .bind(facts.asked.map(|asked| &asked.by.name))
                .bind(facts.asked.map(|asked| asked.at.unix()))
                .bind(facts.decided.map(|(by, _)| by.id.as_str()))
                .bind(facts.decided.map(|(by, _)| &by.name))
                .bind(facts.decided.map(|(_, at)| at.unix()))
                .bind(facts.closed.0.map(|by| by.id.as_str()))
                .bind(facts.closed.0.map(|by| &by.name))
                .bind(facts.closed.1.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_LINE, done.rows_affected(), 1)
        }

        async fn line(&mut self, number: &LineNumber) -> Result<Option<BankLine>, DatabaseError> {
            let row: Option<LineRow> =
                sqlx::query_as(LINE).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn line_of_serial(&mut self, account: &str, serial: &str) -> Result<Option<BankLine>, DatabaseError> {
            let row: Option<LineRow> =
                sqlx::query_as(OF_SERIAL).bind(account).bind(serial).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn knows_line(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError> {
            let query = sqlx::query_as(KNOWN).bind(account).bind(fingerprint.to_string());
            let row: Option<(String,)> = query.fetch_optional(self.connection()).await?;
            Ok(row.is_some())
        }

        async fn lines_of(&mut self, statement: &StatementNumber, limit: i64) -> Result<Vec<BankLine>, DatabaseError> {
            let query = sqlx::query_as(OF_STATEMENT).bind(statement.as_str()).bind(limit);
            let rows: Vec<LineRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn lines_in(
            &mut self,
            office: &OfficeId,
            state: &'static str,
            limit: i64,
        ) -> Result<Vec<BankLine>, DatabaseError> {
            let query = sqlx::query_as(IN_STATE).bind(office.as_str()).bind(state).bind(limit);
            let rows: Vec<LineRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn lines_that_went(
            &mut self,
            office: &OfficeId,
            from: BeijingDay,
            limit: i64,
        ) -> Result<Vec<BankLine>, DatabaseError> {
            let query = sqlx::query_as(WENT).bind(office.as_str()).bind(from.to_string()).bind(limit);
            let rows: Vec<LineRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn lines_about(&mut self, bill: &BillNumber) -> Result<Vec<BankLine>, DatabaseError> {
            let rows: Vec<LineRow> =
                sqlx::query_as(ABOUT).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
