//! Whose certificate it is, as the authority's registry of officers knows it.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{CertificateStatus, Officer, Sha256};
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::service::protocol::{RefusalCode, Request, Response};

use super::{Holder, LoginError, Recognised, Refusal, Registry};

/// The registry behind the authority's socket.
pub struct Officers {
    ca: Arc<dyn CertificateAuthority>,
}

impl Officers {
    /// The registry of this authority.
    #[must_use]
    pub fn new(ca: Arc<dyn CertificateAuthority>) -> Self {
        Self { ca }
    }

    /// The officer who holds a certificate that is good now.
    ///
    /// # Errors
    /// [`CallError`] when the authority does not answer.
    pub async fn find(&self, certificate_sha256: Sha256) -> Result<Option<Officer>, CallError> {
        match self.ca.call(Request::Officer { certificate_sha256 }).await {
            Ok(Response::Officer(view)) if view.status == CertificateStatus::Good => Ok(Some(view.officer)),
            Ok(_) => Ok(None),
            Err(error) if error.code() == Some(RefusalCode::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Registry for Officers {
    type Person = Officer;

    async fn recognise(&self, holder: &Holder) -> Result<Recognised<Officer>, LoginError> {
        let found = self.find(holder.certificate_sha256).await.map_err(|error| {
            tracing::error!(%error, "the registry of officers cannot be asked; nobody signs in");
            Refusal::AuthorityUnreachable
        })?;
        let officer = found.ok_or_else(|| Refusal::NotRegistered { name: holder.name().to_owned() })?;
        Ok(Recognised { account: officer.id.to_string(), person: officer })
    }
}
