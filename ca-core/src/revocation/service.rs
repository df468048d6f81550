//! The change of a status.

use crate::audit::{self, Actor, Event};
use crate::domain::{Act, CertificateStatus, IssuerId, OrderId, RevocationReason, Serial, StatusChange, Timestamp};
use crate::service::protocol::{Refusal, RefusalCode};
use crate::store::{StoreError, Tx};

/// What an order makes of a status: good → held or revoked, held → good or revoked; revoked stays, and only its
/// reason may become `key_compromise`.
///
/// # Errors
/// [`RefusalCode::WrongState`] when the status does not allow it, [`RefusalCode::Malformed`] for an issue.
pub fn transition(status: CertificateStatus, act: &Act, now: Timestamp) -> Result<CertificateStatus, Refusal> {
    use CertificateStatus::{Good, Held, Revoked};
    const COMPROMISED: RevocationReason = RevocationReason::KeyCompromise;
    let refuse = |code, detail: &str| Err(Refusal { code, detail: detail.to_owned() });
    let wrong = |detail| refuse(RefusalCode::WrongState, detail);
    match (act, status) {
        (Act::Issue { .. }, _) => refuse(RefusalCode::Malformed, "an issue is no change of status"),
        (Act::Revoke { reason, .. }, Good | Held { .. }) => Ok(Revoked { since: now, reason: *reason }),
        (Act::Hold { .. }, Good) => Ok(Held { since: now }),
        (Act::Hold { .. }, Held { .. }) => wrong("the certificate is held already"),
        (Act::Release { .. }, Held { .. }) => Ok(Good),
        (Act::Release { .. }, Good) => wrong("the certificate is not held"),
        (Act::Amend { .. }, Good | Held { .. }) => wrong("the certificate is not revoked"),
        (Act::Amend { .. }, Revoked { reason: COMPROMISED, .. }) => {
            wrong("the certificate is revoked for this reason already")
        }
        (Act::Amend { .. }, Revoked { since, .. }) => Ok(Revoked { since, reason: COMPROMISED }),
        (Act::Revoke { .. } | Act::Hold { .. } | Act::Release { .. }, Revoked { .. }) => {
            wrong("the certificate is revoked for good")
        }
    }
}

/// Whether an order may say that a key can no longer be believed since this moment: of a compromised one, not before the
/// certificate and not in the future (RFC 5280 §5.3.2).
///
/// # Errors
/// [`RefusalCode::Malformed`].
pub fn may_be_invalid_since(
    date: Timestamp,
    reason: RevocationReason,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<(), Refusal> {
    let wrong = match reason {
        RevocationReason::KeyCompromise if date > now => "the date of invalidity is in the future",
        RevocationReason::KeyCompromise if date < not_before => "the date of invalidity is before the certificate",
        RevocationReason::KeyCompromise => return Ok(()),
        _ => "only of a compromised key is said since when it cannot be believed",
    };
    Err(Refusal { code: RefusalCode::Malformed, detail: wrong.to_owned() })
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
    use CertificateStatus::{Good, Held, Revoked};

    const BEFORE: Timestamp = Timestamp::from_unix(1_794_000_000);
    const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

    fn acts() -> [Act; 5] {
        let about = |act: &str, rest: &str| {
            let json = format!(r#"{{"act":"{act}","issuer":"unit-p256"{rest}}}"#);
            serde_json::from_str(&json).expect("an act")
        };
        const SERIAL: &str = r#","serial":"4001""#;
        const ISSUE: &str = r#","profile":"unit-sign","subject":{},"years":1,"key":"P-256","officer":null"#;
        [
            about("revoke", &format!(r#"{SERIAL},"reason":"superseded""#)),
            about("hold", SERIAL),
            about("release", SERIAL),
            about("amend", SERIAL),
            about("issue", ISSUE),
        ]
    }

    /// Every status with every act: what becomes of it, or why not.
    #[test]
    fn each_act_does_to_each_status_what_the_table_says() {
        const WRONG: Result<CertificateStatus, RefusalCode> = Err(RefusalCode::WrongState);
        const NONE: Result<CertificateStatus, RefusalCode> = Err(RefusalCode::Malformed);
        let revoked = |since, reason| Revoked { since, reason };
        let now = Ok(revoked(NOW, RevocationReason::Superseded));
        let held = Held { since: BEFORE };
        let amended = Ok(revoked(BEFORE, RevocationReason::KeyCompromise));
        let mut table = vec![
            //         revoke, hold,                       release,  amend, issue
            (Good, [now, Ok(Held { since: NOW }), WRONG, WRONG, NONE]),
            (held, [now, WRONG, Ok(Good), WRONG, NONE]),
        ];
        for reason in RevocationReason::ALL {
            let amend = if reason == RevocationReason::KeyCompromise { WRONG } else { amended };
            table.push((revoked(BEFORE, reason), [WRONG, WRONG, WRONG, amend, NONE]));
        }
        for (status, row) in table {
            for (act, wanted) in acts().iter().zip(row) {
                let became = transition(status, act, NOW).map_err(|refusal| refusal.code);
                assert_eq!(became, wanted, "{act:?} on {status:?}");
            }
        }
    }
}
