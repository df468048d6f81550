//! A line of our bank account, and what became of it. Its state is an enum whose transitions consume it.
//!
//! Money that came: `RECEIVED → MATCHED`, `RECEIVED → PROPOSED → MATCHED | SUSPENSE`, `RECEIVED → SUSPENSE → MATCHED |
//! CLEARED`, and back to where it came from by two people: `SUSPENSE → RETURN_ASKED → RETURNING → RETURNED`. What went
//! is `WENT`. What is received and not matched lies in suspense in the books from the moment it is known.

mod judging;
mod state;

use ca_core::domain::{BeijingDay, OfficeId, Officer, Sha256, Timestamp};

pub use self::judging::{Verdict, judge};
pub use self::state::{Asked, LineState, Reason};
use super::bill::{Bill, BillNumber, MoneyFault, day_number};
use super::fen::Fen;
use super::ledger::Account;
use super::taking::{MAX_REFERENCE, PaymentId};
use crate::enrolment::case::{Forbidden, Who};

day_number!(
    /// `BS-20261130-0001`.
    StatementNumber,
    "BS"
);
day_number!(
    /// `BK-20261130-0001`.
    LineNumber,
    "BK"
);

/// Our account at the bank, and the terms of paying onto it; from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireTerms {
    /// Whose account it is, as payers write it.
    pub payee: String,
    /// Its number.
    pub account: String,
    /// The bank.
    pub bank: String,
    /// Whose finance keeps it: what cannot be matched stands in this office's books.
    pub office: OfficeId,
    /// For so many days a bill is open from when the unit chose to pay by bank.
    pub lapse_days: u16,
}

/// A line of our account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankLine {
    /// Its number.
    pub number: LineNumber,
    /// In which statement.
    pub statement: StatementNumber,
    /// Its place there.
    pub n: i64,
    /// Whose books.
    pub office: OfficeId,
    /// Our account.
    pub account: String,
    /// The bank's number of it.
    pub serial: Option<String>,
    /// Over what it says.
    pub fingerprint: Sha256,
    /// On which day it was booked.
    pub day: BeijingDay,
    /// What came, or went below zero.
    pub amount: Fen,
    /// Who paid.
    pub payer: String,
    /// From which account.
    pub payer_account: String,
    /// What stood beside it.
    pub memo: String,
    /// Where it stands.
    pub state: LineState,
    /// When we learnt of it.
    pub created: Timestamp,
    /// Counts the writes.
    pub version: i64,
}

/// A line that moved, or why it does not.
pub type Moved = Result<BankLine, MoneyFault>;

/// A statement that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// Its number.
    pub number: StatementNumber,
    /// Whose books.
    pub office: OfficeId,
    /// Our account.
    pub account: String,
    /// How it was written.
    pub format: crate::statement::Format,
    /// What the file was called.
    pub file_name: String,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Lines that were new.
    pub lines: i64,
    /// Lines that were there before.
    pub known: i64,
    /// What was on the account before, where the file says it.
    pub opening: Option<Fen>,
    /// And after.
    pub closing: Option<Fen>,
    /// By whom.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

impl BankLine {
    /// The bill that it pays, in full and once: by its code, or by the word of an officer of the account's office.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn matched(mut self, bill: &Bill, payment: PaymentId, by: Option<&Officer>, now: Timestamp) -> Moved {
        if let Some(by) = by {
            self.mine(by)?;
        }
        match (&self.state, by) {
            (LineState::Received, None) | (LineState::Proposed(_) | LineState::Suspense { .. }, Some(_)) => {}
            _ => return Err(self.forbidden("matched")),
        }
        if self.amount != bill.gross() {
            return Err(if self.amount < bill.gross() { MoneyFault::TooLittle } else { MoneyFault::TooMuch });
        }
        self.state = LineState::Matched { bill: bill.number.clone(), payment, by: by.map(Who::from), at: now };
        Ok(self)
    }

    /// Finance is asked whether it is for a bill.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn propose(mut self, bill: BillNumber) -> Moved {
        if self.state != LineState::Received {
            return Err(self.forbidden("proposed"));
        }
        self.state = LineState::Proposed(bill);
        Ok(self)
    }

    /// Somebody must look.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn suspend(mut self, reason: Reason, bill: Option<BillNumber>) -> Moved {
        if self.state != LineState::Received {
            return Err(self.forbidden("put in suspense"));
        }
        self.state = LineState::Suspense { reason, bill };
        Ok(self)
    }

    /// The proposal is wrong.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn decline(mut self, by: &Officer) -> Moved {
        self.mine(by)?;
        let LineState::Proposed(bill) = &self.state else { return Err(self.forbidden("declined")) };
        self.state = LineState::Suspense { reason: Reason::Declined, bill: Some(bill.clone()) };
        Ok(self)
    }

    /// It is money of ours that was on its way.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn clear(mut self, from: Account, by: &Officer, now: Timestamp) -> Moved {
        self.mine(by)?;
        let transit = [Account::PosTransit, Account::QrTransit, Account::OnlineTransit].contains(&from);
        if !transit || !matches!(self.state, LineState::Suspense { .. }) {
            return Err(self.forbidden("cleared"));
        }
        self.state = LineState::Cleared { from, by: Who::from(by), at: now };
        Ok(self)
    }

    /// One of finance wants it to go back; only to the account that it came from.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn ask_return(mut self, by: &Officer, why: String, now: Timestamp) -> Moved {
        self.mine(by)?;
        let LineState::Suspense { reason, .. } = self.state else { return Err(self.forbidden("returned")) };
        if self.payer_account.is_empty() {
            return Err(MoneyFault::NoAccount);
        }
        self.state = LineState::ReturnAsked { reason, asked: Asked { by: Who::from(by), at: now, why } };
        Ok(self)
    }

    /// A second one says yes.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn approve_return(mut self, by: &Officer, now: Timestamp) -> Moved {
        let (reason, asked) = self.asked_of_another(by, "approved")?;
        self.state = LineState::Returning { reason, asked, approved: (Who::from(by), now) };
        Ok(self)
    }

    /// A second one says no: it lies in suspense as before.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn decline_return(mut self, by: &Officer) -> Moved {
        let (reason, _) = self.asked_of_another(by, "declined")?;
        self.state = LineState::Suspense { reason, bill: None };
        Ok(self)
    }

    /// It was sent, under this number of the bank's.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn returned(mut self, by: &Officer, reference: &str, now: Timestamp) -> Moved {
        self.mine(by)?;
        let LineState::Returning { reason, asked, approved } = self.state else {
            return Err(self.forbidden("sent back"));
        };
        let reference = reference.trim();
        let good = (4..=MAX_REFERENCE).contains(&reference.len())
            && reference.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !good {
            return Err(MoneyFault::Reference);
        }
        let sent = (Who::from(by), now);
        self.state = LineState::Returned { reason, asked, approved, sent, reference: reference.to_owned() };
        Ok(self)
    }

    fn asked_of_another(&self, by: &Officer, act: &'static str) -> Result<(Reason, Asked), MoneyFault> {
        self.mine(by)?;
        let LineState::ReturnAsked { reason, asked } = &self.state else { return Err(self.forbidden(act)) };
        if asked.by.id == by.id {
            return Err(Forbidden::SameOfficer.into());
        }
        Ok((*reason, asked.clone()))
    }

    fn mine(&self, by: &Officer) -> Result<(), MoneyFault> {
        if by.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice.into()) }
    }

    const fn forbidden(&self, act: &'static str) -> MoneyFault {
        MoneyFault::State { what: "line", state: self.state.word(), act }
    }
}

#[cfg(test)]
pub(crate) mod tests;
