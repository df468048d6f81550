//! Entries ascend by serial number, so that none stands there twice, and none is from the future.

use super::{Case, Rule};
use crate::domain::Serial;
use crate::lint::demand;
use crate::tlv::tag;
use crate::x509;

pub(super) const RULE: Rule = Rule { name: "entries", clause: "RFC 5280 §5.1.2.6", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let this_update = x509::time(case.list.times[0]).map_err(|error| error.to_string())?;
    let mut last: Option<Serial> = None;
    for entry in case.entries() {
        let mut fields = entry?.reader();
        let serial = fields.expect(tag::INTEGER).map_err(|error| error.to_string())?;
        let serial = Serial::from_der_content(serial.content).map_err(|error| error.to_string())?;
        let date = fields.next().map_err(|error| error.to_string())?;
        let moment = x509::time(date).map_err(|error| error.to_string())?;
        demand(x509::write_time(moment).as_deref() == Some(date.whole), "a date is written in the wrong way")?;
        demand(moment <= this_update, "an entry is later than the CRL")?;
        demand(last.as_ref().is_none_or(|last| *last < serial), "the entries do not ascend")?;
        last = Some(serial);
    }
    demand(last.is_some() == case.list.revoked.is_some(), "an empty list must be left out")
}
