//! A delta says so, critically, and names a full CRL that is not later than itself.

use super::{Case, Rule};
use crate::domain::ListScope;
use crate::lint::demand;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "delta", clause: "RFC 5280 §5.2.4", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let indicator = case.extension(oid::DELTA_CRL_INDICATOR)?;
    let ListScope::Delta { base: wanted } = case.scope else {
        return demand(indicator.is_none(), "it says that it is a delta");
    };
    let indicator = indicator.ok_or("it does not say that it is a delta")?;
    demand(indicator.critical, "deltaCRLIndicator is not critical")?;
    let base = case.number(oid::DELTA_CRL_INDICATOR)?;
    demand(base == Some(*wanted), "it goes with another full CRL")?;
    demand(base <= case.number(oid::CRL_NUMBER)?, "it goes with a full CRL that comes after it")
}
