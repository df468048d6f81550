//! What happened in the centre, and who did it: the JSON that its audit chain hashes.

use serde::{Deserialize, Serialize};

use crate::domain::{OfficerId, OrderId, Sha256};
use crate::keys::KeyKind;
use crate::service::protocol::RefusalCode;

/// An event with its actor.
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
    /// The centre by itself.
    Centre,
    /// Whoever speaks over the socket: the authority, by the user that it runs as.
    Caller,
    /// The officers whose signatures were believed.
    Officers(Vec<OfficerId>),
}

/// Why a key went into history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Its certificate was revoked.
    Revoked,
    /// Its certificate expired.
    Expired,
    /// Its order never made a certificate, and is too old to do so.
    NeverIssued,
    /// Its order made its pair with another key.
    Superseded,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Event {
    /// The centre was founded.
    Founded {
        /// Fingerprint of the sealing key.
        sealing: Sha256,
        /// SHA-256 of the audit key's SubjectPublicKeyInfo.
        audit_spki_sha256: Sha256,
    },
    /// The centre began to serve.
    Started {
        /// Version of the program.
        version: String,
    },
    /// The centre was told to stop.
    Stopped,
    /// A key was made and sealed.
    KeyMade {
        /// Its kind.
        kind: KeyKind,
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: Sha256,
    },
    /// An order took a key.
    KeyTaken {
        /// Which key.
        spki_sha256: Sha256,
        /// Which order.
        order: OrderId,
        /// SHA-256 of the SubjectPublicKeyInfo to which it goes.
        recipient_sha256: Sha256,
    },
    /// A key was wrapped to another signature key.
    KeyRecovered {
        /// Which key.
        spki_sha256: Sha256,
        /// Id of the officers' statement.
        recovery: OrderId,
        /// SHA-256 of the statement.
        statement_sha256: Sha256,
        /// SHA-256 of the certificate to whose key it goes.
        recipient_sha256: Sha256,
        /// Whether the same was granted before.
        again: bool,
    },
    /// A key went into history.
    KeyRetired {
        /// Which key.
        spki_sha256: Sha256,
        /// Whose it is.
        order: OrderId,
        /// Why.
        why: Ended,
    },
    /// A request for a key was refused.
    ProvideRefused {
        /// For this order.
        order: OrderId,
        /// Why.
        code: RefusalCode,
        /// Why, in words.
        detail: String,
    },
    /// A recovery was refused.
    RecoveryRefused {
        /// SHA-256 of the statement, such as it is.
        statement_sha256: Sha256,
        /// Why.
        code: RefusalCode,
        /// Why, in words.
        detail: String,
    },
}
