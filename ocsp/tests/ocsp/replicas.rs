//! Responders on a PostgreSQL and on a streaming replica of it: a real standby that a test can cut off.

use std::time::Duration;

use ca_core::clock::Clock as _;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ca_core::sql::authority_migrations;
use ca_core::sql::testing::{self, Standby};
use ocsp::app::{self, Running};
use ocsp::config::Config;
use ocsp::wire::{Failure, Standing};

use crate::hierarchy::serial;
use crate::house::{Ground, House, get, metric, post};
use crate::service::{question, standings};

async fn says(responder: &Running, house: &House, number: u8) -> Vec<u8> {
    post(responder.validation, &question(house, number)).await.body
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responder_on_a_replica_refuses_when_it_is_cut_off_and_catches_up_by_itself() {
    let house = Ground::on(testing::postgres(&authority_migrations()).await).await.start("").await;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    house.ground.set(&serial(2), CertificateStatus::Good).await;
    let url = house.ground.fresh.url.clone();
    let standby = tokio::task::spawn_blocking(move || Standby::of(&url)).await.unwrap();
    let database_url = standby.url(&house.ground.fresh.url);
    let config = Config { database_url, ..Config::parse(&house.ground.config_text("")).unwrap() };
    let replica = app::start_with(config, house.ground.clock.clone(), house.ground.authority.clone()).await.unwrap();
    let is_ready = async || get(replica.operations, "/readyz").await.status == 200;
    until("the replica's responder is ready", is_ready).await;
    assert_eq!(standings(&says(&replica, &house, 1).await), [Standing::Good]);
    assert!(
        metric(replica.operations, "ocsp_feed_listens").await < 0.5,
        "a replica refuses LISTEN: it looks by itself"
    );

    // What the primary is told, the replica's responder tells.
    let revoked = |since| CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
    house.ground.set(&serial(1), revoked(house.ground.clock.now())).await;
    until("the revocation has come over", async || {
        matches!(standings(&says(&replica, &house, 1).await)[..], [Standing::Revoked { .. }])
    })
    .await;

    // Cut off it still knows what it knew, and once that is too old it says nothing: not even what it knows.
    standby.cut_off();
    house.ground.set(&serial(2), revoked(house.ground.clock.now())).await;
    house.ground.clock.advance(31);
    until("the primary's responder has heard the heart", async || {
        get(house.running.operations, "/readyz").await.status == 200
    })
    .await;
    for number in [1, 2] {
        assert_eq!(says(&replica, &house, number).await, Failure::TryLater.der(), "{number}");
        assert!(matches!(standings(&says(&house.running, &house, number).await)[..], [Standing::Revoked { .. }]));
    }
    assert_eq!(get(replica.operations, "/readyz").await.status, 503);

    // Joined again it catches up: nobody starts anything.
    standby.join();
    until("the replica's responder is ready again", is_ready).await;
    assert!(matches!(standings(&says(&replica, &house, 2).await)[..], [Standing::Revoked { .. }]));
    replica.shutdown().await;
}
