//! The counter: a case that was approved is billed, the clerk takes the money, a supervisor undoes a mistake on the same
//! day, and a bill that nobody pays lapses.

use ca_core::domain::{Act, BeijingDay, Officer, OrderId, Timestamp};

use super::bill::{Bill, BillNumber, BillState, BillSubject, MoneyFault};
use super::drawer::DrawerState;
use super::fen::Fen;
use super::store::BillFilter;
use super::taking::{Method, Payment, PaymentId, Tender, receipt_number};
use super::tariff::Quote;
use super::{event, ledger, own};
use crate::enrolment::case::{Case, CaseNumber, Forbidden, State, Who};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::invoice::issuing;
use crate::invoice::quota::allotment::Allotment;
use crate::store::{OrderState, OrderSubject, StoredOrder, Tx};

/// A case has so many bills at most: one, and one for the difference each time it was signed anew for more.
pub(super) const MOST_BILLS: i64 = 20;

impl Desk {
    /// What is left to be paid for a case with this order: its price today, less what was paid for it before.
    pub(crate) async fn left_to_pay(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &Case,
        order: &StoredOrder,
        now: Timestamp,
    ) -> Result<Option<Quote>, OfficeError> {
        let Act::Issue { years, .. } = order.order.act else { return Ok(None) };
        let quote = self.rules.money.tariff.quote(&case.process, years, now.beijing_day());
        let paid: Fen = bills_of(tx, &case.number).await?.iter().map(Bill::kept).sum();
        let quote = quote.after(paid);
        Ok((quote.total() > Fen::ZERO).then_some(quote))
    }

    /// Makes the bill of a case, in the transaction of its approval: the price is locked from now on.
    pub(crate) async fn make_bill(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &Case,
        quote: Quote,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let day = now.beijing_day();
        let n = tx.next_in_series(&format!("{}/{day}", BillNumber::PREFIX)).await?;
        let unit = (case.form.uscc.as_str(), case.form.unit_name.as_str());
        let subject = BillSubject::Case(case.number.clone());
        let days = self.rules.money.lapse_days;
        let bill = Bill::open(BillNumber::new(day, n), subject, case.office.clone(), unit, quote, now, days);
        tx.add_bill(&bill).await?;
        if self.rules.money.wire.is_some() {
            self.draw_code(tx, &bill, now).await?;
        }
        let about = [("case", case.number.as_str())];
        Ok(tx.audit(&event("money.bill", bill.number.as_str(), None, now, bill.gross(), &about)).await?)
    }

