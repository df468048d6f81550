//! A checkout: one attempt to pay one bill on the provider's page. Its state is an enum whose transitions consume it.
//!
//! `OPENING → OPEN → PAID`, `OPENING | OPEN → EXPIRED`; money that comes for a bill that was paid otherwise makes it
//! `SURPLUS`, money that is not what was asked for `STRANGE`: both are shown to finance, and nothing of them is lost.

use ca_core::domain::{BeijingDay, Timestamp};

use super::bill::{Bill, BillNumber, day_number};
use super::fen::Fen;
use super::gateway::{Session, SessionState};

/// The provider takes no session that ends sooner; a minute more is for the way there.
const SHORTEST_SECONDS: i64 = 31 * 60;
/// Who comes back to a page of yesterday gets a new one.
const LONGEST_SECONDS: i64 = 2 * 3600;
/// The one currency of bills.
pub const CURRENCY: &str = "cny";

day_number!(
    /// `CO-20261130-0007`; the provider knows it as the reference, and as the idempotency key.
    CheckoutId,
    "CO"
);

/// A way of payment on the provider's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// 支付宝.
    Alipay,
    /// 微信支付.
    WechatPay,
    /// A bank card, 银联 among them.
    Card,
}

impl Way {
    /// All, in the order in which pages offer them.
    pub const ALL: [Self; 3] = [Self::Alipay, Self::WechatPay, Self::Card];

    /// The word in stores, forms, configuration and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alipay => "alipay",
            Self::WechatPay => "wechat_pay",
            Self::Card => "card",
        }
    }

    /// The way with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }
}

/// Where a checkout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutState {
    /// Written down; the provider may or may not know of it.
    Opening,
    /// The provider's page is there.
    Open {
        /// The provider's name of it.
        session: String,
        /// The page.
        url: String,
    },
    /// The bill was paid by it.
    Paid {
        /// The provider's name of it.
        session: String,
    },
    /// Can no longer be paid.
    Expired {
        /// The provider's name of it, if it ever answered.
        session: Option<String>,
    },
    /// Paid, and the bill was paid otherwise: the money is to go back.
    Surplus {
        /// The provider's name of it.
        session: String,
    },
    /// Paid, and not what was asked for: somebody must look.
    Strange {
        /// The provider's name of it.
        session: String,
        /// What is wrong, in words of ours.
        fault: &'static str,
    },
}

impl CheckoutState {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open { .. } => "open",
            Self::Paid { .. } => "paid",
            Self::Expired { .. } => "expired",
            Self::Surplus { .. } => "surplus",
            Self::Strange { .. } => "strange",
        }
    }

    /// The provider's name of it.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::Opening => None,
            Self::Open { session, .. }
            | Self::Paid { session }
            | Self::Surplus { session }
            | Self::Strange { session, .. } => Some(session),
            Self::Expired { session } => session.as_deref(),
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        !matches!(self, Self::Opening | Self::Open { .. })
    }
}

/// Words of what is wrong with money that came, as stores keep them; message keys `checkout-fault-…`.
pub const FAULTS: [&str; 4] = ["other-checkout", "other-bill", "other-amount", "other-currency"];

/// A checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its id.
    pub id: CheckoutId,
    /// Of which bill.
    pub bill: BillNumber,
    /// Which way the person chose.
    pub way: Way,
    /// How much.
    pub amount: Fen,
    /// Where it stands.
    pub state: CheckoutState,
    /// When it was begun.
    pub created: Timestamp,
    /// Until when the page can be paid.
    pub expires: Timestamp,
    /// When it ended.
    pub settled: Option<Timestamp>,
    /// Counts the writes.
    pub version: i64,
}

impl Checkout {
    /// One for all of a bill. It ends before the bill lapses where the provider allows that.
    #[must_use]
    pub fn begin(id: CheckoutId, bill: &Bill, way: Way, now: Timestamp) -> Self {
        let left = bill.due.since(now).clamp(SHORTEST_SECONDS, LONGEST_SECONDS);
        Self {
            id,
            bill: bill.number.clone(),
            way,
            amount: bill.gross(),
            state: CheckoutState::Opening,
            created: now,
            expires: now.plus(left),
            settled: None,
            version: 0,
        }
    }

    /// The provider's page is there. Told again, it is the same.
    ///
    /// # Errors
    /// The checkout as it was, when it is over, or the provider's page cannot be shown.
    pub fn opened(mut self, session: &Session) -> Result<Self, Box<Self>> {
        let Some(url) = session.url.clone().filter(|_| !self.state.is_over()) else { return Err(Box::new(self)) };
        self.state = CheckoutState::Open { session: session.id.clone(), url };
        Ok(self)
    }

