//! Deliveries of which the office did not hear: the authority has the new key's proof that the certificate is on its token, and
//! the office stopped before it wrote that down. The old certificate is revoked by then and the new one is not known here
//! as delivered, so that the unit could sign in with neither and what it paid for would never be earned.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::service::protocol::{Request, Response};

use super::case::{CaseNumber, Forbidden, State};
use super::desk::{Desk, OfficeError};
use crate::jobs::{Done, Every, Fault, Handler, Job};

/// Whoever confirms hears at once; after so long the office asks by itself.
const ASK_AFTER_SECONDS: i64 = 300;
/// So many at a time, those that moved last first.
const AT_ONCE: i64 = 500;

/// The handler.
pub struct Unheard {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Unheard {
    fn kind(&self) -> &'static str {
        "unheard-deliveries"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::Seconds(600))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        match self.desk.hear_of_deliveries().await {
            Ok(0) => Ok(Done::Wholly),
            Ok(heard) => {
                tracing::warn!(heard, "Certificates were delivered without the office having heard of it");
                Ok(Done::Wholly)
            }
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}

impl Desk {
    /// Asks the authority about certificates that were issued and that nobody confirmed here; says how many are on their
    /// tokens. Run twice it writes each once.
    ///
    /// # Errors
    /// The authority's, or storage.
    pub async fn hear_of_deliveries(&self) -> Result<usize, OfficeError> {
        let before = self.clock.now().plus(-ASK_AFTER_SECONDS);
        let waiting = self.store.read().await?.issued_cases(before, AT_ONCE).await?;
        let mut heard = 0;
        for number in waiting {
            match self.hear_of_delivery(&number).await {
                Ok(delivered) => heard += usize::from(delivered),
                // Somebody confirmed or gave it up just now.
                Err(OfficeError::Forbidden(Forbidden::State { .. })) => {}
                // One that the authority says no to does not hold up the others.
                Err(OfficeError::Authority(error)) if error.code().is_some() => {
                    tracing::error!(case = %number, %error, "The authority does not know an order that it carried out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(heard)
    }

    async fn hear_of_delivery(&self, number: &CaseNumber) -> Result<bool, OfficeError> {
        let (case, _) = self.store.read().await?.case(number).await?.ok_or(OfficeError::NotFound)?;
        let State::Issued { order, issuer, serial } = &case.state else { return Ok(false) };
        match self.ca.call(Request::Order { order: *order }).await? {
            Response::Certificate(view) if view.issuer == *issuer && view.serial == *serial => {
                if view.delivered.is_none() {
                    return Ok(false);
                }
                self.note_delivery(&case, None, &view).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
