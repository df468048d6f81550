//! What happened, and who did it.

use serde::{Deserialize, Serialize};

use crate::domain::{CertificateStatus, IssuerId, ListKind, Officer, OfficerId, OrderId, ProfileName, Serial, Sha256};
use crate::service::protocol::RefusalCode;

/// An event with its actor: the JSON that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Who.
    pub actor: Actor,
    /// What.
    pub event: Event,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The authority by itself: reconciler, CRL, checkpoint.
    Authority,
    /// The ceremony.
    Ceremony,
    /// Whoever speaks over the socket, unproven.
    Caller,
    /// Whoever may run `ca` with its configuration on its machine, unproven.
    Operator,
    /// The officers whose signatures were believed.
    Officers(Vec<OfficerId>),
    /// The holder of the certificate, proven by its key.
    Holder {
        /// SHA-256 of the certificate.
        certificate_sha256: Sha256,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Event {
    /// The ceremony began, by this file.
    CeremonyHeld {
        /// SHA-256 of the ceremony file.
        file_sha256: Sha256,
        /// Name of the CA.
        name: String,
    },
    /// A CA was made.
    IssuerMade {
        /// Its name.
        issuer: IssuerId,
        /// Whether it is the root.
        root: bool,
        /// SHA-256 of its certificate.
        certificate_sha256: Sha256,
    },
    /// A key was registered that may answer OCSP for an issuer.
    ResponderKeyRegistered {
        /// For whose certificates.
        issuer: IssuerId,
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: Sha256,
    },
    /// The key that signs checkpoints.
    AuditKeyMade {
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: Sha256,
    },
    /// A certificate is about to be signed.
    Signing {
        /// By whom.
        issuer: IssuerId,
        /// Serial number.
        serial: Serial,
        /// For which order.
        order: OrderId,
        /// After which profile.
        profile: ProfileName,
        /// SHA-256 of the bytes to be signed.
        tbs_sha256: Sha256,
        /// SHA-256 of the public key.
        spki_sha256: Sha256,
    },
    /// A certificate was signed and is durable.
    Signed {
        /// By whom.
        issuer: IssuerId,
        /// Serial number.
        serial: Serial,
        /// For which order.
        order: OrderId,
        /// SHA-256 of the certificate.
        certificate_sha256: Sha256,
        /// Whether the reconciler finished it after an interruption.
        reconciled: bool,
    },
    /// An officer was entered into the registry.
    OfficerEntered {
        /// As entered.
        officer: Officer,
        /// SHA-256 of their certificate.
        certificate_sha256: Sha256,
    },
    /// The new key proved that its certificate is on the token.
    Delivered {
        /// By whom issued.
        issuer: IssuerId,
        /// Serial number.
        serial: Serial,
        /// For which order.
        order: OrderId,
    },
    /// A certificate will never be delivered; its revocation is the next event.
    NeverDelivered {
        /// For which order.
        order: OrderId,
        /// What the caller said.
        why: String,
    },
    /// An intent will never be a certificate; the revocation of its serial number is the next event.
    GivenUp {
        /// By whom it was to be signed.
        issuer: IssuerId,
        /// Serial number.
        serial: Serial,
        /// For which order.
        order: OrderId,
        /// What the operator said.
        why: String,
    },
    /// A status changed.
    StatusChanged {
        /// By whom issued.
        issuer: IssuerId,
        /// Serial number.
        serial: Serial,
        /// What is true now.
        status: CertificateStatus,
        /// Position in the status log.
        seq: i64,
        /// By which order, unless the authority did it by itself.
        order: Option<OrderId>,
    },
    /// An order was refused.
    OrderRefused {
        /// Which it claims to be.
        order: OrderId,
        /// SHA-256 of its bytes.
        order_sha256: Sha256,
        /// Why.
        code: RefusalCode,
        /// Why, in words.
        detail: String,
    },
    /// Officers of the key-management centre want an escrowed key wrapped to another signature key; the centre is asked
    /// next.
    RecoveryAsked {
        /// Id of their statement.
        recovery: OrderId,
        /// SHA-256 of its bytes.
        statement_sha256: Sha256,
        /// Who issued the encryption certificate.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
        /// SHA-256 of the new signature certificate.
        recipient_sha256: Sha256,
    },
    /// An escrowed key was wrapped to another signature key; its asker is told next.
    KeyRecovered {
        /// Id of the officers' statement.
        recovery: OrderId,
        /// SHA-256 of the encryption key's SubjectPublicKeyInfo.
        spki_sha256: Sha256,
        /// SHA-256 of the new signature certificate.
        recipient_sha256: Sha256,
    },
    /// A recovery was refused, by the authority or by the key-management centre.
    RecoveryRefused {
        /// Which it claims to be.
        recovery: OrderId,
        /// SHA-256 of its bytes.
        statement_sha256: Sha256,
        /// Why.
        code: RefusalCode,
        /// Why, in words.
        detail: String,
    },
    /// CRLs are about to be signed under this number: full, delta, shards.
    CrlSigning {
        /// Whose.
        issuer: IssuerId,
        /// Its number.
        number: i64,
    },
    /// A CRL was signed; it is published next.
    CrlSigned {
        /// Whose.
        issuer: IssuerId,
        /// Which of its lists; the full one in events that do not say.
        #[serde(default)]
        list: ListKind,
        /// Its number.
        number: i64,
        /// How many entries.
        entries: i64,
        /// SHA-256 of it.
        sha256: Sha256,
    },
    /// A CA issues no more.
    IssuerRetired {
        /// Which.
        issuer: IssuerId,
    },
    /// The authority began to serve.
    Started {
        /// Version of the program.
        version: String,
    },
    /// The authority was told to stop.
    Stopped,
}
