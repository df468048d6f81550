//! It is the issuer's: name byte for byte, and key identifier.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "issuer", clause: "RFC 5280 §5.1.2.3, §5.2.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    demand(case.list.issuer == case.issuer.subject, "the name is not that of the issuer")?;
    let extension = case.extension(oid::AUTHORITY_KEY_IDENTIFIER)?.ok_or("authorityKeyIdentifier is missing")?;
    let named = tlv::single(extension.value, tag::SEQUENCE).and_then(|outer| outer.reader().expect(tag::PRIMITIVE_0));
    let own = case.issuer.subject_key_identifier().map_err(|error| error.to_string())?;
    demand(named.is_ok_and(|element| Some(element.content) == own), "the key identifier is not that of the issuer")
}
