//! Invoices of what was paid: asked for by a job when the certificate is on its token, or two days after payment, whichever is first,
//! or by finance. Until there is one the deadline stands in finance's queue.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{Officer, Timestamp};

use super::content::Content;
use super::paper::{self, Form};
use super::provider::{InvoiceError, Numbered, Progress};
use super::quota::allotment::Allotment;
use super::record::{EInvoice, EState, FileKind, Issue};
use super::title::Title;
use super::{ofd, xml};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::form::FieldFaults;
use crate::i18n::Locale;
use crate::jobs::{Done, Fault, Handler, Job, NewJob};
use crate::mail::letter::Letter;
use crate::payment::bill::{Bill, BillNumber, MoneyFault};
use crate::payment::counter::{case_of, nothing_in_the_way};
use crate::payment::invoice::{HandedOut, InvoiceKind};
use crate::payment::{event, own};
use crate::store::Tx;

/// The kind of the job.
const KIND: &str = "invoice";
/// Who has not installed by then gets the invoice all the same: three days are promised.
const LATEST_SECONDS: i64 = 2 * 86_400;
/// A provider that accepted is asked again after so long.
pub(super) const ASK_AGAIN_SECONDS: i64 = 60;
/// Characters of a check code.
const CHECK_CHARS: usize = 10;

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
    /// It is there now.
    Issued,
    /// There is nothing to be invoiced, or it is there already.
    Nothing,
    /// The provider has accepted it.
    Later,
}

/// What came of a request, or the provider's fault.
pub type Outcome = Result<Invoiced, InvoiceError>;

/// The handler.
pub struct Invoicing {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Invoicing {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let number = job.payload.parse().map_err(|()| Fault::Never("no number of a bill".into()))?;
        done(job, self.desk.clock.now(), self.desk.invoice(&number).await)
    }
}

/// What a job makes of an outcome.
pub(super) fn done(job: &Job, now: Timestamp, outcome: Result<Outcome, OfficeError>) -> Result<Done, Fault> {
    match outcome {
        Ok(Ok(Invoiced::Issued | Invoiced::Nothing)) => Ok(Done::Wholly),
        Ok(Ok(Invoiced::Later)) => Ok(Done::Partly { next: now.plus(ASK_AGAIN_SECONDS), payload: job.payload.clone() }),
        Ok(Err(InvoiceError::Refused(why))) => Err(Fault::Never(why)),
        Ok(Err(error @ InvoiceError::Unreachable(_))) => Err(Fault::Later(error.to_string())),
        Err(OfficeError::Database(error)) => Err(error.into()),
        Err(error) => Err(Fault::Later(error.to_string())),
    }
}

