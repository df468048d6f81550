//! The register of complaints and incidents, by hand: the law's inspection asks for both (`domain.md` L9).

use ca_core::domain::{BeijingDay, OfficeId, Timestamp};

use crate::enrolment::case::Who;

/// What an entry may say at most, in characters.
pub const MOST_CHARS: usize = 1000;
/// The kinds, as the store and message keys have them.
pub const KINDS: [&str; 2] = ["complaint", "incident"];

/// An entry before it has its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Whose register.
    pub office: OfficeId,
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// When it happened.
    pub day: BeijingDay,
    /// What happened.
    pub what: String,
    /// What was done about it, if something was already.
    pub done: Option<String>,
    /// Who wrote it down.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose register.
    pub office: OfficeId,
    /// Its number in that.
    pub n: i64,
    /// One of [`KINDS`].
    pub kind: String,
    /// When it happened.
    pub day: BeijingDay,
    /// What happened.
    pub what: String,
    /// What was done about it.
    pub done: Option<String>,
    /// Who wrote it down.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// What is wrong with an entry: field and message key.
pub type EntryFaults = Vec<(&'static str, &'static str)>;

/// Reads an entry as it was typed.
///
/// # Errors
/// All faults at once.
pub fn read(
    (kind, day, what, done): (&str, &str, &str, &str),
    office: &OfficeId,
    by: Who,
    at: Timestamp,
) -> Result<NewEntry, EntryFaults> {
    let mut faults = Vec::new();
    let kind = KINDS.into_iter().find(|known| *known == kind);
    if kind.is_none() {
        faults.push(("kind", "register-fault-kind"));
    }
    let day = crate::enrolment::form::day(day).filter(|day| *day <= at.beijing_day());
    if day.is_none() {
        faults.push(("day", "register-fault-day"));
    }
    for (field, text) in [("what", what), ("done", done)] {
        if text.chars().count() > MOST_CHARS {
            faults.push((field, "register-fault-long"));
        }
    }
    if what.trim().is_empty() {
        faults.push(("what", "register-fault-what"));
    }
    match (kind, day) {
        (Some(kind), Some(day)) if faults.is_empty() => {
            let done = Some(done.trim().to_owned()).filter(|done| !done.is_empty());
            Ok(NewEntry { office: office.clone(), kind, day, what: what.trim().to_owned(), done, by, at })
        }
        _ => Err(faults),
    }
}
