//! The provisioning API: what the token agent of a counter PC calls. The ticket is its only key; it travels in
//! bodies only and is never logged. Answers and refusals are JSON; each call can be repeated.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use axum::{Json, Router};
use ca_core::domain::{IssuerId, KeyKind, Serial, Sha256};
use ca_core::escrow::port::Envelope;
use ca_core::service::protocol::Blob;
use serde::{Deserialize, Serialize};

use super::error::{Failure, Kind};
use crate::enrolment::desk::Desk;

/// The routes, under `/api/v1/provisioning`.
pub fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/api/v1/provisioning/open", post(post_open))
        .route("/api/v1/provisioning/redeem", post(post_redeem))
        .route("/api/v1/provisioning/confirm", post(post_confirm))
        .route("/api/v1/provisioning/fail", post(post_fail))
        .with_state(desk)
}

/// A ticket as the agent sends it. No Debug.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenRequest {
    ticket: String,
}

#[derive(Serialize)]
struct OpenAnswer {
    order: Blob,
    key: KeyKind,
    unit_name: String,
    token_label: String,
    /// Of a renewal that the unit ordered itself: SHA-256 of the certificate whose key binds the new one.
    holder: Option<Sha256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedeemRequest {
    ticket: String,
    csr: Blob,
    binding: Blob,
}

#[derive(Serialize)]
struct RedeemAnswer {
    issuer: IssuerId,
    serial: Serial,
    certificate: Blob,
    chain: Vec<Blob>,
    /// For a pair; `null` where the order makes one certificate.
    encryption: Option<EncryptionAnswer>,
}

/// The encryption certificate of a pair and its private key, wrapped to the signature key.
#[derive(Serialize)]
struct EncryptionAnswer {
    certificate: Blob,
    envelope: Envelope,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmRequest {
    ticket: String,
    install: Blob,
}

#[derive(Serialize)]
struct ConfirmAnswer {
    delivered: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailRequest {
    ticket: String,
    #[serde(default)]
    why: String,
}

#[derive(Serialize)]
struct FailAnswer {
    abandoned: bool,
}

type Body<T> = Result<Json<T>, JsonRejection>;

fn read<T>(body: Body<T>) -> Result<T, Failure> {
    body.map(|Json(request)| request).map_err(|error| match error {
        JsonRejection::BytesRejection(_) => Kind::TooLarge.into(),
        // The parser's own words could repeat a ticket.
        _ => Failure::with_detail(Kind::Malformed, "not the JSON of this request"),
    })
}

async fn post_open(State(desk): State<Arc<Desk>>, body: Body<OpenRequest>) -> Result<Json<OpenAnswer>, Failure> {
    let opened = desk.open_ticket(&read(body)?.ticket).await?;
    Ok(Json(OpenAnswer {
        order: Blob(opened.order),
        key: opened.key,
        unit_name: opened.unit_name,
        token_label: opened.token_label,
        holder: opened.holder,
    }))
}

async fn post_redeem(State(desk): State<Arc<Desk>>, body: Body<RedeemRequest>) -> Result<Json<RedeemAnswer>, Failure> {
    let request = read(body)?;
    let redeemed = desk.redeem(&request.ticket, request.csr.0, request.binding.0).await?;
    Ok(Json(RedeemAnswer {
        issuer: redeemed.view.issuer,
        serial: redeemed.view.serial,
        certificate: redeemed.view.certificate,
        chain: redeemed.chain.into_iter().map(Blob).collect(),
        encryption: redeemed
            .view
            .encryption
            .map(|pair| EncryptionAnswer { certificate: pair.certificate, envelope: pair.envelope }),
    }))
}

async fn post_confirm(
    State(desk): State<Arc<Desk>>,
    body: Body<ConfirmRequest>,
) -> Result<Json<ConfirmAnswer>, Failure> {
    let request = read(body)?;
    desk.confirm(&request.ticket, request.install.0).await?;
    Ok(Json(ConfirmAnswer { delivered: true }))
}

async fn post_fail(State(desk): State<Arc<Desk>>, body: Body<FailRequest>) -> Result<Json<FailAnswer>, Failure> {
    let request = read(body)?;
    desk.fail(&request.ticket, &request.why).await?;
    Ok(Json(FailAnswer { abandoned: true }))
}
