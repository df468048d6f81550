//! The parameters of the signature algorithm are NULL for RSA, absent for ECDSA and for SM2.

use super::{Case, Rule};
use crate::keys::oid;
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid_of;

pub(super) const RULE: Rule =
    Rule { name: "signature_parameters", clause: "RFC 4055 §5; RFC 5758 §3.2; GM/T 0015", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let mut fields = tlv::single(case.tbs.algorithm, tag::SEQUENCE).map_err(|error| error.to_string())?.reader();
    let said = fields.next().map_err(|error| error.to_string())?;
    let rsa = matches!(oid_of(said), Ok(oid::RSA_SHA256 | oid::RSA_SHA384));
    let null = fields.optional(tag::NULL).map_err(|error| error.to_string())?;
    demand(null.is_some_and(|null| null.content.is_empty()) == rsa, "NULL is missing, or stands where nothing should")?;
    fields.end().map_err(|_| "there are other parameters than NULL".to_owned())
}
