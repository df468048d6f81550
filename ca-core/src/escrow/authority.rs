//! What the authority says of officers and certificates. Whatever it does not say, or says otherwise than expected,
//! is a refusal.

use std::sync::Arc;

use super::stop::Stop;
use crate::domain::{CertificateStatus, IssuerId, OrderId, Role, Serial, Sha256, Timestamp};
use crate::keys::verify::verify_signature;
use crate::service::client::{CallError, CertificateAuthority};
use crate::service::protocol::{CertificateView, OfficerView, RefusalCode, Request, Response};
use crate::x509::Parts;

/// The authority, asked with the centre's own suspicion.
pub(super) struct Witness(pub(super) Arc<dyn CertificateAuthority>);

impl Witness {
    async fn ask(&self, request: Request) -> Result<Response, Stop> {
        self.0.call(request).await.map_err(|error| match error {
            CallError::Refused(refusal) => Stop::Refused(refusal),
            CallError::Unreachable(error) => Stop::refuse(
                RefusalCode::Unavailable,
                format!("the authority cannot be asked what officers and certificates are worth: {error}"),
            ),
        })
    }

    /// The officer with this certificate, who must be good now and a KMC officer.
    pub(super) async fn officer(&self, certificate_sha256: Sha256, now: Timestamp) -> Result<OfficerView, Stop> {
        let not_good = || {
            let detail = format!("the authority does not say that certificate {certificate_sha256} is good");
            Stop::refuse(RefusalCode::OfficerNotGood, detail)
        };
        let Response::Officer(view) = self.ask(Request::Officer { certificate_sha256 }).await? else {
            return Err(not_good());
        };
        if view.certificate_sha256 != certificate_sha256
            || view.status != CertificateStatus::Good
            || now > view.not_after
        {
            return Err(not_good());
        }
        if !view.officer.has_any(&[Role::KmcOfficer]) {
            let detail = format!("{} is no {}", view.officer.id, Role::KmcOfficer);
            return Err(Stop::refuse(RefusalCode::WrongRole, detail));
        }
        Ok(view)
    }

    /// The certificate that is the authority's own, byte for byte, good and valid now.
    pub(super) async fn good_certificate(&self, der: &[u8], now: Timestamp) -> Result<(), Stop> {
        let no = |why: &str| Stop::refuse(RefusalCode::KeyNotAccepted, format!("the recipient's certificate: {why}"));
        let parts = Parts::read(der).map_err(|error| no(&error.to_string()))?;
        let algorithm = parts.signature_algorithm().map_err(|error| no(&error.to_string()))?;
        let Response::Issuers { issuers } = self.ask(Request::Issuers).await? else {
            return Err(no("the authority does not say who issues"));
        };
        let issued_by = |certificate: &[u8]| {
            Parts::read(certificate).is_ok_and(|issuer| {
                issuer.tbs.subject == parts.tbs.issuer
                    && verify_signature(issuer.tbs.spki, &algorithm, parts.tbs.whole, parts.signature).is_ok()
            })
        };
        let issuer = issuers.into_iter().find(|issuer| issued_by(&issuer.certificate.0));
        let issuer = issuer.ok_or_else(|| no("no issuer of the authority signed it"))?.id;
        let serial = Serial::from_der_content(parts.tbs.serial).map_err(|error| no(&error.to_string()))?;
        let Some(view) = self.certificate(&issuer, &serial).await? else {
            return Err(no("the authority does not know it"));
        };
        if view.certificate.0 != der {
            return Err(no("it is no signature certificate of the authority"));
        }
        if view.status != CertificateStatus::Good || !view.validity.contains(now) {
            return Err(no("it is not good now"));
        }
        Ok(())
    }

    /// A certificate, or of a pair both.
    pub(super) async fn certificate(
        &self,
        issuer: &IssuerId,
        serial: &Serial,
    ) -> Result<Option<CertificateView>, Stop> {
        self.view(Request::Certificate { issuer: issuer.clone(), serial: serial.clone() }).await
    }

    /// What became of an order.
    pub(super) async fn order(&self, order: OrderId) -> Result<Option<CertificateView>, Stop> {
        self.view(Request::Order { order }).await
    }

    /// The pair with this encryption key.
    pub(super) async fn key(&self, spki_sha256: Sha256) -> Result<Option<CertificateView>, Stop> {
        self.view(Request::Key { spki_sha256 }).await
    }

    async fn view(&self, request: Request) -> Result<Option<CertificateView>, Stop> {
        match self.ask(request).await? {
            Response::Certificate(view) => Ok(Some(view)),
            Response::None => Ok(None),
            _ => Err(Stop::refuse(RefusalCode::Unavailable, "the authority answered something else")),
        }
    }
}
