//! cRLNumber is there, not critical, and higher than every one before.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "number", clause: "RFC 5280 §5.2.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let extension = case.extension(oid::CRL_NUMBER)?.ok_or("it is missing")?;
    demand(!extension.critical, "it is critical")?;
    let content = tlv::single(extension.value, tag::INTEGER).map_err(|error| error.to_string())?.content;
    let octets = if let [0, rest @ ..] = content { rest } else { content };
    demand(content.first().is_some_and(|first| *first < 0x80) && octets.len() <= 8, "it is negative or too long")?;
    let number = octets.iter().fold(0_u64, |sum, octet| (sum << 8) | u64::from(*octet));
    demand(case.previous.is_none_or(|previous| number > previous), "it does not rise")
}
