//! The unlocking API: what the token agent calls with a grant, and where it passes on a token's own word. The grant is
//! its only key; it travels in bodies only and is never logged. The one answer that holds an admin PIN is not kept by
//! anybody between.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use ca_core::domain::{Sha256, Timestamp};
use ca_core::service::protocol::Blob;
use serde::{Deserialize, Serialize};

use super::error::{Failure, Kind};
use crate::enrolment::desk::Desk;
use crate::tokens::admin_pin::AdminPin;

/// The routes, under `/api/v1/unlock`.
pub fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/api/v1/unlock/open", post(post_open))
        .route("/api/v1/unlock/release", post(post_release))
        .route("/api/v1/unlock/report", post(post_report))
        .route("/api/v1/unlock/pin-changed", post(post_pin_changed))
        .with_state(desk)
}

/// A grant as the agent sends it. No Debug.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantRequest {
    grant: String,
}

#[derive(Serialize)]
struct OpenAnswer {
    unlock: String,
    token: String,
    certificate_sha256: Sha256,
    holder: String,
    expires: Timestamp,
}

#[derive(Serialize)]
struct ReleaseAnswer {
    admin_pin: AdminPin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportRequest {
    grant: String,
    failed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinChangedRequest {
    message: Blob,
}

#[derive(Serialize)]
struct Noted {
    noted: bool,
}

type Body<T> = Result<Json<T>, JsonRejection>;

fn read<T>(body: Body<T>) -> Result<T, Failure> {
    body.map(|Json(request)| request).map_err(|error| match error {
        JsonRejection::BytesRejection(_) => Kind::TooLarge.into(),
        // The parser's own words could repeat a grant.
        _ => Failure::with_detail(Kind::Malformed, "not the JSON of this request"),
    })
}

async fn post_open(State(desk): State<Arc<Desk>>, body: Body<GrantRequest>) -> Result<Json<OpenAnswer>, Failure> {
    let offer = desk.open_grant(&read(body)?.grant).await?;
    Ok(Json(OpenAnswer {
        unlock: offer.matter.to_string(),
        token: offer.token.to_string(),
        certificate_sha256: offer.certificate_sha256,
        holder: offer.holder,
        expires: offer.expires,
    }))
}

async fn post_release(State(desk): State<Arc<Desk>>, body: Body<GrantRequest>) -> Result<impl IntoResponse, Failure> {
    let admin_pin = desk.release_grant(&read(body)?.grant).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(ReleaseAnswer { admin_pin })))
}

async fn post_report(State(desk): State<Arc<Desk>>, body: Body<ReportRequest>) -> Result<Json<Noted>, Failure> {
    let request = read(body)?;
    desk.report_grant(&request.grant, request.failed.as_deref()).await?;
    Ok(Json(Noted { noted: true }))
}

async fn post_pin_changed(
    State(desk): State<Arc<Desk>>,
    body: Body<PinChangedRequest>,
) -> Result<Json<Noted>, Failure> {
    desk.pin_changed(&read(body)?.message.0).await?;
    Ok(Json(Noted { noted: true }))
}
