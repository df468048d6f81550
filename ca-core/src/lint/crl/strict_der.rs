//! All of it is DER.

use super::{Case, Entry, EntryRule, Rule};
use crate::lint::strict_der;

const NAME: &str = "strict_der";
const CLAUSE: &str = "X.690 §10, §11";

pub(super) const RULE: Rule = Rule { name: NAME, clause: CLAUSE, check };
pub(super) const EACH: EntryRule =
    EntryRule { name: NAME, clause: CLAUSE, check: |entry: &Entry<'_>| strict_der::check(entry.whole) };

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
