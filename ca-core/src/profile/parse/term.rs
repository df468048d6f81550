//! The validity of a profile.

use serde::Deserialize;

use super::{Faults, RawProfile};
use crate::profile::{Begins, Ends, Kind, Term};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTerm {
    max_years: Option<u8>,
    begins: Option<Begins>,
    ends: Option<Ends>,
    carry_days: Option<u16>,
    max_seconds: Option<i64>,
}

pub(super) fn term(raw: &RawProfile, faults: &mut Faults<'_>) -> Option<Term> {
    let RawTerm { max_years, begins, ends, carry_days, max_seconds } = raw.validity;
    if carry_days.is_some_and(|days| days > 366 || raw.kind != Kind::EndEntity) {
        faults.add("term", "validity: carry_days is at most 366, and for certificates that are renewed only");
        return None;
    }
    match (max_years, max_seconds, raw.kind) {
        (Some(most @ 1..=40), None, Kind::Root | Kind::Issuing | Kind::EndEntity) => Some(Term::Years {
            most,
            begins: begins.unwrap_or_default(),
            ends: ends.unwrap_or_default(),
            carry_days: carry_days.unwrap_or_default(),
        }),
        // Its status is never asked for, so it may not live longer than a CRL would be believed.
        (None, Some(seconds @ 60..=2_592_000), Kind::Responder) if begins.is_none() && ends.is_none() => {
            Some(Term::Seconds(seconds))
        }
        (_, _, Kind::Responder) => {
            faults.add("term", "validity: a responder has max_seconds of 60 to 2592000 (30 days), and nothing else");
            None
        }
        _ => {
            faults.add("term", "validity: there must be max_years of 1 to 40, and no max_seconds");
            None
        }
    }
}
