//! An escrowed encryption key for a unit's new token, at the authority's door.
//!
//! The key-management centre decides by its own officers and its own store; before it is asked, the authority checks
//! what it knows better: that both officers are good and of the right role, and that the new certificate is a good
//! signature certificate of the very unit whose old one is named. Nothing is told before it is in the audit.

use super::approval::{Known, look_up, sit};
use super::authority::Authority;
use super::evidence::{Voice, digest, hear};
use super::stop::Stop;
use crate::audit::{self, Actor, Event};
use crate::domain::{
    Act, CertificateStatus, OfficerId, Order, Recovery, Role, Serial, Sha256, Subject, SubjectField, Timestamp, decode,
};
use crate::escrow::port::{RecoverySubmission, WrappedKey};
use crate::service::protocol::{Refusal, RefusalCode};
use crate::store::{CertificateRecord, Origin, Part, StoreError, Tx};
use crate::unit_of_work;
use crate::x509::Parts;

/// What tells one unit from another, whatever its certificates (`domain.md` §1.2).
const SAME_UNIT: [SubjectField; 2] = [SubjectField::Uscc, SubjectField::UniqueId];

/// A recovery that the authority lets pass.
struct Fit {
    officers: Vec<OfficerId>,
    /// DER SubjectPublicKeyInfo of the old encryption certificate.
    spki: Vec<u8>,
}

impl Authority {
    /// Has the key-management centre wrap an escrowed key to a unit's new signature key.
    pub(super) async fn recover(&self, submission: RecoverySubmission) -> Result<WrappedKey, Stop> {
        let statement_sha256 = digest(&submission.statement.0);
        let recovery = decode::<Recovery>(&submission.statement.0)
            .map_err(|error| Stop::refuse(RefusalCode::Malformed, format!("recovery: {error}")))?;
        match self.recover_for(submission, &recovery, statement_sha256).await {
            Err(Stop::Refused(refusal)) => {
                self.note_recovery_refused(&recovery, statement_sha256, &refusal).await?;
                Err(refusal.into())
            }
            other => other,
        }
    }

    async fn recover_for(
        &self,
        submission: RecoverySubmission,
        recovery: &Recovery,
        statement_sha256: Sha256,
    ) -> Result<WrappedKey, Stop> {
        let now = self.clock.now();
        let Some(kmc) = &self.kmc else {
            return Err(Stop::refuse(RefusalCode::NotFound, "there is no key-management centre"));
        };
        let Fit { officers, spki } = self.fit(&submission, recovery, now).await?;
        unit_of_work!(&*self.store, Stop, |tx| {
            let event = Event::RecoveryAsked {
                recovery: recovery.id,
                statement_sha256,
                issuer: recovery.issuer.clone(),
                serial: recovery.serial.clone(),
                recipient_sha256: recovery.recipient_sha256,
            };
            audit::record(tx, now, Actor::Officers(officers.clone()), event).await?;
        })?;
        let wrapped = kmc.recover(submission).await?;
        if wrapped.spki.0 != spki {
            return Err(Stop::BadWork("the key-management centre gave another key than was asked for".into()));
        }
        unit_of_work!(&*self.store, Stop, |tx| {
            let event = Event::KeyRecovered {
                recovery: recovery.id,
                spki_sha256: digest(&spki),
                recipient_sha256: recovery.recipient_sha256,
            };
            audit::record(tx, now, Actor::Officers(officers.clone()), event).await?;
        })?;
        metrics::counter!("ca_keys_recovered_total").increment(1);
        tracing::info!(recovery = %recovery.id, serial = %recovery.serial, "Recovered the key of certificate {}", recovery.serial);
        Ok(wrapped)
    }

    /// Checks all that the authority can check itself.
    async fn fit(&self, submission: &RecoverySubmission, recovery: &Recovery, now: Timestamp) -> Result<Fit, Stop> {
        let mut tx = self.store.begin_read().await?;
        let officers = approvers(&mut *tx, submission, recovery, now).await?;

        let refuse = |what: &str| Stop::refuse(RefusalCode::KeyNotAccepted, format!("the new certificate {what}"));
        let new = self.own(&mut *tx, &submission.recipient_certificate.0).await?;
        let new = new.ok_or_else(|| refuse("is none of the authority's"))?;
        if digest(&submission.recipient_certificate.0) != recovery.recipient_sha256 {
            let detail = "the certificate is not the one to which the officers want the key wrapped";
            return Err(Stop::refuse(RefusalCode::KeyNotBound, detail));
        }
        let signs = self.profiles.find(&new.intent.profile).is_some_and(|profile| !profile.is_encryption());
        if new.intent.part != Part::Signature || new.intent.origin != Origin::Order || !signs {
            return Err(refuse("is not a unit's signature certificate"));
        }
        let status = tx.status(&new.intent.issuer, &new.intent.serial).await?.map(|record| record.status);
        if status != Some(CertificateStatus::Good) || !new.intent.validity.contains(now) {
            return Err(refuse("is not good now"));
        }

        let not_found = || {
            let detail = format!("no encryption certificate {} of {}", recovery.serial, recovery.issuer);
            Stop::refuse(RefusalCode::NotFound, detail)
        };
        let old = tx.certificate(&recovery.issuer, &recovery.serial).await?;
        let old = old.filter(|old| old.intent.part == Part::Encryption).ok_or_else(not_found)?;
        let made = old.made.as_ref().ok_or_else(not_found)?;
        if !same_unit(&subject_of(&mut *tx, &old).await?, &subject_of(&mut *tx, &new).await?) {
            return Err(refuse("is another unit's"));
        }
        let parts =
            Parts::read(&made.certificate).map_err(|error| StoreError::odd("certificate", &recovery.serial, error))?;
        Ok(Fit { officers, spki: parts.tbs.spki.to_vec() })
    }

