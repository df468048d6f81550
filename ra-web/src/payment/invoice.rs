//! Invoices that the unit was given: e-invoices by this office or by another system, quota invoices out of its stock.
//!
//! A bill's invoice is due within three days of payment. An invoice in the unit's hands is taken back (a quota invoice
//! returned, an e-invoice reversed in red) before its money goes back.

use ca_core::domain::{Officer, Timestamp};

use super::bill::BillNumber;
use crate::enrolment::case::Who;

/// The kind of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceKind {
    /// 数电票: 20 digits.
    Electronic,
    /// 定额发票: code of 12 digits and number of 8.
    Quota,
}

impl InvoiceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Electronic, Self::Quota];

    /// The word in stores, forms and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Electronic => "electronic",
            Self::Quota => "quota",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Whether this can be the number of an e-invoice: 20 digits.
#[must_use]
pub fn is_einvoice_number(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// An invoice that is or was in the unit's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOut {
    /// Of which bill.
    pub bill: BillNumber,
    /// Its kind.
    pub kind: InvoiceKind,
    /// Its number; of quota invoices code and number of each.
    pub number: String,
    /// By which parcel it went.
    pub waybill: String,
    /// Who handed it out.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Who took it back, when, and by which red-letter number or why.
    pub taken_back: Option<(Who, Timestamp, String)>,
}

impl HandedOut {
    /// Whether the unit has it.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.taken_back.is_none()
    }

    /// Returned, or reversed in red.
    #[must_use]
    pub fn take_back(mut self, by: &Officer, why: String, now: Timestamp) -> Self {
        self.taken_back = Some((Who::from(by), now, why));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_einvoice_has_twenty_digits() {
        assert!(is_einvoice_number("26132000000000000017"));
        for bad in ["", " ", "2613200000000000001", "261320000000000000178", "1130010000010000001x"] {
            assert!(!is_einvoice_number(bad), "{bad}");
        }
    }
}
