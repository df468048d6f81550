//! A portal over a generated database, with a program of one unit signed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use ca_core::clock::{Clock as _, TestClock};
use ca_core::domain::{BeijingDay, FundPay, Sha256};
use ca_core::sql::testing::{Fresh, postgres, sqlite};
use ca_core::sql::{Database, authority_migrations};
use ca_core::testing::House;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ra_web::fund::account::AccountNumber;
use ra_web::fund::amounts::{Fen, Month};
use ra_web::fund::app::{Running, hall, start};
use ra_web::fund::book_store::Step;
use ra_web::fund::config::Config;
use ra_web::fund::operation::{Plan, Signature, State};
use ra_web::fund::progress::Far;
use ra_web::fund::settle::settle_year;
use ra_web::fund::{FundStore as _, fund_migrations};

use super::Sizes;
use super::ledger::{self, Made};

/// How often whoever waits for a booking looks how far it is.
const LOOK: Duration = Duration::from_millis(20);
/// The token of the program, and its SHA-256.
const TOKEN: &str = "bench";
const SESSION: &str = "1b32c28cb38c05480eccc1bd60ff97029b57a05c96718b96dad7e9d84894f549";

/// The portal while it runs.
pub(crate) struct Ground {
    pub(crate) made: Made,
    pub(crate) database: Database,
    config: Config,
    clock: Arc<TestClock>,
    line: tokio::sync::Mutex<SendRequest<Empty<Bytes>>>,
    running: Running,
    _house: House,
    _fresh: Fresh,
    _folder: tempfile::TempDir,
}

impl Ground {
    /// Generates and starts.
    pub(crate) async fn new(engine: &str, sizes: Sizes) -> anyhow::Result<Self> {
        let house = House::on(sqlite(&authority_migrations()).await).await;
        let fresh = match engine {
            "SQLite" => sqlite(&fund_migrations()).await,
            _ => postgres(&fund_migrations()).await,
        };
        let day = BeijingDay::from_calendar(2026, 11, 24).context("a day")?;
        let clock = Arc::new(TestClock::at(day.first_second().plus(9 * 3600)));
        let session: Sha256 = SESSION.parse().map_err(anyhow::Error::msg)?;
        let made = ledger::fill(&fresh.url, sizes, session, clock.now()).await?;
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("field.key");
        std::fs::write(&key, "11".repeat(32))?;
        let published = house.config.publish_dir.join("ca");
        let config: Config = serde_json::from_value(serde_json::json!({
            "storage": { "database_url": fresh.url, "field_key_file": key },
            "listen": { "portal": "127.0.0.1:0", "ops": "127.0.0.1:0" },
            "trust": {
                "roots": [published.join("root.cer")],
                "issuers": BTreeMap::from([("unit-p256", published.join("unit-p256.cer"))]),
                "ocsp": "http://127.0.0.1:9/ocsp",
            },
            "limits": { "burst": 100_000 },
        }))?;
        let running = start(config.clone(), clock.clone(), ra_web::chance_from_seed(3)).await?;
        let line = tokio::sync::Mutex::new(connect(running.portal).await?);
        let database = fresh.reopen().await;
        Ok(Self { made, database, config, clock, line, running, _house: house, _fresh: fresh, _folder: folder })
    }

    /// A query.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<()> {
        let request = Request::get(format!("/api/v1{path}"))
            .header("host", self.running.portal.to_string())
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Empty::new())?;
        let mut line = self.line.lock().await;
        // The portal hangs up on who says nothing for a while.
        if line.is_closed() {
            *line = connect(self.running.portal).await?;
        }
        line.ready().await?;
        let answer = line.send_request(request).await?;
        let status = answer.status();
        let text = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&text));
        Ok(())
    }

    /// The large unit's account.
    pub(crate) fn large(&self) -> anyhow::Result<AccountNumber> {
        self.made.large.parse().map_err(anyhow::Error::msg)
    }

    /// A month of the large unit that was signed, and now its money comes: how long until it stands in the books, and what was told
    /// meanwhile to somebody who looked how far it is.
    pub(crate) async fn post_month(&self) -> anyhow::Result<(Duration, Vec<Far>)> {
        let hall = hall(&self.config, self.clock.clone(), ra_web::chance_from_seed(4)).await?;
        let (unit, now) = (self.large()?, self.clock.now());
        let month = Month::new(202_611).context("a month")?;
        let serial = hall.draft(&unit, &Plan::Remit { month, pay: FundPay::Transfer }, now).await?;
        let mut tx = self.database.begin().await?;
        let mut operation = tx.operation(&unit, &serial).await?.context("the draft")?;
        let (certificate, message, status_evidence) = (vec![0x30], vec![0x30], vec![0x30]);
        operation.signature = Some(Signature { certificate, message, status_source: "ocsp", status_evidence, at: now });
        operation.state = State::AwaitingFunds;
        let step = Step { state: State::AwaitingFunds, at: now, actor: "bench".into() };
        tx.move_operation(&operation, &[step]).await?;
        tx.commit().await?;
        let mut told: Vec<Far> = Vec::new();
        let start = Instant::now();
        {
            let mut booking = std::pin::pin!(hall.receive(&unit, operation.amount, "bench", now));
            let booked = loop {
                tokio::select! {
                    booked = &mut booking => break booked?,
                    () = tokio::time::sleep(LOOK) => {}
                }
                if let Some(far) = hall.progress.of(&unit, &serial)
                    && told.last() != Some(&far)
                {
                    told.push(far);
                }
            };
            ensure!(booked, "its money comes once");
        }
        let took = start.elapsed();
        ensure!(told.is_sorted_by_key(|far| (far.stage, far.done)), "it goes forward: {told:?}");
        ensure!(hall.progress.is_empty(), "and is forgotten");
        let mut tx = self.database.begin_read().await?;
        let posted = tx.operation(&unit, &serial).await?.context("the operation")?;
        ensure!(posted.state == State::Posted && posted.amount > Fen::ZERO, "it stands in the books");
        Ok((took, told))
    }

    /// Settles the last fund year; so many accounts.
    pub(crate) async fn settle(&self) -> anyhow::Result<u64> {
        Ok(settle_year(&self.database, 2025, self.clock.now()).await?.accounts)
    }
}

async fn connect(address: std::net::SocketAddr) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (line, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(line)
}
