//! Red-letter invoices: finance says why an e-invoice is reversed, the provider confirms it and issues the negative invoice, and only
//! then is the blue one taken back, so that its money can go back.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::Officer;

use super::issuing::{Invoiced, Outcome, done};
use super::provider::Progress;
use super::record::{EState, Issue, RedReason};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::jobs::{Done, Fault, Handler, Job, NewJob};
use crate::mail::letter::Letter;
use crate::payment::bill::{BillNumber, INVOICE_SECONDS};
use crate::payment::counter::case_of;
use crate::payment::invoice::HandedOut;
use crate::payment::{event, own};

/// The kind of the job.
const KIND: &str = "invoice-red";

/// The handler.
pub struct Reversing {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Reversing {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        done(job, self.desk.clock.now(), self.desk.reversal(&job.payload).await)
    }
}

impl Desk {
    /// Finance has the e-invoice of a bill reversed.
    ///
    /// # Errors
    /// [`OfficeError::Money`] unless one was issued and nothing reverses it; [`OfficeError`].
    pub async fn reverse_einvoice(
        &self,
        by: &Officer,
        number: &BillNumber,
        reason: RedReason,
        why: &str,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            let blue = super::issuing::standing(&mut tx, number).await?.ok_or(OfficeError::NotFound)?;
            let (blue, red) = blue.reverse(reason, why, by.into(), now)?;
            tx.put_einvoice(&blue).await?;
            tx.add_einvoice(&red).await?;
            let job = NewJob { kind: KIND, about: red.request.clone(), payload: red.request.clone(), due: now };
            tx.add_job(&job, now).await?;
            let facts = [("request", red.request.as_str()), ("reason", reason.word())];
            let amount = red.content.gross;
            tx.audit(&event("money.invoice-reverse", number.as_str(), Some(by), now, amount, &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Has a red-letter invoice issued, once.
    ///
    /// # Errors
    /// The provider's fault, or the office's.
    pub async fn reversal(&self, request: &str) -> Result<Outcome, OfficeError> {
        let wanted = again(|| async {
            let mut tx = self.store.begin().await?;
            let red = tx.einvoice(request).await?.filter(|one| one.red.is_some()).ok_or(OfficeError::NotFound)?;
            match red.state {
                EState::Requested | EState::Issuing => Ok(Some(red)),
                EState::Failed { .. } => {
                    let mut again = red.retry()?;
                    tx.put_einvoice(&again).await?;
                    tx.commit().await?;
                    again.version += 1;
                    Ok(Some(again))
                }
                _ => Ok(None),
            }
        })
        .await?;
        let Some(red) = wanted else { return Ok(Ok(Invoiced::Nothing)) };
        match self.invoices.provider.reverse(&red).await {
            Ok(Progress::Issued(numbered)) => {
                let issue = self.archived(&red, numbered).await?;
                self.write_reversed(&red.request, &issue).await?;
                Ok(Ok(Invoiced::Issued))
            }
            other => self.write_unissued(&red.request, other).await,
        }
    }

    /// The red-letter invoice is there: both records, the bill, the audit and the mail move together, once.
    async fn write_reversed(&self, request: &str, issue: &Issue) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let red = tx.einvoice(request).await?.ok_or(OfficeError::NotFound)?;
            if red.state.issue().is_some() {
                return Ok(());
            }
            let number = red.red.as_ref().map(|(number, _)| number.clone()).ok_or(OfficeError::NotFound)?;
            let blue = tx.einvoice_of_number(&number).await?.ok_or(OfficeError::NotFound)?;
            let mut bill = tx.bill(&red.bill).await?.ok_or(OfficeError::NotFound)?;
            let (case, _) = case_of(&mut tx, &bill).await?;
            let red = red.issued(issue.clone())?;
            tx.put_einvoice(&red).await?;
            tx.put_einvoice(&blue.reversed(&issue.number)?).await?;
            let handed = tx.invoices(&bill.number).await?.into_iter().find(HandedOut::stands);
            if let Some(mut handed) = handed.filter(|handed| handed.number == number) {
                handed.taken_back = Some((red.by.clone(), now, issue.number.clone()));
                tx.take_back_invoice(&handed).await?;
            }
            // What is kept is to be invoiced anew, unless it goes back.
            bill.invoice_due = (!bill.kept().is_zero()).then(|| now.plus(INVOICE_SECONDS));
            tx.put_bill(&bill).await?;
            let facts = [("invoice", number.as_str()), ("red", issue.number.as_str())];
            let amount = red.content.gross;
            tx.audit(&event("money.invoice-reversed", bill.number.as_str(), None, now, amount, &facts)).await?;
            let letter = Letter::Reversed { bill: bill.number.to_string(), number, red: issue.number.clone() };
            self.tell(&mut tx, &case, &issue.number, letter, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
