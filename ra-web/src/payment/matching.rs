//! Statements of our bank account are taken in, and their money finds its bill: by code and amount without anybody, by
//! name and amount on the word of finance; everything else lies in suspense ([`super::suspense`]).
//!
//! A file is taken whole or not at all, each line of it once, and all that came is in the books in the same transaction.
//! What it is for is found line by line, each in a transaction of its own, by whoever took the file in and by a job, so
//! that a crash in between leaves nothing out. The account is kept by one office; its finance deals with the money of all.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Officer, Sha256, Timestamp};
use ca_core::sql::DatabaseError;

use super::bill::BillNumber;
use super::counter::{book, case_of};
use super::fen::Fen;
use super::remittance::codes_in;
use super::taking::Method;
use super::wire::{BankLine, LineNumber, LineState, StatementNumber, TakenIn, Verdict, judge};
use super::{event, ledger, receiving};
use crate::enrolment::case::{Forbidden, Who};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::form::folded;
use crate::enrolment::intake::hash_of;
use crate::jobs::{Done, Fault, Handler, Job, NewJob};
use crate::statement::fresh::{Known, fresh};
use crate::statement::{self, FileFault, StatementLine, plain};
use crate::store::Tx;

/// The kind of the job.
const KIND: &str = "match-statement";
/// So many bills can look like the one that is meant.
const MOST_ALIKE: i64 = 20;

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is taken in.
    New(StatementNumber),
    /// It was before.
    Before(StatementNumber),
}

impl Desk {
    /// Takes a statement in, whole or not at all, and finds what its money is for.
    ///
    /// # Errors
    /// Inside: every fault of the file. [`OfficeError::Forbidden`] for another office's finance, or storage.
    pub async fn take_statement(
        &self,
        by: &Officer,
        file_name: &str,
        bytes: Vec<u8>,
    ) -> Result<Result<Received, FileFault>, OfficeError> {
        let terms = self.wire_of(by)?;
        let (sha256, now) = (hash_of(&bytes), self.clock.now());
        if let Some(before) = self.store.read().await?.statement_of_file(sha256).await? {
            return Ok(Ok(Received::Before(before.number)));
        }
        let read = tokio::task::spawn_blocking(move || statement::read(&bytes)).await;
        let statement = match read.map_err(|_| OfficeError::WrongState("the statement was not read"))? {
            Ok(statement) => statement,
            Err(fault) => return Ok(Err(fault)),
        };
        let account = plain(&terms.account);
        if let Some(other) = statement.account.as_ref().filter(|other| **other != account) {
            return Ok(Err(FileFault::OtherAccount(other.clone())));
        }
        let file_name: String = file_name.chars().filter(|c| !c.is_control()).take(100).collect();
        let taken = again(|| async {
            let mut tx = self.store.begin().await?;
            if let Some(before) = tx.statement_of_file(sha256).await? {
                return Ok(Ok(Received::Before(before.number)));
            }
            let fresh = match fresh(&mut Lines(tx.as_mut()), &account, &statement).await? {
                Ok(fresh) => fresh,
                Err(fault) => return Ok(Err(fault)),
            };
            let day = now.beijing_day();
            let n = tx.next_in_series(&format!("{}/{day}", StatementNumber::PREFIX)).await?;
            let taken = TakenIn {
                number: StatementNumber::new(day, n),
                office: terms.office.clone(),
                account: account.clone(),
                format: statement.format,
                file_name: file_name.clone(),
                sha256,
                lines: fresh.len() as i64,
                known: (statement.lines.len() - fresh.len()) as i64,
                opening: statement.opening,
                closing: statement.closing,
                by: by.into(),
                at: now,
            };
            tx.add_statement(&taken).await?;
            for (place, (line, fingerprint)) in (1_i64..).zip(&fresh) {
                let n = tx.next_in_series(&format!("{}/{day}", LineNumber::PREFIX)).await?;
                let line = new_line(LineNumber::new(day, n), &taken, place, line, *fingerprint);
                tx.add_line(&line).await?;
                if line.state == LineState::Received {
                    book(&mut tx, ledger::wire(&line)).await?;
                }
            }
            let number = taken.number.to_string();
            let job = NewJob { kind: KIND, about: number.clone(), payload: number, due: now };
            tx.add_job(&job, now).await?;
            let (lines, known, hash) = (taken.lines.to_string(), taken.known.to_string(), sha256.to_string());
            let facts = [("lines", lines.as_str()), ("known", &known), ("sha256", &hash)];
            let moved = fresh.iter().map(|(line, _)| line.amount).sum();
            tx.audit(&event("money.statement", taken.number.as_str(), Some(by), now, moved, &facts)).await?;
            tx.commit().await?;
            Ok(Ok(Received::New(taken.number)))
        })
        .await?;
        if let Ok(Received::New(number)) = &taken {
            self.match_statement(number).await?;
        }
        Ok(taken)
    }

