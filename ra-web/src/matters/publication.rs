//! Whether everybody can know of a revocation: the first list that has it, and what the responder answers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ca_core::domain::{IssuerId, Serial, Timestamp};
use ocsp::client::{Client, CrlSource, StatusError};

/// What is public of a revocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Number and time of the list that has it; `None` while the newest list has it not.
    pub list: Option<(String, Timestamp)>,
    /// Whether the responder says so at this moment.
    pub responder: bool,
}

/// Looks at what is public.
#[async_trait]
pub trait Publication: Send + Sync + 'static {
    /// What everybody can know of a certificate now. Who cannot be asked has not said so.
    async fn look(&self, issuer: &IssuerId, serial: &Serial) -> Published;
}

/// Asks the responder, and reads the list where everybody reads it.
pub struct Public {
    /// Asks the responder.
    pub status: Client,
    /// Where lists are.
    pub lists: CrlSource,
    /// Certificates of the issuing CAs, DER.
    pub issuers: BTreeMap<IssuerId, Vec<u8>>,
}

#[async_trait]
impl Publication for Public {
    async fn look(&self, issuer: &IssuerId, serial: &Serial) -> Published {
        let Some(der) = self.issuers.get(issuer) else { return Published::default() };
        let responder = match self.status.check_serial(issuer, der, serial).await {
            Err(StatusError::Revoked { .. }) => true,
            Err(error) => {
                tracing::info!(%error, %issuer, %serial, "the responder does not tell of a revocation");
                false
            }
            Ok(_) => false,
        };
        let list = match self.status.listed(&self.lists, issuer, der, serial).await {
            Ok(listed) => listed.map(|listed| (listed.number, listed.this_update)),
            Err(fault) => {
                tracing::info!(%fault, %issuer, "the list does not tell of a revocation");
                None
            }
        };
        Published { list, responder }
    }
}
