//! The one order that a unit gives itself: its certificate again, for more years, signed by that certificate's own key
//! (`domain.md` §3.10). Nothing else about the certificate changes, so that nobody needs to examine anything.
//!
//! Trusts the store alone for whose certificate it is. An expired certificate says who renews, and nothing else.

use super::evidence::Evidence;
use super::stop::Stop;
use crate::domain::{Order, Sha256, Timestamp, decode};
use crate::service::protocol::RefusalCode;
use crate::store::{StoreError, Tx};

/// How old such an order may be: its bill has weeks to be paid, and the token need not be at hand the same day.
pub(super) const MAX_AGE_SECONDS: i64 = 90 * 86_400;
/// So long after its end a certificate still says who renews; later the identity is checked anew (`domain.md` §3.5).
const MAX_LATE_SECONDS: i64 = 366 * 86_400;

/// The certificate whose holder gives this order; `None` for an order that is not a holder's to give, or that another
/// signed: officers give that. What the order may ask for is looked at where it is prepared
/// ([`super::replace::end_of_old`]): the same subject and profile, the certificate good and not replaced before.
///
/// # Errors
/// [`RefusalCode::KeyNotBound`] when another key than the holder's bound the new one, [`RefusalCode::WrongState`] when
/// the certificate ended too long ago, [`RefusalCode::WrongRole`] when the order names another office than the
/// certificate's.
pub(super) async fn giver(tx: &mut dyn Tx, evidence: &Evidence, now: Timestamp) -> Result<Option<Sha256>, Stop> {
    let (Some(replaces), [voice], Some(key)) =
        (evidence.order.holders_renewal(), &evidence.approvals[..], &evidence.key)
    else {
        return Ok(None);
    };
    let Some(old) = tx.certificate(&replaces.issuer, &replaces.serial).await? else { return Ok(None) };
    if old.made.as_ref().is_none_or(|made| made.sha256 != voice.certificate_sha256) {
        return Ok(None);
    }
    if key.operator.certificate_sha256 != voice.certificate_sha256 {
        return Err(Stop::refuse(RefusalCode::KeyNotBound, "another key than the holder's bound the new one"));
    }
    if now.since(old.intent.validity.not_after) > MAX_LATE_SECONDS {
        return Err(Stop::refuse(
            RefusalCode::WrongState,
            "the certificate ended too long ago to be renewed by its key",
        ));
    }
    let before = tx.order(old.intent.order).await?;
    let before = before.ok_or_else(|| StoreError::odd("certificate", old.intent.order, "no order"))?;
    let before = decode::<Order>(&before.statement).map_err(|e| StoreError::odd("ca_order", before.id, e))?;
    if before.office != evidence.order.office {
        return Err(Stop::refuse(RefusalCode::WrongRole, "the order names another office than the certificate's"));
    }
    Ok(Some(voice.certificate_sha256))
}
