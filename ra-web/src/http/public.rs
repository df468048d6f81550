//! The units' own site, port 8080: what a unit comes for, and the files that relying parties need.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;

use super::answer::Shown;
use crate::page::{Page, View};

/// What the site's pages link to.
#[derive(Clone, Debug)]
pub struct Public {
    /// Origin of CRLs and CA certificates, without a slash at the end.
    pub validation_origin: Arc<str>,
    /// Origin of the fund portal.
    pub portal_origin: Arc<str>,
    /// The issuing CAs' names, which are also the names of their files.
    pub issuers: Arc<[String]>,
}

/// Every route of the site.
pub fn router(public: Public) -> Router {
    Router::new().route("/", get(get_home)).with_state(public)
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
