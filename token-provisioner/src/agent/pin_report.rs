//! The server learns that a PIN was changed by the token's own signed word: no page could prove it.
//!
//! Told to every site that may unblock, in the background: whoever changed a PIN does not wait for a network. Tried three
//! times and then left; the sites take the next change as well.

use std::sync::Arc;
use std::time::Duration;

use super::Agent;
use crate::config::Permission;
use crate::driver::{Pin, TokenSerial};
use crate::origin::Origin;
use crate::provision::unblock::pin_change;
use crate::ra_client::RaClient;

/// How long to wait before each attempt.
const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(60)];

/// The PIN of this token was changed to this one.
pub(super) fn changed(agent: &Arc<Agent>, token: TokenSerial, pin: Pin) {
    let sites: Vec<Origin> =
        agent.sites.iter().filter(|site| site.may(Permission::Unlock)).map(|site| site.origin.clone()).collect();
    if sites.is_empty() {
        return;
    }
    let agent = Arc::clone(agent);
    tokio::spawn(async move {
        let signed =
            agent.with_tokens(move |agent| pin_change(&agent.drivers, &token, &pin, None, agent.clock.now())).await;
        let message = match signed {
            Ok(Ok(Some(message))) => message,
            // A token without a certificate has nobody to tell of it.
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return tracing::warn!(%error, "A change of PIN is not reported"),
            Err(error) => return tracing::warn!(%error, "A change of PIN is not reported"),
        };
        for site in sites {
            tell(&site, &message).await;
        }
    });
}

async fn tell(site: &Origin, message: &[u8]) {
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        let told = match RaClient::new(site.clone()) {
            Ok(ra) => ra.pin_changed(message.to_vec()).await,
            Err(error) => Err(error),
        };
        match told {
            Ok(()) => return,
            Err(error) => tracing::info!(%site, %error, "A change of PIN was not told"),
        }
    }
}
