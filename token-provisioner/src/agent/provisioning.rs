//! The provisioning window: which tokens, both PINs, the steps as they pass, and the way on after a failure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ca_core::domain::{Act, Sha256};

use super::pages::{self, Choice, DonePage, NoticePage, ProgressPage, ProvisionPage, RenewPage, StepLine};
use super::protocol::{Code, Failure, Reply, Shown};
use super::server::Shared;
use super::window::{Session, Task, cancelled, choices, internal, refused, token_failure};
use super::{Agent, FORM_LIFE, statement};
use crate::certificate::Holder;
use crate::config::Permission;
use crate::driver::Pin;
use crate::explain;
use crate::provision::online::{Delivered, Offer, Operator, Progress, Step, Target};
use crate::provision::{ProvisionError, inspect};
use crate::ra_client::RaError;
use crate::text::Language;

/// The most provisionings that run or wait to be looked at.
const MAX_JOBS: usize = 16;

/// What the operator typed and chose.
pub(super) struct Entered {
    pub(super) token: String,
    pub(super) pin: Pin,
    pub(super) operator: String,
    pub(super) operator_pin: Pin,
}

/// Provisionings at work, by an unguessable name.
#[derive(Default)]
pub(super) struct Jobs(Mutex<HashMap<String, Arc<Job>>>);

struct Job {
    began: Instant,
    session: Session,
    offer: Box<Offer>,
    /// What was chosen, to be marked again after a failure. No PINs.
    chosen: (String, String),
    state: Mutex<JobState>,
}

struct JobState {
    step: Step,
    outcome: Option<Result<Delivered, ProvisionError>>,
}

impl Job {
    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    fn map(&self) -> MutexGuard<'_, HashMap<String, Arc<Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a job, unless too many are there.
    fn put(&self, name: &str, job: Arc<Job>) -> bool {
        let mut jobs = self.map();
        jobs.retain(|_, job| job.began.elapsed() < FORM_LIFE);
        let room = jobs.len() < MAX_JOBS;
        if room {
            jobs.insert(name.to_owned(), job);
        }
        room
    }
}

/// Something to say above the form.
struct Fault {
    text: String,
    on_close: Reply,
    failed: Option<Step>,
    chosen: (String, String),
}

/// Asks the registration authority for the order, if that was not done, and shows the form.
pub(super) async fn look(agent: &Arc<Agent>, mut session: Session) -> Shown {
    let t = session.t;
    let Task::Provision { provisioning, offer } = &mut session.task else { return internal(t) };
    if offer.is_none() {
        match provisioning.open().await {
            Ok(opened) => *offer = Some(Box::new(opened)),
            Err(error) => return not_opened(agent, session, &error),
        }
    }
    let Task::Provision { offer: Some(offer), .. } = &session.task else { return internal(t) };
    // The units' own site renews, the office's console makes: neither does the other's work.
    let needed = if offer.holder.is_some() { Permission::Renew } else { Permission::Provision };
    if !session.site.may(needed) {
        let origin = session.site.origin.to_string();
        return refused(t, &origin, "refused-not-for-this-site", Code::RefusedOrigin);
    }
    form(agent, session, None).await
}

