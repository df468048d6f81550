//! Keeps the responder's certificate for one issuer valid: asks the authority at start and from half its life on.
//!
//! The authority knows the key from the ceremony and gives a certificate to no other. While it is away the
//! responder goes on with what it has, until that ends. Another key in the place of the file is taken up without a
//! restart: the old one answers until the authority has certified the new one.

use std::sync::Arc;
use std::time::Duration;

use ca_core::domain::IssuerId;
use ca_core::durable;
use ca_core::keys::csr;
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::service::protocol::{Blob, Request, Response};
use ca_core::signer::{OcspKey, SignError};

use super::delegate::{Delegate, DelegateFault};
use super::key_file::KeyFile;
use super::{Core, Issuer};

/// Why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewalError {
    /// The key cannot sign the request.
    #[error("the responder's key: {0}")]
    Key(#[from] SignError),
    /// The authority said no, or is away.
    #[error(transparent)]
    Authority(#[from] CallError),
    /// The authority answered something else.
    #[error("the authority did not answer with a certificate")]
    NoCertificate,
    /// The certificate does not serve.
    #[error("the certificate that came: {0}")]
    Certificate(#[from] DelegateFault),
    /// It came and serves, but cannot be kept for the next start.
    #[error("the certificate cannot be kept: {0}")]
    File(#[from] std::io::Error),
    /// The signing of the request was cut off.
    #[error("the request was not finished: {0}")]
    Join(#[from] tokio::task::JoinError),
}

/// The renewal of one issuer's delegation.
pub(crate) struct Renewal {
    pub(crate) core: Arc<Core>,
    pub(crate) issuer: IssuerId,
    pub(crate) key: OcspKey,
    pub(crate) key_file: KeyFile,
    pub(crate) authority: Arc<dyn CertificateAuthority>,
}

impl Renewal {
    /// Takes the certificate from its file if it still serves.
    pub(crate) fn resume(&self) {
        let Some(issuer) = self.core.issuer(&self.issuer) else { return };
        let kept = match std::fs::read(self.key_file.certificate()) {
            Ok(kept) => kept,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                tracing::warn!(issuer = %self.issuer, %error, "Cannot read the kept responder certificate");
                return;
            }
        };
        match self.take(issuer, kept) {
            Ok(()) => tracing::info!(issuer = %self.issuer, "Goes on with the kept responder certificate"),
            Err(error) => {
                tracing::info!(issuer = %self.issuer, %error, "The kept responder certificate does not serve");
            }
        }
    }

    /// Renews whenever it is due; never returns.
    pub(crate) async fn run(mut self) {
        let core = self.core.clone();
        let Some(issuer) = core.issuer(&self.issuer) else { return };
        loop {
            if self.key_file.has_changed() {
                match self.key_file.open().await {
                    Ok(key) => self.key = key,
                    Err(error) => tracing::error!(issuer = %self.issuer, %error, "Another key file does not serve"),
                }
            }
            let pause = if self.is_due(issuer) {
                match self.renew(issuer).await {
                    Ok(()) => {
                        tracing::info!(issuer = %self.issuer, "Took a new responder certificate");
                        Duration::from_secs(1)
                    }
                    Err(error) => {
                        let valid = issuer.delegated_until(self.core.clock.now()).is_some();
                        tracing::warn!(issuer = %self.issuer, %error, valid, "No new responder certificate");
                        // Without any certificate nobody gets an answer: ask often.
                        Duration::from_secs(if valid { 5 } else { 1 })
                    }
                }
            } else {
                Duration::from_secs(1)
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn is_due(&self, issuer: &Issuer) -> bool {
        let is_due = |delegate: &Delegate| {
            delegate.is_due(self.core.clock.now()) || delegate.key.spki_der() != self.key.spki_der()
        };
        issuer.delegate().is_none_or(|delegate| is_due(&delegate))
    }

    /// Asks for a certificate and uses it.
    pub(crate) async fn renew(&self, issuer: &Issuer) -> Result<(), RenewalError> {
        let key = self.key.clone();
        let name = format!("OCSP {}", self.issuer);
        let csr = tokio::task::spawn_blocking(move || {
            csr::build(&name, key.spki_der(), key.algorithm(), |message| key.sign(message))
        });
        let request = Request::Responder { issuer: self.issuer.clone(), csr: Blob(csr.await??) };
        let Response::Certificate(view) = self.authority.call(request).await? else {
            return Err(RenewalError::NoCertificate);
        };
        let certificate = view.certificate.0;
        self.take(issuer, certificate.clone())?;
        let file = self.key_file.certificate();
        tokio::task::spawn_blocking(move || durable::replace(&file, &certificate, durable::PUBLIC)).await??;
        Ok(())
    }

    fn take(&self, issuer: &Issuer, certificate: Vec<u8>) -> Result<(), DelegateFault> {
        let now = self.core.clock.now();
        issuer.appoint(Delegate::new(self.key.clone(), certificate, &issuer.certificate, &issuer.key, now)?);
        Ok(())
    }
}
