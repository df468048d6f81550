//! Intents that cannot be finished any more, and what becomes of them.
//!
//! An intent stays open when its key is gone for good, or when the rules became stricter between the crash that left
//! it open and the restart. Its serial number may stand in a signature that got lost, so it is not forgotten: it is
//! revoked without a certificate, on the operator's word, in the audit chain, on the lists and in the feed.

use super::evidence::MAX_WHY_CHARS;
use super::stop::Stop;
use crate::audit::{self, Actor, Event};
use crate::domain::{CertificateStatus, OrderId, RevocationReason, Timestamp};
use crate::revocation;
use crate::service::protocol::RefusalCode;
use crate::store::{Intent, Store};
use crate::unit_of_work;

/// Intents that are listed at once.
const MOST: i64 = 1000;

/// Intents that are not complete, oldest first, at most a thousand.
///
/// # Errors
/// [`Stop::Store`].
pub async fn open_intents(store: &dyn Store) -> Result<Vec<Intent>, Stop> {
    let open = store.begin_read().await?.open_intents(MOST).await?;
    Ok(open.into_iter().map(|record| record.intent).collect())
}

/// Gives up what an order left open: it will never be a certificate, and its serial numbers are revoked.
///
/// # Errors
/// [`Stop::Refused`]: `NotFound` when the order left nothing open, `Malformed` when the reason is too long.
pub async fn give_up(store: &dyn Store, now: Timestamp, order: OrderId, why: &str) -> Result<Vec<Intent>, Stop> {
    if why.chars().count() > MAX_WHY_CHARS {
        let detail = format!("the reason is longer than {MAX_WHY_CHARS} characters");
        return Err(Stop::refuse(RefusalCode::Malformed, detail));
    }
    unit_of_work!(store, Stop, |tx| {
        let mut given_up = Vec::new();
        for record in tx.certificates_of_order(order).await? {
            let intent = record.intent;
            if record.made.is_some() || tx.status(&intent.issuer, &intent.serial).await?.is_some() {
                continue;
            }
            let event = Event::GivenUp {
                issuer: intent.issuer.clone(),
                serial: intent.serial.clone(),
                order,
                why: why.to_owned(),
            };
            audit::record(tx, now, Actor::Operator, event).await?;
            let change = revocation::Change {
                issuer: &intent.issuer,
                serial: &intent.serial,
                status: CertificateStatus::Revoked { since: now, reason: RevocationReason::CessationOfOperation },
                not_after: intent.validity.not_after,
            };
            revocation::change(tx, now, Actor::Operator, None, change).await?;
            given_up.push(intent);
        }
        if given_up.is_empty() {
            return Err(Stop::refuse(RefusalCode::NotFound, format!("order {order} left nothing open")));
        }
        given_up
    })
}
