//! Money that goes back: asked for at the desk, approved by finance, paid out the way it came.
//!
//! `ASKED → APPROVED → PAID_OUT`, `ASKED → DECLINED`. Approval is what the bill and the ledger follow; the payout closes it.
//! An invoice in the unit's hands is reversed first.

use ca_core::domain::{BeijingDay, OfficeId, Officer, Timestamp};

use super::bill::{BillNumber, MoneyFault, day_number};
use super::fen::Fen;
use super::taking::{MAX_REFERENCE, Method, Payment, PaymentId};
use crate::enrolment::case::{Forbidden, Who};
use crate::mail::letter::Letter;

day_number!(
    /// `RF-20261130-0002`.
    RefundNumber,
    "RF"
);

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Waits for finance.
    Asked,
    /// Finance said yes: it is to be paid out.
    Approved {
        /// Who.
        by: Who,
        /// When.
        at: Timestamp,
    },
    /// Finance said no.
    Declined {
        /// Who.
        by: Who,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// The money is back.
    PaidOut {
        /// Who approved it.
        approved: Who,
        /// Who paid it out.
        by: Who,
        /// When.
        at: Timestamp,
        /// On which day of their drawer.
        day: BeijingDay,
        /// The reference on the slip.
        reference: Option<String>,
    },
}

impl RefundState {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved { .. } => "approved",
            Self::Declined { .. } => "declined",
            Self::PaidOut { .. } => "paid_out",
        }
    }
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its number.
    pub number: RefundNumber,
    /// Of which bill.
    pub bill: BillNumber,
    /// Of which payment.
    pub payment: PaymentId,
    /// Whose.
    pub office: OfficeId,
    /// The way the money came, and goes back.
    pub method: Method,
    /// How much.
    pub amount: Fen,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub asked: Who,
    /// When.
    pub asked_at: Timestamp,
    /// Where it stands.
    pub state: RefundState,
}

/// A refund that moved, or why it does not.
pub type Refunded = Result<Refund, MoneyFault>;

impl Refund {
    /// What the unit is told when it is paid out.
    #[must_use]
    pub fn letter(&self) -> Letter {
        Letter::Refunded { bill: self.bill.to_string(), amount: self.amount, refund: self.number.to_string() }
    }

    /// Asked for.
    #[must_use]
    pub fn ask(
        number: RefundNumber,
        payment: &Payment,
        amount: Fen,
        reason: String,
        by: &Officer,
        now: Timestamp,
    ) -> Self {
        Self {
            number,
            bill: payment.bill.clone(),
            payment: payment.id.clone(),
            office: payment.office.clone(),
            method: payment.method,
            amount,
            reason,
            asked: Who::from(by),
            asked_at: now,
            state: RefundState::Asked,
        }
    }

    /// Finance says yes: never who asked.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn approve(mut self, by: &Officer, now: Timestamp) -> Refunded {
        self.decided_by(by, "approved")?;
        self.state = RefundState::Approved { by: Who::from(by), at: now };
        Ok(self)
    }

    /// Finance says no.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn decline(mut self, by: &Officer, reason: String, now: Timestamp) -> Refunded {
        self.decided_by(by, "declined")?;
        self.state = RefundState::Declined { by: Who::from(by), at: now, reason };
        Ok(self)
    }

    /// The money goes back, the way it came; of a card or a code with the reference on the slip.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn pay_out(mut self, by: &Officer, reference: &str, day: BeijingDay, now: Timestamp) -> Refunded {
        self.mine(by)?;
        let RefundState::Approved { by: approved, .. } = self.state else {
            return Err(self.forbidden("paid out"));
        };
        let reference = reference.trim();
        let good = (4..=MAX_REFERENCE).contains(&reference.len())
            && reference.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let reference = match self.method {
            Method::Cash => None,
            Method::Pos | Method::Qr | Method::Online | Method::Wire if good => Some(reference.to_owned()),
            Method::Pos | Method::Qr | Method::Online | Method::Wire => return Err(MoneyFault::Reference),
        };
        self.state = RefundState::PaidOut { approved, by: Who::from(by), at: now, day, reference };
        Ok(self)
    }

    /// The provider of online payment says that it is there.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn given_back(mut self, by: Who, reference: &str, now: Timestamp) -> Refunded {
        let RefundState::Approved { by: approved, .. } = self.state else {
            return Err(self.forbidden("paid out"));
        };
        let (day, reference) = (now.beijing_day(), Some(reference.to_owned()));
        self.state = RefundState::PaidOut { approved, by, at: now, day, reference };
        Ok(self)
    }

    fn decided_by(&self, by: &Officer, act: &'static str) -> Result<(), MoneyFault> {
        self.mine(by)?;
        if self.state != RefundState::Asked {
            return Err(self.forbidden(act));
        }
        if by.id == self.asked.id { Err(Forbidden::SameOfficer.into()) } else { Ok(()) }
    }

    fn mine(&self, by: &Officer) -> Result<(), MoneyFault> {
        if by.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice.into()) }
    }

    fn forbidden(&self, act: &'static str) -> MoneyFault {
        MoneyFault::State { what: "refund", state: self.state.word(), act }
    }
}

#[cfg(test)]
mod tests {
    use ca_core::domain::OfficerId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

    fn officer(id: &str, office: &str) -> Officer {
        Officer {
            id: OfficerId::new(id).expect("an id"),
            name: id.into(),
            office: OfficeId::new(office).expect("an office"),
            roles: Vec::new(),
        }
    }

    fn asked() -> Refund {
        let by = officer("limin", "demo-office");
        let day = NOW.beijing_day();
        Refund {
            number: RefundNumber::new(day, 1),
            bill: BillNumber::new(day, 1),
            payment: PaymentId::new(day, 1),
            office: by.office.clone(),
            method: Method::Cash,
            amount: Fen::yuan(60),
            reason: "paid twice".into(),
            asked: Who::from(&by),
            asked_at: NOW,
            state: RefundState::Asked,
        }
    }

    #[test]
    fn another_one_of_the_same_office_decides() {
        for decide in [Refund::approve as fn(Refund, &Officer, Timestamp) -> Refunded, |refund, by, now| {
            refund.decline(by, "no".into(), now)
        }] {
            assert!(decide(asked(), &officer("liufang", "demo-office"), NOW).is_ok());
            assert_eq!(decide(asked(), &officer("limin", "demo-office"), NOW), Err(Forbidden::SameOfficer.into()));
            assert_eq!(decide(asked(), &officer("liufang", "other-office"), NOW), Err(Forbidden::OtherOffice.into()));
        }
    }

    #[test]
    fn the_office_that_took_the_money_pays_it_out() {
        let approved = asked().approve(&officer("liufang", "demo-office"), NOW).expect("approved");
        let out = |by| approved.clone().pay_out(&by, "", NOW.beijing_day(), NOW);
        assert!(out(officer("limin", "demo-office")).is_ok());
        assert_eq!(out(officer("limin", "other-office")), Err(Forbidden::OtherOffice.into()));
    }
}
