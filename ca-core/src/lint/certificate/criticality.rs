//! Critical are basicConstraints, and keyUsage and extKeyUsage as the profile says; nothing else.

use super::{Case, Rule};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "criticality", clause: "RFC 5280 §4.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for extension in &case.tbs.extensions {
        let wanted = match extension.oid {
            oid::BASIC_CONSTRAINTS => true,
            oid::KEY_USAGE => case.profile.key_usage.critical,
            oid::EXTENDED_KEY_USAGE => case.profile.purposes.critical,
            _ => false,
        };
        if extension.critical != wanted {
            return Err(format!("{} is {}critical", extension.oid, if wanted { "not " } else { "" }));
        }
    }
    Ok(())
}
