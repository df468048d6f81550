//! An escrowed key once more, to another signature key: two officers of the centre, and the authority's word that
//! they and the new certificate are good at this moment.

use super::event::{Actor, Entry, Event};
use super::kmc::Kmc;
use super::port::{RecoverySubmission, WrappedKey};
use super::stop::Stop;
use super::store::{EscrowTx, KeyRow, RecoveryRow, State};
use crate::audit;
use crate::domain::{OfficerId, Recovery, Sha256, Timestamp, decode};
use crate::issuance::hear;
use crate::service::protocol::{CertificateView, RefusalCode};
use crate::unit_of_work;
use crate::x509::Parts;

/// How old a statement may be.
const MAX_AGE_SECONDS: i64 = 7 * 86_400;
/// How far the clocks of officers and centre may differ.
const MAX_AHEAD_SECONDS: i64 = 5 * 60;

/// A statement that was believed.
struct Granted {
    recovery: Recovery,
    row: RecoveryRow,
    officers: Vec<OfficerId>,
    order: crate::domain::OrderId,
    recipient_spki: Vec<u8>,
}

impl Kmc {
    pub(super) async fn recover_key(&self, submission: RecoverySubmission) -> Result<WrappedKey, Stop> {
        let now = self.clock.now();
        let granted = self.grant(submission, now).await?;
        let turn = self.turn.lock().await;
        let row = unit_of_work!(begin self.store.begin(), Stop, |tx| { self.note(tx, &granted, now).await? })?;
        drop(turn);
        metrics::counter!("kmc_keys_recovered_total").increment(1);
        self.wrap(row, granted.recipient_spki).await
    }

    /// Believes a submission, or says why not. Nothing is written.
    async fn grant(&self, submission: RecoverySubmission, now: Timestamp) -> Result<Granted, Stop> {
        let RecoverySubmission { statement, approvals, recipient_certificate } = submission;
        let recovery: Recovery =
            decode(&statement.0).map_err(|error| Stop::refuse(RefusalCode::Malformed, format!("recovery: {error}")))?;
        let age = now.since(recovery.created);
        if !(-MAX_AHEAD_SECONDS..=MAX_AGE_SECONDS).contains(&age) {
            let detail = format!("the recovery was written {age} seconds ago");
            return Err(Stop::refuse(RefusalCode::OrderNotCurrent, detail));
        }
        if Sha256(openssl::sha::sha256(&recipient_certificate.0)) != recovery.recipient_sha256 {
            let detail = "the certificate is not the one to which the officers want the key wrapped";
            return Err(Stop::refuse(RefusalCode::KeyNotBound, detail));
        }
        let Ok([first, second]) = <[_; 2]>::try_from(approvals) else {
            return Err(Stop::refuse(RefusalCode::TwoOfficersNeeded, "two signatures are needed"));
        };
        let mut officers = Vec::new();
        for approval in [&first, &second] {
            officers.push(self.approver(&approval.0, &statement.0, &recovery, now).await?);
        }
        if officers[0] == officers[1] {
            let detail = format!("{} signed twice", officers[0]);
            return Err(Stop::refuse(RefusalCode::TwoOfficersNeeded, detail));
        }

        self.witness.good_certificate(&recipient_certificate.0, now).await?;
        let recipient_spki = spki_of(&recipient_certificate.0)?;
        let not_found = || {
            let detail = format!("no encryption certificate {} of {}", recovery.serial, recovery.issuer);
            Stop::refuse(RefusalCode::NotFound, detail)
        };
        let view = self.witness.certificate(&recovery.issuer, &recovery.serial).await?.ok_or_else(not_found)?;
        let CertificateView { order, encryption: Some(encryption), .. } = view else { return Err(not_found()) };
        if encryption.serial != recovery.serial {
            return Err(not_found());
        }
        let row = RecoveryRow {
            id: recovery.id,
            statement_sha256: Sha256(openssl::sha::sha256(&statement.0)),
            statement: statement.0,
            approvals: [first.0, second.0],
            recipient_certificate: recipient_certificate.0,
            spki_sha256: Sha256(openssl::sha::sha256(&spki_of(&encryption.certificate.0)?)),
            recovered: now,
        };
        Ok(Granted { recovery, row, officers, order, recipient_spki })
    }

    /// The officer who signed these bytes: pinned here, good and of the right role and office by the authority's word.
    async fn approver(
        &self,
        message: &[u8],
        statement: &[u8],
        recovery: &Recovery,
        now: Timestamp,
    ) -> Result<OfficerId, Stop> {
        let signed = hear(message, "approval")?;
        if signed.content != statement {
            let detail = "an approval is over other bytes than the recovery submitted";
            return Err(Stop::refuse(RefusalCode::OrderChanged, detail));
        }
        let certificate_sha256 = Sha256(openssl::sha::sha256(&signed.certificate));
        if !self.officers.contains(&certificate_sha256) {
            let detail = format!("certificate {certificate_sha256} is no officer's of this centre");
            return Err(Stop::refuse(RefusalCode::UnknownOfficer, detail));
        }
        let officer = self.witness.officer(certificate_sha256, now).await?.officer;
        if officer.office != recovery.office {
            let detail = format!("{} is of office {}, the recovery of {}", officer.id, officer.office, recovery.office);
            return Err(Stop::refuse(RefusalCode::WrongRole, detail));
        }
        Ok(officer.id)
    }

    /// Writes the recovery down, or finds that the same was granted before; answers the key.
    async fn note(&self, tx: &mut dyn EscrowTx, granted: &Granted, now: Timestamp) -> Result<KeyRow, Stop> {
        let Granted { recovery, row, officers, order, .. } = granted;
        let key = tx.key(row.spki_sha256).await?;
        let key = key.ok_or_else(|| {
            Stop::refuse(RefusalCode::NotFound, format!("the key of certificate {} is not escrowed", recovery.serial))
        })?;
        match key.state {
            State::InUse(taken) | State::History(taken) if taken.order == *order => {}
            _ => return Err(Stop::refuse(RefusalCode::WrongState, "the key is of another order")),
        }
        let known = tx.recovery(recovery.id).await?;
        let again = known.is_some();
        match known {
            Some(known) if known.statement_sha256 != row.statement_sha256 || known.spki_sha256 != row.spki_sha256 => {
                let detail = format!("recovery {} was granted with other bytes", recovery.id);
                return Err(Stop::refuse(RefusalCode::OrderReplayed, detail));
            }
            Some(_) => {}
            None => tx.add_recovery(row).await?,
        }
        let event = Event::KeyRecovered {
            spki_sha256: row.spki_sha256,
            recovery: recovery.id,
            statement_sha256: row.statement_sha256,
            recipient_sha256: recovery.recipient_sha256,
            again,
        };
        audit::append(tx, now, &Entry { actor: Actor::Officers(officers.clone()), event }).await?;
        Ok(key)
    }
}

fn spki_of(certificate: &[u8]) -> Result<Vec<u8>, Stop> {
    let parts = Parts::read(certificate);
    let parts = parts.map_err(|error| Stop::refuse(RefusalCode::Malformed, format!("certificate: {error}")))?;
    Ok(parts.tbs.spki.to_vec())
}
