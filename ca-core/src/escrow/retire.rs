//! Into history: keys whose certificate has ended, by the authority's word.

use super::event::{Actor, Ended, Entry, Event};
use super::kmc::Kmc;
use super::stop::Stop;
use super::store::Taken;
use crate::audit;
use crate::domain::{CertificateStatus, Sha256, Timestamp};
use crate::service::protocol::CertificateView;
use crate::unit_of_work;
use crate::x509::Parts;

/// Keys of one round.
const PAGE: i64 = 200;
/// When an order that made no certificate can no longer make one: a day more than the authority's bound.
const ORDER_LIFE_SECONDS: i64 = 31 * 86_400;

impl Kmc {
    /// Looks at the next keys in use after `after`, and puts those into history that have ended. Answers where it came
    /// to; `None` after the last.
    ///
    /// # Errors
    /// When the authority cannot be asked or storage fails; what was retired before stays retired.
    pub(super) async fn retire_ended(&self, after: Option<Sha256>) -> Result<Option<Sha256>, Stop> {
        let page = self.store.begin_read().await?.in_use_after(after, PAGE).await?;
        let last = page.last().map(|(name, _)| *name);
        for (spki_sha256, taken) in page {
            let now = self.clock.now();
            let Some(why) = self.ended(spki_sha256, &taken, now).await? else { continue };
            let event = Event::KeyRetired { spki_sha256, order: taken.order, why };
            let entry = Entry { actor: Actor::Centre, event };
            let _turn = self.turn.lock().await;
            unit_of_work!(begin self.store.begin(), Stop, |tx| {
                if tx.retire(spki_sha256, now).await? {
                    audit::append(tx, now, &entry).await?;
                }
            })?;
        }
        Ok(last)
    }

    async fn ended(&self, spki_sha256: Sha256, taken: &Taken, now: Timestamp) -> Result<Option<Ended>, Stop> {
        Ok(match self.witness.order(taken.order).await? {
            Some(view) if certified(&view).is_some_and(|other| other != spki_sha256) => Some(Ended::Superseded),
            Some(view) if matches!(view.status, CertificateStatus::Revoked { .. }) => Some(Ended::Revoked),
            Some(view) if now > view.validity.not_after => Some(Ended::Expired),
            None if now.since(taken.at) > ORDER_LIFE_SECONDS => Some(Ended::NeverIssued),
            _ => None,
        })
    }
}

/// The name of the encryption key that the order's pair has.
pub(super) fn certified(view: &CertificateView) -> Option<Sha256> {
    let parts = Parts::read(&view.encryption.as_ref()?.certificate.0).ok()?;
    Some(Sha256(openssl::sha::sha256(parts.tbs.spki)))
}
