//! There are no issuerUniqueID and no subjectUniqueID.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};

pub(super) const RULE: Rule = Rule { name: "unique_identifiers", clause: "RFC 5280 §4.1.2.8", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let mut fields = tlv::single(case.tbs.whole, tag::SEQUENCE).map_err(|error| error.to_string())?.reader();
    while fields.peek().is_some() {
        let field = fields.next().map_err(|error| error.to_string())?;
        demand(!matches!(field.tag, tag::PRIMITIVE_1 | tag::PRIMITIVE_2), "there is a unique identifier")?;
    }
    Ok(())
}
