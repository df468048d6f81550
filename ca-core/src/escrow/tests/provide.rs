//! A key is one order's, and goes to one signature key.

use std::collections::BTreeSet;

use super::{Ground, ask, opened, try_open};
use crate::clock::system_rng;
use crate::domain::OrderId;
use crate::escrow::port::KeyManagement as _;
use crate::escrow::store::{EscrowStore as _, State};
use crate::keys::KeyKind;
use crate::service::protocol::{Blob, RefusalCode};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;
use crate::testing::new_key;

fn order(ground: &Ground) -> OrderId {
    OrderId::draw(ground.house.now(), &mut system_rng())
}

#[tokio::test]
async fn the_same_order_gets_the_same_key_and_only_its_signature_key_opens_it() {
    for ground in Ground::each().await {
        let (order, key) = (order(&ground), new_key());
        let first = ground.provide(order, &key).await.unwrap();
        let again = ground.provide(order, &key).await.unwrap();
        assert_eq!(first.spki, again.spki, "{}", ground.engine());
        assert_ne!(first.envelope, again.envelope, "wrapped anew each time");
        assert_eq!(opened(&first, &key).pkcs8_der(), opened(&again, &key).pkcs8_der());
        assert!(try_open(&first, &new_key()).is_none());
        assert!(matches!(ground.row_of(&first.spki.0).await.state, State::InUse(_)));
        let events = ground.events().await;
        assert_eq!(events.iter().filter(|event| event.contains("key_taken")).count(), 1, "{events:?}");
    }
}

#[tokio::test]
async fn another_order_gets_another_key() {
    for ground in Ground::each().await {
        let key = new_key();
        let mut keys = BTreeSet::new();
        for _ in 0..5 {
            keys.insert(ground.provide(order(&ground), &key).await.unwrap().spki.0);
        }
        assert_eq!(keys.len(), 5, "{}", ground.engine());
    }
}

#[tokio::test]
async fn many_orders_at_once_get_keys_of_their_own() {
    for ground in Ground::each().await {
        let asks: Vec<_> = (0..24).map(|_| ask(order(&ground), &new_key())).collect();
        let mut running = tokio::task::JoinSet::new();
        // Each asked twice at the same time, as after a lost answer.
        for ask in asks.iter().chain(&asks) {
            let (kmc, ask) = (ground.centre.kmc.clone(), ask.clone());
            running.spawn(async move { (ask.order, kmc.provide(ask).await.unwrap().spki.0) });
        }
        let answers: BTreeSet<_> = running.join_all().await.into_iter().collect();
        let (orders, keys): (BTreeSet<_>, BTreeSet<_>) = answers.into_iter().unzip();
        assert_eq!((orders.len(), keys.len()), (24, 24), "{}", ground.engine());
    }
}

#[tokio::test]
async fn an_order_that_comes_with_another_signature_key_takes_a_fresh_key() {
    for ground in Ground::each().await {
        let (order, first, second) = (order(&ground), new_key(), new_key());
        let one = ground.provide(order, &first).await.unwrap();
        let two = ground.provide(order, &second).await.unwrap();
        assert_ne!(one.spki, two.spki, "{}: what the first may have opened is not wrapped again", ground.engine());
        assert!(try_open(&two, &first).is_none());
        assert_eq!(opened(&two, &second).spki_der(), two.spki.0);
        // Each token has its own for ever.
        assert_eq!(ground.provide(order, &first).await.unwrap().spki, one.spki);
        assert_eq!(ground.provide(order, &second).await.unwrap().spki, two.spki);
        let taken = ground.events().await.iter().filter(|event| event.contains("key_taken")).count();
        assert_eq!(taken, 2, "{}", ground.engine());
    }
}

#[tokio::test]
async fn a_weak_or_foreign_signature_key_or_another_kind_is_refused() {
    let ground = Ground::one().await;
    let mut request = ask(order(&ground), &new_key());
    request.kind = KeyKind::P384;
    let outcome = ground.centre.kmc.provide(request).await;
    ground.refused(outcome, RefusalCode::KeyNotAccepted).await;
    let mut request = ask(order(&ground), &new_key());
    request.recipient_spki = Blob(b"no key".to_vec());
    let outcome = ground.centre.kmc.provide(request).await;
    ground.refused(outcome, RefusalCode::KeyNotAccepted).await;
}

#[tokio::test]
async fn every_kind_is_provided() {
    let ground = Ground::one().await;
    for kind in KeyKind::ALL {
        let key = SoftKey::generate(kind).unwrap();
        let wrapped = ground.provide(order(&ground), &key).await.unwrap();
        assert_eq!(opened(&wrapped, &key).spki_der(), wrapped.spki.0, "{}", kind.name());
        assert_ne!(wrapped.spki.0, key.spki_der());
    }
}

#[tokio::test]
async fn a_sealed_key_that_was_bent_or_exchanged_is_not_given_out() {
    for ground in Ground::each().await {
        let (key, orders) = (new_key(), [order(&ground), order(&ground)]);
        let mut rows = Vec::new();
        for order in orders {
            rows.push(ground.row_of(&ground.provide(order, &key).await.unwrap().spki.0).await);
        }
        let mut bent = rows[0].sealed.clone();
        bent[20] ^= 1;
        for sealed in [bent, rows[1].sealed.clone(), Vec::new()] {
            set_sealed(&ground, &rows[0].spki_sha256.to_string(), &sealed).await;
            let error = ground.provide(orders[0], &key).await.map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("Unavailable"), "{}: {error}", ground.engine());
        }
        set_sealed(&ground, &rows[0].spki_sha256.to_string(), &rows[0].sealed).await;
        ground.provide(orders[0], &key).await.unwrap();
    }
}

async fn set_sealed(ground: &Ground, name: &str, sealed: &[u8]) {
    const SQL: &str = "UPDATE escrow_key SET sealed = $1 WHERE spki_sha256 = $2";
    match &ground.centre.fresh.database {
        crate::sql::Database::Sqlite { writer, .. } => {
            sqlx::query(SQL).bind(sealed).bind(name).execute(writer).await.unwrap();
        }
        crate::sql::Database::Postgres(pool) => {
            sqlx::query(SQL).bind(sealed).bind(name).execute(pool).await.unwrap();
        }
    }
}

#[tokio::test]
async fn no_nonce_is_used_twice() {
    let ground = Ground::one().await;
    let mut nonces = BTreeSet::new();
    for _ in 0..50 {
        let wrapped = ground.provide(order(&ground), &new_key()).await.unwrap();
        nonces.insert(ground.row_of(&wrapped.spki.0).await.sealed[..12].to_vec());
    }
    assert_eq!(nonces.len(), 50);
    let counts = ground.centre.store.begin_read().await.unwrap().counts().await.unwrap();
    assert_eq!(counts.iter().map(|count| count.keys).sum::<i64>(), 50);
}
