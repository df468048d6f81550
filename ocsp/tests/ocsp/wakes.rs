//! On PostgreSQL the authority wakes its responders; when it is not heard they look by themselves.

use std::time::{Duration, Instant};

use ca_core::clock::Clock as _;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ca_core::sql::{Database, authority_migrations, testing};
use ca_core::store::Store as _;
use ocsp::wire::Standing;

use crate::hierarchy::serial;
use crate::house::{Ground, House, post};
use crate::service::{question, standings};

/// A responder that looks by itself only so often.
async fn house(poll: Duration) -> House {
    let ground = Ground::on(testing::postgres(&authority_migrations()).await).await;
    for number in [1, 2] {
        ground.set(&serial(number), CertificateStatus::Good).await;
    }
    // The first look must find a heart that beats: the next one is far away.
    loop {
        let beat = ground.store.begin_read().await.unwrap().feed().await.unwrap().beat;
        if beat == ground.clock.now() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let house = ground.start(&format!("poll_ms = {}", poll.as_millis())).await;
    listens(&house, true).await;
    house
}

async fn listens(house: &House, wanted: bool) {
    for _ in 0..400 {
        if (house.metric("ocsp_feed_listens").await > 0.5) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("ocsp_feed_listens is not {wanted}");
}

/// Revokes a certificate, and says after how long an answer tells of it.
async fn revoked_after(house: &House, number: u8) -> Duration {
    let known = || async { standings(&post(house.running.validation, &question(house, number)).await.body)[0] };
    assert_eq!(known().await, Standing::Good);
    let since = house.ground.clock.now();
    let revoked = CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
    house.ground.set(&serial(number), revoked).await;
    let committed = Instant::now();
    while !matches!(known().await, Standing::Revoked { .. }) {
        assert!(committed.elapsed() < Duration::from_secs(20), "never");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    committed.elapsed()
}

/// Ends the connections on which responders listen; how many there were.
async fn cut(house: &House) -> usize {
    let Database::Postgres(pool) = &house.ground.fresh.database else { panic!("not PostgreSQL") };
    let ended: Vec<(bool,)> = sqlx::query_as(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'yinxin-ocsp-wake'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    ended.len()
}

async fn cut_again_and_again(house: &House) {
    loop {
        cut(house).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_wakes_a_responder_that_would_look_much_later_and_again_after_a_broken_connection() {
    let house = house(Duration::from_secs(10)).await;
    let took = revoked_after(&house, 1).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(house.metric("ocsp_feed_wakes_total").await > 0.5);

    assert_eq!(cut(&house).await, 1);
    listens(&house, false).await;
    listens(&house, true).await;
    let took = revoked_after(&house, 2).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responder_that_hears_nobody_finds_a_revocation_by_looking() {
    let house = house(Duration::from_millis(200)).await;
    let found = async {
        listens(&house, false).await;
        // It tries again a second later: until then nobody tells it anything.
        let woken = house.metric("ocsp_feed_wakes_total").await;
        let took = revoked_after(&house, 1).await;
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!((house.metric("ocsp_feed_wakes_total").await - woken).abs() < 0.5, "it was not woken");
    };
    tokio::select! {
        () = cut_again_and_again(&house) => {}
        () = found => {}
    }
}
