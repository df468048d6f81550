//! The country is a code of two capitals.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};

pub(super) const RULE: Rule = Rule { name: "country", clause: "RFC 5280 appendix A.1; ISO 3166-1", check };

/// countryName, 2.5.4.6.
const COUNTRY: &[u8] = &[tag::OID, 3, 0x55, 4, 6];

fn check(case: &Case<'_>) -> Result<(), String> {
    let rdns = tlv::single(case.tbs.subject, tag::SEQUENCE).map_err(|error| error.to_string())?.reader();
    for rdn in rdns.rest().map_err(|error| error.to_string())? {
        let Ok(attribute) = tlv::single(rdn.content, tag::SEQUENCE) else { continue };
        let Some(value) = attribute.content.strip_prefix(COUNTRY) else { continue };
        let two = value.len() == 4 && value[2..].iter().all(u8::is_ascii_uppercase);
        demand(two, "it is not two capitals")?;
    }
    Ok(())
}
