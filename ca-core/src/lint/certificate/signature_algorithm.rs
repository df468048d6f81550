//! The algorithm that is announced is that of the issuer's key.

use super::{Case, Rule};
use crate::keys::good_key;
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "signature_algorithm", clause: "RFC 5280 §4.1.2.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let kind = good_key::check(case.issuer.spki).map_err(|error| format!("the issuer's key: {error}"))?;
    let wanted = kind.signature_algorithm().identifier_der();
    demand(case.tbs.algorithm == wanted, "it is not the algorithm of the issuer's key")
}
