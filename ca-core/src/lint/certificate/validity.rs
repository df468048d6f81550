//! The validity is what the profile promises, inside that of the issuer, in the right kind of time.

use super::{Case, Rule};
use crate::lint::demand;
use crate::x509;

pub(super) const RULE: Rule = Rule { name: "validity", clause: "RFC 5280 §4.1.2.5; domain.md §1.2", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    for (element, moment) in case.tbs.times.iter().zip([case.tbs.validity.not_before, case.tbs.validity.not_after]) {
        // UTCTime up to 2049, GeneralizedTime from 2050.
        demand(x509::write_time(moment).as_deref() == Some(element.whole), "a time is written in the wrong way")?;
    }
    if let Some(violation) = case.profile.validity_violations(case.tbs.validity).first() {
        return Err(violation.to_string());
    }
    let (own, issuer) = (case.tbs.validity, case.issuer.validity);
    demand(issuer.contains(own.not_before) && issuer.contains(own.not_after), "it is not inside that of the issuer")
}
