//! A batch at the counter: received, looked at, and a clerk's word that it is to be taken in or taken back.

use std::collections::BTreeMap;

use ca_core::domain::{Officer, Timestamp};

use super::check::{FileFault, lines};
use super::{Batch, BatchNumber, BatchState, Line, Sealed, driving};
use crate::audit::Event;
use crate::batches::store::{LineFilter, StoredLine};
use crate::enrolment::case::{Forbidden, Who, may_read};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::form::Form;
use crate::enrolment::process::Process;

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
            tx.audit(&event(&batch, &batch.entry, "receive", now)).await?;
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

    /// The batch is to become cases; a worker makes them ([`super::driving`]).
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn take_batch_in(&self, officer: &Officer, number: &BatchNumber) -> Result<(), OfficeError> {
        self.turn(officer, number, "take_in", Batch::take_in).await
    }

    /// The batch is to be taken back, with every case of it that can be; a worker does it ([`super::driving`]).
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
                tx.audit(&event(&batch, &Who::from(officer), act, now)).await?;
            }
            driving::ask(&mut tx, &batch, now).await?;
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
        tx.audit(&event(&batch, &Who::from(officer), "report", now)).await?;
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

    pub(super) fn open_line(&self, batch: &BatchNumber, line: &StoredLine) -> Result<Form, OfficeError> {
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
pub(super) fn event(batch: &Batch, by: &Who, act: &str, now: Timestamp) -> Event {
    let details = BTreeMap::from([
        ("act".to_owned(), act.to_owned()),
        ("state".to_owned(), batch.state.word().to_owned()),
        ("lines".to_owned(), batch.lines.to_string()),
    ]);
    let actor = format!("officer:{}", by.id);
    Event { at: now, actor, kind: "office.batch", subject: batch.number.to_string(), details }
}
