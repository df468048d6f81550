//! What the operator and the supervisor ask of each process: `/healthz`, `/readyz`, `/metrics`.

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::{NO_STORE, Reply, bare, not_allowed};
use crate::responder::Responder;

/// What is watched.
pub(crate) trait Watched: Send + Sync {
    /// What keeps it from its work now; empty when nothing does.
    fn complaints(&self) -> Vec<String>;

    /// The exposition text for Prometheus, of this moment.
    fn metrics(&self) -> String;
}

impl Watched for Responder {
    fn complaints(&self) -> Vec<String> {
        self.core.complaints()
    }

    fn metrics(&self) -> String {
        self.measured()
    }
}

/// Answers one request about it.
pub(crate) fn tell(watched: &impl Watched, request: &Request<Incoming>) -> Reply {
    const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return not_allowed("GET, HEAD");
    }
    let (status, kind, body) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, JSON, r#"{"alive":true}"#.to_owned()),
        "/readyz" => {
            let complaints = watched.complaints();
            let status = if complaints.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = serde_json::json!({ "ready": complaints.is_empty(), "complaints": complaints });
            (status, JSON, body.to_string())
        }
        "/metrics" => (StatusCode::OK, PROMETHEUS, watched.metrics()),
        _ => return bare(StatusCode::NOT_FOUND),
    };
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    reply
}
