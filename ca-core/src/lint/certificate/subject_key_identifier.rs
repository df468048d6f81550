//! subjectKeyIdentifier is there and is that of the key.

use super::{Case, Rule};
use crate::encode::certificate::key_identifier;
use crate::lint::demand;

pub(super) const RULE: Rule =
    Rule { name: "subject_key_identifier", clause: "RFC 5280 §4.2.1.2; RFC 7093 §2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let said = case.tbs.subject_key_identifier().map_err(|error| error.to_string())?.ok_or("it is missing")?;
    demand(said == key_identifier(case.tbs.spki), "it is not that of the key")
}
