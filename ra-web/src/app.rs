//! Joins ports and configuration once, and starts the listeners.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use async_trait::async_trait;
use axum::Router;
use ca_core::clock::Clock;
use ca_core::domain::{BeijingDay, IssuerId, KeyKind, LoginPurpose, OfficeId, OfficerId, ProfileName};
use ca_core::service::client::{CertificateAuthority, Client};
use ca_core::service::protocol::Request;
use ca_core::sql::Database;
use ocsp::client::{Client as StatusClient, CrlFallback, CrlSource, Settings as StatusSettings};
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_sessions::cookie::SameSite;
use zeroize::Zeroizing;

use crate::Chance;
use crate::batches::driving::Drive;
use crate::config::{self, Config, Enrolment, KeyIssuer, Paper, Retention, Trust};
use crate::enrolment::desk::{Desk, Rules};
use crate::enrolment::form;
use crate::enrolment::intake::hash_of;
use crate::enrolment::papers::{Letterhead, Printer};
use crate::enrolment::process::RenewalWindow;
use crate::enrolment::retention::Terms;
use crate::evidence::{self, Evidence};
use crate::http::frame::{Frame, wrap};
use crate::http::presence::{self, Presences};
use crate::http::public::{self, Public as PublicSite};
use crate::http::staff::{self, Staff};
use crate::http::unit::{self, Units};
use crate::http::{listener, ops, provisioning, session, unlock, verify, webhook};
use crate::invoice::Invoices;
use crate::invoice::content::Seller;
use crate::invoice::issuing::Invoicing;
use crate::invoice::nuonuo::{self, Nuonuo};
use crate::invoice::ofd::seal::{Seal, picture};
use crate::invoice::provider::{InvoiceProvider, Local};
use crate::invoice::reversing::Reversing;
use crate::jobs::{self, Handler};
use crate::login::{Door, Officers, Site, read_anchors};
use crate::mail::letter::Sender;
use crate::mail::sending::Sending;
use crate::mail::{dkim, smtp};
use crate::matters::publication::{Public, Publication};
use crate::page;
use crate::paper::Press;
use crate::payment::back::GiveBack;
use crate::payment::checkout::Way;
use crate::payment::fen::{Fen, TaxRate};
use crate::payment::lapse::Lapse;
use crate::payment::matching::Matching;
use crate::payment::online::{AskAbout, Online};
use crate::payment::prove::Prove;
use crate::payment::reconcile::Reconcile;
use crate::payment::stripe::{Settings, Stripe};
use crate::payment::taking::Method;
use crate::payment::tariff::{Rates, Tariff};
use crate::payment::wire::WireTerms;
use crate::reminders::remind::Remind;
use crate::renewal::{Members, Renewals};
use crate::selfcare::Ending;
use crate::selfcare::loss::{LossDesk, Resend};
use crate::sql::{OfficeStore, office_migrations};
use crate::tokens::stock::{LineFaults, serials};
use crate::units::backfill;
use crate::vault::FieldKey;

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

/// Payment on the provider's page, if it is configured.
fn online(payment: &config::Payment, desk: &Arc<Desk>) -> anyhow::Result<Option<Arc<Online>>> {
    let Some(online) = &payment.online else { return Ok(None) };
    let secret = |name: &str, file: &PathBuf| -> anyhow::Result<Zeroizing<String>> {
        let text = std::fs::read_to_string(file)
            .map(Zeroizing::new)
            .with_context(|| format!("payment.online.{name}: {}", file.display()))?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    };
    let ways = online.ways.iter().map(|word| {
        Way::from_word(word)
            .with_context(|| format!("payment.online.ways: {word:?} is none of alipay, wechat_pay, card"))
    });
    let ways = ways.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!ways.is_empty(), "payment.online.ways is empty");
    ensure!(online.api.ends_with('/'), "payment.online.api ends with a slash");
    let gateway = Stripe::new(Settings {
        api: online.api.clone(),
        pages: online.pages.clone(),
        secret_key: secret("secret_key_file", &online.secret_key_file)?,
        webhook_secret: secret("webhook_secret_file", &online.webhook_secret_file)?,
        ways,
    })?;
    Ok(Some(Arc::new(Online { desk: desk.clone(), gateway: Arc::new(gateway) })))
}

