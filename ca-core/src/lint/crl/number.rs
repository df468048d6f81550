//! cRLNumber is there, not critical, and higher than every one before.

use super::{Case, Rule};
use crate::lint::demand;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "number", clause: "RFC 5280 §5.2.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let extension = case.extension(oid::CRL_NUMBER)?.ok_or("it is missing")?;
    demand(!extension.critical, "it is critical")?;
    let number = case.number(oid::CRL_NUMBER)?;
    demand(case.previous.is_none_or(|previous| number > Some(previous)), "it does not rise")
}
