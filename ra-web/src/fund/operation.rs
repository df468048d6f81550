//! What a unit does: planned, shown as a document, signed on the token, booked once.
//!
//! A plan is what was typed; the document is what is signed (`yinxin.fund-transaction.v1`), and names the list of employees by
//! its hash. Both are stored before anybody signs, and what is booked is made anew from the plan at that moment: when the
//! books have moved so that the list would be another one, nothing is booked.

use ca_core::domain::{FundAct, FundPay, FundReason, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::AccountNumber;
use super::amounts::{Fen, Month};
use super::books::PersonNumber;
use super::codes::IdKind;

/// A document may be signed for so many seconds.
pub const SIGN_WITHIN_SECONDS: i64 = 15 * 60;

/// One that was not signed is forgotten so many seconds later, with the numbers of persons in it.
pub const KEEP_DRAFTS_SECONDS: i64 = 24 * 3600;

/// What is to be done, as it was typed. Holds numbers of persons: stored sealed, and has no Debug.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the form's field of that name")]
pub enum Plan {
    /// A month for all that are due.
    Remit { month: Month, pay: FundPay },
    /// Accounts for newcomers.
    Open { people: Vec<PlannedPerson> },
    /// One account is no longer paid for.
    Seal { number: PersonNumber, reason: FundReason },
    /// One account is paid for again.
    Unseal { number: PersonNumber, base: Fen },
    /// Other bases.
    Rebase { bases: Vec<(PersonNumber, Fen)> },
    /// Months that were left out.
    MakeUp { arrears: Vec<PlannedArrear>, pay: FundPay },
    /// The unit's own particulars.
    ChangeUnit { address: String, handler: String, handler_mobile: String, payday: Option<u8>, bank: String },
    /// An employee's.
    ChangePerson { number: PersonNumber, mobile: String, address: String },
    /// A payment is undone.
    Reverse { serial: String, words: String },
}

impl Plan {
    /// What is done.
    #[must_use]
    pub const fn act(&self) -> FundAct {
        match self {
            Self::Remit { .. } => FundAct::Remit,
            Self::Open { .. } => FundAct::Open,
            Self::Seal { .. } => FundAct::Seal,
            Self::Unseal { .. } => FundAct::Unseal,
            Self::Rebase { .. } => FundAct::Rebase,
            Self::MakeUp { .. } => FundAct::MakeUp,
            Self::ChangeUnit { .. } => FundAct::ChangeUnit,
            Self::ChangePerson { .. } => FundAct::ChangePerson,
            Self::Reverse { .. } => FundAct::Reverse,
        }
    }

    /// Whether it waits for a transfer once it is signed.
    #[must_use]
    pub const fn waits_for_money(&self) -> bool {
        matches!(self, Self::Remit { pay: FundPay::Transfer, .. } | Self::MakeUp { pay: FundPay::Transfer, .. })
    }

    /// Whether it may be done while a payment waits for its money: it touches neither bases nor who is paid for.
    #[must_use]
    pub const fn beside_a_wait(&self) -> bool {
        matches!(self, Self::ChangeUnit { .. } | Self::ChangePerson { .. })
    }
}

/// A newcomer of a plan.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPerson {
    /// Drawn when the plan is made; empty before.
    #[serde(default)]
    pub number: Option<PersonNumber>,
    /// Id of the person, likewise.
    #[serde(default)]
    pub id: String,
    /// Name.
    pub name: String,
    /// Kind of number.
    pub id_kind: IdKind,
    /// The number.
    pub id_number: String,
    /// Mobile number.
    pub mobile: String,
    /// Contribution base.
    pub base: Fen,
    /// The first month to be paid for.
    pub starts: Month,
}

