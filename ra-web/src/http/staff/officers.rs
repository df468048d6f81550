//! The register of officers, as the authority keeps it: who may sign what, at which office, and until when.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use ca_core::domain::{CertificateStatus, Role, Timestamp};
use ca_core::service::client::CallError;
use ca_core::service::protocol::{OfficerView, Request, Response};

use super::Staff;
use super::parts::{Tag, state_tag};
use crate::enrolment::case::may_read;
use crate::enrolment::certificate_order::status_word;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::page::{Page, View};

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
}

#[derive(Template)]
#[template(path = "staff/officers.html")]
struct OfficersPage {
    page: Page,
    rows: Vec<Row>,
}

/// `GET /officers`: those of one's own office; auditors and administrators see all.
pub(super) async fn get_officers(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let officers = match staff.desk.ca.call(Request::Officers).await.map_err(OfficeError::from)? {
        Response::Officers { officers } => officers,
        _ => {
            let strange = std::io::Error::other("an answer to another question");
            return Err(OfficeError::from(CallError::from(strange)).into());
        }
    };
    let all = signer.officer.has_any(&[Role::Administrator]);
    let now = staff.desk.clock.now();
    let mut rows: Vec<Row> = officers
        .iter()
        .filter(|known| all || may_read(&signer.officer, &known.officer.office).is_ok())
        .map(|known| row(&view, known, now))
        .collect();
    rows.sort_by(|a, b| (&a.office, &a.id).cmp(&(&b.office, &b.id)));
    let page = staff.page(&view, &signer, view.t("staff-rail-officers"), "/officers").await?;
    Ok(Shown(OfficersPage { page: Page { wide: true, ..page }, rows }))
}

fn row(view: &View, known: &OfficerView, now: Timestamp) -> Row {
    let officer = &known.officer;
    let duties: Vec<String> =
        officer.roles.iter().map(|role| view.t(&format!("role-{}", role.word().replace('_', "-")))).collect();
    let good = known.status == CertificateStatus::Good;
    let word = if good && known.not_after < now { "expired" } else { status_word(known.status) };
    Row {
        name: officer.name.clone(),
        id: officer.id.to_string(),
        office: officer.office.to_string(),
        duties: duties.join(&view.t("staff-duty-joint")),
        serial: known.serial.to_string(),
        tag: state_tag(view, word),
        until: known.not_after.beijing_day().to_string(),
        soon: good && known.not_after.since(now) < SOON_SECONDS,
    }
}
