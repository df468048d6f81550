//! Refunds, and the invoices that stand in their way: asked for at the desk, approved by finance, paid out the way the
//! money came. Who asks never approves. A refund of everything ends the case; after the issue a part can go back, never all.

use ca_core::domain::Officer;

use super::back::{GatewayRefund, after_approval};
use super::bill::{Bill, BillNumber, BillState, MoneyFault};
use super::counter::{add_note, bills_of, book, case_of, drop_signed, no_invoice, nothing_in_the_way, open_day};
use super::fen::Fen;
use super::invoice::{HandedOut, InvoiceKind};
use super::refund::{Refund, RefundNumber};
use super::taking::{Method, Payment};
use super::{event, ledger, note, own};
use crate::enrolment::case::{Case, State, Who};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::invoice::quota::allotment::Allotment;
use crate::store::{OrderSubject, Tx};

impl Desk {
    /// Someone at the desk asks for money back.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn ask_refund(
        &self,
        by: &Officer,
        number: &BillNumber,
        amount: Fen,
        reason: &str,
    ) -> Result<RefundNumber, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            let (case, _) = case_of(&mut tx, &bill).await?;
            refundable(&bill, &case, amount)?;
            if tx.refunds(number).await?.iter().any(|refund| refund.state.word() == "asked") {
                return Err(MoneyFault::RefundWaits.into());
            }
            let payment =
                tx.payments(number).await?.into_iter().find(Payment::is_taken).ok_or(OfficeError::NotFound)?;
            let day = now.beijing_day();
            let n = tx.next_in_series(&format!("{}/{day}", RefundNumber::PREFIX)).await?;
            let refund = Refund::ask(RefundNumber::new(day, n), &payment, amount, reason.to_owned(), by, now);
            tx.add_refund(&refund).await?;
            add_note(&mut tx, &case, &note(&case, "refund-ask", Some(by), Some(reason.to_owned()), now)).await?;
            let facts = [("refund", refund.number.as_str())];
            tx.audit(&event("money.refund-asked", number.as_str(), Some(by), now, amount, &facts)).await?;
            tx.commit().await?;
            Ok(refund.number)
        })
        .await
    }

    /// Finance approves: the bill and the books follow, and a case of which everything goes back ends.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn approve_refund(&self, by: &Officer, number: &RefundNumber) -> Result<BillNumber, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (refund, bill, case, sealed) = with_bill(&mut tx, number).await?;
            let refund = refund.approve(by, now)?;
            refundable(&bill, &case, refund.amount)?;
            no_invoice(&mut tx, &bill.number).await?;
            book(&mut tx, ledger::refund(&bill, &refund, &Who::from(by), now)).await?;
            tx.put_refund(&refund, "asked").await?;
            if refund.method == Method::Online && self.rules.money.gives_back {
                tx.add_gateway_refund(&GatewayRefund::of(&refund, now)).await?;
                tx.add_job(&after_approval(number, now), now).await?;
            }
            let bill_number = bill.number.clone();
            let bill = bill.refund(refund.amount)?;
            tx.put_bill(&bill).await?;
            let facts = [("refund", number.as_str())];
            tx.audit(&event("money.refund", bill_number.as_str(), Some(by), now, refund.amount, &facts)).await?;
            let bills = bills_of(&mut tx, &case.number).await?;
            if bills.iter().map(Bill::kept).sum::<Fen>().is_zero() {
                if let State::AwaitingPayment { order } | State::Approved { order } = case.state {
                    drop_signed(&mut tx, Some(order), now).await?;
                }
                for open in bills.into_iter().filter(|bill| bill.state == BillState::Open) {
                    tx.put_bill(&open.cancel()?).await?;
                }
                tx.drop_open_orders(&OrderSubject::Case(case.number.clone()), now).await?;
                self.token_given_up(&mut tx, &case.number, now).await?;
                let (case, step) = case.paid_back(by, refund.reason.clone(), now)?;
                self.put(tx, &case, sealed.as_deref(), &step).await?;
            } else {
                add_note(&mut tx, &case, &note(&case, "refund-approve", Some(by), None, now)).await?;
                tx.commit().await?;
            }
            Ok(bill_number)
        })
        .await
    }

    /// Finance declines, with a reason.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn decline_refund(
        &self,
        by: &Officer,
        number: &RefundNumber,
        reason: &str,
    ) -> Result<BillNumber, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (refund, bill, case, _) = with_bill(&mut tx, number).await?;
            let refund = refund.decline(by, reason.to_owned(), now)?;
            tx.put_refund(&refund, "asked").await?;
            add_note(&mut tx, &case, &note(&case, "refund-decline", Some(by), Some(reason.to_owned()), now)).await?;
            let facts = [("refund", number.as_str())];
            let amount = refund.amount;
            tx.audit(&event("money.refund-declined", bill.number.as_str(), Some(by), now, amount, &facts)).await?;
            tx.commit().await?;
            Ok(bill.number)
        })
        .await
    }

    /// The money goes back, out of the drawer of whoever pays it out.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn pay_out(
        &self,
        by: &Officer,
        number: &RefundNumber,
        reference: &str,
    ) -> Result<BillNumber, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (refund, bill, case, _) = with_bill(&mut tx, number).await?;
            own(by, &refund.office)?;
            if tx.gateway_refund(number).await?.is_some_and(|known| !known.is_given_up()) {
                return Err(MoneyFault::AtProvider.into());
            }
            let day = open_day(&mut tx, by, now.beijing_day()).await?;
            let refund = refund.pay_out(by, reference, day, now)?;
            tx.put_refund(&refund, "approved").await?;
            book(&mut tx, ledger::pay_out(&refund, &Who::from(by), now)).await?;
            add_note(&mut tx, &case, &note(&case, "refund-pay-out", Some(by), None, now)).await?;
            self.tell(&mut tx, &case, number.as_str(), refund.letter(), now).await?;
            let facts = [("refund", number.as_str()), ("method", refund.method.word())];
            tx.audit(&event("money.paid-out", bill.number.as_str(), Some(by), now, refund.amount, &facts)).await?;
            tx.commit().await?;
            Ok(bill.number)
        })
        .await
    }

    /// Finance notes the e-invoice that another system issued to the unit: its deadline is met.
    ///
    /// # Errors
    /// [`OfficeError::Money`] when the unit has one already; [`OfficeError`].
    pub async fn hand_out_invoice(&self, by: &Officer, number: &BillNumber, invoice: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            if bill.kept().is_zero() {
                let (what, state) = ("bill", bill.state.word());
                return Err(MoneyFault::State { what, state, act: "invoiced" }.into());
            }
            nothing_in_the_way(&mut tx, number).await?;
            let handed = HandedOut {
                bill: number.clone(),
                kind: InvoiceKind::Electronic,
                number: invoice.to_owned(),
                waybill: String::new(),
                by: Who::from(by),
                at: now,
                taken_back: None,
            };
            tx.add_invoice(&handed).await?;
            bill.invoice_due = None;
            tx.put_bill(&bill).await?;
            let facts = [("invoice", invoice), ("kind", InvoiceKind::Electronic.word())];
            tx.audit(&event("money.invoice", number.as_str(), Some(by), now, bill.kept(), &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Finance notes that such an invoice was reversed in red: then money can go back. Until it does, another
    /// one is due.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn take_back_invoice(&self, by: &Officer, number: &BillNumber, why: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            let standing = tx.invoices(number).await?.into_iter().find(HandedOut::stands);
            let standing = standing.ok_or(OfficeError::NotFound)?;
            if tx.allotments(number).await?.iter().any(Allotment::stands) {
                return Err(MoneyFault::PapersFirst.into());
            }
            if tx.einvoice_of_number(&standing.number).await?.is_some() {
                return Err(MoneyFault::RedFirst.into());
            }
            let handed = standing.take_back(by, why.to_owned(), now);
            tx.take_back_invoice(&handed).await?;
            bill.invoice_due = Some(now.plus(super::bill::INVOICE_SECONDS));
            tx.put_bill(&bill).await?;
            let facts = [("invoice", handed.number.as_str())];
            tx.audit(&event("money.invoice-back", number.as_str(), Some(by), now, bill.kept(), &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

/// Whether so much of a bill can go back: after the issue never all of it.
fn refundable(bill: &Bill, case: &Case, amount: Fen) -> Result<(), MoneyFault> {
    let issued = matches!(case.state, State::Issued { .. } | State::Delivered { .. });
    if issued && amount == bill.kept() {
        return Err(MoneyFault::Issued);
    }
    bill.clone().refund(amount).map(drop)
}

async fn with_bill(
    tx: &mut Box<dyn Tx>,
    number: &RefundNumber,
) -> Result<(Refund, Bill, Case, Option<Vec<u8>>), OfficeError> {
    let refund = tx.refund(number).await?.ok_or(OfficeError::NotFound)?;
    let bill = tx.bill(&refund.bill).await?.ok_or(OfficeError::NotFound)?;
    let (case, sealed) = case_of(tx, &bill).await?;
    Ok((refund, bill, case, sealed))
}
