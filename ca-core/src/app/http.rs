//! For operators: alive, ready, metrics, of the authority and of the key-management centre. On a loopback address;
//! says nothing of orders or people.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::revocation::freshness;
use crate::revocation::publish::Mirrors;
use crate::sql::SqlStore;
use crate::store::Store as _;

/// A heartbeat older than this is a fault, in seconds.
const MAX_BEAT_AGE: i64 = 30;
/// Connections at one time; others wait.
const MAX_CONNECTIONS: usize = 256;
/// How long a connection may last, whatever it does: operators ask one thing and go.
const CONNECTION_TIME: Duration = Duration::from_secs(10);

/// What keeps a process from doing its work.
#[async_trait]
pub(crate) trait Readiness: Send + Sync + 'static {
    /// A line for each fault; none when it is ready.
    async fn faults(&self) -> Vec<String>;
}

/// The authority's readiness.
pub(super) struct Authority {
    pub(super) store: SqlStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) mirrors: Mirrors,
}

#[derive(Clone)]
struct Operations {
    process: Arc<dyn Readiness>,
    metrics: PrometheusHandle,
}

/// The one recorder of this process.
pub(crate) fn recorder() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Another part of the process may have installed its own, e.g. in tests: then ours stays empty.
    drop(metrics::set_global_recorder(recorder));
    Ok(HANDLE.get_or_init(|| handle).clone())
}

pub(crate) async fn serve(
    mut listener: TcpListener,
    process: Arc<dyn Readiness>,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(operations): State<Operations>| operations.metrics.render()))
        .with_state(Operations { process, metrics });
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        // axum's accept waits after an error such as "too many open files" instead of spinning.
        let (stream, _) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(CONNECTION_TIME);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            // Late, or broken off: both are the client's.
            drop(tokio::time::timeout(CONNECTION_TIME, connection).await);
            drop(place);
        });
    }
}

async fn ready(State(operations): State<Operations>) -> (StatusCode, String) {
    let faults = operations.process.faults().await;
    if faults.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, faults.join("\n") + "\n")
    }
}

#[async_trait]
impl Readiness for Authority {
    async fn faults(&self) -> Vec<String> {
        let looked = async {
            let mut tx = self.store.begin_read().await?;
            freshness(&mut *tx, self.clock.now()).await
        };
        let freshness = match looked.await {
            Ok(freshness) => freshness,
            Err(error) => return vec![format!("store: {error}")],
        };
        let mut faults = Vec::new();
        if freshness.beat_age > MAX_BEAT_AGE {
            faults.push(format!("heartbeat: {} seconds old", freshness.beat_age));
        }
        faults.extend(freshness.stale.iter().map(|issuer| format!("crl: {issuer} has none that is valid")));
        faults.extend(self.mirrors.faults().into_iter().map(|fault| format!("publish: {fault}")));
        if freshness.open_intents > 0 {
            faults.push(format!("issuance: {} certificates are left open", freshness.open_intents));
        }
        faults
    }
}
