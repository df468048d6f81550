//! A list of no certificates leaves the list of entries out.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "empty_list", clause: "RFC 5280 §5.1.2.6", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    demand((case.list.entries > 0) == case.list.revoked, "an empty list must be left out")
}