    /// Finds what the money of a statement is for: each line once, however often it is asked.
    ///
    /// # Errors
    /// Storage.
    pub async fn match_statement(&self, number: &StatementNumber) -> Result<(), OfficeError> {
        let lines = self.store.read().await?.lines_of(number, statement::MAX_LINES as i64).await?;
        for line in lines.into_iter().filter(|line| line.state == LineState::Received) {
            self.match_line(&line.number).await?;
        }
        Ok(())
    }

    async fn match_line(&self, number: &LineNumber) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(OfficeError::NotFound)?;
            if line.state != LineState::Received {
                return Ok(());
            }
            let codes = codes_in(&line.memo);
            let mut named = Vec::new();
            for code in &codes.good {
                if let Some(remittance) = tx.remittance(code).await? {
                    let bill = tx.bill(&remittance.bill).await?.ok_or(OfficeError::NotFound)?;
                    named.push((remittance, bill));
                }
            }
            let mut alike = Vec::new();
            let payer = folded(&line.payer);
            if !payer.is_empty() {
                for remittance in tx.remittances_like(&payer, line.amount, MOST_ALIKE).await? {
                    alike.extend(tx.bill(&remittance.bill).await?);
                }
            }
            let verdict = judge(&line, &codes, &named, &alike);
            let (word, line) = match verdict {
                Verdict::Pays(bill) => return self.pay_by(tx, line, &bill, None, now).await,
                Verdict::Proposed(bill) => ("proposed", line.propose(bill)?),
                Verdict::Suspense(reason, bill) => (reason.word(), line.suspend(reason, bill)?),
            };
            tx.put_line(&line).await?;
            let facts = [("judged", word)];
            tx.audit(&event("money.line", line.number.as_str(), None, now, line.amount, &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// A line pays a bill: bill, payment, line, books and case move together.
    pub(super) async fn pay_by(
        &self,
        mut tx: Box<dyn Tx>,
        line: BankLine,
        number: &BillNumber,
        by: Option<&Officer>,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
        let paid = receiving::paid(&bill, now)?;
        if let Some(by) = by {
            let (case, _) = case_of(&mut tx, &bill).await?;
            if case.reviewer.is_some_and(|reviewer| reviewer.id == by.id) {
                return Err(Forbidden::SameOfficer.into());
            }
        }
        let reference = line.serial.clone().unwrap_or_else(|| line.number.to_string());
        let payment = receiving::payment_of(&mut tx, &bill, Method::Wire, Some(reference), now).await?;
        let from = ("line", line.number.to_string());
        let assigned = ledger::assign(&line, by.map(Who::from).as_ref(), now);
        let line = line.matched(&bill, payment.id.clone(), by, now)?;
        book(&mut tx, assigned).await?;
        self.write_payment(&mut tx, &paid, &payment, by, (from.0, &from.1)).await?;
        tx.put_line(&line).await?;
        self.go_on_paid(tx, &paid, &payment).await?;
        metrics::counter!("ra_wire_payments_total", "by" => if by.is_some() { "finance" } else { "code" }).increment(1);
        Ok(())
    }
}

/// The lines that the office's books know.
struct Lines<'a>(&'a mut dyn Tx);

#[async_trait]
impl Known for Lines<'_> {
    async fn of_serial(&mut self, account: &str, serial: &str) -> Result<Option<(Fen, BeijingDay)>, DatabaseError> {
        Ok(self.0.line_of_serial(account, serial).await?.map(|line| (line.amount, line.day)))
    }

    async fn has(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError> {
        self.0.knows_line(account, fingerprint).await
    }
}

fn new_line(number: LineNumber, statement: &TakenIn, n: i64, line: &StatementLine, fingerprint: Sha256) -> BankLine {
    let came = line.amount > Fen::ZERO;
    BankLine {
        number,
        statement: statement.number.clone(),
        n,
        office: statement.office.clone(),
        account: statement.account.clone(),
        serial: line.serial.clone(),
        fingerprint,
        day: line.day,
        amount: line.amount,
        payer: line.payer.clone(),
        payer_account: line.payer_account.clone(),
        memo: line.memo.clone(),
        state: if came { LineState::Received } else { LineState::Went },
        created: statement.at,
        version: 1,
    }
}

/// The job that finds what the money of a statement is for, should whoever took it in not get so far.
pub struct Matching {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Matching {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let number = job.payload.parse().map_err(|()| Fault::Never("no number of a statement".into()))?;
        match self.desk.match_statement(&number).await {
            Ok(()) => Ok(Done::Wholly),
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}
