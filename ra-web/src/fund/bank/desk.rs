//! Statements are taken in, and their money finds its unit: by code without anybody, otherwise on a clerk's word.
//!
//! A file is taken whole or not at all, each line of it once. What a line is for is found line by line, each in the
//! transaction that books it, by whoever takes a file in and at every start of the portal: a crash in between leaves nothing
//! out. Money of a unit lies on its suspense account and pays at once what waits there, when there is enough.

use std::sync::PoisonError;

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Sha256, Timestamp};
use ca_core::sql::DatabaseError;
use openssl::sha::sha256;

use super::{
    BankLine, LineFault, LineState, Payer, Reason, Taken, TrusteeAccount, Verdict, accounts_in, judge, spellings,
};
use crate::audit::Event;
use crate::fen;
use crate::fund::account::AccountNumber;
use crate::fund::books::working;
use crate::fund::clerks::{ClerkFault, another, named};
use crate::fund::hall::{Hall, HallError};
use crate::fund::operation::Operation;
use crate::fund::rules::Rule;
use crate::fund::store::FundTx;
use crate::statement::code::{Kind, RemittanceCode, codes_in};
use crate::statement::fresh::{Known, fresh};
use crate::statement::{self, FileFault, plain};

/// Lines that are read at once.
const PAGE: i64 = 500;

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is taken in.
    New(Taken),
    /// It was before.
    Before(Taken),
}

