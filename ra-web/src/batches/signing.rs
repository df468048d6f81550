//! Orders of a batch, signed many at a time: one window and one PIN, and yet each order has its own signature, is checked
//! by itself and moves its own case. The authority's rules do not change.

use ca_core::domain::Officer;

use super::BatchNumber;
use super::taking::on_duty;
use crate::batches::store::{LineFilter, StoredLine};
use crate::enrolment::case::{Case, CaseNumber, may_read};
use crate::enrolment::desk::{Desk, OfficeError, Signer};
use crate::enrolment::document::DocumentKind;
use crate::enrolment::intake::Prepared;
use crate::store::{Document, OrderState, OrderSubject, StoredOrder};
use crate::units::UnitRecord;

/// So many orders are signed with one PIN at most; as many as the assistant takes.
pub const AT_ONCE: usize = 200;

/// A case of a batch with what is to be seen of it at a glance.
pub struct Item {
    /// Its line in the file.
    pub line: StoredLine,
    /// The case; the resident number masked.
    pub case: Case,
    /// Documents.
    pub documents: Vec<Document>,
    /// What is missing of them.
    pub missing: Vec<DocumentKind>,
    /// What the office knew of the unit, when it is not what the case says.
    pub differs: Option<UnitRecord>,
    /// The order that waits for a signature.
    pub order: Option<StoredOrder>,
}

/// Which seat of the orders is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// The entry officer's.
    First,
    /// The reviewer's.
    Second,
}

impl Desk {
    /// Cases of a batch after a line, as the page of the whole batch shows them.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or storage.
    pub async fn batch_items(
        &self,
        officer: &Officer,
        number: &BatchNumber,
        filter: LineFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Item>, OfficeError> {
        let mut tx = self.store.read().await?;
        let batch = tx.batch(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &batch.office)?;
        let mut items = Vec::new();
        for line in tx.batch_lines(number, &filter, after, limit).await? {
            let Some(number) = line.case.clone() else { continue };
            let (case, _) = tx.case(&number).await?.ok_or(OfficeError::NotFound)?;
            let documents = tx.documents(&number).await?;
            let wanted = case.process.documents().iter().copied();
            let missing = wanted.filter(|kind| documents.iter().all(|document| document.kind != *kind)).collect();
            let known = tx.unit(&case.form.uscc).await?;
            let differs = known.filter(|unit| {
                unit.name != case.form.unit_name
                    || unit.handler.name != case.form.handler_name
                    || unit.handler.mobile != case.form.handler_mobile
            });
            // What is known of a unit belongs to the office that served it.
            let differs = differs.filter(|unit| may_read(officer, &unit.office).is_ok());
            let order = match case.state.order() {
                Some(order) => tx.order(order).await?,
                None if case.is_open_for_typing() => {
                    let about = tx.orders_about(&OrderSubject::Case(number)).await?;
                    about.into_iter().find(|order| order.state == OrderState::Open)
                }
                None => None,
            };
            items.push(Item { line, case, documents, missing, differs, order });
        }
        Ok(items)
    }

    /// Writes the orders of the next drafts that are complete, [`AT_ONCE`] at most; says how many lie ready.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn prepare_batch(&self, officer: &Officer, number: &BatchNumber) -> Result<usize, OfficeError> {
        on_duty(officer)?;
        let mut ready = 0;
        for state in ["draft", "returned"] {
            let mut after = 0;
            while ready < AT_ONCE {
                let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
                let items = self.batch_items(officer, number, LineFilter::State(state), after, limit).await?;
                let Some(last) = items.last() else { break };
                after = last.line.line;
                for item in items.iter().filter(|item| item.missing.is_empty()).take(AT_ONCE - ready) {
                    // Looked at again and written in one transaction; a colleague may have gone on with it meanwhile.
                    match self.prepare(officer, &item.case.number).await {
                        Ok(Prepared::Ready(_)) => ready += 1,
                        Ok(Prepared::Faulty(_)) | Err(OfficeError::Forbidden(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(ready)
    }

    /// What this officer can sign of a batch now, [`AT_ONCE`] at most.
    ///
    /// # Errors
    /// As [`Self::batch_items`].
    pub async fn batch_to_sign(
        &self,
        officer: &Officer,
        number: &BatchNumber,
        seat: Seat,
    ) -> Result<Vec<Item>, OfficeError> {
        let now = self.clock.now();
        let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let states: &[&'static str] = match seat {
            Seat::First => &["draft", "returned"],
            Seat::Second => &["submitted"],
        };
        let mut found: Vec<Item> = Vec::new();
        for state in states {
            let mut after = 0;
            while found.len() < AT_ONCE {
                let items = self.batch_items(officer, number, LineFilter::State(state), after, limit).await?;
                let Some(last) = items.last() else { break };
                after = last.line.line;
                found.extend(items.into_iter().filter(|item| {
                    let free = item.case.claimed(now).is_none_or(|claim| claim.by.id == officer.id);
                    let allowed = match seat {
                        Seat::First => item.case.typeable_by(officer),
                        Seat::Second => item.case.decidable_by(officer),
                    };
                    item.order.is_some() && free && allowed.is_ok()
                }));
            }
        }
        found.truncate(AT_ONCE);
        Ok(found)
    }

    /// Takes the signatures over the orders of cases of a batch, each for itself. What one is refused for changes nothing
    /// about the others.
    ///
    /// # Errors
    /// Storage, or a case that is not of this batch; then the ones before it are taken.
    pub async fn sign_batch(
        &self,
        signer: &Signer,
        number: &BatchNumber,
        seat: Seat,
        signed: Vec<(CaseNumber, Vec<u8>)>,
    ) -> Result<Vec<(CaseNumber, Option<OfficeError>)>, OfficeError> {
        let mut outcome = Vec::with_capacity(signed.len());
        for (case, message) in signed {
            if self.store.read().await?.batch_of_case(&case).await?.as_ref() != Some(number) {
                return Err(OfficeError::NotFound);
            }
            let done = match seat {
                Seat::First => self.submit(signer, &case, &message).await,
                Seat::Second => self.approve(signer, &case, &message).await,
            };
            match done {
                Ok(()) => outcome.push((case, None)),
                Err(OfficeError::Database(error)) if !error.is_contention() => return Err(error.into()),
                Err(error) => outcome.push((case, Some(error))),
            }
        }
        Ok(outcome)
    }

    /// Another officer sends cases of a batch back, or ends them, with one reason for all; says how many.
    ///
    /// # Errors
    /// [`OfficeError`] of the first that cannot be; the ones before it are decided.
    pub async fn decline_of_batch(
        &self,
        officer: &Officer,
        number: &BatchNumber,
        cases: &[CaseNumber],
        reason: &str,
        for_good: bool,
    ) -> Result<usize, OfficeError> {
        for case in cases {
            if self.store.read().await?.batch_of_case(case).await?.as_ref() != Some(number) {
                return Err(OfficeError::NotFound);
            }
            self.decline(officer, case, reason, for_good).await?;
        }
        Ok(cases.len())
    }
}