/// Mails to units, if a server is configured.
fn mails(config: &Config, desk: &Arc<Desk>) -> anyhow::Result<Option<Arc<dyn Handler>>> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let read = |name: &str, file: &PathBuf| {
        std::fs::read(file).map(Zeroizing::new).with_context(|| format!("mail.{name}: {}", file.display()))
    };
    let protection = smtp::Protection::from_word(&mail.tls)
        .with_context(|| format!("mail.tls: {:?} is none of starttls, implicit, none", mail.tls))?;
    let login = match (&mail.user, &mail.password_file) {
        (Some(user), Some(file)) => {
            let text = String::from_utf8(read("password_file", file)?.to_vec()).map(Zeroizing::new);
            let text = text.context("mail.password_file is no text")?;
            Some((user.clone(), Zeroizing::new(text.trim().to_owned())))
        }
        (None, None) => None,
        _ => anyhow::bail!("mail: user and password_file go together"),
    };
    let from: crate::mail::address::Address = mail.from.parse().context("mail.from")?;
    let dkim = match &mail.dkim {
        Some(key) => {
            let domain = key.domain.clone().unwrap_or_else(|| from.parts().1.to_owned());
            let pem = read("dkim.key_file", &key.key_file)?;
            Some(dkim::Dkim::new(&domain, &key.selector, &pem).context("mail.dkim")?)
        }
        None => None,
    };
    let server = smtp::Smtp::new(smtp::Settings {
        host: mail.host.clone(),
        port: mail.port.unwrap_or_else(|| protection.port()),
        protection,
        root: mail.root_file.as_ref().map(|file| read("root_file", file).map(|pem| pem.to_vec())).transpose()?,
        login,
        from: (mail.from_name.clone().unwrap_or_else(|| config.paper.authority.clone()), from),
        dkim,
    })?;
    let sender =
        Sender { authority: config.paper.authority.clone(), contact: config.paper.contact.clone(), site: site(config) };
    Ok(Some(Arc::new(Sending { desk: desk.clone(), mailer: Arc::new(server), sender })))
}

/// The units' own site, as links name it.
fn site(config: &Config) -> String {
    config.site.public_origin.clone().unwrap_or_else(|| format!("http://{}", config.listen.public))
}

/// Who invoices, and how.
async fn invoices(
    config: &Config,
    vault: &FieldKey,
    printer: &Printer,
    clock: &Arc<dyn Clock>,
    chance: &Chance,
) -> anyhow::Result<Invoices> {
    let of = &config.invoice;
    let seller = Seller {
        name: of.seller.clone().unwrap_or_else(|| config.paper.authority.clone()),
        tax_id: of.tax_id.clone(),
        address: of.address.clone(),
        phone: of.phone.clone(),
        bank: of.bank.clone(),
        account: of.account.clone(),
        drawer: of.drawer.clone(),
        bureau: of.bureau.clone(),
        category: of.category.clone(),
        goods_code: of.goods_code.clone(),
    };
    let seal = match &of.seal_key_file {
        Some(file) => {
            let picture = picture(&printer.press, &seller.name, clock.now()).await.context("invoice.seal_key_file")?;
            let seal = Seal::read(file, vault, &seller.name, &picture);
            let hint = || format!("invoice.seal_key_file: {}; `ra-web migrate` makes one", file.display());
            Some(Arc::new(seal.with_context(hint)?))
        }
        None => None,
    };
    let provider: Arc<dyn InvoiceProvider> = match &of.provider {
        Some(provider) => {
            ensure!(!of.tax_id.is_empty(), "invoice.tax_id: a provider of invoices needs the seller's taxpayer number");
            let secret = |name: &str, file: &PathBuf| {
                let text = std::fs::read_to_string(file).map(Zeroizing::new);
                let text = text.with_context(|| format!("invoice.provider.{name}: {}", file.display()))?;
                anyhow::Ok(Zeroizing::new(text.trim().to_owned()))
            };
            let settings = nuonuo::Settings {
                api: provider.api.clone(),
                app_key: provider.app_key.clone(),
                app_secret: secret("app_secret_file", &provider.app_secret_file)?,
                access_token: secret("access_token_file", &provider.access_token_file)?,
                tax_id: of.tax_id.clone(),
            };
            Arc::new(Nuonuo::new(settings, clock.clone(), chance.clone())?)
        }
        None => Arc::new(Local),
    };
    Ok(Invoices { provider, seller, seal, quota: of.quota, site: site(config) })
}