    /// Takes the money of a bill: bill, payment, case and books move together. Never whoever approved the case.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn take_payment(
        &self,
        clerk: &Officer,
        number: &BillNumber,
        method: Method,
        handed: Option<Fen>,
        reference: &str,
    ) -> Result<PaymentId, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(clerk, &bill.office)?;
            let (case, sealed) = case_of(&mut tx, &bill).await?;
            if case.reviewer.as_ref().is_some_and(|reviewer| reviewer.id == clerk.id) {
                return Err(Forbidden::SameOfficer.into());
            }
            let bill = bill.pay(now)?;
            if !self.rules.money.methods.contains(&method) {
                return Err(MoneyFault::Method.into());
            }
            let tender = Tender::new(method, handed, reference, bill.gross())?;
            let today = now.beijing_day();
            let n = tx.next_in_series(&format!("{}/{today}", PaymentId::PREFIX)).await?;
            let id = PaymentId::new(today, n);
            let n = tx.next_in_series(&format!("receipt/{}/{}", clerk.office, &today.to_string()[..4])).await?;
            let receipt = receipt_number(&clerk.office, today, n);
            let day = open_day(&mut tx, clerk, today).await?;
            let payment = Payment::take(id, (number, bill.gross()), tender, receipt, clerk, day, now);
            tx.add_payment(&payment).await?;
            tx.put_bill(&bill).await?;
            book(&mut tx, ledger::payment(&payment)).await?;
            let facts = [("payment", payment.id.as_str()), ("method", method.word()), ("receipt", &payment.receipt)];
            tx.audit(&event("money.payment", number.as_str(), Some(clerk), now, payment.amount, &facts)).await?;
            self.tell(&mut tx, &case, payment.id.as_str(), payment.letter(), now).await?;
            let (case, step) = case.pay(clerk, payment.receipt.clone(), now)?;
            self.put(tx, &case, sealed.as_deref(), &step).await?;
            Ok(payment.id)
        })
        .await
    }

    /// Undoes a payment that was taken by mistake, on its own day and before its drawer is counted: by a supervisor who
    /// did not take it. The case waits for payment again.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn void_payment(&self, by: &Officer, number: &BillNumber, reason: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            let (case, sealed) = case_of(&mut tx, &bill).await?;
            let bill = bill.unpay()?;
            let payment =
                tx.payments(number).await?.into_iter().find(Payment::is_taken).ok_or(OfficeError::NotFound)?;
            if payment.clerk.id == by.id {
                return Err(Forbidden::SameOfficer.into());
            }
            let drawer = tx.drawer(&payment.office, &payment.clerk.id, payment.day).await?;
            if drawer.is_none_or(|drawer| drawer.state != DrawerState::Open) {
                return Err(MoneyFault::NotToday.into());
            }
            nothing_in_the_way(&mut tx, number).await?;
            let State::Approved { order } = case.state else { return Err(MoneyFault::Issued.into()) };
            let payment = payment.void(by, reason.to_owned(), now)?;
            tx.use_drawer(&payment.office, &payment.clerk.id, payment.day).await?;
            tx.void_payment(&payment).await?;
            tx.put_bill(&bill).await?;
            book(&mut tx, ledger::void(&payment, &Who::from(by), now)).await?;
            let facts = [("payment", payment.id.as_str())];
            tx.audit(&event("money.void", number.as_str(), Some(by), now, payment.amount, &facts)).await?;
            tx.drop_tickets(order).await?;
            let (case, step) = case.unpay(by, reason.to_owned(), now)?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// A case that is given up: its open bill is cancelled with it; what was paid goes back first.
    pub(crate) async fn drop_bills(&self, tx: &mut Box<dyn Tx>, case: &CaseNumber) -> Result<(), OfficeError> {
        for bill in bills_of(tx, case).await? {
            if bill.state == BillState::Open || !bill.kept().is_zero() {
                tx.put_bill(&bill.cancel()?).await?;
            }
        }
        Ok(())
    }

    /// The certificate is on its token: what was paid for it is earned.
    pub(crate) async fn earn(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &CaseNumber,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        for bill in bills_of(tx, case).await? {
            if bill.kept().is_zero() || bill.served.is_some() {
                continue;
            }
            book(tx, ledger::service(&bill, now)).await?;
            tx.audit(&event("money.service", bill.number.as_str(), None, now, bill.kept(), &[])).await?;
            // At the counter finance hands invoices out; of what came by itself a job does.
            if tx.payments(&bill.number).await?.iter().any(|p| p.is_taken() && p.method.is_remote()) {
                tx.add_job(&issuing::after_service(&bill.number, now), now).await?;
            }
            tx.put_bill(&bill.serve(now)?).await?;
        }
        Ok(())
    }

    /// Bills whose time is over lapse, and their cases with them; says how many. Can be run by any number at once.
    ///
    /// # Errors
    /// [`OfficeError`]; what lapsed before stays so.
    pub async fn lapse_bills(&self) -> Result<usize, OfficeError> {
        let now = self.clock.now();
        let over = self.store.read().await?.bills(&BillFilter::Lapsing(now), 100).await?;
        let mut lapsed = 0;
        for bill in over {
            lapsed += usize::from(again(|| async { self.lapse_bill(&bill.number, now).await }).await?);
        }
        Ok(lapsed)
    }

    async fn lapse_bill(&self, number: &BillNumber, now: Timestamp) -> Result<bool, OfficeError> {
        let mut tx = self.store.begin().await?;
        let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
        let (case, sealed) = case_of(&mut tx, &bill).await?;
        // A difference that nobody pays does not end a case for which we have money.
        let kept: Fen = bills_of(&mut tx, &case.number).await?.iter().map(Bill::kept).sum();
        let Ok(bill) = bill.lapse(now) else { return Ok(false) };
        if !kept.is_zero() {
            return Ok(false);
        }
        tx.put_bill(&bill).await?;
        tx.audit(&event("money.lapse", number.as_str(), None, now, bill.gross(), &[])).await?;
        let order = case.state.order();
        let (case, step) = case.lapse(now)?;
        drop_signed(&mut tx, order, now).await?;
        self.put(tx, &case, sealed.as_deref(), &step).await?;
        Ok(true)
    }
}

