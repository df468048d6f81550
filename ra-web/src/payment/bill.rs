//! A bill: what someone has to pay, at a price that was locked when it was made. Its state is an enum whose
//! transitions consume it.
//!
//! `OPEN → PAID → PARTLY_REFUNDED | REFUNDED`, `OPEN → CANCELLED | LAPSED`; a payment voided on its day opens it again.

use ca_core::domain::{BeijingDay, OfficeId, Timestamp};

use super::fen::{Fen, Split};
use super::tariff::Quote;
use crate::enrolment::case::{CaseNumber, Forbidden};

const DAY: i64 = 86_400;
/// The invoice is handed out within three days of payment (`domain.md` §3.5).
pub const INVOICE_SECONDS: i64 = 3 * DAY;
/// What was paid has its certificate within three days, or someone looks after it.
pub const SERVE_SECONDS: i64 = 3 * DAY;

macro_rules! day_number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What such numbers begin with, and the name of their counter.
            pub const PREFIX: &'static str = $prefix;

            /// The n-th of a Beijing day.
            #[must_use]
            pub fn new(day: BeijingDay, n: i64) -> Self {
                Self(format!("{}-{}-{n:04}", $prefix, day.to_string().replace('-', "")))
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                let mut parts = text.split('-');
                let digits = |part: Option<&str>, least: usize, most: usize| {
                    part.is_some_and(|p| (least..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
                };
                let good = parts.next() == Some($prefix)
                    && digits(parts.next(), 8, 8)
                    && digits(parts.next(), 4, 9)
                    && parts.next().is_none();
                if good { Ok(Self(text.to_owned())) } else { Err(()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(super) use day_number;

day_number!(
    /// `BL-20261130-0007`.
    BillNumber,
    "BL"
);

/// What is paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillSubject {
    /// A case of an office.
    Case(CaseNumber),
}

impl BillSubject {
    /// The key in stores and in histories.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Case(number) => number.to_string(),
        }
    }

    /// The subject with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        key.parse().ok().map(Self::Case)
    }
}

/// Where a bill stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillState {
    /// To be paid.
    Open,
    /// Paid in full.
    Paid {
        /// When.
        at: Timestamp,
    },
    /// Paid, and a part of it given back.
    PartlyRefunded {
        /// When it was paid.
        at: Timestamp,
        /// How much was given back.
        refunded: Fen,
    },
    /// All of it given back.
    Refunded {
        /// When it was paid.
        at: Timestamp,
    },
    /// Given up before it was paid.
    Cancelled,
    /// Not paid in time.
    Lapsed,
}

impl BillState {
    /// Words of all states, in the order of the way.
    pub const WORDS: [&'static str; 6] = ["open", "paid", "partly_refunded", "refunded", "cancelled", "lapsed"];

    /// The word in stores, addresses and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid { .. } => "paid",
            Self::PartlyRefunded { .. } => "partly_refunded",
            Self::Refunded { .. } => "refunded",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }

    /// When it was paid.
    #[must_use]
    pub const fn paid(&self) -> Option<Timestamp> {
        match self {
            Self::Paid { at } | Self::PartlyRefunded { at, .. } | Self::Refunded { at } => Some(*at),
            Self::Open | Self::Cancelled | Self::Lapsed => None,
        }
    }
}

