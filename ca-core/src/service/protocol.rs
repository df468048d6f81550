//! Requests and answers of the authority's socket.
//!
//! A frame is a big-endian `u32` length and that many bytes of JSON, at most [`MAX_FRAME_BYTES`]; one
//! answer for each request, in order. Byte strings are standard base64.

use serde::{Deserialize, Serialize};

use crate::domain::{CertificateStatus, IssuerId, Officer, OrderId, ProfileName, Serial, Sha256, Timestamp, Validity};
use crate::escrow::port::{Envelope, RecoverySubmission, WrappedKey};

/// The longest frame that either side accepts.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;

/// Bytes that travel as base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blob(pub Vec<u8>);

impl TryFrom<String> for Blob {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text).map(Self)
    }
}

impl From<Blob> for String {
    fn from(blob: Blob) -> Self {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(blob.0)
    }
}

/// What can be asked of the authority.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Carry out an order. Idempotent by the order's id.
    Submit(Submission),
    /// The certificate is on its token: a CMS message over an [`crate::domain::Install`] by the new key.
    Confirm {
        /// The message.
        install: Blob,
    },
    /// The certificate of this order will never be delivered: revoke it. Refused once it was confirmed.
    Abandon {
        /// Which order.
        order: OrderId,
        /// Why, for the audit; at most 200 characters.
        why: String,
    },
    /// An escrowed encryption key again, wrapped to a unit's new signature key, on the word of two officers of the
    /// key-management centre. Idempotent by the statement's id.
    Recover(RecoverySubmission),
    /// The certificate, or pair, with this key; responders' keys apart.
    Key {
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: Sha256,
    },
    /// What became of an order.
    Order {
        /// Which.
        order: OrderId,
    },
    /// The authority's own view of a certificate; of a pair, by either serial number, the pair's.
    Certificate {
        /// Who issued it.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
    },
    /// The officer whose certificate has this SHA-256, if the certificate is good now.
    Officer {
        /// SHA-256 of the DER certificate.
        certificate_sha256: Sha256,
    },
    /// All officers.
    Officers,
    /// The issuing CAs and the root.
    Issuers,
    /// A new short-lived certificate for a registered OCSP key.
    Responder {
        /// For whose certificates the responder answers.
        issuer: IssuerId,
        /// PKCS#10 request by the registered key.
        csr: Blob,
    },
}

/// An order with all that the authority needs to believe it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Canonical bytes of the [`crate::domain::Order`].
    pub order: Blob,
    /// CMS SignedData over exactly these bytes, one for each seat, in the order of the seats.
    pub approvals: Vec<Blob>,
    /// For an issue: CMS SignedData over a [`crate::domain::KeyBinding`] by a token operator.
    pub binding: Option<Blob>,
    /// For an issue: PKCS#10 request by the new key.
    pub csr: Option<Blob>,
}

/// What the authority answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Response {
    /// A certificate, as it stands now.
    Certificate(CertificateView),
    /// A recovered encryption key in its envelope.
    Key(WrappedKey),
    /// Nothing by that name.
    None,
    /// An officer.
    Officer(OfficerView),
    /// All officers.
    Officers {
        /// The registry.
        officers: Vec<OfficerView>,
    },
    /// All issuers.
    Issuers {
        /// Root first.
        issuers: Vec<IssuerView>,
    },
    /// The authority will not do it.
    Refused(Refusal),
}

/// A certificate and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateView {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// After which profile.
    pub profile: ProfileName,
    /// The order that made it.
    pub order: OrderId,
    /// Validity.
    pub validity: Validity,
    /// DER.
    pub certificate: Blob,
    /// Good, held or revoked.
    pub status: CertificateStatus,
    /// When the new key proved that the certificate is on its token.
    pub delivered: Option<Timestamp>,
    /// For a pair: the encryption certificate, which shares subject, validity, status and delivery.
    #[serde(default)]
    pub encryption: Option<EncryptionView>,
}

/// The encryption certificate of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionView {
    /// Its serial number.
    pub serial: Serial,
    /// After which profile.
    pub profile: ProfileName,
    /// DER.
    pub certificate: Blob,
    /// Its private key, wrapped to the signature key of the pair.
    pub envelope: Envelope,
}

/// An officer and the certificate by which the registry knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerView {
    /// Who.
    pub officer: Officer,
    /// Who issued their certificate.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of it.
    pub certificate_sha256: Sha256,
    /// What it is worth now.
    pub status: CertificateStatus,
    /// Its notAfter.
    pub not_after: Timestamp,
}

/// A CA certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerView {
    /// Its name, also the file name of its certificate and CRL.
    pub id: IssuerId,
    /// Whether it is the root.
    pub root: bool,
    /// DER.
    pub certificate: Blob,
}

/// Why the authority will not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{code:?}: {detail}")]
pub struct Refusal {
    /// What a program may branch on.
    pub code: RefusalCode,
    /// What a person reads in a log; English; never secret.
    pub detail: String,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Bytes that are no request, order, CMS message or CSR.
    Malformed,
    /// A signature does not verify.
    BadSignature,
    /// The signer is not in the registry.
    UnknownOfficer,
    /// The signer's certificate is revoked, held or outside its validity.
    OfficerNotGood,
    /// The signer has not the role that this seat needs.
    WrongRole,
    /// One officer in two seats, or too few signatures.
    TwoOfficersNeeded,
    /// The officers signed other bytes than the order submitted.
    OrderChanged,
    /// The order was carried out before, with another key or other bytes.
    OrderReplayed,
    /// The order is too old, or from the future.
    OrderNotCurrent,
    /// No token operator bound this key to this order.
    KeyNotBound,
    /// The request's own signature does not verify: no proof of possession.
    NoProofOfPossession,
    /// The key is weak, of the wrong kind, or known from another certificate.
    KeyNotAccepted,
    /// The subject, term or issuer does not fit the profile, or the result failed its lint.
    ProfileViolated,
    /// Fewer than two administrators would be left.
    LastAdministrators,
    /// The issuer issues no more, or its last list is published.
    IssuerRetired,
    /// No such issuer, certificate, order or registered key.
    NotFound,
    /// The certificate's state does not allow it, e.g. releasing a revoked one.
    WrongState,
    /// Storage, signer or audit cannot be used now; nothing was done; try again.
    Unavailable,
    /// The key-management centre cannot be asked now; nothing was issued; try again.
    KmcUnavailable,
}
