//! Certificate policies of a profile.

use serde::Deserialize;

use super::{Faults, RawProfile};
use crate::profile::Policy;

/// anyPolicy (RFC 5280 §4.2.1.4).
const ANY_POLICY: &str = "2.5.29.32.0";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    oid: String,
    cps: Option<String>,
}

pub(super) fn policies(raw: &RawProfile, faults: &mut Faults<'_>) -> Vec<Policy> {
    let mut policies = Vec::new();
    for row in &raw.policy {
        if let Some(cps) = &row.cps
            && !good_uri(cps)
        {
            faults.add("cps", format!("policy: {cps:?} is no http or https URL of at most 200 ASCII characters"));
        }
        if row.oid == ANY_POLICY && !raw.kind.is_ca() {
            faults.add("any-policy", "policy: only a CA stands for any policy");
        }
        if let Some(oid) = faults.oid("policy", &row.oid) {
            policies.push(Policy { oid, cps: row.cps.clone() });
        }
    }
    faults.twice("policy", &policies.iter().map(|policy| policy.oid).collect::<Vec<_>>());
    policies
}

fn good_uri(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let fits = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic());
    fits && rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}
