//! The service's own certificates: until when they hold, and whether the authority stands by them. A record under a
//! certificate that was revoked proves nothing, and nobody else would notice: these certificates belong to no unit.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ca_core::chain::ChainValid;
use ca_core::clock::Clock;
use ca_core::domain::Timestamp;

use super::metrics::Meters;
use crate::client::{Client, StatusError};
use crate::http::Watched;

/// So long before the end of a certificate the operator is told: a new key, an order and two officers take their time.
const NOTICE_SECONDS: i64 = 30 * 86_400;
/// How often the responder is asked about them, and so how old our knowledge is while nobody else asks.
const EVERY: Duration = Duration::from_secs(30);

/// A certificate of the service.
pub(super) struct Own {
    /// What it is for.
    pub(super) name: &'static str,
    chain: ChainValid,
    /// What the responder said last against it.
    refused: Mutex<Option<String>>,
}

impl Own {
    pub(super) const fn new(name: &'static str, chain: ChainValid) -> Self {
        Self { name, chain, refused: Mutex::new(None) }
    }

    fn until(&self) -> Timestamp {
        self.chain.validity().not_after
    }

    fn refusal(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks about it; whether the authority stands by it, if that could be found out.
    async fn ask(&self, client: &Client, meters: &Meters) -> Option<bool> {
        let refusal = match client.check(&self.chain).await {
            Ok(proof) => {
                meters.heard(proof.as_of());
                None
            }
            Err(error @ (StatusError::Revoked { .. } | StatusError::Held { .. } | StatusError::Unknown { .. })) => {
                Some(error.to_string())
            }
            Err(error) => {
                tracing::debug!(certificate = self.name, %error, "Nobody could say whether it is good");
                return None;
            }
        };
        let good = refusal.is_none();
        meters.stands(self.name, good);
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        Some(good)
    }
}

/// Whether a certificate that ends at this moment is to be replaced, in words: 30 days before it and after it.
pub(super) fn notice(until: Timestamp, now: Timestamp) -> Option<String> {
    let left = until.since(now);
    let at = until.beijing_text();
    match left {
        ..0 => Some(format!("ended at {at}")),
        0..NOTICE_SECONDS => Some(format!("ends in {} days, at {at}: have another certified", left / 86_400)),
        _ => None,
    }
}

/// All of them.
pub(super) struct OwnCertificates {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) meters: Arc<Meters>,
    pub(super) all: Vec<Own>,
    /// The day on which the log was last told what ends soon.
    told: AtomicI64,
}

impl OwnCertificates {
    pub(super) const fn new(clock: Arc<dyn Clock>, meters: Arc<Meters>, all: Vec<Own>) -> Self {
        Self { clock, meters, all, told: AtomicI64::new(i64::MIN) }
    }

    /// Asks about them again and again; never returns.
    pub(super) async fn watch(&self, client: &Client) {
        loop {
            for own in &self.all {
                let before = own.refusal();
                if own.ask(client, &self.meters).await == Some(false) && before.is_none() {
                    let why = own.refusal().unwrap_or_default();
                    tracing::error!(certificate = own.name, why, "The authority does not stand by our certificate");
                }
            }
            self.remind();
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Tells the log once a day what ends soon.
    fn remind(&self) {
        let now = self.clock.now();
        let day = now.unix().div_euclid(86_400);
        if self.told.swap(day, Ordering::Relaxed) == day {
            return;
        }
        for own in &self.all {
            if let Some(notice) = notice(own.until(), now) {
                tracing::warn!(certificate = own.name, "Our certificate {notice}");
            }
        }
    }
}

impl Watched for OwnCertificates {
    fn complaints(&self) -> Vec<String> {
        let now = self.clock.now();
        let complaint = |own: &Own| {
            let over = (own.until() < now).then(|| format!("ended at {}", own.until().beijing_text()));
            let why = over.or_else(|| own.refusal())?;
            Some(format!("the certificate of {}: {why}", own.name))
        };
        self.all.iter().filter_map(complaint).collect()
    }

    fn metrics(&self) -> String {
        let now = self.clock.now();
        for own in &self.all {
            self.meters.holds(own.name, own.until().since(now));
        }
        self.meters.render(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_told_a_month_before_the_end() {
        const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
        for (days, said) in [(31, None), (29, Some("ends in 29 days")), (0, Some("ends in 0 days"))] {
            let notice = notice(NOW.plus(days * 86_400 + 1), NOW);
            assert_eq!(notice.is_some(), said.is_some(), "{days}");
            assert!(said.is_none_or(|said| notice.is_some_and(|notice| notice.starts_with(said))), "{days}");
        }
        assert!(notice(NOW.plus(-1), NOW).is_some_and(|notice| notice.starts_with("ended at ")));
    }
}
