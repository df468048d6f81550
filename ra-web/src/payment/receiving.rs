//! Money that came by nobody's hand, online or by bank: bill, payment, receipt, books and case move together, once. What
//! came late is taken all the same.

use ca_core::domain::{Officer, Timestamp};

use super::bill::{Bill, BillState, MoneyFault};
use super::counter::{add_note, book, case_of};
use super::taking::{Method, Payment, PaymentId, receipt_number};
use super::{event, ledger, note};
use crate::enrolment::case::State;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::invoice::issuing;
use crate::store::Tx;

/// The bill as it is once it is paid, also when it had lapsed or was given up.
pub(super) fn paid(bill: &Bill, now: Timestamp) -> Result<Bill, MoneyFault> {
    match bill.state {
        BillState::Open => bill.clone().pay(now),
        _ => bill.clone().pay_late(now),
    }
}

/// The payment of all of a bill, with the next receipt of its office.
pub(super) async fn payment_of(
    tx: &mut Box<dyn Tx>,
    bill: &Bill,
    method: Method,
    reference: Option<String>,
    now: Timestamp,
) -> Result<Payment, OfficeError> {
    let today = now.beijing_day();
    let n = tx.next_in_series(&format!("{}/{today}", PaymentId::PREFIX)).await?;
    let id = PaymentId::new(today, n);
    let n = tx.next_in_series(&format!("receipt/{}/{}", bill.office, &today.to_string()[..4])).await?;
    let receipt = receipt_number(&bill.office, today, n);
    Ok(Payment::came(id, bill, method, reference, receipt, now))
}

impl Desk {
    /// Writes a payment down: bill, payment, books, the job of its invoice, the audit. What else belongs to the fact is
    /// written before [`Desk::go_on_paid`] makes all of it durable.
    pub(super) async fn write_payment(
        &self,
        tx: &mut Box<dyn Tx>,
        paid: &Bill,
        payment: &Payment,
        by: Option<&Officer>,
        from: (&str, &str),
    ) -> Result<(), OfficeError> {
        let now = payment.at;
        tx.add_payment(payment).await?;
        tx.put_bill(paid).await?;
        book(tx, ledger::payment(payment)).await?;
        tx.add_job(&issuing::after_payment(&paid.number, now), now).await?;
        let facts =
            [("payment", payment.id.as_str()), ("method", payment.method.word()), ("receipt", &payment.receipt), from];
        Ok(tx.audit(&event("money.payment", paid.number.as_str(), by, now, payment.amount, &facts)).await?)
    }

    /// The case goes on; one that was over stands open again; one that stands otherwise keeps a note.
    pub(super) async fn go_on_paid(
        &self,
        mut tx: Box<dyn Tx>,
        bill: &Bill,
        payment: &Payment,
    ) -> Result<(), OfficeError> {
        let (case, sealed) = case_of(&mut tx, bill).await?;
        let (receipt, now) = (payment.receipt.clone(), payment.at);
        self.tell(&mut tx, &case, payment.id.as_str(), payment.letter(), now).await?;
        let moved = match case.state {
            State::AwaitingPayment { .. } => case.pay_online(receipt, now),
            State::Lapsed | State::Cancelled { .. } => case.pay_late(receipt, now),
            _ => {
                add_note(&mut tx, &case, &note(&case, "pay_late", None, Some(receipt), now)).await?;
                return Ok(tx.commit().await?);
            }
        };
        let (case, step) = moved?;
        self.put(tx, &case, sealed.as_deref(), &step).await
    }
}
