//! Joins the portal's ports and configuration once, and starts its listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::chain::Anchors;
use ca_core::clock::Clock;
use ca_core::domain::LoginPurpose;
use ca_core::keys::PublicKey;
use ca_core::sql::Database;
use tower_sessions::cookie::SameSite;

use super::citizens::CitizenRegistry;
use super::config::{self, Config};
use super::face::Trust;
use super::face::http::{HttpFace, Settings};
use super::hall::Hall;
use super::progress::Register;
use super::stamps::Stamper;
use super::stamps::http::HttpAuthority;
use super::voucher::Seal;
use super::withdrawal::bank::Bank;
use super::withdrawal::counter::Counter;
use super::{FundStore, Members, citizens, fund_migrations, opening};
use crate::Chance;
use crate::app::{Listeners, status_client};
use crate::http::frame::{Frame, wrap};
use crate::http::fund::{Portal, handshakes, machines, router};
use crate::http::presence::{self, Presences};
use crate::http::{listener, ops, session};
use crate::login::{Door, ProxySecret, Site, read_anchors};
use crate::page;
use crate::paper::Press;
use crate::paper::sealed::Sealer;
use crate::vault::FieldKey;

/// The session cookie. Ports share cookies, so each site has its own name.
const COOKIE: &str = "__Host-yx-portal";

/// The portal while it runs.
#[derive(Debug)]
pub struct Running {
    /// Where the portal listens.
    pub portal: SocketAddr,
    /// Where the proxy says who came with which certificate.
    pub handshakes: Option<SocketAddr>,
    /// Where health and metrics are.
    pub ops: SocketAddr,
    /// The portal's origin, as units sign it.
    pub origin: String,
    listeners: Listeners,
    database: Database,
}

impl Running {
    /// Stops listening, lets open requests finish for some seconds, closes the database.
    pub async fn shutdown(self) {
        self.listeners.shutdown().await;
        self.database.close().await;
    }
}

