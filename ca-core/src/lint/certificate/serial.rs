//! The serial number is positive, of the length that we draw, and looks like chance.

use std::collections::BTreeSet;

use super::{Case, Rule};
use crate::lint::demand;

pub(super) const RULE: Rule =
    Rule { name: "serial", clause: "RFC 5280 §4.1.2.2; Baseline Requirements §7.1.2.7", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let serial = case.tbs.serial().map_err(|error| error.to_string())?;
    let octets = serial.octets();
    demand(octets.len() == 16 && octets[0] & 0xc0 == 0x40, "it is not 16 octets that begin with the bits 01")?;
    // 126 random bits have fewer than six different octets once in 10^18 drawings or more rarely.
    let different: BTreeSet<_> = octets.iter().collect();
    demand(different.len() >= 6, "it does not look like chance")
}
