//! The register of complaints and incidents.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::OfficeId;
use serde::Deserialize;

use super::Staff;
use super::parts::may;
use super::reports::offices;
use crate::audit::Event;
use crate::enrolment::case::Who;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::reports::day_of;
use crate::reports::register::{Entry, KINDS, MOST_CHARS, read};
use crate::retry::settled;

/// So many on a page.
const MOST: i64 = 200;

struct Row {
    n: i64,
    office: String,
    kind: String,
    day: String,
    what: String,
    done: Option<String>,
    by: String,
    may_settle: bool,
}

/// What was typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    kind: String,
    day: String,
    what: String,
    done: String,
}

#[derive(Template)]
#[template(path = "staff/register.html")]
struct RegisterPage {
    page: Page,
    rows: Vec<Row>,
    may_record: bool,
    several: bool,
    typed: Typed,
    kinds: [(&'static str, String); 2],
    faults: Vec<(&'static str, String)>,
    most: usize,
}

impl RegisterPage {
    fn error(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|(field, _)| *field == name).map(|(_, text)| text.as_str())
    }
}

#[derive(Deserialize)]
pub(super) struct Of {
    #[serde(default)]
    office: String,
}

/// `GET /register`.
pub(super) async fn get_register(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(of): Query<Of>,
) -> Result<Response, Failure> {
    Ok(Shown(register_page(&staff, &view, &signer, &of.office, Typed::default(), Vec::new()).await?).into_response())
}

/// `POST /register`.
pub(super) async fn post_register(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    UrlForm(typed): UrlForm<Typed>,
) -> Result<Response, Failure> {
    let now = staff.desk.clock.now();
    let parts = (typed.kind.as_str(), typed.day.as_str(), typed.what.as_str(), typed.done.as_str());
    match read(parts, &signer.officer.office, Who::from(&signer.officer), now) {
        Ok(entry) => {
            settled(async || {
                let mut tx = staff.desk.store.begin().await?;
                let n = tx.register(&entry).await?;
                tx.audit(&event(&signer, "register.entered", &signer.officer.office, n, now)).await?;
                tx.commit().await
            })
            .await?;
            Ok(see("/register?done=entered"))
        }
        Err(faults) => {
            let faults = faults.into_iter().map(|(field, key)| (field, view.t(key))).collect();
            Ok(Again(register_page(&staff, &view, &signer, "", typed, faults).await?).into_response())
        }
    }
}

/// What was done about an entry.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// `POST /register/{n}/done`.
pub(super) async fn post_done(
    State(staff): State<Staff>,
    signer: Signer,
    Path(n): Path<i64>,
    UrlForm(done): UrlForm<Done>,
) -> Result<Response, Failure> {
    let now = staff.desk.clock.now();
    let done = done.done.trim();
    if done.is_empty() || done.chars().count() > MOST_CHARS {
        return Err(Failure::with_detail(Kind::Malformed, "done"));
    }
    let office = &signer.officer.office;
    let settled = settled(async || {
        let mut tx = staff.desk.store.begin().await?;
        let written = tx.settle_entry(office, n, done).await?;
        if written {
            tx.audit(&event(&signer, "register.settled", office, n, now)).await?;
            tx.commit().await?;
        }
        Ok(written)
    });
    if settled.await? { Ok(see("/register?done=settled")) } else { Err(Kind::WrongState.into()) }
}

fn event(signer: &Signer, kind: &'static str, office: &OfficeId, n: i64, at: ca_core::domain::Timestamp) -> Event {
    let (actor, subject) = (format!("officer:{}", signer.officer.id), format!("{office}/{n}"));
    Event { at, actor, kind, subject, details: BTreeMap::new() }
}

async fn register_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    typed_office: &str,
    typed: Typed,
    faults: Vec<(&'static str, String)>,
) -> Result<RegisterPage, Failure> {
    let (_, shown) = offices(staff, signer, typed_office).await?;
    let tomorrow = staff.desk.clock.now().beijing_day().plus_days(1);
    let mut entries: Vec<Entry> = Vec::new();
    let mut tx = staff.desk.store.read().await?;
    for office in &shown {
        entries.extend(tx.entries_of(office, day_of(0), tomorrow, MOST).await?);
    }
    drop(tx);
    entries.sort_by_key(|one| std::cmp::Reverse((one.day, one.n)));
    entries.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let may_record = may(signer, Right::Record);
    let rows = entries.into_iter().map(|entry| Row {
        n: entry.n,
        kind: view.t(&format!("register-{}", entry.kind)),
        day: entry.day.to_string(),
        may_settle: may_record && entry.done.is_none() && entry.office == signer.officer.office,
        office: entry.office.to_string(),
        what: entry.what,
        done: entry.done,
        by: entry.by.name,
    });
    let rows = rows.collect();
    let page = staff.page(view, signer, view.t("register-title"), "/register").await?;
    let page = Page { wide: true, ..page };
    Ok(RegisterPage {
        page: if faults.is_empty() { page } else { super::parts::returning_to(page, "/register".into()) },
        rows,
        may_record,
        several: shown.len() > 1,
        typed,
        kinds: KINDS.map(|kind| (kind, view.t(&format!("register-{kind}")))),
        faults,
        most: MOST_CHARS,
    })
}
