//! A responder in this process with a database, an authority that can go away, and a heartbeat that can stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ca_core::clock::{Clock, TestClock, system_rng};
use ca_core::domain::{CertificateStatus, OrderId, ProfileName, Serial, StatusChange, Timestamp, Validity};
use ca_core::keys::KeyKind;
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::service::protocol::{Blob, CertificateView, Request, Response};
use ca_core::signer::Passphrase;
use ca_core::signer::soft::{Cost, SoftKey};
use ca_core::sql::testing::Fresh;
use ca_core::sql::{SqlStore, authority_migrations, testing};
use ca_core::store::{IssuerRecord, Store as _};
use ocsp::app::{self, Running};
use ocsp::config::Config;
use openssl::x509::X509Req;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::hierarchy::{Delegation, Holder, authority_of, delegate, issuer_id, now, serial};

/// Gives certificates to the responder, unless it is away.
pub(crate) struct Authority {
    pub(crate) issuer: Holder,
    pub(crate) away: AtomicBool,
    pub(crate) asked: AtomicUsize,
}

#[async_trait]
impl CertificateAuthority for Authority {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let Request::Responder { issuer, csr } = request else { panic!("only responder certificates") };
        let key = X509Req::from_der(&csr.0).unwrap().public_key().unwrap();
        let certificate = delegate(&self.issuer, &key, Delegation::Right);
        Ok(Response::Certificate(CertificateView {
            issuer,
            serial: serial(0xcc),
            profile: ProfileName::new("ocsp-responder").unwrap(),
            order: OrderId::draw(now(), &mut system_rng()),
            validity: Validity::seconds(now(), 7 * 86_400),
            certificate: Blob(certificate.to_der().unwrap()),
            status: CertificateStatus::Good,
            encryption: None,
            delivered: None,
        }))
    }
}

/// What there is before a responder starts.
pub(crate) struct Ground {
    pub(crate) fresh: Fresh,
    pub(crate) store: SqlStore,
    pub(crate) root: Holder,
    pub(crate) authority: Arc<Authority>,
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<TestClock>,
    beating: Arc<AtomicBool>,
    beater: JoinHandle<()>,
}

impl Ground {
    /// A database with one P-256 issuer and no certificates, a sealed key, a beating heart.
    pub(crate) async fn on(fresh: Fresh) -> Self {
        Self::of(KeyKind::P256, KeyKind::P256, fresh).await
    }

    /// The same with a CA and a responder's key of these kinds.
    pub(crate) async fn of(ca: KeyKind, responder: KeyKind, fresh: Fresh) -> Self {
        let root = authority_of(ca, "Root", None);
        let issuer = authority_of(ca, "Unit CA", Some(&root));
        let store = SqlStore::new(fresh.database.clone());
        let mut tx = store.begin().await.unwrap();
        let record = IssuerRecord {
            id: issuer_id(),
            root: false,
            certificate: issuer.der(),
            key: "file:unit-p256".to_owned(),
            profiles: vec![],
            crl_shards: 0,
            sm2_id: ca_core::domain::Sm2Id::STANDARD,
            retired: None,
        };
        tx.add_issuer(&record).await.unwrap();
        tx.commit().await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pass"), "a passphrase\n").unwrap();
        let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        SoftKey::generate(responder)
            .unwrap()
            .save(
                &folder.path().join("ocsp.key"),
                &Passphrase::new("a passphrase".to_owned()),
                cheap,
                &mut system_rng(),
            )
            .unwrap();
        std::fs::create_dir_all(folder.path().join("publish/crl")).unwrap();
        std::fs::create_dir_all(folder.path().join("publish/ca")).unwrap();
        std::fs::write(folder.path().join("publish/ca/unit-p256.cer"), issuer.der()).unwrap();

        let clock = Arc::new(TestClock::at(now()));
        let beating = Arc::new(AtomicBool::new(true));
        let beater = tokio::spawn(beat(store.clone(), clock.clone(), beating.clone()));
        let authority = Arc::new(Authority { issuer, away: AtomicBool::new(false), asked: AtomicUsize::new(0) });
        Self { fresh, store, root, authority, folder, clock, beating, beater }
    }