/// An order that two officers signed is not carried out.
pub(super) async fn drop_signed(
    tx: &mut Box<dyn Tx>,
    order: Option<OrderId>,
    now: Timestamp,
) -> Result<(), OfficeError> {
    if let Some(order) = order {
        tx.drop_tickets(order).await?;
        tx.settle_order(order, OrderState::Signed, OrderState::Dropped, None, now).await?;
    }
    Ok(())
}

/// The bills of a case, the last first.
pub(crate) async fn bills_of(tx: &mut Box<dyn Tx>, case: &CaseNumber) -> Result<Vec<Bill>, OfficeError> {
    Ok(tx.bills(&BillFilter::About(BillSubject::Case(case.clone())), MOST_BILLS).await?)
}

/// The case that a bill is about, with its sealed number.
pub(crate) async fn case_of(tx: &mut Box<dyn Tx>, bill: &Bill) -> Result<(Case, Option<Vec<u8>>), OfficeError> {
    let BillSubject::Case(number) = &bill.subject;
    tx.case(number).await?.ok_or(OfficeError::NotFound)
}

/// No refund waits and no invoice is in the unit's hands.
pub(crate) async fn nothing_in_the_way(tx: &mut Box<dyn Tx>, number: &BillNumber) -> Result<(), OfficeError> {
    if tx.refunds(number).await?.iter().any(|refund| refund.state.word() == "asked") {
        return Err(MoneyFault::RefundWaits.into());
    }
    no_invoice(tx, number).await
}

/// No invoice is in the unit's hands or put aside for it, and none is being issued or reversed.
pub(super) async fn no_invoice(tx: &mut Box<dyn Tx>, number: &BillNumber) -> Result<(), OfficeError> {
    let allotted = tx.allotments(number).await?.iter().any(Allotment::stands);
    if allotted || tx.invoices(number).await?.iter().any(super::invoice::HandedOut::stands) {
        return Err(MoneyFault::Invoiced.into());
    }
    if tx.einvoices(number).await?.iter().any(|one| issuing::is_in_the_way(&one.state)) {
        return Err(MoneyFault::Invoicing.into());
    }
    Ok(())
}

/// The day of the clerk's drawer that money moves in now: today's, or tomorrow's once today's is counted. It is opened if
/// it is not there, and marked, so that a count at the same moment sees this money or comes before it.
pub(super) async fn open_day(
    tx: &mut Box<dyn Tx>,
    clerk: &Officer,
    today: BeijingDay,
) -> Result<BeijingDay, OfficeError> {
    let counted = tx.drawer(&clerk.office, &clerk.id, today).await?;
    let counted = counted.is_some_and(|drawer| drawer.state != DrawerState::Open);
    let day = if counted { today.plus_days(1) } else { today };
    tx.open_drawer(&clerk.office, &Who::from(clerk), day).await?;
    tx.use_drawer(&clerk.office, &clerk.id, day).await?;
    Ok(day)
}

pub(super) async fn book(tx: &mut Box<dyn Tx>, entry: Option<ledger::Entry>) -> Result<(), OfficeError> {
    match entry {
        Some(entry) => Ok(tx.book(&entry).await?),
        None => Ok(()),
    }
}

/// The history of a case has a line about its money.
pub(super) async fn add_note(
    tx: &mut Box<dyn Tx>,
    case: &Case,
    step: &crate::enrolment::case::Step,
) -> Result<(), OfficeError> {
    Ok(tx.add_step(&OrderSubject::Case(case.number.clone()), step).await?)
}
