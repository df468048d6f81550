//! Matters about a certificate that is there (`domain.md` §3.3, §3.7 to §3.9): an unblocking, a loss, a release, a
//! revocation, the recovery of an encryption key, a change of the handler. Each is a record of who asked, how that was
//! checked and with what papers, of the signatures of two officers, and of what came of it.
//!
//! Trusts the authority to carry out an order, the responder and the list to say that it is known to everybody, and a
//! token's own signature to say that its PIN was changed. Never holds an admin PIN longer than for one answer.

mod by_unit;
mod claim;
mod facts;
mod handler;
mod loss;
mod matter;
mod process;
pub mod publication;
mod recovery;
pub mod store;
mod unlocking;

pub use facts::{FactFault, Facts, Ground};
pub use matter::{About, Kind, Matter, MatterDocument, MatterNumber, State};
pub use process::{MatterFaults, MatterUpload, MatterView};
pub use recovery::is_sm2;
pub use unlocking::{GRANT_SECONDS, Offer};

use ca_core::domain::Timestamp;

use crate::enrolment::case::Who;

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Can be used.
    Open,
    /// The admin PIN was told; what became of it was not.
    Released,
    /// The PIN is unblocked.
    Done,
    /// It was not unblocked.
    Failed,
    /// Another one took its place.
    Dropped,
}

impl GrantState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Open, Self::Released, Self::Done, Self::Failed, Self::Dropped];

    /// The word in stores.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Released => "released",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// Leave to unblock one token once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGrant {
    /// SHA-256 of the grant.
    pub hash: ca_core::domain::Sha256,
    /// Of which matter.
    pub matter: MatterNumber,
    /// Where it stands.
    pub state: GrantState,
    /// Who gave it.
    pub minted: Who,
    /// When.
    pub created: Timestamp,
    /// Until when it opens.
    pub expires: Timestamp,
}
