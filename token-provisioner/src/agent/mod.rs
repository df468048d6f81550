//! The certificate assistant (证书助手): a small web server on the user's own computer.
//!
//! A site opens its window and asks, over `postMessage`, for a signature or a provisioning. The window shows
//! who asks and what for, in plain words, takes the PIN and answers that origin alone. It trusts what the
//! browser says of origins, and the configuration's list of them; it does not trust the sites. It never signs
//! bytes that it has not shown, never hands out a PIN or a key, and listens on loopback only.

mod assistant;
mod guard;
mod pages;
mod pin_report;
mod presence;
mod protocol;
mod provisioning;
mod server;
mod statement;
mod unlocking;
mod window;
mod withdrawal;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ca_core::clock::{Clock, SystemClock, system_rng};
use rand::CryptoRng;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::guard::{OneUse, Rate};
use crate::config::{Config, Site};
use crate::driver::{Drivers, TokenError};
use crate::origin::Origin;

/// How long a form of the agent can wait for its person.
const FORM_LIFE: Duration = Duration::from_secs(15 * 60);

/// How long telling the sites that the agent ends may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The address is taken, by another agent perhaps.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
}

/// A running agent.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Cancel to stop it.
    pub shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl Running {
    /// Stops it and waits until open requests are answered (a few seconds at most).
    pub async fn stop(self) {
        self.shutdown.cancel();
        if let Err(error) = self.served.await {
            tracing::error!(%error, "The agent's server ended badly");
        }
    }
}

/// What all handlers share.
pub(crate) struct Agent {
    /// `127.0.0.1:17080`: the only Host, and the end of the only Origin.
    authority: String,
    drivers: Drivers,
    /// Modules that did not load, for the environment check.
    failed: Vec<TokenError>,
    sites: Vec<Site>,
    clock: Arc<dyn Clock>,
    rng: Mutex<Box<dyn CryptoRng + Send>>,
    rate: Rate,
    windows: OneUse<()>,
    acts: OneUse<window::Session>,
    pin_forms: OneUse<()>,
    jobs: provisioning::Jobs,
    watches: Mutex<JoinSet<()>>,
    shutdown: CancellationToken,
}

impl Agent {
    /// 32 random bytes in base64url.
    fn token(&self) -> String {
        use base64::Engine as _;
        let mut bytes = [0; 32];
        self.draw(|rng| rng.fill_bytes(&mut bytes));
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    fn draw<T>(&self, act: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        act(self.rng.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
    }

    fn site(&self, origin: &str) -> Option<&Site> {
        let origin: Origin = origin.parse().ok()?;
        self.sites.iter().find(|site| site.origin == origin)
    }

    /// Has the drivers look for tokens that were plugged in since.
    async fn look_again(self: &Arc<Self>) {
        if let Err(error) = self.with_tokens(|agent| agent.drivers.look_again()).await {
            tracing::error!(%error, "Cannot look for tokens");
        }
    }

    /// Lets those who watch tokens tell their sites that this is over.
    async fn say_goodbye(&self) {
        let mut watches = std::mem::take(&mut *self.watches.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while watches.join_next().await.is_some() {} };
        if tokio::time::timeout(GOODBYE, all).await.is_err() {
            tracing::warn!("Some sites were not told that the assistant ends");
        }
    }

    /// Runs token work on a thread where it may block.
    async fn with_tokens<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, TokenError> {
        let agent = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&agent))
            .await
            .map_err(|e| TokenError::Broken(format!("the token's thread ended: {e}")))
    }
}

/// Starts the agent with the system's clock and chance.
///
/// # Errors
/// [`AgentError::Listen`]. A module that does not load is no error: the environment check tells it.
pub async fn start(config: Config) -> Result<Running, AgentError> {
    let (drivers, failed) = config.load_drivers();
    for error in &failed {
        tracing::error!(%error, "A driver does not load");
    }
    start_with(config, drivers, failed, Arc::new(SystemClock), Box::new(system_rng())).await
}

/// Starts the agent with these drivers, clock and chance.
///
/// # Errors
/// [`AgentError::Listen`].
pub async fn start_with(
    config: Config,
    drivers: Drivers,
    failed: Vec<TokenError>,
    clock: Arc<dyn Clock>,
    rng: Box<dyn CryptoRng + Send>,
) -> Result<Running, AgentError> {
    let listen_failed = |cause| AgentError::Listen { address: config.listen, cause };
    let listener = TcpListener::bind(config.listen).await.map_err(listen_failed)?;
    let address = listener.local_addr().map_err(listen_failed)?;
    let agent = Arc::new(Agent {
        authority: address.to_string(),
        drivers,
        failed,
        sites: config.sites,
        clock,
        rng: Mutex::new(rng),
        rate: Rate::new(),
        windows: OneUse::new(FORM_LIFE),
        acts: OneUse::new(FORM_LIFE),
        pin_forms: OneUse::new(FORM_LIFE),
        jobs: provisioning::Jobs::default(),
        watches: Mutex::default(),
        shutdown: CancellationToken::new(),
    });
    let shutdown = agent.shutdown.clone();
    let serving = server::serve(listener, server::router(Arc::clone(&agent)), shutdown.clone());
    let served = tokio::spawn(async move {
        serving.await;
        agent.say_goodbye().await;
    });
    tracing::info!(%address, "The certificate assistant listens");
    Ok(Running { address, shutdown, served })
}

/// Returns when the program is told to stop (Ctrl-C or SIGTERM).
pub async fn until_told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::error!(%error, "Cannot wait for Ctrl-C");
    }
}
