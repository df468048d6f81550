//! The key is sound and of a kind that the profile takes.

use super::{Case, Rule};
use crate::keys::good_key;
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "public_key", clause: "Baseline Requirements §6.1.5, §6.1.6", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let kind = good_key::check(case.tbs.spki).map_err(|error| error.to_string())?;
    demand(case.profile.keys.contains(&kind), "the profile does not take this kind of key")
}
