//! The operations listener: alive, ready, counted. On loopback, for probes and Prometheus.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};

/// Something that must work for the process to be of use.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// Its name in `/readyz`.
    fn name(&self) -> &'static str;

    /// Tries it.
    ///
    /// # Errors
    /// Says what is wrong, for the operator; never secret.
    async fn check(&self) -> Result<(), String>;
}

/// `/healthz`, `/readyz`, `/metrics`.
pub fn router(probes: Vec<Arc<dyn Probe>>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(get_ready))
        .route("/metrics", get(|| async { recorder().render() }))
        .with_state(Arc::new(probes))
}

async fn get_ready(State(probes): State<Arc<Vec<Arc<dyn Probe>>>>) -> (StatusCode, Json<Value>) {
    let mut ready = true;
    let mut found = serde_json::Map::new();
    for probe in probes.iter() {
        let verdict = probe.check().await;
        ready &= verdict.is_ok();
        found.insert(probe.name().to_owned(), verdict.err().map_or(json!("ok"), Value::String));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": found })))
}

/// The process's one recorder of metrics.
pub fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics was there before; this process's figures go to it");
        }
        handle
    })
}