impl Desk {
    /// Chooses to whom a bill's invoice is made out: the unit itself, or the desk for it.
    ///
    /// # Errors
    /// [`OfficeError::Money`] once an invoice was asked for; storage. The inner one: what is wrong with what was typed.
    pub async fn choose_title(
        &self,
        by: &Who,
        number: &BillNumber,
        typed: &Title,
    ) -> Result<Result<(), FieldFaults>, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            if let Some(state) = title_is_frozen(&mut tx, &bill).await? {
                return Err(MoneyFault::State { what: "invoice title", state, act: "changed" }.into());
            }
            let title = match typed.clone().checked(&bill) {
                Ok(title) => title,
                Err(faults) => return Ok(Err(faults)),
            };
            tx.put_invoice_title(number, &title, by, now).await?;
            // Who chooses to whom an e-invoice is made out wants an e-invoice.
            tx.drop_wish(number).await?;
            let own = if title.is_of(&bill) { "own" } else { "other" };
            let entry = event(
                "money.invoice-title",
                number.as_str(),
                None,
                now,
                bill.gross(),
                &[("title", own), ("by", by.id.as_str())],
            );
            tx.audit(&entry).await?;
            tx.commit().await?;
            Ok(Ok(()))
        })
        .await
    }

    /// Finance asks for a bill's e-invoice, also where quota invoices were wished: its deadline is met when it is there.
    ///
    /// # Errors
    /// [`OfficeError::Money`] when there is one, or nothing to invoice; [`OfficeError`].
    pub async fn ask_einvoice(&self, by: &Officer, number: &BillNumber) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            if bill.kept().is_zero() {
                let (what, state) = ("bill", bill.state.word());
                return Err(MoneyFault::State { what, state, act: "invoiced" }.into());
            }
            nothing_in_the_way(&mut tx, number).await?;
            tx.drop_wish(number).await?;
            let wanted = self.put_request(&mut tx, &bill, Who::from(by), now).await?;
            let about = format!("{}/{}", wanted.request, wanted.version);
            tx.add_job(&NewJob { kind: KIND, about, payload: number.to_string(), due: now }, now).await?;
            let facts = [("request", wanted.request.as_str())];
            tx.audit(&event("money.invoice-asked", number.as_str(), Some(by), now, bill.kept(), &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Has a bill invoiced, once.
    ///
    /// # Errors
    /// The provider's fault, or the office's.
    pub async fn invoice(&self, number: &BillNumber) -> Result<Outcome, OfficeError> {
        let Some(wanted) = self.wanted(number).await? else { return Ok(Ok(Invoiced::Nothing)) };
        match self.invoices.provider.issue(&wanted).await {
            Ok(Progress::Issued(numbered)) => {
                let issue = self.archived(&wanted, numbered).await?;
                self.write_issued(&wanted.request, &issue).await?;
                Ok(Ok(Invoiced::Issued))
            }
            other => self.write_unissued(&wanted.request, other).await,
        }
    }

    /// What is to be asked of the provider: the request that is under way, the one that was refused, or a new one, written down.
    async fn wanted(&self, number: &BillNumber) -> Result<Option<EInvoice>, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            let records = tx.einvoices(number).await?;
            if let Some(wanted) = records.into_iter().find(|one| one.red.is_none() && one.state.is_under_way()) {
                return Ok(Some(wanted));
            }
            if bill.kept().is_zero() || tx.invoices(number).await?.iter().any(HandedOut::stands) {
                return Ok(None);
            }
            if self.invoices.quota && tx.wish(number).await?.is_some() {
                return Ok(None);
            }
            nothing_in_the_way(&mut tx, number).await?;
            let by = Who::unit(&Locale::ZhCn.t("einvoice-by-system"));
            let wanted = self.put_request(&mut tx, &bill, by, now).await?;
            tx.commit().await?;
            Ok(Some(wanted))
        })
        .await
    }

    /// Writes a request down: a new one with the title frozen, or the last one, which was refused, again.
    async fn put_request(
        &self,
        tx: &mut Box<dyn Tx>,
        bill: &Bill,
        by: Who,
        now: Timestamp,
    ) -> Result<EInvoice, OfficeError> {
        let records = tx.einvoices(&bill.number).await?;
        let blue: Vec<EInvoice> = records.into_iter().filter(|one| one.red.is_none()).collect();
        let n = blue.len() + 1;
        if let Some(refused) = blue.into_iter().find(|one| matches!(one.state, EState::Failed { .. })) {
            let mut again = refused.retry()?;
            tx.put_einvoice(&again).await?;
            again.version += 1;
            return Ok(again);
        }
        let title = tx.invoice_title(&bill.number).await?.unwrap_or_else(|| Title::of(bill));
        let content = Content::of(bill, title, self.invoices.seller.clone());
        let mut wanted = EInvoice::ask(bill.number.clone(), n, content, by, now);
        tx.add_einvoice(&wanted).await?;
        wanted.version = 1;
        Ok(wanted)
    }

    /// Archives an invoice's files, those of the provider's or our own, by their hashes.
    pub(super) async fn archived(&self, wanted: &EInvoice, numbered: Numbered) -> Result<Issue, OfficeError> {
        let at = numbered.at.unwrap_or_else(|| self.clock.now());
        let number = numbered.number;
        let record =
            xml::write(wanted, &number, &at.beijing_text()).map_err(|_| OfficeError::WrongState("no record"))?;
        let check = check_code(&number, &record);
        let address = format!("{}/invoice/verify?number={number}&check={check}", self.invoices.site);
        let day = at.beijing_day().to_string();
        let sample = self.invoices.provider.is_sample();
        let form = Form::of(wanted, &number, &day, (&check, address), sample, &record);
        let mut files = Vec::new();
        let pdf = match numbered.pdf {
            Some(pdf) => pdf,
            None => paper::pdf(&self.printer.press, &form, at).await?,
        };
        files.push((FileKind::Pdf, self.evidence.keep(&pdf).await?));
        let ofd = match (numbered.ofd, &self.invoices.seal) {
            (Some(ofd), _) => Some(ofd),
            (None, Some(seal)) if sample => Some(ofd::write(&form, seal, at)?),
            (None, _) => None,
        };
        if let Some(ofd) = ofd {
            files.push((FileKind::Ofd, self.evidence.keep(&ofd).await?));
        }
        files.push((FileKind::Xml, self.evidence.keep(&record).await?));
        Ok(Issue { number, at, check, files })
    }

    /// The invoice is there: record, bill, deadline, audit and mail move together, once.
    async fn write_issued(&self, request: &str, issue: &Issue) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let record = tx.einvoice(request).await?.ok_or(OfficeError::NotFound)?;
            if record.state.issue().is_some() {
                return Ok(());
            }
            let mut bill = tx.bill(&record.bill).await?.ok_or(OfficeError::NotFound)?;
            let (case, _) = case_of(&mut tx, &bill).await?;
            let record = record.issued(issue.clone())?;
            tx.put_einvoice(&record).await?;
            tx.add_invoice(&HandedOut {
                bill: bill.number.clone(),
                kind: InvoiceKind::Electronic,
                number: issue.number.clone(),
                waybill: String::new(),
                by: record.by.clone(),
                at: now,
                taken_back: None,
            })
            .await?;
            bill.invoice_due = None;
            tx.put_bill(&bill).await?;
            let facts = [("invoice", issue.number.as_str()), ("kind", InvoiceKind::Electronic.word())];
            let amount = record.content.gross;
            tx.audit(&event("money.invoice", bill.number.as_str(), None, now, amount, &facts)).await?;
            let letter = Letter::Invoice {
                bill: bill.number.to_string(),
                number: issue.number.clone(),
                amount,
                sample: self.invoices.provider.is_sample(),
            };
            self.tell(&mut tx, &case, &issue.number, letter, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The provider accepted it, refused it, or did not answer.
    pub(super) async fn write_unissued(
        &self,
        request: &str,
        answer: Result<Progress, InvoiceError>,
    ) -> Result<Outcome, OfficeError> {
        if matches!(answer, Err(InvoiceError::Unreachable(_)) | Ok(Progress::Issued(_))) {
            return Ok(answer.map(|_| Invoiced::Later));
        }
        again(|| async {
            let mut tx = self.store.begin().await?;
            let record = tx.einvoice(request).await?.ok_or(OfficeError::NotFound)?;
            let moved = match &answer {
                Err(InvoiceError::Refused(why)) => record.failed(why.clone())?,
                _ if record.state == EState::Issuing => return Ok(()),
                _ => record.accepted()?,
            };
            tx.put_einvoice(&moved).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        Ok(answer.map(|_| Invoiced::Later))
    }

    /// The files of an issued invoice, with their kinds.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], or the archive's.
    pub async fn invoice_files(&self, number: &str) -> Result<Vec<(FileKind, Vec<u8>)>, OfficeError> {
        let record = self.store.read().await?.einvoice_of_number(number).await?.ok_or(OfficeError::NotFound)?;
        let issue = record.state.issue().ok_or(OfficeError::NotFound)?;
        let mut files = Vec::new();
        for (kind, hash) in &issue.files {
            files.push((*kind, self.evidence.show(*hash).await?.to_vec()));
        }
        Ok(files)
    }

    /// One file of an issued invoice of an officer's reading, with its number.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's.
    pub async fn invoice_file(&self, by: &Officer, number: &str, kind: FileKind) -> Result<Vec<u8>, OfficeError> {
        let mut tx = self.store.read().await?;
        let record = tx.einvoice_of_number(number).await?.ok_or(OfficeError::NotFound)?;
        let bill = tx.bill(&record.bill).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        crate::enrolment::case::may_read(by, &bill.office)?;
        let hash = record.state.issue().and_then(|issue| issue.file(kind)).ok_or(OfficeError::NotFound)?;
        Ok(self.evidence.show(hash).await?.to_vec())
    }

    /// One file of the invoice that a unit has of one of its bills, with its number: then the unit has it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] when the bill is another unit's or it has none.
    pub async fn own_invoice_file(
        &self,
        uscc: &str,
        bill: &BillNumber,
        kind: FileKind,
    ) -> Result<(String, Vec<u8>), OfficeError> {
        let mut tx = self.store.read().await?;
        tx.bill(bill).await?.filter(|bill| bill.uscc == uscc).ok_or(OfficeError::NotFound)?;
        let record = standing(&mut tx, bill).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        let issue = record.state.issue().ok_or(OfficeError::NotFound)?;
        let hash = issue.file(kind).ok_or(OfficeError::NotFound)?;
        let bytes = self.evidence.show(hash).await?.to_vec();
        self.invoice_delivered(&issue.number).await?;
        Ok((issue.number.clone(), bytes))
    }

    /// The unit has an invoice. Run twice it is written once.
    ///
    /// # Errors
    /// Storage.
    pub async fn invoice_delivered(&self, number: &str) -> Result<(), OfficeError> {
        again(|| async {
            let mut tx = self.store.begin().await?;
            let record = tx.einvoice_of_number(number).await?.ok_or(OfficeError::NotFound)?;
            if let Some(delivered) = record.delivered() {
                tx.put_einvoice(&delivered).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }
}

/// Why the title of a bill can no longer be changed: its invoice's state. It can be again after a reversal.
pub(crate) async fn title_is_frozen(tx: &mut Box<dyn Tx>, bill: &Bill) -> Result<Option<&'static str>, OfficeError> {
    if tx.invoices(&bill.number).await?.iter().any(HandedOut::stands) {
        return Ok(Some("issued"));
    }
    if tx.allotments(&bill.number).await?.iter().any(Allotment::stands) {
        return Ok(Some("allotted"));
    }
    let records = tx.einvoices(&bill.number).await?;
    Ok(records.iter().find(|one| is_in_the_way(&one.state)).map(|one| one.state.word()))
}

/// Whether money of the bill must not move, nor another invoice be handed out, while an e-invoice is so far.
pub(crate) const fn is_in_the_way(state: &EState) -> bool {
    matches!(state, EState::Requested | EState::Issuing | EState::RedPending(_))
}

/// The e-invoice that a unit has of a bill: issued, and not reversed.
pub(crate) async fn standing(tx: &mut Box<dyn Tx>, bill: &BillNumber) -> Result<Option<EInvoice>, OfficeError> {
    let stands = |one: &EInvoice| {
        one.red.is_none() && matches!(one.state, EState::Issued(_) | EState::Delivered(_) | EState::RedPending(_))
    };
    Ok(tx.einvoices(bill).await?.into_iter().find(stands))
}

/// The code that goes with a number: whoever has the invoice can tell it, nobody can guess it from the number.
fn check_code(number: &str, record: &[u8]) -> String {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(number.as_bytes());
    hash.update(&openssl::sha::sha256(record));
    hex::encode(hash.finish())[..CHECK_CHARS].to_owned()
}
