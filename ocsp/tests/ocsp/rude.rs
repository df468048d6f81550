//! Clients that connect and leave, stop halfway, drip or do not read: the responder as a process of its own, so
//! that its processor time can be told.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ca_core::domain::CertificateStatus;
use ca_core::signer::Passphrase;
use ca_core::signer::soft::SoftKey;
use openssl::pkey::PKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::hierarchy::{Delegation, delegate, serial};
use crate::house::{Ground, get};

struct Process {
    child: Child,
    validation: SocketAddr,
    operations: SocketAddr,
    _ground: Ground,
}

impl Process {
    async fn start(more: &str) -> Self {
        let ground = Ground::sqlite().await;
        ground.set(&serial(1), CertificateStatus::Good).await;
        // The authority's socket does not exist: the process goes on with the certificate beside its key.
        let key = SoftKey::open(&ground.path("ocsp.key"), &Passphrase::new("a passphrase".to_owned())).unwrap();
        let public = PKey::public_key_from_der(ca_core::signer::Signer::spki_der(&key)).unwrap();
        let certificate = delegate(&ground.authority.issuer, &public, Delegation::Right);
        std::fs::write(ground.path("ocsp.cer"), certificate.to_der().unwrap()).unwrap();
        std::fs::write(ground.path("ocsp.toml"), ground.config_text(more)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ocsp-responder"))
            .arg("--config")
            .arg(ground.path("ocsp.toml"))
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line =
            lines.by_ref().map(|line| line.unwrap()).find(|line| line.contains("The responder listens")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let address = |name: &str| {
            let rest = line.split_once(&format!("{name}=")).unwrap().1;
            rest.split(' ').next().unwrap().parse().unwrap()
        };
        let process =
            Self { child, validation: address("validation"), operations: address("operations"), _ground: ground };
        process.is_ready().await;
        process
    }

    async fn is_ready(&self) {
        for _ in 0..100 {
            if get(self.operations, "/readyz").await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready: {:?}", get(self.operations, "/readyz").await);
    }

    /// User and system time so far, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Comes to rest: at most 10 % of one processor over a second. On a busy machine that may take a few seconds; what
    /// turns in a circle never gets there.
    async fn is_at_rest(&self) {
        let mut used = Vec::new();
        for _ in 0..6 {
            let before = self.ticks();
            tokio::time::sleep(Duration::from_secs(1)).await;
            used.push(self.ticks() - before);
            if used.last() <= Some(&10) {
                return;
            }
        }
        panic!("used {used:?} ticks of 10 ms in the seconds of rest");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn connections_that_close_at_once_cost_nothing_afterwards() {
    let process = Process::start("").await;
    let files = process.open_files();
    for _ in 0..200 {
        drop(TcpStream::connect(process.validation).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.is_at_rest().await;
    assert!(process.open_files() <= files + 2, "{} files, {files} before", process.open_files());
    process.is_ready().await;
}

#[tokio::test]
async fn half_sent_requests_are_hung_up_on() {
    let process = Process::start("[limits]\nheader_timeout_ms = 500\nbody_timeout_ms = 500\n").await;
    let files = process.open_files();
    let starts = [
        &b""[..],
        b"GET /ocsp/",
        b"POST /ocsp HTTP/1.1\r\nHost: x\r\n",
        b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: 80\r\n\r\n0",
        b"GET /ca/unit-p256.cer HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    let mut open = Vec::new();
    for start in starts.iter().cycle().take(100) {
        let mut stream = TcpStream::connect(process.validation).await.unwrap();
        stream.write_all(start).await.unwrap();
        open.push(stream);
    }
    process.is_at_rest().await;
    for mut stream in open {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut rest)).await.expect("hung up").unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(process.open_files() <= files + 2);
}

#[tokio::test]
async fn dripping_clients_neither_hold_their_place_nor_keep_others_out() {
    let process = Process::start("[limits]\nheader_timeout_ms = 800\nconnections = 20\n").await;
    let mut drips = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(process.validation).await.unwrap();
        drips.push(tokio::spawn(async move {
            let start = Instant::now();
            for byte in b"POST /ocsp HTTP/1.1\r\nHost: x\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a')) {
                if stream.write_all(&[*byte]).await.is_err() || start.elapsed() > Duration::from_secs(10) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            start.elapsed()
        }));
    }
    let start = Instant::now();
    assert_eq!(get(process.validation, "/ca/unit-p256.cer").await.status, 200);
    assert!(start.elapsed() < Duration::from_secs(4), "waited {:?}", start.elapsed());
    process.is_at_rest().await;
    for drip in drips {
        assert!(drip.await.unwrap() < Duration::from_secs(6));
    }
}

#[tokio::test]
async fn clients_that_do_not_read_are_cut_off() {
    let process = Process::start("[limits]\nwrite_timeout_ms = 500\n").await;
    std::fs::write(process._ground.path("publish/crl/unit-p256.crl"), vec![0; 40_000_000]).unwrap();
    let files = process.open_files();
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(process.validation).await.unwrap();
        stream.write_all(b"GET /crl/unit-p256.crl HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        streams.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(process.open_files() <= files + 1, "{} files, {files} before", process.open_files());
    process.is_at_rest().await;
    process.is_ready().await;
}

#[tokio::test]
async fn a_signal_ends_the_process_in_good_order() {
    let mut process = Process::start("").await;
    let _idle = TcpStream::connect(process.validation).await.unwrap();
    let id = process.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    for _ in 0..80 {
        if let Some(status) = process.child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still runs");
}
