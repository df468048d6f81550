//! Nothing can be removed, changed, moved or cut off without being seen; on both engines.

use super::{
    Actor, Checkpoint, CheckpointError, Event, ExportError, Fault, SignedCheckpoint, export, record, sign_checkpoint,
    verify_export, verify_store,
};
use crate::domain::{Timestamp, encode};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;
use crate::sql::testing::{Fresh, databases};
use crate::sql::{Database, SqlStore, authority_migrations};
use crate::store::{Store as _, StoreError};
use crate::testing::new_key;
use crate::unit_of_work;

const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

struct Chain {
    fresh: Fresh,
    store: SqlStore,
    key: SoftKey,
}

impl Chain {
    /// Ten events and a checkpoint at the eighth, on each engine.
    async fn each() -> Vec<Self> {
        let mut chains = Vec::new();
        for fresh in databases(&authority_migrations()).await {
            let chain = Self { store: SqlStore::new(fresh.database.clone()), fresh, key: new_key() };
            let mut tx = chain.store.begin().await.unwrap();
            tx.set_audit_key(chain.key.spki_der()).await.unwrap();
            tx.commit().await.unwrap();
            for n in 1..=10 {
                let head = unit_of_work!(&chain.store, StoreError, |tx| {
                    let event = Event::Started { version: format!("{n}") };
                    record(tx, NOW.plus(n), Actor::Authority, event).await?
                })
                .unwrap();
                if n == 8 {
                    let row = sign_checkpoint(head, NOW, &chain.key).unwrap();
                    unit_of_work!(&chain.store, StoreError, |tx| { tx.add_checkpoint(&row).await? }).unwrap();
                }
            }
            chains.push(chain);
        }
        chains
    }

    async fn tamper(&self, statements: &[&'static str]) {
        for statement in statements {
            match &self.fresh.database {
                Database::Sqlite { writer, .. } => drop(sqlx::query(*statement).execute(writer).await.unwrap()),
                Database::Postgres(pool) => drop(sqlx::query(*statement).execute(pool).await.unwrap()),
            }
        }
    }

    async fn verify(&self, kept_elsewhere: &[SignedCheckpoint]) -> Result<i64, Fault> {
        let mut tx = self.store.begin_read().await.unwrap();
        let key = self.key.spki_der();
        verify_store(&mut *tx, Some(key), kept_elsewhere).await.unwrap().map(|whole| whole.head.seq)
    }
}

#[tokio::test]
async fn an_untouched_chain_is_whole() {
    for chain in Chain::each().await {
        assert_eq!(chain.verify(&[]).await, Ok(10), "{}", chain.fresh.engine);
    }
}

#[tokio::test]
async fn every_kind_of_tampering_is_found() {
    type Case = (&'static [&'static str], fn() -> Fault);
    let cases: [Case; 5] = [
        (&["DELETE FROM audit_event WHERE seq = 4"], || Fault::Missing { expected: 4, found: 5 }),
        (&["UPDATE audit_event SET event = '{}' WHERE seq = 4"], || Fault::Changed(4)),
        (&["UPDATE audit_event SET at = at + 1 WHERE seq = 4"], || Fault::Changed(4)),
        (
            &[
                "UPDATE audit_event SET seq = -4 WHERE seq = 4",
                "UPDATE audit_event SET seq = 4 WHERE seq = 5",
                "UPDATE audit_event SET seq = 5 WHERE seq = -4",
            ],
            || Fault::Changed(4),
        ),
        (&["DELETE FROM audit_event WHERE seq = 10"], || Fault::Truncated { expected: 10, found: 9 }),
    ];
    for (statements, fault) in cases {
        for chain in Chain::each().await {
            chain.tamper(statements).await;
            assert_eq!(chain.verify(&[]).await, Err(fault()), "{}: {statements:?}", chain.fresh.engine);
        }
    }
}

#[tokio::test]
async fn a_tail_that_was_cut_off_with_its_head_and_checkpoints_is_found_by_a_checkpoint_kept_elsewhere() {
    for chain in Chain::each().await {
        let mut tx = chain.store.begin_read().await.unwrap();
        let kept: Vec<SignedCheckpoint> =
            tx.checkpoints().await.unwrap().into_iter().map(SignedCheckpoint::from).collect();
        drop(tx);
        chain
            .tamper(&[
                "DELETE FROM audit_event WHERE seq > 5",
                "DELETE FROM audit_checkpoint",
                "UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit_event WHERE seq = 5)",
            ])
            .await;
        assert_eq!(chain.verify(&[]).await, Ok(5), "{}: by itself it looks whole", chain.fresh.engine);
        assert_eq!(chain.verify(&kept).await, Err(Fault::Truncated { expected: 8, found: 5 }));
    }
}

