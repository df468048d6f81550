//! The process `ca serve`, joined: store, keys, authority, socket, lists, heartbeat, checkpoints, operations.
//!
//! The only place where ports meet adapters. [`start`] does everything before the first request that a restart
//! needs: schema, keys that sign, the reconciler. Never changes the schema and never founds a CA by itself.

mod check;
pub(crate) mod http;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use check::{Report, check};
pub use tasks::checkpoint;

use crate::audit::{self, Actor, Event};
use crate::ceremony::AUDIT_KEY;
use crate::clock::{Clock, system_rng};
use crate::config::Config;
use crate::domain::Sm2Id;
use crate::durable;
use crate::escrow::client::KmcClient;
use crate::issuance::faults::{Faults, NoFaults};
use crate::issuance::{Authority, Issuing, Stop};
use crate::profile::Profiles;
use crate::revocation::Publisher;
use crate::revocation::publish::Mirrors;
use crate::service::client::CertificateAuthority;
use crate::service::server::{Bound, Limits, serve};
use crate::signer::{Passphrase, Signer};
use crate::sql::{Database, SqlStore, authority_migrations};
use crate::store::{IssuerRecord, Store, StoreError};
use crate::unit_of_work;

/// An authority that serves.
pub struct Running {
    /// Its socket.
    pub socket: PathBuf,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub operations: SocketAddr,
    /// The authority itself, for tests in the same process.
    pub authority: Arc<Authority>,
    store: SqlStore,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Stops: no new requests, those that run are finished, the audit says so.
    ///
    /// # Errors
    /// [`StoreError`] when the end could not be audited; the process ends all the same.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let now = self.clock.now();
        let noted = unit_of_work!(&self.store, StoreError, |tx| {
            audit::record(tx, now, Actor::Authority, Event::Stopped).await?;
        });
        self.store.database().close().await;
        noted
    }
}

/// Starts an authority.
///
/// # Errors
/// When the database, its schema, a key or an address cannot be used; the text says which.
pub async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Running> {
    start_with(config, clock, Arc::new(NoFaults)).await
}

/// [`start`], stopping where `faults` says: for tests.
///
/// # Errors
/// See [`start`].
pub async fn start_with(config: Config, clock: Arc<dyn Clock>, faults: Arc<dyn Faults>) -> anyhow::Result<Running> {
    let store = open_store(&config).await?;
    let records = store.begin_read().await?.issuers().await?;
    if records.is_empty() {
        bail!("this database has no CA: hold the ceremony first");
    }
    let passphrase = Passphrase::from_file(&config.keys.passphrase_file).context("keys.passphrase_file")?;
    let issuers = open_issuers(&config, &records, &passphrase)?;
    let audit_key =
        config.keys.open(&format!("file:{AUDIT_KEY}"), &passphrase, &Sm2Id::STANDARD).context("the audit key")?;
    let profiles = profiles(&config)?;
    agree(&profiles, &records)?;
    let authority = Authority::new(
        Arc::new(store.clone()),
        clock.clone(),
        system_rng(),
        issuers,
        profiles,
        config.base_url.clone(),
    );
    let authority = authority.with_faults(faults);
    let authority = Arc::new(match &config.kmc {
        Some(kmc) => authority.with_kmc(Arc::new(KmcClient::new(&kmc.socket))),
        None => authority,
    });

    let mirrors = Mirrors::of(&config).context("publish")?;
    let metrics = http::recorder()?;
    let bound = Bound::new(&config.socket.path, config.socket.mode())
        .with_context(|| format!("socket {}", config.socket.path.display()))?;
    let now = clock.now();
    unit_of_work!(&store, StoreError, |tx| {
        let event = Event::Started { version: env!("CARGO_PKG_VERSION").to_owned() };
        audit::record(tx, now, Actor::Authority, event).await?;
        tx.beat(now).await?;
    })?;
    match authority.reconcile().await {
        Ok(0) => {}
        Ok(finished) => tracing::warn!(finished, "Finished {finished} certificates that an interruption left open"),
        Err(Stop::Store(error)) => return Err(error).context("the reconciler"),
        Err(error) => tracing::error!(%error, "A certificate is left open; it is tried again every minute"),
    }
    publish_certificates(&config, &records)?;

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let listener = TcpListener::bind(config.operations).await.context("the operations address")?;
    let operations = listener.local_addr()?;
    let ready = http::Authority { store: store.clone(), clock: clock.clone(), mirrors: mirrors.clone() };
    tasks.spawn(http::serve(listener, Arc::new(ready), metrics, stop.clone()));
    tasks.spawn(mirrors.run(stop.clone()));
    let publisher = Publisher::new(Arc::new(store.clone()), clock.clone(), &config);
    let changed = authority.status_changed();
    tasks.spawn(publisher.run(authority.issuers().cloned().collect(), changed, stop.clone()));
    tasks.spawn(tasks::beat(store.clone(), clock.clone(), stop.clone()));
    tasks.spawn(tasks::reconcile(authority.clone(), stop.clone()));
    tasks.spawn(tasks::checkpoints(store.clone(), clock.clone(), audit_key, config.audit.clone(), stop.clone()));
    let limits = Limits { connections: config.socket.connections, ..Limits::default() };
    let port: Arc<dyn CertificateAuthority> = authority.clone();
    tasks.spawn(serve(bound, port, limits, stop.clone()));
    tracing::info!(socket = %config.socket.path.display(), %operations, "The authority serves");
    Ok(Running { socket: config.socket.path, operations, authority, store, clock, stop, tasks })
}

