//! Money that goes back by the provider of online payment, and payments that are disputed.
//!
//! Finance approves, a job asks the provider under the refund's number, and only what the provider says when it is asked
//! counts. Before anything is asked for the provider's own list is looked through, so that a job that died in between, or
//! comes again after the provider forgot its key, sends nothing twice. What fails is shown to finance and may then be paid out
//! another way. A dispute is written down, audited and shown; the provider's pages decide it.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};

use super::bill::BillNumber;
use super::checkout::CURRENCY;
use super::counter::{add_note, book, case_of};
use super::fen::Fen;
use super::gateway::{Back, BackState, BackWanted, GatewayError};
use super::online::{Online, Settled};
use super::refund::{Refund, RefundNumber, RefundState};
use super::{event, ledger, note};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{OfficeError, again};
use crate::i18n::Locale;
use crate::jobs::{Done, Fault, Handler, Job, NewJob};

/// The kind of the job.
const KIND: &str = "give-back-online";
/// A provider that is still at it is asked again after so long.
const ASK_AGAIN_SECONDS: i64 = 600;

/// The job for a refund that finance approved.
#[must_use]
pub fn after_approval(number: &RefundNumber, now: Timestamp) -> NewJob {
    let number = number.to_string();
    NewJob { kind: KIND, about: number.clone(), payload: number, due: now }
}

/// How far the provider is with a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackStep {
    /// To be asked, or asked without an answer.
    Asking,
    /// It has it.
    Pending {
        /// The provider's name of it.
        id: String,
    },
    /// The money is back.
    Done {
        /// The provider's name of it.
        id: String,
    },
    /// It does not go back.
    Failed {
        /// The provider's name of it, if it gave one.
        id: Option<String>,
        /// Why, in the provider's words.
        fault: String,
    },
}

impl BackStep {
    /// The word in stores.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Pending { .. } => "pending",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    /// The provider's name of it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Asking => None,
            Self::Pending { id } | Self::Done { id } => Some(id),
            Self::Failed { id, .. } => id.as_deref(),
        }
    }
}

/// A refund in the provider's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRefund {
    /// Which.
    pub refund: RefundNumber,
    /// Whose.
    pub office: OfficeId,
    /// How far it is.
    pub step: BackStep,
    /// Since when.
    pub created: Timestamp,
    /// Since when it is over.
    pub settled: Option<Timestamp>,
    /// Counts the writes.
    pub version: i64,
}

impl GatewayRefund {
    /// For a refund that finance approved.
    #[must_use]
    pub fn of(refund: &Refund, now: Timestamp) -> Self {
        let office = refund.office.clone();
        Self { refund: refund.number.clone(), office, step: BackStep::Asking, created: now, settled: None, version: 0 }
    }

    /// Whether it may be paid out another way: only when the provider does not.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        matches!(self.step, BackStep::Failed { .. })
    }
}

/// A payment that its payer disputes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// The provider's name of it.
    pub id: String,
    /// Of which bill.
    pub bill: BillNumber,
    /// Whose.
    pub office: OfficeId,
    /// How much.
    pub amount: Fen,
    /// In which currency.
    pub currency: String,
    /// Why, in the provider's word.
    pub reason: String,
    /// Where it stands, in the provider's word.
    pub status: String,
    /// When we heard of it.
    pub opened: Timestamp,
    /// Since when it is over.
    pub closed: Option<Timestamp>,
}

/// The provider's words for a dispute that is over.
const OVER: [&str; 4] = ["won", "lost", "warning_closed", "prevented"];

/// What is wrong with money that the provider says went back; nothing when it is what was asked for.
fn fault_of(refund: &Refund, told: &Back) -> Option<&'static str> {
    if told.refund.as_deref() != Some(refund.number.as_str()) {
        Some("other-refund")
    } else if told.amount != refund.amount {
        Some("other-amount")
    } else if told.currency != CURRENCY {
        Some("other-currency")
    } else {
        None
    }
}

