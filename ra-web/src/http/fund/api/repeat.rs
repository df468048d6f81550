//! Requests that a program may send again: done once, and answered as they were.

use axum::body::Body as Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_core::domain::Sha256;
use openssl::sha::Sha256 as Hasher;
use serde::{Deserialize, Serialize};

use super::session::Machine;
use crate::fund::account::AccountNumber;
use crate::fund::hall::HallError;
use crate::fund::machines::{Claim, claim};
use crate::http::error::{Failure, Fault, Kind};
use crate::http::fund::Portal;
use crate::page::View;
use crate::retry::settled;

/// The header.
const HEADER: &str = "idempotency-key";
/// Its value has at most so many characters.
const MOST: usize = 64;

/// The name that the program gave its request, if it did.
pub(super) struct Key(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let view = View::from_request_parts(parts, state).await?;
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().ok().filter(|text| {
            (1..=MOST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) && values.next().is_none()
        });
        text.map(|text| Self(Some(text.to_owned()))).ok_or_else(|| {
            let fault = Fault::parameter("Idempotency-Key", "key", view.t("fund-fault-key"));
            Failure::faulty(Kind::Invalid, vec![fault])
        })
    }
}

/// A good answer, as it is given and kept.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Answer {
    /// A thing that was made, or is there.
    pub(super) fn new<T: Serialize>(status: StatusCode, location: Option<String>, body: &T) -> Result<Self, Failure> {
        let body = serde_json::to_string(body).map_err(|error| Failure::internal(format!("an answer: {error}")))?;
        Ok(Self { status: status.as_u16(), location, body })
    }

    fn response(self, again: bool) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, Bytes::from(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if let Some(location) = self.location.and_then(|location| location.parse().ok()) {
            headers.insert(header::LOCATION, location);
        }
        if again {
            headers.insert("idempotency-replayed", header::HeaderValue::from_static("true"));
        }
        response
    }
}

/// The hash of a request: address and body.
fn hash(view: &View, body: Sha256) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(view.path.as_bytes());
    hasher.update(&[0]);
    hasher.update(&body.0);
    Sha256(hasher.finish())
}

fn place(unit: &AccountNumber, key: &str) -> String {
    format!("machine request {unit} {key}")
}

/// Does a request, or answers it as it was answered before. A refusal is not kept: it changed nothing, and the same request may
/// succeed when its reason is gone. `work` is told whether somebody may have done it before.
///
/// # Errors
/// What `work` failed with, or that the key is another request's.
pub(super) async fn once<F>(
    portal: &Portal,
    view: &View,
    machine: &Machine,
    key: Key,
    body: Sha256,
    work: impl FnOnce(bool) -> F,
) -> Result<Response, Failure>
where
    F: Future<Output = Result<Answer, Failure>>,
{
    let Key(Some(key)) = key else { return Ok(work(false).await?.response(false)) };
    let (unit, now, request) = (&machine.unit.account, portal.clock.now(), hash(view, body));
    let claimed = settled(|| async {
        let mut tx = portal.store.begin().await?;
        let claimed = claim(tx.as_mut(), unit, &key, request, now).await?;
        tx.commit().await?;
        Ok(claimed)
    })
    .await?;
    let again = match claimed {
        Claim::First => false,
        Claim::Again => true,
        Claim::Busy => return Err(Kind::KeyBusy.into()),
        Claim::Other => return Err(Kind::KeyReused.into()),
        Claim::Done(sealed) => {
            let plain = portal.hall.key.open(&place(unit, &key), &sealed).map_err(HallError::Vault)?;
            let answer: Answer =
                serde_json::from_slice(&plain).map_err(|error| Failure::internal(format!("a kept answer: {error}")))?;
            return Ok(answer.response(true));
        }
    };
    let done = work(again).await;
    let kept = match &done {
        Ok(answer) => {
            let plain = zeroize::Zeroizing::new(serde_json::to_vec(answer).unwrap_or_default());
            let sealed = portal.hall.key.seal(&place(unit, &key), &plain, &portal.chance).map_err(HallError::Vault)?;
            Some(sealed)
        }
        Err(_) => None,
    };
    settled(|| async {
        let mut tx = portal.store.begin().await?;
        match &kept {
            Some(sealed) => tx.keep_answer(unit, &key, now, sealed).await?,
            None => tx.release_request(unit, &key, now).await?,
        }
        tx.commit().await
    })
    .await?;
    Ok(done?.response(false))
}
