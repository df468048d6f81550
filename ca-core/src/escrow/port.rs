//! What the authority asks of a key-management centre.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::OrderId;
use crate::keys::KeyKind;
use crate::service::protocol::{Blob, Refusal};

/// A key-management centre: makes, escrows and hands out encryption keys, always wrapped to a signature key.
#[async_trait]
pub trait KeyManagement: Send + Sync {
    /// The encryption key of an order, wrapped to its signature key. Idempotent: the same order and recipient gives
    /// the same key; the same order with another recipient takes a fresh one. A key that was wrapped to one recipient is
    /// never wrapped to another here: that is [`Self::recover`], which needs two officers.
    async fn provide(&self, ask: KeyRequest) -> Result<WrappedKey, KmcError>;

    /// An escrowed key again, wrapped to a new signature key, on the word of two KMC officers.
    async fn recover(&self, submission: RecoverySubmission) -> Result<WrappedKey, KmcError>;
}

/// For whom an encryption key is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// The order that makes the pair.
    pub order: OrderId,
    /// The kind of key.
    pub kind: KeyKind,
    /// DER SubjectPublicKeyInfo of the signature key, to which the encryption key is wrapped.
    pub recipient_spki: Blob,
}

/// An encryption key that only the holder of a signature key can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// DER SubjectPublicKeyInfo of the encryption key.
    pub spki: Blob,
    /// Its private key, wrapped.
    pub envelope: Envelope,
}

/// A private encryption key, wrapped to a signature key (`domain.md` §1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// For SM2 the DER of an SM2EnvelopedKey (GM/T 0009), else of a CMS AuthEnvelopedData over the PKCS#8: see
    /// [`crate::envelope`].
    pub message: Blob,
    /// For SM2 the ENVELOPEDKEYBLOB of GM/T 0016, 388 octets.
    pub skf: Option<Blob>,
}

/// What two KMC officers signed, and the certificate to whose key they want the old one wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverySubmission {
    /// Canonical bytes of the recovery statement.
    pub statement: Blob,
    /// CMS SignedData over exactly these bytes, by two officers.
    pub approvals: Vec<Blob>,
    /// DER certificate of the new signature key.
    pub recipient_certificate: Blob,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KmcError {
    /// The centre says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The centre did not answer; whether it acted is not known, so ask again.
    #[error("the key-management centre cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
}
