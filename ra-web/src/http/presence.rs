//! Sessions bound to the token: while a person is signed in, the certificate assistant on their computer tells the site that
//! the token is still plugged in, and at once when it is pulled. A session whose token was pulled, or whose assistant is
//! not heard for the configured time, ends with the next request.
//!
//! Trusts the token's own signature over the login it stands beside, and after it only the secret that the assistant drew
//! and never shows: a page, a stranger or a repeated message can neither keep a session alive nor end another's. Never
//! opens anything: without a login it is nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::routing::post;
use axum::{Json, Router};
use ca_core::chain::Anchors;
use ca_core::clock::Clock;
use ca_core::cms;
use ca_core::domain::{Presence, Sha256, Timestamp, decode};
use ca_core::service::protocol::Blob;
use ca_core::sql::Database;
use openssl::sha::{Sha256 as Hasher, sha256};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::error::{Failure, Kind};
use crate::sql::sessions;

/// The last word is written down at most this often.
const TOUCH_SECONDS: i64 = 3;
/// An assistant whose login led to no session is told to stop after so many seconds.
const UNUSED_SECONDS: i64 = 180;
/// The key in a session under which the page stands to which a person goes back after signing in again.
const BACK: &str = "login-back";

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The assistant saw the token go, or was closed.
    Pulled,
    /// Nothing was heard of the assistant.
    Unheard,
}

impl Ended {
    /// The login page, which says why.
    #[must_use]
    pub const fn login(self) -> &'static str {
        match self {
            Self::Pulled => "/login?ended=pulled",
            Self::Unheard => "/login?ended=unheard",
        }
    }
}

/// What a session keeps of its binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    name: Sha256,
    since: Timestamp,
}

/// What is kept of an assistant that watches a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    watch: Sha256,
    /// Whether a session rests on it.
    used: bool,
    gone: bool,
}

/// The tokens of a site's sessions.
#[derive(Clone)]
pub struct Presences {
    database: Database,
    anchors: Arc<Anchors>,
    origin: Arc<str>,
    clock: Arc<dyn Clock>,
    bound_seconds: i64,
}

impl Presences {
    /// Those of the site at `origin`. A session ends when nothing was heard for `bound_seconds`; 0 binds none.
    #[must_use]
    pub fn new(
        database: Database,
        anchors: Arc<Anchors>,
        origin: &str,
        clock: Arc<dyn Clock>,
        bound_seconds: u32,
    ) -> Self {
        Self { database, anchors, origin: origin.into(), clock, bound_seconds: bound_seconds.into() }
    }

    /// The binding of a session that is opened now by this login.
    #[must_use]
    pub fn bind(&self, login: &[u8], certificate: Sha256) -> Option<Bound> {
        let name = name_of(Sha256(sha256(login)), certificate);
        (self.bound_seconds > 0).then(|| Bound { name, since: self.clock.now() })
    }

    /// Whether a session has ended, and why. One that has is emptied, but for the page to which the person goes back.
    ///
    /// # Errors
    /// Storage.
    pub async fn end_if_due(
        &self,
        session: &Session,
        parts: &Parts,
        bound: Option<&Bound>,
    ) -> Result<Option<Ended>, Failure> {
        let ended = self.ended(bound).await?;
        if ended.is_some() && !is_aside(parts) {
            end(session, page_of(parts)).await?;
        }
        Ok(ended)
    }

    async fn ended(&self, bound: Option<&Bound>) -> Result<Option<Ended>, Failure> {
        let Some(bound) = bound.filter(|_| self.bound_seconds > 0) else { return Ok(None) };
        let now = self.clock.now();
        let row = row_of(bound.name);
        let Some(found) = sessions::find(&self.database, &row).await? else {
            // The assistant's first word may come a moment after the login.
            return Ok((now.since(bound.since) >= self.bound_seconds).then_some(Ended::Unheard));
        };
        let kept = read(&found.data)?;
        if kept.gone {
            return Ok(Some(Ended::Pulled));
        }
        if now.since(found.seen) >= self.bound_seconds {
            return Ok(Some(Ended::Unheard));
        }
        if !kept.used {
            let used = written(&Kept { used: true, ..kept })?;
            sessions::swap(&self.database, &row, &found.data, &used).await?;
        }
        Ok(None)
    }

