//! Pairs: the encryption key that goes with a signature key, and the certificates that stand or fall together.

use super::authority::Authority;
use super::stop::Stop;
use crate::domain::{IssuerId, OrderId, Serial};
use crate::escrow::port::{KeyRequest, WrappedKey};
use crate::keys::csr::ProvenPossession;
use crate::keys::good_key;
use crate::service::protocol::{Blob, RefusalCode};
use crate::store::{CertificateRecord, Tx};

impl Authority {
    /// The encryption key for an order, from the key-management centre. Asked again, the centre gives the same one.
    pub(super) async fn encryption_key(
        &self,
        order: OrderId,
        signature_key: &ProvenPossession,
    ) -> Result<WrappedKey, Stop> {
        let Some(kmc) = &self.kmc else {
            return Err(Stop::refuse(RefusalCode::ProfileViolated, "a pair needs a key-management centre"));
        };
        let ask =
            KeyRequest { order, kind: signature_key.kind(), recipient_spki: Blob(signature_key.spki_der().to_vec()) };
        let wrapped = kmc.provide(ask).await?;
        let kind = good_key::check(&wrapped.spki.0).map_err(|error| Stop::BadWork(error.to_string()))?;
        if kind != signature_key.kind() || wrapped.spki.0 == signature_key.spki_der() {
            return Err(Stop::BadWork("the key-management centre gave another key than was asked for".into()));
        }
        Ok(wrapped)
    }
}

/// The certificates that stand or fall with this one, itself among them, by part; empty if there is none.
pub(super) async fn pair_of(
    tx: &mut dyn Tx,
    issuer: &IssuerId,
    serial: &Serial,
) -> Result<Vec<CertificateRecord>, Stop> {
    match tx.certificate(issuer, serial).await? {
        Some(record) => Ok(tx.certificates_of_order(record.intent.order).await?),
        None => Ok(Vec::new()),
    }
}
