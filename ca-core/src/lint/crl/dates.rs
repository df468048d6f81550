//! thisUpdate comes before nextUpdate, is not in the future, and both are written in the right way.

use super::read::element_of;
use super::{Case, Rule};
use crate::domain::Timestamp;
use crate::lint::demand;
use crate::x509;

pub(super) const RULE: Rule = Rule { name: "dates", clause: "RFC 5280 §5.1.2.4, §5.1.2.5", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let [this, next] = &case.list.times;
    let (this, next) = (moment(this)?, moment(next)?);
    demand(this < next, "nextUpdate is not after thisUpdate")?;
    demand(this <= case.now, "thisUpdate is in the future")?;
    demand(next > case.now, "nextUpdate is in the past")
}

fn moment(whole: &[u8]) -> Result<Timestamp, String> {
    let element = element_of(whole).map_err(|error| error.to_string())?;
    let moment = x509::time(element).map_err(|error| error.to_string())?;
    demand(x509::write_time(moment).as_deref() == Some(whole), "a time is written in the wrong way")?;
    Ok(moment)
}
