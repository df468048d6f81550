//! extKeyUsage names exactly the purposes of the profile.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule =
    Rule { name: "extended_key_usage", clause: "RFC 5280 §4.2.1.12; RFC 6960 §4.2.2.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let said = case.tbs.extended_key_usage().map_err(|error| error.to_string())?;
    let wanted = Some(&case.profile.purposes.list).filter(|purposes| !purposes.is_empty());
    demand(said.as_ref() == wanted, "the purposes are not those of the profile")
}