/// Starts the portal: brings its database up to date, opens accounts of the opening data, listens.
///
/// # Errors
/// Names what of the configuration cannot be used.
pub async fn start(config: Config, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Running> {
    let database = migrate(&config).await?;
    let store: Arc<dyn FundStore> = Arc::new(database.clone());
    let key = Arc::new(field_key(&config, store.as_ref(), &chance).await?);
    if let Some(file) = &config.storage.opening {
        let begun = opening::open_accounts(&store, &opening::read(file)?, &key, &chance, clock.now()).await?;
        tracing::info!(begun, "Began the books of the units of the opening data that had none yet");
    }
    if let Some(file) = &config.storage.citizens {
        let bound = citizens::bring_in(&store, &citizens::read(file)?, &key, &chance, clock.now()).await?;
        tracing::info!(bound, "Persons have their certificates registered");
    }
    let press = Press::open(&config.paper.fonts).context("the fonts of vouchers")?;
    let seal = match &config.seal {
        Some(seal) => {
            let sealer = Sealer::read(&seal.key_file, &seal.certificate_file).context("the seal of vouchers")?;
            Some(Arc::new(Seal::draw(sealer, &press, &seal.purpose, clock.now()).await.context("the seal's picture")?))
        }
        None => None,
    };

    let socket = listener::bind(config.listen.portal).await?;
    let ops_socket = listener::bind(config.listen.ops).await?;
    let origin = match &config.site.origin {
        Some(origin) => origin.clone(),
        None => format!("http://{}", socket.local_addr()?),
    };
    let anchors = Arc::new(read_anchors(&config.trust)?);
    let presences =
        Presences::new(database.clone(), anchors.clone(), &origin, clock.clone(), config.limits.presence_seconds);
    let door = Door::new(
        Site { origin: origin.clone(), purpose: LoginPurpose::Portal },
        anchors,
        Arc::new(status_client(&config.trust, clock.clone(), &chance)?),
        Arc::new(database.clone()),
        clock.clone(),
        chance.clone(),
    );
    let door = Arc::new(door);
    let progress = Register::default();
    let hall = Hall { store: store.clone(), door: door.clone(), key, chance: chance.clone(), progress };
    // What a statement brought and nobody looked at, because whoever took it in was stopped.
    if let Err(error) = hall.judge_lines(clock.now()).await {
        tracing::error!(%error, "Lines of bank statements wait to be looked at");
    }
    let hall = Arc::new(hall);
    let stamper = stamper(&config, store.clone(), clock.clone(), &chance)?;
    let counter = counter(&config, hall.clone(), clock.clone(), &chance)?;
    if let Some(counter) = &counter {
        counter.deliver().await;
    }
    let portal = Portal {
        door,
        hall,
        counter,
        citizens: Arc::new(CitizenRegistry::new(store.clone())),
        press,
        seal,
        banks: config.trustee.into(),
        origin: origin.as_str().into(),
        members: Arc::new(Members::new(store.clone())),
        store,
        presences: presences.clone(),
        clock: clock.clone(),
        chance: chance.clone(),
        proxies: config.limits.proxies.clone().into(),
        renewal_origin: config.site.renewal_origin.into(),
        handshake: config.mutual_tls.as_ref().map(|tls| tls.origin.as_str().into()),
        name_zh: config.site.name_zh.into(),
        name_en: config.site.name_en.into(),
    };
    let sessions = session::Sessions::new(database.clone(), clock.clone());
    let programs = machines(portal.clone());
    let layer = session::layer(sessions, COOKIE, SameSite::Lax);
    let by_handshake = match &config.mutual_tls {
        Some(tls) => {
            let routes = handshakes(portal.clone(), ProxySecret::read(&tls.secret_file)?, tls.proxies.clone());
            Some((listener::bind(tls.listen).await?, routes.layer(layer.clone()), tls.proxies.clone()))
        }
        None => None,
    };
    let routes = router(portal).layer(layer).merge(presence::router(presences)).merge(programs);
    let frame = Frame {
        site: page::Site::Portal,
        agent: config.site.agent_origin,
        proxies: config.limits.proxies,
        burst: config.limits.burst,
        clock,
        chance,
    };

    let mut listeners = Listeners::default();
    let handshakes = match by_handshake {
        Some((socket, routes, proxies)) => {
            Some(listeners.serve(socket, wrap(routes, Frame { proxies, ..frame.clone() }))?)
        }
        None => None,
    };
    let portal = listeners.serve(socket, wrap(routes, frame))?;
    match stamper {
        Some(stamper) => listeners.beside(|stop| stamper.run(stop)),
        None => tracing::warn!("There is no [timestamp]: evidence of transactions gets no time stamp"),
    }
    let ops = listeners.serve(ops_socket, ops::router(vec![Arc::new(DatabaseProbe(database.clone()))]))?;
    tracing::info!(%portal, %ops, origin, "The fund portal listens");
    Ok(Running { portal, handshakes, ops, origin, listeners, database })
}

/// The counter for withdrawals; none where there is no provider of face checks or no bank.
fn counter(
    config: &Config,
    hall: Arc<Hall>,
    clock: Arc<dyn Clock>,
    chance: &Chance,
) -> anyhow::Result<Option<Arc<Counter>>> {
    let (Some(face), Some(bank)) = (&config.face, bank(config)?) else { return Ok(None) };
    let secret = std::fs::read_to_string(&face.secret_file)
        .with_context(|| format!("reading {}", face.secret_file.display()))?;
    let secret = zeroize::Zeroizing::new(secret);
    let settings = Settings {
        api: face.api.clone(),
        app: face.app.clone(),
        secret: zeroize::Zeroizing::new(secret.trim().to_owned()),
        patience: Duration::from_secs(face.patience_seconds.max(1).into()),
    };
    Ok(Some(Arc::new(Counter {
        hall,
        face: Arc::new(HttpFace::new(settings, clock.clone(), chance.clone())?),
        trust: face_trust(face)?,
        bank,
        clock,
    })))
}

/// Where payment orders go; nowhere without a `[bank]`.
pub(super) fn bank(config: &Config) -> anyhow::Result<Option<Bank>> {
    let Some(bank) = &config.bank else { return Ok(None) };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    anyhow::ensure!(bank.bank_code.len() == 12 && digits(&bank.bank_code), "bank.bank_code has 12 digits");
    Ok(Some(Bank {
        folder: bank.folder.clone(),
        name: bank.name.clone(),
        account: bank.account.clone(),
        bank_code: bank.bank_code.clone(),
    }))
}

/// Who fetches time stamps; none where there is no authority of them.
///
/// # Errors
/// Names what of the configuration cannot be used.
pub fn stamper(
    config: &Config,
    store: Arc<dyn FundStore>,
    clock: Arc<dyn Clock>,
    chance: &Chance,
) -> anyhow::Result<Option<Arc<Stamper>>> {
    let Some(timestamp) = &config.timestamp else { return Ok(None) };
    let read = |file: &std::path::PathBuf| {
        let key = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        anyhow::Ok(zeroize::Zeroizing::new(key))
    };
    let key = timestamp.key_file.as_ref().map(read).transpose()?;
    let patience = Duration::from_secs(timestamp.patience_seconds.clamp(1, 45).into());
    Ok(Some(Arc::new(Stamper {
        store,
        authority: Arc::new(HttpAuthority::new(&timestamp.url, key.as_ref(), patience)?),
        anchors: Arc::new(stamp_anchors(config)?),
        clock,
        chance: chance.clone(),
    })))
}

/// Under which CAs time stamps are believed.
///
/// # Errors
/// When a certificate cannot be read or used.
pub fn stamp_anchors(config: &Config) -> anyhow::Result<Anchors> {
    let own = config.timestamp.as_ref().filter(|one| !one.roots.is_empty() || !one.issuers.is_empty());
    let Some(own) = own else { return read_anchors(&config.trust) };
    let trust = config::Trust {
        roots: own.roots.clone(),
        issuers: own.issuers.clone(),
        sm2_ids: std::collections::BTreeMap::new(),
        ..config.trust.clone()
    };
    read_anchors(&trust).context("timestamp.roots and timestamp.issuers")
}

/// Whose word on faces is believed.
///
/// # Errors
/// When the provider's key cannot be read.
pub fn face_trust(face: &config::Face) -> anyhow::Result<Trust> {
    let file = &face.answer_key_file;
    let pem = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let block = std::str::from_utf8(&pem).ok().and_then(|text| {
        let body = text.split("-----BEGIN PUBLIC KEY-----").nth(1)?.split("-----END PUBLIC KEY-----").next()?;
        STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
    });
    let spki = block.with_context(|| format!("{} is no public key in PEM", file.display()))?;
    let key = PublicKey::read(&spki).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    Ok(Trust::new(key, face.min_score.into(), face.min_liveness.into()))
}

/// The key that seals numbers of persons; made where there is none, as long as nothing was sealed yet.
async fn field_key(config: &Config, store: &dyn FundStore, chance: &Chance) -> anyhow::Result<FieldKey> {
    let file = &config.storage.field_key_file;
    if !file.exists() {
        let mut tx = store.begin_read().await?;
        let units = tx.units_after("", 1).await?;
        let begun = match units.first() {
            Some(account) => tx.unit(account).await?.is_some_and(|unit| unit.version > 0),
            None => false,
        };
        tx.commit().await?;
        anyhow::ensure!(!begun, "the field key {} is gone: what is sealed needs it; bring it back", file.display());
        FieldKey::found(file, chance).with_context(|| format!("making {}", file.display()))?;
        tracing::info!(file = %file.display(), "Made a new field key");
    }
    FieldKey::read(file).with_context(|| format!("reading {}", file.display()))
}

/// Brings the fund's database up to date, making a SQLite file that is not there yet.
///
/// # Errors
/// When it cannot be opened or its schema is not ours.
pub async fn migrate(config: &Config) -> anyhow::Result<Database> {
    let database = Database::open(&config.storage.database_url, true).await.context("opening the fund's database")?;
    database.migrate(&fund_migrations()).await?;
    Ok(database)
}

/// The hall without a portal round it: for commands of the operator.
///
/// # Errors
/// Names what of the configuration cannot be used.
pub async fn hall(config: &Config, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Hall> {
    let database = migrate(config).await?;
    let store: Arc<dyn FundStore> = Arc::new(database.clone());
    let key = Arc::new(field_key(config, store.as_ref(), &chance).await?);
    let door = Door::new(
        Site { origin: config.site.origin.clone().unwrap_or_default(), purpose: LoginPurpose::Portal },
        Arc::new(read_anchors(&config.trust)?),
        Arc::new(status_client(&config.trust, clock.clone(), &chance)?),
        Arc::new(database),
        clock,
        chance.clone(),
    );
    Ok(Hall { store, door: Arc::new(door), key, chance, progress: Register::default() })
}

struct DatabaseProbe(Database);

#[async_trait]
impl ops::Probe for DatabaseProbe {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        let tx = FundStore::begin_read(&self.0).await.map_err(|error| error.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())
    }
}
