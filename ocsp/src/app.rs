//! Joins the parts once: database, feed, keys, certificates, listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ca_core::clock::Clock;
use ca_core::service::client::{CertificateAuthority, Client};
use ca_core::signer::OcspKey;
use der::Decode as _;
use futures_util::future::{Either, ready};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509_cert::Certificate;

use crate::config::{Config, ResponderConfig};
use crate::feed::Feed;
use crate::http::{ListBucket, PublishFolder, Validation, serve, tell};
use crate::metrics::Meters;
use crate::responder::{Core, Issuer, KeyFile, Renewal, Responder};
use crate::sql::StatusDatabase;
use crate::wakes;

/// How long to wait at start for the authority's database and its issuers.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long a responder gets ready before it listens: what stands in front asks another one meanwhile. After this it
/// listens all the same and says `tryLater`.
const PREPARATION: Duration = Duration::from_secs(5);
/// Connections that may wait in the kernel's queue.
const BACKLOG: u32 = 1024;
/// How often ready answers are looked through.
const REFRESH_EVERY: Duration = Duration::from_secs(5);

/// A responder that runs.
#[derive(Debug)]
pub struct Running {
    /// Where OCSP, CRLs and CA certificates are served.
    pub validation: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub operations: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    database: StatusDatabase,
}

impl Running {
    /// Stops accepting, lets open requests end, stops everything else.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // The listeners end by themselves; the feed and the renewals are cut off.
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(%error, "A part of the responder panicked");
            }
        }
        self.database.close().await;
    }
}

/// Starts a responder that asks the authority on its socket for its own certificates.
///
/// # Errors
/// When a key cannot be opened, the database has not the configured issuers, or a port is taken.
pub async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Running> {
    let authority = Arc::new(Client::new(&config.authority_socket));
    start_with(config, clock, authority).await
}

/// [`start`] with an authority that is reached in another way.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    config: Config,
    clock: Arc<dyn Clock>,
    authority: Arc<dyn CertificateAuthority>,
) -> anyhow::Result<Running> {
    let keys = open_keys(&config.responders).await?;
    let (database, issuers) = tokio::time::timeout(START_PATIENCE, open_database(&config))
        .await
        .context("the authority's database and the configured issuers in it did not come up in time")?;
    let ids: Vec<_> = issuers.iter().map(|issuer| issuer.id.clone()).collect();
    let core = Arc::new(Core::new(issuers, config.answers, clock, Meters::new(&ids)));
    let responder = Arc::new(Responder::new(core.clone()).context("starting the signing threads")?);

    // The place is taken now, so that one that is not free ends the start; it refuses until we are ready.
    let place = reserve(config.listen).with_context(|| format!("listening on {}", config.listen))?;
    let operations = TcpListener::bind(config.operations_listen)
        .await
        .with_context(|| format!("listening on {}", config.operations_listen))?;
    let mut running = Running {
        validation: place.local_addr()?,
        operations: operations.local_addr()?,
        stop: CancellationToken::new(),
        tasks: JoinSet::new(),
        database: database.clone(),
    };

    for (responder_config, (key_file, key)) in config.responders.iter().zip(keys) {
        let renewal = Renewal {
            core: core.clone(),
            issuer: responder_config.issuer.clone(),
            key,
            key_file,
            authority: authority.clone(),
        };
        renewal.resume();
        running.spawn_cut_off(renewal.run());
    }
    if let Some(bell) = database.bell() {
        running.spawn_cut_off(wakes::run(bell, core.clone()));
    }
    let feed = Feed::new(core.clone(), Box::new(database), config.index_file);
    // It ends by itself, for it has something to write before.
    running.tasks.spawn(feed.run(config.poll, running.stop.clone()));
    let watched = core.clone();
    running.spawn_cut_off(async move { watched.load.watch().await });
    let refreshed = responder.clone();
    running.spawn_cut_off(async move {
        loop {
            tokio::time::sleep(REFRESH_EVERY).await;
            refreshed.refresh().await;
        }
    });

    let watched = responder.clone();
    let stop = running.stop.clone();
    running.tasks.spawn(serve(operations, config.connections, None, stop, move |request| {
        let answer = tell(&*watched, &request);
        async move { answer }
    }));
    if tokio::time::timeout(PREPARATION, until_ready(&core)).await.is_err() {
        tracing::warn!(complaints = ?core.complaints(), "Listening, though not ready");
    }
    let validation = place.listen(BACKLOG).with_context(|| format!("listening on {}", config.listen))?;
    let lists = match config.list_bucket {
        None => None,
        Some(bucket) => {
            let store = bucket.open().context("the bucket of lists")?;
            Some(ListBucket { store, prefix: bucket.prefix, turn: tokio::sync::Mutex::default() })
        }
    };
    let service = Arc::new(Validation {
        responder,
        folder: PublishFolder::new(config.publish_folder, lists),
        body_timeout: config.body_timeout,
        cache_control: config.answers.cache_control(),
    });
    let stop = running.stop.clone();
    running.tasks.spawn(serve(validation, config.connections, Some(core), stop, move |request| {
        match service.at_once(&request) {
            Some(reply) => Either::Left(ready(reply)),
            None => {
                let service = service.clone();
                Either::Right(async move { service.handle(request).await })
            }
        }
    }));
    tracing::info!(validation = %running.validation, operations = %running.operations, "The responder listens");
    Ok(running)
}

impl Running {
    /// Runs a part that never returns until the responder stops.
    fn spawn_cut_off(&mut self, part: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let _cut_off = stop.run_until_cancelled(part).await;
        });
    }
}

fn reserve(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn until_ready(core: &Core) {
    while !core.complaints().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open_keys(responders: &[ResponderConfig]) -> anyhow::Result<Vec<(KeyFile, OcspKey)>> {
    let mut keys = Vec::with_capacity(responders.len());
    for ResponderConfig { issuer, key_file, passphrase_file } in responders {
        let mut file = KeyFile::new(key_file, passphrase_file);
        let key = file.open().await;
        keys.push((file, key.with_context(|| format!("the responder's key for {issuer}, {}", key_file.display()))?));
    }
    Ok(keys)
}

/// Waits for the database and the configured issuers in it: the authority may be starting beside us.
async fn open_database(config: &Config) -> (StatusDatabase, Vec<Issuer>) {
    let mut told = false;
    loop {
        match try_open(config).await {
            Ok(opened) => return opened,
            Err(error) if !told => {
                told = true;
                tracing::warn!("Waiting for the authority: {error:#}");
            }
            Err(error) => tracing::debug!("Waiting for the authority: {error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn try_open(config: &Config) -> anyhow::Result<(StatusDatabase, Vec<Issuer>)> {
    let database = StatusDatabase::open(&config.database_url).await.context("opening the authority's database")?;
    let known = database.issuers().await.context("reading the issuers")?;
    let mut issuers = Vec::with_capacity(config.responders.len());
    for ResponderConfig { issuer, .. } in &config.responders {
        let Some((_, der, sm2_id)) = known.iter().find(|(id, ..)| id == issuer) else {
            database.close().await;
            bail!("the authority has no issuer {issuer}");
        };
        let certificate = Certificate::from_der(der).with_context(|| format!("the certificate of {issuer}"))?;
        issuers.push(Issuer::new(issuer.clone(), certificate, sm2_id)?);
    }
    Ok((database, issuers))
}
