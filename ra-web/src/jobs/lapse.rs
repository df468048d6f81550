//! Cases with which nobody goes on are over after thirty days (`domain.md` §3.1).

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::service::protocol::RefusalCode;

use super::{Done, Every, Fault, Handler, Job};
use crate::enrolment::case::{CaseNumber, Forbidden, State};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::waiting::LAPSE_SECONDS;
use crate::payment::bill::Bill;
use crate::payment::counter::bills_of;
use crate::payment::fen::Fen;
use crate::store::{OrderState, OrderSubject};

/// So many at a time; the next ones the next time.
const AT_ONCE: i64 = 200;

/// The handler.
pub struct Lapse {
    /// The office's services.
    pub desk: Arc<Desk>,
}

#[async_trait]
impl Handler for Lapse {
    fn kind(&self) -> &'static str {
        "lapse"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::Seconds(3600))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        match self.desk.lapse_idle_cases().await {
            Ok(lapsed) => {
                tracing::debug!(lapsed, "Idle cases were looked after");
                Ok(Done::Wholly)
            }
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}

impl Desk {
    /// Ends the cases with which nobody went on; says how many. Run twice it ends each once.
    ///
    /// # Errors
    /// Storage.
    pub async fn lapse_idle_cases(&self) -> Result<usize, OfficeError> {
        let since = self.clock.now().plus(-LAPSE_SECONDS);
        let idle = self.store.read().await?.idle_cases(since, AT_ONCE).await?;
        let mut lapsed = 0;
        for number in idle {
            match self.lapse_case(&number).await {
                Ok(ended) => lapsed += usize::from(ended),
                // Somebody went on with it just now, or the authority does not say whether it issued: another time.
                Err(OfficeError::Forbidden(Forbidden::State { .. }) | OfficeError::Authority(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lapsed)
    }

    async fn lapse_case(&self, number: &CaseNumber) -> Result<bool, OfficeError> {
        let mut tx = self.store.read().await?;
        let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
        if let State::Approved { order } = &case.state {
            // What was issued for it must not be forgotten.
            let order = tx.order(*order).await?.ok_or(OfficeError::NotFound)?;
            drop(tx);
            match self.learn_issue(number, &order).await {
                Err(OfficeError::Authority(error)) if error.code() == Some(RefusalCode::NotFound) => {}
                learnt => learnt?,
            }
        }
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            // What was paid for is made, or paid back by people.
            let kept: Fen = bills_of(&mut tx, number).await?.iter().map(Bill::kept).sum();
            if !kept.is_zero() {
                return Ok(false);
            }
            let approved = match &case.state {
                State::Approved { order } => Some(*order),
                _ => None,
            };
            let (case, step) = case.lapse(now)?;
            tx.drop_open_orders(&OrderSubject::Case(number.clone()), now).await?;
            if let Some(order) = approved {
                tx.drop_tickets(order).await?;
                tx.settle_order(order, OrderState::Signed, OrderState::Dropped, None, now).await?;
            }
            self.put(tx, &case, sealed.as_deref(), &step).await?;
            Ok(true)
        })
        .await
    }
}
