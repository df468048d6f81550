//! An order about an officer: what it says, who signed, and the making of the token.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{Act, OrderId, SubjectField};
use serde::Deserialize;

use super::Staff;
use super::case::reason_fault;
use super::officers::{act_text, duties};
use super::parts::{Seat, Tag, ToSign, may, message_of, reason_text, returning_to, state_tag};
use crate::enrolment::case::Forbidden;
use crate::enrolment::certificate_order::Signed;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::login::SignedForm;
use crate::officers::{OfficerOrder, OrderState, makeable, seat_for};
use crate::page::{Page, View};

#[derive(Template)]
#[template(path = "staff/officer_order.html")]
struct OrderPage {
    page: Page,
    id: String,
    officer: String,
    name: String,
    act: String,
    tag: Tag,
    state: &'static str,
    /// Label and value.
    rows: Vec<(String, String)>,
    issue: bool,
    revoke: bool,
    seats: Vec<Seat>,
    sign: Option<ToSign>,
    why_not: Option<String>,
    may_send: bool,
    may_drop: bool,
    refusal: Option<String>,
    /// Whether this administrator makes the token, or why another must.
    may_make: bool,
    why_not_make: Option<String>,
    ticket: Option<String>,
    fault: Option<String>,
    typed: String,
}

impl OrderPage {
    fn sign_to(&self) -> String {
        format!("/officer-orders/{}/sign", self.id)
    }
}

/// What an order says, row by row.
fn rows(view: &View, order: &OfficerOrder) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |label: &str, value: String| rows.push((view.t(label), value));
    match &order.order.act {
        Act::Issue { subject, years, officer: Some(officer), replaces, key, .. } => {
            row("officer-field-name", format!("{} ({})", officer.name, officer.id));
            let office = subject.get(SubjectField::OrganisationalUnit).unwrap_or_default();
            row("officer-field-office", format!("{office} ({})", officer.office));
            row("officer-field-roles", duties(view, &officer.roles));
            let term = if *years == 0 {
                view.t("years-kept")
            } else {
                view.locale.t_with("years-n", &[("n", &years.to_string())])
            };
            row("field-years", term);
            row("field-key", key.to_string());
            if let Some(old) = replaces {
                row("officer-replaces", old.serial.to_string());
            }
        }
        act => {
            row("officer-field-name", format!("{} ({})", order.name, order.officer));
            if let Some((_, serial)) = act.certificate() {
                row("col-serial", serial.to_string());
            }
            let reason = reason_text(view, act);
            if !reason.is_empty() {
                row("revoke-reason", reason);
            }
        }
    }
    row("col-opened", order.opened.name.clone());
    row("col-created", order.order.created.beijing_text());
    rows
}

