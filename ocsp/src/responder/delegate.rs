//! The responder's key with the certificate by which an issuer lets it answer.

use ca_core::domain::Timestamp;
use ca_core::keys::{PublicKey, SignatureAlgorithm};
use ca_core::signer::OcspKey;
use der::{Decode as _, Encode as _};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

use crate::client::{Distrust, delegated};
use crate::wire::{WireError, responder_key_hash};

/// Why a certificate does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DelegateFault {
    /// Relying parties would not believe its answers.
    #[error("relying parties would not believe it: {0}")]
    Distrusted(#[from] Distrust),
    /// It is for another key.
    #[error("it is not for this responder's key")]
    OtherKey,
}

/// A key that may answer for one issuer.
pub(super) struct Delegate {
    pub(super) key: OcspKey,
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) certificate: Vec<u8>,
    pub(super) key_hash: [u8; 20],
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Delegate {
    /// Checks the certificate as a relying party of `issuer` will at this moment.
    pub(super) fn new(
        key: OcspKey,
        certificate: Vec<u8>,
        issuer: &Certificate,
        issuer_key: &PublicKey,
        now: Timestamp,
    ) -> Result<Self, DelegateFault> {
        let malformed = |error: der::Error| Distrust::Malformed(WireError::Der(error));
        let parsed = Certificate::from_der(&certificate).map_err(malformed)?;
        delegated(issuer, issuer_key, &parsed, &certificate, now)?;
        let tbs = parsed.tbs_certificate();
        if tbs.subject_public_key_info().to_der().map_err(malformed)? != key.spki_der() {
            return Err(DelegateFault::OtherKey);
        }
        let moment = |time: x509_cert::time::Time| {
            Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
        };
        Ok(Self {
            algorithm: key.algorithm().identifier(),
            key_hash: responder_key_hash(&parsed).map_err(Distrust::Malformed)?,
            not_before: moment(tbs.validity().not_before),
            not_after: moment(tbs.validity().not_after),
            key,
            certificate,
        })
    }

    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Whether a signature takes so little time that nobody need wait elsewhere for it. The responder's keys are in
    /// memory.
    pub(super) fn is_quick(&self) -> bool {
        matches!(self.key.algorithm(), SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::Sm2Sm3)
    }

    /// Whether half its life is over.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now.since(self.not_before) >= self.not_after.since(self.not_before) / 2
    }
}
