//! What waits about money at an office, each with its deadline: the queue of clerks and of finance.

use ca_core::domain::{OfficeId, Officer, Timestamp};

use super::back::{BackStep, Disputed};
use super::bill::{Bill, BillNumber, BillSubject, SERVE_SECONDS};
use super::checkout::Checkout;
use super::drawer::Drawer;
use super::fen::Fen;
use super::invoice::HandedOut;
use super::ledger::Account;
use super::refund::{Refund, RefundNumber};
use super::remittance::Remittance;
use super::store::{BillFilter, Booked};
use super::taking::Payment;
use super::wire::BankLine;
use crate::enrolment::case::{Case, CaseNumber, may_read};
use crate::enrolment::desk::{Desk, OfficeError};

/// So many of each kind at most, the most urgent.
const MOST: i64 = 50;
/// Finance decides on a refund by the next day but one.
pub const DECIDE_SECONDS: i64 = 2 * 86_400;
/// So many entries a page of the books has.
pub const PAGE: i64 = 50;

/// What waits.
pub struct Board {
    /// Bills to be paid.
    pub awaiting: Vec<Bill>,
    /// Refunds that finance decides on.
    pub asked: Vec<Refund>,
    /// Refunds to be paid out.
    pub approved: Vec<Refund>,
    /// Drawers to be counted or taken over, of this day and before.
    pub drawers: Vec<Drawer>,
    /// Paid for three days, and no certificate.
    pub unserved: Vec<Bill>,
    /// Paid, and no invoice.
    pub uninvoiced: Vec<Bill>,
    /// Money online that was not asked for or came twice, each with its bill.
    pub faulty: Vec<(Checkout, Bill)>,
    /// Refunds that the provider does not make, each with why.
    pub stuck: Vec<(Refund, String)>,
    /// Payments that their payers dispute.
    pub disputes: Vec<Disputed>,
}

/// A bill with all that its page shows.
pub struct BillView {
    /// The bill.
    pub bill: Bill,
    /// What it is about.
    pub case: Case,
    /// Payments, the last first.
    pub payments: Vec<Payment>,
    /// Refunds, the last first.
    pub refunds: Vec<Refund>,
    /// Invoices, the last first.
    pub invoices: Vec<HandedOut>,
    /// What was booked.
    pub booked: Vec<Booked>,
    /// Its remittance code, where it can be paid by bank.
    pub remittance: Option<Remittance>,
    /// The lines of our account that paid it or come nearest.
    pub wires: Vec<BankLine>,
}

impl BillView {
    /// The payment that stands.
    #[must_use]
    pub fn taken(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.is_taken())
    }

    /// The invoice in the unit's hands.
    #[must_use]
    pub fn invoice(&self) -> Option<&HandedOut> {
        self.invoices.iter().find(|invoice| invoice.stands())
    }
}

/// The books of an office.
pub struct Books {
    /// Balances as kept.
    pub balances: Vec<(Account, Fen)>,
    /// Whether the postings add up to them, and all of them to nothing.
    pub proved: bool,
    /// A page of entries, the last first.
    pub entries: Vec<Booked>,
}

impl Desk {
    /// What waits about money at an officer's office.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn money_board(&self, officer: &Officer) -> Result<Board, OfficeError> {
        let (office, now) = (&officer.office, self.clock.now());
        let mut tx = self.store.read().await?;
        let mut faulty = Vec::new();
        for checkout in tx.faulty_checkouts(MOST).await? {
            if let Some(bill) = tx.bill(&checkout.bill).await?.filter(|bill| bill.office == *office) {
                faulty.push((checkout, bill));
            }
        }
        let mut stuck = Vec::new();
        for failed in tx.failed_refunds(office, MOST).await? {
            let BackStep::Failed { fault, .. } = failed.step else { continue };
            let refund = tx.refund(&failed.refund).await?;
            stuck.extend(refund.filter(|refund| refund.state.word() == "approved").map(|refund| (refund, fault)));
        }
        Ok(Board {
            faulty,
            stuck,
            disputes: tx.disputes(office, MOST).await?,
            awaiting: tx.bills(&BillFilter::Awaiting(office.clone()), MOST).await?,
            asked: tx.waiting_refunds(office, "asked", MOST).await?,
            approved: tx.waiting_refunds(office, "approved", MOST).await?,
            drawers: tx.waiting_drawers(office, MOST).await?,
            unserved: tx.bills(&BillFilter::Unserved(office.clone(), now.plus(-SERVE_SECONDS)), MOST).await?,
            uninvoiced: tx.bills(&BillFilter::Uninvoiced(office.clone()), MOST).await?,
        })
    }

    /// A bill with all that its page shows.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's.
    pub async fn bill_view(&self, officer: &Officer, number: &BillNumber) -> Result<BillView, OfficeError> {
        let mut tx = self.store.read().await?;
        let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &bill.office)?;
        let (case, _) = super::counter::case_of(&mut tx, &bill).await?;
        Ok(BillView {
            payments: tx.payments(number).await?,
            refunds: tx.refunds(number).await?,
            invoices: tx.invoices(number).await?,
            booked: tx.entries_about(number.as_str()).await?,
            remittance: if self.rules.money.wire.is_some() { tx.remittance_of(number).await? } else { None },
            wires: tx.lines_about(number).await?,
            case,
            bill,
        })
    }

    /// The bill of a refund.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's.
    pub async fn bill_of_refund(&self, officer: &Officer, number: &RefundNumber) -> Result<BillNumber, OfficeError> {
        let refund = self.store.read().await?.refund(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &refund.office)?;
        Ok(refund.bill)
    }

    /// The bills of a case, the last first.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn bills_about(&self, case: &CaseNumber) -> Result<Vec<Bill>, OfficeError> {
        let filter = BillFilter::About(BillSubject::Case(case.clone()));
        Ok(self.store.read().await?.bills(&filter, MOST).await?)
    }

    /// The bills of an office in a state, the last made first.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn bills_in(&self, officer: &Officer, state: &'static str) -> Result<Vec<Bill>, OfficeError> {
        let filter = BillFilter::Office(officer.office.clone(), state);
        Ok(self.store.read().await?.bills(&filter, 200).await?)
    }

    /// The last payments of an officer's office.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn receipts(&self, officer: &Officer) -> Result<Vec<Payment>, OfficeError> {
        Ok(self.store.read().await?.last_payments(&officer.office, 200).await?)
    }

    /// The last drawers of an officer's office.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn drawers(&self, officer: &Officer) -> Result<Vec<Drawer>, OfficeError> {
        Ok(self.store.read().await?.last_drawers(&officer.office, 200).await?)
    }

    /// The books of an office, with the entries before a place; added up as proof from the last night on.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] for another office's.
    pub async fn books(&self, officer: &Officer, office: &OfficeId, before: i64) -> Result<Books, OfficeError> {
        may_read(officer, office)?;
        let mut tx = self.store.read().await?;
        let balances = tx.balances(office).await?;
        let proved = tx.proved_balances(office).await?;
        let sum: Fen = balances.iter().map(|(_, balance)| *balance).sum();
        Ok(Books {
            proved: sum.is_zero() && proved == balances,
            entries: tx.entries(office, before, PAGE).await?,
            balances,
        })
    }
}

/// Until when finance decides on a refund.
#[must_use]
pub fn decide_by(refund: &Refund) -> Timestamp {
    refund.asked_at.plus(DECIDE_SECONDS)
}
