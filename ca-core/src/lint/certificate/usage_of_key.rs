//! keyUsage has no bit that its kind of key cannot have: RSA agrees on no keys, NIST curves encipher nothing.

use super::key_kind::key_kind;
use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::possible_usage;

pub(super) const RULE: Rule = Rule { name: "usage_of_key", clause: "RFC 3279 §2.3.1; RFC 8813 §3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let Ok(Some(said)) = case.tbs.key_usage() else { return Ok(()) };
    let possible = key_kind(case.tbs.spki).map_or(u16::MAX, possible_usage);
    demand(said.0 & !possible == 0, "it has a bit that such a key cannot have")
}
