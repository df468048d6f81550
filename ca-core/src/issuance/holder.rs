//! The orders that a unit gives itself, with the key of the very certificate that they are about (`domain.md` §3.9, §3.10):
//! that certificate again, for more years, or its end. Nothing else about it changes, so that nobody needs to examine
//! anything.
//!
//! Trusts the store alone for whose certificate it is. An expired certificate says who renews, and nothing else; one that is
//! held says nothing, for another may have found its token.

use super::evidence::Evidence;
use super::stop::Stop;
use crate::domain::{Act, CertificateStatus, Order, Sha256, Timestamp, decode};
use crate::service::protocol::RefusalCode;
use crate::store::{StoreError, Tx};

/// How old the order of a renewal may be: its bill has weeks to be paid, and the token need not be at hand the same day.
pub(super) const MAX_AGE_SECONDS: i64 = 90 * 86_400;
/// So long after its end a certificate still says who renews; later the identity is checked anew (`domain.md` §3.5).
const MAX_LATE_SECONDS: i64 = 366 * 86_400;

/// The certificate whose holder gives this order; `None` for an order that is not a holder's to give, or that another
/// signed: officers give that. What a renewal may ask for is looked at where it is prepared
/// ([`super::replace::end_of_old`]): the same subject and profile, the certificate good and not replaced before.
///
/// # Errors
/// [`RefusalCode::KeyNotBound`] when another key than the holder's bound the new one, [`RefusalCode::WrongState`] when
/// the certificate ended too long ago or is not good, [`RefusalCode::WrongRole`] when the order names another office than
/// the certificate's.
pub(super) async fn giver(tx: &mut dyn Tx, evidence: &Evidence, now: Timestamp) -> Result<Option<Sha256>, Stop> {
    let Order { act, office, .. } = &*evidence.order;
    let (issuer, serial) = match (evidence.order.holders_renewal(), evidence.order.holders_end()) {
        (Some(replaces), _) => (&replaces.issuer, &replaces.serial),
        (None, Some(own)) => own,
        (None, None) => return Ok(None),
    };
    let [voice] = &evidence.approvals[..] else { return Ok(None) };
    let Some(own) = tx.certificate(issuer, serial).await? else { return Ok(None) };
    if own.made.as_ref().is_none_or(|made| made.sha256 != voice.certificate_sha256) {
        return Ok(None);
    }
    // An officer's certificate is the administrators' affair.
    if tx.officer_of(issuer, serial).await?.is_some() {
        return Ok(None);
    }
    match (act, &evidence.key) {
        (Act::Issue { .. }, Some(key)) => {
            if key.operator.certificate_sha256 != voice.certificate_sha256 {
                return Err(Stop::refuse(RefusalCode::KeyNotBound, "another key than the holder's bound the new one"));
            }
            if now.since(own.intent.validity.not_after) > MAX_LATE_SECONDS {
                return Err(Stop::refuse(
                    RefusalCode::WrongState,
                    "the certificate ended too long ago to be renewed by its key",
                ));
            }
        }
        (Act::Issue { .. }, None) => return Ok(None),
        _ => {
            let status = tx.status(issuer, serial).await?.map(|record| record.status);
            if status != Some(CertificateStatus::Good) || !own.intent.validity.contains(now) {
                return Err(Stop::refuse(RefusalCode::WrongState, "the holder's certificate is not good"));
            }
        }
    }
    let before = tx.order(own.intent.order).await?;
    let before = before.ok_or_else(|| StoreError::odd("certificate", own.intent.order, "no order"))?;
    let before = decode::<Order>(&before.statement).map_err(|e| StoreError::odd("ca_order", before.id, e))?;
    if before.office != *office {
        return Err(Stop::refuse(RefusalCode::WrongRole, "the order names another office than the certificate's"));
    }
    Ok(Some(voice.certificate_sha256))
}
