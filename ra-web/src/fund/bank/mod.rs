//! Money by bank: lines of the fund's accounts at its trustee banks, and what becomes of each.
//!
//! Pure here: [`judge`] says what a line is for; [`desk`] takes files in and books, over the port in [`store`]. A line's
//! state is an enum whose transitions consume it: `RECEIVED → CREDITED | PROPOSED | OPEN`, then a clerk's word: `PROPOSED |
//! OPEN → CREDITED | RETURNED`. What went is `WENT`. A line counts once, whoever brings it and however often.

pub mod desk;
pub mod store;

use ca_core::domain::{BeijingDay, Sha256, Timestamp};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::account::AccountNumber;
use super::amounts::Fen;
use crate::statement::code::Codes;
use crate::statement::{Format, StatementLine};

/// An account of the fund at a trustee bank, onto which units pay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteeAccount {
    /// Whose account it is, as payers write it.
    pub payee: String,
    /// Its number.
    pub account: String,
    /// The bank.
    pub bank: String,
}

macro_rules! words {
    ($(#[$head:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$head])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in stores and message keys.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// Why somebody must look at a line; the end of the message key `fund-bank-reason-…`.
    Reason {
        /// The payer has a unit's name, and there is no code.
        Name => "name",
        /// The unit's account stands beside it, and there is no code.
        Account => "account",
        /// The code is right, and somebody else paid.
        ThirdParty => "third-party",
        /// No code, and no unit that it could be of.
        NoCode => "no-code",
        /// A code that is none of ours, or mistyped.
        UnknownCode => "unknown-code",
        /// Several codes, or several units: one transfer for several.
        Several => "several",
        /// The bank's number was taken in by hand, for another unit or amount.
        NumberTaken => "number-taken",
        /// The unit's account is sealed or closed.
        UnitNotWorking => "unit-not-working",
    }
}

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Money that went: kept, and nothing else.
    Went,
    /// Came, and was not looked at yet.
    Received,
    /// Thought to be a unit's: a clerk says whether it is.
    Proposed {
        /// Why it was not simply taken.
        reason: Reason,
        /// Whose it may be.
        unit: AccountNumber,
    },
    /// Nobody knows whose it is.
    Open(Reason),
    /// It lies on the unit's suspense account, or has paid what waited there.
    Credited {
        /// Whose it is.
        unit: AccountNumber,
        /// What was booked by it.
        operation: Option<String>,
    },
    /// It was sent back to where it came from, under this number of the bank's.
    Returned {
        /// The bank's number.
        reference: String,
    },
}

impl LineState {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Went => "went",
            Self::Received => "received",
            Self::Proposed { .. } => "proposed",
            Self::Open(_) => "open",
            Self::Credited { .. } => "credited",
            Self::Returned { .. } => "returned",
        }
    }
}

/// A line of an account of the fund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankLine {
    /// The statement's number and its place there, which keeps lines in order.
    pub number: String,
    /// In which statement.
    pub statement: String,
    /// The fund's account.
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
    /// Who said so: `system`, or a clerk.
    pub actor: String,
    /// When.
    pub moved: Timestamp,
    /// Counts the writes.
    pub version: i64,
}

/// A line does not do that where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// It was dealt with, or is not money that came.
    #[error("the line does not wait for anybody")]
    State,
    /// Money goes back only to the account that it came from, and the bank does not name it.
    #[error("the bank does not say from which account it came")]
    NoAccount,
    /// No number of a bank's.
    #[error("the bank's number has 4 to 40 letters, digits and hyphens")]
    Reference,
}

impl BankLine {
    /// A line as it is taken in.
    #[must_use]
    pub fn new(number: String, statement: &Taken, line: &StatementLine, fingerprint: Sha256) -> Self {
        let amount = Fen::new(line.amount.fen());
        Self {
            number,
            statement: statement.number.clone(),
            account: statement.account.clone(),
            serial: line.serial.clone(),
            fingerprint,
            day: line.day,
            amount,
            payer: line.payer.clone(),
            payer_account: line.payer_account.clone(),
            memo: line.memo.clone(),
            state: if amount > Fen::ZERO { LineState::Received } else { LineState::Went },
            actor: statement.actor.clone(),
            moved: statement.at,
            version: 1,
        }
    }

    /// By which its money is known on the unit's side: the bank's number, so that what was taken in by hand is not taken again.
    #[must_use]
    pub fn reference(&self) -> String {
        self.serial.clone().unwrap_or_else(|| format!("line {}", self.number))
    }

    /// Its money is a unit's.
    ///
    /// # Errors
    /// [`LineFault::State`].
    pub fn credit(
        mut self,
        unit: AccountNumber,
        operation: Option<String>,
        actor: &str,
        at: Timestamp,
    ) -> Result<Self, LineFault> {
        self.waits()?;
        (self.state, self.actor, self.moved) = (LineState::Credited { unit, operation }, actor.to_owned(), at);
        Ok(self)
    }

