//! Entries ascend by serial number, so that none stands there twice, and none is from the future.

use super::{Case, Entry, EntryRule, Rule};
use crate::lint::demand;
use crate::x509;

const NAME: &str = "entries";
const CLAUSE: &str = "RFC 5280 §5.1.2.6";

pub(super) const RULE: Rule = Rule { name: NAME, clause: CLAUSE, check };
pub(super) const EACH: EntryRule = EntryRule { name: NAME, clause: CLAUSE, check: check_entry };

fn check(case: &Case<'_>) -> Result<(), String> {
    demand((case.list.entries > 0) == case.list.revoked, "an empty list must be left out")
}

fn check_entry(entry: &Entry<'_>) -> Result<(), String> {
    demand((1..=20).contains(&entry.serial.len()) && entry.serial[0] != 0, "a serial number is none")?;
    demand(x509::write_time(entry.since).as_deref() == Some(entry.date.whole), "a date is written in the wrong way")?;
    demand(entry.since <= entry.this_update, "an entry is later than the CRL")?;
    demand(entry.last < entry.serial, "the entries do not ascend")
}
