//! Reasons are those of a full CRL: neither unspecified nor removeFromCRL is written.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::{self, oid};

pub(super) const RULE: Rule = Rule { name: "reasons", clause: "RFC 5280 §5.3.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for entry in case.entries() {
        let mut fields = entry?.reader();
        fields.next().and_then(|_| fields.next()).map_err(|error| error.to_string())?;
        let Some(list) = fields.optional(tag::SEQUENCE).map_err(|error| error.to_string())? else { continue };
        let extensions = x509::extensions(list.reader()).map_err(|error| error.to_string())?;
        let [extension] = extensions[..] else { return Err("an entry has not exactly one extension".into()) };
        demand(
            extension.oid == oid::CRL_REASON && !extension.critical,
            "an entry has a foreign or critical extension",
        )?;
        let reason = tlv::single(extension.value, tag::ENUMERATED).map_err(|error| error.to_string())?.content;
        // keyCompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn.
        demand(matches!(reason, [1 | 3 | 4 | 5 | 6 | 9]), "a reason does not belong into a full CRL of end entities")?;
    }
    Ok(())
}