fn not_opened(agent: &Arc<Agent>, session: Session, error: &ProvisionError) -> Shown {
    let t = session.t;
    tracing::warn!(%error, origin = %session.site.origin, "The provisioning cannot be opened");
    let again = matches!(error, ProvisionError::Ra(RaError::Unreachable(_)));
    let page = NoticePage {
        t,
        heading: t.say("provision-not-opened"),
        text: explain::provision(t, error),
        detail: session.site.origin.to_string(),
        bad: !again,
        again: again.then(|| agent.acts.put(agent.token(), session)),
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.on_close = Some(failure(t, error));
    shown
}

async fn form(agent: &Arc<Agent>, session: Session, fault: Option<Fault>) -> Shown {
    let t = session.t;
    let Task::Provision { offer: Some(offer), .. } = &session.task else { return internal(t) };
    if let Some(holder) = offer.holder {
        return renewal_form(agent, session, holder, fault).await;
    }
    let for_staff = matches!(&offer.order.act, Act::Issue { officer: Some(_), .. });
    let now = agent.clock.now();
    let looked = agent
        .with_tokens(move |agent| {
            (inspect::tokens(&agent.drivers), inspect::fitting(&agent.drivers, Some(Holder::Staff), now))
        })
        .await;
    let Ok((tokens, operators)) = looked else { return internal(t) };
    let chosen = fault.as_ref().map(|fault| fault.chosen.clone()).unwrap_or_default();
    // A unit's certificate does not belong on a token that an officer works with.
    let targets: Vec<_> = tokens
        .into_iter()
        .filter(|view| for_staff || !view.certificates.iter().any(|on| on.facts.holder() == Holder::Staff))
        .collect();
    let target_choices = targets.iter().map(|view| Choice {
        value: view.token.serial.to_string(),
        name: if view.token.label.is_empty() { view.token.model.clone() } else { view.token.label.clone() },
        about: match view.certificates.len() {
            0 => t.say("token-empty"),
            n => t.with("token-holds", "n", n),
        },
        token: view.token.serial.to_string(),
        checked: view.token.serial.as_str() == chosen.0 || targets.len() == 1,
    });
    let mut words = statement::order_words(t, &offer.order, String::new());
    words.heading = t.say("provision-heading");
    words.meaning = t.say("provision-meaning");
    let page = ProvisionPage {
        t,
        site: session.site.name(t).to_owned(),
        origin: session.site.origin.to_string(),
        words,
        tokens: target_choices.collect(),
        operators: choices(t, &operators, &chosen.1, now),
        error: fault.as_ref().map(|fault| fault.text.clone()),
        steps: fault.as_ref().and_then(|fault| fault.failed).map(|step| lines(t, step, "failed")).unwrap_or_default(),
        act_token: agent.acts.put(agent.token(), session.clone()),
    };
    let mut shown = pages::shown(t, t.say("provision-heading"), &page);
    shown.on_close = Some(fault.map_or_else(|| cancelled(t), |fault| fault.on_close));
    shown
}

/// The form of a unit's own renewal: the token that has the old certificate, and its PIN.
async fn renewal_form(agent: &Arc<Agent>, session: Session, holder: Sha256, fault: Option<Fault>) -> Shown {
    let t = session.t;
    let Task::Provision { offer: Some(offer), .. } = &session.task else { return internal(t) };
    let now = agent.clock.now();
    let found = agent.with_tokens(move |agent| with_certificate(agent, holder)).await;
    let Ok(found) = found else { return internal(t) };
    let mut words = statement::order_words(t, &offer.order, String::new());
    words.heading = t.say("renew-heading");
    words.meaning = t.say("renew-meaning");
    let page = RenewPage {
        t,
        site: session.site.name(t).to_owned(),
        origin: session.site.origin.to_string(),
        words,
        token: choices(t, found.as_slice(), "", now).pop(),
        error: fault.as_ref().map(|fault| fault.text.clone()),
        steps: fault.as_ref().and_then(|fault| fault.failed).map(|step| lines(t, step, "failed")).unwrap_or_default(),
        act_token: agent.acts.put(agent.token(), session.clone()),
    };
    let mut shown = pages::shown(t, t.say("renew-heading"), &page);
    shown.on_close = Some(fault.map_or_else(|| cancelled(t), |fault| fault.on_close));
    shown
}

/// The certificate with this SHA-256, on its token.
fn with_certificate(agent: &Agent, holder: Sha256) -> Option<inspect::OnToken> {
    inspect::signing(&agent.drivers, Some(Holder::Unit), |facts| facts.sha256 == holder).pop()
}

/// Renews on the token of the certificate that is renewed.
pub(super) async fn renew(agent: &Arc<Agent>, session: Session, pin: Pin) -> Shown {
    let t = session.t;
    let Task::Provision { offer: Some(offer), .. } = &session.task else { return internal(t) };
    let Some(holder) = offer.holder else { return internal(t) };
    let found = agent.with_tokens(move |agent| with_certificate(agent, holder)).await;
    let chosen = match found {
        _ if pin.is_empty() => Err("pin-empty"),
        _ if pin.must_change() => Err("renew-pin-initial"),
        Ok(Some(on)) => Ok(on),
        Ok(None) | Err(_) => Err("renew-missing"),
    };
    match chosen {
        Ok(on) => {
            let target = Target { token: on.token.serial.clone(), pin: pin.clone() };
            let operator = Operator { token: on.token.serial, key: on.key, certificate: on.facts.der, pin };
            start(agent, session, target, operator, (String::new(), String::new()))
        }
        Err(id) => {
            let chosen = (String::new(), String::new());
            let fault = Fault { text: t.say(id), on_close: cancelled(t), failed: None, chosen };
            form(agent, session, Some(fault)).await
        }
    }
}

/// Starts the work with the tokens that were chosen.
pub(super) async fn begin(agent: &Arc<Agent>, session: Session, entered: Entered) -> Shown {
    let t = session.t;
    let chosen = (entered.token.clone(), entered.operator.clone());
    let Task::Provision { offer: Some(offer), .. } = &session.task else { return internal(t) };
    if offer.holder.is_some() {
        return internal(t);
    }
    match chosen_tokens(agent, entered).await {
        Ok((target, operator)) => start(agent, session, target, operator, chosen),
        Err(id) => {
            let fault = Fault { text: t.say(id), on_close: cancelled(t), failed: None, chosen };
            form(agent, session, Some(fault)).await
        }
    }
}

/// Starts the work and shows its progress.
fn start(agent: &Arc<Agent>, session: Session, target: Target, operator: Operator, chosen: (String, String)) -> Shown {
    let t = session.t;
    let Task::Provision { provisioning, offer: Some(offer) } = session.task.clone() else { return internal(t) };
    let name = agent.token();
    let job = Arc::new(Job {
        began: Instant::now(),
        session,
        offer: offer.clone(),
        chosen,
        state: Mutex::new(JobState { step: Step::Open, outcome: None }),
    });
    if !agent.jobs.put(&name, Arc::clone(&job)) {
        return internal(t);
    }
    let shown = at_work(t, &job.offer, Step::Open, &name);
    tokio::spawn(async move {
        let seen = Arc::clone(&job);
        let progress: Progress = Arc::new(move |step| seen.state().step = step);
        let outcome = provisioning.run(&offer, &target, &operator, &progress).await;
        if let Err(error) = &outcome {
            tracing::warn!(order = %offer.order.id, step = job.state().step.word(), %error, "The provisioning stopped");
        }
        job.state().outcome = Some(outcome);
    });
    shown
}

/// The tokens and the certificate that were chosen, or what to say.
async fn chosen_tokens(agent: &Arc<Agent>, entered: Entered) -> Result<(Target, Operator), &'static str> {
    if entered.pin.is_empty() || entered.operator_pin.is_empty() {
        return Err("pins-empty");
    }
    if entered.operator_pin.must_change() {
        return Err("operator-pin-initial");
    }
    let token = entered.token.parse().map_err(|_| "choose-token")?;
    let now = agent.clock.now();
    let found = agent
        .with_tokens(move |agent| inspect::fitting(&agent.drivers, Some(Holder::Staff), now))
        .await
        .unwrap_or_default();
    let theirs =
        found.into_iter().find(|on| on.facts.sha256.to_string() == entered.operator).ok_or("choose-operator")?;
    if theirs.token.serial == token {
        return Err("choose-two-tokens");
    }
    let operator = Operator {
        token: theirs.token.serial,
        key: theirs.key,
        certificate: theirs.facts.der,
        pin: entered.operator_pin,
    };
    Ok((Target { token, pin: entered.pin }, operator))
}