/// Why a clerk's word about a line is not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The line does not do that.
    #[error(transparent)]
    Line(#[from] LineFault),
    /// The clerk does not.
    #[error(transparent)]
    Clerk(#[from] ClerkFault),
    /// Money goes back only when a clerk asked for that before.
    #[error("no clerk has asked that it be sent back")]
    NotAsked,
    /// It is about to be sent back.
    #[error("a clerk has asked that it be sent back")]
    Returning,
    /// Everything else.
    #[error(transparent)]
    Hall(#[from] HallError),
}

impl From<DatabaseError> for DeskError {
    fn from(error: DatabaseError) -> Self {
        Self::Hall(error.into())
    }
}

impl DeskError {
    fn lost_race(&self) -> bool {
        matches!(self, Self::Hall(error) if error.lost_race())
    }
}

/// The lines that the fund knows.
struct Lines<'a>(&'a mut dyn FundTx);

#[async_trait]
impl Known for Lines<'_> {
    async fn of_serial(
        &mut self,
        account: &str,
        serial: &str,
    ) -> Result<Option<(fen::Fen, BeijingDay)>, DatabaseError> {
        Ok(self.0.line_of_serial(account, serial).await?.map(|(amount, day)| (fen::Fen::new(amount.fen()), day)))
    }

    async fn has(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError> {
        self.0.has_line(account, fingerprint).await
    }
}

impl Hall {
    /// Gives an operation that waits for its money a code, in its transaction.
    pub(in crate::fund) async fn draw_code(
        &self,
        tx: &mut Box<dyn FundTx>,
        operation: &Operation,
        now: Timestamp,
    ) -> Result<(), HallError> {
        // Of a hundred million codes few are taken; after so many draws something else is wrong.
        for _ in 0..20 {
            let code = {
                let mut rng = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
                RemittanceCode::draw(Kind::Fund, &mut *rng)
            };
            if tx.add_code(&code, operation, now).await? {
                return Ok(());
            }
        }
        Err(HallError::State)
    }

    /// Takes a statement in, whole or not at all, and finds whose its money is.
    ///
    /// # Errors
    /// Inside: every fault of the file. [`HallError`] when storage fails.
    pub async fn take_statement(
        &self,
        accounts: &[TrusteeAccount],
        file_name: &str,
        bytes: &[u8],
        actor: &str,
        now: Timestamp,
    ) -> Result<Result<Received, FileFault>, HallError> {
        let hash = Sha256(sha256(bytes));
        let read = match statement::read(bytes) {
            Ok(read) => read,
            Err(fault) => return Ok(Err(fault)),
        };
        let ours: Vec<String> = accounts.iter().map(|one| plain(&one.account)).collect();
        let account = match (&read.account, ours.as_slice()) {
            (Some(named), ours) if ours.contains(named) => named.clone(),
            (None, [only]) => only.clone(),
            (named, _) => return Ok(Err(FileFault::OtherAccount(named.clone().unwrap_or_default()))),
        };
        let file_name: String = file_name.chars().filter(|c| !c.is_control()).take(100).collect();
        let taken = self
            .again(|| async {
                let mut tx = self.store.begin().await?;
                if let Some(before) = tx.statement_of_file(hash).await? {
                    return Ok(Ok(Received::Before(before)));
                }
                let lines = match fresh(&mut Lines(tx.as_mut()), &account, &read).await? {
                    Ok(lines) => lines,
                    Err(fault) => return Ok(Err(fault)),
                };
                let taken = Taken {
                    number: self.draw(now).to_string(),
                    account: account.clone(),
                    format: read.format,
                    file_name: file_name.clone(),
                    sha256: hash,
                    lines: lines.len() as i64,
                    known: (read.lines.len() - lines.len()) as i64,
                    at: now,
                    actor: actor.to_owned(),
                };
                tx.add_statement(&taken).await?;
                for (n, (line, fingerprint)) in (1..).zip(lines) {
                    let line = BankLine::new(format!("{}-{n:04}", taken.number), &taken, line, fingerprint);
                    tx.add_line(&line).await?;
                }
                let (lines, known, hash) = (taken.lines.to_string(), taken.known.to_string(), hash.to_string());
                let facts = [("lines", lines.as_str()), ("known", &known), ("sha256", &hash)];
                tx.audit(&event("fund.statement", &taken.number, actor, now, &facts)).await?;
                tx.commit().await?;
                Ok(Ok(Received::New(taken)))
            })
            .await?;
        if taken.is_ok() {
            self.judge_lines(now).await?;
        }
        Ok(taken)
    }

    /// Finds whose the money of all lines is that were not looked at yet. Answers how many there were.
    ///
    /// # Errors
    /// [`HallError`]; what was found before it stays.
    pub async fn judge_lines(&self, now: Timestamp) -> Result<usize, HallError> {
        let mut judged = 0;
        loop {
            let mut tx = self.store.begin_read().await?;
            let lines = tx.lines_in(LineState::Received.word(), "", PAGE).await?;
            tx.commit().await?;
            if lines.is_empty() {
                return Ok(judged);
            }
            for line in &lines {
                self.judge_line(&line.number, now).await?;
                judged += 1;
            }
        }
    }

    async fn judge_line(&self, number: &str, now: Timestamp) -> Result<(), HallError> {
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(HallError::NotFound)?;
            if line.state != LineState::Received {
                return Ok(());
            }
            match verdict(tx.as_mut(), &line).await? {
                Verdict::Credit(unit) => self.credit(&mut tx, line, unit, "system", now).await?,
                Verdict::Ask(reason, unit) => {
                    let line = line.ask(reason, unit, now).map_err(|_| HallError::State)?;
                    tx.put_line(&line).await?;
                    tx.audit(&event("fund.line", number, "system", now, &[("asked", reason.word())])).await?;
                }
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// A line's money onto the unit's suspense account, unless it was taken in by hand.
    async fn credit(
        &self,
        tx: &mut Box<dyn FundTx>,
        line: BankLine,
        account: AccountNumber,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), HallError> {
        let number = line.number.clone();
        let amount = line.amount;
        let mut reference = line.reference();
        let by_hand = tx.receipt(&reference).await?;
        let operation = match by_hand {
            Some(before) if before == (account.clone(), amount) => None,
            Some(_) if line.state == LineState::Received => {
                let line = line.ask(Reason::NumberTaken, Some(account), now).map_err(|_| HallError::State)?;
                tx.put_line(&line).await?;
                let facts = [("asked", Reason::NumberTaken.word())];
                return Ok(tx.audit(&event("fund.line", &number, "system", now, &facts)).await?);
            }
            before => {
                if before.is_some() {
                    reference = format!("line {number}");
                }
                self.receive_in(tx, &account, amount, &reference, now).await?.ok_or(HallError::State)?
            }
        };
        let line = line.credit(account.clone(), operation.clone(), actor, now).map_err(|_| HallError::State)?;
        tx.put_line(&line).await?;
        let (sum, operation) = (amount.plain(), operation.unwrap_or_default());
        let facts =
            [("account", account.as_str()), ("amount", &sum), ("reference", &reference), ("posted", &operation)];
        Ok(tx.audit(&event("fund.line", &number, actor, now, &facts)).await?)
    }

    /// A clerk says whose a line is.
    ///
    /// # Errors
    /// [`DeskError`] says why not.
    pub async fn assign_line(
        &self,
        number: &str,
        account: &AccountNumber,
        clerk: &str,
        now: Timestamp,
    ) -> Result<BankLine, DeskError> {
        let actor = named(clerk)?;
        crate::retry::settled_by(DeskError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(HallError::NotFound)?;
            if !matches!(line.state, LineState::Proposed { .. } | LineState::Open(_)) {
                return Err(LineFault::State.into());
            }
            // Somebody may be sending it back at this moment.
            if tx.return_asked_by(number).await?.is_some() {
                return Err(DeskError::Returning);
            }
            let unit = tx.unit(account).await?.ok_or(HallError::NotFound)?;
            working(&unit).map_err(HallError::Rule)?;
            self.credit(&mut tx, line, account.clone(), &actor, now).await?;
            let line = tx.line(number).await?.ok_or(HallError::NotFound)?;
            tx.commit().await?;
            Ok(line)
        })
        .await
    }

    /// A clerk asks that a line be sent back to the account that it came from; with `drop` that it be not after all.
    ///
    /// # Errors
    /// [`DeskError`] says why not.
    pub async fn ask_return(
        &self,
        number: &str,
        drop: bool,
        clerk: &str,
        now: Timestamp,
    ) -> Result<BankLine, DeskError> {
        let actor = named(clerk)?;
        crate::retry::settled_by(DeskError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(HallError::NotFound)?;
            line.may_go_back()?;
            let sum = line.amount.plain();
            let asked = if drop {
                if !tx.drop_return(number).await? {
                    return Err(DeskError::NotAsked);
                }
                "no"
            } else {
                tx.ask_return(number, &actor, now).await?;
                "yes"
            };
            let facts = [("amount", sum.as_str()), ("return", asked), ("to", &line.payer_account)];
            tx.audit(&event("fund.line", number, &actor, now, &facts)).await?;
            tx.commit().await?;
            Ok(line)
        })
        .await
    }

    /// Another clerk than the one who asked for it has sent a line back, under this number of the bank's.
    ///
    /// # Errors
    /// [`DeskError`] says why not.
    pub async fn line_sent_back(
        &self,
        number: &str,
        reference: &str,
        clerk: &str,
        now: Timestamp,
    ) -> Result<BankLine, DeskError> {
        let actor = named(clerk)?;
        crate::retry::settled_by(DeskError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(HallError::NotFound)?.sent_back(reference, &actor, now)?;
            let asked_by = tx.return_asked_by(number).await?.ok_or(DeskError::NotAsked)?;
            another(&asked_by, &actor)?;
            tx.put_line(&line).await?;
            let sum = line.amount.plain();
            let facts = [
                ("amount", sum.as_str()),
                ("returned", reference),
                ("to", &line.payer_account),
                ("asked_by", &asked_by),
            ];
            tx.audit(&event("fund.line", number, &actor, now, &facts)).await?;
            tx.commit().await?;
            Ok(line)
        })
        .await
    }

    /// Lines that wait for a clerk, the oldest first, and who asked that one be sent back.
    ///
    /// # Errors
    /// [`HallError`].
    pub async fn waiting_lines(&self) -> Result<Vec<(BankLine, Option<String>)>, HallError> {
        let mut tx = self.store.begin_read().await?;
        let mut lines = tx.lines_in("proposed", "", PAGE).await?;
        lines.extend(tx.lines_in("open", "", PAGE).await?);
        lines.sort_by(|a, b| a.number.cmp(&b.number));
        let mut waiting = Vec::with_capacity(lines.len());
        for line in lines {
            let asked_by = tx.return_asked_by(&line.number).await?;
            waiting.push((line, asked_by));
        }
        tx.commit().await?;
        Ok(waiting)
    }
}

