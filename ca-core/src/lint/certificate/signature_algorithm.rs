//! The algorithm that is announced is that of the issuer's key.

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid_of;

pub(super) const RULE: Rule = Rule { name: "signature_algorithm", clause: "RFC 5280 §4.1.2.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    demand(case.key.spki_der() == case.issuer.spki, "the signing key is not that of the issuer's certificate")?;
    let mut fields = tlv::single(case.tbs.algorithm, tag::SEQUENCE).map_err(|error| error.to_string())?.reader();
    let said = fields.next().map_err(|error| error.to_string())?;
    let said = oid_of(said).map_err(|error| error.to_string())?;
    demand(said == case.key.signature_algorithm().oid(), "it is not the algorithm of the issuer's key")
}
