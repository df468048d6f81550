//! Reminders before a certificate ends, and the list of units to phone.
//!
//! For: nobody's certificate should end unnoticed. Once a day each certificate that ends soon gets the reminder of the
//! stage that it has reached, and only that: what was missed while nothing ran does not come all at once. None for what
//! is held, revoked or renewed. Trusts the store. The list holds names and mobile numbers: it is for the office whose
//! units they are, and for auditors.

pub mod phone;
pub mod remind;

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, IssuerId, OfficeId, Serial, Timestamp};
use ca_core::sql::DatabaseError;

use crate::enrolment::case::{CaseNumber, State, Who};
use crate::enrolment::process::CertificateName;

/// Days before the end, the furthest first.
pub const STAGES: [i64; 6] = [90, 60, 30, 15, 7, 1];

/// The stage that a certificate with this end has reached; `None` when there is more time, or none left.
#[must_use]
pub fn stage(not_after: Timestamp, now: Timestamp) -> Option<i64> {
    let left = days_left(not_after, now.beijing_day());
    if left < 0 || not_after < now {
        return None;
    }
    STAGES.into_iter().filter(|stage| left <= *stage).min()
}

/// Whole days until the day of the end.
#[must_use]
pub fn days_left(not_after: Timestamp, today: BeijingDay) -> i64 {
    (not_after.beijing_day().first_second().unix() - today.first_second().unix()) / 86_400
}

/// A good certificate on its token, by its end. No Debug: personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which.
    pub name: CertificateName,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name.
    pub unit_name: String,
    /// Its end.
    pub not_after: Timestamp,
    /// Whom to ask for, as far as it is known: name and mobile number.
    pub handler: Option<(String, String)>,
}

/// Where a list of ends goes on: after this one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct After {
    /// An end, unix seconds.
    pub not_after: i64,
    /// The issuer.
    pub issuer: String,
    /// The serial number.
    pub serial: String,
}

impl After {
    /// Before all that ends at this moment or later.
    #[must_use]
    pub const fn begin(moment: Timestamp) -> Self {
        Self { not_after: moment.unix(), issuer: String::new(), serial: String::new() }
    }

    /// After this one.
    #[must_use]
    pub fn this(ending: &Ending) -> Self {
        Self {
            not_after: ending.not_after.unix(),
            issuer: ending.name.issuer.to_string(),
            serial: ending.name.serial.to_string(),
        }
    }
}

/// A case that is to replace, or has replaced, a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The certificate.
    pub name: CertificateName,
    /// The case.
    pub case: CaseNumber,
    /// Word of its process.
    pub process: String,
    /// Word of its state.
    pub state: String,
}

/// Why nobody need be reminded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// The certificate that takes its place is on its token.
    Replaced(CaseNumber),
    /// A renewal is under way.
    Renewing(CaseNumber),
}

/// Why nobody need be reminded of a certificate with these successors; `None` when one must.
#[must_use]
pub fn quiet<'a>(successors: impl IntoIterator<Item = &'a Successor>) -> Option<Quiet> {
    let mut quiet = None;
    for successor in successors {
        if successor.state == "delivered" {
            return Some(Quiet::Replaced(successor.case.clone()));
        }
        if successor.process == "renewal" && State::OPEN.contains(&successor.state.as_str()) {
            quiet = Some(Quiet::Renewing(successor.case.clone()));
        }
    }
    quiet
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They know now.
    Reached,
    /// Nobody answered.
    NoAnswer,
    /// The number is somebody else's.
    WrongNumber,
    /// They come, on a day or some time.
    WillCome,
    /// They want no further certificate.
    WillNotRenew,
}

impl Outcome {
    /// All, in the order in which the list offers them.
    pub const ALL: [Self; 5] = [Self::Reached, Self::WillCome, Self::NoAnswer, Self::WrongNumber, Self::WillNotRenew];

    /// The word in the store, forms and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::NoAnswer => "no_answer",
            Self::WrongNumber => "wrong_number",
            Self::WillCome => "will_come",
            Self::WillNotRenew => "will_not_renew",
        }
    }

    /// The outcome of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// About which certificate.
    pub name: CertificateName,
    /// What came of it.
    pub outcome: Outcome,
    /// The day on which they come, `2026-12-03`.
    pub comes: Option<String>,
    /// Who called.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// Reminders and calls, inside a unit of work.
#[async_trait]
pub trait ReminderTx: Send {
    /// The office after this one; the first after the empty word.
    async fn office_after(&mut self, office: &str) -> Result<Option<OfficeId>, DatabaseError>;
    /// Good delivered certificates of an office that end until a moment, by their end.
    async fn ending(
        &mut self,
        office: &OfficeId,
        after: &After,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Ending>, DatabaseError>;
    /// The cases about certificates that [`ReminderTx::ending`] lists between two moments.
    async fn successors(
        &mut self,
        office: &OfficeId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Successor>, DatabaseError>;
    /// The cases about one certificate.
    async fn successors_of(&mut self, name: &CertificateName) -> Result<Vec<Successor>, DatabaseError>;
    /// Writes a reminder down; `false` when it was there.
    async fn add_reminder(
        &mut self,
        office: &OfficeId,
        ending: &Ending,
        stage: i64,
        now: Timestamp,
    ) -> Result<bool, DatabaseError>;
    /// The stages of which a certificate's unit was reminded, and when; the last first.
    async fn reminders(&mut self, name: &CertificateName) -> Result<Vec<(i64, Timestamp)>, DatabaseError>;
    /// Writes a call down.
    async fn add_call(&mut self, call: &Call) -> Result<(), DatabaseError>;
    /// The calls about certificates that [`ReminderTx::ending`] lists between two moments, the last first.
    async fn calls(&mut self, office: &OfficeId, from: Timestamp, until: Timestamp)
    -> Result<Vec<Call>, DatabaseError>;
    /// The good certificate of this name, if it is on its token, with the office that it belongs to.
    async fn ending_one(
        &mut self,
        issuer: &IssuerId,
        serial: &Serial,
    ) -> Result<Option<(OfficeId, Timestamp)>, DatabaseError>;
}

#[cfg(test)]
mod tests;
