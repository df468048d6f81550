//! Each purpose of extKeyUsage goes with a bit of keyUsage.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::usage_for;

pub(super) const RULE: Rule = Rule { name: "purposes_and_usage", clause: "RFC 5280 §4.2.1.12; RFC 3161 §2.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let (Ok(Some(said)), Ok(Some(purposes))) = (case.tbs.key_usage(), case.tbs.extended_key_usage()) else {
        return Ok(());
    };
    for purpose in purposes {
        demand(said.0 & usage_for(purpose) != 0, &format!("no bit of keyUsage goes with purpose {purpose}"))?;
    }
    Ok(())
}
