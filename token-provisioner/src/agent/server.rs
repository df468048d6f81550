//! The listener and the routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

use super::{Agent, assistant, guard, provisioning, window};

/// So many orders as are signed together, each of some kilobytes in base64, with room around them.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a client may take to send its headers; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take: an RSA key in a slow token, and a slow network.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Connections at one time; a browser uses six.
const MAX_CONNECTIONS: usize = 64;
/// How long open requests may take to end when the agent stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Every route of the agent.
pub(super) fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/", get(assistant::home))
        .route("/pin", get(assistant::pin_form).post(assistant::change_pin))
        .route("/check", get(assistant::check))
        .route("/window", get(window::open))
        .route("/window/request", post(window::request))
        .route("/window/act", post(window::act))
        .route("/window/progress/{job}", get(provisioning::progress))
        .route("/static/agent.css", get(|| file("text/css; charset=utf-8", include_str!("../../static/agent.css"))))
        .route("/static/window.js", get(|| file("text/javascript", include_str!("../../static/window.js"))))
        .route("/static/icon.svg", get(|| file("image/svg+xml", include_str!("../../static/icon.svg"))))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(assistant::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, ANSWER_TIMEOUT))
        .layer(from_fn_with_state(Arc::clone(&agent), guard::guard))
        .with_state(agent)
}

async fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], text)
}

/// Serves until told to stop, then lets open requests end.
pub(super) async fn serve(mut listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(64 * 1024);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&connections).acquire_owned() => permit,
            () = shutdown.cancelled() => break,
        };
        // axum's accept waits a second after an error such as "too many open files" instead of spinning.
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = shutdown.cancelled() => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "A connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("Some requests were cut off");
    }
}

/// The state that handlers get.
pub(super) type Shared = State<Arc<Agent>>;

/// A page, or the reason why there is none.
pub(super) fn html(rendered: Result<String, askama::Error>) -> Response {
    match rendered {
        Ok(page) => axum::response::Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "A page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
