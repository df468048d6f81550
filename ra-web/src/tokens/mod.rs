//! USB tokens as things (`domain.md` §3.2): the stock of an office, each token's life, and its admin PIN.
//!
//! For: the counter, who may put a certificate only on a token that the office has; the desk, who must know which
//! token a unit holds, until when its warranty runs and whether its PIN is locked. Trusts the token operator's signed
//! binding to say which token a key was born in. Never shows an admin PIN to a page, and never keeps one.

pub mod admin_pin;
pub mod life;
pub mod stock;
pub mod store;
mod token;

pub use token::{Holder, State, Token, TokenNumber, TokenRefusal};

use ca_core::domain::{OfficeId, Timestamp};

use crate::enrolment::case::Who;

/// Tokens on their way from one office to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its number.
    pub id: String,
    /// From this office.
    pub from: OfficeId,
    /// To this office.
    pub to: OfficeId,
    /// How many were sent.
    pub n: i64,
    /// How many of them have arrived.
    pub arrived: i64,
    /// Who sent them, and when.
    pub sent: (Who, Timestamp),
    /// Who received the last of them, and when.
    pub received: Option<(Who, Timestamp)>,
}

impl Transfer {
    /// Whether some of it is still on its way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.arrived < self.n
    }
}

/// What was found when a stock was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Its number.
    pub id: String,
    /// Whose stock.
    pub office: OfficeId,
    /// Who counted.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// How many the books have.
    pub expected: i64,
    /// How many of them were found.
    pub found: i64,
    /// Serial numbers of those that were not.
    pub missing: Vec<String>,
    /// Serial numbers that were found and are not in this stock.
    pub strange: Vec<String>,
}
