//! Money that came: one payment of one bill, at the counter, online or by bank.

use ca_core::domain::{BeijingDay, OfficeId, Officer, Timestamp};

use super::bill::{Bill, BillNumber, MoneyFault, day_number};
use super::fen::Fen;
use crate::enrolment::case::Who;
use crate::mail::letter::Letter;

day_number!(
    /// `PY-20261130-0007`.
    PaymentId,
    "PY"
);

/// How money comes and goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Notes and coins.
    Cash,
    /// A card at the office's terminal.
    Pos,
    /// A QR code that the office shows (支付宝, 微信, 云闪付).
    Qr,
    /// On the provider's page.
    Online,
    /// Onto our bank account.
    Wire,
}

impl Method {
    /// All, in the order in which pages list them.
    pub const ALL: [Self; 5] = [Self::Cash, Self::Pos, Self::Qr, Self::Online, Self::Wire];
    /// Those by which a clerk takes money.
    pub const COUNTER: [Self; 3] = [Self::Cash, Self::Pos, Self::Qr];

    /// The word in stores, forms, configuration and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Pos => "pos",
            Self::Qr => "qr",
            Self::Online => "online",
            Self::Wire => "wire",
        }
    }

    /// The method with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.word() == word)
    }

    /// Whether it comes by nobody's hand: then invoices follow by themselves.
    #[must_use]
    pub const fn is_remote(self) -> bool {
        matches!(self, Self::Online | Self::Wire)
    }
}

/// What the clerk says of money that was handed over, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tender {
    method: Method,
    handed: Option<Fen>,
    reference: Option<String>,
}

/// A reference has at most so many characters.
pub const MAX_REFERENCE: usize = 40;

impl Tender {
    /// Reads what was typed: of cash, how much was handed over (nothing typed: exactly what is due); otherwise the
    /// reference on the slip.
    ///
    /// # Errors
    /// [`MoneyFault::TooLittle`] or [`MoneyFault::Reference`].
    pub fn new(method: Method, handed: Option<Fen>, reference: &str, due: Fen) -> Result<Self, MoneyFault> {
        let reference = reference.trim();
        if method == Method::Cash {
            let handed = handed.unwrap_or(due);
            return if handed < due {
                Err(MoneyFault::TooLittle)
            } else {
                Ok(Self { method, handed: Some(handed), reference: None })
            };
        }
        let good = (4..=MAX_REFERENCE).contains(&reference.chars().count())
            && reference.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if good {
            Ok(Self { method, handed: None, reference: Some(reference.to_owned()) })
        } else {
            Err(MoneyFault::Reference)
        }
    }

    /// How it came.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// The money is ours.
    Taken,
    /// Taken by mistake, and undone on the same day.
    Voided {
        /// By whom.
        by: Who,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Of which bill.
    pub bill: BillNumber,
    /// How.
    pub method: Method,
    /// How much.
    pub amount: Fen,
    /// Of cash, what was handed over.
    pub handed: Option<Fen>,
    /// Of a card or a code, the reference on the slip.
    pub reference: Option<String>,
    /// The number of its receipt, of the office's series without gaps.
    pub receipt: String,
    /// At which office.
    pub office: OfficeId,
    /// Into whose drawer.
    pub clerk: Who,
    /// On which of the drawer's days: what comes after the count belongs to the next one.
    pub day: BeijingDay,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub state: PaymentState,
    /// How often its receipt was printed.
    pub prints: i64,
}

impl Payment {
    /// What the unit is told of it.
    #[must_use]
    pub fn letter(&self) -> Letter {
        Letter::Paid { bill: self.bill.to_string(), amount: self.amount, receipt: self.receipt.clone() }
    }

    /// Money that a clerk takes.
    #[must_use]
    pub fn take(
        id: PaymentId,
        bill: (&BillNumber, Fen),
        tender: Tender,
        receipt: String,
        clerk: &Officer,
        day: BeijingDay,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            bill: bill.0.clone(),
            method: tender.method,
            amount: bill.1,
            handed: tender.handed,
            reference: tender.reference,
            receipt,
            office: clerk.office.clone(),
            clerk: Who::from(clerk),
            day,
            at: now,
            state: PaymentState::Taken,
            prints: 0,
        }
    }

    /// Money that came by the provider's page or by bank: into no drawer, and by nobody's hand.
    #[must_use]
    pub fn came(
        id: PaymentId,
        bill: &Bill,
        method: Method,
        reference: Option<String>,
        receipt: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            bill: bill.number.clone(),
            method,
            amount: bill.gross(),
            handed: None,
            reference,
            receipt,
            office: bill.office.clone(),
            clerk: Who::unit(&bill.unit_name),
            day: now.beijing_day(),
            at: now,
            state: PaymentState::Taken,
            prints: 0,
        }
    }

    /// Cash that was given back at once.
    #[must_use]
    pub fn change(&self) -> Fen {
        self.handed.map_or(Fen::ZERO, |handed| handed - self.amount)
    }

    /// Whether it was not undone.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        matches!(self.state, PaymentState::Taken)
    }

    /// Undone by a supervisor, on its own day.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn void(mut self, by: &Officer, reason: String, now: Timestamp) -> Result<Self, MoneyFault> {
        if !self.is_taken() {
            return Err(MoneyFault::State { what: "payment", state: "voided", act: "voided" });
        }
        if self.at.beijing_day() != now.beijing_day() {
            return Err(MoneyFault::NotToday);
        }
        self.state = PaymentState::Voided { by: Who::from(by), at: now, reason };
        Ok(self)
    }
}

/// The n-th receipt of an office in a year: `demo-office-2026-000007`.
#[must_use]
pub fn receipt_number(office: &OfficeId, day: BeijingDay, n: i64) -> String {
    let year = day.to_string();
    format!("{office}-{}-{n:06}", &year[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cash_covers_the_bill_and_a_card_has_its_slip() {
        let due = Fen::yuan(400);
        let cash = |handed| Tender::new(Method::Cash, handed, "", due);
        assert_eq!(cash(Some(Fen::yuan(399))).err(), Some(MoneyFault::TooLittle));
        assert_eq!(cash(None).expect("exactly").handed, Some(due));
        assert_eq!(cash(Some(Fen::yuan(500))).expect("more").handed, Some(Fen::yuan(500)));
        for bad in ["", "12", "a b c d", "<script>", &"9".repeat(MAX_REFERENCE + 1)] {
            assert_eq!(Tender::new(Method::Pos, None, bad, due).err(), Some(MoneyFault::Reference), "{bad}");
        }
        assert!(Tender::new(Method::Qr, None, " 4200001234 ", due).is_ok());
    }
}