    /// Somebody must look: with the unit whose it may be, if there is one.
    ///
    /// # Errors
    /// [`LineFault::State`].
    pub fn ask(mut self, reason: Reason, unit: Option<AccountNumber>, at: Timestamp) -> Result<Self, LineFault> {
        if self.state != LineState::Received {
            return Err(LineFault::State);
        }
        self.state = match unit {
            Some(unit) => LineState::Proposed { reason, unit },
            None => LineState::Open(reason),
        };
        (self.actor, self.moved) = ("system".to_owned(), at);
        Ok(self)
    }

    /// Whether it may be sent back to the account that it came from.
    ///
    /// # Errors
    /// [`LineFault`] says why not.
    pub const fn may_go_back(&self) -> Result<(), LineFault> {
        match self.state {
            LineState::Proposed { .. } | LineState::Open(_) if self.payer_account.is_empty() => {
                Err(LineFault::NoAccount)
            }
            LineState::Proposed { .. } | LineState::Open(_) => Ok(()),
            _ => Err(LineFault::State),
        }
    }

    /// It was sent back to the account that it came from.
    ///
    /// # Errors
    /// [`LineFault`].
    pub fn sent_back(mut self, reference: &str, actor: &str, at: Timestamp) -> Result<Self, LineFault> {
        self.may_go_back()?;
        let good = (4..=40).contains(&reference.len())
            && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !good {
            return Err(LineFault::Reference);
        }
        self.state = LineState::Returned { reference: reference.to_owned() };
        (self.actor, self.moved) = (actor.to_owned(), at);
        Ok(self)
    }

    const fn waits(&self) -> Result<(), LineFault> {
        match self.state {
            LineState::Received | LineState::Proposed { .. } | LineState::Open(_) => Ok(()),
            _ => Err(LineFault::State),
        }
    }
}

/// A statement that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// A ULID.
    pub number: String,
    /// Of which account.
    pub account: String,
    /// How it was written.
    pub format: Format,
    /// What the file was called.
    pub file_name: String,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Lines that were new.
    pub lines: i64,
    /// Lines that were there before.
    pub known: i64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
}

/// A unit that a line may be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// Its account.
    pub account: AccountNumber,
    /// Its name.
    pub name: String,
}

/// What a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its code says whose it is. Less than is due waits on the suspense account for the rest; what is over stays there.
    Credit(AccountNumber),
    /// Somebody must look.
    Ask(Reason, Option<AccountNumber>),
}

/// Judges money that came. `coded` are the units of its codes, `noted` those whose account stands beside it, `named` those
/// of the payer's name.
#[must_use]
pub fn judge(line: &BankLine, codes: &Codes, coded: &[Payer], noted: &[Payer], named: &[Payer]) -> Verdict {
    if codes.good.len() > 1 {
        return Verdict::Ask(Reason::Several, coded.first().map(|unit| unit.account.clone()));
    }
    if let [unit] = coded {
        let payer = folded(&line.payer);
        return if payer.is_empty() || payer == folded(&unit.name) {
            Verdict::Credit(unit.account.clone())
        } else {
            Verdict::Ask(Reason::ThirdParty, Some(unit.account.clone()))
        };
    }
    match (noted, named) {
        ([unit], []) => Verdict::Ask(Reason::Account, Some(unit.account.clone())),
        ([], [unit]) => Verdict::Ask(Reason::Name, Some(unit.account.clone())),
        ([noted], [named]) if noted.account == named.account => Verdict::Ask(Reason::Name, Some(named.account.clone())),
        ([], []) if codes.broken || !codes.good.is_empty() => Verdict::Ask(Reason::UnknownCode, None),
        ([], []) => Verdict::Ask(Reason::NoCode, None),
        _ => Verdict::Ask(Reason::Several, None),
    }
}

/// A name as it is compared: compatibility forms and case folded, letters and digits only.
fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// How a unit of the payer's name may be written in the books: brackets full-width or not, without blanks.
#[must_use]
pub fn spellings(payer: &str) -> [String; 3] {
    let close: String = payer.chars().filter(|c| !c.is_whitespace()).collect();
    let wide = close.replace('(', "（").replace(')', "）");
    [payer.to_owned(), close, wide]
}

/// Digits in a memo that may be a unit's account, each once.
#[must_use]
pub fn accounts_in(memo: &str) -> Vec<AccountNumber> {
    let memo: String = memo.nfkc().collect();
    let mut found: Vec<AccountNumber> = memo
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| (6..=20).contains(&digits.len()))
        .filter_map(|digits| digits.parse().ok())
        .collect();
    found.sort();
    found.dedup();
    found.truncate(5);
    found
}

#[cfg(test)]
mod tests;
