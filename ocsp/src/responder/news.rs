//! Lets a question wait until the feed has looked once more.
//!
//! A certificate is told to nobody before it is durable; but the index hears of it a moment later. Who asks within that
//! moment must not be told `unknown`, so before that is said the feed looks at the log again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// How long a question waits for a look.
const PATIENCE: Duration = Duration::from_secs(3);

/// Rounds of the feed, numbered from 1.
pub(crate) struct News {
    begun: AtomicU64,
    done: watch::Sender<u64>,
    wanted: Notify,
}

impl News {
    pub(super) fn new() -> Self {
        Self { begun: AtomicU64::new(0), done: watch::Sender::new(0), wanted: Notify::new() }
    }

    /// A round begins; its number.
    pub(crate) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The round took over all that was in the log when it began.
    pub(crate) fn done(&self, round: u64) {
        self.done.send_replace(round);
    }

    /// There may be something new: the next round need not wait.
    pub(crate) fn wake(&self) {
        self.wanted.notify_one();
    }

    /// Returns when somebody waits for the next round, or it is worth one.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Waits for a round that begins from now on; `false` when none succeeds in time.
    pub(super) async fn next(&self) -> bool {
        let next = self.begun.load(Ordering::SeqCst) + 1;
        let mut done = self.done.subscribe();
        self.wanted.notify_one();
        matches!(tokio::time::timeout(PATIENCE, done.wait_for(|done| *done >= next)).await, Ok(Ok(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_round_that_had_begun_before_does_not_count() {
        let news = Arc::new(News::new());
        let earlier = news.begin();
        let asking = tokio::spawn({
            let news = news.clone();
            async move { news.next().await }
        });
        news.wanted().await;
        news.done(earlier);
        tokio::task::yield_now().await;
        assert!(!asking.is_finished());
        let later = news.begin();
        news.done(later);
        assert!(asking.await.expect("no panic"));
    }
}
