//! The traits.

use std::ops::Range;

use async_trait::async_trait;

use super::error::StoreError;
use super::records::{
    AuditHead, AuditRow, CertificateRecord, ChangedStatus, CheckpointRow, Completion, CrlRecord, Feed, Intent,
    IssuerRecord, OfficerRecord, OrderRecord, SignatureRecord, StatusRecord, Unusable,
};
use crate::domain::{IssuerId, ListKind, OrderId, Serial, Sha256, StatusChange, Timestamp};
use crate::escrow::port::Envelope;

type Result<T> = std::result::Result<T, StoreError>;

/// Opens units of work.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Begins a unit of work that writes.
    async fn begin(&self) -> Result<Box<dyn Tx>>;

    /// Begins a unit of work that only reads, over one state of the store.
    async fn begin_read(&self) -> Result<Box<dyn Tx>>;

    /// [`Self::begin_read`] for a unit of work that reads very many rows. It is to be committed.
    async fn begin_scan(&self) -> Result<Box<dyn Tx>> {
        self.begin_read().await
    }
}

/// A unit of work on all table groups.
#[async_trait]
pub trait Tx: Orders + Certificates + Registry + Statuses + Issuers + Crls + AuditLog + Send {
    /// Makes all of it durable. On an error nothing was written, or, when the engine's answer was lost, the
    /// caller must look again: orders are idempotent.
    async fn commit(self: Box<Self>) -> Result<()>;
}

/// Orders and the signatures on them.
#[async_trait]
pub trait Orders: Send {
    /// Adds orders; [`StoreError::Contended`] if the id of one exists by now.
    async fn add_orders(&mut self, orders: &[OrderRecord]) -> Result<()>;

    /// Adds an order; [`StoreError::Contended`] if the id exists by now.
    async fn add_order(&mut self, order: &OrderRecord) -> Result<()> {
        self.add_orders(std::slice::from_ref(order)).await
    }

    /// Those of these orders that are there, in any order.
    async fn orders(&mut self, ids: &[OrderId]) -> Result<Vec<OrderRecord>>;

    /// The order with this id.
    async fn order(&mut self, id: OrderId) -> Result<Option<OrderRecord>>;

    /// Adds signatures to orders that are there.
    async fn add_signatures(&mut self, signatures: &[SignatureRecord]) -> Result<()>;

    /// Adds a signature to an order that is there.
    async fn add_signature(&mut self, signature: &SignatureRecord) -> Result<()> {
        self.add_signatures(std::slice::from_ref(signature)).await
    }

    /// The order of each signature on these orders, in any order.
    async fn signed_orders(&mut self, ids: &[OrderId]) -> Result<Vec<OrderId>>;

    /// The signatures of an order.
    async fn signatures(&mut self, order: OrderId) -> Result<Vec<SignatureRecord>>;

    /// How many orders there are.
    async fn count_orders(&mut self) -> Result<i64>;
}

/// Certificates from intent to delivery.
#[async_trait]
pub trait Certificates: Send {
    /// Writes intents; [`StoreError::Contended`] if serial, order or key of one is taken by now.
    async fn add_intents(&mut self, intents: &[&Intent]) -> Result<()>;

    /// Writes an intent; [`StoreError::Contended`] if its serial, order or key is taken by now.
    async fn add_intent(&mut self, intent: &Intent) -> Result<()> {
        self.add_intents(&[intent]).await
    }

