//! Letters to the units whose certificates end within a chosen time: one PDF with a letter for each, to be folded into a
//! window envelope, and their addresses as a sheet. What was printed is marked, so that no unit is written to twice unseen.

use ca_core::domain::{BeijingDay, IssuerId, Officer, Serial, Timestamp};
use serde::Serialize;

use super::taking::on_duty;
use crate::audit::Event;
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError, again};

/// So many letters stand in one file.
pub const MAX_LETTERS: usize = 500;
/// A period has at most so many days.
pub const MAX_DAYS: i64 = 400;

/// A certificate that ends, and its unit's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// Its last second.
    pub until: Timestamp,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name.
    pub unit_name: String,
    /// Where it is registered.
    pub address: String,
    /// Who speaks for it.
    pub handler_name: String,
    /// Their mobile number.
    pub handler_mobile: String,
    /// When its letter was printed last, and by whom.
    pub printed: Option<(Timestamp, String)>,
}

/// What the template reads.
#[derive(Serialize)]
struct Facts {
    authority: String,
    contact: String,
    printed: String,
    letters: Vec<LetterFacts>,
}

#[derive(Serialize)]
struct LetterFacts {
    number: String,
    unit_name: String,
    address: String,
    handler_name: String,
    uscc: String,
    serial: String,
    until: String,
    days: i64,
}

impl Desk {
    /// The certificates of an officer's office that end from one day to another, both included.
    ///
    /// # Errors
    /// Storage.
    pub async fn ending(
        &self,
        officer: &Officer,
        from: BeijingDay,
        to: BeijingDay,
    ) -> Result<Vec<Ending>, OfficeError> {
        let most = i64::try_from(MAX_LETTERS).unwrap_or(i64::MAX);
        Ok(self.store.read().await?.letters_due(&officer.office, from.first_second(), to.last_second(), most).await?)
    }

    /// Sets the letters of a period, and marks them as printed once they are there; `anew` also those that were printed
    /// before. `None` when there is none.
    ///
    /// # Errors
    /// [`OfficeError::Paper`], [`OfficeError::Forbidden`] or storage; then none is marked.
    pub async fn print_letters(
        &self,
        officer: &Officer,
        from: BeijingDay,
        to: BeijingDay,
        anew: bool,
    ) -> Result<Option<Vec<u8>>, OfficeError> {
        on_duty(officer)?;
        let now = self.clock.now();
        let mut endings = self.ending(officer, from, to).await?;
        endings.retain(|ending| anew || ending.printed.is_none());
        if endings.is_empty() {
            return Ok(None);
        }
        let letterhead = &self.printer.letterhead;
        let letter = |ending: &Ending| LetterFacts {
            number: format!("{}/{}", ending.uscc, ending.until.beijing_day()),
            unit_name: ending.unit_name.clone(),
            address: ending.address.clone(),
            handler_name: ending.handler_name.clone(),
            uscc: ending.uscc.clone(),
            serial: ending.serial.to_string(),
            until: ending.until.beijing_day().to_string(),
            days: ending.until.since(now).div_euclid(86_400).max(0),
        };
        let facts = Facts {
            authority: letterhead.authority.clone(),
            contact: letterhead.contact.clone(),
            printed: now.beijing_day().to_string(),
            letters: endings.iter().map(letter).collect(),
        };
        let pdf = self.printer.press.print("letters", &facts, now).await?;
        let by = Who::from(officer);
        again(|| async {
            let mut tx = self.store.begin().await?;
            for ending in &endings {
                tx.letter_printed(ending, &by, now).await?;
            }
            let details = [
                ("from".to_owned(), from.to_string()),
                ("to".to_owned(), to.to_string()),
                ("letters".to_owned(), endings.len().to_string()),
            ];
            let (actor, subject) = (format!("officer:{}", officer.id), officer.office.to_string());
            tx.audit(&Event { at: now, actor, kind: "office.letters", subject, details: details.into() }).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        Ok(Some(pdf))
    }
}
