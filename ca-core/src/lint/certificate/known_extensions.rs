//! There are no other extensions than the profile has.

use super::{Case, Rule};
use crate::profile::Kind;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "known_extensions", clause: "domain.md §1.3; RFC 6960 §4.2.2.2.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let profile = case.profile;
    let optional = |wanted: bool, oid| wanted.then_some(oid);
    let known: Vec<_> = [
        Some(oid::BASIC_CONSTRAINTS),
        Some(oid::KEY_USAGE),
        Some(oid::SUBJECT_KEY_IDENTIFIER),
        Some(oid::AUTHORITY_KEY_IDENTIFIER),
        optional(!profile.purposes.list.is_empty(), oid::EXTENDED_KEY_USAGE),
        optional(!profile.alternative_names.is_empty(), oid::SUBJECT_ALT_NAME),
        optional(!profile.policies.is_empty(), oid::CERTIFICATE_POLICIES),
        optional(profile.kind == Kind::Responder, oid::OCSP_NO_CHECK),
        optional(profile.crl_distribution_point, oid::CRL_DISTRIBUTION_POINTS),
        optional(profile.ocsp || profile.ca_issuers, oid::AUTHORITY_INFO_ACCESS),
    ]
    .into_iter()
    .flatten()
    .chain(profile.identities.iter().map(|row| row.oid))
    .collect();
    for extension in &case.tbs.extensions {
        if !known.contains(&extension.oid) {
            return Err(format!("{} is not of this profile", extension.oid));
        }
    }
    Ok(())
}
