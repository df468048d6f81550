//! A date of invalidity stands with compromised keys only, in the one form that there is, and is not after the revocation.

use super::reasons::{plain_reason, reason_of};
use super::{Entry, EntryRule};
use crate::domain::Timestamp;
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::{self, oid};

/// CRLReason keyCompromise.
const KEY_COMPROMISE: u8 = 1;

pub(super) const EACH: EntryRule = EntryRule { name: "invalidity", clause: "RFC 5280 §5.3.2", check };

fn check(entry: &Entry<'_>) -> Result<(), String> {
    // What has no reason that can be read is another rule's.
    let Ok(reason) = reason_of(entry) else { return Ok(()) };
    let Some(date) = date_of(entry)? else { return Ok(()) };
    demand(matches!(reason, Some([KEY_COMPROMISE])), "a date of invalidity without a compromised key")?;
    demand(date <= entry.since, "a date of invalidity after the revocation")
}

/// The date, if there is one.
pub(super) fn date_of(entry: &Entry<'_>) -> Result<Option<Timestamp>, String> {
    let Some(list) = entry.extensions.filter(|list| plain_reason(list).is_none()) else { return Ok(None) };
    let extensions = x509::extensions(list.reader()).map_err(|error| error.to_string())?;
    let Some(extension) = extensions.iter().find(|extension| extension.oid == oid::INVALIDITY_DATE) else {
        return Ok(None);
    };
    demand(!extension.critical, "a date of invalidity is critical")?;
    let date = tlv::single(extension.value, tag::GENERALIZED_TIME).map_err(|error| error.to_string())?;
    Ok(Some(x509::time(date).map_err(|error| error.to_string())?))
}
