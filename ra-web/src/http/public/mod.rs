//! The units' own site, port 8080, before its sign-in: what a unit comes for, what it can do without its token, and the
//! files that relying parties need.

mod help;
mod loss;
mod progress;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;

use super::answer::Shown;
use crate::enrolment::desk::Desk;
use crate::enrolment::form::{FieldFault, FieldFaults};
use crate::page::{Page, View};
use crate::selfcare::loss::LossDesk;

/// What the site's pages link to.
#[derive(Clone)]
pub struct Public {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// Freezes at any hour, if there is such a key.
    pub loss: Option<Arc<LossDesk>>,
    /// Whom to call.
    pub contact: Arc<str>,
    /// Origin of CRLs and CA certificates, without a slash at the end.
    pub validation_origin: Arc<str>,
    /// Origin of the fund portal.
    pub portal_origin: Arc<str>,
    /// The issuing CAs' names, which are also the names of their files.
    pub issuers: Arc<[String]>,
}

/// Every route of the site.
pub fn router(public: Public) -> Router {
    Router::new()
        .route("/", get(get_home))
        .route("/loss", get(loss::get_loss).post(loss::post_loss))
        .route("/progress", get(progress::get_progress).post(progress::post_progress))
        .route("/help", get(help::get_help))
        .with_state(public)
}

#[derive(Template)]
#[template(path = "public/home.html")]
struct HomePage {
    page: Page,
    public: Public,
}

async fn get_home(State(public): State<Public>, view: View) -> impl IntoResponse {
    Shown(HomePage { page: Page { wide: true, ..view.page(view.t("public-title")) }, public })
}

/// A fault of a field, as the error summary lists it.
struct FaultLine {
    field: &'static str,
    text: String,
}

/// The faults of a form; the names of the fields are messages under `prefix`.
fn fault_lines(view: &View, prefix: &str, faults: &FieldFaults) -> Vec<FaultLine> {
    let line = |(field, fault): &(&'static str, FieldFault)| {
        let label = view.t(&format!("{prefix}{}", field.replace('_', "-")));
        let n = i64::try_from(fault.number()).unwrap_or(i64::MAX);
        FaultLine { field, text: view.locale.t_with(fault.key(), &[("field", &label), ("n", &n)]) }
    };
    faults.iter().map(line).collect()
}