    /// Completes intents. Answers how many: all, unless some are complete already, or were given up.
    async fn complete_all(&mut self, completions: &[Completion<'_>], issued: Timestamp) -> Result<u64>;

    /// The certificate with this serial number.
    async fn certificate(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<CertificateRecord>>;

    /// The certificates of this order, by part.
    async fn certificates_of_order(&mut self, order: OrderId) -> Result<Vec<CertificateRecord>>;

    /// Keeps the wrapped encryption key of a pair, in the unit of work of its intents.
    async fn add_envelope(&mut self, order: OrderId, envelope: &Envelope) -> Result<()>;

    /// The wrapped encryption key of a pair.
    async fn envelope(&mut self, order: OrderId) -> Result<Option<Envelope>>;

    /// Notes, in the unit of work of its intents, that an order's certificate is to take this one's place.
    async fn add_replacement(&mut self, order: OrderId, issuer: &IssuerId, serial: &Serial) -> Result<()>;

    /// The orders whose certificates were to take this one's place, those that came to nothing among them.
    async fn replacements_of(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Vec<OrderId>>;

    /// The order under which this key was certified, or is being; responder keys apart.
    async fn order_of_key(&mut self, spki_sha256: Sha256) -> Result<Option<OrderId>> {
        Ok(self.orders_of_keys(&[spki_sha256]).await?.into_iter().next().map(|(_, order)| order))
    }

    /// [`Self::order_of_key`] of many: those that are known, in any order.
    async fn orders_of_keys(&mut self, keys: &[Sha256]) -> Result<Vec<(Sha256, OrderId)>>;

    /// The responder certificate with the latest end for this key.
    async fn responder_certificate(
        &mut self,
        issuer: &IssuerId,
        spki_sha256: Sha256,
    ) -> Result<Option<CertificateRecord>>;

    /// Intents that are neither complete nor given up, oldest first.
    async fn open_intents(&mut self, limit: i64) -> Result<Vec<CertificateRecord>>;

    /// Notes that the certificate is on its token. `false` when that was noted before.
    async fn deliver(&mut self, issuer: &IssuerId, serial: &Serial, at: Timestamp) -> Result<bool>;

    /// Certificates in the order of (issuer, serial) after this one, for a check of everything.
    async fn certificates_after(&mut self, issuer: &str, serial: &str, limit: i64) -> Result<Vec<CertificateRecord>>;
}

/// The registry of officers.
#[async_trait]
pub trait Registry {
    /// Adds a line.
    async fn add_officer(&mut self, officer: &OfficerRecord) -> Result<()>;

    /// The line of this certificate.
    async fn officer(&mut self, certificate_sha256: Sha256) -> Result<Option<OfficerRecord>>;

    /// The line of this certificate, by its issuer and serial number.
    async fn officer_of(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<OfficerRecord>>;

    /// All lines, by officer and then by time.
    async fn officers(&mut self) -> Result<Vec<OfficerRecord>>;
}

/// Statuses and their feed.
#[async_trait]
pub trait Statuses {
    /// The status of a certificate that was issued.
    async fn status(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<StatusRecord>>;

    /// Statuses of serial numbers from `first` to `last`, both included; at most `limit`.
    async fn statuses_between(
        &mut self,
        issuer: &IssuerId,
        first: &Serial,
        last: &Serial,
        limit: i64,
    ) -> Result<Vec<(Serial, StatusRecord)>>;

    /// Writes the first status of certificates, and appends them to the log, moving the head of the feed from before
    /// the first to the last: their numbers follow each other. [`StoreError::Contended`] unless the head stood
    /// there, or if one has a status.
    async fn add_statuses(&mut self, changes: &[StatusChange], at: Timestamp) -> Result<()>;

    /// Sets the status and appends it to the log, moving the head of the feed to `change.seq`.
    /// [`StoreError::Contended`] unless the head stood one before.
    async fn set_status(&mut self, change: &StatusChange, at: Timestamp) -> Result<()>;

    /// Notes since when the key of a certificate that is being revoked can no longer be believed.
    async fn add_invalidity(&mut self, issuer: &IssuerId, serial: &Serial, since: Timestamp) -> Result<()>;

    /// Head and heartbeat.
    async fn feed(&mut self) -> Result<Feed>;

    /// Writes the heartbeat.
    async fn beat(&mut self, now: Timestamp) -> Result<()>;

    /// The last line of the log for each certificate that differs from its status: empty, or a fault.
    async fn log_faults(&mut self) -> Result<Vec<(IssuerId, Serial)>>;

    /// Held and revoked certificates whose notAfter is not before `still_valid_at`, by serial number after
    /// `after`.
    async fn unusable(
        &mut self,
        issuer: &IssuerId,
        still_valid_at: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Unusable>>;

    /// Whether a line after `seq` holds, releases, revokes or amends a certificate of this issuer.
    async fn crl_changed_after(&mut self, issuer: &IssuerId, seq: i64) -> Result<bool>;

    /// Certificates whose notAfter is not before `still_valid_at` and that a line after `seqs.start`, up to and with
    /// `seqs.end`, holds, releases, revokes or amends, by serial number after `after`, each as it stood at the end.
    async fn changed_between(
        &mut self,
        issuer: &IssuerId,
        seqs: Range<i64>,
        still_valid_at: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ChangedStatus>>;

    /// Whether a certificate of this issuer can still be held or revoked after `now`: one that is neither expired nor
    /// revoked, or an intent. Responders' certificates do not count, for nobody asks for their status.
    async fn can_still_change(&mut self, issuer: &IssuerId, now: Timestamp) -> Result<bool>;
}

/// CAs, their keys and their responders' keys.
#[async_trait]
pub trait Issuers {
    /// Adds a CA.
    async fn add_issuer(&mut self, issuer: &IssuerRecord) -> Result<()>;

    /// All CAs, root first.
    async fn issuers(&mut self) -> Result<Vec<IssuerRecord>>;

    /// Notes that a CA issues no more from this moment on. `false` if that was noted before, or there is no such CA.
    async fn retire(&mut self, issuer: &IssuerId, at: Timestamp) -> Result<bool>;

    /// Since when a CA issues no more, if it does not.
    async fn retired(&mut self, issuer: &IssuerId) -> Result<Option<Timestamp>>;

    /// Registers a key that may answer OCSP for an issuer.
    async fn add_responder_key(&mut self, issuer: &IssuerId, spki_sha256: Sha256, at: Timestamp) -> Result<()>;

    /// Whether this key is registered.
    async fn is_responder_key(&mut self, issuer: &IssuerId, spki_sha256: Sha256) -> Result<bool>;
}

/// CRL numbers and records.
#[async_trait]
pub trait Crls {
    /// The last number taken; 0 before the first.
    async fn crl_number(&mut self, issuer: &IssuerId) -> Result<i64>;

    /// Takes the number after `last`. [`StoreError::Contended`] if another was taken by now.
    async fn take_crl_number(&mut self, issuer: &IssuerId, last: i64) -> Result<i64>;

    /// Records a CRL that was signed.
    async fn add_crl(&mut self, crl: &CrlRecord) -> Result<()>;

    /// The last one of this kind.
    async fn last_crl(&mut self, issuer: &IssuerId, list: ListKind) -> Result<Option<CrlRecord>>;

    /// The full one that was made because it was time last before this number.
    async fn planned_crl_before(&mut self, issuer: &IssuerId, number: i64) -> Result<Option<CrlRecord>>;

    /// The last one of this kind that was made because it was time.
    async fn last_planned_crl(&mut self, issuer: &IssuerId, list: ListKind) -> Result<Option<CrlRecord>>;
}

/// The audit chain as rows. Only [`crate::audit`] appends.
#[async_trait]
pub trait AuditLog: Send {
    /// The end of the chain.
    async fn audit_head(&mut self) -> Result<AuditHead>;

    /// Appends rows after `head`. [`StoreError::Contended`] if the chain ends elsewhere by now.
    async fn append_audit(&mut self, head: AuditHead, rows: &[AuditRow]) -> Result<()>;

    /// Rows after `seq`, in order.
    async fn audit_after(&mut self, seq: i64, limit: i64) -> Result<Vec<AuditRow>>;

    /// Adds a checkpoint.
    async fn add_checkpoint(&mut self, checkpoint: &CheckpointRow) -> Result<()>;

    /// All checkpoints, in order.
    async fn checkpoints(&mut self) -> Result<Vec<CheckpointRow>>;

    /// The last checkpoint.
    async fn last_checkpoint(&mut self) -> Result<Option<CheckpointRow>>;

    /// Sets the key that signs checkpoints. Once.
    async fn set_audit_key(&mut self, spki_der: &[u8]) -> Result<()>;

    /// DER SubjectPublicKeyInfo of the key that signs checkpoints.
    async fn audit_key(&mut self) -> Result<Option<Vec<u8>>>;
}
