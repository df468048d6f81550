//! The list of units to phone: whose certificate ends within a week, whom to ask for, what was tried.

use std::collections::BTreeMap;

use ca_core::domain::{IssuerId, OfficeId, Officer, Serial, Timestamp};

use super::{After, Call, Ending, Outcome, Quiet, days_left, quiet};
use crate::audit::Event;
use crate::enrolment::case::{Forbidden, Who};
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::process::CertificateName;
use crate::retry::settled;

/// The list reaches so many days ahead.
pub const DAYS: i64 = 7;
/// And has so many lines at most: nobody phones more in a week.
pub const MOST: i64 = 300;

/// A line of the list. No Debug: personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The certificate and its unit.
    pub ending: Ending,
    /// Days left.
    pub days: i64,
    /// Why there is nothing to phone about.
    pub quiet: Option<Quiet>,
    /// What was tried, the last first.
    pub calls: Vec<Call>,
}

impl Line {
    /// Whether somebody should phone: nothing is under way, and nobody was reached yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let tried = |call: &Call| matches!(call.outcome, Outcome::NoAnswer | Outcome::WrongNumber);
        self.quiet.is_none() && self.calls.iter().all(tried)
    }
}

impl Desk {
    /// The list of an office, by the end, the first first.
    ///
    /// # Errors
    /// [`OfficeError::Database`].
    pub async fn phone_list(&self, office: &OfficeId) -> Result<Vec<Line>, OfficeError> {
        let now = self.clock.now();
        let today = now.beijing_day();
        let until = today.plus_days(DAYS).last_second();
        let mut tx = self.store.read().await?;
        let ending = tx.ending(office, &After::begin(now), until, MOST).await?;
        let mut calls: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for call in tx.calls(office, now, until).await? {
            calls.entry(key(&call.name)).or_default().push(call);
        }
        let successors = tx.successors(office, now, until).await?;
        let lines = ending.into_iter().map(|ending| Line {
            days: days_left(ending.not_after, today),
            quiet: quiet(successors.iter().filter(|successor| successor.name == ending.name)),
            calls: calls.remove(&key(&ending.name)).unwrap_or_default(),
            ending,
        });
        Ok(lines.collect())
    }

    /// A clerk writes down what came of a call.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a certificate that is not good, [`OfficeError::Forbidden`] for another office's.
    pub async fn note_call(
        &self,
        officer: &Officer,
        issuer: &IssuerId,
        serial: &Serial,
        outcome: Outcome,
        comes: Option<String>,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        let name = CertificateName { issuer: issuer.clone(), serial: serial.clone() };
        let call = Call { name, outcome, comes, by: Who::from(officer), at: now };
        let office = self.store.read().await?.ending_one(issuer, serial).await?;
        let (office, _) = office.ok_or(OfficeError::NotFound)?;
        if office != officer.office {
            return Err(Forbidden::OtherOffice.into());
        }
        Ok(settled(async || {
            let mut tx = self.store.begin().await?;
            tx.add_call(&call).await?;
            tx.audit(&called(officer, &call, now)).await?;
            tx.commit().await
        })
        .await?)
    }
}

fn called(officer: &Officer, call: &Call, now: Timestamp) -> Event {
    Event {
        at: now,
        actor: format!("officer:{}", officer.id),
        kind: "reminder.called",
        subject: key(&call.name),
        details: BTreeMap::from([("outcome".to_owned(), call.outcome.word().to_owned())]),
    }
}

fn key(name: &CertificateName) -> String {
    format!("{}/{}", name.issuer, name.serial)
}
