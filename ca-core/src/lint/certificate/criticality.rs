//! Nothing is critical but basicConstraints and keyUsage.

use super::{Case, Rule};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "criticality", clause: "RFC 5280 §4.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for extension in &case.tbs.extensions {
        if extension.critical && ![oid::BASIC_CONSTRAINTS, oid::KEY_USAGE].contains(&extension.oid) {
            return Err(format!("{} is critical", extension.oid));
        }
    }
    Ok(())
}
