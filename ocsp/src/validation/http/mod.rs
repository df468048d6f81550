//! The verification service over HTTP: `POST /api/v1/verify`, `POST /tsa`, and `GET /api/v1/openapi.json`, which is made from
//! this code.
//!
//! Plain HTTP: in front of it stands a proxy with TLS, for callers' keys go by here. A caller is known before anything of
//! its question is read. Everything that is no answer is `application/problem+json`; nothing may be kept by caches.

mod body;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::{NO_STORE, Problem, VerifyAnswer, VerifyRequest};
use super::callers::{Caller, Callers, Meter};
use super::finding::{Finding, Words};
use super::metrics::Meters;
use super::notary::Notary;
use super::question::Question;
use super::stamp::{MAX_REQUEST, StampAuthority};
use super::verifier::Verifier;

/// What the edge needs.
pub(super) struct Service {
    pub(super) callers: Callers,
    pub(super) verifier: Verifier,
    pub(super) notary: Arc<Notary>,
    pub(super) stamps: Option<(Arc<StampAuthority>, Meter)>,
    pub(super) words: Words,
    pub(super) places: Semaphore,
    pub(super) body_bytes: usize,
    pub(super) patience: Duration,
    pub(super) meters: Arc<Meters>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Yinxin verification service",
        description = "Verifies signatures by certificates of a Yinxin authority, with a signed record of each, and gives \
                       time stamps (RFC 3161). 印信签名验证与时间戳服务。"
    ),
    modifiers(&BearerKey)
)]
struct Description;

struct BearerKey;

impl Modify for BearerKey {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("yxv_…").build();
        description.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The routes; one of them tells their description.
pub(super) fn router(service: Arc<Service>) -> Router {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(verify))
        .routes(routes!(time_stamp))
        .split_for_parts();
    let json = serde_json::to_vec(&description).unwrap_or_default();
    let told = move || {
        let json = json.clone();
        async move { ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json) }
    };
    router
        .route("/api/v1/openapi.json", axum::routing::get(told))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "another method is needed")
        })
        .with_state(service.clone())
        .layer(axum::middleware::map_response_with_state(service, counted))
}

/// Counts what is turned away, whoever did it.
async fn counted(State(service): State<Arc<Service>>, response: Response) -> Response {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        service.meters.turned_away(status.as_u16());
    }
    response
}

/// Verifies a signature: signature, chain, validity, use and status. Whatever is found, the answer is 200 and says so.
#[utoipa::path(
    post,
    path = "/api/v1/verify",
    request_body = VerifyRequest,
    responses(
        (status = 200, description = "What was found", body = VerifyAnswer),
        (status = 400, description = "No question that can be read", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No caller's key", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "It came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "It is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The caller asks too often", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much is asked at once", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
async fn verify(State(service): State<Arc<Service>>, request: Request) -> Result<Response, Problem> {
    let (caller, meter) = service.caller(request.headers())?;
    service.take(Some(caller), meter)?;
    let _place = service.place()?;
    of_type(request.headers(), "application/json")?;
    let body = service.body(request.into_body(), service.body_bytes).await?;
    let asked: VerifyRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let question = Question::from(asked);
    let verdict = service.verifier.verify(&question, caller.issuers.as_deref()).await;
    service.meters.verified(verdict.finding);
    if let (Finding::Valid, Some(status)) = (verdict.finding, &verdict.status) {
        service.meters.heard(status.moment);
    }
    let evidenced = service.notary.attest(&caller.name, &question, &verdict).await;
    service.meters.recorded(evidenced.is_ok());
    let evidenced = evidenced.map_err(|error| {
        tracing::error!(%error, "A verdict without a record is not given");
        Problem::later(StatusCode::SERVICE_UNAVAILABLE, "no record can be signed now", Duration::from_secs(5))
    })?;
    tracing::info!(caller = %caller.name, record = %evidenced.id, finding = %verdict.finding.word(), "Verified");
    let answer = VerifyAnswer::of(verdict, evidenced, &service.words);
    let mut response = axum::Json(answer).into_response();
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    Ok(response)
}

/// Gives a time stamp (RFC 3161 §3.4). What cannot be stamped gets an answer of status 200 as well, with the failure inside.
/// A caller's key is not needed; with one the stamp counts on the caller.
#[utoipa::path(
    post,
    path = "/tsa",
    request_body(content = Vec<u8>, content_type = "application/timestamp-query", description = "TimeStampReq, DER"),
    responses(
        (status = 200, description = "TimeStampResp, DER", body = Vec<u8>, content_type = "application/timestamp-reply"),
        (status = 401, description = "Not a caller's key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No stamps are given here", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "It came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "It is no time-stamp query", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many are asked for", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much is asked at once", body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("key" = []))
)]
async fn time_stamp(State(service): State<Arc<Service>>, request: Request) -> Result<Response, Problem> {
    let Some((stamps, anyone)) = &service.stamps else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no time stamps are given here"));
    };
    let (caller, meter) = match request.headers().contains_key(AUTHORIZATION) {
        true => service.caller(request.headers()).map(|(caller, meter)| (Some(caller), meter))?,
        false => (None, anyone),
    };
    service.take(caller, meter)?;
    let _place = service.place()?;
    of_type(request.headers(), "application/timestamp-query")?;
    let body = service.body(request.into_body(), MAX_REQUEST).await?;
    let stamps = stamps.clone();
    let reply = tokio::task::spawn_blocking(move || stamps.answer(&body)).await;
    let (reply, outcome) =
        reply.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no stamp can be made now"))?;
    service.meters.stamped(outcome);
    let head = [(CONTENT_TYPE, HeaderValue::from_static("application/timestamp-reply")), (CACHE_CONTROL, NO_STORE)];
    Ok((head, reply).into_response())
}

fn of_type(head: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    let said = head.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    if said.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the content type must be {wanted}")))
    }
}

impl Service {
    fn caller(&self, head: &HeaderMap) -> Result<(&Caller, &Meter), Problem> {
        let key = head.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        key.and_then(|key| self.callers.find(key.trim())).ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "a caller's key is needed: Authorization: Bearer yxv_…")
        })
    }

    fn take(&self, caller: Option<&Caller>, meter: &Meter) -> Result<(), Problem> {
        let taken = meter.take(Instant::now());
        self.meters.asked(caller.map(|caller| caller.name.as_str()), taken.is_ok());
        taken.map_err(|wait| Problem::later(StatusCode::TOO_MANY_REQUESTS, "more is asked than was agreed on", wait))
    }

    fn place(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
        let busy =
            |_| Problem::later(StatusCode::SERVICE_UNAVAILABLE, "too much is asked at once", Duration::from_secs(1));
        self.places.try_acquire().map_err(busy)
    }

    async fn body(&self, body: Body, limit: usize) -> Result<Bytes, Problem> {
        match tokio::time::timeout(self.patience, axum::body::to_bytes(body, limit)).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) => {
                let detail = format!("the body is longer than {limit} bytes, or broke off");
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
            }
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")),
        }
    }
}