/// Why a step of a bill, payment, refund or closing does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyFault {
    /// Another office's, another officer's, or one pair of eyes too few.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Not from this state.
    #[error("a {state} {what} cannot be {act}")]
    State {
        /// Bill, payment, refund or drawer.
        what: &'static str,
        /// Where it stands.
        state: &'static str,
        /// What was tried.
        act: &'static str,
    },
    /// It was paid already: nothing is taken twice.
    #[error("the bill is paid already")]
    PaidAlready,
    /// More than is left of the bill.
    #[error("more than is left of the bill")]
    TooMuch,
    /// Nothing, or less.
    #[error("an amount above zero is needed")]
    Nothing,
    /// Less cash than the bill.
    #[error("less was handed over than is to be paid")]
    TooLittle,
    /// The office does not take money this way.
    #[error("the office does not take money this way")]
    Method,
    /// The provider of online payment is giving it back.
    #[error("the provider is giving it back")]
    AtProvider,
    /// The statement does not say from which account it came.
    #[error("the paying account is not known")]
    NoAccount,
    /// The terminal's or the provider's reference is missing.
    #[error("the reference of the slip is missing")]
    Reference,
    /// Only on its day, before the drawer is counted.
    #[error("a payment is voided on its own day, before its drawer is counted")]
    NotToday,
    /// The certificate was issued: what it costs stays.
    #[error("the certificate was issued already")]
    Issued,
    /// An invoice is in the unit's hands: it is reversed first.
    #[error("the invoice is to be reversed first")]
    Invoiced,
    /// The e-invoice is reversed in red first, by the system that issued it.
    #[error("the e-invoice is to be reversed by the system")]
    RedFirst,
    /// An invoice is being issued or reversed.
    #[error("an invoice is being issued or reversed")]
    Invoicing,
    /// The office uses no quota invoices.
    #[error("the office uses no quota invoices")]
    QuotaOff,
    /// Nobody asked for quota invoices.
    #[error("nobody asked for quota invoices of this bill")]
    NotWished,
    /// The quota invoices in stock do not make the amount up.
    #[error("no quota invoices in stock make up exactly what was paid")]
    NoPapers,
    /// One of the quota invoices was taken in before.
    #[error("one of these quota invoices is known already")]
    PaperKnown,
    /// One of the quota invoices is not in stock.
    #[error("not all of these quota invoices are in stock")]
    NotInStock,
    /// Quota invoices come back as what they are.
    #[error("the quota invoices are to be taken back paper by paper")]
    PapersFirst,
    /// A refund waits already.
    #[error("a refund of this bill is under way")]
    RefundWaits,
    /// What was paid is given back first.
    #[error("what was paid is given back first")]
    RefundFirst,
    /// A difference must be explained.
    #[error("a difference of cash must be explained")]
    Unexplained,
}

impl MoneyFault {
    /// The end of the message key `money-fault-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Forbidden(_) | Self::State { .. } => "state",
            Self::PaidAlready => "paid-already",
            Self::TooMuch => "too-much",
            Self::Nothing => "nothing",
            Self::TooLittle => "too-little",
            Self::Method => "method",
            Self::AtProvider => "at-provider",
            Self::NoAccount => "no-account",
            Self::Reference => "reference",
            Self::NotToday => "not-today",
            Self::Issued => "issued",
            Self::Invoiced => "invoiced",
            Self::RedFirst => "red-first",
            Self::Invoicing => "invoicing",
            Self::QuotaOff => "quota-off",
            Self::NotWished => "not-wished",
            Self::NoPapers => "no-papers",
            Self::PaperKnown => "paper-known",
            Self::NotInStock => "not-in-stock",
            Self::PapersFirst => "papers-first",
            Self::RefundWaits => "refund-waits",
            Self::RefundFirst => "refund-first",
            Self::Unexplained => "unexplained",
        }
    }
}

/// A bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Its number.
    pub number: BillNumber,
    /// What is paid for.
    pub subject: BillSubject,
    /// Whose money it is.
    pub office: OfficeId,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name at that time.
    pub unit_name: String,
    /// The price, locked.
    pub quote: Quote,
    /// Where it stands.
    pub state: BillState,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it can be paid.
    pub due: Timestamp,
    /// Since when what it pays for is in the unit's hands: then it is revenue.
    pub served: Option<Timestamp>,
    /// Until when the invoice is to be handed out, while it is not.
    pub invoice_due: Option<Timestamp>,
    /// Counts the writes.
    pub version: i64,
}

impl Bill {
    /// A bill at this price, open for so many days.
    #[must_use]
    pub fn open(
        number: BillNumber,
        subject: BillSubject,
        office: OfficeId,
        unit: (&str, &str),
        quote: Quote,
        now: Timestamp,
        days: u16,
    ) -> Self {
        Self {
            number,
            subject,
            office,
            uscc: unit.0.to_owned(),
            unit_name: unit.1.to_owned(),
            quote,
            state: BillState::Open,
            created: now,
            due: now.plus(i64::from(days) * DAY),
            served: None,
            invoice_due: None,
            version: 0,
        }
    }

    /// What is to be paid.
    #[must_use]
    pub fn gross(&self) -> Fen {
        self.quote.total()
    }

