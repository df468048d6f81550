//! The algorithm is that of the issuer's key, inside and outside, and the signature verifies.

use super::{Case, Rule};
use crate::keys::good_key;
use crate::keys::verify::verify_with;
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "signature", clause: "RFC 5280 §5.1.1.2, §5.1.1.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let kind = good_key::check(case.issuer.spki).map_err(|error| format!("the issuer's key: {error}"))?;
    let algorithm = kind.signature_algorithm();
    let identifier = algorithm.identifier_der();
    let announced = case.list.algorithm == identifier && case.outer_algorithm == identifier;
    demand(announced, "it is not the algorithm of the issuer's key")?;
    verify_with(case.issuer.spki, algorithm, case.list.whole, case.signature).map_err(|error| error.to_string())
}
