//! Joins ports and configuration once, and starts the listeners.

mod listeners;
mod mails;
mod money;
mod relying;
mod rules;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use ca_core::clock::Clock;
use ca_core::domain::{BeijingDay, LoginPurpose, OfficeId, OfficerId};
use ca_core::service::client::{CertificateAuthority, Client};
use ca_core::sql::Database;
use tower_sessions::cookie::SameSite;
use zeroize::Zeroizing;

pub use self::listeners::Listeners;
use self::listeners::{AuthorityProbe, DatabaseProbe};
use self::mails::mails;
pub use self::money::found_seal;
use self::money::{invoices, online};
use self::relying::publication;
pub(crate) use self::relying::status_client;
use self::rules::{field_key, printer, rules, terms};
use crate::Chance;
use crate::batches::driving::Drive;
use crate::config::{self, Config};
use crate::enrolment::desk::Desk;
use crate::enrolment::unheard::Unheard;
use crate::evidence::{self, Evidence};
use crate::http::frame::{Frame, wrap};
use crate::http::presence::{self, Presences};
use crate::http::public::{self, Public as PublicSite};
use crate::http::staff::{self, Staff};
use crate::http::unit::{self, Units};
use crate::http::{listener, ops, provisioning, session, unlock, verify, webhook};
use crate::invoice::issuing::Invoicing;
use crate::invoice::reversing::Reversing;
use crate::jobs::{self, Handler};
use crate::login::{Door, Officers, Site, read_anchors};
use crate::mail::bounce;
use crate::page;
use crate::payment::back::GiveBack;
use crate::payment::lapse::Lapse;
use crate::payment::matching::Matching;
use crate::payment::online::{AskAbout, Online};
use crate::payment::prove::Prove;
use crate::payment::reconcile::Reconcile;
use crate::reminders::remind::Remind;
use crate::renewal::{Members, Renewals};
use crate::selfcare::Ending;
use crate::selfcare::loss::{LossDesk, Resend};
use crate::sql::{OfficeStore, office_migrations};
use crate::store::Store as _;
use crate::tokens::stock::{LineFaults, serials};
use crate::units::backfill;

/// The console's session cookie. Ports share cookies, so each site has its own name.
const STAFF_COOKIE: &str = "__Host-yx-staff";
/// That of the units' own site.
const UNIT_COOKIE: &str = "__Host-yx-unit";

/// The office's sites while they run.
#[derive(Debug)]
pub struct Running {
    /// Where the units' own site listens.
    pub public: SocketAddr,
    /// Where the staff console listens.
    pub staff: SocketAddr,
    /// Where health and metrics are.
    pub ops: SocketAddr,
    /// The console's origin, as officers sign it.
    pub staff_origin: String,
    listeners: Listeners,
    database: Database,
}

impl Running {
    /// Stops listening and taking jobs, lets what is in hand finish for some seconds, closes the database.
    pub async fn shutdown(self) {
        self.listeners.shutdown().await;
        self.database.close().await;
    }
}