/// The store of a configuration, with its schema up to date.
///
/// # Errors
/// When the database cannot be opened or is behind.
pub async fn open_store(config: &Config) -> anyhow::Result<SqlStore> {
    let database = Database::open(&config.database_url, false).await.context("opening the CA database")?;
    database.check_schema(&authority_migrations()).await?;
    Ok(SqlStore::new(database))
}

/// The profiles of a configuration.
///
/// # Errors
/// All faults of the profile files.
pub fn profiles(config: &Config) -> anyhow::Result<Profiles> {
    let profiles = config.profiles_dir.as_ref().map_or_else(Profiles::built_in, |folder| Profiles::load(folder));
    profiles.context("the profiles")
}

/// Holds the lists of profiles that the ceremony gave the issuers against the profiles.
///
/// # Errors
/// All faults of all lists.
pub fn agree(profiles: &Profiles, records: &[IssuerRecord]) -> anyhow::Result<()> {
    let issuing = records.iter().filter(|record| !record.root);
    let agreed = profiles.agree(issuing.map(|record| (&record.id, &record.profiles[..])));
    agreed.context("the issuers' lists of profiles")
}

/// The issuing CAs with their keys; the root's is not here.
///
/// # Errors
/// When a key is away or is not its certificate's.
pub fn open_issuers(
    config: &Config,
    records: &[IssuerRecord],
    passphrase: &Passphrase,
) -> anyhow::Result<Vec<Issuing>> {
    // Issuers may share a key in a module, whose sessions are then shared too.
    let mut keys: BTreeMap<&str, Arc<dyn Signer>> = BTreeMap::new();
    let mut issuers = Vec::new();
    for record in records.iter().filter(|record| !record.root) {
        let key = match keys.get(record.key.as_str()) {
            Some(key) => key.clone(),
            None => config.keys.open(&record.key, passphrase, &record.sm2_id)?,
        };
        keys.insert(&record.key, key.clone());
        issuers.push(Issuing::new(record, key)?);
    }
    Ok(issuers)
}

/// Puts the CA certificates where responders serve them.
fn publish_certificates(config: &Config, records: &[IssuerRecord]) -> anyhow::Result<()> {
    for folder in ["ca", "crl"] {
        std::fs::create_dir_all(config.publish_dir.join(folder)).context("publish_dir")?;
    }
    for record in records {
        let path = config.publish_dir.join(format!("ca/{}.cer", record.id));
        let same = std::fs::read(&path).is_ok_and(|published| published == record.certificate);
        if !same {
            durable::replace(&path, &record.certificate, durable::PUBLIC)
                .with_context(|| format!("publishing {}", path.display()))?;
        }
    }
    Ok(())
}
