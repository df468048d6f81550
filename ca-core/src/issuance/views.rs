//! What the authority says of what it knows. Of a certificate that is not durable nobody is told.

use super::authority::Authority;
use super::stop::Stop;
use crate::domain::{Act, CertificateStatus, IssuerId, Order, OrderId, Serial, Sha256, decode};
use crate::service::protocol::{Blob, CertificateView, IssuerView, OfficerView, RefusalCode, Response};
use crate::store::{CertificateRecord, OfficerRecord, StoreError, Tx};

impl Authority {
    /// A certificate that must be there.
    pub(super) async fn view(&self, issuer: &IssuerId, serial: &Serial) -> Result<CertificateView, Stop> {
        let mut tx = self.store.begin_read().await?;
        let record = tx.certificate(issuer, serial).await?;
        let view = match record {
            Some(record) => certificate_view(&mut *tx, record).await?,
            None => None,
        };
        view.ok_or_else(|| Stop::refuse(RefusalCode::NotFound, format!("no certificate {serial} of {issuer}")))
    }

    pub(super) async fn view_certificate(&self, issuer: &IssuerId, serial: &Serial) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let record = tx.certificate(issuer, serial).await?;
        respond(&mut *tx, record).await
    }

    pub(super) async fn view_order(&self, order: OrderId) -> Result<Response, Stop> {
        let mut tx = self.store.begin_read().await?;
        let record = match tx.order(order).await? {
            None => None,
            Some(known) => {
                let decoded = decode::<Order>(&known.statement).map_err(|e| StoreError::odd("ca_order", order, e))?;
                match decoded.act {
                    Act::Issue { .. } => tx.certificate_of_order(order).await?,
                    Act::Revoke { issuer, serial, .. }
                    | Act::Hold { issuer, serial }
                    | Act::Release { issuer, serial } => tx.certificate(&issuer, &serial).await?,
                }
            }
        };
        respond(&mut *tx, record).await
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

async fn respond(tx: &mut dyn Tx, record: Option<CertificateRecord>) -> Result<Response, Stop> {
    let Some(record) = record else { return Ok(Response::None) };
    Ok(certificate_view(tx, record).await?.map_or(Response::None, Response::Certificate))
}

async fn certificate_view(tx: &mut dyn Tx, record: CertificateRecord) -> Result<Option<CertificateView>, Stop> {
    let CertificateRecord { intent, made: Some(made) } = record else { return Ok(None) };
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
    }))
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
