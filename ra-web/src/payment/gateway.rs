//! The port to a provider of online payment: one page of the provider for one bill, what
//! became of it, and what goes back.
//!
//! Trusts the provider with what it says when it is asked, never with what a browser brings back from it, and with a message
//! only to know what to ask about.

use async_trait::async_trait;
use ca_core::domain::Timestamp;

use super::checkout::{Checkout, Way};
use super::fen::Fen;

/// What the provider's page shows and where it leads.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// What is paid; its id is the idempotency key.
    pub checkout: &'a Checkout,
    /// The text beside the amount.
    pub title: String,
    /// Where the browser goes after payment, and if the person turns back.
    pub back: String,
}

/// A session of the provider's, as it told when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The provider's page, while it is open.
    pub url: Option<String>,
    /// The checkout that it says it is for.
    pub checkout: Option<String>,
    /// The bill that it says it is for.
    pub bill: Option<String>,
    /// How much.
    pub amount: Option<Fen>,
    /// ISO code, small letters.
    pub currency: Option<String>,
    /// The provider's name of the payment.
    pub reference: Option<String>,
    /// Where it stands.
    pub state: SessionState,
}

/// Where a session of the provider's stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Can be paid, or the payment is still on its way.
    Open,
    /// The money is there.
    Paid,
    /// Can no longer be paid.
    Expired,
}

/// What the provider settled, as it told when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Its id.
    pub id: String,
    /// What kind.
    pub kind: SettlementKind,
    /// The provider's name of the payment.
    pub reference: Option<String>,
    /// What the payer paid, and in which currency.
    pub presented: Option<(Fen, String)>,
    /// What of it is settled, in the currency of the account.
    pub gross: Fen,
    /// What the provider keeps of it.
    pub fee: Fen,
    /// What is left.
    pub net: Fen,
    /// The currency of the account: ISO code, small letters.
    pub currency: String,
    /// When.
    pub at: Timestamp,
}

/// What kind of settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementKind {
    /// A payment.
    Payment,
    /// Money that went back.
    Refund,
    /// A payout, a fee of its own, a correction.
    Other,
}

impl SettlementKind {
    /// The word in stores.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Other => "other",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Payment, Self::Refund, Self::Other].into_iter().find(|kind| kind.word() == word)
    }
}

/// A message of the provider's whose signature is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id: repeated messages have the same.
    pub id: String,
    /// What happened, in the provider's word.
    pub kind: String,
    /// What it is about: a reason to ask, and no more.
    pub about: About,
}

/// What a message is about, by the provider's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A session.
    Session(String),
    /// A refund.
    Refund(String),
    /// A payment of which something went back.
    Charge(String),
    /// A dispute.
    Dispute(String),
    /// Something else.
    Other,
}

/// Money that is to go back.
#[derive(Clone, Copy, Debug)]
pub struct BackWanted<'a> {
    /// The refund's number: the name that the provider keeps beside it, and the idempotency key.
    pub refund: &'a str,
    /// The provider's name of the payment.
    pub reference: &'a str,
    /// How much of it.
    pub amount: Fen,
}

/// Money that goes back, as the provider told when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// Its id.
    pub id: String,
    /// The refund that it says it is for.
    pub refund: Option<String>,
    /// How much.
    pub amount: Fen,
    /// ISO code, small letters.
    pub currency: String,
    /// Where it stands.
    pub state: BackState,
}

/// Where money that goes back stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackState {
    /// On its way.
    Pending,
    /// There.
    Done,
    /// It does not go: why.
    Failed(String),
}

/// A payment that its payer disputes, as the provider told when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Its id.
    pub id: String,
    /// The provider's name of the payment.
    pub reference: Option<String>,
    /// How much.
    pub amount: Fen,
    /// ISO code, small letters.
    pub currency: String,
    /// Why, in its word.
    pub reason: String,
    /// Where it stands, in its word.
    pub status: String,
}

/// Why a message is not listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// No signature of this form.
    #[error("no signature")]
    Unsigned,
    /// The signature is not the provider's over these bytes.
    #[error("the signature does not verify")]
    Forged,
    /// Signed too long ago, or in the future: it may be a copy.
    #[error("signed too long ago")]
    Stale,
    /// Signed, and not readable.
    #[error("not a message")]
    Malformed,
}

/// Why the provider did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// No answer, or a fault of the provider's: asked again, it may go well.
    #[error("the payment provider does not answer: {0}")]
    Unreachable(String),
    /// It says no.
    #[error("the payment provider refuses: {0}")]
    Refused(String),
    /// Its answer cannot be read.
    #[error("the payment provider's answer cannot be read: {0}")]
    Odd(String),
}

/// A provider of online payment.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// The ways of payment, in the order in which pages offer them.
    fn ways(&self) -> &[Way];

    /// The origin of the provider's pages, to which a form may lead.
    fn pages(&self) -> &str;

    /// Opens a session. The same checkout asked for again is the same session.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn open(&self, wanted: &Wanted<'_>) -> Result<Session, GatewayError>;

    /// What became of a session.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn fetch(&self, session: &str) -> Result<Session, GatewayError>;

    /// Has a session end, so that it can no longer be paid. One that was paid or ended meanwhile is answered as it is.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn expire(&self, session: &str) -> Result<Session, GatewayError>;

    /// Has money go back. The same refund asked for again is the same.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn give_back(&self, wanted: &BackWanted<'_>) -> Result<Back, GatewayError>;

    /// What became of it.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn look_back(&self, id: &str) -> Result<Back, GatewayError>;

    /// Looks whether it was asked for before, among all that went back of the payment.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find_back(&self, wanted: &BackWanted<'_>) -> Result<Option<Back>, GatewayError>;

    /// What was settled since a moment.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn settled(&self, since: Timestamp) -> Result<Vec<Settlement>, GatewayError>;

    /// Where a dispute stands.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn dispute(&self, id: &str) -> Result<Dispute, GatewayError>;

    /// Reads a message: `body` as it came, byte for byte.
    ///
    /// # Errors
    /// [`NotHeard`].
    fn hear(&self, body: &[u8], signature: &str, now: Timestamp) -> Result<Event, NotHeard>;
}
