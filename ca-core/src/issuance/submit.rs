//! Carrying out orders: once.

use std::sync::Arc;

use super::administrators;
use super::approval::{Approved, approve};
use super::authority::Authority;
use super::evidence::{Evidence, digest, read_key, read_order};
use super::faults::Point;
use super::pair::pair_of;
use super::stop::Stop;
use super::together::{self, Intended, Standing};
use super::views::new_view;
use crate::audit::{self, Actor, Event};
use crate::domain::{Act, CertificateStatus, Order, Role, Sha256, decode};
use crate::revocation;
use crate::service::protocol::{CertificateView, Refusal, RefusalCode, Submission};
use crate::store::{Intent, OrderRecord, StoreError};
use crate::unit_of_work;

impl Authority {
    /// Carries out an order, or says again what came of it.
    pub(super) async fn submit(&self, submission: Submission) -> Result<CertificateView, Stop> {
        let (order, sha256) = read_order(&submission)?;
        let csr = submission.csr.clone();
        let evidence = tokio::task::spawn_blocking(|| Evidence::read(submission))
            .await
            .map_err(|error| Stop::BadWork(error.to_string()))?;
        let told = match evidence {
            Ok(evidence) => self.carry_out(Arc::new(evidence)).await,
            Err(refusal) => {
                // An order that was carried out is answered by what came of it.
                let _turn = self.turn_of(order.id).await;
                match self.store.begin_read().await?.order(order.id).await? {
                    Some(known) => match read_key(csr.as_ref()) {
                        Ok(key) => self.answer_again(Some(key.spki_sha256()), &order, sha256, &known).await,
                        Err(_) if !matches!(order.act, Act::Issue { .. }) => {
                            self.answer_again(None, &order, sha256, &known).await
                        }
                        Err(refusal) => Err(refusal.into()),
                    },
                    None => Err(refusal.into()),
                }
            }
        };
        match told {
            Err(Stop::Refused(refusal)) => {
                self.note_refusal(&order, sha256, &refusal).await?;
                Err(refusal.into())
            }
            other => other,
        }
    }

    /// Carries out an order whose signatures were read, or says again what came of it.
    ///
    /// # Errors
    /// [`Stop`]; a refusal is not audited yet.
    pub async fn carry_out(&self, evidence: Arc<Evidence>) -> Result<CertificateView, Stop> {
        let (order, sha256) = (&evidence.order, evidence.sha256);
        let _turn = self.turn_of(order.id).await;
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let look = move |evidence| together::look_up(store.clone(), clock.now(), evidence);
        let key = evidence.key.as_ref().map(|key| key.possession.spki_sha256());
        let approved = match self.looks.hand_in(evidence.clone(), look).await?? {
            Standing::Known(known) => return self.answer_again(key, order, sha256, &known).await,
            Standing::Approved(approved) => approved,
        };
        let carried_out = match &order.act {
            Act::Issue { .. } => self.issue(evidence.clone(), &approved).await,
            _ => self.change_status(&evidence).await,
        };
        if !matches!(carried_out, Err(Stop::Overtaken)) {
            return carried_out;
        }
        let known = self.store.begin_read().await?.order(order.id).await?;
        let known = known.ok_or_else(|| StoreError::odd("ca_order", order.id, "gone"))?;
        self.answer_again(key, order, sha256, &known).await
    }

    /// The same order again gives the same answer; anything else under its id is a replay.
    async fn answer_again(
        &self,
        key: Option<Sha256>,
        order: &Order,
        sha256: Sha256,
        known: &OrderRecord,
    ) -> Result<CertificateView, Stop> {
        let replayed = |what| Stop::refuse(RefusalCode::OrderReplayed, format!("order {} was {what}", order.id));
        if known.sha256 != sha256 {
            return Err(replayed("carried out with other bytes"));
        }
        let (issuer, serial) = match &order.act {
            Act::Issue { .. } => {
                let records = self.store.begin_read().await?.certificates_of_order(order.id).await?;
                let first = records.first();
                let first = first.ok_or_else(|| StoreError::odd("ca_order", order.id, "an issue without intent"))?;
                if key != Some(first.intent.spki_sha256) {
                    return Err(replayed("carried out with another key"));
                }
                self.finish_open(order.id).await?;
                return self.view_of(order.id).await;
            }
            Act::Revoke { issuer, serial, .. }
            | Act::Hold { issuer, serial }
            | Act::Release { issuer, serial }
            | Act::Amend { issuer, serial } => (issuer.clone(), serial.clone()),
        };
        self.view(&issuer, &serial).await
    }

