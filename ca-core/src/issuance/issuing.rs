//! An issuing CA with its keys.

use std::sync::Arc;

use crate::domain::{IssuerId, ProfileName, Serial, Timestamp};
use crate::keys::PublicKey;
use crate::keys::verify::VerifyError;
use crate::signer::{CertKey, CrlKey, Signer};
use crate::store::IssuerRecord;
use crate::x509::{Parts, X509Error};

/// A CA that can sign.
#[derive(Clone)]
pub struct Issuing {
    id: IssuerId,
    root: bool,
    certificate: Vec<u8>,
    spki: Vec<u8>,
    verifier: Arc<PublicKey>,
    not_after: Timestamp,
    profiles: Vec<ProfileName>,
    crl_shards: u16,
    pub(crate) cert_key: CertKey,
    pub(crate) crl_key: CrlKey,
}

/// Why a CA cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum IssuingError {
    /// Its certificate cannot be read.
    #[error("the certificate of {0}: {1}")]
    Certificate(IssuerId, X509Error),
    /// The key in its certificate cannot be read.
    #[error("the key in the certificate of {0}: {1}")]
    Key(IssuerId, VerifyError),
    /// Its key is another than its certificate's.
    #[error("the key of {0} does not belong to its certificate")]
    OtherKey(IssuerId),
}

impl Issuing {
    /// Joins a CA's certificate and key.
    ///
    /// # Errors
    /// [`IssuingError`]: the operator has mixed up keys.
    pub fn new(record: &IssuerRecord, key: Arc<dyn Signer>) -> Result<Self, IssuingError> {
        let parts = Parts::read(&record.certificate).map_err(|e| IssuingError::Certificate(record.id.clone(), e))?;
        if parts.tbs.spki != key.spki_der() {
            return Err(IssuingError::OtherKey(record.id.clone()));
        }
        let verifier = PublicKey::read(parts.tbs.spki).map_err(|e| IssuingError::Key(record.id.clone(), e))?;
        Ok(Self {
            id: record.id.clone(),
            root: record.root,
            spki: parts.tbs.spki.to_vec(),
            verifier: Arc::new(verifier),
            not_after: parts.tbs.validity.not_after,
            certificate: record.certificate.clone(),
            profiles: record.profiles.clone(),
            crl_shards: record.crl_shards,
            cert_key: CertKey::new(key.clone()),
            crl_key: CrlKey::new(key),
        })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &IssuerId {
        &self.id
    }

    /// Whether it is the root, which is away but for ceremonies.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.root
    }

    /// Its certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Its public key, read.
    #[must_use]
    pub fn verifier(&self) -> &PublicKey {
        &self.verifier
    }

    /// The end of its certificate; nothing it issues lives longer.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Into how many lists its certificates are divided besides the full one; 0: not at all.
    #[must_use]
    pub const fn crl_shards(&self) -> u16 {
        self.crl_shards
    }

    /// In which of these lists a certificate of this serial number stands when it is revoked, if there are any.
    #[must_use]
    pub fn shard(&self, serial: &Serial) -> Option<u16> {
        (self.crl_shards > 0).then(|| serial.shard(self.crl_shards))
    }

    /// Whether it may sign certificates of this profile.
    #[must_use]
    pub fn may_sign(&self, profile: &ProfileName) -> bool {
        self.profiles.contains(profile)
    }
}
