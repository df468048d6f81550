//! certificatePolicies has exactly the policies of the profile.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::{oid, oid_of};

pub(super) const RULE: Rule = Rule { name: "policies", clause: "RFC 5280 §4.2.1.4", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let mut said = Vec::new();
    if let Some(extension) = case.extension(oid::CERTIFICATE_POLICIES)? {
        let list = tlv::single(extension.value, tag::SEQUENCE).and_then(|list| list.reader().rest());
        for policy in list.map_err(|error| error.to_string())? {
            let name = policy.reader().next().map_err(|error| error.to_string())?;
            said.push(oid_of(name).map_err(|error| error.to_string())?);
        }
    }
    demand(said == case.profile.policies, "the policies are not those of the profile")
}
