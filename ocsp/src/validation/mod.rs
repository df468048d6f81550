//! The verification service: is this signature by a certificate of ours, good at this moment, over this message? And time
//! stamps (RFC 3161). For portals in any language, which need not know how a chain, an answer or a list is checked.
//!
//! Trusts its CA certificates, its clock, and the responder's answers as far as they are signed ([`crate::client`]). Does
//! not trust its callers, nor anything that they send. Holds a key for its records and one for time stamps, and no other;
//! no database. Never says yes by default: what cannot be found out is a finding of its own. Keeps nothing of what it was
//! sent: whoever asked gets a signed record, which holds hashes of signature and message, and keeps that.

pub mod app;
mod callers;
pub mod config;
pub mod doctor;
mod finding;
mod http;
pub mod keys;
mod metrics;
mod notary;
mod own;
mod question;
pub mod record;
mod stamp;
mod verifier;

pub use self::callers::{CallerError, add as add_caller};
pub use self::finding::{Finding, Words};
