//! Taking a batch in, and taking it back: pieces that any clerk of the office can go on with, and that run twice without
//! harm, since a line becomes a case once and each piece moves the batch by compare-and-swap.

use std::collections::BTreeMap;

use ca_core::domain::{Officer, Timestamp};

use super::check::{FileFault, lines};
use super::{Batch, BatchNumber, BatchState, Line, Sealed};
use crate::audit::Event;
use crate::batches::store::{LineFilter, StoredLine};
use crate::enrolment::case::{Case, Forbidden, may_read};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::form::Form;
use crate::enrolment::intake::masked;
use crate::enrolment::process::Process;
use crate::payment::bill::MoneyFault;
use crate::store::{OrderSubject, Tx};

/// Lines of one transaction.
const PIECE: i64 = 50;
/// States of cases that can still be given up.
const CANCELLABLE: [&str; 5] = ["draft", "submitted", "returned", "awaiting_payment", "approved"];

/// A batch as its page shows it.
pub struct BatchView {
    /// The batch.
    pub batch: Batch,
    /// How many of its cases stand in each state.
    pub states: BTreeMap<String, i64>,
    /// How many lines should be looked at.
    pub doubtful: i64,
}

impl Desk {
    /// Reads a file: a new batch, with every fault of it, or why it is none.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn receive_batch(
        &self,
        officer: &Officer,
        file_name: &str,
        bytes: Vec<u8>,
    ) -> Result<Result<BatchNumber, FileFault>, OfficeError> {
        on_duty(officer)?;
        let now = self.clock.now();
        let kinds = self.rules.kinds();
        let max_years = self.rules.money.max_years;
        let read = tokio::task::spawn_blocking(move || {
            let bytes = zeroize::Zeroizing::new(bytes);
            lines(&bytes, &kinds, max_years, now.beijing_day())
        });
        let lines =
            match read.await.map_err(|error| OfficeError::Rules(format!("the reader of sheets ended: {error}")))? {
                Ok(lines) => lines,
                Err(fault) => return Ok(Err(fault)),
            };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let number = tx.next_batch_number(now.beijing_day()).await?;
            let batch = Batch::begin(number.clone(), officer, file_name, &lines, now);
            tx.add_batch(&batch).await?;
            for line in &lines {
                tx.add_batch_line(&number, &self.sealed_line(&number, line)?).await?;
            }
            tx.look_up_batch(&number, now).await?;
            tx.audit(&event(&batch, officer, "receive", now)).await?;
            tx.commit().await?;
            tracing::info!(batch = %number, lines = batch.lines, faulty = batch.faulty, "Batch received");
            Ok(Ok(number))
        })
        .await
    }

    /// A batch with its counts, for the office's people and auditors.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or storage.
    pub async fn batch_view(&self, officer: &Officer, number: &BatchNumber) -> Result<BatchView, OfficeError> {
        let mut tx = self.store.read().await?;
        let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &batch.office)?;
        let states = tx.count_batch(number).await?.into_iter().collect();
        Ok(BatchView { doubtful: tx.count_doubtful(number).await?, states, batch })
    }

    /// The batch is to become cases; [`Self::drive_batch`] makes them.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn take_batch_in(&self, officer: &Officer, number: &BatchNumber) -> Result<(), OfficeError> {
        self.turn(officer, number, "take_in", Batch::take_in).await
    }

    /// The batch is to be taken back, with every case of it that can be; [`Self::drive_batch`] does it.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn give_batch_up(&self, officer: &Officer, number: &BatchNumber) -> Result<(), OfficeError> {
        self.turn(officer, number, "give_up", Batch::give_up).await
    }

    async fn turn(
        &self,
        officer: &Officer,
        number: &BatchNumber,
        act: &str,
        step: impl Fn(Batch, &Officer, Timestamp) -> Result<Batch, Forbidden>,
    ) -> Result<(), OfficeError> {
        on_duty(officer)?;
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let before = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
            let batch = step(before.clone(), officer, now)?;
            if batch != before {
                tx.put_batch(&batch).await?;
                tx.audit(&event(&batch, officer, act, now)).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }

    /// Goes on with a batch until nothing of it is left to do. Two at once do no harm: each piece is done by one of them.
    ///
    /// # Errors
    /// [`OfficeError`]; what was done stays done, and anybody can go on.
    pub async fn drive_batch(&self, officer: &Officer, number: &BatchNumber) -> Result<(), OfficeError> {
        on_duty(officer)?;
        let mut after = 0;
        loop {
            let batch = self.store.read().await?.batch(number).await?.ok_or(OfficeError::NotFound)?;
            batch.mine(officer)?;
            match batch.state {
                BatchState::Filling => self.fill_piece(officer, number).await?,
                BatchState::Cancelling => match self.cancel_piece(officer, number, after).await? {
                    Some(line) => after = line,
                    None => return self.end_batch(officer, number).await,
                },
                _ => return Ok(()),
            }
        }
    }

    /// Makes the next lines cases.
    async fn fill_piece(&self, officer: &Officer, number: &BatchNumber) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
            if batch.state != BatchState::Filling {
                return Ok(());
            }
            let lines = tx.batch_lines(number, &LineFilter::WithoutCase, 0, PIECE).await?;
            for line in &lines {
                self.begin_case(&mut tx, officer, number, line, now).await?;
            }
            let batch = batch.fill(i64::try_from(lines.len()).unwrap_or(0), now)?;
            tx.put_batch(&batch).await?;
            if batch.state == BatchState::Filled {
                tx.audit(&event(&batch, officer, "fill", now)).await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    async fn begin_case(
        &self,
        tx: &mut Box<dyn Tx>,
        officer: &Officer,
        batch: &BatchNumber,
        line: &StoredLine,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let form = self.open_line(batch, line)?;
        let number = tx.next_case_number(now.beijing_day()).await?;
        let sealed = self.seal_handler_id(&number, &form.handler_id)?;
        let masked = masked(&form);
        let (case, mut step) = Case::begin(number.clone(), Process::Enrolment, officer, form, masked, now);
        step.reason = Some(batch.to_string());
        tx.add_case(&case, sealed.as_deref()).await?;
        let subject = OrderSubject::Case(number.clone());
        tx.add_step(&subject, &step).await?;
        tx.audit(&self.event(&subject, &step)).await?;
        tx.line_became(batch, line.line, &number).await?;
        Ok(())
    }

    /// Gives up the next cases after a line; `None` when there are none left. One that a colleague has in hand stays, and
    /// one that was paid for.
    async fn cancel_piece(
        &self,
        officer: &Officer,
        number: &BatchNumber,
        after: i64,
    ) -> Result<Option<i64>, OfficeError> {
        let lines = self.store.read().await?.batch_lines(number, &LineFilter::All, after, PIECE).await?;
        for line in &lines {
            let open = line.state.as_deref().is_some_and(|state| CANCELLABLE.contains(&state));
            let Some(case) = line.case.as_ref().filter(|_| open) else { continue };
            match self.cancel(officer, case, number.as_str()).await {
                Ok(()) | Err(OfficeError::Forbidden(_) | OfficeError::Money(MoneyFault::RefundFirst)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lines.last().map(|line| line.line))
    }

    async fn end_batch(&self, officer: &Officer, number: &BatchNumber) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
            if batch.state != BatchState::Cancelling {
                return Ok(());
            }
            let batch = batch.end(now)?;
            tx.put_batch(&batch).await?;
            tx.forget_batch(number).await?;
            tx.audit(&event(&batch, officer, "end", now)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Lines with what was typed in them: for the report, which the clerk mends. Who takes it is written down.
    ///
    /// # Errors
    /// [`OfficeError`]; [`OfficeError::WrongState`] once what was typed is gone.
    pub async fn batch_report(&self, officer: &Officer, number: &BatchNumber) -> Result<Vec<Line>, OfficeError> {
        on_duty(officer)?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
        batch.mine(officer)?;
        if !matches!(batch.state, BatchState::Faulty | BatchState::Checked) {
            return Err(OfficeError::WrongState("what was typed is in the cases now"));
        }
        let stored = tx.batch_lines(number, &LineFilter::All, 0, i64::MAX).await?;
        tx.audit(&event(&batch, officer, "report", now)).await?;
        tx.commit().await?;
        stored.into_iter().map(|line| self.opened_line(number, line)).collect()
    }

    /// A page of lines with what was typed in them, after one of them.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn batch_page(
        &self,
        number: &BatchNumber,
        filter: LineFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Line>, OfficeError> {
        let stored = self.store.read().await?.batch_lines(number, &filter, after, limit).await?;
        stored.into_iter().map(|line| self.opened_line(number, line)).collect()
    }

    fn opened_line(&self, batch: &BatchNumber, line: StoredLine) -> Result<Line, OfficeError> {
        let form = if line.sealed.is_empty() { Form::default() } else { self.open_line(batch, &line)? };
        Ok(Line {
            line: line.line,
            form,
            faults: line.faults,
            twice: line.twice,
            open_cases: line.open_cases,
            certificates: line.certificates,
            case: line.case,
        })
    }

    fn open_line(&self, batch: &BatchNumber, line: &StoredLine) -> Result<Form, OfficeError> {
        let plain = self.vault.open(&place(batch, line.line), &line.sealed)?;
        Sealed::form(&plain).ok_or(OfficeError::WrongState("the line of the batch cannot be read"))
    }

    fn sealed_line(&self, batch: &BatchNumber, line: &Line) -> Result<StoredLine, OfficeError> {
        Ok(StoredLine {
            line: line.line,
            uscc: line.form.uscc.chars().take(64).collect(),
            unit_name: line.form.unit_name.clone(),
            sealed: self.vault.seal(&place(batch, line.line), &Sealed::bytes(&line.form), &self.chance)?,
            faults: line.faults.clone(),
            twice: line.twice,
            open_cases: 0,
            certificates: 0,
            case: None,
            state: None,
        })
    }
}

fn place(batch: &BatchNumber, line: i64) -> String {
    format!("line {line} of {batch}")
}

/// Taking in is the entry officers' duty, of one unit or of many.
pub(super) fn on_duty(officer: &Officer) -> Result<(), OfficeError> {
    let role = Process::Enrolment.taken_in_by();
    if officer.has_any(&[role]) { Ok(()) } else { Err(Forbidden::OtherDuty(role).into()) }
}

/// The audit entry of a step of a batch.
pub(super) fn event(batch: &Batch, officer: &Officer, act: &str, now: Timestamp) -> Event {
    let details = BTreeMap::from([
        ("act".to_owned(), act.to_owned()),
        ("state".to_owned(), batch.state.word().to_owned()),
        ("lines".to_owned(), batch.lines.to_string()),
    ]);
    let actor = format!("officer:{}", officer.id);
    Event { at: now, actor, kind: "office.batch", subject: batch.number.to_string(), details }
}