async fn order_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    id: &str,
    ticket: Option<String>,
    fault: Option<String>,
    typed: String,
) -> Result<OrderPage, Failure> {
    let id = id_of(id)?;
    let mut order = staff.desk.officer_order(&signer.officer, id).await?;
    let ordering = may(signer, Right::Officers);
    let issue = matches!(order.order.act, Act::Issue { .. });
    if issue && order.state == OrderState::Signed && ordering {
        // The authority may have issued while we were away; when it does not answer the page still helps.
        match staff.desk.learn_officer_issue(&order).await {
            Ok(()) => order = staff.desk.officer_order(&signer.officer, id).await?,
            Err(OfficeError::Authority(error)) => tracing::debug!(%error, "an order's state was not learnt"),
            Err(error) => return Err(error.into()),
        }
    }
    let open = order.state == OrderState::Open;
    let seat = seat_for(&order, &signer.officer);
    let why_not = match &seat {
        Err(OfficeError::Forbidden(Forbidden::SameOfficer)) if open => Some(view.t("order-why-same")),
        Err(OfficeError::NoSeat) if open => Some(view.t("officer-why-role")),
        _ => None,
    };
    let make = makeable(&order, signer);
    let why_not_make = match &make {
        Err(OfficeError::Forbidden(Forbidden::SameOfficer)) if ordering => {
            let first = order.signatures.first().map(|first| first.by.name.clone()).unwrap_or_default();
            Some(view.locale.t_with("officer-why-maker", &[("name", &first)]))
        }
        _ => None,
    };
    let count = order.order.act.seats(true).len();
    let seats = (0..count).map(|n| {
        let signature = order.signatures.get(n);
        Seat {
            duty: view.t("role-administrator"),
            who: signature.map(|signature| signature.by.name.clone()),
            when: signature.map(|signature| signature.at.beijing_text()).unwrap_or_default(),
        }
    });
    let act = act_text(view, &order);
    let page = staff.page(view, signer, act.clone(), "/officers").await?;
    Ok(OrderPage {
        page: returning_to(page, format!("/officer-orders/{id}")),
        id: id.to_string(),
        officer: order.officer.to_string(),
        name: order.name.clone(),
        act,
        tag: state_tag(view, if issue && order.state == OrderState::Signed { "approved" } else { order.state.word() }),
        state: order.state.word(),
        rows: rows(view, &order),
        issue,
        revoke: matches!(order.order.act, Act::Revoke { .. }),
        seats: seats.collect(),
        sign: (open && ordering && seat.is_ok()).then(|| ToSign {
            statement: URL_SAFE_NO_PAD.encode(&order.statement),
            text: String::from_utf8_lossy(&order.statement).into_owned(),
        }),
        why_not,
        may_send: ordering && !issue && order.state == OrderState::Signed,
        may_drop: ordering && matches!(order.state, OrderState::Open | OrderState::Signed),
        refusal: order.refusal.as_deref().map(|key| view.t(key)),
        may_make: ordering && make.is_ok(),
        why_not_make,
        ticket,
        fault,
        typed,
    })
}

/// `GET /officer-orders/{id}`.
pub(super) async fn get_order(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(order_page(&staff, &view, &signer, &id, None, None, String::new()).await?))
}

/// `POST /officer-orders/{id}/sign`.
pub(super) async fn post_sign(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let id = id_of(&id)?;
    let word = match staff.desk.sign_officer_order(&signer, id, &message_of(&form.signature)?).await? {
        Signed::Waiting => "officer-signed",
        Signed::Done => "officer-done",
    };
    Ok(see(&format!("/officer-orders/{id}?done={word}")))
}

/// `POST /officer-orders/{id}/send`: a fully signed order to the authority, again.
pub(super) async fn post_send(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id_of(&id)?;
    staff.desk.carry_out_officer_order(&signer.officer, id).await?;
    Ok(see(&format!("/officer-orders/{id}?done=officer-done")))
}

/// `POST /officer-orders/{id}/drop`.
pub(super) async fn post_drop(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    staff.desk.drop_officer_order(&signer.officer, id_of(&id)?).await?;
    Ok(see("/officers?done=dropped"))
}

/// `POST /officer-orders/{id}/ticket`: the page with a fresh ticket in it. A reload makes another.
pub(super) async fn post_ticket(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let ticket = staff.desk.mint_officer_ticket(&signer, id_of(&id)?).await?;
    Ok(Shown(order_page(&staff, &view, &signer, &id, Some(ticket.to_string()), None, String::new()).await?))
}

/// `POST /officer-orders/{id}/provisioned`: the assistant is done. What it says is not believed: the page shows what the
/// authority told us.
pub(super) async fn post_provisioned(Path(id): Path<String>) -> Result<Response, Failure> {
    Ok(see(&format!("/officer-orders/{}", id_of(&id)?)))
}

#[derive(Deserialize)]
pub(super) struct AbandonForm {
    #[serde(default)]
    reason: String,
}

/// `POST /officer-orders/{id}/abandon`: the certificate never reached its token.
pub(super) async fn post_abandon(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
    UrlForm(form): UrlForm<AbandonForm>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    if let Some(fault) = reason_fault(&view, reason) {
        let page = order_page(&staff, &view, &signer, &id, None, Some(fault), form.reason.clone()).await?;
        return Ok(Again(page).into_response());
    }
    staff.desk.abandon_officer_token(&signer, id_of(&id)?, reason).await?;
    Ok(see(&format!("/officer-orders/{id}?done=abandoned")))
}

fn id_of(text: &str) -> Result<OrderId, Failure> {
    text.parse().map_err(|_| Kind::NotFound.into())
}
