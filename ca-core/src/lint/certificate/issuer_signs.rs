//! The issuer is a CA whose key signs certificates, and may have a CA below it if this is one.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::Kind;
use crate::x509::KeyUsage;

pub(super) const RULE: Rule = Rule { name: "issuer_signs", clause: "RFC 5280 §4.2.1.3, §4.2.1.9", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let constraints = case.issuer.basic_constraints().map_err(|error| error.to_string())?;
    let usage = case.issuer.key_usage().map_err(|error| error.to_string())?;
    demand(constraints.ca, "the issuer is no CA")?;
    demand(usage.is_some_and(|usage| usage.has(KeyUsage::KEY_CERT_SIGN)), "the issuer's key signs no certificates")?;
    let below = case.profile.kind == Kind::Issuing && constraints.path_length == Some(0);
    demand(!below, "the issuer may have no CA below it")
}
