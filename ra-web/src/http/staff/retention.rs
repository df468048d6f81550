//! What evidence may be deleted, and the two officers who do it.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::application::number_of;
use super::case::reason_fault;
use crate::enrolment::case::Forbidden;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::retention::{Kept, Retention};
use crate::http::answer::{Again, Shown, see};
use crate::http::error::Failure;
use crate::page::{Page, View};

/// A case of the list.
struct Row {
    href: String,
    number: String,
    unit_name: String,
    until: String,
    asked: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/retention_list.html")]
struct ListPage {
    page: Page,
    rows: Vec<Row>,
    years: u8,
    days: u16,
}

/// `GET /retention`: the cases of the office whose time is over.
pub(super) async fn get_list(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let all = staff.desk.deletable(&signer.officer.office).await?;
    let rows = all.iter().map(|one| Row {
        href: format!("/applications/{}/retention", one.case.number),
        number: one.case.number.to_string(),
        unit_name: one.case.form.unit_name.clone(),
        until: day(one.until),
        asked: one.deletion.as_ref().map(|deletion| deletion.asked.0.name.clone()),
    });
    let page = staff.page(&view, &signer, view.t("retention-title"), "/retention").await?;
    let terms = staff.desk.terms;
    Ok(Shown(ListPage { rows: rows.collect(), page, years: terms.years, days: terms.unissued_days }))
}

fn day(until: Result<ca_core::domain::Timestamp, Kept>) -> String {
    until.map(|until| until.beijing_day().to_string()).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "staff/retention.html")]
struct RetentionPage {
    page: Page,
    number: String,
    unit_name: String,
    /// Until when it is kept, as a sentence.
    standing: String,
    asked: Option<(String, String, String)>,
    done: Option<(String, String)>,
    may_ask: bool,
    may_confirm: bool,
    /// Why neither is offered, where there is something to say.
    why_not: Option<String>,
    fault: Option<String>,
    typed: String,
}

/// `GET /applications/{number}/retention`.
pub(super) async fn get_retention(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(page(&staff, &view, &signer, &number, None, String::new()).await?))
}

async fn page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &str,
    fault: Option<String>,
    typed: String,
) -> Result<RetentionPage, Failure> {
    let retention = staff.desk.retention(&signer.officer, &number_of(number)?).await?;
    let frame = staff.page(view, signer, view.t("retention-case-title"), "/retention").await?;
    let deletion = retention.deletion.as_ref();
    let asked = deletion.filter(|deletion| deletion.done.is_none());
    let done = deletion.and_then(|deletion| {
        let who = deletion.confirmed.as_ref().map(|who| who.name.clone()).unwrap_or_default();
        deletion.done.map(|at| (who, at.beijing_text()))
    });
    let (may_ask, may_confirm) = (retention.may_ask(&signer.officer), retention.may_confirm(&signer.officer));
    let why_not = match (&may_ask, &may_confirm, asked) {
        (_, Err(OfficeError::Forbidden(Forbidden::SameOfficer)), Some(_)) => Some(view.t("retention-why-same")),
        (Err(OfficeError::Forbidden(Forbidden::OtherDuty(_))), _, None) if done.is_none() && retention.expired => {
            Some(view.t("retention-why-supervisor"))
        }
        _ => None,
    };
    Ok(RetentionPage {
        page: super::parts::returning_to(frame, format!("/applications/{}/retention", retention.case.number)),
        number: retention.case.number.to_string(),
        unit_name: retention.case.form.unit_name.clone(),
        standing: standing(view, &retention),
        asked: asked
            .map(|deletion| (deletion.asked.0.name.clone(), deletion.asked.1.beijing_text(), deletion.reason.clone())),
        done,
        may_ask: may_ask.is_ok(),
        may_confirm: may_confirm.is_ok(),
        why_not,
        fault,
        typed,
    })
}

fn standing(view: &View, retention: &Retention) -> String {
    match retention.until {
        Err(_) => view.t("retention-open"),
        Ok(until) if retention.expired => {
            view.locale.t_with("retention-over", &[("day", &until.beijing_day().to_string())])
        }
        Ok(until) => view.locale.t_with("retention-until", &[("day", &until.beijing_day().to_string())]),
    }
}

#[derive(Deserialize)]
pub(super) struct AskForm {
    #[serde(default)]
    reason: String,
}

/// `POST /applications/{number}/retention/ask`: a supervisor asks for the deletion.
pub(super) async fn post_ask(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<AskForm>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    if let Some(fault) = reason_fault(&view, reason) {
        let again = page(&staff, &view, &signer, &number, Some(fault), form.reason.clone()).await?;
        return Ok(Again(again).into_response());
    }
    let number = number_of(&number)?;
    staff.desk.ask_deletion(&signer.officer, &number, reason).await?;
    Ok(see(&format!("/applications/{number}/retention?done=deletion-asked")))
}

#[derive(Deserialize)]
pub(super) struct ConfirmForm {
    #[serde(default)]
    how: String,
}

/// `POST /applications/{number}/retention/confirm`: another officer deletes (`how=delete`), or keeps it (`how=keep`).
pub(super) async fn post_confirm(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ConfirmForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let done = if form.how == "delete" {
        staff.desk.confirm_deletion(&signer.officer, &number).await?;
        "evidence-deleted"
    } else {
        staff.desk.decline_deletion(&signer.officer, &number).await?;
        "deletion-declined"
    };
    Ok(see(&format!("/applications/{number}/retention?done={done}")))
}
