//! The receipt of a payment, as PDF: figures and capitals, with its number, and on every later print that it is one.

use ca_core::domain::Officer;
use serde::Serialize;

use super::bill::{Bill, MoneyFault};
use super::taking::{Payment, PaymentId};
use super::{event, own};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::i18n::Locale;

/// What the template reads.
#[derive(Serialize)]
struct Facts {
    number: String,
    authority: String,
    contact: String,
    printed: String,
    reprint: i64,
    office: String,
    unit_name: String,
    uscc: String,
    case: String,
    bill: String,
    lines: Vec<[String; 4]>,
    total: String,
    capitals: String,
    method: String,
    handed: String,
    change: String,
    reference: String,
    clerk: String,
    at: String,
}

impl Desk {
    /// Prints the receipt of a payment that stands; each print is counted and written to the audit.
    ///
    /// # Errors
    /// [`OfficeError::Money`] for one that was undone; [`OfficeError`].
    pub async fn print_receipt(&self, officer: &Officer, id: &PaymentId) -> Result<Vec<u8>, OfficeError> {
        let now = self.clock.now();
        let (bill, payment, prints) = again(|| async {
            let mut tx = self.store.begin().await?;
            let payment = tx.payment(id).await?.ok_or(OfficeError::NotFound)?;
            own(officer, &payment.office)?;
            if !payment.is_taken() {
                return Err(MoneyFault::State { what: "payment", state: "voided", act: "printed" }.into());
            }
            let bill = tx.bill(&payment.bill).await?.ok_or(OfficeError::NotFound)?;
            let prints = tx.count_print(id).await?;
            let n = prints.to_string();
            let facts = [("receipt", payment.receipt.as_str()), ("print", &n)];
            tx.audit(&event("money.receipt", bill.number.as_str(), Some(officer), now, payment.amount, &facts)).await?;
            tx.commit().await?;
            Ok((bill, payment, prints))
        })
        .await?;
        let facts = self.facts(&bill, &payment, prints);
        Ok(self.printer.press.print("receipt", &facts, now).await?)
    }

    fn facts(&self, bill: &Bill, payment: &Payment, prints: i64) -> Facts {
        let t = |key: &str| Locale::ZhCn.t(key);
        let letterhead = &self.printer.letterhead;
        let lines = bill.quote.lines.iter().map(|line| {
            let item = t(&format!("money-item-{}", line.item.word()));
            [item, line.count.to_string(), line.price.to_string(), line.amount().to_string()]
        });
        Facts {
            number: payment.receipt.clone(),
            authority: letterhead.authority.clone(),
            contact: letterhead.contact.clone(),
            printed: self.clock.now().beijing_text(),
            reprint: prints - 1,
            office: payment.office.to_string(),
            unit_name: bill.unit_name.clone(),
            uscc: bill.uscc.clone(),
            case: bill.subject.key(),
            bill: bill.number.to_string(),
            lines: lines.collect(),
            total: payment.amount.to_string(),
            capitals: payment.amount.capitals(),
            method: t(&format!("money-method-{}", payment.method.word())),
            handed: payment.handed.map(|handed| handed.to_string()).unwrap_or_default(),
            change: payment.handed.map(|_| payment.change().to_string()).unwrap_or_default(),
            reference: payment.reference.clone().unwrap_or_default(),
            clerk: payment.clerk.name.clone(),
            at: payment.at.beijing_text(),
        }
    }
}
