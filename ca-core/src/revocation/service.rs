//! The change of a status.

use crate::audit::{self, Actor, Event};
use crate::domain::{Act, CertificateStatus, IssuerId, OrderId, Serial, StatusChange, Timestamp};
use crate::service::protocol::{Refusal, RefusalCode};
use crate::store::{StoreError, Tx};

/// What an order makes of a status: good → held or revoked, held → good or revoked, revoked stays.
///
/// # Errors
/// [`RefusalCode::WrongState`] when the status does not allow it, [`RefusalCode::Malformed`] for an issue.
pub fn transition(status: CertificateStatus, act: &Act, now: Timestamp) -> Result<CertificateStatus, Refusal> {
    use CertificateStatus::{Good, Held, Revoked};
    let refuse = |code, detail: &str| Err(Refusal { code, detail: detail.to_owned() });
    match (act, status) {
        (Act::Revoke { reason, .. }, Good | Held { .. }) => Ok(Revoked { since: now, reason: *reason }),
        (Act::Hold { .. }, Good) => Ok(Held { since: now }),
        (Act::Release { .. }, Held { .. }) => Ok(Good),
        (Act::Release { .. }, Good) => refuse(RefusalCode::WrongState, "the certificate is not held"),
        (Act::Hold { .. }, Held { .. }) => refuse(RefusalCode::WrongState, "the certificate is held already"),
        (_, Revoked { .. }) => refuse(RefusalCode::WrongState, "the certificate is revoked for good"),
        (Act::Issue { .. }, _) => refuse(RefusalCode::Malformed, "an issue is no change of status"),
    }
}

/// A new status for a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Who issued it.
    pub issuer: &'a IssuerId,
    /// Its serial number.
    pub serial: &'a Serial,
    /// What becomes true.
    pub status: CertificateStatus,
    /// Its notAfter.
    pub not_after: Timestamp,
}

/// Writes status, line of the feed and audit event into a unit of work.
///
/// # Errors
/// [`StoreError`]; then nothing of it may be committed.
pub async fn change(
    tx: &mut dyn Tx,
    now: Timestamp,
    actor: Actor,
    order: Option<OrderId>,
    change: Change<'_>,
) -> Result<(), StoreError> {
    let Change { issuer, serial, status, not_after } = change;
    let seq = tx.feed().await?.head + 1;
    let line = StatusChange { seq, issuer: issuer.clone(), serial: serial.clone(), status, not_after };
    tx.set_status(&line, now).await?;
    let event = Event::StatusChanged { issuer: issuer.clone(), serial: serial.clone(), status, seq, order };
    audit::record(tx, now, actor, event).await?;
    tracing::info!(%serial, %issuer, ?status, "Certificate {serial} of {issuer} is now {status:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RevocationReason;

    #[test]
    fn a_revocation_is_for_good() {
        let issuer = IssuerId::new("unit-p256").unwrap();
        let serial: Serial = "4001".parse().unwrap();
        let now = Timestamp::from_unix(1_795_000_000);
        let revoked = CertificateStatus::Revoked { since: now, reason: RevocationReason::KeyCompromise };
        let acts = [
            Act::Release { issuer: issuer.clone(), serial: serial.clone() },
            Act::Hold { issuer: issuer.clone(), serial: serial.clone() },
            Act::Revoke { issuer, serial, reason: RevocationReason::Superseded },
        ];
        for act in acts {
            assert_eq!(transition(revoked, &act, now).unwrap_err().code, RefusalCode::WrongState);
        }
    }
}
