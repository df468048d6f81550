//! Holding, releasing and revoking, and the lists that say so.
//!
//! A change of status is one transaction: status, line of the feed, audit event. Responders see it at once through
//! the feed; the CRL follows within seconds. Never takes back a revocation.

mod crl;
mod freshness;
mod service;
#[cfg(test)]
mod tests;

pub use crl::{CrlError, Publisher, Schedule};
pub(crate) use crl::{CrlMaterial, build_crl};
pub use freshness::{Freshness, freshness};
pub use service::{Change, change, transition};
