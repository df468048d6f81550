//! From a durable intent to a durable certificate; also after a crash.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::authority::Authority;
use super::faults::Point;
use super::issuing::Issuing;
use super::stop::{Stop, listed};
use super::together::{self, Finished};
use crate::domain::OrderId;
use crate::encode::certificate::assemble;
use crate::keys::SignatureAlgorithm;
use crate::lint;
use crate::profile::{Profile, Profiles};
use crate::service::protocol::RefusalCode;
use crate::store::Intent;
use crate::x509::Parts;

/// Intents that are looked at in one round.
const ROUND: i64 = 1000;

impl Authority {
    /// Signs the stored bytes of an order and stores what that makes, the two of a pair together. The caller holds
    /// the turn of the order, or is alone.
    ///
    /// If another process stored its own signature over the same bytes first, that one stands and ours is thrown
    /// away: nobody was told of it, and the answer is `None`.
    pub(super) async fn finish(
        &self,
        intents: &Arc<[Intent]>,
        reconciled: bool,
    ) -> Result<Option<Arc<[Vec<u8>]>>, Stop> {
        let mut issuers = Vec::new();
        for intent in &**intents {
            let issuing = self.issuers.get(&intent.issuer).cloned();
            issuers.push(issuing.ok_or_else(|| Stop::BadWork(format!("no key for issuer {}", intent.issuer)))?);
        }
        let profiles = self.profiles.clone();
        let sign_all = move |orders: Vec<ToSign>| {
            let profiles = profiles.clone();
            let sign_each = move || orders.iter().map(|order| sign_order(&profiles, order)).collect();
            async move { tokio::task::spawn_blocking(sign_each).await.unwrap_or_default() }
        };
        let certificates =
            self.signings.hand_in(ToSign { issuers, intents: intents.clone(), reconciled }, sign_all).await??;
        self.faults.at(Point::Signed).await?;

        let (store, clock) = (self.store.clone(), self.clock.clone());
        let complete = move |all| together::complete(store.clone(), clock.now(), all);
        let finished = Finished { intents: intents.clone(), certificates: certificates.clone(), reconciled };
        let first = self.completions.hand_in(finished, complete).await??;
        if first {
            for intent in &**intents {
                metrics::counter!("ca_certificates_total", "profile" => intent.profile.to_string()).increment(1);
                tracing::info!(
                    serial = %intent.serial, issuer = %intent.issuer, profile = %intent.profile, order = %intent.order,
                    reconciled, "Issued {} certificate {}", intent.profile, intent.serial
                );
            }
        }
        self.faults.at(Point::CertificateDurable).await?;
        Ok(first.then_some(certificates))
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
        let mut tx = self.store.begin_read().await?;
        let records = tx.certificates_of_order(order).await?;
        let Some(open) = records.iter().find(|record| record.made.is_none()) else { return Ok(false) };
        if tx.status(&open.intent.issuer, &open.intent.serial).await?.is_some() {
            return Err(Stop::refuse(RefusalCode::WrongState, format!("order {order} was given up")));
        }
        drop(tx);
        let intents: Arc<[Intent]> = records.into_iter().map(|record| record.intent).collect();
        self.finish(&intents, true).await?;
        Ok(true)
    }
}

/// What is to be signed of one order.
pub(super) struct ToSign {
    /// The issuer of each.
    issuers: Vec<Arc<Issuing>>,
    intents: Arc<[Intent]>,
    reconciled: bool,
}

/// The certificates of one order.
pub(super) type Signed = Result<Arc<[Vec<u8>]>, Stop>;

fn sign_order(profiles: &Profiles, order: &ToSign) -> Signed {
    let sign_one = |(issuing, intent): (&Arc<Issuing>, &Intent)| {
        let profile = profiles.find(&intent.profile);
        let profile = profile.ok_or_else(|| Stop::BadWork("its profile is not there any more".into()))?;
        sign(issuing, profile, &intent.tbs, order.reconciled)
    };
    order.issuers.iter().zip(order.intents.iter()).map(sign_one).collect()
}

/// Signs, and looks at the work. What an interruption left is held against the rules once more, for they may have
/// changed; what was linted a moment ago must only be the same bytes, with a signature that verifies.
fn sign(issuing: &Issuing, profile: &Profile, tbs: &[u8], reconciled: bool) -> Result<Vec<u8>, Stop> {
    let algorithm = issuing.cert_key.algorithm();
    let signature = issuing.cert_key.sign(tbs)?;
    if reconciled {
        return checked(tbs, algorithm, &signature, &issuing.context(profile));
    }
    let certificate = assemble(tbs, algorithm, &signature);
    let parts = Parts::read(&certificate).map_err(|error| Stop::BadWork(error.to_string()))?;
    if parts.tbs.whole != tbs {
        return Err(Stop::BadWork("the certificate is not what was to be signed".into()));
    }
    let verified = issuing.public_key().verify_with(algorithm, parts.tbs.whole, parts.signature);
    verified.map_err(|error| Stop::BadWork(error.to_string()))?;
    Ok(certificate)
}

/// Puts a certificate together and looks at it as a stranger would.
pub(crate) fn checked(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    context: &lint::CertificateContext<'_>,
) -> Result<Vec<u8>, Stop> {
    let certificate = assemble(tbs, algorithm, signature);
    let findings = lint::signed_certificate(&certificate, context);
    if findings.is_empty() { Ok(certificate) } else { Err(Stop::BadWork(listed(&findings))) }
}
