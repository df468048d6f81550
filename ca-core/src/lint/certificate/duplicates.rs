//! No extension stands there twice.

use super::{Case, Rule};

pub(super) const RULE: Rule = Rule { name: "duplicates", clause: "RFC 5280 §4.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for (at, extension) in case.tbs.extensions.iter().enumerate() {
        if case.tbs.extensions[..at].iter().any(|earlier| earlier.oid == extension.oid) {
            return Err(format!("{} stands there twice", extension.oid));
        }
    }
    Ok(())
}
