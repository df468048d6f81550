//! Whose certificate it is: a unit's, that this office had issued and delivered.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{IssuerId, Serial, Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::enrolment::process::CertificateName;
use crate::login::{Holder, LoginError, Recognised, Refusal, Registry};
use crate::store::Store;

/// A unit with the certificate by which it signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// SHA-256 of the certificate.
    pub certificate: Sha256,
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// Its notAfter.
    pub not_after: Timestamp,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name.
    pub unit_name: String,
}

impl Holding {
    /// The certificate's name.
    #[must_use]
    pub fn name(&self) -> CertificateName {
        CertificateName { issuer: self.issuer.clone(), serial: self.serial.clone() }
    }

    /// Whether it has expired: then it renews, and does nothing else.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now > self.not_after
    }
}

/// The register of certificates that this office had issued.
pub struct Members {
    store: Arc<dyn Store>,
}

impl Members {
    /// That of this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Registry for Members {
    type Person = Holding;

    async fn recognise(&self, holder: &Holder) -> Result<Recognised<Holding>, LoginError> {
        let mut tx = self.store.read().await?;
        let issued = tx.certificate(&holder.issuer, &holder.serial).await?;
        let issued = issued.filter(|issued| issued.delivered.is_some());
        let issued = issued.ok_or_else(|| Refusal::NotRegistered { name: holder.name().to_owned() })?;
        let person = Holding {
            certificate: holder.certificate_sha256,
            issuer: issued.issuer,
            serial: issued.serial,
            not_after: issued.validity.not_after,
            uscc: issued.uscc.clone(),
            unit_name: issued.unit_name,
        };
        Ok(Recognised { account: issued.uscc, person })
    }
}
