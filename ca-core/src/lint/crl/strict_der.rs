//! All of it is DER.

use super::{Case, Rule};
use crate::lint::strict_der;

pub(super) const RULE: Rule = Rule { name: "strict_der", clause: "X.690 §10, §11", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    strict_der::check(case.list.whole)?;
    for extension in &case.list.extensions {
        strict_der::check(extension.value).map_err(|why| format!("{}: {why}", extension.oid))?;
    }
    Ok(())
}
