//! The pay slip of a bill: payee, account, bank, amount and remittance code, as PDF, for whoever makes the transfer.

use ca_core::domain::{Officer, Timestamp};
use serde::Serialize;

use super::bill::{Bill, BillNumber, BillState, MoneyFault};
use super::remittance::Remittance;
use super::wire::WireTerms;
use crate::enrolment::case::may_read;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::i18n::Locale;
use crate::paper::qr::Modules;

/// What the template reads.
#[derive(Serialize)]
struct Facts {
    number: String,
    authority: String,
    contact: String,
    printed: String,
    unit_name: String,
    uscc: String,
    payee: String,
    account: String,
    bank: String,
    amount: String,
    capitals: String,
    code: String,
    grouped: String,
    due: String,
    /// All of that for a telephone to copy, as SVG.
    qr: String,
}

/// What a payer must know.
#[derive(Clone, Debug)]
pub struct PayBy {
    /// Our account.
    pub terms: WireTerms,
    /// The code.
    pub remittance: Remittance,
    /// The bill.
    pub bill: Bill,
}

impl Desk {
    /// The pay slip of a unit's own bill, once it pays by bank.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for another unit's, or without a code; [`OfficeError::Money`] when it is not to be paid.
    pub async fn slip_of_unit(&self, uscc: &str, number: &BillNumber) -> Result<Vec<u8>, OfficeError> {
        let pay = self.pay_by_bank(number).await?;
        if pay.bill.uscc != uscc {
            return Err(OfficeError::NotFound);
        }
        self.slip(&pay).await
    }

    /// The pay slip of a bill, from the counter.
    ///
    /// # Errors
    /// As [`Desk::slip_of_unit`]; [`OfficeError::Forbidden`] for another office's.
    pub async fn slip_of_bill(&self, officer: &Officer, number: &BillNumber) -> Result<Vec<u8>, OfficeError> {
        let pay = self.pay_by_bank(number).await?;
        may_read(officer, &pay.bill.office)?;
        self.slip(&pay).await
    }

    /// How a bill is paid by bank.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] where nobody pays by bank, or the bill has no code.
    pub async fn pay_by_bank(&self, number: &BillNumber) -> Result<PayBy, OfficeError> {
        let terms = self.wire_terms()?.clone();
        let mut tx = self.store.read().await?;
        let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
        let remittance = tx.remittance_of(number).await?.ok_or(OfficeError::NotFound)?;
        Ok(PayBy { terms, remittance, bill })
    }

    async fn slip(&self, pay: &PayBy) -> Result<Vec<u8>, OfficeError> {
        let PayBy { terms, remittance, bill } = pay;
        if bill.state != BillState::Open {
            return Err(MoneyFault::State { what: "bill", state: bill.state.word(), act: "paid" }.into());
        }
        let letterhead = &self.printer.letterhead;
        let now: Timestamp = self.clock.now();
        let (amount, code) = (bill.gross().to_string(), remittance.code.to_string());
        let copied = Locale::ZhCn.t_with(
            "wire-slip-copied",
            &[
                ("payee", &terms.payee),
                ("account", &terms.account),
                ("bank", &terms.bank),
                ("amount", &amount),
                ("code", &code),
            ],
        );
        let facts = Facts {
            number: bill.number.to_string(),
            authority: letterhead.authority.clone(),
            contact: letterhead.contact.clone(),
            printed: now.beijing_text(),
            unit_name: bill.unit_name.clone(),
            uscc: bill.uscc.clone(),
            payee: terms.payee.clone(),
            account: terms.account.clone(),
            bank: terms.bank.clone(),
            amount,
            capitals: bill.gross().capitals(),
            code,
            grouped: remittance.code.grouped(),
            due: bill.due.beijing_text(),
            qr: Modules::of(&copied).map(|code| code.svg()).unwrap_or_default(),
        };
        Ok(self.printer.press.print("slip", &facts, now).await?)
    }
}
