//! The assistant's own pages: my certificates, change PIN, environment check. They work without a script.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use ca_core::domain::Timestamp;
use serde::Deserialize;

use super::pages::{
    CheckLine, CheckPage, Choice, HomePage, Jump, MessagePage, Mine, MyToken, Navigation, PinPage, Shell,
};
use super::pin_report;
use super::server::{Shared, html};
use super::statement;
use super::window::preferred;
use crate::driver::{Pin, PinRule, TokenError, Tries};
use crate::environment::{self, Finding, RENEWAL_DAYS, Verdict};
use crate::explain;
use crate::provision::inspect::{self, OnToken, TokenView};
use crate::text::Language;

/// `?lang=en`; without it the browser's language.
#[derive(Deserialize)]
pub(super) struct Chosen {
    lang: Option<String>,
}

impl Chosen {
    fn language(&self, headers: &HeaderMap) -> Language {
        self.lang.as_deref().and_then(Language::from_tag).unwrap_or_else(|| preferred(headers))
    }
}

/// My certificates.
pub(super) async fn home(State(agent): Shared, Query(chosen): Query<Chosen>, headers: HeaderMap) -> Response {
    agent.look_again().await;
    let t = chosen.language(&headers);
    let now = agent.clock.now();
    let views = agent.with_tokens(|agent| inspect::tokens(&agent.drivers)).await.unwrap_or_default();
    let jumps = agent.sites.iter().map(|site| Jump { name: site.name(t).to_owned(), origin: site.origin.to_string() });
    let page = HomePage {
        t,
        nav: Navigation { here: "/" },
        tokens: views.iter().map(|view| my_token(t, view, now)).collect(),
        jumps: jumps.collect(),
    };
    html(Shell::page(t, t.say("nav-home"), &page))
}

fn my_token(t: Language, view: &TokenView, now: Timestamp) -> MyToken {
    MyToken {
        title: if view.token.label.is_empty() { view.token.serial.to_string() } else { view.token.label.clone() },
        model: format!("{} · {}", view.token.model, view.token.serial),
        tries: match view.token.tries {
            Tries::Unknown | Tries::Left(crate::driver::soft::TRIES) => String::new(),
            tries => t.with("pin-tries", "tries", explain::tries(t, tries)),
        },
        bad: view.token.tries == Tries::Locked,
        certificates: view.certificates.iter().map(|on| mine(t, on, now)).collect(),
    }
}

fn mine(t: Language, on: &OnToken, now: Timestamp) -> Mine {
    let facts = &on.facts;
    let days = facts.days_left(now);
    let mut rows = Vec::new();
    if let Some(uscc) = &facts.uscc {
        rows.push((t.say("row-uscc"), uscc.clone()));
    }
    rows.push((t.say("row-use"), t.say(facts.use_word())));
    rows.push((t.say("row-key"), statement::key_text(facts.public.algorithm()).to_owned()));
    rows.push((
        t.say("row-validity"),
        format!("{} – {}", facts.validity.not_before.beijing_day(), facts.validity.not_after.beijing_day()),
    ));
    rows.push((t.say("row-serial"), facts.serial.to_string()));
    rows.push((t.say("row-issuer"), facts.issuer.clone()));
    let (tag, text, advice) = if days < 0 {
        ("bad", t.say("certificate-expired"), t.say("advice-expired"))
    } else if facts.validity.not_before > now {
        ("bad", t.say("not-yet-valid"), t.say("check-clock"))
    } else if days < RENEWAL_DAYS {
        ("wait", t.with("days-left", "n", days), t.say("advice-renew"))
    } else {
        ("ok", t.with("days-left", "n", days), String::new())
    };
    Mine { name: facts.name.clone(), rows, tag, days: text, advice }
}

/// The form for a new PIN.
pub(super) async fn pin_form(State(agent): Shared, Query(chosen): Query<Chosen>, headers: HeaderMap) -> Response {
    agent.look_again().await;
    let t = chosen.language(&headers);
    let views = agent.with_tokens(|agent| inspect::tokens(&agent.drivers)).await.unwrap_or_default();
    let form_token = agent.pin_forms.put(agent.token(), ());
    html(pin_page(t, &views, "", None, "old", form_token))
}

