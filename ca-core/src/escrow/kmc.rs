//! [`Kmc`]: the centre in this process, joined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tokio::sync::{Mutex, Notify};

use super::authority::Witness;
use super::event::{Actor, Entry, Event};
use super::port::{KeyManagement, KeyRequest, KmcError, RecoverySubmission, WrappedKey};
use super::seal::SealingKey;
use super::stop::Stop;
use super::store::{EscrowStore, KeyRow};
use crate::audit::{self, Budget};
use crate::clock::Clock;
use crate::domain::Sha256;
use crate::envelope;
use crate::keys::KeyKind;
use crate::service::client::CertificateAuthority;
use crate::service::protocol::{Blob, Refusal};
use crate::store::StoreError;
use crate::unit_of_work;

/// Refusals that are audited within one hour; the rest are counted and logged only, so that a caller cannot fill the
/// disk.
const MAX_REFUSALS_PER_HOUR: u32 = 600;

/// The key-management centre.
pub struct Kmc {
    pub(super) store: Arc<dyn EscrowStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) witness: Witness,
    pub(super) officers: BTreeSet<Sha256>,
    pub(super) levels: BTreeMap<KeyKind, u32>,
    pub(super) key_taken: Notify,
    /// Writers take turns: the audit chain has one end.
    pub(super) turn: Mutex<()>,
    sealing: Arc<SealingKey>,
    rng: std::sync::Mutex<ChaCha20Rng>,
    refusals: std::sync::Mutex<Budget>,
}

impl Kmc {
    /// A centre. `officers`: SHA-256 of the certificates by which its own officers are known. `levels`: how many
    /// stand-by keys of each kind [`Self::refill`] keeps. `authority` says what certificates are worth.
    #[must_use]
    pub fn new(
        store: Arc<dyn EscrowStore>,
        sealing: SealingKey,
        officers: BTreeSet<Sha256>,
        levels: BTreeMap<KeyKind, u32>,
        authority: Arc<dyn CertificateAuthority>,
        clock: Arc<dyn Clock>,
        rng: ChaCha20Rng,
    ) -> Self {
        Self {
            store,
            clock,
            witness: Witness(authority),
            officers,
            levels,
            key_taken: Notify::new(),
            turn: Mutex::new(()),
            sealing: Arc::new(sealing),
            rng: std::sync::Mutex::new(rng),
            refusals: std::sync::Mutex::new(Budget::new(MAX_REFUSALS_PER_HOUR)),
        }
    }

    /// A generator of its own for one job, seeded from the centre's.
    pub(super) fn chance(&self) -> ChaCha20Rng {
        let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ChaCha20Rng::from_rng(&mut *rng)
    }

    pub(super) fn sealing(&self) -> Arc<SealingKey> {
        self.sealing.clone()
    }

    /// Opens a sealed key and wraps it to `recipient_spki`, on another thread. The private key does not leave it.
    pub(super) async fn wrap(&self, row: KeyRow, recipient_spki: Vec<u8>) -> Result<WrappedKey, Stop> {
        let (sealing, mut rng) = (self.sealing(), self.chance());
        let wrapped = tokio::task::spawn_blocking(move || {
            let key = sealing.unseal(&row.sealed, row.spki_sha256, &row.spki)?;
            let key = key.ok_or_else(|| {
                StoreError::odd("escrow_key", row.spki_sha256, "the sealed key was changed, or is another's")
            })?;
            let envelope = envelope::wrap(&key, &recipient_spki, &mut rng)?;
            Ok::<_, Stop>(WrappedKey { spki: Blob(row.spki), envelope })
        });
        wrapped.await?
    }

    /// A refusal is audited too: someone tried. If it cannot be, the caller is not told why it was refused.
    async fn note_refusal(&self, refusal: &Refusal, event: Event) -> Result<(), Stop> {
        let now = self.clock.now();
        metrics::counter!("kmc_refused_total", "code" => format!("{:?}", refusal.code)).increment(1);
        tracing::warn!(code = ?refusal.code, "Refused a key: {}", refusal.detail);
        if !self.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take(now) {
            return Ok(());
        }
        let entry = Entry { actor: Actor::Caller, event };
        let _turn = self.turn.lock().await;
        unit_of_work!(begin self.store.begin(), Stop, |tx| {
            audit::append(tx, now, &entry).await?;
        })
    }

    async fn told(
        &self,
        outcome: Result<WrappedKey, Stop>,
        event: impl FnOnce(&Refusal) -> Event,
    ) -> Result<WrappedKey, KmcError> {
        match outcome {
            Ok(key) => Ok(key),
            Err(Stop::Refused(refusal)) => {
                self.note_refusal(&refusal, event(&refusal)).await.map_err(Stop::told)?;
                Err(refusal.into())
            }
            Err(inside) => Err(inside.told()),
        }
    }
}

#[async_trait]
impl KeyManagement for Kmc {
    async fn provide(&self, ask: KeyRequest) -> Result<WrappedKey, KmcError> {
        let order = ask.order;
        let outcome = self.provide_key(ask).await;
        self.told(outcome, |refusal| Event::ProvideRefused {
            order,
            code: refusal.code,
            detail: refusal.detail.clone(),
        })
        .await
    }

    async fn recover(&self, submission: RecoverySubmission) -> Result<WrappedKey, KmcError> {
        let statement_sha256 = Sha256(openssl::sha::sha256(&submission.statement.0));
        let outcome = self.recover_key(submission).await;
        self.told(outcome, |refusal| Event::RecoveryRefused {
            statement_sha256,
            code: refusal.code,
            detail: refusal.detail.clone(),
        })
        .await
    }
}
