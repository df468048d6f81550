//! The counter: from an approved case to a certificate on the unit's token, resumable at each point.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::application::number_of;
use super::case::reason_fault;
use super::parts::{Tag, returning_to, state_tag};
use crate::enrolment::case::{Forbidden, State as CaseState};
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::form::Form;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

#[derive(Template)]
#[template(path = "staff/counter.html")]
struct CounterPage {
    page: Page,
    number: String,
    tag: Tag,
    state: &'static str,
    form: Form,
    certificate: Option<(String, String)>,
    /// A fresh ticket: the assistant can begin.
    ticket: Option<String>,
    fault: Option<String>,
    typed: String,
    day: String,
    operator: String,
}

async fn counter_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &str,
    ticket: Option<String>,
    fault: Option<String>,
    typed: String,
) -> Result<CounterPage, Failure> {
    let number = number_of(number)?;
    let mut shown = staff.desk.view(&signer.officer, &number).await?;
    if let (CaseState::Approved { .. }, Some(order)) = (&shown.case.state, &shown.order) {
        // The authority may have issued while we were away; when it does not answer the page still helps.
        match staff.desk.learn_issue(&number, order).await {
            Ok(()) => shown = staff.desk.view(&signer.officer, &number).await?,
            Err(OfficeError::Authority(error)) => tracing::debug!(%error, "an order's state was not learnt"),
            Err(error) => return Err(error.into()),
        }
    }
    // Who minted the last ticket made the certificate.
    let minted = shown.steps.iter().find(|step| step.act == "ticket");
    let operator = minted.and_then(|step| step.by.as_ref()).map(|by| by.name.clone());
    let case = shown.case;
    let certificate = match &case.state {
        CaseState::Issued { issuer, serial, .. } | CaseState::Delivered { issuer, serial, .. } => {
            Some((format!("/certificates/{issuer}/{serial}"), serial.to_string()))
        }
        CaseState::Approved { .. } => None,
        _ => return Err(Kind::WrongState.into()),
    };
    if case.reviewer.as_ref().is_some_and(|reviewer| reviewer.id == signer.officer.id)
        && !matches!(case.state, CaseState::Delivered { .. })
    {
        return Err(OfficeError::from(Forbidden::SameOfficer).into());
    }
    let page = staff.page(view, signer, view.t("counter-title"), "/applications?state=approved").await?;
    Ok(CounterPage {
        page: returning_to(page, format!("/applications/{number}/counter")),
        number: number.to_string(),
        tag: state_tag(view, case.state.word()),
        state: case.state.word(),
        form: case.form.clone(),
        certificate,
        ticket,
        fault,
        typed,
        day: staff.desk.clock.now().beijing_text(),
        operator: operator.unwrap_or_default(),
    })
}

/// `GET /applications/{number}/counter`.
pub(super) async fn get_counter(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(counter_page(&staff, &view, &signer, &number, None, None, String::new()).await?))
}

/// `POST /applications/{number}/ticket`: the page with a fresh ticket in it. The ticket is never in an address,
/// and a reload makes another.
pub(super) async fn post_ticket(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let ticket = staff.desk.mint_ticket(&signer.officer, &number_of(&number)?).await?;
    Ok(Shown(counter_page(&staff, &view, &signer, &number, Some(ticket.to_string()), None, String::new()).await?))
}

/// `POST /applications/{number}/provisioned`: the assistant is done. What it says is not believed: the page
/// shows what the authority told us.
pub(super) async fn post_provisioned(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.view(&signer.officer, &number).await?;
    Ok(see(&format!("/applications/{number}/counter")))
}

#[derive(Deserialize)]
pub(super) struct AbandonForm {
    #[serde(default)]
    reason: String,
}

/// `POST /applications/{number}/abandon`: the certificate never reached its token.
pub(super) async fn post_abandon(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<AbandonForm>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    if let Some(fault) = reason_fault(&view, reason) {
        let page = counter_page(&staff, &view, &signer, &number, None, Some(fault), form.reason.clone()).await?;
        return Ok(Again(page).into_response());
    }
    let number = number_of(&number)?;
    staff.desk.abandon(&signer.officer, &number, reason).await?;
    Ok(see(&format!("/applications/{number}?done=abandoned")))
}
