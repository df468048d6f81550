//! Withdrawals: a person takes money out of their own account, with their certificate and their face, and the bank is told to
//! pay in the same moment.
//!
//! One transaction has the booking in both ledgers, the signed document with its evidence, the payment order for the bank and
//! the entry of the audit: there is no withdrawal that is not paid and no payment that is not booked. Never pays to any account
//! but the one that the fund has registered for the person.

pub mod again;
pub mod bank;
pub mod book;
pub mod counter;
pub mod evidence;
pub mod pain;
pub mod payments;
pub mod rules;

use ca_core::domain::{BeijingDay, Timestamp, WithdrawalReason};

use super::account::AccountNumber;
use super::amounts::Fen;
use super::books::PersonNumber;
use super::face::Answer;
use super::operation::Signature;

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Put together; the face is not checked.
    Asked,
    /// The face was; it can be signed.
    Matched,
    /// Signed, booked, and the bank told to pay.
    Ordered,
    /// The bank says that it paid.
    Paid,
    /// Given up before it was signed.
    Cancelled,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Matched, Self::Ordered, Self::Paid, Self::Cancelled];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Matched => "matched",
            Self::Ordered => "ordered",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }

    /// Whether it stands in the books.
    #[must_use]
    pub const fn is_booked(self) -> bool {
        matches!(self, Self::Ordered | Self::Paid)
    }
}

/// An order to withdraw, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalOrder {
    /// A ULID.
    pub serial: String,
    /// Id of the person.
    pub person: String,
    /// From which account.
    pub number: PersonNumber,
    /// Of which unit.
    pub unit: AccountNumber,
    /// Why.
    pub reason: WithdrawalReason,
    /// Whether the account is closed by it.
    pub closes: bool,
    /// What is paid out, with interest.
    pub amount: Fen,
    /// What of it is interest.
    pub interest: Fen,
    /// How far.
    pub stage: Stage,
    /// When it was put together.
    pub created: Timestamp,
    /// Until when it may be signed.
    pub expires: Timestamp,
    /// What the face check must name.
    pub nonce: String,
    /// How many pictures were sent.
    pub tries: i64,
    /// The bytes that are signed; empty before the face was checked.
    pub document: Vec<u8>,
    /// What the provider said of the face.
    pub face: Option<Answer>,
    /// The signature.
    pub signature: Option<Signature>,
    /// The day on which it came into the books.
    pub booked: Option<BeijingDay>,
    /// For compare-and-swap.
    pub version: i64,
}

/// The bank account of a person, registered with the fund. No Debug: it has the number in full.
#[derive(Clone)]
pub struct Card {
    /// The bank.
    pub bank: String,
    /// Its number in the payment system (CNAPS), 12 digits.
    pub bank_code: String,
    /// The account, masked.
    pub masked: String,
    /// The account, sealed.
    pub sealed: Vec<u8>,
}

/// What the bank is told, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The order's serial number, by which the bank knows a repetition.
    pub serial: String,
    /// The message, sealed: it has the account in full.
    pub message: Vec<u8>,
    /// When it was made.
    pub made: Timestamp,
    /// When it lay in the bank's folder.
    pub written: Option<Timestamp>,
}

/// `6222 **** **** 0012`.
#[must_use]
pub fn masked_card(number: &str) -> String {
    let (head, tail) =
        (number.get(..4).unwrap_or_default(), number.get(number.len().saturating_sub(4)..).unwrap_or_default());
    format!("{head} **** **** {tail}")
}
