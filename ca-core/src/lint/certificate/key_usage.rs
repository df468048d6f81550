//! keyUsage has exactly the bits of the profile that its kind of key can have, in minimal form.

use super::key_kind::key_kind;
use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::possible_usage;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "key_usage", clause: "RFC 5280 §4.2.1.3; X.690 §11.2.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let extension = case.extension(oid::KEY_USAGE).ok_or("it is missing")?;
    let said = case.tbs.key_usage().map_err(|error| error.to_string())?.ok_or("it is missing")?;
    // Bits that this kind of key cannot have are for usage_of_key to tell.
    let possible = key_kind(case.tbs.spki).map_or(u16::MAX, possible_usage);
    let wanted = case.profile.key_usage.bits & possible;
    demand(said.0 & possible == wanted, "the bits are not those of the profile for this kind of key")?;
    // The last octet has a bit, and all bits after the last one count as unused.
    let minimal = match extension.value {
        [_, _, unused, .., last] => last.trailing_zeros() == u32::from(*unused),
        _ => false,
    };
    demand(minimal, "trailing zero bits are written out")
}
