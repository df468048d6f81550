//! The register of officers, as the authority keeps it: who may sign what, at which office, and until when.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use ca_core::domain::{Act, CertificateStatus, Role, Timestamp};
use ca_core::service::protocol::OfficerView;

use super::Staff;
use super::parts::{Tag, may, state_tag};
use crate::enrolment::case::may_read;
use crate::enrolment::certificate_order::status_word;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::officers::OfficerOrder;
use crate::page::{Page, View};
use crate::store::act_word;

/// A certificate that ends within so many seconds is to be replaced.
const SOON_SECONDS: i64 = 30 * 86_400;

/// A certificate of an officer.
struct Row {
    name: String,
    id: String,
    office: String,
    duties: String,
    serial: String,
    tag: Tag,
    until: String,
    soon: bool,
    href: String,
}

#[derive(Template)]
#[template(path = "staff/officers.html")]
struct OfficersPage {
    page: Page,
    rows: Vec<Row>,
    waiting: Vec<Waiting>,
    may_enter: bool,
}

/// An order about an officer that waits.
pub(super) struct Waiting {
    pub(super) href: String,
    pub(super) act: String,
    pub(super) name: String,
    pub(super) tag: Tag,
    pub(super) opened: String,
    pub(super) created: String,
}

/// An order about an officer, in a list.
pub(super) fn order_row(view: &View, order: &OfficerOrder) -> Waiting {
    Waiting {
        href: format!("/officer-orders/{}", order.order.id),
        act: act_text(view, order),
        name: order.name.clone(),
        tag: state_tag(view, order.state.word()),
        opened: order.opened.name.clone(),
        created: order.order.created.beijing_text(),
    }
}

/// What an order does, in words.
pub(super) fn act_text(view: &View, order: &OfficerOrder) -> String {
    match &order.order.act {
        Act::Issue { replaces: None, .. } => view.t("officer-act-enter"),
        Act::Issue { replaces: Some(old), .. } => view.t(&format!("officer-act-{}", old.ground.word())),
        act => view.t(&format!("act-{}", act_word(act))),
    }
}

/// `GET /officers`: those of one's own office; auditors and administrators see all.
pub(super) async fn get_officers(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let officers = staff.desk.register().await?;
    let all = signer.officer.has_any(&[Role::Administrator]);
    let now = staff.desk.clock.now();
    let mut rows: Vec<Row> = officers
        .iter()
        .filter(|known| all || may_read(&signer.officer, &known.officer.office).is_ok())
        .map(|known| row(&view, known, now))
        .collect();
    rows.sort_by(|a, b| (&a.office, &a.id).cmp(&(&b.office, &b.id)));
    let may_enter = may(&signer, Right::Officers);
    let waiting = if may_enter { staff.desk.officer_orders(None).await? } else { Vec::new() };
    let waiting = waiting.iter().filter(|order| !order.signatures.is_empty()).map(|o| order_row(&view, o)).collect();
    let page = staff.page(&view, &signer, view.t("staff-rail-officers"), "/officers").await?;
    Ok(Shown(OfficersPage { page: Page { wide: true, ..page }, rows, waiting, may_enter }))
}

/// Duties in words.
pub(super) fn duties(view: &View, roles: &[Role]) -> String {
    let duties: Vec<String> = roles.iter().map(|role| role_text(view, *role)).collect();
    duties.join(&view.t("staff-duty-joint"))
}

/// A duty in words.
pub(super) fn role_text(view: &View, role: Role) -> String {
    view.t(&format!("role-{}", role.word().replace('_', "-")))
}

/// The tag of an officer's certificate.
pub(super) fn certificate_tag(view: &View, known: &OfficerView, now: Timestamp) -> Tag {
    let good = known.status == CertificateStatus::Good;
    state_tag(view, if good && known.not_after < now { "expired" } else { status_word(known.status) })
}

fn row(view: &View, known: &OfficerView, now: Timestamp) -> Row {
    let officer = &known.officer;
    let good = known.status == CertificateStatus::Good;
    Row {
        name: officer.name.clone(),
        id: officer.id.to_string(),
        office: officer.office.to_string(),
        duties: duties(view, &officer.roles),
        serial: known.serial.to_string(),
        tag: certificate_tag(view, known, now),
        until: known.not_after.beijing_day().to_string(),
        soon: good && known.not_after.since(now) < SOON_SECONDS,
        href: format!("/officers/{}", officer.id),
    }
}