    /// What is wrong with money that came by a session; nothing when it is what was asked for.
    #[must_use]
    pub fn fault_of(&self, session: &Session) -> Option<&'static str> {
        if session.checkout.as_deref() != Some(self.id.as_str()) {
            Some(FAULTS[0])
        } else if session.bill.as_deref() != Some(self.bill.as_str()) {
            Some(FAULTS[1])
        } else if session.amount != Some(self.amount) {
            Some(FAULTS[2])
        } else if session.currency.as_deref() != Some(CURRENCY) {
            Some(FAULTS[3])
        } else {
            None
        }
    }

    /// Paid, and the bill with it.
    #[must_use]
    pub fn paid(self, session: &Session, now: Timestamp) -> Self {
        self.ended(CheckoutState::Paid { session: session.id.clone() }, now)
    }

    /// Paid, and the bill was paid otherwise.
    #[must_use]
    pub fn surplus(self, session: &Session, now: Timestamp) -> Self {
        self.ended(CheckoutState::Surplus { session: session.id.clone() }, now)
    }

    /// Paid, and not what was asked for.
    #[must_use]
    pub fn strange(self, session: &Session, fault: &'static str, now: Timestamp) -> Self {
        self.ended(CheckoutState::Strange { session: session.id.clone(), fault }, now)
    }

    /// Can no longer be paid.
    #[must_use]
    pub fn expired(self, now: Timestamp) -> Self {
        let session = self.state.session().map(str::to_owned);
        self.ended(CheckoutState::Expired { session }, now)
    }

    fn ended(mut self, state: CheckoutState, now: Timestamp) -> Self {
        self.state = state;
        self.settled = Some(now);
        self
    }

    /// What is to be done after the provider told of a session. Money counts whenever it comes, also after its time.
    #[must_use]
    pub fn verdict(&self, session: &Session) -> Verdict {
        match (&self.state, session.state) {
            (CheckoutState::Paid { .. } | CheckoutState::Surplus { .. } | CheckoutState::Strange { .. }, _) => {
                Verdict::Nothing
            }
            (_, SessionState::Paid) => match self.fault_of(session) {
                None => Verdict::Pay,
                Some(fault) => Verdict::Strange(fault),
            },
            (CheckoutState::Expired { .. }, _) | (_, SessionState::Open) => Verdict::Nothing,
            (_, SessionState::Expired) => Verdict::Expire,
        }
    }
}

/// What follows from what the provider told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is new.
    Nothing,
    /// The bill is paid.
    Pay,
    /// Somebody must look.
    Strange(&'static str),
    /// It can no longer be paid.
    Expire,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::bill::tests::{NOW, bill};

    fn checkout() -> Checkout {
        Checkout::begin(CheckoutId::new(NOW.beijing_day(), 1), &bill(), Way::Alipay, NOW)
    }

    fn session(state: SessionState) -> Session {
        let checkout = checkout();
        Session {
            id: "cs_test_1".into(),
            url: Some("https://checkout.stripe.com/c/pay/cs_test_1".into()),
            checkout: Some(checkout.id.to_string()),
            bill: Some(checkout.bill.to_string()),
            amount: Some(checkout.amount),
            currency: Some("cny".into()),
            reference: Some("pi_1".into()),
            state,
        }
    }

    #[test]
    fn money_counts_whenever_it_comes_and_once() {
        let paid = session(SessionState::Paid);
        let open = checkout().opened(&session(SessionState::Open)).expect("open");
        assert_eq!(checkout().verdict(&paid), Verdict::Pay, "before we were told of the page");
        assert_eq!(open.verdict(&paid), Verdict::Pay);
        assert_eq!(open.clone().expired(NOW).verdict(&paid), Verdict::Pay, "after its time");
        assert_eq!(open.clone().paid(&paid, NOW).verdict(&paid), Verdict::Nothing);
        assert_eq!(open.clone().surplus(&paid, NOW).verdict(&paid), Verdict::Nothing);
        assert_eq!(open.verdict(&session(SessionState::Expired)), Verdict::Expire);
        assert_eq!(open.verdict(&session(SessionState::Open)), Verdict::Nothing);
    }

    #[test]
    fn money_that_was_not_asked_for_is_named() {
        type Change = fn(&mut Session);
        let wrong: [(&str, Change); 4] = [
            ("other-checkout", |session| session.checkout = Some("CO-20261130-0002".into())),
            ("other-bill", |session| session.bill = None),
            ("other-amount", |session| session.amount = Some(Fen::yuan(1))),
            ("other-currency", |session| session.currency = Some("usd".into())),
        ];
        for (fault, change) in wrong {
            let mut paid = session(SessionState::Paid);
            change(&mut paid);
            assert_eq!(checkout().verdict(&paid), Verdict::Strange(fault));
        }
    }

    #[test]
    fn a_page_lasts_as_long_as_the_provider_wants_at_least() {
        let mut soon = bill();
        soon.due = NOW.plus(60);
        let checkout = |bill: &Bill| Checkout::begin(CheckoutId::new(NOW.beijing_day(), 1), bill, Way::Card, NOW);
        assert_eq!(checkout(&soon).expires, NOW.plus(SHORTEST_SECONDS));
        assert_eq!(checkout(&bill()).expires, NOW.plus(LONGEST_SECONDS));
    }
}
