//! cRLDistributionPoints names the one list in which the certificate would stand: its issuer's, or of its shard.

use super::uri::{file_below, http};
use super::{Case, Rule};
use crate::domain::ListKind;
use crate::lint::demand;
use crate::tlv::{self, TlvError, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "distribution_point", clause: "RFC 5280 §4.2.1.13, §5.2.5", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let Some(extension) = case.extension(oid::CRL_DISTRIBUTION_POINTS) else {
        return demand(!case.profile.crl_distribution_point, "it is missing");
    };
    let url = full_name(extension.value).map_err(|error| format!("it is not one point with one URL: {error}"))?;
    let file = http(url).and_then(|url| file_below(url, "crl")).ok_or("the address is not http://…/crl/…")?;
    let (issuer, kind) = ListKind::of_file(file).ok_or("the address is that of no list")?;
    demand(matches!(kind, ListKind::Full | ListKind::Shard(_)), "a delta is no distribution point")?;
    // A serial number that cannot be read is for `serial` to tell.
    let (Some(home), Ok(serial)) = (case.home, case.tbs.serial()) else { return Ok(()) };
    let wanted = if home.shards == 0 { ListKind::Full } else { ListKind::Shard(serial.shard(home.shards)) };
    demand(issuer == *home.issuer && kind == wanted, "it is not the list that tells of this serial number")
}

/// One point, its name one URL; no reasons and no other issuer.
fn full_name(value: &[u8]) -> Result<&[u8], TlvError> {
    let mut element = tlv::single(value, tag::SEQUENCE)?;
    for wanted in [tag::SEQUENCE, tag::CONTEXT_0, tag::CONTEXT_0, tag::PRIMITIVE_6] {
        element = tlv::single(element.content, wanted)?;
    }
    Ok(element.content)
}
