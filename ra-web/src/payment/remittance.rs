//! The remittance code of a bill: what a unit writes beside its transfer, so that the money finds its bill.

use ca_core::domain::Timestamp;

use super::bill::{Bill, BillNumber};
use super::fen::Fen;
use crate::enrolment::form::folded;
use crate::statement::code::{self, Kind};
pub use crate::statement::code::{Codes, RemittanceCode};

/// The codes of bills in a memo.
#[must_use]
pub fn codes_in(memo: &str) -> Codes {
    code::codes_in(Kind::Bill, memo)
}

/// The code of a bill, and by what else its money is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remittance {
    /// The code.
    pub code: RemittanceCode,
    /// Of which bill.
    pub bill: BillNumber,
    /// The unit's name, folded as names are compared.
    pub payer: String,
    /// How much.
    pub amount: Fen,
    /// Since when.
    pub created: Timestamp,
    /// Since when the unit pays by bank.
    pub chosen: Option<Timestamp>,
}

impl Remittance {
    /// That of a bill.
    #[must_use]
    pub fn of(bill: &Bill, code: RemittanceCode, now: Timestamp) -> Self {
        Self {
            code,
            bill: bill.number.clone(),
            payer: folded(&bill.unit_name),
            amount: bill.gross(),
            created: now,
            chosen: None,
        }
    }
}
