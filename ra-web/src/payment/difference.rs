//! A difference between our books and what the provider of online payment, the bank and the invoices say. Its state is an
//! enum whose transitions consume it: `OPEN → EXPLAINED`, `OPEN → GONE` when it is not found any more.

use ca_core::domain::{OfficeId, Officer, Timestamp};

use super::bill::{BillNumber, MoneyFault};
use super::checkout::CURRENCY;
use super::fen::Fen;
use super::gateway::{Settlement, SettlementKind};
use super::taking::Payment;
use crate::enrolment::case::{Forbidden, Who};

/// What kind of difference; the end of the message key `difference-kind-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// We took it, and provider or bank do not know of it.
    Missing,
    /// Provider or bank have it, and we do not know of it.
    Extra,
    /// Another amount.
    Amount,
    /// Another currency.
    Currency,
    /// The same payment twice.
    Duplicate,
    /// An invoice stands, and the money is gone.
    InvoiceWithoutMoney,
    /// Paid for three days, and no certificate.
    MoneyWithoutCertificate,
    /// Paid for three days, and no invoice.
    MoneyWithoutInvoice,
}

impl Kind {
    /// All of them, in the order in which pages list them.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Extra,
        Self::Amount,
        Self::Currency,
        Self::Duplicate,
        Self::InvoiceWithoutMoney,
        Self::MoneyWithoutCertificate,
        Self::MoneyWithoutInvoice,
    ];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Duplicate => "duplicate",
            Self::InvoiceWithoutMoney => "invoice-without-money",
            Self::MoneyWithoutCertificate => "money-without-certificate",
            Self::MoneyWithoutInvoice => "money-without-invoice",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Where a difference stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceState {
    /// Finance has to look.
    Open,
    /// Finance says why it is so.
    Explained {
        /// Who.
        by: Who,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// It is not found any more.
    Gone,
}

impl DifferenceState {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Explained { .. } => "explained",
            Self::Gone => "gone",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind.
    pub kind: Kind,
    /// What it is about: a payment, the provider's or the bank's name of theirs, or a bill.
    pub subject: String,
    /// In whose books.
    pub office: OfficeId,
    /// Of which bill, as far as that is known.
    pub bill: Option<BillNumber>,
    /// What we have.
    pub ours: Option<Fen>,
    /// What they have.
    pub theirs: Option<Fen>,
    /// What else helps: a name, a currency.
    pub note: String,
    /// Where it stands.
    pub state: DifferenceState,
    /// When it was found first.
    pub found: Timestamp,
}

impl Difference {
    /// One that was found now.
    #[must_use]
    pub fn new(kind: Kind, subject: &str, office: &OfficeId, now: Timestamp) -> Self {
        Self {
            kind,
            subject: subject.to_owned(),
            office: office.clone(),
            bill: None,
            ours: None,
            theirs: None,
            note: String::new(),
            state: DifferenceState::Open,
            found: now,
        }
    }

    /// Kind and subject: found again, it is the same.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind.word(), self.subject)
    }

    /// Finance of its office says why it is so.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn explain(mut self, by: &Officer, why: String, now: Timestamp) -> Result<Self, MoneyFault> {
        if by.office != self.office {
            return Err(Forbidden::OtherOffice.into());
        }
        if self.state != DifferenceState::Open {
            return Err(MoneyFault::State { what: "difference", state: self.state.word(), act: "explained" });
        }
        self.state = DifferenceState::Explained { by: Who::from(by), at: now, why };
        Ok(self)
    }
}

/// Holds what the provider settled for payers against what we took. `first` is the settlement of the same payment that came
/// before, if there is one; `office` keeps what is nobody's.
#[must_use]
pub fn of_settlement(
    settled: &Settlement,
    payment: Option<&Payment>,
    first: Option<&str>,
    office: &OfficeId,
    now: Timestamp,
) -> Option<Difference> {
    if settled.kind != SettlementKind::Payment {
        return None;
    }
    let (theirs, currency) = settled.presented.clone().unwrap_or((settled.gross, settled.currency.clone()));
    let new = |kind: Kind| {
        let mut found = Difference::new(kind, &settled.id, payment.map_or(office, |payment| &payment.office), now);
        found.bill = payment.map(|payment| payment.bill.clone());
        found.ours = payment.map(|payment| payment.amount);
        found.theirs = Some(theirs);
        found.note = settled.reference.clone().unwrap_or_default();
        Some(found)
    };
    let Some(payment) = payment else { return new(Kind::Extra) };
    if first.is_some_and(|first| first != settled.id) {
        new(Kind::Duplicate)
    } else if currency != CURRENCY {
        let mut found = new(Kind::Currency);
        if let Some(found) = &mut found {
            found.note = currency;
        }
        found
    } else if theirs != payment.amount {
        new(Kind::Amount)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::bill::tests::{NOW, bill};
    use crate::payment::taking::{Method, PaymentId};
    use crate::payment::wire::tests::finance;

    fn settled() -> Settlement {
        Settlement {
            id: "txn_1".into(),
            kind: SettlementKind::Payment,
            reference: Some("pi_1".into()),
            presented: Some((Fen::yuan(460), "cny".into())),
            gross: Fen::yuan(460),
            fee: Fen::yuan(10),
            net: Fen::yuan(450),
            currency: "cny".into(),
            at: NOW,
        }
    }

    #[test]
    fn each_kind_of_difference_with_the_provider_is_named() {
        let bill = bill();
        let id = PaymentId::new(NOW.beijing_day(), 1);
        let payment = Payment::came(id, &bill, Method::Online, Some("pi_1".into()), "r1".into(), NOW);
        let kind = |settled: &Settlement, payment: Option<&Payment>, first: Option<&str>| {
            of_settlement(settled, payment, first, &bill.office, NOW).map(|found| found.kind)
        };
        assert_eq!(kind(&settled(), Some(&payment), Some("txn_1")), None);
        assert_eq!(kind(&settled(), None, None), Some(Kind::Extra));
        assert_eq!(kind(&settled(), Some(&payment), Some("txn_0")), Some(Kind::Duplicate));
        let other = Settlement { presented: Some((Fen::yuan(459), "cny".into())), ..settled() };
        assert_eq!(kind(&other, Some(&payment), None), Some(Kind::Amount));
        let dollars = Settlement { presented: Some((Fen::yuan(460), "usd".into())), ..settled() };
        assert_eq!(kind(&dollars, Some(&payment), None), Some(Kind::Currency));
        let abroad = Settlement { currency: "hkd".into(), gross: Fen::yuan(500), ..settled() };
        assert_eq!(kind(&abroad, Some(&payment), None), None, "what the payer paid is compared");
        let back = Settlement { kind: SettlementKind::Refund, ..settled() };
        assert_eq!(kind(&back, None, None), None);
    }

    #[test]
    fn finance_of_its_office_explains_it_once() {
        let open = || Difference::new(Kind::Extra, "txn_1", &bill().office, NOW);
        assert_eq!(open().id(), "extra/txn_1");
        let (own, other) = (finance("liufang", "demo-office"), finance("zhoujun", "other-office"));
        assert_eq!(open().explain(&other, "why".into(), NOW).err(), Some(Forbidden::OtherOffice.into()));
        let explained = open().explain(&own, "why".into(), NOW).expect("explained");
        assert_eq!(explained.explain(&own, "again".into(), NOW).err().map(MoneyFault::word), Some("state"));
    }
}
