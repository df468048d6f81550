//! The algorithm that is announced is that of the issuer's key.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "signature_algorithm", clause: "RFC 5280 §4.1.2.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    demand(case.key.spki_der() == case.issuer.spki, "the signing key is not that of the issuer's certificate")?;
    let wanted = case.key.signature_algorithm().identifier_der();
    demand(case.tbs.algorithm == wanted, "it is not the algorithm of the issuer's key")
}
