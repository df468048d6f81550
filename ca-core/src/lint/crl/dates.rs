//! thisUpdate comes before nextUpdate, is not in the future, and both are written in the right way.

use super::{Case, Rule};
use crate::lint::demand;
use crate::x509;

pub(super) const RULE: Rule = Rule { name: "dates", clause: "RFC 5280 §5.1.2.4, §5.1.2.5", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let [this_update, next_update] = case.list.times;
    let this = x509::time(this_update).map_err(|error| error.to_string())?;
    let next = x509::time(next_update).map_err(|error| error.to_string())?;
    demand(this < next, "nextUpdate is not after thisUpdate")?;
    demand(this <= case.now, "thisUpdate is in the future")?;
    demand(next > case.now, "nextUpdate is in the past")?;
    for (element, moment) in [(this_update, this), (next_update, next)] {
        demand(x509::write_time(moment).as_deref() == Some(element.whole), "a time is written in the wrong way")?;
    }
    Ok(())
}
