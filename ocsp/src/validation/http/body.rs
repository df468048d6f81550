//! What goes in and out, as JSON: the description is made from these.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ca_core::chain::subject_of_der;
use ca_core::domain::SubjectField;
use ca_core::service::protocol::Blob;
use ca_core::x509::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Evidence;
use crate::validation::finding::{Finding, Sentence, Words};
use crate::validation::notary::Evidenced;
use crate::validation::question::{Algorithm, Form, Question};
use crate::validation::verifier::{Status, Verdict};

/// What is wrong with a question (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The HTTP status.
    status: u16,
    /// Its name.
    title: String,
    /// What was wrong.
    detail: String,
    #[serde(skip)]
    wait: Option<Duration>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or_default().to_owned();
        Self { status: status.as_u16(), title, detail: detail.into(), wait: None }
    }

    pub(super) fn later(status: StatusCode, detail: &str, wait: Duration) -> Self {
        Self { wait: Some(wait), ..Self::new(status, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let head = response.headers_mut();
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        head.insert(CACHE_CONTROL, NO_STORE);
        if let Some(wait) = self.wait {
            head.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        }
        if status == StatusCode::UNAUTHORIZED {
            head.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A signature to be verified, in one of three forms. All octets are base64 without line breaks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "form", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum VerifyRequest {
    /// CMS SignedData (or that of GM/T 0010) with the message inside.
    CmsAttached {
        /// The SignedData, DER.
        #[schema(value_type = String, format = Byte)]
        signature: Blob,
        /// If given, the message inside must be this one.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Byte)]
        message: Option<Blob>,
        /// If given, the signer must be this one; needed where none is inside. DER.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Byte)]
        certificate: Option<Blob>,
    },
    /// CMS SignedData without the message.
    CmsDetached {
        /// The SignedData, DER.
        #[schema(value_type = String, format = Byte)]
        signature: Blob,
        /// The message.
        #[schema(value_type = String, format = Byte)]
        message: Blob,
        /// If given, the signer must be this one; needed where none is inside. DER.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Byte)]
        certificate: Option<Blob>,
    },
    /// The signature alone.
    Raw {
        /// DER of r and s for ECDSA and SM2, the octets for RSA.
        #[schema(value_type = String, format = Byte)]
        signature: Blob,
        /// The message, not its digest.
        #[schema(value_type = String, format = Byte)]
        message: Blob,
        /// The signer's certificate, DER.
        #[schema(value_type = String, format = Byte)]
        certificate: Blob,
        /// By which algorithm.
        algorithm: Algorithm,
    },
}

impl From<VerifyRequest> for Question {
    fn from(request: VerifyRequest) -> Self {
        let octets = |blob: Option<Blob>| blob.map(|blob| blob.0);
        match request {
            VerifyRequest::CmsAttached { signature, message, certificate } => Self {
                form: Form::CmsAttached,
                signature: signature.0,
                message: octets(message),
                certificate: octets(certificate),
                algorithm: None,
            },
            VerifyRequest::CmsDetached { signature, message, certificate } => Self {
                form: Form::CmsDetached,
                signature: signature.0,
                message: Some(message.0),
                certificate: octets(certificate),
                algorithm: None,
            },
            VerifyRequest::Raw { signature, message, certificate, algorithm } => Self {
                form: Form::Raw,
                signature: signature.0,
                message: Some(message.0),
                certificate: Some(certificate.0),
                algorithm: Some(algorithm),
            },
        }
    }
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerifyAnswer {
    /// Whether the signature may be relied on: the finding is `valid`.
    valid: bool,
    /// The code of the finding: 0 valid; -1 no status can be had; 1 not yet valid; 2 expired; 4 not by this authority; 7
    /// revoked, held or never issued; 12 not for this use or caller; -6406, -6504, -6505, -6805 certificate, signature,
    /// match, algorithm.
    code: i32,
    /// What was found.
    finding: Finding,
    /// The same for people.
    message: Sentence,
    /// For whoever writes the calling program; in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// When it was verified, in Unix seconds.
    checked_at: i64,
    /// By which algorithm the signature is, as far as that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<Algorithm>,
    /// Of whose key, as far as that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateAnswer>,
    /// What was learned of its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusAnswer>,
    /// Number of the record.
    record: String,
    /// The signed record of all this: a CMS message, DER. To be kept.
    #[schema(value_type = String, format = Byte)]
    evidence: Blob,
    /// The time-stamp token over the evidence, DER. To be kept beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Byte)]
    time_stamp: Option<Blob>,
}

/// A certificate as it reads. Believe it only where the finding says so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CertificateAnswer {
    /// Which of our CAs issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Its serial number, in lower-case hex.
    serial: String,
    /// From when, in Unix seconds.
    not_before: i64,
    /// Until when, in Unix seconds.
    not_after: i64,
    /// What it says of its holder, by field.
    #[schema(value_type = BTreeMap<String, String>)]
    subject: BTreeMap<SubjectField, String>,
    /// The certificate, DER.
    #[schema(value_type = String, format = Byte)]
    der: Blob,
}

/// A status.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    /// As of when a certificate is good; since when it is revoked or held. Unix seconds.
    moment: i64,
    /// Why it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Who says so: `ocsp`, or `crl` where a list stood in.
    source: &'static str,
}

impl VerifyAnswer {
    /// What is told of a verdict.
    pub(super) fn of(verdict: Verdict, evidenced: Evidenced, words: &Words) -> Self {
        let issuer = verdict.issuer.as_ref().map(ToString::to_string);
        let certificate = verdict.certificate.and_then(|der| {
            let parts = Parts::read(&der).ok()?;
            let subject = subject_of_der(&der).unwrap_or_default();
            let (serial, validity) = (parts.tbs.serial().ok()?.to_string(), parts.tbs.validity);
            Some(CertificateAnswer {
                issuer,
                serial,
                not_before: validity.not_before.unix(),
                not_after: validity.not_after.unix(),
                subject,
                der: Blob(der),
            })
        });
        let status = verdict.status.map(|Status { moment, reason, evidence }| StatusAnswer {
            moment: moment.unix(),
            reason: reason.map(|reason| reason.word()),
            source: match evidence {
                Evidence::Ocsp(_) => "ocsp",
                Evidence::Crl(_) => "crl",
            },
        });
        Self {
            valid: verdict.finding == Finding::Valid,
            code: verdict.finding.code(),
            finding: verdict.finding,
            message: words.of(verdict.finding),
            detail: verdict.detail,
            checked_at: verdict.at.unix(),
            algorithm: verdict.algorithm,
            certificate,
            status,
            record: evidenced.id,
            evidence: Blob(evidenced.evidence),
            time_stamp: evidenced.stamp.map(Blob),
        }
    }
}
