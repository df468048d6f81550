//! Units of work that share a transaction stand and fall as they must, on both engines.

use super::testing::{Fresh, databases};
use super::{SqlStore, authority_migrations};
use crate::audit::{self, Actor, Event};
use crate::domain::Timestamp;
use crate::store::{Store as _, StoreError};

const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

async fn note(store: &SqlStore, version: &str) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let event = Event::Started { version: version.to_owned() };
    audit::record(&mut *tx, NOW, Actor::Authority, event).await?;
    tx.commit().await
}

/// Spawns units that wait for their turn, in this order.
async fn queue(store: &SqlStore, versions: &[&'static str]) -> Vec<tokio::task::JoinHandle<Result<(), StoreError>>> {
    let mut waiting = Vec::new();
    for &version in versions {
        let store = store.clone();
        waiting.push(tokio::spawn(async move { note(&store, version).await }));
        tokio::task::yield_now().await;
    }
    waiting
}

async fn versions(fresh: &Fresh) -> Vec<String> {
    let store = SqlStore::new(fresh.reopen().await);
    let mut tx = store.begin_read().await.unwrap();
    assert!(audit::verify_store(&mut *tx, None, &[]).await.unwrap().is_ok());
    let rows = tx.audit_after(0, 1000).await.unwrap();
    let version = |event: &str| match serde_json::from_str::<audit::Entry>(event).unwrap().event {
        Event::Started { version } => version,
        other => panic!("{other:?}"),
    };
    rows.iter().map(|row| version(&row.event)).collect()
}

#[tokio::test]
async fn units_that_come_together_are_durable_together_and_told_after_it() {
    for fresh in databases(&authority_migrations()).await {
        let store = SqlStore::new(fresh.database.clone());
        let mut first = store.begin().await.unwrap();
        let event = Event::Started { version: "a".into() };
        audit::record(&mut *first, NOW, Actor::Authority, event).await.unwrap();
        let waiting = queue(&store, &["b", "c"]).await;
        let last = store.clone();
        // The last one stays in its turn: nobody may have been told by then, and nobody else sees anything.
        let last = tokio::spawn(async move {
            let tx = last.begin().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            tx
        });
        tokio::task::yield_now().await;
        let first = tokio::spawn(first.commit());
        let last = last.await.unwrap();
        assert!(!first.is_finished() && waiting.iter().all(|unit| !unit.is_finished()), "{}: told", fresh.engine);
        assert_eq!(versions(&fresh).await, Vec::<String>::new(), "{}: not durable yet", fresh.engine);
        last.commit().await.unwrap();
        first.await.unwrap().unwrap();
        for unit in waiting {
            unit.await.unwrap().unwrap();
        }
        assert_eq!(versions(&fresh).await, ["a", "b", "c"], "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_unit_that_fails_takes_none_of_the_others_along() {
    for fresh in databases(&authority_migrations()).await {
        let store = SqlStore::new(fresh.database.clone());
        let mut first = store.begin().await.unwrap();
        let event = Event::Started { version: "a".into() };
        let head = audit::record(&mut *first, NOW, Actor::Authority, event).await.unwrap();
        let before = queue(&store, &["b"]).await;
        let failing = store.clone();
        let failing = tokio::spawn(async move {
            let mut tx = failing.begin().await?;
            let event = Event::Started { version: "dropped".into() };
            audit::record(&mut *tx, NOW, Actor::Authority, event).await?;
            // A statement that the engine refuses: PostgreSQL runs nothing more in this transaction before it is
            // rolled back to the savepoint.
            let seq = head.seq;
            let row = crate::store::CheckpointRow { seq, at: NOW, statement: vec![], signature: vec![] };
            tx.add_checkpoint(&row).await?;
            tx.add_checkpoint(&row).await
        });
        tokio::task::yield_now().await;
        let after = queue(&store, &["c"]).await;
        first.commit().await.unwrap();
        assert!(matches!(failing.await.unwrap(), Err(StoreError::Contended)), "{}", fresh.engine);
        for unit in before.into_iter().chain(after) {
            unit.await.unwrap().unwrap();
        }
        assert_eq!(versions(&fresh).await, ["a", "b", "c"], "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_first_unit_that_is_dropped_leaves_nothing_and_the_next_begins_anew() {
    for fresh in databases(&authority_migrations()).await {
        let store = SqlStore::new(fresh.database.clone());
        let mut first = store.begin().await.unwrap();
        let event = Event::Started { version: "dropped".into() };
        audit::record(&mut *first, NOW, Actor::Authority, event).await.unwrap();
        let waiting = queue(&store, &["a", "b"]).await;
        drop(first);
        for unit in waiting {
            unit.await.unwrap().unwrap();
        }
        assert_eq!(versions(&fresh).await, ["a", "b"], "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_commit_that_fails_fails_all_and_the_next_units_get_in() {
    for fresh in databases(&authority_migrations()).await {
        let store = SqlStore::new(fresh.database.clone());
        let mut first = store.begin().await.unwrap();
        let event = Event::Started { version: "a".into() };
        audit::record(&mut *first, NOW, Actor::Authority, event).await.unwrap();
        let waiting = queue(&store, &["b"]).await;
        let breaking = store.clone();
        let breaking = tokio::spawn(async move { breaking.break_commit().await });
        tokio::task::yield_now().await;
        assert!(first.commit().await.is_err(), "{}", fresh.engine);
        assert!(breaking.await.unwrap().is_err(), "{}", fresh.engine);
        for unit in waiting {
            assert!(unit.await.unwrap().is_err(), "{}", fresh.engine);
        }
        assert_eq!(versions(&fresh).await, Vec::<String>::new(), "{}: nobody was told, nothing is there", fresh.engine);
        note(&store, "later").await.unwrap();
        assert_eq!(versions(&fresh).await, ["later"], "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_others_alone() {
    for fresh in databases(&authority_migrations()).await {
        let store = SqlStore::new(fresh.database.clone());
        let first = store.begin().await.unwrap();
        let waiting = queue(&store, &["a", "gone", "b"]).await;
        waiting[1].abort();
        first.commit().await.unwrap();
        let told: Vec<bool> = {
            let mut told = Vec::new();
            for unit in waiting {
                told.push(unit.await.is_ok_and(|outcome| outcome.is_ok()));
            }
            told
        };
        assert_eq!(told, [true, false, true], "{}", fresh.engine);
        assert_eq!(versions(&fresh).await, ["a", "b"], "{}", fresh.engine);
    }
}