/// Starts the office's sites with the authority behind the configured socket.
///
/// # Errors
/// Names what of the configuration cannot be used.
pub async fn serve(config: Config, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Running> {
    let ca = Arc::new(Client::new(&config.ca_socket));
    serve_with(config, ca, clock, chance).await
}

/// Starts the office's sites: brings the database up to date, listens.
///
/// # Errors
/// Names what of the configuration cannot be used.
pub async fn serve_with(
    config: Config,
    ca: Arc<dyn CertificateAuthority>,
    clock: Arc<dyn Clock>,
    chance: Chance,
) -> anyhow::Result<Running> {
    ops::recorder();
    let anchors = Arc::new(read_anchors(&config.trust)?);
    let (desk, database) = office(&config, &ca, &clock, &chance).await?;
    let online = online(&config.payment, &desk)?;
    let loss = loss_desk(config.loss_desk.as_ref(), &desk)?;
    let mails = mails(&config, &desk)?;
    let [public_socket, staff_socket, ops_socket] = [
        listener::bind(config.listen.public).await?,
        listener::bind(config.listen.staff).await?,
        listener::bind(config.listen.ops).await?,
    ];
    let staff_origin = match config.site.staff_origin {
        Some(origin) => origin,
        None => format!("http://{}", staff_socket.local_addr()?),
    };

    let presences =
        Presences::new(database.clone(), anchors.clone(), &staff_origin, clock.clone(), config.limits.presence_seconds);
    let public_origin = match config.site.public_origin {
        Some(origin) => origin,
        None => format!("http://{}", public_socket.local_addr()?),
    };
    let status = Arc::new(status_client(&config.trust, clock.clone(), &chance)?);
    let door = |origin: &str, purpose| {
        Door::new(
            Site { origin: origin.to_owned(), purpose },
            anchors.clone(),
            status.clone(),
            Arc::new(database.clone()),
            clock.clone(),
            chance.clone(),
        )
    };
    let unit_presences = Presences::new(
        database.clone(),
        anchors.clone(),
        &public_origin,
        clock.clone(),
        config.limits.presence_seconds,
    );
    let units = Units {
        renewals: Arc::new(Renewals { desk: desk.clone(), online: online.clone() }),
        ending: Arc::new(Ending { desk: desk.clone() }),
        members: Arc::new(Members::new(desk.store.clone())),
        door: Arc::new(door(&public_origin, LoginPurpose::Unit).lets_in_late(config.enrolment.renewal_late_days)),
        presences: unit_presences.clone(),
        origin: public_origin.as_str().into(),
    };
    let staff_door = door(&staff_origin, LoginPurpose::Staff);
    let sessions = session::Sessions::new(database.clone(), clock.clone());
    let console = staff::router(Staff {
        desk: desk.clone(),
        door: Arc::new(staff_door),
        officers: Arc::new(Officers::new(ca.clone())),
        presences: presences.clone(),
    })
    .layer(session::layer(sessions.clone(), STAFF_COOKIE, SameSite::Strict))
    .merge(provisioning::router(desk.clone()))
    .merge(unlock::router(desk.clone()))
    .merge(presence::router(presences));
    let public = public::router(PublicSite {
        desk: desk.clone(),
        loss: loss.clone(),
        contact: config.paper.contact.as_str().into(),
        validation_origin: config.site.validation_origin.into(),
        portal_origin: config.site.portal_origin.into(),
        issuers: config.trust.issuers.keys().cloned().collect(),
    });
    // Lax: the payment provider leads back from its own site.
    let public = unit::router(units)
        .layer(session::layer(sessions, UNIT_COOKIE, SameSite::Lax))
        .merge(public)
        .merge(provisioning::router(desk.clone()))
        .merge(presence::router(unit_presences))
        .merge(verify::router(desk.store.clone()))
        .merge(webhook::router(online.clone()));

    let frame = |site| Frame {
        site,
        agent: config.site.agent_origin.clone(),
        proxies: config.limits.proxies.clone(),
        burst: config.limits.burst,
        clock: clock.clone(),
        chance: chance.clone(),
    };
    let probes: Vec<Arc<dyn ops::Probe>> =
        vec![Arc::new(DatabaseProbe(database.clone())), Arc::new(AuthorityProbe(ca))];
    let mut listeners = Listeners::default();
    let public = listeners.serve(public_socket, wrap(public, frame(page::Site::Public)))?;
    let staff = listeners.serve(staff_socket, wrap(console, frame(page::Site::Staff)))?;
    let ops = listeners.serve(ops_socket, ops::router(probes))?;
    if config.worker.beside_serve {
        listeners.work(&desk, online.as_ref(), loss.as_ref(), mails);
    }
    tracing::info!(%public, %staff, %ops, staff_origin, public_origin, "The registration office listens");
    Ok(Running { public, staff, ops, staff_origin, listeners, database })
}

/// A worker while it runs.
#[derive(Debug)]
pub struct Working {
    /// Where health and metrics are.
    pub ops: SocketAddr,
    listeners: Listeners,
    database: Database,
}

impl Working {
    /// Takes no more jobs, lets what is in hand finish for some seconds, closes the database.
    pub async fn shutdown(self) {
        self.listeners.shutdown().await;
        self.database.close().await;
    }
}

/// Works off the office's jobs, with the authority behind the configured socket.
///
/// # Errors
/// Names what of the configuration cannot be used.
pub async fn work(config: &Config, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Working> {
    ops::recorder();
    let ca: Arc<dyn CertificateAuthority> = Arc::new(Client::new(&config.ca_socket));
    let (desk, database) = office(config, &ca, &clock, &chance).await?;
    let online = online(&config.payment, &desk)?;
    let loss = loss_desk(config.loss_desk.as_ref(), &desk)?;
    let socket = listener::bind(config.worker.ops).await?;
    let mut listeners = Listeners::default();
    let probes: Vec<Arc<dyn ops::Probe>> =
        vec![Arc::new(DatabaseProbe(database.clone())), Arc::new(AuthorityProbe(ca))];
    let ops = listeners.serve(socket, ops::router(probes))?;
    listeners.work(&desk, online.as_ref(), loss.as_ref(), mails(config, &desk)?);
    tracing::info!(%ops, "A worker of the registration office runs");
    Ok(Working { ops, listeners, database })
}

/// Who does which jobs.
#[must_use]
pub fn handlers(desk: &Arc<Desk>, online: Option<&Arc<Online>>, loss: Option<&Arc<LossDesk>>) -> Vec<Arc<dyn Handler>> {
    let (store, clock) = (&desk.store, &desk.clock);
    let mut handlers: Vec<Arc<dyn Handler>> = vec![
        Arc::new(jobs::sweep::Sweep { store: store.clone(), clock: clock.clone() }),
        Arc::new(jobs::lapse::Lapse { desk: desk.clone() }),
        Arc::new(Unheard { desk: desk.clone() }),
        Arc::new(Drive { desk: desk.clone() }),
        Arc::new(Lapse { desk: desk.clone() }),
        Arc::new(Prove { desk: desk.clone() }),
        Arc::new(Matching { desk: desk.clone() }),
        Arc::new(Remind { store: store.clone(), clock: clock.clone(), mails: desk.mails }),
        Arc::new(Invoicing { desk: desk.clone() }),
        Arc::new(Reversing { desk: desk.clone() }),
    ];
    let resend = |loss: &Arc<LossDesk>| Resend { desk: desk.clone(), loss: loss.clone() };
    handlers.extend(loss.map(|loss| Arc::new(resend(loss)) as Arc<dyn Handler>));
    handlers.push(Arc::new(Reconcile { desk: desk.clone(), online: online.cloned() }));
    handlers.extend(online.map(|online| Arc::new(AskAbout { online: online.clone() }) as Arc<dyn Handler>));
    handlers.extend(online.map(|online| Arc::new(GiveBack { online: online.clone() }) as Arc<dyn Handler>));
    handlers
}

/// The loss desk, if there is one.
fn loss_desk(config: Option<&config::LossDesk>, desk: &Arc<Desk>) -> anyhow::Result<Option<Arc<LossDesk>>> {
    let read = |loss: &config::LossDesk| {
        let id = OfficerId::new(&loss.officer).with_context(|| format!("loss_desk.officer: {:?}", loss.officer))?;
        let office = OfficeId::new(&loss.office).with_context(|| format!("loss_desk.office: {:?}", loss.office))?;
        LossDesk::read(&loss.key_file, &loss.certificate_file, &desk.vault, id, office).context("loss_desk")
    };
    Ok(config.map(read).transpose()?.map(Arc::new))
}

/// The units' own site, as links name it.
fn site(config: &Config) -> String {
    config.site.public_origin.clone().unwrap_or_else(|| format!("http://{}", config.listen.public))
}

/// The office's services over its database, which is brought up to date.
async fn office(
    config: &Config,
    ca: &Arc<dyn CertificateAuthority>,
    clock: &Arc<dyn Clock>,
    chance: &Chance,
) -> anyhow::Result<(Arc<Desk>, Database)> {
    let rules = rules(&config.enrolment, &config.payment)?;
    let terms = terms(&config.retention)?;
    let vault = Arc::new(field_key(config)?);
    let printer = printer(&config.paper)?;
    let invoices = invoices(config, &vault, &printer, clock, chance).await?;
    let evidence = evidence::store::open(&config.storage)?;
    let database = migrate(config).await?;
    let desk = Desk {
        store: Arc::new(OfficeStore(database.clone())),
        ca: ca.clone(),
        evidence: Evidence::new(evidence, vault.clone(), chance.clone()),
        printer,
        publication: publication(config, clock.clone(), chance)?,
        vault,
        clock: clock.clone(),
        chance: chance.clone(),
        rules,
        terms,
        mails: config.mail.is_some(),
        invoices,
    };
    // What a deletion left in the store when it broke off.
    if let Err(error) = desk.forget_removed().await {
        tracing::warn!(%error, "scans of deleted cases are still in the store");
    }
    Ok((Arc::new(desk), database))
}

/// Brings the office's database up to date, making a SQLite file that is not there yet.
///
/// # Errors
/// When it cannot be opened or its schema is not ours.
pub async fn migrate(config: &Config) -> anyhow::Result<Database> {
    let database = Database::open(&config.storage.database_url, true).await.context("opening the office's database")?;
    database.migrate(&office_migrations()).await?;
    backfill::fill(&OfficeStore(database.clone())).await.context("writing down the units of earlier cases")?;
    Ok(database)
}

/// Takes tokens into an office's stock, those that are in the books already apart, and answers how many and the list of
/// the admin PINs with which they are formatted: a serial number and a PIN a line.
///
/// # Errors
/// Names what of the configuration or of the list cannot be used.
pub async fn stock(
    config: &Config,
    into: &OfficeId,
    model: &str,
    purchased: BeijingDay,
    typed: &str,
    clock: Arc<dyn Clock>,
    chance: Chance,
) -> anyhow::Result<(usize, Zeroizing<String>)> {
    let wrong = |faults: LineFaults| anyhow!("{}: {}", faults[0].0, faults[0].1.word());
    let mut list = serials(typed).map_err(wrong)?;
    let ca: Arc<dyn CertificateAuthority> = Arc::new(Client::new(&config.ca_socket));
    let (desk, database) = office(config, &ca, &clock, &chance).await?;
    let all = list.clone();
    let mut received = desk.receive_stock(into, None, &list, model, purchased).await?;
    if let Err(known) = &received {
        list.retain(|serial| !known.iter().any(|(typed, _)| typed == serial.as_str()));
        received = desk.receive_stock(into, None, &list, model, purchased).await?;
    }
    let received = received.map_err(wrong)?;
    let mut pins = Zeroizing::new(String::new());
    for (serial, pin) in desk.admin_pins(&all).await? {
        pins.push_str(&format!("{serial} {}\n", pin.expose()));
    }
    database.close().await;
    Ok((received, pins))
}

/// Notes a mail that came back; says which, if it is one of ours.
///
/// # Errors
/// Storage.
pub async fn bounced(config: &Config, report: &[u8]) -> anyhow::Result<Option<String>> {
    let Some(bounce) = bounce::read(report) else { return Ok(None) };
    let database =
        Database::open(&config.storage.database_url, false).await.context("opening the office's database")?;
    let mut tx = OfficeStore(database.clone()).begin().await?;
    let ours = tx.mail_came_back(&bounce.mail, &bounce.status).await?;
    tx.commit().await?;
    database.close().await;
    Ok(ours.then_some(bounce.mail))
}

/// Looks at everything that `serve` needs, without changing anything: each line is a name and what is wrong.
pub async fn doctor(config: &Config) -> Vec<(&'static str, Result<(), String>)> {
    let text = |error: anyhow::Error| format!("{error:#}");
    let database = async {
        let database = Database::open(&config.storage.database_url, false).await?;
        database.check_schema(&office_migrations()).await?;
        database.close().await;
        anyhow::Ok(())
    };
    let authority = AuthorityProbe(Arc::new(Client::new(&config.ca_socket)));
    vec![
        ("rules", rules(&config.enrolment, &config.payment).map(drop).map_err(text)),
        ("retention", terms(&config.retention).map(drop).map_err(text)),
        ("field key", field_key(config).map(drop).map_err(text)),
        ("evidence", evidence::store::open(&config.storage).map(drop).map_err(text)),
        ("fonts", printer(&config.paper).map(drop).map_err(text)),
        ("trust", read_anchors(&config.trust).map(drop).map_err(text)),
        ("database", database.await.map_err(text)),
        ("authority", ops::Probe::check(&authority).await),
    ]
}
