//! An issuing CA with its keys.

use std::sync::Arc;

use crate::domain::{IssuerId, ProfileName, Serial, Timestamp};
use crate::keys::verify::VerifyError;
use crate::keys::{PublicKey, SignatureAlgorithm};
use crate::lint::{CertificateContext, Home};
use crate::profile::Profile;
use crate::signer::{CertKey, CrlKey, Signer};
use crate::store::IssuerRecord;
use crate::x509::{Parts, X509Error};

/// A CA that can sign.
#[derive(Clone)]
pub struct Issuing {
    id: IssuerId,
    root: bool,
    certificate: Vec<u8>,
    key: PublicKey,
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
    /// Its key was opened for another SM2 id than the ceremony gave it.
    #[error("the key of {0} signs under another SM2 id")]
    OtherId(IssuerId),
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
        if *key.sm2_id() != record.sm2_id && key.algorithm() == SignatureAlgorithm::Sm2Sm3 {
            return Err(IssuingError::OtherId(record.id.clone()));
        }
        let public = PublicKey::under(parts.tbs.spki, &record.sm2_id);
        Ok(Self {
            id: record.id.clone(),
            root: record.root,
            key: public.map_err(|error| IssuingError::Key(record.id.clone(), error))?,
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

    /// Against what its certificates of a profile are linted.
    #[must_use]
    pub fn context<'a>(&'a self, profile: &'a Profile) -> CertificateContext<'a> {
        let home = Some(Home { issuer: &self.id, shards: self.crl_shards });
        CertificateContext { profile, issuer: Some(&self.certificate), key: &self.key, home }
    }

    /// Its public key, which verifies under its SM2 id.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
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
