//! The worker: takes jobs, has them done, and says what came of them.

use std::sync::Arc;
use std::time::Duration;

use ca_core::clock::Clock;
use ca_core::sql::DatabaseError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Done, Every, Fault, Handler, Job, NewJob};
use crate::Chance;
use crate::retry::{back_off, settled};
use crate::store::Store;

/// A job belongs to whoever took it for so long, in seconds, and longer while it says that it works.
const LEASE_SECONDS: i64 = 60;
const KEEP: Duration = Duration::from_secs(20);
/// An idle worker looks again after this.
const IDLE: Duration = Duration::from_secs(1);
/// A database that fails is left alone for this.
const AWAY: Duration = Duration::from_secs(5);
/// Work in hand may go on for so long after the worker is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// The first wait after a failure; each further one is twice as long, up to the longest.
const FIRST_WAIT_SECONDS: i64 = 15;
const LONGEST_WAIT_SECONDS: i64 = 6 * 3600;
/// Of a fault's words so many are kept.
const FAULT_CHARS: usize = 500;

/// Works off the queue with the handlers that it has; jobs of other kinds wait for another worker.
pub struct Worker {
    store: Arc<dyn Store>,
    handlers: Vec<Arc<dyn Handler>>,
    clock: Arc<dyn Clock>,
    chance: Chance,
}

impl Worker {
    /// A worker with these handlers.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        handlers: Vec<Arc<dyn Handler>>,
        clock: Arc<dyn Clock>,
        chance: Chance,
    ) -> Arc<Self> {
        Arc::new(Self { store, handlers, clock, chance })
    }

    /// Works until it is told to stop: then nothing new is taken, and what is in hand may end within some seconds. What
    /// does not end is taken by another worker when the lease is over.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (loops, over) = (TaskTracker::new(), CancellationToken::new());
        for handler in &self.handlers {
            let (worker, handler, stop) = (self.clone(), handler.clone(), stop.clone());
            loops.spawn(over.clone().run_until_cancelled_owned(async move {
                while !stop.is_cancelled() {
                    let pause = match worker.turn(&handler).await {
                        Ok(true) => continue,
                        Ok(false) => IDLE,
                        Err(error) => {
                            tracing::error!(kind = handler.kind(), %error, "The queue cannot be worked off");
                            AWAY
                        }
                    };
                    drop(tokio::time::timeout(pause, stop.cancelled()).await);
                }
            }));
        }
        loops.close();
        stop.cancelled().await;
        if tokio::time::timeout(GRACE, loops.wait()).await.is_err() {
            tracing::warn!("Jobs are left half done; another worker takes them");
            over.cancel();
            loops.wait().await;
        }
    }

    /// Does what is due until nothing is. Says how many tries that were.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn work_off(&self) -> Result<usize, DatabaseError> {
        let mut tries = 0;
        loop {
            let before = tries;
            for handler in &self.handlers {
                tries += usize::from(self.turn(handler).await?);
            }
            if tries == before {
                return Ok(tries);
            }
        }
    }

    /// Takes one job of a kind and has it done; `false` when none is due.
    async fn turn(&self, handler: &Arc<dyn Handler>) -> Result<bool, DatabaseError> {
        if let Some(every) = handler.every() {
            self.come_round(handler.kind(), every).await?;
        }
        let Some(job) = self.take(handler.kind()).await? else { return Ok(false) };
        let outcome = self.work(handler, &job).await?;
        self.settle(handler.as_ref(), &job, outcome).await?;
        Ok(true)
    }

    /// Asks for the job of a kind whose time has come: once, however many workers look.
    async fn come_round(&self, kind: &'static str, every: Every) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        if self.store.read().await?.rounds().await?.iter().any(|round| round.kind == kind && round.next > now) {
            return Ok(());
        }
        settled(async || {
            let mut tx = self.store.begin().await?;
            let next = tx.next_round(kind, now).await?;
            if next <= now && tx.move_round(kind, next, every.after(now)).await? {
                let job = NewJob { kind, about: next.unix().to_string(), payload: String::new(), due: now };
                tx.add_job(&job, now).await?;
            }
            tx.commit().await
        })
        .await
    }

    async fn take(&self, kind: &str) -> Result<Option<Job>, DatabaseError> {
        let now = self.clock.now();
        loop {
            let Some(job) = self.store.read().await?.due_job(kind, now).await? else { return Ok(None) };
            let taken = settled(async || {
                let mut tx = self.store.begin().await?;
                let taken = tx.take_job(&job, now, now.plus(LEASE_SECONDS)).await?;
                tx.commit().await?;
                Ok(taken)
            });
            // Another worker was first: there may be another job.
            if taken.await? {
                return Ok(Some(job));
            }
        }
    }

    /// Has the job done while keeping it. `None`: it was lost to another worker, and what was begun here is dropped.
    async fn work(&self, handler: &Arc<dyn Handler>, job: &Job) -> Result<Option<Result<Done, Fault>>, DatabaseError> {
        let (doer, own) = (handler.clone(), job.clone());
        // A task of its own, so that a panic ends the job and not the worker; dropped, it is aborted.
        let mut task = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move { doer.run(&own).await }));
        loop {
            tokio::select! {
                ended = &mut task => {
                    return Ok(Some(ended.unwrap_or_else(|_| Err(Fault::Later("the handler panicked".into())))));
                }
                () = tokio::time::sleep(KEEP) => {
                    let until = self.clock.now().plus(LEASE_SECONDS);
                    let kept = settled(async || {
                        let mut tx = self.store.begin().await?;
                        let kept = tx.keep_job(job, until).await?;
                        tx.commit().await?;
                        Ok(kept)
                    });
                    if !kept.await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn settle(
        &self,
        handler: &dyn Handler,
        job: &Job,
        outcome: Option<Result<Done, Fault>>,
    ) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let Some(outcome) = outcome else {
            tracing::warn!(kind = job.kind, about = job.about, "A job was lost to another worker");
            return Ok(());
        };
        let given_up = match &outcome {
            Err(Fault::Never(_)) => true,
            Err(Fault::Later(_)) => job.failures + 1 >= handler.most_failures(),
            Ok(_) => false,
        };
        let next = (!given_up)
            .then(|| now.plus(back_off(job.failures, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, &self.chance)));
        let still_ours = settled(async || {
            let mut tx = self.store.begin().await?;
            let ours = match &outcome {
                Ok(Done::Wholly) => tx.end_job(job, now).await?,
                Ok(Done::Partly { next, payload }) => tx.go_on_with_job(job, *next, payload).await?,
                Err(fault) => {
                    let words: String = fault.to_string().chars().take(FAULT_CHARS).collect();
                    tx.fail_job(job, &words, next, now).await?
                }
            };
            tx.commit().await?;
            Ok(ours)
        });
        let still_ours = still_ours.await?;
        let word = match &outcome {
            Ok(Done::Wholly) => "done",
            Ok(Done::Partly { .. }) => "piece",
            Err(_) if given_up => "dead",
            Err(_) => "failed",
        };
        metrics::counter!("yinxin_jobs_total", "kind" => handler.kind(), "outcome" => word).increment(1);
        match outcome {
            Ok(_) => tracing::debug!(kind = job.kind, about = job.about, word, still_ours, "A job ran"),
            Err(fault) => tracing::warn!(kind = job.kind, about = job.about, %fault, given_up, "A job failed"),
        }
        Ok(())
    }
}
