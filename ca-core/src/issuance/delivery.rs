//! Whether a certificate came to its token.

use super::authority::Authority;
use super::evidence::{MAX_WHY_CHARS, digest, hear};
use super::replace;
use super::stop::Stop;
use crate::audit::{self, Actor, Event};
use crate::domain::{CertificateStatus, Install, OrderId, RevocationReason, decode};
use crate::revocation;
use crate::service::protocol::{CertificateView, RefusalCode};
use crate::store::{CertificateRecord, Intent, Made, Origin, Place, SignatureRecord};
use crate::unit_of_work;

impl Authority {
    /// The new key says that its certificate is on the token.
    pub(super) async fn confirm(&self, message: &[u8]) -> Result<CertificateView, Stop> {
        let signed = hear(message, "installation")?;
        let install = decode::<Install>(&signed.content)
            .map_err(|error| Stop::refuse(RefusalCode::Malformed, format!("installation: {error}")))?;
        let signer = digest(&signed.certificate);
        let now = self.clock.now();
        let old_revoked = unit_of_work!(&*self.store, Stop, |tx| {
            let record = tx.certificate(&install.issuer, &install.serial).await?;
            let (record, made) = ordered(record)?;
            let pair = tx.certificates_of_order(record.intent.order).await?;
            if signer != made.sha256 {
                let detail = "the installation is not signed by the certificate it names";
                return Err(Stop::refuse(RefusalCode::BadSignature, detail));
            }
            if install.order != record.intent.order || install.certificate_sha256 != made.sha256 {
                return Err(Stop::refuse(RefusalCode::Malformed, "the installation names another certificate"));
            }
            let status = tx.status(&install.issuer, &install.serial).await?;
            if let Some(CertificateStatus::Revoked { .. }) = status.map(|record| record.status) {
                return Err(Stop::refuse(RefusalCode::WrongState, "the certificate is revoked"));
            }
            let (mut news, mut old_revoked) = (false, false);
            for record in &pair {
                let Intent { issuer, serial, order, .. } = &record.intent;
                if tx.deliver(issuer, serial, now).await? {
                    news = true;
                    let event = Event::Delivered { issuer: issuer.clone(), serial: serial.clone(), order: *order };
                    audit::record(tx, now, Actor::Holder { certificate_sha256: signer }, event).await?;
                }
            }
            if news {
                let signature = SignatureRecord {
                    order: install.order,
                    place: Place::Install,
                    certificate_sha256: signer,
                    officer: None,
                    message: message.to_vec(),
                };
                tx.add_signature(&signature).await?;
                if let Some(order) = tx.order(install.order).await? {
                    old_revoked = replace::retire_old(tx, &order, now).await?;
                }
            }
            old_revoked
        })?;
        if old_revoked {
            self.status_changed().notify_one();
        }
        self.view(&install.issuer, &install.serial).await
    }

    /// The certificate of this order will never be delivered: it is revoked. Anyone may ask, for all that it can
    /// do is to undo an issue.
    pub(super) async fn abandon(&self, order: OrderId, why: &str) -> Result<CertificateView, Stop> {
        if why.chars().count() > MAX_WHY_CHARS {
            let detail = format!("the reason is longer than {MAX_WHY_CHARS} characters");
            return Err(Stop::refuse(RefusalCode::Malformed, detail));
        }
        let _turn = self.turn_of(order).await;
        // Serial numbers may be in a signature that got lost: finish it, so that it can be revoked.
        self.finish_open(order).await?;
        let now = self.clock.now();
        unit_of_work!(&*self.store, Stop, |tx| {
            let pair = tx.certificates_of_order(order).await?;
            let (record, made) = ordered(pair.first().cloned())?;
            if made.delivered.is_some() {
                return Err(Stop::refuse(RefusalCode::WrongState, "the certificate was delivered"));
            }
            let status = tx.status(&record.intent.issuer, &record.intent.serial).await?.map(|record| record.status);
            if !matches!(status, Some(CertificateStatus::Revoked { .. })) {
                let event = Event::NeverDelivered { order, why: why.to_owned() };
                audit::record(tx, now, Actor::Caller, event).await?;
                let status = CertificateStatus::Revoked { since: now, reason: RevocationReason::CessationOfOperation };
                for record in &pair {
                    let Intent { issuer, serial, validity, .. } = &record.intent;
                    let change = revocation::Change { issuer, serial, status, not_after: validity.not_after };
                    revocation::change(tx, now, Actor::Authority, None, change).await?;
                }
            }
        })?;
        self.status_changed().notify_one();
        self.view_of(order).await
    }
}

/// A certificate that officers ordered and that exists.
fn ordered(record: Option<CertificateRecord>) -> Result<(CertificateRecord, Made), Stop> {
    let record = record.filter(|record| record.intent.origin == Origin::Order);
    record
        .and_then(|record| record.made.clone().map(|made| (record, made)))
        .ok_or_else(|| Stop::refuse(RefusalCode::NotFound, "no such certificate"))
}