/// How far a provisioning has come; the window asks until it has ended.
pub(super) async fn progress(State(agent): Shared, Path(name): Path<String>) -> Response {
    let job = agent.jobs.map().get(&name).cloned();
    let Some(job) = job else { return StatusCode::NOT_FOUND.into_response() };
    let t = job.session.t;
    enum Seen {
        AtWork(Step),
        Done(Delivered),
        Stopped(Fault),
    }
    let seen = {
        let state = job.state();
        match &state.outcome {
            None => Seen::AtWork(state.step),
            Some(Ok(delivered)) => Seen::Done(delivered.clone()),
            Some(Err(error)) => Seen::Stopped(Fault {
                text: explain::provision(t, error),
                on_close: failure(t, error),
                failed: Some(state.step),
                chosen: job.chosen.clone(),
            }),
        }
    };
    let shown = match seen {
        Seen::AtWork(step) => at_work(t, &job.offer, step, &name),
        Seen::Done(delivered) => done(t, &job.offer, &delivered),
        Seen::Stopped(fault) => form(&agent, job.session.clone(), Some(fault)).await,
    };
    Json(shown).into_response()
}

fn at_work(t: Language, offer: &Offer, step: Step, job: &str) -> Shown {
    let page = ProgressPage { t, unit: offer.unit_name.clone(), steps: lines(t, step, "now") };
    let mut shown = pages::shown(t, t.say("provision-heading"), &page);
    shown.poll = Some(format!("/window/progress/{job}"));
    // The work goes on in the agent; the site can only learn that nobody watches.
    shown.on_close = Some(cancelled(t));
    shown
}

