//! The algorithm is that of the issuer's key, inside and outside, and the signature verifies.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "signature", clause: "RFC 5280 §5.1.1.2, §5.1.1.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let identifier = case.expected.clone()?.identifier_der();
    let wrong = "it is not the algorithm of the issuer's key";
    demand(case.list.algorithm == identifier, wrong)?;
    // What is not signed yet has nothing outside.
    let Some(outside) = &case.list.outside else { return Ok(()) };
    demand(outside.algorithm == identifier, wrong)?;
    demand(outside.verified, "the signature does not verify")
}
