//! Joins the parts of the verification service once: keys, CA certificates, callers, listeners.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use ca_core::chain::Purpose;
use ca_core::clock::Clock;
use ca_core::signer::{EvidenceKey, StampKey};
use hyper::service::Service as _;
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
use super::metrics::Meters;
use super::notary::Notary;
use super::own::{Own, OwnCertificates};
use super::stamp::StampAuthority;
use super::verifier::Verifier;
use crate::client::Client;
use crate::http::{serve, tell};

/// Connections that may be open at the operations listener.
const OPERATORS: usize = 64;

/// A service that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it is asked.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
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
    let (service, own) = tokio::task::spawn_blocking(move || build(&config, clock, rng)).await??;
    let mut running = Running {
        listen: listener.local_addr()?,
        operations: operations.local_addr()?,
        stop: CancellationToken::new(),
        tasks: JoinSet::new(),
    };
    let own = Arc::new(own);
    let (watched, client, stop) = (own.clone(), service.verifier.client.clone(), running.stop.clone());
    running.tasks.spawn(async move {
        let _cut_off = stop.run_until_cancelled(watched.watch(&client)).await;
    });
    let for_operators = crate::http::ConnectionLimits { connections: OPERATORS, ..connections };
    running.tasks.spawn(serve(operations, for_operators, None, running.stop.clone(), move |request| {
        let answer = tell(&*own, &request);
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

fn build(config: &Config, clock: Arc<dyn Clock>, mut rng: ChaCha20Rng) -> anyhow::Result<(Service, OwnCertificates)> {
    let now = clock.now();
    let anchors = config.trust.anchors()?;
    let mut more = || {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        ChaCha20Rng::from_seed(seed)
    };
    let (key, chain) = config.evidence.open(Purpose::Records, &anchors, now).context("evidence")?;
    let certificate = chain.der().to_vec();
    let mut own = vec![Own::new("evidence", chain)];
    let mut stamps = None;
    if let Some(settings) = &config.stamps {
        let (key, chain) = settings.key().open(Purpose::TimeStamping, &anchors, now).context("stamps")?;
        let certificate = chain.der().to_vec();
        own.push(Own::new("stamps", chain));
        let policy = settings.policy().context("stamps.policy is no OID")?;
        let seconds = settings.accuracy_seconds;
        let authority =
            StampAuthority::new(StampKey::new(key), certificate, policy, seconds, clock.clone(), &mut more());
        tracing::info!(policy = %authority.policy(), "Gives time stamps");
        stamps = Some((Arc::new(authority), Meter::new(settings.per_minute)));
    }
    let client = Arc::new(Client::new(config.client(), clock.clone(), more())?);
    let notary = Notary {
        key: EvidenceKey::new(key),
        certificate,
        stamps: stamps.as_ref().map(|(authority, _)| authority.clone()),
        rng: Mutex::new(more()),
    };
    let callers = Callers::load(&config.callers_file)?;
    let meters = Arc::new(Meters::new(callers.names(), own.iter().map(|own| own.name)));
    let service = Service {
        callers,
        verifier: Verifier { anchors, client, clock: clock.clone() },
        notary: Arc::new(notary),
        stamps,
        words: Words::built_in()?,
        places: Semaphore::new(config.limits.at_once),
        body_bytes: config.limits.body_bytes,
        patience: config.limits.question(),
        meters: meters.clone(),
    };
    Ok((service, OwnCertificates::new(clock, meters, own)))
}
