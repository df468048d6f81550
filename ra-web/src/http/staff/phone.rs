//! The list of units to phone, and what came of each call.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{IssuerId, OfficeId, Serial};
use serde::Deserialize;

use super::Staff;
use super::parts::{Tag, may};
use super::reports::{file, offices};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::enrolment::form::day;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::reminders::phone::{Line, MOST};
use crate::reminders::{Outcome, Quiet};
use crate::reports::sheet::{Cell, Sheet};

/// A line as the page shows it.
struct Row {
    /// For the ids of its fields.
    n: usize,
    action: String,
    href: String,
    unit_name: String,
    uscc: String,
    handler: String,
    mobile: String,
    until: String,
    days: i64,
    soon: bool,
    /// The case that makes a call needless.
    quiet: Option<Needless>,
    calls: Vec<String>,
    open: bool,
}

/// Why there is no call, and the case that says so.
struct Needless {
    tag: Tag,
    case: String,
}

#[derive(Template)]
#[template(path = "staff/phone.html")]
struct PhonePage {
    page: Page,
    offices: Vec<OfficeId>,
    office: String,
    rows: Vec<Row>,
    to_call: usize,
    more: bool,
    may_call: bool,
    outcomes: Vec<(&'static str, String)>,
    /// Why a note cannot be taken, and at which line.
    fault: Option<String>,
    fault_at: usize,
}

#[derive(Deserialize)]
pub(super) struct Of {
    #[serde(default)]
    office: String,
}

/// `GET /reminders/phone`.
pub(super) async fn get_phone(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(of): Query<Of>,
) -> Result<Response, Failure> {
    Ok(Shown(phone_page(&staff, &view, &signer, &of.office, None).await?).into_response())
}

/// `GET /reminders/phone/{form}`: the list as a file.
pub(super) async fn get_phone_file(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(form): Path<String>,
    Query(of): Query<Of>,
) -> Result<Response, Failure> {
    let (_, office) = chosen(&staff, &signer, &of.office).await?;
    let lines = staff.desk.phone_list(&office).await?;
    tracing::info!(officer = %signer.officer.id, %office, lines = lines.len(), "The list to phone was taken as a file");
    let headings = [
        ("col-unit", 34),
        ("col-uscc", 22),
        ("field-handler-name", 14),
        ("field-handler-mobile", 16),
        ("col-until", 14),
        ("phone-days", 10),
        ("phone-state", 26),
        ("phone-tried", 40),
        ("col-serial", 36),
    ];
    let text = |text: String| Cell::Text(text);
    let rows = lines.iter().map(|line| {
        let (handler, mobile) = line.ending.handler.clone().unwrap_or_default();
        let state = match &line.quiet {
            Some(Quiet::Replaced(case)) => format!("{} {case}", view.t("phone-replaced")),
            Some(Quiet::Renewing(case)) => format!("{} {case}", view.t("phone-renewing")),
            None if line.is_open() => view.t("phone-to-call"),
            None => view.t("phone-called"),
        };
        vec![
            text(line.ending.unit_name.clone()),
            text(line.ending.uscc.clone()),
            text(handler),
            text(mobile),
            text(line.ending.not_after.beijing_day().to_string()),
            Cell::Number(line.days),
            text(state),
            text(calls(&view, line).join("; ")),
            text(line.ending.name.serial.to_string()),
        ]
    });
    let sheet = Sheet {
        title: view.t("phone-title"),
        columns: headings.map(|(key, width)| (view.t(key), width)).into(),
        rows: rows.collect(),
    };
    file(&sheet, &form, &format!("phone-{office}-{}", staff.desk.clock.now().beijing_day()))
}

/// What a clerk noted.
#[derive(Deserialize)]
pub(super) struct Note {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    comes: String,
}

/// `POST /reminders/phone/{issuer}/{serial}`.
pub(super) async fn post_call(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path((issuer, serial)): Path<(String, String)>,
    UrlForm(note): UrlForm<Note>,
) -> Result<Response, Failure> {
    let issuer = IssuerId::new(&issuer).ok_or(Kind::NotFound)?;
    let serial: Serial = serial.parse().map_err(|_| Kind::NotFound)?;
    let today = staff.desk.clock.now().beijing_day();
    let comes = Some(note.comes.trim()).filter(|comes| !comes.is_empty());
    let faulty = match (Outcome::from_word(&note.outcome), comes.map(day)) {
        (None, _) => Some("phone-fault-outcome"),
        (Some(_), Some(None)) => Some("phone-fault-day"),
        (Some(_), Some(Some(comes))) if comes < today || comes > today.plus_days(366) => Some("phone-fault-day"),
        (Some(outcome), comes) => {
            let comes = comes.flatten().filter(|_| outcome == Outcome::WillCome).map(|day| day.to_string());
            staff.desk.note_call(&signer.officer, &issuer, &serial, outcome, comes).await?;
            return Ok(see("/reminders/phone?done=called"));
        }
    };
    let fault = faulty.map(|key| (format!("{issuer}/{serial}"), view.t(key)));
    Ok(Again(phone_page(&staff, &view, &signer, "", fault).await?).into_response())
}

/// The office of the list: the officer's own unless an auditor chose another.
async fn chosen(staff: &Staff, signer: &Signer, typed: &str) -> Result<(Vec<OfficeId>, OfficeId), Failure> {
    let (all, shown) = offices(staff, signer, typed).await?;
    let own = signer.officer.office.clone();
    let office = match shown.as_slice() {
        [one] => one.clone(),
        _ => own,
    };
    Ok((all, office))
}

async fn phone_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    typed: &str,
    fault: Option<(String, String)>,
) -> Result<PhonePage, Failure> {
    let (offices, office) = chosen(staff, signer, typed).await?;
    let lines = staff.desk.phone_list(&office).await?;
    let rows: Vec<Row> = lines.iter().enumerate().map(|(n, line)| row(view, n, line)).collect();
    let (name, fault) = fault.unzip();
    let fault_at = name.and_then(|name| rows.iter().position(|row| row.action.ends_with(&name))).unwrap_or(0);
    let page = staff.page(view, signer, view.t("phone-title"), "/reminders/phone").await?;
    let page = Page { wide: true, ..page };
    Ok(PhonePage {
        page: if fault.is_some() { super::parts::returning_to(page, "/reminders/phone".into()) } else { page },
        offices,
        may_call: may(signer, Right::Call) && office == signer.officer.office,
        office: office.to_string(),
        to_call: rows.iter().filter(|row| row.open).count(),
        more: i64::try_from(rows.len()).is_ok_and(|n| n == MOST),
        rows,
        outcomes: Outcome::ALL.map(|outcome| (outcome.word(), outcome_text(view, outcome))).into(),
        fault,
        fault_at,
    })
}