/// Makes the key of the seal where the configuration names one and there is none; says where.
///
/// # Errors
/// When it cannot be written.
pub fn found_seal(config: &Config, clock: &dyn Clock, chance: &Chance) -> anyhow::Result<Option<PathBuf>> {
    let Some(file) = config.invoice.seal_key_file.as_ref().filter(|file| !file.exists()) else { return Ok(None) };
    let name = config.invoice.seller.as_ref().unwrap_or(&config.paper.authority);
    Seal::found(file, &field_key(config)?, name, clock.now(), chance)
        .with_context(|| format!("making {}", file.display()))?;
    Ok(Some(file.clone()))
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

fn field_key(config: &Config) -> anyhow::Result<FieldKey> {
    let path = &config.storage.field_key_file;
    FieldKey::read(path).with_context(|| format!("reading {} (`ra-web migrate` makes a new one)", path.display()))
}

fn terms(retention: &Retention) -> anyhow::Result<Terms> {
    ensure!((5..=100).contains(&retention.years), "retention.years must be 5 to 100: the law asks for five at least");
    ensure!(retention.unissued_days >= 30, "retention.unissued_days must be 30 at least");
    Ok(Terms { years: retention.years, unissued_days: retention.unissued_days })
}

fn printer(paper: &Paper) -> anyhow::Result<Printer> {
    let cps = |path: &PathBuf| std::fs::read(path).with_context(|| format!("paper.cps_file: {}", path.display()));
    let cps_sha256 = paper.cps_file.as_ref().map(cps).transpose()?.map(|text| hash_of(&text));
    let letterhead = Letterhead {
        authority: paper.authority.clone(),
        cps_version: paper.cps_version.clone(),
        cps_sha256,
        cps_url: paper.cps_url.clone(),
        contact: paper.contact.clone(),
    };
    Ok(Printer { press: Press::open(&paper.fonts).context("the fonts of papers")?, letterhead })
}

fn rules(enrolment: &Enrolment, payment: &config::Payment) -> anyhow::Result<Rules> {
    let issuer = |name: &str| IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"));
    let mut issuers: Vec<(KeyKind, IssuerId)> = Vec::with_capacity(enrolment.keys.len());
    for KeyIssuer { kind, issuer: name } in &enrolment.keys {
        ensure!(issuers.iter().all(|(known, _)| known != kind), "enrolment.keys has {kind} twice");
        issuers.push((*kind, issuer(name)?));
    }
    ensure!(!issuers.is_empty(), "enrolment.keys is empty");
    Ok(Rules {
        profile: ProfileName::new(&enrolment.profile).context("enrolment.profile is no profile name")?,
        issuers,
        province: enrolment.province.clone(),
        locality: enrolment.locality.clone(),
        renewal: RenewalWindow { early_days: enrolment.renewal_early_days, late_days: enrolment.renewal_late_days },
        stock_only: enrolment.stock_only,
        hold_days: enrolment.hold_days,
        money: money(payment)?,
    })
}

fn money(payment: &config::Payment) -> anyhow::Result<crate::payment::Terms> {
    let price = |name: &str, text: &str| -> anyhow::Result<Fen> {
        text.parse().with_context(|| format!("payment.tariff: {name} = {text:?}"))
    };
    let rates = payment.tariff.iter().map(|rates| {
        Ok(Rates {
            from: form::day(&rates.from).with_context(|| format!("payment.tariff: {:?} is no day", rates.from))?,
            service_year: price("service_year", &rates.service_year)?,
            token: price("token", &rates.token)?,
            reissue_token: price("reissue_token", &rates.reissue_token)?,
            change: price("change", &rates.change)?,
            tax: TaxRate(rates.vat_basis_points),
        })
    });
    let methods = payment.methods.iter().map(|word| {
        let method = Method::from_word(word).filter(|method| Method::COUNTER.contains(method));
        method.with_context(|| format!("payment.methods: {word:?} is none of cash, pos, qr"))
    });
    let methods = methods.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!methods.is_empty(), "payment.methods is empty");
    ensure!((1..=366).contains(&payment.lapse_days), "payment.lapse_days is from 1 to 366");
    ensure!((1..=10).contains(&payment.max_years), "payment.max_years is from 1 to 10");
    Ok(crate::payment::Terms {
        tariff: Tariff::new(rates.collect::<anyhow::Result<Vec<_>>>()?)?,
        methods,
        gives_back: payment.online.is_some(),
        wire: payment.wire.as_ref().map(wire).transpose()?,
        lapse_days: payment.lapse_days,
        max_years: payment.max_years,
    })
}

