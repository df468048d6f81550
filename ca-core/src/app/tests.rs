//! The authority over its real socket.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::{Running, start};
use crate::service::client::{CertificateAuthority as _, Client};
use crate::service::protocol::{RefusalCode, Request, Response};
use crate::sql::authority_migrations;
use crate::sql::testing::{databases, sqlite};
use crate::store::Store as _;
use crate::testing::{House, new_key, revoke, unit_issuer};

const DESK: [&str; 2] = ["limin", "wangqiang"];

async fn serve(house: &House) -> (Running, Client) {
    house.serve_centre().await;
    let running = start(house.config.clone(), house.clock.clone()).await.unwrap();
    let client = Client::new(&running.socket);
    (running, client)
}

async fn one() -> House {
    House::on(sqlite(&authority_migrations()).await).await
}

async fn get(running: &Running, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(running.operations).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_certificate_is_ordered_delivered_and_revoked_over_the_socket() {
    for fresh in databases(&authority_migrations()).await {
        let house = House::on(fresh).await;
        let (running, client) = serve(&house).await;
        let mode = std::fs::metadata(&running.socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let key = new_key();
        let submission = house.issue(&house.unit_order(), &DESK, "limin", &key);
        let Response::Certificate(view) = client.call(Request::Submit(submission)).await.unwrap() else { panic!() };
        let install = house.installed(&view, key);
        client.call(Request::Confirm { install }).await.unwrap();
        let order = house.order(revoke(&view.issuer, &view.serial));
        client.call(Request::Submit(house.about_status(&order, &DESK))).await.unwrap();

        // The list follows within seconds (debounce 0 here).
        let crl = house.config.publish_dir.join("crl/unit-p256.crl");
        let deadline = Instant::now() + Duration::from_secs(10);
        let listed = |bytes: Vec<u8>| bytes.windows(16).any(|octets| octets == view.serial.octets());
        while !std::fs::read(&crl).is_ok_and(listed) {
            assert!(Instant::now() < deadline, "{}", house.engine());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ready = get(&running, "/readyz").await;
        assert!(ready.contains("200 OK"), "{ready}");
        assert!(get(&running, "/metrics").await.contains("ca_certificates_total"));
        let mut tx = house.store().await.begin_read().await.unwrap();
        assert_eq!(tx.feed().await.unwrap().beat, house.now());
        drop(tx);

        running.stop().await.unwrap();
        assert!(client.call(Request::Officers).await.unwrap_err().code().is_none(), "unreachable");
        let report = house.check().await;
        assert_eq!((report.faults, report.findings), (Vec::new(), Vec::<String>::new()), "{}", house.engine());
        assert!(house.config.audit.dir.join("checkpoint.json").exists());
    }
}

#[tokio::test]
async fn half_sent_frames_and_silent_callers_do_not_hold_up_others() {
    let house = one().await;
    let (running, client) = serve(&house).await;
    let mut callers = Vec::new();
    for sent in [&b""[..], b"\0", b"\0\0\0\x09{", b"\0\0\x10\0{\"ask\":"] {
        let mut stream = UnixStream::connect(&running.socket).await.unwrap();
        stream.write_all(sent).await.unwrap();
        callers.push(stream);
    }
    for _ in 0..20 {
        drop(UnixStream::connect(&running.socket).await.unwrap());
    }
    let began = Instant::now();
    client.call(Request::Issuers).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2));
    // With all eight seats taken the next caller is told to come back, at once.
    while callers.len() < 8 {
        callers.push(UnixStream::connect(&running.socket).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = client.call(Request::Issuers).await.unwrap_err();
    assert_eq!(refused.code(), Some(RefusalCode::Unavailable), "{refused}");
    drop(callers);
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.call(Request::Issuers).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_connection_goes_on() {
    let house = one().await;
    let (running, _) = serve(&house).await;
    let mut stream = UnixStream::connect(&running.socket).await.unwrap();
    for garbage in [&b"not json"[..], b"{}", br#"{"ask":"issue"}"#, b""] {
        crate::service::client::write_frame(&mut stream, garbage).await.unwrap();
        let answer = crate::service::client::read_frame(&mut stream).await.unwrap().unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("malformed"), "{answer}");
    }
    // A frame that is too long ends it.
    stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    let answer = crate::service::client::read_frame(&mut stream).await.unwrap().unwrap();
    assert!(String::from_utf8(answer).unwrap().contains("malformed"));
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn one_socket_is_served_by_one_process_and_a_stale_one_is_taken_over() {
    let house = one().await;
    let (running, client) = serve(&house).await;
    let second = start(house.config.clone(), house.clock.clone()).await;
    assert!(second.err().is_some_and(|error| format!("{error:#}").contains("is served")));
    client.call(Request::Issuers).await.unwrap();
    running.stop().await.unwrap();
    // Left behind by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&house.config.socket.path).unwrap());
    let (running, client) = serve(&house).await;
    client.call(Request::Issuers).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn it_starts_neither_without_a_ceremony_nor_on_an_old_schema() {
    let house = one().await;
    let empty = sqlite(&authority_migrations()).await;
    let mut config = house.config.clone();
    config.database_url.clone_from(&empty.url);
    let error = start(config.clone(), house.clock.clone()).await.err().unwrap();
    assert!(error.to_string().contains("hold the ceremony first"), "{error:#}");
    let old = sqlite(&crate::sql::migrations(&[])).await;
    config.database_url.clone_from(&old.url);
    let error = start(config, house.clock.clone()).await.err().unwrap();
    assert!(error.to_string().contains("migrate"), "{error:#}");
}

#[tokio::test]
async fn a_start_finishes_what_was_left_open() {
    use crate::issuance::faults::{Point, StopAt};
    let house = one().await;
    let order = house.unit_order();
    let submission = house.issue(&order, &DESK, "limin", &new_key());
    let stopped = house.authority_with(Arc::new(StopAt(Point::IntentDurable))).await;
    assert!(stopped.call(Request::Submit(submission)).await.is_err());
    let (running, client) = serve(&house).await;
    let answer = client.call(Request::Order { order: order.id }).await.unwrap();
    assert!(matches!(answer, Response::Certificate(view) if view.issuer == unit_issuer()));
    running.stop().await.unwrap();
}