fn row(view: &View, n: usize, line: &Line) -> Row {
    let ending = &line.ending;
    let (handler, mobile) = ending.handler.clone().unwrap_or_default();
    let tag = |class, icon, key: &str| Tag { class, icon, text: view.t(key) };
    let quiet = line.quiet.as_ref().map(|quiet| match quiet {
        Quiet::Replaced(case) => Needless { tag: tag("ok", "circle-check", "phone-replaced"), case: case.to_string() },
        Quiet::Renewing(case) => Needless { tag: tag("info", "refresh-cw", "phone-renewing"), case: case.to_string() },
    });
    Row {
        n,
        action: format!("/reminders/phone/{}/{}", ending.name.issuer, ending.name.serial),
        href: format!("/certificates/{}/{}", ending.name.issuer, ending.name.serial),
        unit_name: ending.unit_name.clone(),
        uscc: ending.uscc.clone(),
        handler,
        mobile,
        until: ending.not_after.beijing_day().to_string(),
        days: line.days,
        soon: line.days <= 1,
        quiet,
        calls: calls(view, line),
        open: line.is_open(),
    }
}

fn outcome_text(view: &View, outcome: Outcome) -> String {
    view.t(&format!("call-{}", outcome.word().replace('_', "-")))
}

/// What was tried, a line each.
fn calls(view: &View, line: &Line) -> Vec<String> {
    let text = |call: &crate::reminders::Call| {
        let comes = call.comes.as_deref().map(|day| format!(" {day}")).unwrap_or_default();
        format!("{}{comes} · {} · {}", outcome_text(view, call.outcome), call.by.name, call.at.beijing_text())
    };
    line.calls.iter().map(text).collect()
}
