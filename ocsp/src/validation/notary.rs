//! Makes records and signs them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use ca_core::cms;
use ca_core::domain::{Sha256, decode, encode};
use ca_core::service::protocol::Blob;
use ca_core::signer::EvidenceKey;
use ca_core::x509::MAX_CERTIFICATE_BYTES;
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;

use super::question::Question;
use super::record::{Record, RecordedStatus};
use super::stamp::StampAuthority;
use super::verifier::{Status, Verdict};
use crate::client::Evidence;

/// A record, signed and stamped.
#[derive(Clone, Debug)]
pub(super) struct Evidenced {
    pub(super) id: String,
    /// The CMS message.
    pub(super) evidence: Vec<u8>,
    /// The time-stamp token over it.
    pub(super) stamp: Option<Vec<u8>>,
}

/// Signs records.
pub(super) struct Notary {
    pub(super) key: EvidenceKey,
    /// Its certificate, DER.
    pub(super) certificate: Vec<u8>,
    pub(super) stamps: Option<Arc<StampAuthority>>,
    pub(super) rng: Mutex<ChaCha20Rng>,
}

impl Notary {
    /// The signed record of a verdict.
    ///
    /// # Errors
    /// When a key does not sign.
    pub(super) async fn attest(
        self: &Arc<Self>,
        caller: &str,
        question: &Question,
        verdict: &Verdict,
    ) -> anyhow::Result<Evidenced> {
        let mut id = [0; 16];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut id);
        let sha256 = |bytes: &[u8]| Sha256(openssl::sha::sha256(bytes));
        let record = Record {
            id: hex::encode(id),
            at: verdict.at,
            caller: caller.to_owned(),
            form: question.form,
            algorithm: verdict.algorithm,
            signature_sha256: sha256(&question.signature),
            message_sha256: verdict.message.as_deref().map(sha256),
            // What is no certificate may be anything.
            certificate: verdict.certificate.clone().filter(|der| der.len() <= MAX_CERTIFICATE_BYTES).map(Blob),
            issuer: verdict.issuer.clone(),
            status: verdict.status.as_ref().map(recorded),
            finding: verdict.finding,
            code: verdict.finding.code(),
        };
        let notary = self.clone();
        // RSA keys take their time.
        tokio::task::spawn_blocking(move || notary.sign(record)).await.context("the signing was cut off")?
    }

    fn sign(&self, record: Record) -> anyhow::Result<Evidenced> {
        let bytes = encode(&record);
        // What could not be read back would prove nothing.
        decode::<Record>(&bytes)?;
        let evidence = cms::sign(&bytes, &self.certificate, record.at, |message| self.key.sign(message))?;
        let stamp = self.stamps.as_ref().map(|stamps| stamps.stamp(&evidence)).transpose()?;
        Ok(Evidenced { id: record.id, evidence, stamp })
    }
}

fn recorded(status: &Status) -> RecordedStatus {
    let (ocsp, list_sha256) = match &status.evidence {
        Evidence::Ocsp(answer) => (Some(Blob(answer.to_vec())), None),
        Evidence::Crl(list) => (None, Some(Sha256(openssl::sha::sha256(list)))),
    };
    RecordedStatus { moment: status.moment, reason: status.reason, ocsp, list_sha256 }
}