fn done(t: Language, offer: &Offer, delivered: &Delivered) -> Shown {
    let page = DonePage {
        t,
        heading: t.say("provisioned-heading"),
        text: t.say("provisioned-text"),
        rows: vec![
            (t.say("row-holder"), offer.unit_name.clone()),
            (t.say("row-serial"), delivered.serial.to_string()),
            (t.say("row-issuer"), delivered.issuer.to_string()),
        ],
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.reply =
        Some(Reply::Result(serde_json::json!({ "issuer": delivered.issuer, "serial": delivered.serial.to_string() })));
    shown
}

/// Gives the provisioning up: the authority revokes what it may have issued.
pub(super) async fn give_up(session: &Session) -> Shown {
    let t = session.t;
    let Task::Provision { provisioning, .. } = &session.task else { return internal(t) };
    let (heading, text, bad) =
        match provisioning.ra.give_up(&provisioning.ticket, "given up by the token operator").await {
            Ok(()) => (t.say("given-up-heading"), t.say("given-up-text"), false),
            Err(error) => (t.say("not-given-up-heading"), explain::provision(t, &error.into()), true),
        };
    let page = NoticePage { t, heading, text, detail: String::new(), bad, again: None };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.reply = Some(cancelled(t));
    shown
}

/// All steps: those before `step` are done, `step` is in this state, the others are to come.
fn lines(t: Language, step: Step, state: &'static str) -> Vec<StepLine> {
    let line = |each: Step| {
        let state = match each.cmp(&step) {
            std::cmp::Ordering::Less => "done",
            std::cmp::Ordering::Equal => state,
            std::cmp::Ordering::Greater => "todo",
        };
        let word = match state {
            "done" => t.say("step-done"),
            "now" => t.say("step-now"),
            "failed" => t.say("step-failed"),
            _ => t.say("step-todo"),
        };
        StepLine { state, word, text: t.say(&format!("step-{}", each.word())) }
    };
    Step::ALL.into_iter().map(line).collect()
}

/// What the caller gets if the person gives up after this error.
pub(super) fn failure(t: Language, error: &ProvisionError) -> Reply {
    let message = explain::provision(t, error);
    match error {
        ProvisionError::Token(error) | ProvisionError::Operator(error) => token_failure(t, error),
        ProvisionError::Ra(RaError::Unreachable(_)) => Reply::error(Code::RaUnreachable, message),
        ProvisionError::Ra(RaError::Refused { code, detail }) => Reply::Error(Failure {
            code: Code::RaRefused,
            message,
            tries_left: None,
            ra_code: Some(code.clone()),
            detail: Some(detail.clone()),
        }),
        _ => Reply::error(Code::Internal, message),
    }
}
