//! Identity extensions have the string, tagging and length that the profile says; required ones are there.

use super::{Case, Rule};
use crate::domain::{SubjectField, Uscc};
use crate::lint::demand;
use crate::profile::Tagging;
use crate::tlv;

pub(super) const RULE: Rule = Rule { name: "identity", clause: "domain.md §1.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for row in &case.profile.identities {
        let Some(extension) = case.extension(row.oid) else {
            demand(!row.required, &format!("{} is missing", row.oid))?;
            continue;
        };
        let string = row.text.tag();
        let value = match row.tagging {
            Tagging::Bare => tlv::single(extension.value, string),
            Tagging::Explicit(number) => {
                tlv::single(extension.value, 0xa0 | number).and_then(|outer| tlv::single(outer.content, string))
            }
            Tagging::Implicit(number) => tlv::single(extension.value, 0x80 | number),
        };
        let content = value.map_err(|error| format!("{}: {error}", row.oid))?.content;
        let text = std::str::from_utf8(content).map_err(|_| format!("{} is not UTF-8", row.oid))?;
        let length = (1..=row.field.max_chars()).contains(&text.chars().count());
        demand(length && row.text.can_hold(text), &format!("{} has a text that cannot stand there", row.oid))?;
        if row.field == SubjectField::Uscc {
            text.parse::<Uscc>().map_err(|error| format!("{}: {error}", row.oid))?;
        }
    }
    Ok(())
}
