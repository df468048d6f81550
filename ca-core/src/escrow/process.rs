//! The process `ca kmc serve`, joined: store, sealing key, socket, pool, history, checkpoints, operations. Its own
//! database, keys, socket and user; the authority is a caller like any other, and a witness.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use tokio::net::{TcpListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::adopt;
use super::authority::Witness;
use super::config::KmcConfig;
use super::event::{Actor, Entry, Event};
use super::kmc::Kmc;
use super::port::{KeyManagement as _, KmcError};
use super::protocol::{Request, Response};
use super::seal::SealingKey;
use super::sql::{SqlEscrow, kmc_migrations};
use super::store::{Count, EscrowStore};
use crate::app::http::{self, Readiness};
use crate::app::tasks::{self, Rounds};
use crate::audit::{self, SignedCheckpoint};
use crate::clock::{Clock, system_rng};
use crate::domain::Sha256;
use crate::keys::KeyKind;
use crate::service::client::{CallError, Client};
use crate::service::server::{Bound, Limits, Service, serve};
use crate::signer::soft::{Cost, SoftKey};
use crate::signer::{Passphrase, Signer, probe};
use crate::sql::Database;
use crate::store::StoreError;
use crate::unit_of_work;

/// Time between looks at the pool, if no key was taken meanwhile.
const REFILL: Duration = Duration::from_secs(30);
/// Time between rounds of [`Kmc::retire_ended`].
const RETIRE: Duration = Duration::from_secs(60);

/// A centre that serves.
pub struct Running {
    /// Its socket.
    pub socket: PathBuf,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub operations: SocketAddr,
    kmc: Arc<Kmc>,
    store: SqlEscrow,
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
        let noted = note(&self.store, &*self.clock, Event::Stopped).await;
        drop(self.kmc);
        self.store.database().close().await;
        noted
    }
}

async fn note(store: &SqlEscrow, clock: &dyn Clock, event: Event) -> Result<(), StoreError> {
    let entry = Entry { actor: Actor::Centre, event };
    unit_of_work!(begin store.begin(), StoreError, |tx| {
        audit::append(tx, clock.now(), &entry).await?;
    })
}

/// Founds a centre: schema, sealing key, audit key. Run again after an interruption it goes on; over a founded centre
/// it refuses.
///
/// # Errors
/// When a file or the database cannot be written, or a centre is there already.
pub async fn init(config: &KmcConfig, clock: &dyn Clock, cost: Cost) -> anyhow::Result<Sha256> {
    let passphrase = Passphrase::from_file(&config.sealing.passphrase_file).context("sealing.passphrase_file")?;
    std::fs::create_dir_all(&config.sealing.dir).context("sealing.dir")?;
    std::fs::create_dir_all(&config.audit.dir).context("audit.dir")?;
    let database = Database::open(&config.database_url, true).await.context("opening the centre's database")?;
    database.migrate(&kmc_migrations()).await?;
    let store = SqlEscrow::new(database);
    if store.begin_read().await?.sealing().await?.is_some() {
        bail!("this database has a centre already");
    }
    let mut rng = system_rng();
    if !config.sealing_key().exists() {
        let key = SealingKey::draw(&mut rng);
        key.save(&config.sealing_key(), &passphrase, cost, &mut rng).context("the sealing key")?;
    }
    if !config.audit_key().exists() {
        let key = SoftKey::generate(KeyKind::P256).context("the audit key")?;
        key.save(&config.audit_key(), &passphrase, cost, &mut rng).context("the audit key")?;
    }
    // What is recorded is what can be opened again.
    let sealing = SealingKey::open(&config.sealing_key(), &passphrase).context("the sealing key")?.fingerprint()?;
    let audit_key = SoftKey::open(&config.audit_key(), &passphrase).context("the audit key")?;
    let audit_spki_sha256 = Sha256(openssl::sha::sha256(audit_key.spki_der()));
    let entry = Entry { actor: Actor::Centre, event: Event::Founded { sealing, audit_spki_sha256 } };
    unit_of_work!(begin store.begin(), StoreError, |tx| {
        tx.set_sealing(sealing).await?;
        tx.set_audit_key(audit_key.spki_der()).await?;
        audit::append(tx, clock.now(), &entry).await?;
    })?;
    store.database().close().await;
    Ok(sealing)
}

