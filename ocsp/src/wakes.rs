//! Wakes the feed when the authority tells that the status log has grown, so that a change shows at once and not after the
//! feed's pause.
//!
//! Nothing rests on it: the feed looks every `poll` whatever is told or not, and a word that comes says only that it is worth
//! looking. Where nobody tells anything (SQLite, a streaming replica, a pooler that shares connections) the pause is what
//! there is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_core::sql::DatabaseError;

use crate::responder::Core;

/// The pause before the first try to listen again, doubled with each that fails up to the longest: a replica refuses for
/// as long as it is one, and may become the primary one day.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A way to hear the authority.
#[async_trait]
pub(crate) trait Bell: Send + Sync {
    /// Begins to listen: what is committed from here on is told.
    async fn listen(&self) -> Result<Box<dyn Listening>, DatabaseError>;
}

/// A connection on which the authority is heard.
#[async_trait]
pub(crate) trait Listening: Send {
    /// Waits for the next word; `false` when the connection is gone.
    async fn told(&mut self) -> Result<bool, DatabaseError>;
}

/// Listens, and again after each connection that was lost; never returns.
pub(crate) async fn run(bell: Box<dyn Bell>, core: Arc<Core>) {
    let (mut pause, mut told) = (FIRST_PAUSE, false);
    loop {
        match bell.listen().await {
            Ok(mut listening) => {
                (pause, told) = (FIRST_PAUSE, false);
                core.meters.listening(true);
                tracing::info!("The authority wakes the status feed");
                // What was told while nobody listened.
                core.news.wake();
                loop {
                    match listening.told().await {
                        Ok(true) => {
                            core.meters.woken();
                            core.news.wake();
                        }
                        Ok(false) => break,
                        Err(error) => {
                            tracing::debug!(%error, "Listening broke off");
                            break;
                        }
                    }
                }
                core.meters.listening(false);
                tracing::warn!("The authority is not heard any more; the status feed looks by itself");
            }
            Err(error) if !told => {
                told = true;
                tracing::warn!(%error, "The authority cannot be heard; the status feed looks by itself");
            }
            Err(error) => tracing::debug!(%error, "The authority still cannot be heard"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
