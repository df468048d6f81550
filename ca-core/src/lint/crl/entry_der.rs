//! Each entry is DER.

use super::reasons::plain_reason;
use super::{Entry, EntryRule};
use crate::lint::strict_der;
use crate::tlv::tag;

pub(super) const EACH: EntryRule = EntryRule { name: "entry_der", clause: "X.690 §10, §11", check };

fn check(entry: &Entry<'_>) -> Result<(), String> {
    if is_plain(entry) { Ok(()) } else { strict_der::check(entry.whole) }
}

/// What nearly every entry of a million is: a number in the fewest octets, a date that was read, and nothing else or
/// a reason in the one spelling that has no choice. All other tags, lengths and values are left to the general look.
fn is_plain(entry: &Entry<'_>) -> bool {
    let number = match entry.number.content {
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
        [] => false,
    };
    let date = matches!(entry.date.tag, tag::UTC_TIME | tag::GENERALIZED_TIME);
    let extensions = entry.extensions.is_none_or(|list| plain_reason(&list).is_some());
    number && date && extensions
}