/// Starts a centre.
///
/// # Errors
/// When the database, its schema, a key, the officers or an address cannot be used; the text says which.
pub async fn start(config: KmcConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Running> {
    let store = open_store(&config).await?;
    let passphrase = Passphrase::from_file(&config.sealing.passphrase_file).context("sealing.passphrase_file")?;
    let sealing = SealingKey::open(&config.sealing_key(), &passphrase).context("the sealing key")?;
    match store.begin_read().await?.sealing().await? {
        None => bail!("this database has no centre: run `ca kmc init` first"),
        Some(recorded) if recorded != sealing.fingerprint()? => bail!("this sealing key is another database's"),
        Some(_) => {}
    }
    let audit_key: Arc<dyn Signer> =
        Arc::new(SoftKey::open(&config.audit_key(), &passphrase).context("the audit key")?);
    probe(&*audit_key).context("the audit key")?;
    let users = if config.users.is_empty() { vec![own_user()?] } else { config.users.clone() };
    let kmc = Arc::new(Kmc::new(
        Arc::new(store.clone()),
        sealing,
        config.officers()?,
        config.pool.clone(),
        Arc::new(Client::new(&config.authority.socket)),
        clock.clone(),
        system_rng(),
    ));

    let metrics = http::recorder()?;
    let bound = Bound::new(&config.socket.path, config.socket.mode())
        .with_context(|| format!("socket {}", config.socket.path.display()))?
        .only(users);
    note(&store, &*clock, Event::Started { version: env!("CARGO_PKG_VERSION").to_owned() }).await?;
    let stop = CancellationToken::new();
    let running = TaskTracker::new();
    let listener = TcpListener::bind(config.operations).await.context("the operations address")?;
    let operations = listener.local_addr()?;
    running.spawn(http::serve(listener, Arc::new(Ready(store.clone())), metrics, stop.clone()));
    running.spawn(refill(kmc.clone(), store.clone(), stop.clone()));
    running.spawn(retire(kmc.clone(), stop.clone()));
    running.spawn(checkpoints(store.clone(), clock.clone(), audit_key, config.audit.clone(), stop.clone()));
    let limits = Limits { connections: config.socket.connections, ..Limits::default() };
    running.spawn(serve(bound, kmc.clone(), limits, stop.clone()));
    tracing::info!(socket = %config.socket.path.display(), %operations, "The key-management centre serves");
    Ok(Running { socket: config.socket.path, operations, kmc, store, clock, stop, tasks: running })
}

/// The store of a configuration, with its schema up to date.
///
/// # Errors
/// When the database cannot be opened or is behind.
pub async fn open_store(config: &KmcConfig) -> anyhow::Result<SqlEscrow> {
    let database = Database::open(&config.database_url, false).await.context("opening the centre's database")?;
    database.check_schema(&kmc_migrations()).await?;
    Ok(SqlEscrow::new(database))
}

/// After an old copy of the database was put back: gives keys that were handed out since the copy back to their orders.
/// Answers how many.
///
/// # Errors
/// When the database cannot be used or the authority cannot be asked.
pub async fn adopt(config: &KmcConfig, clock: &dyn Clock) -> anyhow::Result<u32> {
    let store = open_store(config).await?;
    let witness = Witness(Arc::new(Client::new(&config.authority.socket)));
    Ok(adopt::adopt(&store, &witness, clock.now()).await?)
}

/// The user that this process runs as, as the kernel would name it to another.
fn own_user() -> anyhow::Result<u32> {
    let (own, _) = UnixStream::pair()?;
    Ok(own.peer_cred()?.uid())
}

#[async_trait]
impl Service for Kmc {
    type Request = Request;
    type Response = Response;

    async fn answer(&self, request: Request) -> Result<Response, CallError> {
        let answer = match request {
            Request::Provide(ask) => self.provide(ask).await,
            Request::Recover(submission) => self.recover(submission).await,
        };
        answer.map(Response::Key).map_err(|error| match error {
            KmcError::Refused(refusal) => CallError::Refused(refusal),
            KmcError::Unreachable(error) => CallError::Unreachable(error),
        })
    }
}

/// The centre's readiness: whether it can read what it keeps.
struct Ready(SqlEscrow);

#[async_trait]
impl Readiness for Ready {
    async fn faults(&self) -> Vec<String> {
        match counts(&self.0).await {
            Ok(_) => Vec::new(),
            Err(error) => vec![format!("store: {error}")],
        }
    }
}

async fn counts(store: &SqlEscrow) -> Result<Vec<Count>, StoreError> {
    store.begin_read().await?.counts().await
}

/// Keeps the pool filled, and its gauges.
async fn refill(kmc: Arc<Kmc>, store: SqlEscrow, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match tokio::select! { () = stop.cancelled() => return, filled = kmc.refill() => filled } {
            Ok(0) => {}
            Ok(made) => tracing::info!(made, "Made {made} stand-by keys"),
            Err(error) => tracing::error!(%error, "No stand-by key could be made"),
        }
        for Count { kind, state, keys } in counts(&store).await.unwrap_or_default() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
            metrics::gauge!("kmc_keys", "kind" => kind.name(), "state" => state).set(keys as f64);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = kmc.key_taken.notified() => {}
            () = tokio::time::sleep(REFILL) => {}
        }
    }
}

