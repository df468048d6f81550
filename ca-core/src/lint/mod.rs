//! The last look before a key is used: rules over bytes, written apart from the encoder.
//!
//! For: the authority, which signs nothing with a finding. Each rule is a file, named after what it guards and
//! citing its clause. Trusts the profile; believes nothing of the encoder. Never mends anything.
//!
//! To add a rule: a file with a `RULE`, its line in the list of [`certificate`] or [`crl`], and the fault that
//! it must see in that folder's `tests.rs`, which fails for a rule without one.

pub mod certificate;
pub mod crl;
mod strict_der;

pub use certificate::{CertificateContext, Home, certificate, signed_certificate};
pub use crl::{CrlContext, Listed, Seen, Unsigned, crl, crl_to_be_signed, crl_watched};

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail} ({clause})")]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// Where it is written.
    pub clause: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl Finding {
    fn of(rule: &'static str, clause: &'static str, verdict: Result<(), String>) -> Option<Self> {
        verdict.err().map(|detail| Self { rule, clause, detail })
    }
}

/// `Err` with this detail unless the condition holds.
fn demand(condition: bool, detail: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(detail.to_owned()) }
}
