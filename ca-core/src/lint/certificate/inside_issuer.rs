//! The validity lies inside that of the issuer.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "inside_issuer", clause: "RFC 5280 §6.1.3 (a)(2)", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let (own, issuer) = (case.tbs.validity, case.issuer.validity);
    demand(issuer.contains(own.not_before) && issuer.contains(own.not_after), "it is not inside that of the issuer")
}
