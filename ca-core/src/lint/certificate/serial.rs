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
    // Behind four octets of time, 96 random bits have fewer than five different octets once in 10^13 drawings or more rarely.
    let different: BTreeSet<_> = octets[4..].iter().collect();
    demand(different.len() >= 5, "it does not look like chance")
}