    /// What of it we have: nothing before it was paid, less after refunds.
    #[must_use]
    pub fn kept(&self) -> Fen {
        match &self.state {
            BillState::Paid { .. } => self.gross(),
            BillState::PartlyRefunded { refunded, .. } => self.gross() - *refunded,
            _ => Fen::ZERO,
        }
    }

    /// Net and tax of an amount of this bill.
    #[must_use]
    pub fn split(&self, gross: Fen) -> Split {
        self.quote.tax.split(gross)
    }

    /// It stays open for so many days from now on, if it would not longer: money by bank takes its time.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it is open.
    pub fn wait_longer(mut self, now: Timestamp, days: u16) -> Result<Self, MoneyFault> {
        if self.state != BillState::Open {
            return Err(self.forbidden("kept open"));
        }
        self.due = self.due.max(now.plus(i64::from(days) * DAY));
        Ok(self)
    }

    /// All of it was paid.
    ///
    /// # Errors
    /// [`MoneyFault::PaidAlready`], or [`MoneyFault::State`].
    pub fn pay(mut self, now: Timestamp) -> Result<Self, MoneyFault> {
        match self.state {
            BillState::Open => {}
            BillState::Paid { .. } | BillState::PartlyRefunded { .. } => return Err(MoneyFault::PaidAlready),
            _ => return Err(self.forbidden("paid")),
        }
        self.state = BillState::Paid { at: now };
        self.invoice_due = Some(now.plus(INVOICE_SECONDS));
        Ok(self)
    }

    /// Money came for it after it had lapsed or was given up: it is paid all the same, for nothing that came is lost.
    ///
    /// # Errors
    /// [`MoneyFault::PaidAlready`], or [`MoneyFault::State`] while it is open.
    pub fn pay_late(mut self, now: Timestamp) -> Result<Self, MoneyFault> {
        match self.state {
            BillState::Cancelled | BillState::Lapsed => self.state = BillState::Open,
            BillState::Open => return Err(self.forbidden("paid late")),
            _ => return Err(MoneyFault::PaidAlready),
        }
        self.pay(now)
    }