impl Online {
    /// Has a refund made, once, however often it is asked.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] when the provider does not answer, or storage.
    pub async fn give_back(&self, number: &RefundNumber) -> Result<BackStep, OfficeError> {
        let mut tx = self.desk.store.read().await?;
        let refund = tx.refund(number).await?.ok_or(OfficeError::NotFound)?;
        let known = tx.gateway_refund(number).await?.ok_or(OfficeError::NotFound)?;
        let payment = tx.payment(&refund.payment).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        if matches!(known.step, BackStep::Done { .. } | BackStep::Failed { .. }) {
            return Ok(known.step);
        }
        let reference = payment.reference.unwrap_or_default();
        let wanted = BackWanted { refund: number.as_str(), reference: &reference, amount: refund.amount };
        let told = match known.step.id() {
            Some(id) => self.gateway.look_back(id).await?,
            None => match self.gateway.find_back(&wanted).await? {
                Some(told) => told,
                None => match self.gateway.give_back(&wanted).await {
                    Ok(told) => told,
                    Err(GatewayError::Refused(why)) => return self.given_up(number, None, &why).await,
                    Err(error) => return Err(error.into()),
                },
            },
        };
        self.take_back(number, &told).await
    }

    /// Writes down what the provider told of a refund.
    async fn take_back(&self, number: &RefundNumber, told: &Back) -> Result<BackStep, OfficeError> {
        if let BackState::Failed(why) = &told.state {
            return self.given_up(number, Some(&told.id), why).await;
        }
        let now = self.desk.clock.now();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let refund = tx.refund(number).await?.ok_or(OfficeError::NotFound)?;
            let mut known = tx.gateway_refund(number).await?.ok_or(OfficeError::NotFound)?;
            if let Some(fault) = fault_of(&refund, told) {
                drop(tx);
                return self.given_up(number, Some(&told.id), fault).await;
            }
            let id = told.id.clone();
            if told.state == BackState::Pending {
                let step = BackStep::Pending { id };
                if known.step != step && !matches!(known.step, BackStep::Done { .. }) {
                    known.step = step;
                    tx.put_gateway_refund(&known).await?;
                    tx.commit().await?;
                }
                return Ok(known.step);
            }
            if matches!(known.step, BackStep::Done { .. }) || !matches!(refund.state, RefundState::Approved { .. }) {
                return Ok(known.step);
            }
            let bill = tx.bill(&refund.bill).await?.ok_or(OfficeError::NotFound)?;
            let (case, _) = case_of(&mut tx, &bill).await?;
            let by = Who::unit(&Locale::ZhCn.t("refund-by-provider"));
            let refund = refund.given_back(by.clone(), &id, now)?;
            tx.put_refund(&refund, "approved").await?;
            book(&mut tx, ledger::pay_out(&refund, &by, now)).await?;
            add_note(&mut tx, &case, &note(&case, "refund-pay-out", None, Some(id.clone()), now)).await?;
            let facts = [("refund", number.as_str()), ("method", refund.method.word()), ("gateway", &id)];
            tx.audit(&event("money.paid-out", bill.number.as_str(), None, now, refund.amount, &facts)).await?;
            known.step = BackStep::Done { id: id.clone() };
            known.settled = Some(now);
            tx.put_gateway_refund(&known).await?;
            tx.commit().await?;
            metrics::counter!("ra_online_refunds_total", "outcome" => "done").increment(1);
            Ok(known.step)
        })
        .await
    }

    /// It does not go back this way: finance is shown.
    async fn given_up(&self, number: &RefundNumber, id: Option<&str>, why: &str) -> Result<BackStep, OfficeError> {
        let now = self.desk.clock.now();
        let fault: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let refund = tx.refund(number).await?.ok_or(OfficeError::NotFound)?;
            let mut known = tx.gateway_refund(number).await?.ok_or(OfficeError::NotFound)?;
            if known.is_given_up() {
                return Ok(known.step);
            }
            tracing::error!(refund = %number, fault, "A refund does not go back by the payment provider");
            known.step = BackStep::Failed { id: id.map(str::to_owned), fault: fault.clone() };
            known.settled = Some(now);
            tx.put_gateway_refund(&known).await?;
            let facts = [("refund", number.as_str()), ("gateway", id.unwrap_or_default())];
            tx.audit(&event("money.refund-failed", refund.bill.as_str(), None, now, refund.amount, &facts)).await?;
            tx.commit().await?;
            metrics::counter!("ra_online_refunds_total", "outcome" => "failed").increment(1);
            Ok(known.step)
        })
        .await
    }

    /// The provider said that something became of a refund: it is asked what.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage.
    pub(super) async fn hear_of_refund(&self, id: &str) -> Result<Settled, OfficeError> {
        let told = self.gateway.look_back(id).await?;
        let Some(number) = told.refund.as_deref().and_then(|name| name.parse::<RefundNumber>().ok()) else {
            return Ok(Settled::Unknown);
        };
        if self.desk.store.read().await?.gateway_refund(&number).await?.is_none() {
            return Ok(Settled::Unknown);
        }
        Ok(match self.take_back(&number, &told).await? {
            BackStep::Failed { .. } => Settled::Faulty,
            _ => Settled::Unchanged,
        })
    }

    /// The provider said that something went back of a payment: what waits of it is asked about.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage.
    pub(super) async fn hear_of_charge(&self, reference: &str) -> Result<Settled, OfficeError> {
        let mut tx = self.desk.store.read().await?;
        let Some(payment) = tx.payment_of_reference(reference).await? else { return Ok(Settled::Unknown) };
        let refunds = tx.refunds(&payment.bill).await?;
        drop(tx);
        for refund in refunds.iter().filter(|refund| matches!(refund.state, RefundState::Approved { .. })) {
            match self.give_back(&refund.number).await {
                Ok(_) | Err(OfficeError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Settled::Unchanged)
    }

    /// The provider said that a payment is disputed, or what came of that: it is asked, and finance is shown.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage.
    pub(super) async fn hear_of_dispute(&self, id: &str) -> Result<Settled, OfficeError> {
        let told = self.gateway.dispute(id).await?;
        let now = self.desk.clock.now();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let payment = match &told.reference {
                Some(reference) => tx.payment_of_reference(reference).await?,
                None => None,
            };
            let Some(payment) = payment else { return Ok(Settled::Unknown) };
            let over = OVER.contains(&told.status.as_str());
            let dispute = Disputed {
                id: told.id.clone(),
                bill: payment.bill.clone(),
                office: payment.office.clone(),
                amount: told.amount,
                currency: told.currency.clone(),
                reason: told.reason.clone(),
                status: told.status.clone(),
                opened: now,
                closed: over.then_some(now),
            };
            if !tx.put_dispute(&dispute).await? {
                return Ok(Settled::Unchanged);
            }
            tracing::error!(dispute = told.id, bill = %payment.bill, status = told.status, "A payment is disputed");
            let facts = [("dispute", told.id.as_str()), ("reason", &told.reason), ("status", &told.status)];
            tx.audit(&event("money.dispute", payment.bill.as_str(), None, now, told.amount, &facts)).await?;
            tx.commit().await?;
            Ok(Settled::Faulty)
        })
        .await
    }
}

/// The job that has refunds made.
pub struct GiveBack {
    /// Payment online.
    pub online: Arc<Online>,
}

#[async_trait]
impl Handler for GiveBack {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let number = job.payload.parse().map_err(|()| Fault::Never("no number of a refund".into()))?;
        match self.online.give_back(&number).await {
            Ok(BackStep::Done { .. } | BackStep::Failed { .. }) => Ok(Done::Wholly),
            Ok(BackStep::Asking | BackStep::Pending { .. }) => {
                let next = self.online.desk.clock.now().plus(ASK_AGAIN_SECONDS);
                Ok(Done::Partly { next, payload: job.payload.clone() })
            }
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(OfficeError::NotFound) => Err(Fault::Never("no such refund".into())),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}