    async fn issue(&self, evidence: Arc<Evidence>, approved: &Approved<Order>) -> Result<CertificateView, Stop> {
        let prepared = Arc::new(self.prepare(approved, self.clock.now()).await?.redeem());
        self.faults.at(Point::BeforeIntent).await?;

        let (store, clock) = (self.store.clone(), self.clock.clone());
        let intend = move |all| together::intend(store.clone(), clock.now(), all);
        let intended = Intended { evidence, prepared: prepared.clone() };
        self.intentions.hand_in(intended, intend).await??;
        metrics::counter!("ca_intents_total").increment(1);
        self.faults.at(Point::IntentDurable).await?;

        match self.finish(&prepared.intents, false).await? {
            Some(certificates) => Ok(new_view(&prepared, &certificates)),
            None => self.view_of(approved.what().id).await,
        }
    }

    async fn change_status(&self, evidence: &Arc<Evidence>) -> Result<CertificateView, Stop> {
        let now = self.clock.now();
        let (issuer, serial) = unit_of_work!(&*self.store, Stop, |tx| {
            let approved = approve(tx, evidence, now).await?;
            let order = approved.what();
            if tx.order(order.id).await?.is_some() {
                return Err(Stop::Overtaken);
            }
            let Some((issuer, serial)) = order.act.certificate() else {
                return Err(Stop::refuse(RefusalCode::Malformed, "not an order about a status"));
            };
            revocation::still_lists::<Stop>(tx, issuer).await?;
            let now_so = tx.status(issuer, serial).await?;
            let now_so = now_so
                .ok_or_else(|| Stop::refuse(RefusalCode::NotFound, format!("no certificate {serial} of {issuer}")))?;
            let status = revocation::transition(now_so.status, &order.act, now)?;
            approved.keep(tx).await?;
            let invalid_since = match &order.act {
                Act::Revoke { reason, invalid_since, .. } => invalid_since.map(|date| (date, *reason)),
                _ => None,
            };
            for record in pair_of(tx, issuer, serial).await? {
                let Intent { issuer, serial, validity, .. } = &record.intent;
                if let Some((date, reason)) = invalid_since {
                    revocation::may_be_invalid_since(date, reason, validity.not_before, now)?;
                    tx.add_invalidity(issuer, serial, date).await?;
                }
                let change = revocation::Change { issuer, serial, status, not_after: validity.not_after };
                revocation::change(tx, now, approved.actor(), Some(order.id), change).await?;
            }
            if status != CertificateStatus::Good
                && let Some(record) = tx.officer_of(issuer, serial).await?
                && record.officer.has_any(&[Role::Administrator])
            {
                administrators::enough_left(tx, None, now).await?;
            }
            (issuer.clone(), serial.clone())
        })?;
        self.status_changed().notify_one();
        self.view(&issuer, &serial).await
    }

    /// A refusal is audited too: someone tried. If it cannot be, the caller is not told why it was refused.
    async fn note_refusal(&self, order: &Order, order_sha256: Sha256, refusal: &Refusal) -> Result<(), Stop> {
        let now = self.clock.now();
        metrics::counter!("ca_orders_refused_total", "code" => format!("{:?}", refusal.code)).increment(1);
        tracing::warn!(order = %order.id, code = ?refusal.code, "Refused order {}: {}", order.id, refusal.detail);
        if !self.may_audit_refusal(now) {
            return Ok(());
        }
        unit_of_work!(&*self.store, Stop, |tx| {
            let event = Event::OrderRefused {
                order: order.id,
                order_sha256,
                code: refusal.code,
                detail: refusal.detail.clone(),
            };
            audit::record(tx, now, Actor::Caller, event).await?;
        })
    }
}

/// The event that stands in the transaction of every intent.
pub(super) fn signing(intent: &Intent) -> Event {
    Event::Signing {
        issuer: intent.issuer.clone(),
        serial: intent.serial.clone(),
        order: intent.order,
        profile: intent.profile.clone(),
        tbs_sha256: digest(&intent.tbs),
        spki_sha256: intent.spki_sha256,
    }
}

/// The officer whom a carried-out order enters into the registry.
pub(super) fn officer_of(order: &OrderRecord) -> Result<Option<crate::domain::Officer>, StoreError> {
    let decoded = decode::<Order>(&order.statement).map_err(|e| StoreError::odd("ca_order", order.id, e))?;
    Ok(match decoded.act {
        Act::Issue { officer, .. } => officer,
        _ => None,
    })
}
