//! From a question to a verdict: signature, chain, validity, use, status, in this order. The first that is wrong is the
//! finding.

use std::borrow::Cow;
use std::sync::Arc;

use ca_core::chain::{Anchors, ChainValid};
use ca_core::clock::Clock;
use ca_core::cms::{self, CmsError, Expected, MAX_MESSAGE_BYTES};
use ca_core::domain::{IssuerId, RevocationReason, Timestamp};
use ca_core::keys::PublicKey;
use ca_core::keys::verify::VerifyError;
use ca_core::x509::Parts;
use openssl::cms::CmsContentInfo;

use super::finding::Finding;
use super::question::{Algorithm, Question};
use crate::client::{Client, Evidence, StatusError};

/// What was learned of a certificate's status.
#[derive(Clone, Debug)]
pub(super) struct Status {
    /// As of when, if it is good; since when, if it is not.
    pub(super) moment: Timestamp,
    pub(super) reason: Option<RevocationReason>,
    pub(super) evidence: Evidence,
}

/// What came out, and what was learned on the way.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) finding: Finding,
    pub(super) at: Timestamp,
    /// DER of the certificate, as far as it can be read.
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) algorithm: Option<Algorithm>,
    /// The message that was signed; known only when the signature was read.
    pub(super) message: Option<Vec<u8>>,
    pub(super) issuer: Option<IssuerId>,
    pub(super) status: Option<Status>,
    /// In English, for whoever writes the portal's program.
    pub(super) detail: Option<String>,
}

/// Verifies signatures.
pub(super) struct Verifier {
    pub(super) anchors: Anchors,
    pub(super) client: Arc<Client>,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a signature is by and over.
struct Signed {
    certificate: Vec<u8>,
    algorithm: Algorithm,
    message: Vec<u8>,
}

impl Verifier {
    /// Finds out. `issuers`: whose certificates the caller takes; none said is all.
    pub(super) async fn verify(&self, question: &Question, issuers: Option<&[IssuerId]>) -> Verdict {
        let at = self.clock.now();
        let nothing = Verdict {
            finding: Finding::Valid,
            at,
            certificate: question.certificate.clone(),
            algorithm: question.algorithm,
            message: question.message.clone(),
            issuer: None,
            status: None,
            detail: None,
        };
        let signed = match signed(question) {
            Ok(signed) => signed,
            Err((finding, detail)) => return Verdict { finding, detail: Some(detail), ..nothing },
        };
        let known = Verdict {
            certificate: Some(signed.certificate.clone()),
            algorithm: Some(signed.algorithm),
            message: Some(signed.message),
            ..nothing
        };
        let chain = match self.anchors.verify(&signed.certificate, at) {
            Ok(chain) => chain,
            Err(error) => {
                return Verdict { finding: Finding::of_chain(&error), detail: Some(error.to_string()), ..known };
            }
        };
        let known = Verdict { issuer: Some(chain.issuer().clone()), ..known };
        if issuers.is_some_and(|taken| !taken.contains(chain.issuer())) {
            return Verdict { finding: Finding::NotForCaller, ..known };
        }
        self.with_status(&chain, known).await
    }

    async fn with_status(&self, chain: &ChainValid, known: Verdict) -> Verdict {
        match self.client.check(chain).await {
            Ok(proof) => {
                let status = Status { moment: proof.as_of(), reason: None, evidence: proof.evidence().clone() };
                Verdict { status: Some(status), ..known }
            }
            Err(error) => {
                let since = match &error {
                    StatusError::Revoked { since, reason, .. } => Some((*since, Some(*reason))),
                    StatusError::Held { since, .. } => Some((*since, None)),
                    StatusError::Unknown { .. } => Some((known.at, None)),
                    StatusError::Unreachable(_) | StatusError::Untrusted(_) => None,
                };
                let status = since.zip(error.evidence().cloned());
                let status = status.map(|((moment, reason), evidence)| Status { moment, reason, evidence });
                Verdict { finding: Finding::of_status(&error), detail: Some(error.to_string()), status, ..known }
            }
        }
    }
}

/// Checks the signature itself.
fn signed(question: &Question) -> Result<Signed, (Finding, String)> {
    let Some(algorithm) = question.algorithm else {
        let expected = Expected {
            content_type: None,
            content: question.message.as_deref(),
            certificate: question.certificate.as_deref(),
            strict: false,
        };
        if let Some(certificate) = &question.certificate {
            Parts::read(certificate).map_err(|error| (Finding::CertificateMalformed, error.to_string()))?;
        }
        let verified = cms::verify_as(&in_der(&question.signature), &expected);
        let verified = verified.map_err(|error| (of_message(&error), error.to_string()))?;
        return Ok(Signed {
            certificate: verified.certificate,
            algorithm: verified.algorithm.into(),
            message: verified.content,
        });
    };
    let certificate = question.certificate.clone().unwrap_or_default();
    let message = question.message.clone().unwrap_or_default();
    let parts = Parts::read(&certificate).map_err(|error| (Finding::CertificateMalformed, error.to_string()))?;
    let key = PublicKey::read(parts.tbs.spki).map_err(|error| (Finding::AlgorithmRefused, error.to_string()))?;
    key.verify_with(algorithm.into(), &message, &question.signature)
        .map_err(|error| (of_signature(&error), error.to_string()))?;
    Ok(Signed { certificate, algorithm, message })
}

/// The message in DER. Programs that sign streams write lengths that are told at the end (BER); what is signed inside of them
/// is DER all the same. OpenSSL writes such a message anew.
fn in_der(message: &[u8]) -> Cow<'_, [u8]> {
    if message.get(1) != Some(&0x80) || message.len() > MAX_MESSAGE_BYTES {
        return Cow::Borrowed(message);
    }
    let again = CmsContentInfo::from_der(message).and_then(|message| message.to_der());
    again.map_or(Cow::Borrowed(message), Cow::Owned)
}

const fn of_message(error: &CmsError) -> Finding {
    match error {
        CmsError::TooLong | CmsError::Malformed(_) | CmsError::Form(_) => Finding::SignatureMalformed,
        CmsError::Digest(_) => Finding::SignatureMismatch,
        CmsError::Signature(error) => of_signature(error),
    }
}

const fn of_signature(error: &VerifyError) -> Finding {
    match error {
        VerifyError::Algorithm(_) | VerifyError::Key(_) => Finding::AlgorithmRefused,
        VerifyError::Signature => Finding::SignatureMismatch,
    }
}
