//! A responder's certificate says that its own status is not to be asked for.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::Kind;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "no_check", clause: "RFC 6960 §4.2.2.2.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    if case.profile.kind != Kind::Responder {
        return Ok(());
    }
    let extension = case.extension(oid::OCSP_NO_CHECK).ok_or("it is missing")?;
    demand(extension.value == [5, 0], "its value must be NULL")
}
