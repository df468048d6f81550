//! What the authority says of what it knows. Of a certificate that is not durable nobody is told.

use super::authority::Authority;
use super::pair::pair_of;
use super::prepare::Prepared;
use super::stop::Stop;
use crate::domain::{Act, CertificateStatus, IssuerId, Order, OrderId, Serial, Sha256, decode};
use crate::service::protocol::{Blob, CertificateView, EncryptionView, IssuerView, OfficerView, RefusalCode, Response};
use crate::store::{CertificateRecord, OfficerRecord, StoreError, Tx};

impl Authority {
    /// A certificate that must be there.
    pub(super) async fn view(&self, issuer: &IssuerId, serial: &Serial) -> Result<CertificateView, Stop> {
        let mut tx = self.store.begin_read().await?;
        let records = pair_of(&mut *tx, issuer, serial).await?;
        let view = certificate_view(&mut *tx, records).await?;
        view.ok_or_else(|| Stop::refuse(RefusalCode::NotFound, format!("no certificate {serial} of {issuer}")))
    }

    /// What an order made, or an id of its own stands for.
    pub(super) async fn view_of(&self, order: OrderId) -> Result<CertificateView, Stop> {
        let mut tx = self.store.begin_read().await?;
        let records = tx.certificates_of_order(order).await?;
        let view = certificate_view(&mut *tx, records).await?;
        view.ok_or_else(|| Stop::refuse(RefusalCode::NotFound, format!("no certificate of order {order}")))
    }

    pub(super) async fn view_certificate(&self, issuer: &IssuerId, serial: &Serial) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let records = pair_of(&mut *tx, issuer, serial).await?;
        respond(&mut *tx, records).await
    }

    pub(super) async fn view_key(&self, spki_sha256: Sha256) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let records = match tx.order_of_key(spki_sha256).await? {
            None => Vec::new(),
            Some(order) => tx.certificates_of_order(order).await?,
        };
        respond(&mut *tx, records).await
    }

    pub(super) async fn view_order(&self, order: OrderId) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let records = match tx.order(order).await? {
            None => Vec::new(),
            Some(known) => {
                let decoded = decode::<Order>(&known.statement).map_err(|e| StoreError::odd("ca_order", order, e))?;
                match decoded.act {
                    Act::Issue { .. } => tx.certificates_of_order(order).await?,
                    Act::Revoke { issuer, serial, .. }
                    | Act::Hold { issuer, serial }
                    | Act::Release { issuer, serial }
                    | Act::Amend { issuer, serial } => pair_of(&mut *tx, &issuer, &serial).await?,
                }
            }
        };
        respond(&mut *tx, records).await
    }

    pub(super) async fn view_officer(&self, certificate_sha256: Sha256) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let Some(record) = tx.officer(certificate_sha256).await? else { return Ok(Response::None) };
        let view = officer_view(&mut *tx, record).await?;
        let good = view.status == CertificateStatus::Good && self.clock.now() <= view.not_after;
        Ok(if good { Response::Officer(view) } else { Response::None })
    }

    pub(super) async fn view_officers(&self) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let mut officers = Vec::new();
        for record in tx.officers().await? {
            officers.push(officer_view(&mut *tx, record).await?);
        }
        Ok(Response::Officers { officers })
    }

    pub(super) async fn view_issuers(&self) -> Result<Response, Stop> {
        let issuers = self.store.begin_read().await?.issuers().await?;
        let view = |record: crate::store::IssuerRecord| IssuerView {
            id: record.id,
            root: record.root,
            certificate: Blob(record.certificate),
        };
        Ok(Response::Issuers { issuers: issuers.into_iter().map(view).collect() })
    }
}

async fn respond(tx: &mut dyn Tx, records: Vec<CertificateRecord>) -> Result<Response, Stop> {
    Ok(certificate_view(tx, records).await?.map_or(Response::None, Response::Certificate))
}

async fn certificate_view(tx: &mut dyn Tx, records: Vec<CertificateRecord>) -> Result<Option<CertificateView>, Stop> {
    let mut records = records.into_iter();
    let Some(CertificateRecord { intent, made: Some(made) }) = records.next() else { return Ok(None) };
    let encryption = match records.next() {
        None => None,
        Some(record) => Some(encryption_view(tx, record).await?),
    };
    let status = tx.status(&intent.issuer, &intent.serial).await?;
    let status =
        status.ok_or_else(|| StoreError::odd("certificate", &intent.serial, "a certificate without status"))?;
    Ok(Some(CertificateView {
        issuer: intent.issuer,
        serial: intent.serial,
        profile: intent.profile,
        order: intent.order,
        validity: intent.validity,
        certificate: Blob(made.certificate),
        status: status.status,
        delivered: made.delivered,
        encryption,
    }))
}

/// What an order has just made, as it became durable.
pub(super) fn new_view(prepared: &Prepared, certificates: &[Vec<u8>]) -> CertificateView {
    let (intent, certificate) = (&prepared.intents[0], &certificates[0]);
    let encryption = match (&prepared.intents[1..], &certificates[1..], &prepared.envelope) {
        ([intent], [certificate], Some(envelope)) => Some(EncryptionView {
            serial: intent.serial.clone(),
            profile: intent.profile.clone(),
            certificate: Blob(certificate.clone()),
            envelope: envelope.clone(),
        }),
        _ => None,
    };
    CertificateView {
        issuer: intent.issuer.clone(),
        serial: intent.serial.clone(),
        profile: intent.profile.clone(),
        order: intent.order,
        validity: intent.validity,
        certificate: Blob(certificate.clone()),
        status: CertificateStatus::Good,
        delivered: None,
        encryption,
    }
}

async fn encryption_view(tx: &mut dyn Tx, record: CertificateRecord) -> Result<EncryptionView, Stop> {
    let odd = |what| StoreError::odd("certificate", &record.intent.serial, what);
    let made = record.made.as_ref().ok_or_else(|| odd("half a pair"))?;
    let envelope = tx.envelope(record.intent.order).await?.ok_or_else(|| odd("a pair without its wrapped key"))?;
    Ok(EncryptionView {
        serial: record.intent.serial.clone(),
        profile: record.intent.profile.clone(),
        certificate: Blob(made.certificate.clone()),
        envelope,
    })
}

async fn officer_view(tx: &mut dyn Tx, record: OfficerRecord) -> Result<OfficerView, Stop> {
    let status = tx.status(&record.issuer, &record.serial).await?;
    let status = status.ok_or_else(|| StoreError::odd("officer", &record.serial, "a certificate without status"))?;
    Ok(OfficerView {
        officer: record.officer,
        issuer: record.issuer,
        serial: record.serial,
        certificate_sha256: record.certificate_sha256,
        status: status.status,
        not_after: record.not_after,
    })
}