    /// Nobody rests on it any more: its assistant is told so at its next word.
    ///
    /// # Errors
    /// Storage.
    pub async fn forget(&self, bound: Option<&Bound>) -> Result<(), Failure> {
        match bound {
            Some(bound) => Ok(sessions::delete(&self.database, &row_of(bound.name)).await?),
            None => Ok(()),
        }
    }

    /// An assistant begins to watch the token that signed a login.
    async fn begin(&self, message: &[u8]) -> Result<Sha256, Failure> {
        let refused = |why: &str| Failure::with_detail(Kind::SignatureRefused, why);
        let signed = cms::verify(message).map_err(|_| refused("the signature does not verify"))?;
        let presence: Presence = decode(&signed.content).map_err(|_| refused("not a presence"))?;
        let now = self.clock.now();
        if *presence.aud != *self.origin {
            return Err(refused("for another site"));
        }
        if now > presence.exp || presence.exp.since(now) > 2 * crate::login::LIFETIME_SECONDS {
            return Err(refused("its login is over"));
        }
        self.anchors.verify(&signed.certificate, now).map_err(|_| refused("a certificate of no authority of ours"))?;
        let name = name_of(presence.login, Sha256(sha256(&signed.certificate)));
        let kept = Kept { watch: presence.watch, used: false, gone: false };
        sessions::keep(&self.database, &row_of(name), &written(&kept)?, now).await?;
        // The same word again is answered in the same way; another assistant's does not take its place.
        let stands = sessions::find(&self.database, &row_of(name)).await?;
        match stands.map(|row| read(&row.data)).transpose()? {
            Some(standing) if standing.watch == kept.watch && !standing.gone => Ok(name),
            _ => Err(refused("another assistant watches this login, or this one has ended")),
        }
    }

    /// A word of an assistant; whether it is to go on.
    async fn hear(&self, name: Sha256, secret: &str, gone: bool) -> Result<bool, Failure> {
        let row = row_of(name);
        let Some(found) = sessions::find(&self.database, &row).await? else { return Ok(false) };
        let kept = read(&found.data)?;
        if kept.watch != Sha256(sha256(secret.as_bytes())) {
            return Err(Failure::with_detail(Kind::SignatureRefused, "not the assistant's secret"));
        }
        let now = self.clock.now();
        if kept.gone {
            return Ok(false);
        }
        if gone {
            let data = written(&Kept { gone: true, ..kept })?;
            sessions::update(&self.database, &row, &data, now).await?;
            return Ok(false);
        }
        if !kept.used && now.since(found.created) > UNUSED_SECONDS {
            sessions::delete(&self.database, &row).await?;
            return Ok(false);
        }
        // One that was silent for too long is not heard again: its session has ended, whether or not anybody looked.
        if self.bound_seconds > 0 && now.since(found.seen) >= self.bound_seconds {
            return Ok(false);
        }
        if now.since(found.seen) >= TOUCH_SECONDS {
            sessions::touch(&self.database, &row, now).await?;
        }
        Ok(true)
    }
}

/// The same name for both who speak of it: the site at login, and the assistant by its signed word.
fn name_of(login: Sha256, certificate: Sha256) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(&login.0);
    hasher.update(&certificate.0);
    Sha256(hasher.finish())
}

/// No cookie leads to a row of this name: those are named by 64 digits alone.
fn row_of(name: Sha256) -> String {
    format!("presence:{name}")
}

fn read(data: &str) -> Result<Kept, Failure> {
    serde_json::from_str(data).map_err(|_| Failure::internal("what is kept of an assistant cannot be read"))
}

fn written(kept: &Kept) -> Result<String, Failure> {
    serde_json::to_string(kept).map_err(|_| Failure::internal("what is kept of an assistant cannot be written"))
}

