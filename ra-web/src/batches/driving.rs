//! The job that moves a batch: its lines become cases, or its cases are given up.
//!
//! For: the worker. It moves a batch on the word of the clerk who asked last, and in their name: whether they may was
//! checked, and written down, when they gave it. Pieces run twice without harm, since a line becomes a case once and each
//! piece moves the batch by compare-and-swap; killed between two of them, the next worker goes on where the batch stands.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{Officer, Timestamp};

use super::store::{LineFilter, StoredLine};
use super::taking::event;
use super::{Batch, BatchNumber, BatchState};
use crate::enrolment::case::{Case, Who};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::intake::masked;
use crate::enrolment::process::Process;
use crate::jobs::{Done, Fault, Handler, Job, NewJob};
use crate::payment::bill::MoneyFault;
use crate::store::{OrderSubject, Tx};

/// What the jobs are called.
const KIND: &str = "batch";
/// Lines of one transaction.
const PIECE: i64 = 50;
/// Pieces before another batch has its turn.
const AT_ONCE: usize = 20;
/// States of cases that can still be given up.
const CANCELLABLE: [&str; 5] = ["draft", "submitted", "returned", "awaiting_payment", "approved"];

/// Asks a worker to move a batch; one that was given up is tried again.
pub(super) async fn ask(tx: &mut Box<dyn Tx>, batch: &Batch, now: Timestamp) -> Result<(), OfficeError> {
    let about = format!("{} {}", batch.number, batch.state.word());
    let job = NewJob { kind: KIND, about, payload: String::new(), due: now };
    if !tx.add_job(&job, now).await? {
        tx.revive_job(KIND, &job.about, now).await?;
    }
    Ok(())
}

/// The handler.
pub struct Drive {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Drive {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let about = job.about.split_once(' ').and_then(|(number, stage)| Some((number.parse().ok()?, stage)));
        let (number, stage) = about.ok_or_else(|| Fault::Never("no batch is called so".into()))?;
        let mut after = job.payload.parse().unwrap_or(0);
        for _ in 0..AT_ONCE {
            match self.desk.move_batch(&number, stage, after).await {
                Ok(Some(line)) => after = line,
                Ok(None) => return Ok(Done::Wholly),
                Err(OfficeError::Database(error)) => return Err(error.into()),
                Err(error @ (OfficeError::NotFound | OfficeError::Vault(_) | OfficeError::WrongState(_))) => {
                    return Err(Fault::Never(error.to_string()));
                }
                Err(error) => return Err(Fault::Later(error.to_string())),
            }
        }
        Ok(Done::Partly { next: self.desk.clock.now(), payload: after.to_string() })
    }
}

impl Desk {
    /// Does the next piece of a batch, while it stands where it was asked for. Answers the line after which the next
    /// piece begins; `None` when nothing is left to do.
    ///
    /// # Errors
    /// [`OfficeError`]; what was done stays done.
    pub async fn move_batch(&self, number: &BatchNumber, stage: &str, after: i64) -> Result<Option<i64>, OfficeError> {
        let batch = self.store.read().await?.batch(number).await?.ok_or(OfficeError::NotFound)?;
        match batch.state {
            state if state.word() != stage => Ok(None),
            BatchState::Filling => self.fill_piece(number).await.map(|more| more.then_some(after)),
            BatchState::Cancelling => self.cancel_piece(&batch, after).await,
            _ => Ok(None),
        }
    }

    /// Makes the next lines cases; whether some are left.
    async fn fill_piece(&self, number: &BatchNumber) -> Result<bool, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
            if batch.state != BatchState::Filling {
                return Ok(false);
            }
            let officer = mover(&batch)?;
            let lines = tx.batch_lines(number, &LineFilter::WithoutCase, 0, PIECE).await?;
            for line in &lines {
                self.begin_case(&mut tx, &officer, number, line, now).await?;
            }
            if lines.is_empty() {
                return Err(OfficeError::WrongState("the batch has fewer lines than it says"));
            }
            let batch = batch.fill(i64::try_from(lines.len()).unwrap_or(0), now)?;
            tx.put_batch(&batch).await?;
            if batch.state == BatchState::Filled {
                tx.audit(&event(&batch, &Who::from(&officer), "fill", now)).await?;
            }
            tx.commit().await?;
            Ok(batch.state == BatchState::Filling)
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

    /// Gives up the next cases after a line, and ends the batch behind the last one. One that a colleague has in hand
    /// stays, and one that was paid for.
    async fn cancel_piece(&self, batch: &Batch, after: i64) -> Result<Option<i64>, OfficeError> {
        let (number, officer) = (&batch.number, mover(batch)?);
        let lines = self.store.read().await?.batch_lines(number, &LineFilter::All, after, PIECE).await?;
        for line in &lines {
            let open = line.state.as_deref().is_some_and(|state| CANCELLABLE.contains(&state));
            let Some(case) = line.case.as_ref().filter(|_| open) else { continue };
            match self.cancel(&officer, case, number.as_str()).await {
                Ok(()) | Err(OfficeError::Forbidden(_) | OfficeError::Money(MoneyFault::RefundFirst)) => {}
                Err(error) => return Err(error),
            }
        }
        let last = lines.last().map(|line| line.line);
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
            if batch.state != BatchState::Cancelling {
                return Ok(None);
            }
            let batch = if last.is_some() { batch.empty(now)? } else { batch.end(now)? };
            tx.put_batch(&batch).await?;
            if batch.state == BatchState::Cancelled {
                tx.forget_batch(number).await?;
                tx.audit(&event(&batch, &Who::from(&officer), "end", now)).await?;
            }
            tx.commit().await?;
            Ok(last)
        })
        .await
    }
}

/// The clerk on whose word a batch moves, with the duty that they had when they gave it.
fn mover(batch: &Batch) -> Result<Officer, OfficeError> {
    let Who { id, name } = batch.mover.clone().ok_or(OfficeError::WrongState("nobody asked for it"))?;
    Ok(Officer { id, name, office: batch.office.clone(), roles: vec![Process::Enrolment.taken_in_by()] })
}
