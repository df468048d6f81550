//! Holding, releasing, revoking and amending, and the lists that say so.
//!
//! A change of status is one transaction: status, line of the feed, audit event. Responders see it at once through
//! the feed; the lists follow within seconds: full, delta, and where an issuer has them, shards. Never takes back a
//! revocation.

mod edition;
mod error;
mod freshness;
mod list_file;
pub mod publish;
mod publisher;
mod retirement;
mod schedule;
mod service;
#[cfg(test)]
mod tests;

pub use error::CrlError;
pub use freshness::{Freshness, freshness};
pub use list_file::{ListFile, SignedFile};
pub(crate) use publisher::signed_event;
pub use publisher::{Due, Publisher};
pub use retirement::{retire, still_issues, still_lists};
pub use schedule::{NO_OTHER, Schedule};
pub use service::{Change, change, may_be_invalid_since, transition};