/// The routes, under `/api/v1/presence`.
pub fn router(presences: Presences) -> Router {
    Router::new()
        .route("/api/v1/presence/begin", post(post_begin))
        .route("/api/v1/presence/tell", post(post_tell))
        .with_state(presences)
}

type Body<T> = Result<Json<T>, JsonRejection>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeginRequest {
    message: Blob,
}

#[derive(Serialize)]
struct BeginAnswer {
    presence: Sha256,
}

/// No Debug: it holds the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TellRequest {
    presence: Sha256,
    secret: String,
    gone: bool,
}

#[derive(Serialize)]
struct TellAnswer {
    goes_on: bool,
}

fn parsed<T>(body: Body<T>) -> Result<T, Failure> {
    body.map(|Json(request)| request).map_err(|error| match error {
        JsonRejection::BytesRejection(_) => Kind::TooLarge.into(),
        // The parser's own words could repeat the secret.
        _ => Failure::with_detail(Kind::Malformed, "not the JSON of this request"),
    })
}

async fn post_begin(
    State(presences): State<Presences>,
    body: Body<BeginRequest>,
) -> Result<Json<BeginAnswer>, Failure> {
    Ok(Json(BeginAnswer { presence: presences.begin(&parsed(body)?.message.0).await? }))
}

async fn post_tell(State(presences): State<Presences>, body: Body<TellRequest>) -> Result<Json<TellAnswer>, Failure> {
    let request = parsed(body)?;
    Ok(Json(TellAnswer { goes_on: presences.hear(request.presence, &request.secret, request.gone).await? }))
}

/// Ends a session and remembers the page of its person, who signs in and goes on there.
///
/// # Errors
/// When sessions cannot be stored.
pub async fn end(session: &Session, back: Option<String>) -> Result<(), Failure> {
    session.clear().await;
    session.cycle_id().await?;
    if let Some(back) = back {
        session.insert(BACK, back).await?;
    }
    Ok(())
}

/// Whether a page that stays open asks for something: then the page itself is told the next time, and says why.
#[must_use]
fn is_aside(parts: &Parts) -> bool {
    parts.headers.get("sec-fetch-dest").is_some_and(|dest| dest == "empty") && parts.method == Method::GET
}

/// The page to which a request belongs: the one that it asks for, or the one whose form it sends.
#[must_use]
pub fn page_of(parts: &Parts) -> Option<String> {
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if is_aside(parts) {
        return None;
    }
    let path = if parts.method == Method::GET {
        parts.uri.path_and_query()?.as_str()
    } else {
        let (_, rest) = text(header::REFERER)?.split_once("://")?;
        rest.strip_prefix(text(header::HOST)?)?
    };
    good_path(path).then(|| path.to_owned())
}

/// A page of this site and nothing else, that can be returned to.
fn good_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.starts_with("/login")
        && path.len() <= 300
}

/// Where to go after signing in, if not to the first page.
///
/// # Errors
/// When sessions cannot be read.
pub async fn back(session: &Session) -> Result<Option<String>, Failure> {
    Ok(session.get::<String>(BACK).await?.filter(|path| good_path(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = axum::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn one_goes_back_to_the_page_of_a_form_and_to_no_other_site() {
        let here = ("host", "ra.example");
        assert_eq!(page_of(&parts("GET", "/orders?a=1", &[])).as_deref(), Some("/orders?a=1"));
        let form = parts("POST", "/orders/1/drop", &[here, ("referer", "https://ra.example/orders/1")]);
        assert_eq!(page_of(&form).as_deref(), Some("/orders/1"));
        for bad in [
            parts("POST", "/x", &[here, ("referer", "https://evil.example/orders")]),
            parts("POST", "/x", &[here, ("referer", "https://ra.example.evil.example/orders")]),
            parts("POST", "/x", &[here]),
            parts("GET", "//evil.example/", &[]),
            parts("GET", "/counts", &[("sec-fetch-dest", "empty")]),
        ] {
            assert_eq!(page_of(&bad), None, "{}", bad.uri);
        }
    }
}
