//! The key is sound and of a kind that the profile takes.

use super::key_kind::names_sm2;
use super::{Case, Rule};
use crate::keys::good_key;
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "public_key", clause: "Baseline Requirements §6.1.5, §6.1.6", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    match good_key::check(case.tbs.spki) {
        Ok(kind) => demand(case.profile.keys.contains(&kind), "the profile does not take this kind of key"),
        // That is for sm2_public_key to tell.
        Err(_) if names_sm2(case.tbs.spki) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
