//! The end of an issuer: it issues no more, goes on listing while something can change, and then lists for the last
//! time.

use crate::audit::{self, Actor, Event};
use crate::domain::{IssuerId, ListKind, Timestamp};
use crate::service::protocol::{Refusal, RefusalCode};
use crate::store::{StoreError, Tx};

use super::publisher::is_closing;

/// Notes that an issuer issues no more. `false` if it was retired before.
///
/// # Errors
/// [`StoreError`]; then nothing of it may be committed.
pub async fn retire(tx: &mut dyn Tx, issuer: &IssuerId, now: Timestamp) -> Result<bool, StoreError> {
    let first = tx.retire(issuer, now).await?;
    if first {
        audit::record(tx, now, Actor::Operator, Event::IssuerRetired { issuer: issuer.clone() }).await?;
        tracing::info!(%issuer, "Issuer {issuer} is retired");
    }
    Ok(first)
}

/// Whether an issuer still issues, asked in the unit of work of the intent: a retirement may have come meanwhile.
///
/// # Errors
/// [`RefusalCode::IssuerRetired`], or the store's.
pub async fn still_issues<E>(tx: &mut dyn Tx, issuer: &IssuerId) -> Result<(), E>
where
    E: From<StoreError> + From<Refusal>,
{
    match tx.retired(issuer).await? {
        None => Ok(()),
        Some(since) => {
            let detail = format!("{issuer} issues no more since {}", since.beijing_text());
            Err(Refusal { code: RefusalCode::IssuerRetired, detail }.into())
        }
    }
}

/// Whether an issuer still lists: after its last list no status may change, for nobody would look.
///
/// # Errors
/// [`RefusalCode::IssuerRetired`], or the store's.
pub async fn still_lists<E>(tx: &mut dyn Tx, issuer: &IssuerId) -> Result<(), E>
where
    E: From<StoreError> + From<Refusal>,
{
    let last = tx.last_planned_crl(issuer, ListKind::Full).await?;
    if last.is_some_and(|last| is_closing(&last)) {
        let detail = format!("the last list of {issuer} is published");
        return Err(Refusal { code: RefusalCode::IssuerRetired, detail }.into());
    }
    Ok(())
}
