//! From a durable intent to a durable certificate; also after a crash.

use std::collections::BTreeSet;

use super::authority::Authority;
use super::evidence::digest;
use super::faults::Point;
use super::issuing::Issuing;
use super::stop::{Stop, listed};
use super::submit::officer_of;
use crate::audit::{self, Actor, Event};
use crate::domain::{CertificateStatus, OrderId, StatusChange};
use crate::encode::certificate::assemble;
use crate::keys::SignatureAlgorithm;
use crate::lint;
use crate::profile::Profile;
use crate::store::{Intent, OfficerRecord};
use crate::unit_of_work;

/// Intents that are looked at in one round.
const ROUND: i64 = 1000;

impl Authority {
    /// Signs the stored bytes of an order and stores what that makes, the two of a pair together. The caller holds
    /// the turn of the order, or is alone.
    ///
    /// If another process stored its own signature over the same bytes first, that one stands and ours is thrown
    /// away: nobody was told of it.
    pub(super) async fn finish(&self, intents: &[Intent], reconciled: bool) -> Result<(), Stop> {
        let mut work = Vec::new();
        for intent in intents {
            let issuing = self.issuers.get(&intent.issuer).cloned();
            let issuing = issuing.ok_or_else(|| Stop::BadWork(format!("no key for issuer {}", intent.issuer)))?;
            let profile = self.profiles.find(&intent.profile).cloned();
            let profile = profile.ok_or_else(|| Stop::BadWork(format!("there is no profile {}", intent.profile)))?;
            work.push((issuing, profile, intent.tbs.clone()));
        }
        let sign_all = move || work.iter().map(|(issuing, profile, tbs)| sign(issuing, profile, tbs)).collect();
        let certificates: Result<Vec<Vec<u8>>, Stop> =
            tokio::task::spawn_blocking(sign_all).await.map_err(|error| Stop::BadWork(error.to_string()))?;
        let certificates = certificates?;
        self.faults.at(Point::Signed).await?;

        let now = self.clock.now();
        let first = unit_of_work!(&*self.store, Stop, |tx| {
            let mut first = true;
            for (intent, certificate) in intents.iter().zip(&certificates) {
                let sha256 = digest(certificate);
                first = tx.complete(&intent.issuer, &intent.serial, certificate, sha256, now).await?;
                if !first {
                    break;
                }
                let change = StatusChange {
                    seq: tx.feed().await?.head + 1,
                    issuer: intent.issuer.clone(),
                    serial: intent.serial.clone(),
                    status: CertificateStatus::Good,
                    not_after: intent.validity.not_after,
                };
                tx.set_status(&change, now).await?;
                let event = Event::Signed {
                    issuer: intent.issuer.clone(),
                    serial: intent.serial.clone(),
                    order: intent.order,
                    certificate_sha256: sha256,
                    reconciled,
                };
                audit::record(tx, now, Actor::Authority, event).await?;
                if let Some(order) = tx.order(intent.order).await?
                    && let Some(officer) = officer_of(&order)?
                {
                    let record = OfficerRecord {
                        officer: officer.clone(),
                        certificate_sha256: sha256,
                        issuer: intent.issuer.clone(),
                        serial: intent.serial.clone(),
                        not_after: intent.validity.not_after,
                        entered: now,
                    };
                    tx.add_officer(&record).await?;
                    let event = Event::OfficerEntered { officer, certificate_sha256: sha256 };
                    audit::record(tx, now, Actor::Authority, event).await?;
                }
            }
            first
        })?;
        if first {
            for intent in intents {
                metrics::counter!("ca_certificates_total", "profile" => intent.profile.to_string()).increment(1);
                tracing::info!(
                    serial = %intent.serial, issuer = %intent.issuer, profile = %intent.profile, order = %intent.order,
                    reconciled, "Issued {} certificate {}", intent.profile, intent.serial
                );
            }
        }
        self.faults.at(Point::CertificateDurable).await?;
        Ok(())
    }

    /// Finishes every intent that an interruption left without a certificate. Run before the first request is
    /// answered, and now and then: nothing is issued twice, for the stored bytes are signed again.
    ///
    /// # Errors
    /// [`Stop`] of the first that cannot be finished; the others are.
    pub async fn reconcile(&self) -> Result<usize, Stop> {
        let open = self.store.begin_read().await?.open_intents(ROUND).await?;
        let orders: BTreeSet<OrderId> = open.into_iter().map(|record| record.intent.order).collect();
        let (mut finished, mut failed) = (0, None);
        for order in orders {
            match self.finish_if_open(order).await {
                Ok(false) => {}
                Ok(true) => finished += 1,
                Err(stop) => failed = failed.or(Some(stop)),
            }
        }
        failed.map_or(Ok(finished), Err)
    }

    /// A request may be at work on it, or have finished it since it was read.
    async fn finish_if_open(&self, order: OrderId) -> Result<bool, Stop> {
        let _turn = self.turn_of(order).await;
        self.finish_open(order).await
    }

    /// Finishes what an order left open; whether there was anything. The caller holds its turn.
    pub(super) async fn finish_open(&self, order: OrderId) -> Result<bool, Stop> {
        let records = self.store.begin_read().await?.certificates_of_order(order).await?;
        if records.iter().all(|record| record.made.is_some()) {
            return Ok(false);
        }
        let intents: Vec<Intent> = records.into_iter().map(|record| record.intent).collect();
        self.finish(&intents, true).await?;
        Ok(true)
    }
}

/// Signs, and looks at the work: the whole certificate passes its lint, and its signature verifies.
fn sign(issuing: &Issuing, profile: &Profile, tbs: &[u8]) -> Result<Vec<u8>, Stop> {
    let signature = issuing.cert_key.sign(tbs)?;
    checked(tbs, issuing.cert_key.algorithm(), &signature, profile, Some(issuing.certificate()))
}

/// Puts a certificate together and looks at it as a stranger would. `issuer`: `None` for a root.
pub(crate) fn checked(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    profile: &Profile,
    issuer: Option<&[u8]>,
) -> Result<Vec<u8>, Stop> {
    let certificate = assemble(tbs, algorithm, signature);
    let findings = lint::signed_certificate(&certificate, &lint::CertificateContext { profile, issuer });
    if findings.is_empty() { Ok(certificate) } else { Err(Stop::BadWork(listed(&findings))) }
}