fn pin_page(
    t: Language,
    views: &[TokenView],
    chosen: &str,
    error: Option<String>,
    field: &'static str,
    form_token: String,
) -> Result<String, askama::Error> {
    let tokens = views.iter().map(|view| Choice {
        value: view.token.serial.to_string(),
        name: view.certificates.first().map_or_else(|| view.token.label.clone(), |on| on.facts.name.clone()),
        about: t.with("pin-tries", "tries", explain::tries(t, view.token.tries)),
        token: format!("{} {}", view.token.label, view.token.serial),
        checked: view.token.serial.as_str() == chosen || views.len() == 1,
    });
    let page = PinPage { t, nav: Navigation { here: "/pin" }, tokens: tokens.collect(), error, field, form_token };
    Shell::page(t, t.say("nav-pin"), &page)
}

/// What was typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPin {
    form_token: String,
    token: String,
    old: Pin,
    new: Pin,
    again: Pin,
}

/// Changes a PIN.
pub(super) async fn change_pin(
    State(agent): Shared,
    Query(chosen): Query<Chosen>,
    headers: HeaderMap,
    Form(typed): Form<NewPin>,
) -> Response {
    let t = chosen.language(&headers);
    let nav = Navigation { here: "/pin" };
    if agent.pin_forms.take(&typed.form_token).is_none() {
        let page = MessagePage { t, nav, heading: t.say("stale-heading"), text: t.say("stale-text"), tone: "bad" };
        return (StatusCode::FORBIDDEN, html(Shell::page(t, t.say("nav-pin"), &page))).into_response();
    }
    let serial = typed.token.clone();
    let shared = Arc::clone(&agent);
    let outcome = match Pin::chosen(typed.new, &typed.again, &typed.old) {
        Err(rule) => Err((explain::rule(t, rule), if rule == PinRule::Mismatch { "again" } else { "new" })),
        Ok(new) => agent
            .with_tokens(move |agent| {
                let token = typed.token.parse().map_err(TokenError::Removed)?;
                agent.drivers.change_pin(&token, &typed.old, &new)?;
                pin_report::changed(&shared, token, new);
                Ok(())
            })
            .await
            .and_then(|outcome| outcome)
            .map_err(|error| {
                (explain::token(t, &error), if matches!(error, TokenError::PinRefused) { "new" } else { "old" })
            }),
    };
    match outcome {
        Ok(()) => {
            tracing::info!(token = serial, "PIN changed");
            let page =
                MessagePage { t, nav, heading: t.say("pin-changed-heading"), text: t.say("pin-changed"), tone: "ok" };
            html(Shell::page(t, t.say("pin-changed-heading"), &page))
        }
        Err((error, field)) => {
            let views = agent.with_tokens(|agent| inspect::tokens(&agent.drivers)).await.unwrap_or_default();
            let form_token = agent.pin_forms.put(agent.token(), ());
            let page = html(pin_page(t, &views, &serial, Some(error), field, form_token));
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

/// Environment check.
pub(super) async fn check(State(agent): Shared, Query(chosen): Query<Chosen>, headers: HeaderMap) -> Response {
    agent.look_again().await;
    let t = chosen.language(&headers);
    let now = agent.clock.now();
    let findings = agent
        .with_tokens(move |agent| {
            let failed = agent.failed.iter().map(|error| Finding::module_fails(t, error));
            failed.chain(environment::check(t, &agent.drivers, &agent.sites, now)).collect::<Vec<_>>()
        })
        .await
        .unwrap_or_default();
    let lines = findings.into_iter().map(|finding| {
        let (tag, verdict) = match finding.verdict {
            Verdict::Good => ("ok", t.say("doctor-good")),
            Verdict::Attention => ("wait", t.say("doctor-attention")),
            Verdict::Bad => ("bad", t.say("doctor-bad")),
        };
        CheckLine { what: finding.what, tag, verdict, text: finding.text }
    });
    let page = CheckPage { t, nav: Navigation { here: "/check" }, lines: lines.collect() };
    html(Shell::page(t, t.say("nav-check"), &page))
}

/// No such page.
pub(super) async fn not_found(Query(chosen): Query<Chosen>, headers: HeaderMap) -> Response {
    let t = chosen.language(&headers);
    let page = MessagePage {
        t,
        nav: Navigation { here: "" },
        heading: t.say("not-found-heading"),
        text: t.say("not-found-text"),
        tone: "bad",
    };
    (StatusCode::NOT_FOUND, html(Shell::page(t, t.say("not-found-heading"), &page))).into_response()
}
