//! Sessions of programs: a challenge that the certificate's key signs, and a token for a quarter of an hour.

use std::sync::PoisonError;

use axum::Json;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::Sha256;
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Body, Reader};
use super::shape::Moment;
use crate::fund::account::Unit;
use crate::fund::machines::{MachineSession, SESSION_SECONDS};
use crate::http::error::{Failure, Fault, Kind};
use crate::http::fund::Portal;
use crate::http::login::words;
use crate::login::{Answer, BrowserSession, LoginError, Refusal};
use crate::page::View;
use crate::retry::settled;

/// A program that is logged in, and its unit, read from the store for this request.
pub(super) struct Machine {
    pub(super) unit: Unit,
    pub(super) session: MachineSession,
}

impl<S: Send + Sync> FromRequestParts<S> for Machine
where
    Portal: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let portal = Portal::from_ref(state);
        let away = || Failure::from(Kind::NotSignedIn);
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(away)?;
        let mut tx = portal.store.begin_read().await?;
        let session = tx.machine_session(Sha256(sha256(token.as_bytes()))).await?;
        let session = session.filter(|session| portal.clock.now() < session.expires).ok_or_else(away)?;
        let unit = tx.unit(&session.unit).await?.ok_or_else(away)?;
        tx.commit().await?;
        Ok(Self { unit, session })
    }
}

/// What is to be signed to open a session.
#[derive(Serialize, ToSchema)]
pub(super) struct ChallengeShape {
    /// The bytes that are to be signed, base64. Name this portal; good for 120 seconds, and once.
    statement: String,
    /// A secret of this caller's, to be sent back with the signature.
    binding: String,
    expires: Moment,
}

/// A signed challenge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    /// As it was given.
    #[schema(max_length = 4096, pattern = "^[A-Za-z0-9+/]+={0,2}$")]
    statement: String,
    /// As it was given.
    #[schema(min_length = 43, max_length = 43, pattern = "^[A-Za-z0-9_-]{43}$")]
    binding: String,
    /// CMS SignedData (DER, base64) over the statement's bytes, which are inside, with the certificate.
    #[schema(max_length = 32768, pattern = "^[A-Za-z0-9+/]+={0,2}$")]
    signature: String,
}

/// An open session.
#[derive(Serialize, ToSchema)]
pub(super) struct Opened {
    /// Goes into the header `Authorization: Bearer …` of what follows. A secret.
    token: String,
    expires: Moment,
    /// The unit's account.
    account: String,
    unit: String,
    /// Id of the login's record.
    record: String,
}

fn drawn(portal: &Portal) -> String {
    let mut secret = [0_u8; 32];
    rand::RngCore::fill_bytes(&mut *portal.chance.lock().unwrap_or_else(PoisonError::into_inner), &mut secret);
    URL_SAFE_NO_PAD.encode(secret)
}

/// Whom a challenge was given to. No cookie of a browser is among them.
fn caller(binding: &str) -> BrowserSession {
    BrowserSession::of(&format!("api {binding}"))
}

/// Asks for a challenge
///
/// The statement is signed with the key of the unit's certificate and sent to `POST /api/v1/session`.
#[utoipa::path(post, path = "/session/challenge", tag = "session", operation_id = "begin_session",
    responses((status = 200, description = "A challenge", body = ChallengeShape)))]
pub(super) async fn post_challenge(State(portal): State<Portal>) -> Result<Json<ChallengeShape>, Failure> {
    let binding = drawn(&portal);
    let challenge = portal.door.challenge(caller(&binding)).await?;
    Ok(Json(ChallengeShape {
        statement: STANDARD.encode(challenge.statement()),
        binding,
        expires: challenge.expires().into(),
    }))
}

/// Opens a session
///
/// The portal looks whether the signature is over the challenge, whether the certificate is of an authority that it trusts and
/// good at this moment, and whose it is. The token lasts 15 minutes, and not longer than the certificate.
#[utoipa::path(post, path = "/session", tag = "session", operation_id = "open_session", request_body = Signed,
    responses((status = 201, description = "A session is open", body = Opened)))]
pub(super) async fn post_session(
    State(portal): State<Portal>,
    view: View,
    body: Body<Signed>,
) -> Result<Response, Failure> {
    let signed = body.value;
    let mut reader = Reader::new(&view);
    let statement = reader.read("/statement", "base64", STANDARD.decode(&signed.statement).ok());
    let statement = URL_SAFE_NO_PAD.encode(reader.done(statement)?);
    let answer = Answer::parse(&statement, &signed.signature).map_err(|refusal| refused(&view, &refusal))?;
    let admitted = portal.door.admit(caller(&signed.binding), &answer, portal.members.as_ref()).await;
    let admission = admitted.map_err(|error| match error {
        LoginError::Refused(refusal) => refused(&view, &refusal),
        LoginError::Storage(error) => error.into(),
    })?;
    let token = drawn(&portal);
    let (now, holder) = (portal.clock.now(), admission.holder());
    let session = MachineSession {
        id: Sha256(sha256(token.as_bytes())),
        unit: admission.person().account.clone(),
        certificate: holder.certificate_sha256,
        record: admission.record().to_owned(),
        expires: now.plus(SESSION_SECONDS.min(holder.not_after.since(now) + 1)),
    };
    settled(|| async {
        let mut tx = portal.store.begin().await?;
        tx.keep_machine_session(&session, now).await?;
        tx.commit().await
    })
    .await?;
    let opened = Opened {
        token,
        expires: session.expires.into(),
        account: session.unit.to_string(),
        unit: admission.person().name.clone(),
        record: session.record,
    };
    Ok((StatusCode::CREATED, Json(opened)).into_response())
}

/// Ends the session
#[utoipa::path(delete, path = "/session", tag = "session", operation_id = "close_session",
    responses((status = 204, description = "The token is no longer good")))]
pub(super) async fn delete_session(State(portal): State<Portal>, machine: Machine) -> Result<StatusCode, Failure> {
    settled(|| async {
        let mut tx = portal.store.begin().await?;
        tx.end_machine_session(machine.session.id).await?;
        tx.commit().await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A certificate is no longer good: nothing that it opened stays open.
///
/// # Errors
/// Storage.
pub(super) async fn end_all(portal: &Portal, certificate: Sha256) -> Result<(), Failure> {
    settled(|| async {
        let mut tx = portal.store.begin().await?;
        tx.end_machine_sessions_of(certificate).await?;
        tx.commit().await
    })
    .await
    .map_err(Into::into)
}

/// A refusal as programs read it.
pub(super) fn refused(view: &View, refusal: &Refusal) -> Failure {
    let kind = match refusal {
        Refusal::Malformed => Kind::Invalid,
        Refusal::StatusUnreachable | Refusal::AuthorityUnreachable => Kind::StatusUnavailable,
        _ => Kind::CertificateRefused,
    };
    let detail = format!("{} {}", words(view, refusal, "-why"), words(view, refusal, "-next"));
    Failure::faulty(kind, vec![Fault::at("/signature".into(), refusal.code(), detail)])
}
