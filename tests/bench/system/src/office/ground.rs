//! An office over a generated database, with an officer signed in.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use ca_core::clock::{Clock, TestClock};
use ca_core::domain::{OfficeId, Officer, OfficerId, Role, Sha256};
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::service::protocol::{Request as Ask, Response as Answer};
use ca_core::sql::authority_migrations;
use ca_core::sql::testing::{Fresh, postgres, sqlite};
use ca_core::testing::House;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ra_web::app::{Running, serve_with};
use ra_web::http::session::Sessions;
use ra_web::sql::office_migrations;
use tower_sessions::Session;

use super::ledger::{self, Made, OFFICE};

/// An authority that does not answer: pages go on with what they know.
struct Away;

#[async_trait]
impl CertificateAuthority for Away {
    async fn call(&self, _: Ask) -> Result<Answer, CallError> {
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into())
    }
}

/// The office while it runs.
pub(crate) struct Ground {
    pub(crate) made: Made,
    cookie: String,
    host: String,
    line: tokio::sync::Mutex<SendRequest<Full<Bytes>>>,
    running: Running,
    _house: House,
    _fresh: Fresh,
    _folder: tempfile::TempDir,
}

impl Ground {
    /// Generates so many units and starts the office over them.
    pub(crate) async fn new(engine: &str, units: u64) -> anyhow::Result<Self> {
        let house = House::on(sqlite(&authority_migrations()).await).await;
        let fresh = match engine {
            "SQLite" => sqlite(&office_migrations()).await,
            _ => postgres(&office_migrations()).await,
        };
        let clock: Arc<TestClock> = house.clock.clone();
        let certificate = house.person("limin").certificate.clone();
        let made = ledger::fill(&fresh.url, units, clock.now(), &certificate).await?;

        let folder = tempfile::tempdir()?;
        let key = folder.path().join("field.key");
        std::fs::write(&key, "11".repeat(32))?;
        let published = house.config.publish_dir.join("ca");
        let config = serde_json::json!({
            "storage": { "database_url": fresh.url, "evidence": folder.path().join("evidence"), "field_key_file": key },
            "listen": { "public": "127.0.0.1:0", "staff": "127.0.0.1:0", "ops": "127.0.0.1:0" },
            "ca_socket": folder.path().join("none"),
            "trust": {
                "roots": [published.join("root.cer")],
                "issuers": BTreeMap::from([("unit-p256", published.join("unit-p256.cer"))]),
                "ocsp": "http://127.0.0.1:9/ocsp",
            },
            "limits": { "burst": 100_000 },
            "worker": { "beside_serve": true },
        });
        let config = serde_json::from_value(config)?;
        let chance = ra_web::chance_from_seed(3);
        let running = serve_with(config, Arc::new(Away), clock.clone(), chance).await?;

        let officer = Officer {
            id: OfficerId::new("limin").context("an id")?,
            name: "李敏".into(),
            office: OfficeId::new(OFFICE).context("an office")?,
            roles: vec![Role::RaEntry, Role::RaReviewer, Role::RaSupervisor, Role::TokenOperator, Role::Finance],
        };
        let kept = serde_json::json!({ "officer": officer, "certificate": Sha256([7; 32]), "checked": clock.now() });
        let session = Session::new(None, Arc::new(Sessions::new(fresh.reopen().await, clock)), None);
        session.insert("staff", kept).await?;
        session.save().await?;
        let cookie = format!("__Host-yx-staff={}; yx-lang=en", session.id().context("a session")?);

        let (host, line) = (running.staff.to_string(), tokio::sync::Mutex::new(connect(running.staff).await?));
        Ok(Self { made, cookie, host, line, running, _house: house, _fresh: fresh, _folder: folder })
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> anyhow::Result<(String, String)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("cookie", &self.cookie)
            .header("origin", format!("http://{}", self.host))
            .header("content-type", kind)
            .body(Full::new(Bytes::from(body)))?;
        let mut line = self.line.lock().await;
        // The console hangs up on who says nothing for a while.
        if line.is_closed() {
            *line = connect(self.running.staff).await?;
        }
        line.ready().await?;
        let answer = line.send_request(request).await?;
        let status = answer.status();
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        let text = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success() || status.as_u16() == 303, "{method} {path}: {status}");
        ensure!(!to.contains("/login"), "nobody is signed in");
        Ok((to, String::from_utf8_lossy(&text).into_owned()))
    }

    /// A page, or the way that it shows.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.send("GET", path, "text/plain", Vec::new()).await?.1)
    }

    /// A button.
    pub(crate) async fn post(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.send("POST", path, "application/x-www-form-urlencoded", Vec::new()).await?.0)
    }

    /// Sends a sheet in; the way to its batch.
    pub(crate) async fn upload(&self, sheet: &str) -> anyhow::Result<String> {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"units.csv\"\r\n\r\n{sheet}\r\n--x--\r\n"
        );
        let to = self.send("POST", "/batches/upload", "multipart/form-data; boundary=x", body.into_bytes()).await?.0;
        ensure!(!to.is_empty(), "the sheet was not taken");
        Ok(to)
    }
}

async fn connect(address: std::net::SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (line, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(line)
}
