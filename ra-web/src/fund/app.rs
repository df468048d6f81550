//! Joins the portal's ports and configuration once, and starts its listeners.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use ca_core::clock::Clock;
use ca_core::domain::LoginPurpose;
use ca_core::sql::Database;
use tower_sessions::cookie::SameSite;

use super::config::Config;
use super::hall::Hall;
use super::{FundStore, Members, fund_migrations, opening};
use crate::Chance;
use crate::app::{Listeners, status_client};
use crate::http::frame::{Frame, wrap};
use crate::http::fund::{Portal, handshakes, machines, router};
use crate::http::presence::{self, Presences};
use crate::http::{listener, ops, session};
use crate::login::{Door, ProxySecret, Site, read_anchors};
use crate::page;
use crate::paper::Press;
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
    let press = Press::open(&config.paper.fonts).context("the fonts of vouchers")?;

    let socket = listener::bind(config.listen.portal).await?;
    let ops_socket = listener::bind(config.listen.ops).await?;
    let origin = match config.site.origin {
        Some(origin) => origin,
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
    let hall = Hall { store: store.clone(), door: door.clone(), key, chance: chance.clone() };
    let portal = Portal {
        door,
        hall: Arc::new(hall),
        press,
        origin: origin.as_str().into(),
        members: Arc::new(Members::new(store.clone())),
        store,
        presences: presences.clone(),
        clock: clock.clone(),
        chance: chance.clone(),
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
    let ops = listeners.serve(ops_socket, ops::router(vec![Arc::new(DatabaseProbe(database.clone()))]))?;
    tracing::info!(%portal, %ops, origin, "The fund portal listens");
    Ok(Running { portal, handshakes, ops, origin, listeners, database })
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
    Ok(Hall { store, door: Arc::new(door), key, chance })
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
