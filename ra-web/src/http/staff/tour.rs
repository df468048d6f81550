//! The first-run tour.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Staff;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::http::answer::{Shown, see};
use crate::http::error::Failure;
use crate::page::{Page, View};
use crate::tour::{Stop, stops};

#[derive(Template)]
#[template(path = "staff/tour.html")]
struct TourPage {
    page: Page,
    stops: Vec<Stop>,
}

/// `GET /tour`: what the console has for one's own duties.
pub(super) async fn get_tour(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let page = staff.page(&view, &signer, view.t("tour-title"), "/tour").await?;
    Ok(Shown(TourPage { page, stops: stops(&signer.officer.roles) }))
}

/// `POST /tour/done`: it is not offered any more. One's own note, which changes nothing of the office's.
pub(super) async fn post_done(State(staff): State<Staff>, signer: Signer) -> Result<Response, Failure> {
    let mut tx = staff.desk.store.begin().await.map_err(OfficeError::from)?;
    tx.see_tour(&signer.officer.id, staff.desk.clock.now()).await.map_err(OfficeError::from)?;
    tx.commit().await.map_err(OfficeError::from)?;
    Ok(see("/"))
}

/// Whether this officer has not seen it yet.
pub(super) async fn is_new(staff: &Staff, signer: &Signer) -> Result<bool, OfficeError> {
    Ok(!staff.desk.store.read().await?.tour_seen(&signer.officer.id).await?)
}
