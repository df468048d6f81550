//! A full CRL has authorityKeyIdentifier and cRLNumber, each once, and nothing else.

use super::{Case, Rule};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "extensions", clause: "RFC 5280 §5.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for extension in &case.list.extensions {
        if ![oid::AUTHORITY_KEY_IDENTIFIER, oid::CRL_NUMBER].contains(&extension.oid) {
            return Err(format!("{} does not belong there", extension.oid));
        }
        if extension.critical {
            return Err(format!("{} is critical", extension.oid));
        }
        case.extension(extension.oid)?;
    }
    Ok(())
}
