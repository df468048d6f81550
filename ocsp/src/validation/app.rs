//! Joins the parts of the verification service once: keys, CA certificates, callers, listeners.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use ca_core::chain::Purpose;
use ca_core::clock::Clock;
use ca_core::domain::Timestamp;
use ca_core::signer::{EvidenceKey, StampKey};
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::Service as _;
use hyper::{Response, StatusCode};
use hyper_util::service::TowerToHyperService;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::callers::{Callers, Meter};
use super::config::Config;
use super::finding::Words;
use super::http::{Service, router};
use super::notary::Notary;
use super::stamp::StampAuthority;
use super::verifier::Verifier;
use crate::client::{Client, CrlFallback, CrlSource, Settings};
use crate::http::serve;

/// Connections that may be open at the operations listener.
const OPERATORS: usize = 64;

/// A service that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it is asked.
    pub listen: SocketAddr,
    /// Where `/healthz` and `/readyz` are.
    pub operations: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops accepting and lets open requests end.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(%error, "A part of the verification service panicked");
            }
        }
    }
}

/// Until when the service's own certificates are good: it is not ready after that.
struct Readiness {
    clock: Arc<dyn Clock>,
    until: Vec<(&'static str, Timestamp)>,
}

impl Readiness {
    fn complaints(&self) -> Vec<String> {
        let now = self.clock.now();
        let over = self.until.iter().filter(|(_, until)| *until < now);
        over.map(|(what, until)| format!("the certificate of {what} ended at {}", until.beijing_text())).collect()
    }

    fn answer(&self, path: &str) -> Response<Full<bytes::Bytes>> {
        let (status, body) = match path {
            "/healthz" => (StatusCode::OK, serde_json::json!({ "alive": true })),
            "/readyz" => {
                let complaints = self.complaints();
                let status = if complaints.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                (status, serde_json::json!({ "ready": complaints.is_empty(), "complaints": complaints }))
            }
            _ => (StatusCode::NOT_FOUND, serde_json::Value::Null),
        };
        let mut response = Response::new(Full::from(body.to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Starts the service.
///
/// # Errors
/// When a key or certificate does not serve, a file cannot be read, or a port is taken.
pub async fn start(config: Config, clock: Arc<dyn Clock>, rng: ChaCha20Rng) -> anyhow::Result<Running> {
    let at = |address: SocketAddr| async move {
        TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))
    };
    let connections = config.limits.connections();
    let (listener, operations) = (at(config.listen).await?, at(config.operations_listen).await?);
    // Opening keys is slow by design.
    let (service, readiness) = tokio::task::spawn_blocking(move || build(&config, clock, rng)).await??;
    let mut running = Running {
        listen: listener.local_addr()?,
        operations: operations.local_addr()?,
        stop: CancellationToken::new(),
        tasks: JoinSet::new(),
    };
    let readiness = Arc::new(readiness);
    let for_operators = crate::http::ConnectionLimits { connections: OPERATORS, ..connections };
    running.tasks.spawn(serve(operations, for_operators, None, running.stop.clone(), move |request| {
        let answer = readiness.answer(request.uri().path());
        async move { answer }
    }));
    let routes = TowerToHyperService::new(router(Arc::new(service)));
    running.tasks.spawn(serve(listener, connections, None, running.stop.clone(), move |request| {
        let answer = routes.call(request);
        async move {
            match answer.await {
                Ok(answer) => answer,
                Err(impossible) => match impossible {},
            }
        }
    }));
    tracing::info!(listen = %running.listen, operations = %running.operations, "The verification service listens");
    Ok(running)
}

fn build(config: &Config, clock: Arc<dyn Clock>, mut rng: ChaCha20Rng) -> anyhow::Result<(Service, Readiness)> {
    let now = clock.now();
    let anchors = config.trust.anchors()?;
    let mut more = || {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        ChaCha20Rng::from_seed(seed)
    };
    let (key, certificate, until) = config.evidence.open(Purpose::Records, &anchors, now).context("evidence")?;
    let mut all_until = vec![("evidence", until)];
    let mut stamps = None;
    if let Some(settings) = &config.stamps {
        let (key, certificate, until) = settings.key().open(Purpose::TimeStamping, &anchors, now).context("stamps")?;
        all_until.push(("stamps", until));
        let policy = settings.policy().context("stamps.policy is no OID")?;
        let seconds = settings.accuracy_seconds;
        let authority =
            StampAuthority::new(StampKey::new(key), certificate, policy, seconds, clock.clone(), &mut more());
        tracing::info!(policy = %authority.policy(), "Gives time stamps");
        stamps = Some((Arc::new(authority), Meter::new(settings.per_minute)));
    }
    let trust = &config.trust;
    let crl = trust
        .crl
        .as_ref()
        .map(|base| CrlFallback { source: CrlSource::Url(base.clone()), max_age_seconds: trust.crl_max_age_seconds });
    let patience = std::time::Duration::from_millis(config.limits.responder_ms);
    let settings = Settings { patience, crl, ..Settings::new(&trust.ocsp) };
    let client = Client::new(settings, clock.clone(), more())?;
    let notary = Notary {
        key: EvidenceKey::new(key),
        certificate,
        stamps: stamps.as_ref().map(|(authority, _)| authority.clone()),
        rng: Mutex::new(more()),
    };
    let service = Service {
        callers: Callers::load(&config.callers_file)?,
        verifier: Verifier { anchors, client, clock: clock.clone() },
        notary: Arc::new(notary),
        stamps,
        words: Words::built_in()?,
        places: Semaphore::new(config.limits.at_once),
        body_bytes: config.limits.body_bytes,
        patience: config.limits.question(),
    };
    Ok((service, Readiness { clock, until: all_until }))
}
