//! Jobs that were given up: what it was, why, and a button to try again.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::parts::may;
use crate::audit::Event;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::{Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::retry::settled;

/// So many at most; who sees to them sees the next.
const MOST: i64 = 100;

struct Row {
    kind: String,
    kind_text: String,
    about: String,
    failures: i64,
    fault: String,
    asked: String,
    given_up: String,
}

#[derive(Template)]
#[template(path = "staff/jobs.html")]
struct JobsPage {
    page: Page,
    rows: Vec<Row>,
    /// What comes round, and when next.
    rounds: Vec<(String, String)>,
    may_retry: bool,
}

/// `GET /jobs`.
pub(super) async fn get_jobs(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let mut tx = staff.desk.store.read().await?;
    let dead = tx.dead_jobs(MOST).await?;
    let rounds = tx.rounds().await?;
    drop(tx);
    let kind_text = |kind: &str| view.t(&format!("job-{kind}"));
    let rows = dead.into_iter().map(|job| Row {
        kind_text: kind_text(&job.kind),
        kind: job.kind,
        about: job.about,
        failures: job.failures,
        fault: job.fault,
        asked: job.created.beijing_text(),
        given_up: job.settled.beijing_text(),
    });
    let rows = rows.collect();
    let rounds = rounds.iter().map(|round| (kind_text(&round.kind), round.next.beijing_text())).collect();
    let page = staff.page(&view, &signer, view.t("staff-rail-jobs"), "/jobs").await?;
    let may_retry = may(&signer, Right::RetryJob);
    Ok(Shown(JobsPage { page: Page { wide: true, ..page }, rows, rounds, may_retry }))
}

struct MailRow {
    kind: &'static str,
    subject: String,
    unit: String,
    to: String,
    created: String,
    sent: Option<String>,
    refused: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/mails.html")]
struct MailsPage {
    page: Page,
    /// Whether a mail server is configured.
    on: bool,
    rows: Vec<MailRow>,
}

/// `GET /jobs/mails`: the last mails to units of the officer's office, with masked addresses.
pub(super) async fn get_mails(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let mails = staff.desk.store.read().await?.mails(&signer.officer.office, MOST).await?;
    let rows = mails.into_iter().map(|mail| MailRow {
        kind: mail.letter.word(),
        subject: mail.id.split_once('/').map(|(_, fact)| fact.to_owned()).unwrap_or_default(),
        to: mail.to.masked(),
        created: mail.created.beijing_text(),
        sent: mail.sent.map(ca_core::domain::Timestamp::beijing_text),
        refused: mail.refused,
        unit: mail.unit,
    });
    let rows = rows.collect();
    let page = staff.page(&view, &signer, view.t("mails-title"), "/jobs").await?;
    Ok(Shown(MailsPage { page: Page { wide: true, ..page }, on: staff.desk.mails, rows }))
}

/// Which job.
#[derive(Deserialize)]
pub(super) struct Which {
    kind: String,
    about: String,
}

/// `POST /jobs/retry`.
pub(super) async fn post_retry(
    State(staff): State<Staff>,
    signer: Signer,
    UrlForm(which): UrlForm<Which>,
) -> Result<Response, Failure> {
    let now = staff.desk.clock.now();
    let event = Event {
        at: now,
        actor: format!("officer:{}", signer.officer.id),
        kind: "job.retried",
        subject: format!("{}/{}", which.kind, which.about),
        details: BTreeMap::new(),
    };
    let revived = settled(async || {
        let mut tx = staff.desk.store.begin().await?;
        let revived = tx.revive_job(&which.kind, &which.about, now).await?;
        if revived {
            tx.audit(&event).await?;
            tx.commit().await?;
        }
        Ok(revived)
    });
    if revived.await? { Ok(see("/jobs?done=retried")) } else { Err(Kind::WrongState.into()) }
}
