//! The validation service over HTTP: OCSP (RFC 6960 appendix A, RFC 5019), CRLs and CA certificates.
//!
//! Plain HTTP on purpose: everything served is signed, and a client that needs a certificate's status to trust
//! TLS could not ask over TLS. Trusts nothing that comes in; each connection and each request is bounded in
//! time and size. Answers may be kept for `max-age`, never until nextUpdate: a login portal must see a
//! revocation. Everything that is not a success is `no-store`.

mod file;
mod listener;
mod operations;
mod publish;
mod quiet;
mod stall;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ETAG, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    RETRY_AFTER,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};

pub use self::listener::ConnectionLimits;
pub(crate) use self::listener::serve;
pub(crate) use self::operations::{Watched, tell};
pub(crate) use self::publish::{ListBucket, PublishFolder};

use crate::responder::{Answer, OCSP_RESPONSE, Responder};
use crate::wire::Failure;

/// The longest request body, in bytes.
const MAX_REQUEST: u64 = 10 * 1024;

/// When to come again with what could not be answered now, in seconds.
const SOON: HeaderValue = HeaderValue::from_static("1");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

type Reply = Response<Full<Bytes>>;

/// The validation service behind its listener.
pub(crate) struct Validation {
    pub(crate) responder: Arc<Responder>,
    pub(crate) folder: PublishFolder,
    pub(crate) body_timeout: Duration,
    /// `public, max-age=…` for what may be kept.
    pub(crate) cache_control: HeaderValue,
}

impl Validation {
    /// The answer to a GET that is ready, as most are: nothing waits for it, and what was asked is not even copied.
    pub(crate) fn at_once(&self, request: &Request<Incoming>) -> Option<Reply> {
        let encoded = request.uri().path().strip_prefix("/ocsp/")?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let mut room = [0; target::ROOM];
        let answer = self.responder.at_once(target::decode_short(encoded, &mut room)?)?;
        Some(sent(&answer, request.headers()))
    }

    /// Answers one HTTP request that [`Self::at_once`] does not. What is not asked often is put aside, so that what is
    /// stays small: each request's future is moved about.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Reply {
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/ocsp")
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return match *request.method() {
                Method::POST if rest.len() <= 1 => self.post(request).await,
                Method::GET | Method::HEAD if rest.len() > 1 => Box::pin(self.get(&rest[1..], request.headers())).await,
                Method::GET | Method::HEAD => failure(Failure::MalformedRequest),
                _ => not_allowed("GET, HEAD, POST"),
            };
        }
        match self.folder.find(path) {
            None => bare(StatusCode::NOT_FOUND),
            Some(_) if !matches!(*request.method(), Method::GET | Method::HEAD) => not_allowed("GET, HEAD"),
            Some(name) => match Box::pin(self.folder.read(name)).await {
                None => bare(StatusCode::NOT_FOUND),
                Some(file) => file::answer(request.headers(), &file, &self.cache_control),
            },
        }
    }

    async fn post(&self, request: Request<Incoming>) -> Reply {
        let version = request.version();
        if request.body().size_hint().lower() > MAX_REQUEST {
            return last(StatusCode::PAYLOAD_TOO_LARGE, version);
        }
        let body = match tokio::time::timeout(self.body_timeout, read(request.into_body())).await {
            Ok(Ok(body)) => body,
            Ok(Err(status)) => return last(status, version),
            Err(_) => return last(StatusCode::REQUEST_TIMEOUT, version),
        };
        match self.responder.answer(body).await {
            Ok(answer) => ocsp(answer.der.clone()),
            Err(kind) => failure(kind),
        }
    }

    async fn get(&self, encoded: &str, headers: &HeaderMap) -> Reply {
        let Some(request) = target::decode(encoded) else { return failure(Failure::MalformedRequest) };
        match self.responder.answer(request.into()).await {
            Ok(answer) => sent(&answer, headers),
            Err(kind) => failure(kind),
        }
    }
}

/// An answer to a GET with these headers.
fn sent(answer: &Answer, request: &HeaderMap) -> Reply {
    let Some(head) = &answer.keepable else { return ocsp(answer.der.clone()) };
    let conditional = request.contains_key(IF_NONE_MATCH) || request.contains_key(IF_MODIFIED_SINCE);
    let unchanged = conditional
        && match (head.get(ETAG), head.get(LAST_MODIFIED)) {
            (Some(etag), Some(last_modified)) => is_unchanged(request, etag, last_modified),
            _ => false,
        };
    let mut reply = Response::new(Full::new(if unchanged { Bytes::new() } else { answer.der.clone() }));
    *reply.headers_mut() = head.clone();
    if unchanged {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply.headers_mut().remove(CONTENT_TYPE);
    }
    reply
}

fn ocsp(der: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(der));
    reply.headers_mut().insert(CONTENT_TYPE, OCSP_RESPONSE);
    reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    reply
}

fn failure(failure: Failure) -> Reply {
    let mut reply = ocsp(Bytes::from_static(failure.der()));
    if failure == Failure::TryLater {
        reply.headers_mut().insert(RETRY_AFTER, SOON);
    }
    reply
}

/// The whole body, or the status that says why not.
async fn read(mut body: Incoming) -> Result<Bytes, StatusCode> {
    let mut whole = Bytes::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        if (whole.len() + data.len()) as u64 > MAX_REQUEST {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        // Almost always it comes in one piece.
        whole = if whole.is_empty() { data } else { [whole, data].concat().into() };
        if body.is_end_stream() {
            break;
        }
    }
    Ok(whole)
}

fn bare(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    reply
}

fn not_allowed(allow: &'static str) -> Reply {
    let mut reply = bare(StatusCode::METHOD_NOT_ALLOWED);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// An error after which the connection cannot go on: the rest of the body was not read.
fn last(status: StatusCode, version: Version) -> Reply {
    let mut reply = bare(status);
    if version < Version::HTTP_2 {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// Whether the client has it already (RFC 9110 §13.2.2).
fn is_unchanged(request: &HeaderMap, etag: &HeaderValue, last_modified: &HeaderValue) -> bool {
    match request.get(IF_NONE_MATCH) {
        Some(tags) => holds(tags, etag),
        None => request.get(IF_MODIFIED_SINCE).is_some_and(|since| not_after(last_modified, since)),
    }
}

fn holds(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(etag)) = (tags.to_str(), etag.to_str()) else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

fn not_after(last_modified: &HeaderValue, since: &HeaderValue) -> bool {
    let date = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
    matches!((date(last_modified), date(since)), (Some(modified), Some(since)) if modified <= since)
}
