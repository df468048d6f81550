//! The window that sites open: hears the request, shows it, takes the PIN, signs.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::Timestamp;
use fluent_bundle::FluentArgs;

use super::pages::{Choice, DonePage, NewPinPage, NoticePage, Shell, SignBatchPage, SignPage, WaitingPage};
use super::presence::Watch;
use super::protocol::{Act, Asked, Code, Failure, Reply, Request, Shown};
use super::server::{Shared, html};
use super::statement::{Statement, Unfit};
use super::{Agent, pages, pin_report, provisioning, unlocking};
use crate::certificate::{Facts, Holder};
use crate::config::{Permission, Site};
use crate::driver::{Pin, TokenError, TokenSerial};
use crate::explain;
use crate::provision::online::{Offer, Provisioning};
use crate::provision::unblock::{Unblocking, UnlockOffer};
use crate::provision::{ProvisionError, inspect, signed_message};
use crate::ra_client::RaClient;
use crate::text::Language;

/// So many orders are signed with one PIN at most.
pub(super) const MAX_TOGETHER: usize = 200;

/// How long the word "signed" stays before the window closes.
const CLOSE_AFTER_MS: u32 = 900;

/// One request of a site, until it is answered.
#[derive(Clone)]
pub(crate) struct Session {
    pub(super) site: Site,
    pub(super) t: Language,
    pub(super) task: Task,
    /// The PIN that must be changed before the task goes on, as it was typed.
    pub(super) must_go: Option<Pin>,
}

/// What was asked for.
#[derive(Clone)]
pub(super) enum Task {
    /// One statement, or several orders: then `together`, however many they are.
    Sign {
        statements: Vec<Statement>,
        together: bool,
        want: Option<Holder>,
    },
    Provision {
        provisioning: Box<Provisioning>,
        offer: Option<Box<Offer>>,
    },
    Unlock {
        unblocking: Box<Unblocking>,
        offer: Option<Box<UnlockOffer>>,
    },
}

/// The empty window: it says that it is ready and waits for the page that opened it.
pub(super) async fn open(State(agent): Shared, headers: HeaderMap) -> Response {
    let t = preferred(&headers);
    let window_token = agent.windows.put(agent.token(), ());
    html(Shell::window(t, &WaitingPage { t }, &window_token))
}

/// The language of the browser.
pub(super) fn preferred(headers: &HeaderMap) -> Language {
    let list = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::preferred(list.unwrap_or_default())
}

/// The request of the page that opened the window.
pub(super) async fn request(State(agent): Shared, Json(asked): Json<Asked>) -> Response {
    if agent.windows.take(&asked.window_token).is_none() {
        return stale();
    }
    let shown = match begin(&agent, asked) {
        Ok(session) => look(&agent, session, None).await,
        Err(shown) => *shown,
    };
    Json(shown).into_response()
}

/// What the person did in the window.
pub(super) async fn act(State(agent): Shared, Json(act): Json<Act>) -> Response {
    let Some(session) = agent.acts.take(act.token()) else { return stale() };
    let shown = match (act, &session.task) {
        (Act::Again { .. }, _) => {
            agent.look_again().await;
            look(&agent, session, None).await
        }
        (Act::Sign { certificate, pin, .. }, Task::Sign { .. }) => sign(&agent, session, certificate, pin).await,
        (Act::NewPin { certificate, new_pin, new_pin_again, .. }, Task::Sign { .. }) => {
            change_and_sign(&agent, session, certificate, new_pin, new_pin_again).await
        }
        (Act::Provision { token, pin, operator, operator_pin, .. }, Task::Provision { .. }) => {
            let entered = provisioning::Entered { token, pin, operator, operator_pin };
            provisioning::begin(&agent, session, entered).await
        }
        (Act::Renew { pin, .. }, Task::Provision { .. }) => provisioning::renew(&agent, session, pin).await,
        (Act::Unlock { new_pin, new_pin_again, .. }, Task::Unlock { .. }) => {
            unlocking::with_chosen(&agent, session, new_pin, &new_pin_again).await
        }
        (Act::UnlockTemporary { .. }, Task::Unlock { .. }) => unlocking::with_temporary(&agent, session).await,
        (Act::GiveUp { .. }, Task::Provision { .. }) => provisioning::give_up(&session).await,
        _ => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    };
    Json(shown).into_response()
}

