//! What stands around the entries is DER.

use super::{Case, Rule};
use crate::lint::strict_der;

pub(super) const RULE: Rule = Rule { name: "strict_der", clause: "X.690 §10, §11", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let list = case.list;
    for part in [&list.algorithm, &list.issuer, &list.times[0], &list.times[1], &list.extensions] {
        strict_der::check(part)?;
    }
    for extension in &case.extensions {
        strict_der::check(extension.value).map_err(|why| format!("{}: {why}", extension.oid))?;
    }
    Ok(())
}
