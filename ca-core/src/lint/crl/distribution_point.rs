//! The CRL of a shard says so, critically, by the distribution point that its certificates name; no other CRL does.

use super::{Case, Rule, url_of};
use crate::domain::ListScope;
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "distribution_point", clause: "RFC 5280 §5.2.5", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let extension = case.extension(oid::ISSUING_DISTRIBUTION_POINT)?;
    let ListScope::Shard { url: wanted } = case.scope else {
        return demand(extension.is_none(), "it speaks for a part of the certificates only");
    };
    let extension = extension.ok_or("it does not say for which certificates it speaks")?;
    demand(extension.critical, "it is not critical")?;
    let point = tlv::single(extension.value, tag::SEQUENCE);
    let url = point.ok().and_then(|point| url_of(&point));
    demand(url == Some(wanted.as_bytes()), "it is the CRL of another distribution point")
}
