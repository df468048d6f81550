//! What is kept, as the services see it.

use crate::domain::{
    CertificateStatus, IssuerId, ListKind, Officer, OfficerId, OrderId, ProfileName, Serial, Sha256, Sm2Id, Timestamp,
    Validity,
};

/// An order that was carried out, or is being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// Its id.
    pub id: OrderId,
    /// SHA-256 of the canonical bytes.
    pub sha256: Sha256,
    /// The canonical bytes.
    pub statement: Vec<u8>,
    /// When the authority believed it.
    pub received: Timestamp,
}

/// Which signature of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An officer's, in this seat (from 0); the holder's in the first.
    Seat(u8),
    /// The token operator's or the holder's, over the key binding.
    Binding,
    /// The new key's own, over the installation.
    Install,
}

/// A CMS message that was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRecord {
    /// For which order.
    pub order: OrderId,
    /// In which place.
    pub place: Place,
    /// SHA-256 of the signer's certificate.
    pub certificate_sha256: Sha256,
    /// The officer, if an officer signed.
    pub officer: Option<OfficerId>,
    /// The message, DER.
    pub message: Vec<u8>,
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Officers ordered it.
    Order,
    /// The ceremony made it.
    Ceremony,
    /// A registered responder key asked for it.
    Responder,
}

/// Which certificate of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The one that the order asks for; of a pair the signature certificate.
    Signature,
    /// The encryption certificate of a pair.
    Encryption,
}

/// A serial number that was drawn and the bytes that are to be signed under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Who will sign.
    pub issuer: IssuerId,
    /// The serial number.
    pub serial: Serial,
    /// The order, or an id of its own.
    pub order: OrderId,
    /// Which certificate of the order.
    pub part: Part,
    /// Where it comes from.
    pub origin: Origin,
    /// After which profile.
    pub profile: ProfileName,
    /// SHA-256 of the DER SubjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// Validity.
    pub validity: Validity,
    /// DER TBSCertificate, linted.
    pub tbs: Vec<u8>,
    /// When the intent was written.
    pub intended: Timestamp,
}

/// What completes an intent.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    /// What was to be signed.
    pub intent: &'a Intent,
    /// The certificate, DER.
    pub certificate: &'a [u8],
    /// SHA-256 of it.
    pub sha256: Sha256,
}

/// A certificate from intent to delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// What was to be signed.
    pub intent: Intent,
    /// What was signed; `None` from the intent until then.
    pub made: Option<Made>,
}

/// A signed certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// DER.
    pub certificate: Vec<u8>,
    /// SHA-256 of it.
    pub sha256: Sha256,
    /// When it became durable.
    pub issued: Timestamp,
    /// When its key proved that it is on the token.
    pub delivered: Option<Timestamp>,
}

/// A line of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerRecord {
    /// Who.
    pub officer: Officer,
    /// SHA-256 of their certificate.
    pub certificate_sha256: Sha256,
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// Its notAfter.
    pub not_after: Timestamp,
    /// When the line was written.
    pub entered: Timestamp,
}

/// The status of a certificate and its notAfter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRecord {
    /// Status.
    pub status: CertificateStatus,
    /// notAfter.
    pub not_after: Timestamp,
}

/// A line for a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Serial number.
    pub serial: Serial,
    /// Held or revoked.
    pub status: CertificateStatus,
    /// Of a compromised key: since when it can no longer be believed, if that was said.
    pub invalid_since: Option<Timestamp>,
}

/// A line for a delta: a certificate whose status changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedStatus {
    /// Serial number.
    pub serial: Serial,
    /// Held, revoked, or good again.
    pub status: CertificateStatus,
    /// When it changed last.
    pub changed: Timestamp,
    /// By which line of the log.
    pub seq: i64,
    /// Its notAfter.
    pub not_after: Timestamp,
    /// As for [`Unusable`].
    pub invalid_since: Option<Timestamp>,
}

/// The head of the status feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Last seq.
    pub head: i64,
    /// Last heartbeat.
    pub beat: Timestamp,
}

/// A CA and, unless it is the root, how its key is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRecord {
    /// Its name.
    pub id: IssuerId,
    /// Whether it is the root.
    pub root: bool,
    /// DER.
    pub certificate: Vec<u8>,
    /// `file:NAME` or `pkcs11:LABEL`.
    pub key: String,
    /// What it may sign on orders and requests; empty for the root.
    pub profiles: Vec<ProfileName>,
    /// Into how many lists its certificates are divided besides the full one; 0: not at all. Fixed by the ceremony,
    /// for the certificates name their list.
    pub crl_shards: u16,
    /// Under which id its key signs, if it is an SM2 key. Fixed by the ceremony.
    pub sm2_id: Sm2Id,
    /// Since when it issues no more.
    pub retired: Option<Timestamp>,
}

/// A CRL that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRecord {
    /// Whose.
    pub issuer: IssuerId,
    /// Which of its lists.
    pub list: ListKind,
    /// CRL number.
    pub number: i64,
    /// For a delta: the number of the full list that it goes with.
    pub base: Option<i64>,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// How many entries.
    pub entries: i64,
    /// Last seq of the status log in it.
    pub covers: i64,
    /// Whether it was made because it was time.
    pub planned: bool,
    /// SHA-256 of the DER.
    pub sha256: Sha256,
}

/// The end of the audit chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the last event; 0 before the first.
    pub seq: i64,
    /// Its hash; zeros before the first.
    pub hash: Sha256,
}

/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// 1, 2, 3, …
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// JSON, the exact text that was hashed.
    pub event: String,
    /// Hash of this and all before.
    pub hash: Sha256,
}

/// A signed statement of where the chain stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// At which event.
    pub seq: i64,
    /// When it was signed.
    pub at: Timestamp,
    /// Canonical bytes of the [`crate::audit::Checkpoint`].
    pub statement: Vec<u8>,
    /// Signature over them by the audit key.
    pub signature: Vec<u8>,
}
