//! The process as it runs: founded, started, asked over its socket, stopped, started again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{OFFICERS, ask};
use crate::clock::system_rng;
use crate::config::{Audit, Socket};
use crate::domain::{OrderId, Sha256};
use crate::escrow::client::KmcClient;
use crate::escrow::config::{Authority, KmcConfig, Sealing};
use crate::escrow::port::{KeyManagement as _, KmcError};
use crate::escrow::process::{init, open_store, start, status, verify_audit};
use crate::keys::KeyKind;
use crate::service::protocol::RefusalCode;
use crate::signer::soft::Cost;
use crate::sql::authority_migrations;
use crate::sql::testing::sqlite;
use crate::testing::{House, new_key};

fn config(house: &House, folder: &Path) -> KmcConfig {
    let mut officers = String::new();
    for id in OFFICERS {
        let digest = Sha256(openssl::sha::sha256(&house.person(id).certificate));
        writeln!(officers, "[[officer]]\nname = \"{id}\"\ncertificate_sha256 = \"{digest}\"").unwrap();
    }
    std::fs::write(folder.join("officers.toml"), officers).unwrap();
    std::fs::write(folder.join("pass"), "right\n").unwrap();
    KmcConfig {
        database_url: format!("sqlite:{}", folder.join("kmc.db").display()),
        operations: ([127, 0, 0, 1], 0).into(),
        socket: Socket { path: folder.join("socket"), group: false, connections: 8 },
        users: Vec::new(),
        sealing: Sealing { dir: folder.join("keys"), passphrase_file: folder.join("pass") },
        authority: Authority { socket: house.config.socket.path.clone() },
        officers_file: folder.join("officers.toml"),
        pool: BTreeMap::from([(KeyKind::P256, 3)]),
        audit: Audit { dir: folder.join("audit"), checkpoint_minutes: 60 },
    }
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn until<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_centre_serves_over_its_socket_and_gives_the_same_key_after_a_restart() {
    let house = House::on(sqlite(&authority_migrations()).await).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&house, folder.path());
    assert!(start(config.clone(), house.clock.clone()).await.is_err(), "not founded yet");
    init(&config, &*house.clock, Cost::WEAK).await.unwrap();
    assert!(init(&config, &*house.clock, Cost::WEAK).await.is_err(), "founded once");

    let running = start(config.clone(), house.clock.clone()).await.unwrap();
    let client = KmcClient::new(&running.socket);
    let (order, key) = (OrderId::draw(house.now(), &mut system_rng()), new_key());
    let wrapped = client.provide(ask(order, &key)).await.unwrap();
    let mut other_kind = ask(order, &key);
    other_kind.kind = KeyKind::Rsa2048;
    let refused = client.provide(other_kind).await;
    assert!(matches!(refused, Err(KmcError::Refused(refusal)) if refusal.code == RefusalCode::KeyNotAccepted));
    assert!(get(running.operations, "/healthz").await.ends_with("ok\n"));
    assert!(get(running.operations, "/readyz").await.ends_with("ready\n"));
    get(running.operations, "/metrics").await;
    let store = open_store(&config).await.unwrap();
    until("the pool is filled again", || async {
        status(&store).await.unwrap().iter().any(|count| count.state == "stand_by" && count.keys == 3)
    })
    .await;
    let checkpoint = folder.path().join("audit/checkpoint.json");
    until("a checkpoint", || async { checkpoint.exists() }).await;
    running.stop().await.unwrap();
    let kept = serde_json::from_slice(&std::fs::read(&checkpoint).unwrap()).unwrap();
    assert!(verify_audit(&store, None, &[kept]).await.unwrap().checkpoints > 0);
    assert!(matches!(client.provide(ask(order, &key)).await, Err(KmcError::Unreachable(_))));

    let running = start(config, house.clock.clone()).await.unwrap();
    assert_eq!(client.provide(ask(order, &key)).await.unwrap().spki, wrapped.spki);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_of_another_user_is_not_let_in() {
    let house = House::on(sqlite(&authority_migrations()).await).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&house, folder.path());
    init(&config, &*house.clock, Cost::WEAK).await.unwrap();
    // Nobody runs as this one.
    config.users = vec![4_294_967_294];
    let running = start(config, house.clock.clone()).await.unwrap();
    let order = OrderId::draw(house.now(), &mut system_rng());
    let outcome = KmcClient::new(&running.socket).provide(ask(order, &new_key())).await;
    assert!(matches!(outcome, Err(KmcError::Unreachable(_))));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_wrong_passphrase_and_another_sealing_key_are_noticed_at_the_start() {
    let house = House::on(sqlite(&authority_migrations()).await).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&house, folder.path());
    init(&config, &*house.clock, Cost::WEAK).await.unwrap();
    let starts = || start(config.clone(), house.clock.clone() as Arc<_>);
    std::fs::write(folder.path().join("pass"), "wrong\n").unwrap();
    let error = starts().await.err().unwrap();
    assert!(format!("{error:#}").contains("passphrase"), "{error:#}");
    std::fs::write(folder.path().join("pass"), "right\n").unwrap();
    std::fs::remove_file(config.sealing_key()).unwrap();
    let mut rng = system_rng();
    let passphrase = crate::signer::Passphrase::new("right".into());
    let other = crate::escrow::SealingKey::draw(&mut rng);
    other.save(&config.sealing_key(), &passphrase, Cost::WEAK, &mut rng).unwrap();
    let error = starts().await.err().unwrap();
    assert!(format!("{error:#}").contains("another database"), "{error:#}");
}
