//! A full CRL that has a delta says where, not critically; no other CRL does.

use super::{Case, Rule, url_of};
use crate::domain::ListScope;
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "freshest", clause: "RFC 5280 §5.2.6", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let extension = case.extension(oid::FRESHEST_CRL)?;
    let ListScope::Full { delta_url: Some(wanted) } = case.scope else {
        return demand(extension.is_none(), "it names a delta and has none");
    };
    let extension = extension.ok_or("it does not say where its delta is")?;
    demand(!extension.critical, "it is critical")?;
    let points = tlv::single(extension.value, tag::SEQUENCE).and_then(|list| list.reader().rest());
    let url = match points.as_deref() {
        Ok([point]) => url_of(point),
        _ => None,
    };
    demand(url == Some(wanted.as_bytes()), "it names another place than that of its delta")
}
