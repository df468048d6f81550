//! A CRL has the extensions of its kind, each once, and nothing else.

use super::{Case, Rule};
use crate::domain::ListScope;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "extensions", clause: "RFC 5280 §5.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let own = match case.scope {
        ListScope::Full { .. } => oid::FRESHEST_CRL,
        ListScope::Delta { .. } => oid::DELTA_CRL_INDICATOR,
        ListScope::Shard { .. } => oid::ISSUING_DISTRIBUTION_POINT,
    };
    for extension in &case.extensions {
        if ![oid::AUTHORITY_KEY_IDENTIFIER, oid::CRL_NUMBER, own].contains(&extension.oid) {
            return Err(format!("{} does not belong there", extension.oid));
        }
        case.extension(extension.oid)?;
    }
    Ok(())
}