/// What a line is for, with all that the store says of it.
async fn verdict(tx: &mut dyn FundTx, line: &BankLine) -> Result<Verdict, HallError> {
    let codes = codes_in(Kind::Fund, &line.memo);
    let (mut coded, mut noted) = (Vec::new(), Vec::new());
    for code in codes.good.iter().take(5) {
        coded.extend(tx.payer_of_code(code).await?);
    }
    for account in accounts_in(&line.memo) {
        noted.extend(tx.unit(&account).await?.map(|unit| Payer { account, name: unit.name }));
    }
    let named = match line.payer.as_str() {
        "" => Vec::new(),
        payer => tx.payers_named(&spellings(payer)).await?,
    };
    let verdict = judge(line, &codes, &coded, &noted, &named);
    if let Verdict::Credit(account) = &verdict {
        let unit = tx.unit(account).await?.ok_or(HallError::NotFound)?;
        if working(&unit) == Err(Rule::UnitNotWorking) {
            return Ok(Verdict::Ask(Reason::UnitNotWorking, Some(unit.account)));
        }
    }
    Ok(verdict)
}

fn event(kind: &'static str, subject: &str, actor: &str, at: Timestamp, facts: &[(&str, &str)]) -> Event {
    let details = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Event { at, actor: actor.to_owned(), kind, subject: subject.to_owned(), details }
}