/// Puts ended keys into history, page by page, for ever.
async fn retire(kmc: Arc<Kmc>, stop: CancellationToken) {
    let mut rounds = Rounds::every(RETIRE, stop);
    let mut after = None;
    while rounds.next().await {
        match kmc.retire_ended(after).await {
            Ok(last) => after = last,
            Err(error) => tracing::warn!(%error, "Cannot tell which keys have ended"),
        }
    }
}

/// Signs where the audit chain stands, into the store and into the audit folder.
async fn checkpoints(
    store: SqlEscrow,
    clock: Arc<dyn Clock>,
    key: Arc<dyn Signer>,
    audit: crate::config::Audit,
    stop: CancellationToken,
) {
    let mut rounds = Rounds::every(audit.every(), stop);
    while rounds.next().await {
        let made = async {
            let mut tx = store.begin_read().await?;
            let (head, last) = (tx.audit_head().await?, tx.last_checkpoint().await?);
            drop(tx);
            let row = match last {
                Some(last) if last.seq >= head.seq => last,
                _ => {
                    let row = tasks::sign(head, clock.now(), key.clone()).await?;
                    unit_of_work!(begin store.begin(), StoreError, |tx| { tx.add_checkpoint(&row).await? })?;
                    row
                }
            };
            tasks::publish(row, &audit.dir)
        };
        if let Err(error) = made.await {
            tracing::error!(%error, "No checkpoint could be made");
        }
    }
}

/// Verifies the centre's audit chain, against its own checkpoints and any that were kept elsewhere.
///
/// # Errors
/// When it cannot be read or is not whole.
pub async fn verify_audit(
    store: &SqlEscrow,
    audit_key: Option<&[u8]>,
    kept_elsewhere: &[SignedCheckpoint],
) -> anyhow::Result<audit::Whole> {
    let mut tx = store.begin_read().await?;
    Ok(audit::verify_store(&mut *tx, audit_key, kept_elsewhere).await??)
}

/// How many keys of each kind there are in each state.
///
/// # Errors
/// When the store cannot be read.
pub async fn status(store: &SqlEscrow) -> anyhow::Result<Vec<Count>> {
    Ok(counts(store).await?)
}
