//! The issuer's name is the issuer's subject, byte for byte, and not empty.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "issuer_name", clause: "RFC 5280 §4.1.2.4, §6.1.3 (a)(4)", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    demand(case.tbs.issuer == case.issuer.subject, "it is not the subject of the issuer")?;
    demand(case.tbs.issuer.len() > 2, "it is empty")
}
