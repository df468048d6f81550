//! authorityKeyIdentifier is the subjectKeyIdentifier of the issuer; only a root may leave it out.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::Kind;
use crate::tlv::{self, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "authority_key_identifier", clause: "RFC 5280 §4.2.1.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    if let Some(extension) = case.extension(oid::AUTHORITY_KEY_IDENTIFIER) {
        let fields = tlv::single(extension.value, tag::SEQUENCE).and_then(|list| list.reader().rest());
        let fields = fields.map_err(|error| error.to_string())?;
        demand(fields.len() == 1, "it has other than the key identifier alone")?;
    }
    let said = case.tbs.authority_key_identifier().map_err(|error| error.to_string())?;
    let issuer = case.issuer.subject_key_identifier().map_err(|error| error.to_string())?;
    demand(
        said == issuer || (said.is_none() && case.profile.kind == Kind::Root),
        "it is not the key identifier of the issuer",
    )
}
