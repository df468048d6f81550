//! Reasons are those of end entities; removeFromCRL stands in deltas only, and unspecified is never written.

use super::{Entry, EntryRule};
use crate::domain::ListScope;
use crate::lint::demand;
use crate::tlv::{self, Element, tag};
use crate::x509::{self, oid};

pub(super) const EACH: EntryRule = EntryRule { name: "reasons", clause: "RFC 5280 §5.3.1", check };

fn check(entry: &Entry<'_>) -> Result<(), String> {
    reason_of(entry)?.map_or(Ok(()), |reason| judge(reason, entry.scope))
}

/// The content of the reason, if there is one.
pub(super) fn reason_of<'a>(entry: &Entry<'a>) -> Result<Option<&'a [u8]>, String> {
    let Some(list) = entry.extensions else { return Ok(None) };
    if let Some(reason) = plain_reason(&list) {
        return Ok(Some(reason));
    }
    let extensions = x509::extensions(list.reader()).map_err(|error| error.to_string())?;
    let extension = match extensions[..] {
        [extension] => extension,
        [extension, date] if date.oid == oid::INVALIDITY_DATE => extension,
        _ => return Err("an entry has other extensions than a reason and a date of invalidity behind it".into()),
    };
    demand(extension.oid == oid::CRL_REASON && !extension.critical, "an entry has a foreign or critical extension")?;
    let reason = tlv::single(extension.value, tag::ENUMERATED).map_err(|error| error.to_string())?.content;
    Ok(Some(reason))
}

/// What nearly every entry of a million has: reasonCode, not critical, of one octet that is not negative, and nothing
/// else.
pub(super) fn plain_reason<'a>(list: &Element<'a>) -> Option<&'a [u8]> {
    match list.content {
        [0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, tag::ENUMERATED, 1, reason @ ..] if reason.len() == 1 => Some(reason),
        _ => None,
    }
}

fn judge(reason: &[u8], scope: &ListScope) -> Result<(), String> {
    match reason {
        // keyCompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn.
        [1 | 3 | 4 | 5 | 6 | 9] => Ok(()),
        [8] if matches!(scope, ListScope::Delta { .. }) => Ok(()),
        [8] => Err("removeFromCRL stands outside of a delta".into()),
        _ => Err("a reason does not belong into a CRL of end entities".into()),
    }
}
