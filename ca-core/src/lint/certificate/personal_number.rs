//! No resident identity number stands in the certificate, but where a profile for persons marks its place.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::has_personal_number;

pub(super) const RULE: Rule = Rule { name: "personal_number", clause: "domain.md §1.3; PIPL articles 28, 29", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let identities = case.profile.identities.iter().filter(|row| !row.personal).map(|row| row.oid);
    let values = identities.filter_map(|oid| case.extension(oid)).map(|extension| extension.value);
    for bytes in values.chain([case.tbs.subject]) {
        demand(!has_personal_number(&String::from_utf8_lossy(bytes)), "a resident identity number stands in it")?;
    }
    Ok(())
}
