//! What the centre asks of storage.

use async_trait::async_trait;

use crate::domain::{OrderId, Sha256, Timestamp};
use crate::keys::KeyKind;
use crate::store::{AuditLog, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Opens units of work.
#[async_trait]
pub trait EscrowStore: Send + Sync + 'static {
    /// Begins a unit of work that writes.
    async fn begin(&self) -> Result<Box<dyn EscrowTx>>;

    /// Begins a unit of work that only reads, over one state of the store.
    async fn begin_read(&self) -> Result<Box<dyn EscrowTx>>;
}

/// A unit of work. Dropped without [`EscrowTx::commit`] nothing of it remains.
#[async_trait]
pub trait EscrowTx: Escrow + AuditLog + Send {
    /// Makes all of it durable.
    async fn commit(self: Box<Self>) -> Result<()>;
}

/// Which order took a key, and to whom it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The order.
    pub order: OrderId,
    /// SHA-256 of the recipient's SubjectPublicKeyInfo.
    pub recipient_sha256: Sha256,
    /// When.
    pub at: Timestamp,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made, and nobody's.
    StandBy,
    /// An order's.
    InUse(Taken),
    /// Its certificate has ended; it can be recovered, for old data.
    History(Taken),
}

/// An escrowed key. The private half is sealed, so this may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// SHA-256 of the SubjectPublicKeyInfo: its name here.
    pub spki_sha256: Sha256,
    /// Its kind.
    pub kind: KeyKind,
    /// DER SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// The sealed PKCS#8.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub made: Timestamp,
    /// Where it is in its life.
    pub state: State,
}

/// A recovery that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryRow {
    /// The statement's own id.
    pub id: OrderId,
    /// SHA-256 of the canonical bytes.
    pub statement_sha256: Sha256,
    /// The canonical bytes.
    pub statement: Vec<u8>,
    /// The officers' CMS messages.
    pub approvals: [Vec<u8>; 2],
    /// DER of the certificate to whose key it was wrapped.
    pub recipient_certificate: Vec<u8>,
    /// Which key.
    pub spki_sha256: Sha256,
    /// When first.
    pub recovered: Timestamp,
}

/// How many keys of a kind are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Kind.
    pub kind: KeyKind,
    /// `stand_by`, `in_use` or `history`.
    pub state: &'static str,
    /// How many.
    pub keys: i64,
}

/// Keys and recoveries.
#[async_trait]
pub trait Escrow: Send {
    /// Adds a stand-by key.
    async fn add_key(&mut self, key: &KeyRow) -> Result<()>;

    /// The key with this name.
    async fn key(&mut self, spki_sha256: Sha256) -> Result<Option<KeyRow>>;

    /// The key that this order took for this signature key.
    async fn key_of_order(&mut self, order: OrderId, recipient_sha256: Sha256) -> Result<Option<KeyRow>>;

    /// The stand-by key of this kind that was made first.
    async fn oldest_stand_by(&mut self, kind: KeyKind) -> Result<Option<KeyRow>>;

    /// Gives a stand-by key to an order. [`StoreError::Contended`] if it is no longer stand-by, or the order has one for
    /// this recipient.
    async fn take(&mut self, spki_sha256: Sha256, taken: &Taken) -> Result<()>;

    /// Puts a key in use into history. `false` if it is not in use.
    async fn retire(&mut self, spki_sha256: Sha256, at: Timestamp) -> Result<bool>;

    /// Keys in use by name after `after`, without their sealed halves.
    async fn in_use_after(&mut self, after: Option<Sha256>, limit: i64) -> Result<Vec<(Sha256, Taken)>>;

    /// The names of stand-by keys after `after`, by name.
    async fn stand_by_after(&mut self, after: Option<Sha256>, limit: i64) -> Result<Vec<Sha256>>;

    /// How many keys there are.
    async fn counts(&mut self) -> Result<Vec<Count>>;

    /// Records a recovery; [`StoreError::Contended`] if the id exists by now.
    async fn add_recovery(&mut self, recovery: &RecoveryRow) -> Result<()>;

    /// The recovery with this id.
    async fn recovery(&mut self, id: OrderId) -> Result<Option<RecoveryRow>>;

    /// Says which sealing key seals here. Once.
    async fn set_sealing(&mut self, fingerprint: Sha256) -> Result<()>;

    /// Which sealing key seals here.
    async fn sealing(&mut self) -> Result<Option<Sha256>>;
}
