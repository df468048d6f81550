//! The job that lets bills lapse, as it comes round.

use std::sync::Arc;

use async_trait::async_trait;

use crate::enrolment::desk::{Desk, OfficeError};
use crate::jobs::{Done, Every, Fault, Handler, Job};

/// The handler.
pub struct Lapse {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Lapse {
    fn kind(&self) -> &'static str {
        "lapse-bills"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::Seconds(3600))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        match self.desk.lapse_bills().await {
            Ok(_) => Ok(Done::Wholly),
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}