    /// The record of a certificate that is the authority's, octet for octet.
    async fn own(&self, tx: &mut dyn Tx, der: &[u8]) -> Result<Option<CertificateRecord>, Stop> {
        let malformed = |error: String| Stop::refuse(RefusalCode::Malformed, format!("the new certificate: {error}"));
        let parts = Parts::read(der).map_err(|error| malformed(error.to_string()))?;
        let serial = Serial::from_der_content(parts.tbs.serial).map_err(|error| malformed(error.to_string()))?;
        for issuer in self.issuers.keys() {
            let record = tx.certificate(issuer, &serial).await?;
            let same = record.filter(|record| record.made.as_ref().is_some_and(|made| made.certificate == der));
            if same.is_some() {
                return Ok(same);
            }
        }
        Ok(None)
    }

    async fn note_recovery_refused(
        &self,
        recovery: &Recovery,
        statement_sha256: Sha256,
        refusal: &Refusal,
    ) -> Result<(), Stop> {
        let now = self.clock.now();
        metrics::counter!("ca_recoveries_refused_total", "code" => format!("{:?}", refusal.code)).increment(1);
        tracing::warn!(recovery = %recovery.id, code = ?refusal.code, "Refused recovery {}: {}", recovery.id, refusal.detail);
        if !self.may_audit_refusal(now) {
            return Ok(());
        }
        unit_of_work!(&*self.store, Stop, |tx| {
            let event = Event::RecoveryRefused {
                recovery: recovery.id,
                statement_sha256,
                code: refusal.code,
                detail: refusal.detail.clone(),
            };
            audit::record(tx, now, Actor::Caller, event).await?;
        })
    }
}

/// The two officers who signed the statement: good, of the right role and office, and not one person twice.
async fn approvers(
    tx: &mut dyn Tx,
    submission: &RecoverySubmission,
    recovery: &Recovery,
    now: Timestamp,
) -> Result<Vec<OfficerId>, Stop> {
    let [first, second] = &submission.approvals[..] else {
        let detail = format!("{} signatures, 2 needed", submission.approvals.len());
        return Err(Stop::refuse(RefusalCode::TwoOfficersNeeded, detail));
    };
    let mut officers = Vec::new();
    for message in [first, second] {
        let signed = hear(&message.0, "approval")?;
        if signed.content != submission.statement.0 {
            let detail = "an approval is over other bytes than the recovery submitted";
            return Err(Stop::refuse(RefusalCode::OrderChanged, detail));
        }
        let voice = Voice { certificate_sha256: digest(&signed.certificate), message: message.0.clone() };
        let officer = look_up(tx, &mut Known::default(), &voice, now).await?;
        sit(&officer, &[Role::KmcOfficer], &recovery.office)?;
        if officers.contains(&officer.officer.id) {
            let detail = format!("{} signed twice", officer.officer.id);
            return Err(Stop::refuse(RefusalCode::TwoOfficersNeeded, detail));
        }
        officers.push(officer.officer.id.clone());
    }
    Ok(officers)
}

/// Whom the order of a certificate names.
async fn subject_of(tx: &mut dyn Tx, record: &CertificateRecord) -> Result<Subject, Stop> {
    let odd = |what: String| StoreError::odd("ca_order", record.intent.order, what);
    let order = tx.order(record.intent.order).await?.ok_or_else(|| odd("gone".into()))?;
    match decode::<Order>(&order.statement).map_err(|error| odd(error.to_string()))?.act {
        Act::Issue { subject, .. } => Ok(subject),
        _ => Err(odd("no issue".into()).into()),
    }
}

/// Whether two subjects are one unit: at least one of the fields that tell is there, and none differs.
fn same_unit(one: &Subject, other: &Subject) -> bool {
    SAME_UNIT.iter().any(|field| one.get(*field).is_some())
        && SAME_UNIT.iter().all(|field| one.get(*field) == other.get(*field))
}
