//! Wherever the centre dies: no key is lost, and none is two orders'.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::{Ground, ask, opened};
use crate::clock::system_rng;
use crate::domain::{OrderId, Sha256, Timestamp};
use crate::escrow::port::KeyManagement as _;
use crate::escrow::store::{Count, Escrow, EscrowStore, EscrowTx, KeyRow, RecoveryRow, Taken};
use crate::escrow::{Kmc, SealingKey, SqlEscrow};
use crate::keys::KeyKind;
use crate::store::{AuditHead, AuditLog, AuditRow, CheckpointRow, StoreError};
use crate::testing::new_key;

/// A store that dies at one commit, before it or after it.
struct Dying {
    store: SqlEscrow,
    left: Arc<AtomicU32>,
    before: bool,
}

struct DyingTx {
    tx: Box<dyn EscrowTx>,
    left: Arc<AtomicU32>,
    before: bool,
}

fn dead() -> StoreError {
    StoreError::Unavailable("killed".into())
}

#[async_trait]
impl EscrowStore for Dying {
    async fn begin(&self) -> Result<Box<dyn EscrowTx>, StoreError> {
        if self.left.load(Ordering::SeqCst) == 0 {
            return Err(dead());
        }
        let tx = self.store.begin().await?;
        Ok(Box::new(DyingTx { tx, left: self.left.clone(), before: self.before }))
    }

    async fn begin_read(&self) -> Result<Box<dyn EscrowTx>, StoreError> {
        self.store.begin_read().await
    }
}

#[async_trait]
impl EscrowTx for DyingTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let last = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.before {
            return Err(dead());
        }
        self.tx.commit().await?;
        if last { Err(dead()) } else { Ok(()) }
    }
}

macro_rules! pass_on {
    ($tr:ident { $(fn $name:ident(&mut self $(, $arg:ident: $ty:ty)*) -> $out:ty;)* }) => {
        #[async_trait]
        impl $tr for DyingTx {
            $(async fn $name(&mut self $(, $arg: $ty)*) -> Result<$out, StoreError> {
                self.tx.$name($($arg),*).await
            })*
        }
    };
}

pass_on! { Escrow {
    fn add_key(&mut self, key: &KeyRow) -> ();
    fn key(&mut self, spki_sha256: Sha256) -> Option<KeyRow>;
    fn key_of_order(&mut self, order: OrderId, recipient_sha256: Sha256) -> Option<KeyRow>;
    fn oldest_stand_by(&mut self, kind: KeyKind) -> Option<KeyRow>;
    fn take(&mut self, spki_sha256: Sha256, taken: &Taken) -> ();
    fn retire(&mut self, spki_sha256: Sha256, at: Timestamp) -> bool;
    fn stand_by_after(&mut self, after: Option<Sha256>, limit: i64) -> Vec<Sha256>;
    fn in_use_after(&mut self, after: Option<Sha256>, limit: i64) -> Vec<(Sha256, Taken)>;
    fn counts(&mut self) -> Vec<Count>;
    fn add_recovery(&mut self, recovery: &RecoveryRow) -> ();
    fn recovery(&mut self, id: OrderId) -> Option<RecoveryRow>;
    fn set_sealing(&mut self, fingerprint: Sha256) -> ();
    fn sealing(&mut self) -> Option<Sha256>;
} }

pass_on! { AuditLog {
    fn audit_head(&mut self) -> AuditHead;
    fn append_audit(&mut self, head: AuditHead, rows: &[AuditRow]) -> ();
    fn audit_after(&mut self, seq: i64, limit: i64) -> Vec<AuditRow>;
    fn add_checkpoint(&mut self, checkpoint: &CheckpointRow) -> ();
    fn checkpoints(&mut self) -> Vec<CheckpointRow>;
    fn last_checkpoint(&mut self) -> Option<CheckpointRow>;
    fn set_audit_key(&mut self, spki_der: &[u8]) -> ();
    fn audit_key(&mut self) -> Option<Vec<u8>>;
} }

#[tokio::test]
async fn wherever_it_dies_each_order_has_one_key_and_each_key_one_order() {
    for ground in Ground::each().await {
        let folder = tempfile::tempdir().unwrap();
        let (path, passphrase) = (folder.path().join("sealing.key"), || crate::signer::Passphrase::new("right".into()));
        let mut rng = system_rng();
        let cost = crate::signer::soft::Cost::WEAK;
        SealingKey::draw(&mut rng).save(&path, &passphrase(), cost, &mut rng).unwrap();
        // As the process finds itself after each start, with a store that dies at the n-th commit.
        let started = |left: u32, before: bool| {
            let store = Dying { store: ground.centre.store.clone(), left: Arc::new(AtomicU32::new(left)), before };
            Kmc::new(
                Arc::new(store),
                SealingKey::open(&path, &passphrase()).unwrap(),
                BTreeSet::new(),
                BTreeMap::from([(KeyKind::P256, 2)]),
                ground.said.clone(),
                ground.house.clock.clone(),
                system_rng(),
            )
        };
        let mut all = BTreeSet::new();
        for dies_at in 1..=4 {
            for before in [true, false] {
                let (order, key) = (OrderId::draw(ground.house.now(), &mut system_rng()), new_key());
                let mortal = started(dies_at, before);
                let told = mortal.provide(ask(order, &key)).await.ok();
                drop(mortal.refill().await);
                let kmc = started(u32::MAX, false);
                let wrapped = kmc.provide(ask(order, &key)).await.unwrap();
                if let Some(told) = told {
                    assert_eq!(told.spki, wrapped.spki, "{}: who was told keeps the key", ground.engine());
                }
                assert_eq!(opened(&wrapped, &key).spki_der(), wrapped.spki.0);
                assert!(all.insert(wrapped.spki.0), "{}: a key was given twice", ground.engine());
            }
        }
        // Every key that was ever made is there, and opens.
        let kmc = started(u32::MAX, false);
        kmc.refill().await.unwrap();
        let counts = ground.centre.store.begin_read().await.unwrap().counts().await.unwrap();
        let made = ground.events().await.iter().filter(|event| event.contains("key_made")).count();
        assert_eq!(counts.iter().map(|count| count.keys).sum::<i64>(), i64::try_from(made).unwrap());
        let mut tx = ground.centre.store.begin_read().await.unwrap();
        crate::audit::verify_store(&mut *tx, None, &[]).await.unwrap().unwrap();
    }
}