    /// Its payment was voided: it is open again, as long as it was.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn unpay(mut self) -> Result<Self, MoneyFault> {
        match self.state {
            BillState::Paid { .. } if self.served.is_some() => return Err(MoneyFault::Issued),
            BillState::Paid { .. } => {}
            _ => return Err(self.forbidden("voided")),
        }
        self.state = BillState::Open;
        self.invoice_due = None;
        Ok(self)
    }

    /// So much of it goes back.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn refund(mut self, amount: Fen) -> Result<Self, MoneyFault> {
        let Some(at) = self.state.paid() else { return Err(self.forbidden("refunded")) };
        let left = self.kept();
        if amount <= Fen::ZERO {
            return Err(MoneyFault::Nothing);
        }
        if amount > left {
            return Err(MoneyFault::TooMuch);
        }
        if amount == left {
            if self.served.is_some() {
                return Err(MoneyFault::Issued);
            }
            self.state = BillState::Refunded { at };
            self.invoice_due = None;
        } else {
            self.state = BillState::PartlyRefunded { at, refunded: self.gross() - left + amount };
        }
        Ok(self)
    }

    /// What it pays for is in the unit's hands.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it was paid and this was not said before.
    pub fn serve(mut self, now: Timestamp) -> Result<Self, MoneyFault> {
        if self.kept().is_zero() || self.served.is_some() {
            return Err(self.forbidden("served"));
        }
        self.served = Some(now);
        Ok(self)
    }

    /// Given up before it was paid.
    ///
    /// # Errors
    /// [`MoneyFault::RefundFirst`] when there is money to be given back first, or [`MoneyFault::State`].
    pub fn cancel(mut self) -> Result<Self, MoneyFault> {
        match self.state {
            BillState::Open => {}
            BillState::Paid { .. } | BillState::PartlyRefunded { .. } => return Err(MoneyFault::RefundFirst),
            _ => return Err(self.forbidden("cancelled")),
        }
        self.state = BillState::Cancelled;
        Ok(self)
    }

    /// Not paid in time.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it is open and its time is over.
    pub fn lapse(mut self, now: Timestamp) -> Result<Self, MoneyFault> {
        if self.state != BillState::Open || now < self.due {
            return Err(self.forbidden("lapsed"));
        }
        self.state = BillState::Lapsed;
        Ok(self)
    }

    const fn forbidden(&self, act: &'static str) -> MoneyFault {
        MoneyFault::State { what: "bill", state: self.state.word(), act }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::enrolment::process::Process;
    use crate::payment::tariff::tests::tariff;

    pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

    /// 460 yuan for two years and a token.
    pub(crate) fn bill() -> Bill {
        let day = NOW.beijing_day();
        let quote = tariff().quote(&Process::Enrolment, 2, day);
        let subject = BillSubject::Case(CaseNumber::new(day, 1));
        let office = OfficeId::new("demo-office").expect("an office");
        Bill::open(BillNumber::new(day, 1), subject, office, ("91350100M000100Y43", "东湖"), quote, NOW, 15)
    }

    type Act = fn(Bill) -> Result<Bill, MoneyFault>;

    #[test]
    fn each_act_happens_from_its_states_and_from_no_other() {
        let paid = || bill().pay(NOW).expect("paid");
        let states = || {
            [
                bill(),
                paid(),
                paid().refund(Fen::yuan(60)).expect("partly"),
                paid().refund(Fen::yuan(460)).expect("all"),
                bill().cancel().expect("cancelled"),
                bill().lapse(NOW.plus(15 * DAY)).expect("lapsed"),
            ]
        };
        let acts: [(&str, Act, &[&str]); 8] = [
            ("pay", |bill| bill.pay(NOW), &["open"]),
            ("pay late", |bill| bill.pay_late(NOW), &["cancelled", "lapsed"]),
            ("unpay", Bill::unpay, &["paid"]),
            ("refund", |bill| bill.refund(Fen::yuan(1)), &["paid", "partly_refunded"]),
            ("serve", |bill| bill.serve(NOW), &["paid", "partly_refunded"]),
            ("cancel", Bill::cancel, &["open"]),
            ("lapse", |bill| bill.lapse(NOW.plus(15 * DAY)), &["open"]),
            ("wait longer", |bill| bill.wait_longer(NOW, 30), &["open"]),
        ];
        for (name, act, allowed) in acts {
            for (bill, word) in states().into_iter().zip(BillState::WORDS) {
                assert_eq!(bill.state.word(), word);
                assert_eq!(act(bill).is_ok(), allowed.contains(&word), "{name} from {word}");
            }
        }
    }

    #[test]
    fn nothing_is_paid_twice_and_no_more_goes_back_than_came() {
        let paid = bill().pay(NOW).expect("paid");
        assert_eq!(paid.clone().pay(NOW).err(), Some(MoneyFault::PaidAlready));
        assert_eq!(paid.clone().refund(Fen::yuan(461)).err(), Some(MoneyFault::TooMuch));
        assert_eq!(paid.clone().refund(Fen::ZERO).err(), Some(MoneyFault::Nothing));
        assert_eq!(paid.clone().cancel().err(), Some(MoneyFault::RefundFirst));
        let part = paid.clone().refund(Fen::yuan(60)).expect("a part");
        assert_eq!(part.kept(), Fen::yuan(400));
        assert_eq!(part.clone().refund(Fen::yuan(401)).err(), Some(MoneyFault::TooMuch));
        assert_eq!(part.refund(Fen::yuan(400)).expect("the rest").state.word(), "refunded");
        let served = paid.serve(NOW).expect("served");
        assert_eq!(served.clone().serve(NOW).err().map(MoneyFault::word), Some("state"));
        assert_eq!(served.clone().unpay().err(), Some(MoneyFault::Issued));
        assert_eq!(served.refund(Fen::yuan(460)).err(), Some(MoneyFault::Issued));
    }

    #[test]
    fn a_bill_lapses_when_its_time_is_over_and_its_number_is_read_strictly() {
        assert!(bill().lapse(bill().due.plus(-1)).is_err());
        assert_eq!(bill().wait_longer(NOW, 30).expect("open").due, NOW.plus(30 * DAY));
        assert_eq!(bill().wait_longer(NOW, 3).expect("open").due, bill().due, "never shorter");
        assert_eq!(bill().number.as_str(), "BL-20260921-0001");
        for bad in ["BL-2026-0001", "RA-20260921-0001", "BL-20260921-0001-1", "BL-20260921-1"] {
            assert!(bad.parse::<BillNumber>().is_err(), "{bad}");
        }
    }
}
