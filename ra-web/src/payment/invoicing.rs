//! Invoices of what was paid online: asked for by a job when the certificate is on its token, or two days after payment,
//! whichever is first; handed out to the unit as a PDF. Until then the deadline stands in finance's queue.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use serde::Serialize;

use super::bill::{Bill, BillNumber};
use super::counter::nothing_in_the_way;
use super::einvoice::{InvoiceError, InvoiceProvider, Progress, SAMPLE_PREFIX, Wanted};
use super::event;
use super::fen::Split;
use super::invoice::{HandedOut, InvoiceKind};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::i18n::Locale;
use crate::jobs::{Done, Fault, Handler, Job, NewJob};

/// The kind of the job.
const KIND: &str = "invoice";
/// Who has not installed by then gets the invoice all the same: three days are promised.
const LATEST_SECONDS: i64 = 2 * 86_400;
/// A provider that accepted is asked again after so long.
const ASK_AGAIN_SECONDS: i64 = 60;

/// The job for a bill that was paid online.
#[must_use]
pub fn after_payment(bill: &BillNumber, now: Timestamp) -> NewJob {
    let number = bill.to_string();
    NewJob { kind: KIND, about: number.clone(), payload: number, due: now.plus(LATEST_SECONDS) }
}

/// The job for a bill whose service was rendered.
#[must_use]
pub fn after_service(bill: &BillNumber, now: Timestamp) -> NewJob {
    NewJob { kind: KIND, about: format!("{bill}/served"), payload: bill.to_string(), due: now }
}

/// What came of asking for an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invoiced {
    /// The unit has one now.
    Issued,
    /// There is nothing to be invoiced, or the unit has one.
    Nothing,
    /// The provider has accepted it.
    Later,
}

/// The handler.
pub struct Invoicing {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// The provider.
    pub provider: Arc<dyn InvoiceProvider>,
}

impl Invoicing {
    /// Has a bill invoiced, once.
    ///
    /// # Errors
    /// The provider's fault, or the office's.
    pub async fn invoice(&self, number: &BillNumber) -> Result<Result<Invoiced, InvoiceError>, OfficeError> {
        let now = self.desk.clock.now();
        let mut tx = self.desk.store.read().await?;
        let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
        let before = tx.invoices(number).await?;
        drop(tx);
        if bill.kept().is_zero() || before.iter().any(HandedOut::stands) {
            return Ok(Ok(Invoiced::Nothing));
        }
        let wanted = Wanted::of(&bill, before.len() + 1);
        let issued = match self.provider.issue(&wanted).await {
            Ok(Progress::Issued(issued)) => issued,
            Ok(Progress::Accepted) => return Ok(Ok(Invoiced::Later)),
            Err(error) => return Ok(Err(error)),
        };
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let mut bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            nothing_in_the_way(&mut tx, number).await?;
            tx.add_invoice(&HandedOut {
                bill: number.clone(),
                kind: InvoiceKind::Electronic,
                number: issued.clone(),
                waybill: String::new(),
                by: Who::unit(&Locale::ZhCn.t("invoice-by-system")),
                at: now,
                taken_back: None,
            })
            .await?;
            bill.invoice_due = None;
            tx.put_bill(&bill).await?;
            let facts = [("invoice", issued.as_str()), ("kind", InvoiceKind::Electronic.word())];
            tx.audit(&event("money.invoice", number.as_str(), None, now, bill.kept(), &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        Ok(Ok(Invoiced::Issued))
    }
}

#[async_trait]
impl Handler for Invoicing {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let number = job.payload.parse().map_err(|()| Fault::Never("no number of a bill".into()))?;
        match self.invoice(&number).await {
            Ok(Ok(Invoiced::Issued | Invoiced::Nothing)) => Ok(Done::Wholly),
            Ok(Ok(Invoiced::Later)) => {
                let next = self.desk.clock.now().plus(ASK_AGAIN_SECONDS);
                Ok(Done::Partly { next, payload: job.payload.clone() })
            }
            Ok(Err(InvoiceError::Refused(why))) => Err(Fault::Never(why)),
            Ok(Err(error @ InvoiceError::Unreachable(_))) => Err(Fault::Later(error.to_string())),
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}

/// Whether we can print an invoice for the unit: a sample that stands. One that the tax platform numbered has its own paper.
#[must_use]
pub fn is_ours(invoice: &HandedOut) -> bool {
    invoice.stands() && invoice.kind == InvoiceKind::Electronic && invoice.number.starts_with(SAMPLE_PREFIX)
}

/// What the template reads.
#[derive(Serialize)]
struct Facts {
    number: String,
    authority: String,
    printed: String,
    issued: String,
    buyer: String,
    buyer_tax_id: String,
    lines: Vec<[String; 6]>,
    net: String,
    tax: String,
    rate: String,
    gross: String,
    capitals: String,
    bill: String,
}

impl Desk {
    /// The invoice that a unit has of one of its bills, as PDF; the same each time.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] when the bill is another unit's or it has none.
    pub async fn invoice_pdf(&self, uscc: &str, number: &BillNumber) -> Result<(String, Vec<u8>), OfficeError> {
        let mut tx = self.store.read().await?;
        let bill = tx.bill(number).await?.filter(|bill| bill.uscc == uscc).ok_or(OfficeError::NotFound)?;
        let invoices = tx.invoices(number).await?;
        drop(tx);
        let invoice = invoices.iter().find(|invoice| is_ours(invoice)).ok_or(OfficeError::NotFound)?;
        let facts = self.invoice_facts(&bill, invoice);
        Ok((invoice.number.clone(), self.printer.press.print("invoice", &facts, invoice.at).await?))
    }

    fn invoice_facts(&self, bill: &Bill, invoice: &HandedOut) -> Facts {
        let t = |key: &str| Locale::ZhCn.t(key);
        let wanted = Wanted::of(bill, 1);
        let Split { net, tax } = wanted.split();
        let rate = wanted.rate.to_string();
        let line = |line: &super::tariff::QuoteLine| {
            let Split { net, tax } = wanted.rate.split(line.amount());
            let item = t(&format!("money-item-{}", line.item.word()));
            [item, line.count.to_string(), line.price.to_string(), net.to_string(), rate.clone(), tax.to_string()]
        };
        Facts {
            number: invoice.number.clone(),
            authority: self.printer.letterhead.authority.clone(),
            printed: invoice.at.beijing_text(),
            issued: invoice.at.beijing_day().to_string(),
            buyer: wanted.title.clone(),
            buyer_tax_id: wanted.tax_id.clone(),
            lines: wanted.lines.iter().map(line).collect(),
            net: net.to_string(),
            tax: tax.to_string(),
            rate: rate.clone(),
            gross: wanted.gross.to_string(),
            capitals: wanted.gross.capitals(),
            bill: bill.number.to_string(),
        }
    }
}