/// A token that was used, never minted, or is too old.
fn stale() -> Response {
    (StatusCode::FORBIDDEN, "this form was used already or is too old\n").into_response()
}

/// Reads the request; what it may not be is shown and answered at once.
fn begin(agent: &Arc<Agent>, asked: Asked) -> Result<Session, Box<Shown>> {
    let t = asked.language();
    let Some(site) = agent.site(&asked.origin) else {
        tracing::warn!(origin = %asked.origin.chars().take(200).collect::<String>(), "Refused a site that is not listed");
        return Err(Box::new(refused(t, &asked.origin, "refused-origin-text", Code::RefusedOrigin)));
    };
    let deny = |text, code| Box::new(refused(t, &asked.origin, text, code));
    let client = || {
        RaClient::new(site.origin.clone()).map_err(|error| {
            tracing::error!(%error, "No client for the registration authority");
            deny("internal-text", Code::Internal)
        })
    };
    let request: Request =
        serde_json::from_value(asked.request).map_err(|_| deny("refused-not-understood", Code::NotUnderstood))?;
    let task = match request {
        Request::Sign { statement, want } => {
            let statement = read(agent, site, &statement).map_err(|unfit| unfit_for(&deny, unfit))?;
            Task::Sign { statements: vec![statement], together: false, want }
        }
        Request::SignBatch { statements, want } => {
            if statements.is_empty() || statements.len() > MAX_TOGETHER {
                return Err(deny("refused-too-many", Code::NotUnderstood));
            }
            let together = |text: &String| {
                let statement = read(agent, site, text)?;
                statement.among_others()?;
                Ok(statement)
            };
            // One that cannot be shown, and none is signed.
            let read: Result<Vec<Statement>, Unfit> = statements.iter().map(together).collect();
            let statements = read.map_err(|unfit| unfit_for(&deny, unfit))?;
            let mut seen = BTreeSet::new();
            if !statements.iter().all(|statement| seen.insert(statement.bytes())) {
                return Err(deny("refused-twice", Code::NotUnderstood));
            }
            drop(seen);
            Task::Sign { statements, together: true, want }
        }
        Request::Provision { ticket } => {
            if !site.may(Permission::Provision) && !site.may(Permission::Renew) {
                return Err(deny("refused-not-for-this-site", Code::RefusedOrigin));
            }
            let ra = client()?;
            let provisioning =
                Provisioning { drivers: agent.drivers.clone(), clock: Arc::clone(&agent.clock), ra, ticket: ticket.0 };
            Task::Provision { provisioning: Box::new(provisioning), offer: None }
        }
        Request::Unlock { grant } => {
            if !site.may(Permission::Unlock) {
                return Err(deny("refused-not-for-this-site", Code::RefusedOrigin));
            }
            let ra = client()?;
            let unblocking =
                Unblocking { drivers: agent.drivers.clone(), clock: Arc::clone(&agent.clock), ra, grant: grant.0 };
            Task::Unlock { unblocking: Box::new(unblocking), offer: None }
        }
    };
    Ok(Session { site: site.clone(), t, task, must_go: None })
}

/// Reads a statement as sites send it.
fn read(agent: &Agent, site: &Site, text: &str) -> Result<Statement, Unfit> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unfit::NotUnderstood)?;
    Statement::read(bytes, site, agent.clock.now())
}

