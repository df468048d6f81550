//! basicConstraints says what the profile is: a CA with its path length, or not a CA.

use super::{Case, Rule};
use crate::lint::demand;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "basic_constraints", clause: "RFC 5280 §4.2.1.9", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let extension = case.extension(oid::BASIC_CONSTRAINTS).ok_or("it is missing")?;
    let said = case.tbs.basic_constraints().map_err(|error| error.to_string())?;
    demand(said.ca == case.profile.kind.is_ca(), "cA is not what the profile says")?;
    demand(said.path_length == case.profile.path_length, "the path length is not what the profile says")?;
    demand(said.ca || extension.value == [0x30, 0], "the default FALSE is written out")
}
