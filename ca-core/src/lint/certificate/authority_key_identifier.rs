//! authorityKeyIdentifier is the subjectKeyIdentifier of the issuer; only a root may leave it out.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::Kind;

pub(super) const RULE: Rule = Rule { name: "authority_key_identifier", clause: "RFC 5280 §4.2.1.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let said = case.tbs.authority_key_identifier().map_err(|error| error.to_string())?;
    let issuer = case.issuer.subject_key_identifier().map_err(|error| error.to_string())?;
    demand(
        said == issuer || (said.is_none() && case.profile.kind == Kind::Root),
        "it is not the key identifier of the issuer",
    )
}