/// What is said of a statement that is not put before the person.
fn unfit_for(deny: &dyn Fn(&'static str, Code) -> Box<Shown>, unfit: Unfit) -> Box<Shown> {
    match unfit {
        Unfit::NotUnderstood => deny("refused-not-understood", Code::NotUnderstood),
        Unfit::NotForThisSite => deny("refused-not-for-this-site", Code::RefusedOrigin),
        Unfit::AnotherSite => deny("refused-another-site", Code::RefusedOrigin),
        Unfit::Expired => deny("refused-expired", Code::NotUnderstood),
        Unfit::Alone => deny("refused-alone", Code::NotUnderstood),
    }
}

pub(super) fn refused(t: Language, origin: &str, text: &str, code: Code) -> Shown {
    let page = NoticePage {
        t,
        heading: t.say("refused-heading"),
        text: t.say(text),
        detail: origin.chars().take(200).collect(),
        bad: true,
        again: None,
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    // Says no more than that there is an agent, which the window's "ready" has said before.
    shown.reply = Some(Reply::error(code, t.say(text)));
    shown
}

/// Looks at tokens (or asks the registration authority) and shows the form.
async fn look(agent: &Arc<Agent>, session: Session, fault: Option<Fault>) -> Shown {
    let (statements, want) = match &session.task {
        Task::Sign { statements, want, .. } => (statements.clone(), *want),
        Task::Provision { .. } => return provisioning::look(agent, session).await,
        Task::Unlock { .. } => return unlocking::look(agent, session).await,
    };
    let now = agent.clock.now();
    let found = agent.with_tokens(move |agent| offered(agent, &statements, want, now)).await;
    match found {
        Ok(found) if found.is_empty() => no_certificate(agent, session, fault),
        Ok(found) => sign_form(agent, session, &found, fault),
        Err(error) => {
            let fault = Fault::of(session.t, &error, String::new());
            no_certificate(agent, session, Some(fault))
        }
    }
}

/// The certificates that may sign all of these statements.
fn offered(agent: &Agent, statements: &[Statement], want: Option<Holder>, now: Timestamp) -> Vec<inspect::OnToken> {
    let may = |facts: &Facts| statements.iter().all(|statement| statement.may_be_signed_by(facts, now));
    inspect::signing(&agent.drivers, want, may)
}

/// Something to say above a form.
struct Fault {
    text: String,
    /// The certificate that was chosen.
    chosen: String,
    on_close: Reply,
}

impl Fault {
    fn of(t: Language, error: &TokenError, chosen: String) -> Self {
        Self { text: explain::token(t, error), chosen, on_close: token_failure(t, error) }
    }
}

/// What the caller gets if the person gives up after this error.
pub(super) fn token_failure(t: Language, error: &TokenError) -> Reply {
    let (code, tries_left) = match error {
        TokenError::WrongPin { tries } => (Code::WrongPin, tries.number()),
        TokenError::PinLocked => (Code::PinLocked, None),
        TokenError::Removed(_) => (Code::TokenRemoved, None),
        TokenError::NoKey(_) => (Code::NoCertificate, None),
        TokenError::PinRefused
        | TokenError::AdminPin
        | TokenError::AdminLocked
        | TokenError::NotReady(_)
        | TokenError::Full
        | TokenError::Kind(_)
        | TokenError::Broken(_) => (Code::Internal, None),
    };
    Reply::Error(Failure { code, message: explain::token(t, error), tries_left, ra_code: None, detail: None })
}

pub(super) fn cancelled(t: Language) -> Reply {
    Reply::error(Code::Cancelled, t.say("cancelled"))
}

fn no_certificate(agent: &Arc<Agent>, session: Session, fault: Option<Fault>) -> Shown {
    let t = session.t;
    let want = match &session.task {
        Task::Sign { want, .. } => *want,
        Task::Provision { .. } | Task::Unlock { .. } => None,
    };
    let text = t.say(match want {
        Some(Holder::Staff) => "no-certificate-staff",
        Some(Holder::Unit) => "no-certificate-unit",
        Some(Holder::Person) => "no-certificate-person",
        None => "no-certificate-any",
    });
    let on_close =
        fault.as_ref().map_or_else(|| Reply::error(Code::NoCertificate, text.clone()), |fault| fault.on_close.clone());
    let page = NoticePage {
        t,
        heading: t.say("no-certificate-heading"),
        text: fault.map_or(text, |fault| fault.text),
        detail: String::new(),
        bad: false,
        again: Some(agent.acts.put(agent.token(), session)),
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.on_close = Some(on_close);
    shown
}

fn sign_form(agent: &Arc<Agent>, session: Session, found: &[inspect::OnToken], fault: Option<Fault>) -> Shown {
    let t = session.t;
    let Task::Sign { statements, together, .. } = &session.task else { return internal(t) };
    let chosen = fault.as_ref().map(|fault| fault.chosen.clone()).unwrap_or_default();
    let mut orders: Vec<_> = statements.iter().map(|statement| statement.words(t)).collect();
    let (site, origin) = (session.site.name(t).to_owned(), session.site.origin.to_string());
    let choices = choices(t, found, &chosen, agent.clock.now());
    let error = fault.as_ref().map(|fault| fault.text.clone());
    let mut shown = if *together {
        let heading = t.with("sign-batch", "n", orders.len());
        let act_token = agent.acts.put(agent.token(), session);
        let page = SignBatchPage { t, site, origin, heading, orders, choices, error, act_token };
        pages::shown(t, page.heading.clone(), &page)
    } else {
        let Some(words) = orders.pop() else { return internal(t) };
        let act_token = agent.acts.put(agent.token(), session);
        let page = SignPage { t, site, origin, words, choices, error, act_token };
        pages::shown(t, page.words.heading.clone(), &page)
    };
    shown.on_close = Some(fault.map_or_else(|| cancelled(t), |fault| fault.on_close));
    shown
}

/// Certificates to choose from. The chosen one is marked, or the only one; among several the person must choose,
/// for a PIN typed for the wrong token costs it a try.
pub(super) fn choices(t: Language, found: &[inspect::OnToken], chosen: &str, now: Timestamp) -> Vec<Choice> {
    let choice = |on: &inspect::OnToken| Choice {
        value: on.facts.sha256.to_string(),
        name: on.facts.name.clone(),
        about: valid_until(t, &on.facts, now),
        token: format!("{} {}", on.token.label, on.token.serial),
        checked: on.facts.sha256.to_string() == chosen || found.len() == 1,
    };
    found.iter().map(choice).collect()
}

fn valid_until(t: Language, facts: &Facts, now: Timestamp) -> String {
    let mut args = FluentArgs::new();
    args.set("until", facts.validity.not_after.beijing_day().to_string());
    args.set("n", facts.days_left(now));
    t.fill("valid-until", &args)
}

/// What came of an attempt to sign.
enum Attempt {
    Signed {
        /// One message for each statement, in their order.
        cms: Vec<Vec<u8>>,
        certificate: Vec<u8>,
        watch: Option<Watch>,
    },
    /// The right PIN, and still the initial or a temporary one.
    MustChange,
    /// The certificate that was chosen is no longer there.
    Gone,
    Failed(ProvisionError),
}

async fn sign(agent: &Arc<Agent>, mut session: Session, certificate: String, pin: Pin) -> Shown {
    let t = session.t;
    if pin.is_empty() {
        let fault = Fault { text: t.say("pin-empty"), chosen: certificate, on_close: cancelled(t) };
        return look(agent, session, Some(fault)).await;
    }
    let Task::Sign { statements, together, want } = session.task.clone() else { return internal(t) };
    let now = agent.clock.now();
    if statements.iter().any(|statement| statement.still_good(&session.site, now).is_err()) {
        return refused(t, &session.site.origin.to_string(), "refused-expired", Code::NotUnderstood);
    }
    let (chosen, typed) = (certificate.clone(), pin.clone());
    let attempt = agent
        .with_tokens(move |agent| {
            let found = offered(agent, &statements, want, now);
            let Some(on) = found.into_iter().find(|on| on.facts.sha256.to_string() == chosen) else {
                return Attempt::Gone;
            };
            attempt(agent, &statements, &on, &pin).unwrap_or_else(Attempt::Failed)
        })
        .await
        .unwrap_or_else(|error| Attempt::Failed(ProvisionError::Token(error)));
    match attempt {
        Attempt::Signed { cms, certificate, watch } => {
            if let Some(watch) = watch {
                watch.begin(agent, &session.site.origin);
            }
            tracing::info!(origin = %session.site.origin, statements = cms.len(), "Signed");
            let mut messages: Vec<String> = cms.iter().map(|message| STANDARD.encode(message)).collect();
            let certificate = STANDARD.encode(certificate);
            let result = if together {
                serde_json::json!({ "cms": messages, "certificate": certificate })
            } else {
                serde_json::json!({ "cms": messages.pop(), "certificate": certificate })
            };
            let page = DonePage { t, heading: t.say("signed-heading"), text: t.say("signed-text"), rows: Vec::new() };
            let mut shown = pages::shown(t, page.heading.clone(), &page);
            shown.reply = Some(Reply::Result(result));
            shown.close_after_ms = Some(CLOSE_AFTER_MS);
            shown
        }
        Attempt::MustChange => {
            session.must_go = Some(typed);
            new_pin_form(agent, session, certificate, None)
        }
        Attempt::Gone => {
            let error = TokenError::Removed(t.say("chosen-token"));
            look(agent, session, Some(Fault::of(t, &error, certificate))).await
        }
        Attempt::Failed(ProvisionError::Token(TokenError::PinLocked)) => locked(t),
        Attempt::Failed(ProvisionError::Token(error)) => {
            tracing::info!(%error, "Not signed");
            look(agent, session, Some(Fault::of(t, &error, certificate))).await
        }
        Attempt::Failed(error) => {
            tracing::error!(%error, "Not signed");
            internal(t)
        }
    }
}

/// Signs all of them or none: a token that is pulled out in between leaves nothing behind.
fn attempt(
    agent: &Agent,
    statements: &[Statement],
    on: &inspect::OnToken,
    pin: &Pin,
) -> Result<Attempt, ProvisionError> {
    let mut session = agent.drivers.open(&on.token.serial, pin).map_err(ProvisionError::Token)?;
    if pin.must_change() {
        return Ok(Attempt::MustChange);
    }
    let sign = |statement: &Statement| {
        signed_message(&mut *session, &on.key, &on.facts.der, statement.bytes(), agent.clock.now())
    };
    let cms = statements.iter().map(sign).collect::<Result<_, _>>()?;
    // Only one that stands alone is a login.
    let watch = match statements {
        [one] => match one.login() {
            Some(login) => Some(Watch::sign(agent, &mut *session, &on.key, &on.facts.der, &on.token.serial, login)?),
            None => None,
        },
        _ => None,
    };
    Ok(Attempt::Signed { cms, certificate: on.facts.der.clone(), watch })
}

fn new_pin_form(agent: &Arc<Agent>, session: Session, certificate: String, error: Option<String>) -> Shown {
    let t = session.t;
    let temporary = session.must_go.as_ref().is_some_and(Pin::is_temporary);
    let page = NewPinPage { t, certificate, temporary, error, act_token: agent.acts.put(agent.token(), session) };
    let mut shown = pages::shown(t, t.say("must-change-heading"), &page);
    shown.on_close = Some(Reply::error(Code::PinMustChange, t.say("must-change-text")));
    shown
}

async fn change_and_sign(agent: &Arc<Agent>, session: Session, certificate: String, new: Pin, again: Pin) -> Shown {
    let t = session.t;
    let Some(old) = session.must_go.clone() else { return internal(t) };
    let new = match Pin::chosen(new, &again, &old) {
        Ok(new) => new,
        Err(rule) => return new_pin_form(agent, session, certificate, Some(explain::rule(t, rule))),
    };
    let (chosen, changed) = (certificate.clone(), new.clone());
    let outcome = agent
        .with_tokens(move |agent| {
            let token = token_of(agent, &chosen)?;
            agent.drivers.change_pin(&token, &old, &changed)?;
            Ok(token)
        })
        .await;
    match outcome.and_then(|outcome| outcome) {
        Ok(token) => {
            pin_report::changed(agent, token, new.clone());
            sign(agent, session, certificate, new).await
        }
        Err(TokenError::PinLocked) => locked(t),
        Err(error @ TokenError::PinRefused) => {
            new_pin_form(agent, session, certificate, Some(explain::token(t, &error)))
        }
        Err(error) => look(agent, session, Some(Fault::of(t, &error, certificate))).await,
    }
}

/// The token that holds the certificate with this SHA-256.
fn token_of(agent: &Agent, certificate: &str) -> Result<TokenSerial, TokenError> {
    inspect::tokens(&agent.drivers)
        .into_iter()
        .flat_map(|view| view.certificates)
        .find(|on| on.facts.sha256.to_string() == certificate)
        .map(|on| on.token.serial)
        .ok_or_else(|| TokenError::Removed(String::new()))
}

pub(super) fn locked(t: Language) -> Shown {
    let page = NoticePage {
        t,
        heading: t.say("locked-heading"),
        text: t.say("pin-locked"),
        detail: String::new(),
        bad: true,
        again: None,
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.reply = Some(Reply::error(Code::PinLocked, t.say("pin-locked")));
    shown
}

pub(super) fn internal(t: Language) -> Shown {
    let page = NoticePage {
        t,
        heading: t.say("internal-heading"),
        text: t.say("internal-text"),
        detail: String::new(),
        bad: true,
        again: None,
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.reply = Some(Reply::error(Code::Internal, t.say("internal-text")));
    shown
}