/// The account at the bank.
fn wire(wire: &config::Wire) -> anyhow::Result<WireTerms> {
    for (name, text) in [("payee", &wire.payee), ("bank", &wire.bank)] {
        ensure!((1..=100).contains(&text.trim().chars().count()), "payment.wire.{name} has 1 to 100 characters");
    }
    let digits = wire.account.chars().filter(char::is_ascii_digit).count();
    let plain = wire.account.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    ensure!(plain && (8..=32).contains(&digits), "payment.wire.account has 8 to 32 digits");
    ensure!((1..=60).contains(&wire.lapse_days), "payment.wire.lapse_days is from 1 to 60");
    Ok(WireTerms {
        payee: wire.payee.trim().to_owned(),
        account: wire.account.trim().to_owned(),
        bank: wire.bank.trim().to_owned(),
        office: OfficeId::new(&wire.office).with_context(|| format!("payment.wire.office: {:?}", wire.office))?,
        lapse_days: wire.lapse_days,
    })
}

/// Looks at lists and answers as everybody does.
fn publication(config: &Config, clock: Arc<dyn Clock>, chance: &Chance) -> anyhow::Result<Arc<dyn Publication>> {
    let mut issuers = BTreeMap::new();
    for (name, file) in &config.trust.issuers {
        let id = IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"))?;
        issuers.insert(id, std::fs::read(file).with_context(|| format!("reading {}", file.display()))?);
    }
    // The answers of the responder itself are wanted: nothing stands in for it.
    let trust = Trust { crl: None, ..config.trust.clone() };
    let status = status_client(&trust, clock, chance)?;
    let base = config.trust.crl.clone().unwrap_or_else(|| format!("{}/crl", config.site.validation_origin));
    Ok(Arc::new(Public { status, lists: CrlSource::Url(base), issuers }))
}

/// The relying party's client of the responder, as both sites use it.
pub(crate) fn status_client(trust: &Trust, clock: Arc<dyn Clock>, chance: &Chance) -> anyhow::Result<StatusClient> {
    let mut settings = StatusSettings::new(&trust.ocsp);
    settings.crl = trust
        .crl
        .as_ref()
        .map(|base| CrlFallback { source: CrlSource::Url(base.clone()), max_age_seconds: trust.crl_max_age_seconds });
    let mut seed = [0_u8; 32];
    chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut seed);
    Ok(StatusClient::new(settings, clock, ChaCha20Rng::from_seed(seed))?)
}

struct DatabaseProbe(Database);

#[async_trait]
impl ops::Probe for DatabaseProbe {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.check_schema(&office_migrations()).await.map_err(|error| error.to_string())
    }
}

struct AuthorityProbe(Arc<dyn CertificateAuthority>);

#[async_trait]
impl ops::Probe for AuthorityProbe {
    fn name(&self) -> &'static str {
        "authority"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.call(Request::Issuers).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Listeners, and a worker, that run until they are told to stop.
#[derive(Debug, Default)]
pub struct Listeners {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Listeners {
    /// Serves a router on a bound socket.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn serve(&mut self, listener: TcpListener, router: Router) -> std::io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        self.running.spawn(listener::serve(listener, router, self.stop.clone()));
        Ok(address)
    }

    /// Has work done beside that which is to end when it is told to stop.
    pub fn beside<F>(&mut self, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(work(self.stop.clone()));
    }

    /// Works off the office's jobs.
    pub fn work(
        &mut self,
        desk: &Arc<Desk>,
        online: Option<&Arc<Online>>,
        loss: Option<&Arc<LossDesk>>,
        mails: Option<Arc<dyn Handler>>,
    ) {
        let mut handlers = handlers(desk, online, loss);
        handlers.extend(mails);
        let worker = jobs::Worker::new(desk.store.clone(), handlers, desk.clock.clone(), desk.chance.clone());
        self.running.spawn(worker.run(self.stop.clone()));
    }

    /// Stops all, letting open requests and jobs finish for some seconds.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }
}
