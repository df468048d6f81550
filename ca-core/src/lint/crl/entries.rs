//! Entries ascend by serial number, so that none stands there twice, and none is from the future.

use super::{Entry, EntryRule};
use crate::lint::demand;
use crate::tlv::tag;
use crate::x509;

pub(super) const EACH: EntryRule = EntryRule { name: "entries", clause: "RFC 5280 §5.1.2.6", check };

fn check(entry: &Entry<'_>) -> Result<(), String> {
    demand((1..=20).contains(&entry.serial.len()) && entry.serial[0] != 0, "a serial number is none")?;
    let utc_time = entry.date.tag == tag::UTC_TIME;
    demand(utc_time == x509::is_utc_time(entry.since), "a date is written in the wrong way")?;
    demand(entry.since <= entry.this_update, "an entry is later than the CRL")?;
    demand(entry.last < entry.serial, "the entries do not ascend")
}
