//! The validity is what the profile promises: whole Beijing days, not too many years.

use super::{Case, Rule};

pub(super) const RULE: Rule = Rule { name: "validity", clause: "RFC 5280 §4.1.2.5; domain.md §1.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    match case.profile.validity_violations(case.tbs.validity).first() {
        Some(violation) => Err(violation.to_string()),
        None => Ok(()),
    }
}
