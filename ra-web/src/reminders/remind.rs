//! The daily round: each certificate that ends within the first stage gets the reminder of the stage that it has
//! reached, in pieces, each piece in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::clock::Clock;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::sql::DatabaseError;
use serde::{Deserialize, Serialize};

use super::{After, Ending, STAGES, days_left, quiet, stage};
use crate::jobs::{Done, Every, Fault, Handler, Job};
use crate::mail::letter::Letter;
use crate::mail::outbox;
use crate::retry::settled;
use crate::store::{Store, Tx};

/// Certificates of one transaction.
const PIECE: i64 = 100;

/// The handler.
pub struct Remind {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Whether units are told by mail.
    pub mails: bool,
}

/// How far the round has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    office: String,
    after: Option<After>,
}

#[async_trait]
impl Handler for Remind {
    fn kind(&self) -> &'static str {
        "remind"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::DayAt(7 * 3600))
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let now = self.clock.now();
        let place = if job.payload.is_empty() {
            Place { office: String::new(), after: None }
        } else {
            serde_json::from_str(&job.payload).map_err(|error| Fault::Never(error.to_string()))?
        };
        match settled(async || self.piece(&place, now).await).await? {
            None => Ok(Done::Wholly),
            Some(next) => {
                let payload = serde_json::to_string(&next).map_err(|error| Fault::Never(error.to_string()))?;
                Ok(Done::Partly { next: now, payload })
            }
        }
    }
}

impl Remind {
    /// One piece; where the next begins.
    async fn piece(&self, place: &Place, now: Timestamp) -> Result<Option<Place>, DatabaseError> {
        let mut tx = self.store.begin().await?;
        let (office, after) = match (&place.after, OfficeId::new(&place.office)) {
            (Some(after), Some(office)) => (office, after.clone()),
            _ => match tx.office_after(&place.office).await? {
                Some(office) => (office, After::begin(now)),
                None => return Ok(None),
            },
        };
        let until = now.beijing_day().plus_days(STAGES[0]).last_second();
        let ending = tx.ending(&office, &after, until, PIECE).await?;
        for one in &ending {
            let Some(stage) = stage(one.not_after, now) else { continue };
            // A certificate that has its reminder of this stage is looked at no further.
            if tx.reminders(&one.name).await?.iter().any(|(known, _)| *known == stage) {
                continue;
            }
            if quiet(&tx.successors_of(&one.name).await?).is_some() {
                continue;
            }
            if tx.add_reminder(&office, one, stage, now).await? && self.mails {
                tell(&mut tx, &office, one, stage, now).await?;
            }
        }
        tx.commit().await?;
        let more = i64::try_from(ending.len()).is_ok_and(|n| n == PIECE);
        let after = ending.last().filter(|_| more).map(After::this);
        Ok(Some(Place { office: office.to_string(), after }))
    }
}

/// The reminder by mail, to the address of the case that the certificate came from.
async fn tell(
    tx: &mut Box<dyn Tx>,
    office: &OfficeId,
    ending: &Ending,
    stage: i64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (issuer, serial) = (&ending.name.issuer, &ending.name.serial);
    let Some(issued) = tx.certificate(issuer, serial).await? else { return Ok(()) };
    let Some((case, _)) = tx.case(&issued.case).await? else { return Ok(()) };
    let letter = Letter::Expiring {
        issuer: issuer.to_string(),
        serial: serial.to_string(),
        until: ending.not_after.beijing_day().to_string(),
        days: days_left(ending.not_after, now.beijing_day()),
    };
    let fact = format!("{issuer}/{serial}/{stage}");
    outbox::queue(tx, office, (&ending.unit_name, &case.form.handler_email), &fact, letter, now).await
}