    /// On SQLite.
    pub(crate) async fn sqlite() -> Self {
        Self::on(testing::sqlite(&authority_migrations()).await).await
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration on ports that the system chooses.
    pub(crate) fn config_text(&self, more: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            "listen = \"127.0.0.1:0\"\noperations_listen = \"127.0.0.1:0\"\ndatabase_url = {:?}\n\
             authority_socket = \"{folder}/no-socket\"\npublish_folder = \"{folder}/publish\"\n{more}\n\
             [[responders]]\nissuer = \"unit-p256\"\nkey_file = \"{folder}/ocsp.key\"\n\
             passphrase_file = \"{folder}/pass\"\n",
            self.fresh.url
        )
    }

    /// Starts a responder and waits until it is ready.
    pub(crate) async fn start(self, more: &str) -> House {
        let house = self.start_unready(more).await;
        house.until_ready().await;
        house
    }

    pub(crate) async fn start_unready(self, more: &str) -> House {
        let config = Config::parse(&self.config_text(more)).unwrap();
        let running = app::start_with(config, self.clock.clone(), self.authority.clone()).await.unwrap();
        House { ground: self, running }
    }

    /// Writes a status as the authority does.
    pub(crate) async fn set(&self, serial: &Serial, status: CertificateStatus) {
        let mut tx = self.store.begin().await.unwrap();
        let seq = tx.feed().await.unwrap().head + 1;
        let not_after = self.clock.now().plus(86_400);
        let change = StatusChange { seq, issuer: issuer_id(), serial: serial.clone(), status, not_after };
        tx.set_status(&change, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Stops or starts the authority's heart.
    pub(crate) fn let_beat(&self, beating: bool) {
        self.beating.store(beating, Ordering::SeqCst);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.beater.abort();
    }
}

/// A running responder.
pub(crate) struct House {
    pub(crate) ground: Ground,
    pub(crate) running: Running,
}

impl House {
    pub(crate) async fn sqlite() -> Self {
        Ground::sqlite().await.start("").await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/ocsp", self.running.validation)
    }

    pub(crate) fn issuer(&self) -> &Holder {
        &self.ground.authority.issuer
    }

    pub(crate) async fn until_ready(&self) {
        for _ in 0..200 {
            if get(self.running.operations, "/readyz").await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready: {}", get(self.running.operations, "/readyz").await.text());
    }

    pub(crate) async fn until_not_ready(&self) {
        for _ in 0..200 {
            if get(self.running.operations, "/readyz").await.status == 503 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("still ready");
    }

    /// A number of the metrics page.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        metric(self.running.operations, line).await
    }
}

/// A number of the metrics page at this address.
pub(crate) async fn metric(operations: SocketAddr, line: &str) -> f64 {
    let text = get(operations, "/metrics").await.text();
    let found = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in\n{text}"))
}

async fn beat(store: SqlStore, clock: Arc<TestClock>, beating: Arc<AtomicBool>) {
    let mut last = Timestamp::from_unix(0);
    loop {
        let now = clock.now();
        if beating.load(Ordering::SeqCst) && now != last {
            let mut tx = store.begin().await.unwrap();
            tx.beat(now).await.unwrap();
            tx.commit().await.unwrap();
            last = now;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
}

pub(crate) async fn get_if(address: SocketAddr, path: &str, header: &str) -> Answer {
    send(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n").as_bytes()).await
}

pub(crate) async fn post(address: SocketAddr, body: &[u8]) -> Answer {
    let mut request = format!(
        "POST /ocsp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/ocsp-request\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    send(address, &request).await
}

/// Sends bytes and reads to the end.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut all = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut all)).await.unwrap().unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[end + 4..].to_vec() }
}

/// Puts a certificate where commands can read it.
pub(crate) fn pem(folder: &Path, name: &str, holders: &[&Holder]) -> PathBuf {
    let file = folder.join(name);
    let text: Vec<u8> = holders.iter().flat_map(|holder| holder.certificate.to_pem().unwrap()).collect();
    std::fs::write(&file, text).unwrap();
    file
}
