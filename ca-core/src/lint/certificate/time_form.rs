//! Times up to 2049 are UTCTime, later ones GeneralizedTime.

use super::{Case, Rule};
use crate::lint::demand;
use crate::x509;

pub(super) const RULE: Rule = Rule { name: "time_form", clause: "RFC 5280 §4.1.2.5", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for (element, moment) in case.tbs.times.iter().zip([case.tbs.validity.not_before, case.tbs.validity.not_after]) {
        demand(x509::write_time(moment).as_deref() == Some(element.whole), "a time is written in the wrong way")?;
    }
    Ok(())
}
