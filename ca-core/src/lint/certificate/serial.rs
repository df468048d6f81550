//! The serial number is positive and hard to guess.

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule = Rule { name: "serial", clause: "RFC 5280 §4.1.2.2; Baseline Requirements §7.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let serial = case.tbs.serial().map_err(|error| error.to_string())?;
    // 64 random bits, without counting on a leading bit.
    demand((9..=20).contains(&serial.octets().len()), "the serial number must have 9 to 20 octets")
}
