//! Carrying out orders: once.

use super::approval::approve;
use super::authority::Authority;
use super::evidence::{Evidence, digest, read_key, read_order};
use super::faults::Point;
use super::pair::pair_of;
use super::prepare::Prepared;
use super::stop::Stop;
use crate::audit::{self, Actor, Event};
use crate::domain::{Act, Order, Sha256, decode};
use crate::revocation;
use crate::service::protocol::{CertificateView, Refusal, RefusalCode, Submission};
use crate::store::{Intent, OfficerRecord, OrderRecord, StoreError};
use crate::unit_of_work;

impl Authority {
    /// Carries out an order, or says again what came of it.
    pub(super) async fn submit(&self, submission: Submission) -> Result<CertificateView, Stop> {
        let (order, sha256) = read_order(&submission)?;
        let _turn = self.turn_of(order.id).await;
        match self.submit_in_turn(submission, &order, sha256).await {
            Err(Stop::Refused(refusal)) => {
                self.note_refusal(&order, sha256, &refusal).await?;
                Err(refusal.into())
            }
            other => other,
        }
    }

    async fn submit_in_turn(
        &self,
        submission: Submission,
        order: &Order,
        sha256: Sha256,
    ) -> Result<CertificateView, Stop> {
        let known = self.store.begin_read().await?.order(order.id).await?;
        if let Some(known) = known {
            return self.submit_again(&submission, order, sha256, &known).await;
        }
        let again = submission.clone();
        let evidence = tokio::task::spawn_blocking(|| Evidence::read(submission))
            .await
            .map_err(|error| Stop::BadWork(error.to_string()))??;
        let carried_out = match &order.act {
            Act::Issue { .. } => self.issue(evidence).await,
            _ => self.change_status(evidence).await,
        };
        if !matches!(carried_out, Err(Stop::Overtaken)) {
            return carried_out;
        }
        let known = self.store.begin_read().await?.order(order.id).await?;
        let known = known.ok_or_else(|| StoreError::odd("ca_order", order.id, "gone"))?;
        self.submit_again(&again, order, sha256, &known).await
    }

    /// The same order again gives the same answer; anything else under its id is a replay.
    async fn submit_again(
        &self,
        submission: &Submission,
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
                if read_key(submission)?.spki_sha256() != first.intent.spki_sha256 {
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

    async fn issue(&self, evidence: Evidence) -> Result<CertificateView, Stop> {
        let now = self.clock.now();
        let mut tx = self.store.begin_read().await?;
        let approved = approve(&mut *tx, &evidence, now).await?;
        drop(tx);
        let order = approved.what().id;
        let Prepared { intents, envelope } = self.prepare(&approved, now).await?.redeem();
        self.faults.at(Point::BeforeIntent).await?;

        // The officers are looked up again where the intent is written: one may have been revoked meanwhile.
        unit_of_work!(&*self.store, Stop, |tx| {
            if tx.order(order).await?.is_some() {
                return Err(Stop::Overtaken);
            }
            let approved = approve(tx, &evidence, now).await?;
            approved.keep(tx).await?;
            for intent in &intents {
                revocation::still_issues::<Stop>(tx, &intent.issuer).await?;
                if let Some(other) = tx.order_of_key(intent.spki_sha256).await? {
                    let detail = format!("the key is known from order {other}");
                    return Err(Stop::refuse(RefusalCode::KeyNotAccepted, detail));
                }
                tx.add_intent(intent).await?;
                audit::record(tx, now, officers(approved.officers()), signing(intent)).await?;
            }
            if let Some(envelope) = &envelope {
                tx.add_envelope(order, envelope).await?;
            }
        })?;
        metrics::counter!("ca_intents_total").increment(1);
        self.faults.at(Point::IntentDurable).await?;

        self.finish(&intents, false).await?;
        self.view_of(order).await
    }

    async fn change_status(&self, evidence: Evidence) -> Result<CertificateView, Stop> {
        let now = self.clock.now();
        let (issuer, serial) = unit_of_work!(&*self.store, Stop, |tx| {
            let approved = approve(tx, &evidence, now).await?;
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
            for record in pair_of(tx, issuer, serial).await? {
                let Intent { issuer, serial, validity, .. } = &record.intent;
                let change = revocation::Change { issuer, serial, status, not_after: validity.not_after };
                revocation::change(tx, now, officers(approved.officers()), Some(order.id), change).await?;
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

fn officers(records: &[OfficerRecord]) -> Actor {
    Actor::Officers(records.iter().map(|record| record.officer.id.clone()).collect())
}

/// The officer whom a carried-out order enters into the registry.
pub(super) fn officer_of(order: &OrderRecord) -> Result<Option<crate::domain::Officer>, StoreError> {
    let decoded = decode::<Order>(&order.statement).map_err(|e| StoreError::odd("ca_order", order.id, e))?;
    Ok(match decoded.act {
        Act::Issue { officer, .. } => officer,
        _ => None,
    })
}