#[tokio::test]
async fn a_checkpoint_by_another_key_or_of_another_chain_is_found() {
    let chain = Chain::each().await.remove(0);
    let mut tx = chain.store.begin_read().await.unwrap();
    let head = tx.audit_head().await.unwrap();
    drop(tx);
    let forged = SignedCheckpoint::from(sign_checkpoint(head, NOW, &new_key()).unwrap());
    let fault = chain.verify(&[forged]).await.unwrap_err();
    assert!(matches!(fault, Fault::Checkpoint { seq: 10, error: CheckpointError::Signature(_) }), "{fault}");
    let other = Checkpoint { at: NOW, seq: 3, hash: crate::domain::Sha256([1; 32]) };
    let statement = encode(&other);
    let signature = chain.key.sign(&statement).unwrap();
    let other = SignedCheckpoint {
        statement: crate::service::protocol::Blob(statement),
        signature: crate::service::protocol::Blob(signature),
    };
    assert_eq!(chain.verify(&[other]).await, Err(Fault::Rewritten(3)));
}

#[tokio::test]
async fn an_export_is_verified_without_the_database_and_shows_what_was_done_to_it() {
    for chain in Chain::each().await {
        let mut tx = chain.store.begin_read().await.unwrap();
        let mut file = Vec::new();
        export(&mut *tx, &mut file).await.unwrap();
        let key = chain.key.spki_der();
        let verify = |text: &str| verify_export(&mut text.as_bytes(), key, &[]);
        let text = String::from_utf8(file).unwrap();
        let whole = verify(&text).unwrap();
        assert_eq!((whole.head.seq, whole.checkpoints), (10, 1), "{}", chain.fresh.engine);

        let lines: Vec<&str> = text.lines().collect();
        let without = |skip: usize| {
            let kept: Vec<&str> = lines.iter().enumerate().filter(|(n, _)| *n != skip).map(|(_, line)| *line).collect();
            kept.join("\n")
        };
        assert!(matches!(verify(&without(3)), Err(ExportError::Fault(Fault::Missing { expected: 4, found: 5 }))));
        assert!(matches!(verify(&without(lines.len() - 1)), Err(ExportError::NoEnd)));
        let mut reordered = lines.clone();
        reordered.swap(3, 4);
        let fault = verify(&reordered.join("\n"));
        assert!(matches!(fault, Err(ExportError::Fault(Fault::Missing { expected: 4, found: 5 }))));
        // Numbers and times put in order do not help: the hashes tell.
        let renumbered = reordered.join("\n").replace("\"seq\":4,", "\"seq\":0,").replace("\"seq\":5,", "\"seq\":4,");
        let renumbered = renumbered.replace("\"seq\":0,", "\"seq\":5,");
        assert!(matches!(verify(&renumbered), Err(ExportError::Fault(Fault::Changed(4)))), "{:?}", verify(&renumbered));
        // The last events cut off, with the end left as it was, and with an end made to fit.
        let cut = [&lines[..10], &lines[11..]].concat().join("\n");
        let fault = verify(&cut);
        assert!(matches!(fault, Err(ExportError::Fault(Fault::Truncated { expected: 10, found: 9 }))), "{fault:?}");
        let seventh: serde_json::Value = serde_json::from_str(lines[6]).unwrap();
        let end = format!("{{\"end\":{{\"seq\":7,\"hash\":{}}}}}", seventh["event"]["hash"]);
        let cut = [&lines[..7], &[lines[8], &end]].concat().join("\n");
        let fault = verify(&cut);
        assert!(matches!(fault, Err(ExportError::Fault(Fault::Truncated { expected: 8, found: 7 }))), "{fault:?}");
        // A checkpoint behind later events would go by unread.
        let late = [&lines[..8], &[lines[9], lines[8]], &lines[10..]].concat().join("\n");
        assert!(matches!(verify(&late), Err(ExportError::Fault(Fault::Late(8)))), "{:?}", verify(&late));
        let changed = text.replacen("\\\"7\\\"", "\\\"8\\\"", 1);
        assert!(matches!(verify(&changed), Err(ExportError::Fault(Fault::Changed(7)))));
        assert!(matches!(verify("no line of ours"), Err(ExportError::Line { line: 1, .. })));
    }
}
