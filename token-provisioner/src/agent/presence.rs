//! While a person is signed in at a site, the site is told that their token is plugged in, and at once when it is not.
//!
//! The token itself signs, beside the login, that this assistant will watch it; what the assistant says after that is known
//! by a secret of its own. Told to the site that asked for the login and to no other, never through its page. A site
//! that wants to know nothing of it refuses the first word, and that is the end of it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{Login, Presence, Sha256, Timestamp, encode};
use openssl::sha::sha256;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use zeroize::Zeroizing;

use super::Agent;
use crate::driver::{KeyId, Session, TokenSerial};
use crate::origin::Origin;
use crate::provision::{ProvisionError, signed_message};
use crate::ra_client::{RaClient, RaError};

/// How often the token is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the site is told that it is there: well within the half minute after which it ends the session.
const TELL_EVERY: Duration = Duration::from_secs(8);
/// How long to wait before trying again to tell what was not heard.
const AGAIN: Duration = Duration::from_secs(2);
/// How often it is tried to tell that the token is gone. After that the site's own patience ends.
const LAST_TRIES: usize = 3;

/// What the token signed for the site, and the secret that goes with it.
pub(super) struct Watch {
    token: TokenSerial,
    message: Vec<u8>,
    until: Timestamp,
    secret: Zeroizing<String>,
}

impl Watch {
    /// Has the token sign that it is watched, beside a login.
    pub(super) fn sign(
        agent: &Agent,
        session: &mut dyn Session,
        key: &KeyId,
        certificate: &[u8],
        token: &TokenSerial,
        login: &Login,
    ) -> Result<Self, ProvisionError> {
        let mut bytes = Zeroizing::new([0; 32]);
        agent.draw(|rng| rng.fill_bytes(&mut *bytes));
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        let presence = Presence {
            aud: login.aud.clone(),
            login: Sha256(sha256(&encode(login))),
            exp: login.exp,
            watch: Sha256(sha256(secret.as_bytes())),
        };
        let message = signed_message(session, key, certificate, &encode(&presence), agent.clock.now())?;
        Ok(Self { token: token.clone(), message, until: login.exp, secret })
    }

    /// Watches until the site has heard that the token is gone, or wants to hear no more.
    pub(super) fn begin(self, agent: &Arc<Agent>, site: &Origin) {
        let ra = match RaClient::new(site.clone()) {
            Ok(ra) => ra,
            Err(error) => return tracing::error!(%error, "No client for a site; its session will end"),
        };
        let watched = Arc::clone(agent);
        let task = async move {
            if let Some(name) = self.introduce(&watched, &ra).await {
                self.tell(&watched, &ra, name).await;
            }
        };
        let mut watches = agent.watches.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while watches.try_join_next().is_some() {}
        watches.spawn(task);
    }

    /// The first word; under which name the site knows this watch.
    async fn introduce(&self, agent: &Arc<Agent>, ra: &RaClient) -> Option<Sha256> {
        loop {
            let told = tokio::select! {
                told = ra.presence_begin(&self.message) => told,
                () = agent.shutdown.cancelled() => return None,
            };
            match told {
                Ok(name) => return Some(name),
                Err(error) if passes(&error) && agent.clock.now() <= self.until => {}
                Err(error) => {
                    tracing::info!(%error, "The site does not watch the token");
                    return None;
                }
            }
            tokio::select! {
                () = sleep(AGAIN) => {}
                () = agent.shutdown.cancelled() => return None,
            }
        }
    }

    async fn tell(&self, agent: &Arc<Agent>, ra: &RaClient, name: Sha256) {
        let mut next = Instant::now() + TELL_EVERY;
        // A token that is at work answers late. That says nothing: the site is told of what was seen last.
        let mut looking = self.look(agent);
        loop {
            tokio::select! {
                seen = &mut looking => {
                    if !seen.unwrap_or(false) {
                        return self.gone(ra, name).await;
                    }
                    looking = self.look(agent);
                }
                () = sleep_until(next) => match ra.presence(name, &self.secret, false).await {
                    Ok(true) => next = Instant::now() + TELL_EVERY,
                    Err(error) if passes(&error) => next = Instant::now() + AGAIN,
                    Ok(false) => return,
                    Err(error) => return tracing::info!(%error, "The site hears no more of the token"),
                },
                () = agent.shutdown.cancelled() => return self.gone(ra, name).await,
            }
        }
    }

    /// Whether the token is there, a moment from now.
    fn look(&self, agent: &Arc<Agent>) -> JoinHandle<bool> {
        let (agent, token) = (Arc::clone(agent), self.token.clone());
        tokio::spawn(async move {
            sleep(LOOK_EVERY).await;
            agent.with_tokens(move |agent| agent.drivers.of(&token).is_ok()).await.unwrap_or(false)
        })
    }

    async fn gone(&self, ra: &RaClient, name: Sha256) {
        for _ in 0..LAST_TRIES {
            match ra.presence(name, &self.secret, true).await {
                Err(error) if passes(&error) => tracing::info!(%error, "A site was not told that a token is gone"),
                _ => return tracing::info!(token = %self.token, "A site was told that a token is gone"),
            }
            sleep(AGAIN).await;
        }
    }
}

/// Whether trying again may help: no answer, or one of a site that is short of breath.
fn passes(error: &RaError) -> bool {
    match error {
        RaError::Unreachable(_) => true,
        RaError::Refused { code, .. } => matches!(code.as_str(), "store_unavailable" | "too_many" | "timed_out"),
        RaError::NotUnderstood(_) => false,
    }
}
