//! The cache that we ship a configuration for (`docs/nginx/ocsp.conf`), run by nginx itself.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ocsp::app;
use ocsp::config::Config;
use ocsp::wire::{Failure, Standing};
use tempfile::TempDir;

use crate::hierarchy::serial;
use crate::house::{Answer, House, get, get_if, post};
use crate::service::{question, standings};

struct Cache {
    address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Cache {
    /// nginx with the shipped configuration, before these responders.
    async fn before(responders: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/nginx/ocsp.conf")).unwrap();
        let servers: Vec<String> = responders.iter().map(|one| format!("server {one} max_fails=0;")).collect();
        let replaced = |text: String, from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        };
        let text = replaced(shipped, "/var/cache/nginx/ocsp", &format!("{at}/cache"));
        let text = replaced(text, "server 127.0.0.1:8083 max_fails=0;", &servers.join("\n"));
        let text = replaced(text, "listen 80;", &format!("listen 127.0.0.1:{port};"));
        let around = format!(
            "daemon off;\npid {at}/pid;\nerror_log stderr;\nworker_processes 1;\nevents {{ }}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi;\nscgi_temp_path {at}/scgi;\n{text}\n}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), around).unwrap();
        let nginx = ["/usr/sbin/nginx", "nginx"].into_iter().find(|path| std::path::Path::new(path).exists());
        let child = Command::new(nginx.unwrap_or("nginx"))
            .args(["-e", "stderr", "-p", &at, "-c", &format!("{at}/nginx.conf")])
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { address, child, _folder: folder }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // Asked, not killed: so that its worker goes too.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok());
        let _ended = self.child.wait();
    }
}

fn path(house: &House, last: u8) -> String {
    format!("/ocsp/{}", STANDARD.encode(question(house, last)))
}

fn cache(answer: &Answer) -> Option<&str> {
    answer.header("x-cache")
}

#[tokio::test]
async fn a_cache_answers_for_us_no_longer_than_it_may() {
    let house = crate::house::Ground::sqlite().await.start("max_age_seconds = 2").await;
    let nginx = Cache::before(&[house.running.validation]).await;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    let first = get(nginx.address, &path(&house, 1)).await;
    assert_eq!((first.status, cache(&first)), (200, Some("MISS")));
    assert_eq!(standings(&first.body), [Standing::Good]);
    let told = house.metric("ocsp_statuses_total{status=\"good\"}").await;
    let again = get(nginx.address, &path(&house, 1)).await;
    assert_eq!((cache(&again), &again.body), (Some("HIT"), &first.body));
    assert!((house.metric("ocsp_statuses_total{status=\"good\"}").await - told).abs() < 0.1, "we were not asked");
    let etag = format!("If-None-Match: {}", first.header("etag").unwrap());
    assert_eq!(get_if(nginx.address, &path(&house, 1), &etag).await.status, 304);

    let since = ca_core::clock::Clock::now(&*house.ground.clock);
    let revoked = CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
    house.ground.set(&serial(1), revoked).await;
    let start = Instant::now();
    while standings(&get(nginx.address, &path(&house, 1)).await.body) == [Standing::Good] {
        assert!(start.elapsed() < Duration::from_secs(5), "still good from the cache");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // By POST nothing is kept.
    assert!(matches!(standings(&post(nginx.address, &question(&house, 1)).await.body)[..], [Standing::Revoked { .. }]));
}

#[tokio::test]
async fn what_may_be_wrong_the_next_moment_is_not_kept() {
    let house = House::sqlite().await;
    let nginx = Cache::before(&[house.running.validation]).await;
    assert_eq!(standings(&get(nginx.address, &path(&house, 1)).await.body), [Standing::Unknown]);
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    assert_eq!(standings(&get(nginx.address, &path(&house, 1)).await.body), [Standing::Good]);

    house.ground.let_beat(false);
    tokio::time::sleep(Duration::from_millis(100)).await;
    house.ground.clock.advance(31);
    let late = get(nginx.address, &path(&house, 2)).await;
    assert_eq!((late.status, &late.body[..]), (200, Failure::TryLater.der()));
    assert_eq!(late.header("retry-after"), Some("1"));
    house.ground.let_beat(true);
    house.until_ready().await;
    assert_eq!(standings(&get(nginx.address, &path(&house, 2)).await.body), [Standing::Unknown]);
}

#[tokio::test]
async fn lists_come_in_parts_and_once() {
    let house = House::sqlite().await;
    let nginx = Cache::before(&[house.running.validation]).await;
    std::fs::write(house.ground.path("publish/crl/unit-p256.crl"), vec![7; 100_000]).unwrap();
    for round in 0..2 {
        let whole = get_if(nginx.address, "/crl/unit-p256.crl", "Accept-Encoding: gzip").await;
        assert_eq!((whole.status, whole.body.len()), (200, 100_000), "{round}");
        let part = get_if(nginx.address, "/crl/unit-p256.crl", "Range: bytes=10-19").await;
        assert_eq!((part.status, part.body.len(), cache(&part)), (206, 10, Some("HIT")));
    }
    let direct = get_if(house.running.validation, "/crl/unit-p256.crl", "Accept-Encoding: gzip").await;
    assert_eq!(direct.header("content-encoding"), Some("gzip"));
    assert!(direct.body.len() < 1000);
    let part = get_if(house.running.validation, "/crl/unit-p256.crl", "Range: bytes=-5").await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 99995-99999/100000")));
}

#[tokio::test]
async fn responders_restart_one_after_the_other_and_nobody_notices() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    // Another on the same database, with the same key.
    let config = || Config::parse(&house.ground.config_text("")).unwrap();
    let start =
        async |config| app::start_with(config, house.ground.clock.clone(), house.ground.authority.clone()).await;
    let second = start(config()).await.unwrap();
    let ready = async |operations| {
        for _ in 0..200 {
            if get(operations, "/readyz").await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not ready");
    };
    ready(second.operations).await;
    let nginx = Cache::before(&[house.running.validation, second.validation]).await;

    let (address, body) = (nginx.address, question(&house, 1));
    let stop = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut good = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = post(address, &body).await;
                assert_eq!((answer.status, standings(&answer.body)), (200, vec![Standing::Good]));
                good += 1;
            }
            good
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let place = second.validation;
    second.shutdown().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let again = start(Config { listen: place, ..config() }).await.unwrap();
    ready(again.operations).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = house.metric("ocsp_connections_total").await;
    house.running.shutdown().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    assert!(asking.await.unwrap() > 50 && asked > 0.0);
    again.shutdown().await;
}
