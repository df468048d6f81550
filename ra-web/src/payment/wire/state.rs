//! Where a line of our account stands, and why money lies in suspense.

use ca_core::domain::Timestamp;

use crate::enrolment::case::Who;
use crate::payment::bill::BillNumber;
use crate::payment::ledger::Account;
use crate::payment::taking::PaymentId;

/// Why money lies in suspense; the end of the message key `wire-reason-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No code, and no bill that it could be for.
    NoCode,
    /// A code that is none of ours, or mistyped.
    UnknownCode,
    /// Several codes: one transfer for several bills.
    SeveralCodes,
    /// Less than the bill.
    Short,
    /// More than the bill.
    Over,
    /// The bill is paid already.
    Double,
    /// No code, and the only bill that it could be for is over.
    Lapsed,
    /// No code, and several bills that it could be for.
    Ambiguous,
    /// Code and amount are right, and somebody else paid.
    ThirdParty,
    /// Finance said that a proposal is wrong.
    Declined,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NoCode,
        Self::UnknownCode,
        Self::SeveralCodes,
        Self::Short,
        Self::Over,
        Self::Double,
        Self::Lapsed,
        Self::Ambiguous,
        Self::ThirdParty,
        Self::Declined,
    ];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoCode => "no-code",
            Self::UnknownCode => "unknown-code",
            Self::SeveralCodes => "several-codes",
            Self::Short => "short",
            Self::Over => "over",
            Self::Double => "double",
            Self::Lapsed => "lapsed",
            Self::Ambiguous => "ambiguous",
            Self::ThirdParty => "third-party",
            Self::Declined => "declined",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// A return to the paying account that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// By whom.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Money that went: shown, and held against the books.
    Went,
    /// Came, and was not looked at yet.
    Received,
    /// Thought to be for a bill: finance says whether it is.
    Proposed(BillNumber),
    /// Nobody knows what it is for, or it does not fit; with the bill that it comes nearest.
    Suspense {
        /// Why.
        reason: Reason,
        /// The bill that it comes nearest.
        bill: Option<BillNumber>,
    },
    /// It paid a bill.
    Matched {
        /// The bill.
        bill: BillNumber,
        /// The payment.
        payment: PaymentId,
        /// Who said so; `None`: code and amount.
        by: Option<Who>,
        /// When.
        at: Timestamp,
    },
    /// It is money of ours that was on its way: from the terminal, the codes, or the provider of online payment.
    Cleared {
        /// From where.
        from: Account,
        /// Who said so.
        by: Who,
        /// When.
        at: Timestamp,
    },
    /// To go back, says one of finance.
    ReturnAsked {
        /// Why it lay in suspense.
        reason: Reason,
        /// By whom.
        asked: Asked,
    },
    /// To go back, says a second one.
    Returning {
        /// Why it lay in suspense.
        reason: Reason,
        /// By whom.
        asked: Asked,
        /// Who said yes.
        approved: (Who, Timestamp),
    },
    /// Sent back to where it came from.
    Returned {
        /// Why it lay in suspense.
        reason: Reason,
        /// By whom.
        asked: Asked,
        /// Who said yes.
        approved: (Who, Timestamp),
        /// Who sent it.
        sent: (Who, Timestamp),
        /// The bank's number of that.
        reference: String,
    },
}

impl LineState {
    /// Words of all states, in the order of the way.
    pub const WORDS: [&'static str; 9] =
        ["went", "received", "proposed", "suspense", "matched", "cleared", "return_asked", "returning", "returned"];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Went => "went",
            Self::Received => "received",
            Self::Proposed(_) => "proposed",
            Self::Suspense { .. } => "suspense",
            Self::Matched { .. } => "matched",
            Self::Cleared { .. } => "cleared",
            Self::ReturnAsked { .. } => "return_asked",
            Self::Returning { .. } => "returning",
            Self::Returned { .. } => "returned",
        }
    }

    /// The bill that it paid, or comes nearest.
    #[must_use]
    pub const fn bill(&self) -> Option<&BillNumber> {
        match self {
            Self::Proposed(bill) | Self::Matched { bill, .. } => Some(bill),
            Self::Suspense { bill, .. } => bill.as_ref(),
            _ => None,
        }
    }
}