/// A month of a plan to make up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedArrear {
    /// Whose.
    pub number: PersonNumber,
    /// The name that stood beside it in a list; empty where none did.
    #[serde(default)]
    pub name: String,
    /// The month.
    pub month: Month,
    /// The unit's part.
    pub unit_part: Fen,
    /// The employee's.
    pub personal_part: Fen,
    /// Whether it is the difference to what was paid.
    pub difference: bool,
    /// Why it was left out or paid short.
    pub words: String,
}

/// How far an operation is (`domain.md` §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Put together, not signed.
    Draft,
    /// Signed.
    Submitted,
    /// Its money has not come.
    AwaitingFunds,
    /// Its money is there.
    Funded,
    /// Its money is divided up.
    Allocated,
    /// It stands in the books.
    Posted,
    /// Given up.
    Cancelled,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Submitted,
        Self::AwaitingFunds,
        Self::Funded,
        Self::Allocated,
        Self::Posted,
        Self::Cancelled,
    ];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::AwaitingFunds => "awaiting_funds",
            Self::Funded => "funded",
            Self::Allocated => "allocated",
            Self::Posted => "posted",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether it can be followed by another.
    #[must_use]
    pub const fn leads_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Draft, Self::Submitted | Self::Cancelled)
                | (Self::Submitted, Self::AwaitingFunds | Self::Funded | Self::Posted)
                | (Self::AwaitingFunds, Self::Funded | Self::Cancelled)
                | (Self::Funded, Self::Allocated)
                | (Self::Allocated, Self::Posted)
        )
    }
}

/// The signature on an operation, with what proved the certificate at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// DER.
    pub certificate: Vec<u8>,
    /// The CMS message.
    pub message: Vec<u8>,
    /// `ocsp` or `crl`.
    pub status_source: &'static str,
    /// The response, or the SHA-256 of the list.
    pub status_evidence: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

/// A stored operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// YWLSH, a ULID.
    pub serial: String,
    /// Whose.
    pub unit: AccountNumber,
    /// What.
    pub act: FundAct,
    /// How far.
    pub state: State,
    /// The month that it concerns.
    pub month: Option<Month>,
    /// How many employees.
    pub heads: u32,
    /// How much.
    pub amount: Fen,
    /// When it was put together.
    pub created: Timestamp,
    /// Until when it may be signed.
    pub expires: Timestamp,
    /// The plan, sealed.
    pub plan: Vec<u8>,
    /// The bytes that are signed.
    pub document: Vec<u8>,
    /// The list whose hash the document names.
    pub list: Vec<u8>,
    /// What a voucher is checked by.
    pub check_code: String,
    /// The signature.
    pub signature: Option<Signature>,
    /// When it came into the books.
    pub booked: Option<Timestamp>,
    /// How often its voucher was printed.
    pub prints: i64,
    /// The operation that undid it.
    pub reversed_by: Option<String>,
    /// For compare-and-swap.
    pub version: i64,
}

impl Operation {
    /// The lines of the list, each in its cells.
    #[must_use]
    pub fn lines(&self) -> Vec<Vec<String>> {
        serde_json::from_slice(&self.list).unwrap_or_default()
    }

    /// Whether money moved by it.
    #[must_use]
    pub const fn moves_money(&self) -> bool {
        match self.act {
            FundAct::Remit | FundAct::MakeUp => true,
            // What is undone need not have been a payment.
            FundAct::Reverse => self.amount.fen() != 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_each_other_and_nothing_leaves_the_books() {
        for state in State::ALL {
            assert_eq!(State::from_word(state.word()), Some(state));
            assert!(!State::Posted.leads_to(state) && !State::Cancelled.leads_to(state));
            assert!(!state.leads_to(State::Draft));
        }
        let path =
            [State::Draft, State::Submitted, State::AwaitingFunds, State::Funded, State::Allocated, State::Posted];
        assert!(path.windows(2).all(|pair| pair[0].leads_to(pair[1])));
        assert!(!State::Draft.leads_to(State::Posted), "nothing is booked unsigned");
    }
}
