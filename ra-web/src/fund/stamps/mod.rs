//! Time stamps over evidence (RFC 3161): that it was there at a time, by the word of somebody else than the fund and the signer.
//!
//! What is stamped is the manifest of a transaction's evidence ([`crate::fund::evidence`]). A stamp is asked for in the
//! transaction that takes the signature ([`StampTx::ask_stamp`]), and fetched afterwards by the [`Stamper`]: business never
//! waits for the authority of time stamps. Trusts nothing that comes from there: a stamp is kept when it is over this hash,
//! answers this question, tells the present time and is signed by a certificate for time stamps under the configured CAs. One
//! that is not is refused, counted and asked for again; what cannot be had within a week waits for the operator
//! (`ra-web fund stamps`).

pub mod http;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ca_core::chain::Anchors;
use ca_core::clock::Clock;
use ca_core::domain::{Sha256, Timestamp};
use ca_core::sql::DatabaseError;
use ocsp::stamp::{self, Imprint, Stamp, StampError};
use rand::RngCore as _;
use tokio_util::sync::CancellationToken;

use super::store::FundStore;
use crate::Chance;
use crate::retry::{back_off, settled};

/// For so many seconds a stamp is tried by itself.
pub const WINDOW_SECONDS: i64 = 7 * 86_400;
/// What a stamp says may differ by so many seconds from our own clock.
const SKEW_SECONDS: i64 = 300;
/// Whoever takes one has so many seconds for it.
const LEASE_SECONDS: i64 = 60;
/// The first wait after a failure, and the longest.
const FIRST_WAIT_SECONDS: i64 = 15;
const LONGEST_WAIT_SECONDS: i64 = 3600;
/// With nothing to do it looks again after this.
const IDLE: Duration = Duration::from_secs(1);
/// An authority that fails, or a database, is left alone for this.
const AWAY: Duration = Duration::from_secs(5);
/// What waits is counted for `/metrics` after so many looks.
const COUNT_EVERY: u32 = 30;
/// Of a fault's words so many are kept.
const FAULT_CHARS: usize = 300;

/// A stamp that was asked for and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of which transaction or withdrawal.
    pub serial: String,
    /// SHA-256 of its manifest.
    pub evidence: Sha256,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When the window began in which it is tried.
    pub since: Timestamp,
    /// When it is tried next.
    pub due: Timestamp,
    /// How often it was tried.
    pub tries: i64,
    /// How often a stamp came that was none.
    pub refused: i64,
    /// What the last failure was.
    pub fault: String,
}

/// A stamp that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When it says that the evidence was there.
    pub at: Timestamp,
    /// The token, DER.
    pub token: Vec<u8>,
}

/// Reads and writes time stamps, inside a unit of work.
#[async_trait]
pub trait StampTx: Send {
    /// Asks for a stamp over evidence; once, however often that is said.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn ask_stamp(&mut self, serial: &str, evidence: Sha256, now: Timestamp) -> Result<(), DatabaseError>;

    /// The first that is due.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn due_stamp(&mut self, now: Timestamp) -> Result<Option<Asked>, DatabaseError>;

    /// Takes one until a time; `false` when another was first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn take_stamp(&mut self, asked: &Asked, until: Timestamp) -> Result<bool, DatabaseError>;

    /// Keeps the stamp of one that was taken; `false` when another took it since.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn keep_stamp(&mut self, asked: &Asked, token: &[u8], at: Timestamp) -> Result<bool, DatabaseError>;

    /// There was none: it is tried again at `next`, or given up. `refused`: one came that was none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn fail_stamp(
        &mut self,
        asked: &Asked,
        fault: &str,
        refused: bool,
        next: Option<Timestamp>,
    ) -> Result<bool, DatabaseError>;

    /// The stamp of a transaction or withdrawal, when it is there.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn stamp_of(&mut self, serial: &str) -> Result<Option<Kept>, DatabaseError>;

    /// What waits, the next first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn waiting_stamps(&mut self, limit: i64) -> Result<Vec<Asked>, DatabaseError>;

    /// What was given up.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn given_up_stamps(&mut self, limit: i64) -> Result<Vec<Asked>, DatabaseError>;

    /// How many wait, and how many were given up.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn count_stamps(&mut self) -> Result<(i64, i64), DatabaseError>;

    /// Lets what was given up be tried for another window; says how many that are.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn revive_stamps(&mut self, now: Timestamp) -> Result<u64, DatabaseError>;
}

/// Whoever gives time stamps.
#[async_trait]
pub trait TimeAuthority: Send + Sync + 'static {
    /// Its answer (TimeStampResp) to a request (TimeStampReq), believed by nobody yet.
    ///
    /// # Errors
    /// Says why there is none, without an address or a key.
    async fn answer(&self, request: Vec<u8>) -> Result<Vec<u8>, String>;
}

/// Why there is no stamp.
#[derive(Debug, thiserror::Error)]
pub enum StampFault {
    /// Nobody answered, or the authority gives none now.
    #[error("none was given: {0}")]
    Away(String),
    /// What came is no stamp.
    #[error("what came is none: {0}")]
    Untrue(StampError),
    /// It tells another time.
    #[error("it tells another time: {}", .0.beijing_text())]
    OtherTime(Timestamp),
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing was due.
    Idle,
    /// A stamp is kept, or another process was first.
    Done,
    /// There was none.
    Failed,
}

/// Fetches stamps, one after another.
pub struct Stamper {
    /// Where they are kept.
    pub store: Arc<dyn FundStore>,
    /// Who gives them.
    pub authority: Arc<dyn TimeAuthority>,
    /// Whose certificates are believed for that.
    pub anchors: Arc<Anchors>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Draws nonces and waits.
    pub chance: Chance,
}

impl Stamper {
    /// Works until it is told to stop. What is in hand then is left, and taken again when its lease is over.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut looks = 0_u32;
        loop {
            if looks.is_multiple_of(COUNT_EVERY) {
                self.count().await;
            }
            looks = looks.wrapping_add(1);
            let pause = match stop.run_until_cancelled(self.turn()).await {
                None => return,
                Some(Ok(Turn::Done)) => continue,
                Some(Ok(Turn::Idle)) => IDLE,
                Some(Ok(Turn::Failed)) => AWAY,
                Some(Err(error)) => {
                    tracing::error!(%error, "Time stamps cannot be kept");
                    AWAY
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Looks for one that is due, and fetches it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn turn(&self) -> Result<Turn, DatabaseError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_read().await?;
        let due = tx.due_stamp(now).await?;
        tx.commit().await?;
        let Some(mut asked) = due else { return Ok(Turn::Idle) };
        let taken = settled(|| async {
            let mut tx = self.store.begin().await?;
            let taken = tx.take_stamp(&asked, now.plus(LEASE_SECONDS)).await?;
            tx.commit().await?;
            Ok(taken)
        });
        if !taken.await? {
            return Ok(Turn::Done);
        }
        asked.tries += 1;
        match self.fetch(asked.evidence).await {
            Ok((token, stamp)) => {
                settled(|| async {
                    let mut tx = self.store.begin().await?;
                    tx.keep_stamp(&asked, &token, stamp.at).await?;
                    tx.commit().await
                })
                .await?;
                metrics::counter!("yinxin_fund_stamps_total", "outcome" => "stamped").increment(1);
                tracing::debug!(serial = asked.serial, "Evidence has its time stamp");
                Ok(Turn::Done)
            }
            Err(fault) => {
                self.failed(&asked, &fault).await?;
                Ok(Turn::Failed)
            }
        }
    }

    async fn failed(&self, asked: &Asked, fault: &StampFault) -> Result<(), DatabaseError> {
        let wait = back_off(asked.tries - 1, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, &self.chance);
        let next = self.clock.now().plus(wait);
        let next = (next <= asked.since.plus(WINDOW_SECONDS)).then_some(next);
        let refused = !matches!(fault, StampFault::Away(_));
        let words: String = fault.to_string().chars().take(FAULT_CHARS).collect();
        settled(|| async {
            let mut tx = self.store.begin().await?;
            tx.fail_stamp(asked, &words, refused, next).await?;
            tx.commit().await
        })
        .await?;
        let outcome = if refused { "refused" } else { "away" };
        metrics::counter!("yinxin_fund_stamps_total", "outcome" => outcome).increment(1);
        let (serial, given_up) = (&asked.serial, next.is_none());
        if given_up || refused {
            tracing::error!(serial, %fault, given_up, "Evidence has no time stamp");
        } else {
            tracing::warn!(serial, %fault, tries = asked.tries, "Evidence has no time stamp yet");
        }
        Ok(())
    }

    /// A stamp over this hash, proved: its token, and what it says.
    ///
    /// # Errors
    /// [`StampFault`].
    pub async fn fetch(&self, evidence: Sha256) -> Result<(Vec<u8>, Stamp), StampFault> {
        let mut nonce = [0_u8; 16];
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut nonce);
        let imprint = Imprint::of(evidence);
        let answer = self.authority.answer(stamp::request(&imprint, &nonce)).await.map_err(StampFault::Away)?;
        let token = stamp::token(&answer).map_err(|error| match error {
            StampError::NotGranted(words) => StampFault::Away(words),
            error => StampFault::Untrue(error),
        })?;
        let stamp = stamp::prove(token, &imprint, Some(&nonce), &self.anchors).map_err(StampFault::Untrue)?;
        if stamp.at.since(self.clock.now()).abs() > SKEW_SECONDS {
            return Err(StampFault::OtherTime(stamp.at));
        }
        Ok((token.to_vec(), stamp))
    }

    /// Tells `/metrics` how many there are without one.
    async fn count(&self) {
        let counted = async {
            let mut tx = self.store.begin_read().await?;
            let counted = tx.count_stamps().await?;
            tx.commit().await?;
            Ok::<_, DatabaseError>(counted)
        };
        match counted.await {
            Ok((waiting, given_up)) => {
                for (state, n) in [("waiting", waiting), ("given_up", given_up)] {
                    // Exact up to 2^53.
                    metrics::gauge!("yinxin_fund_stamps_missing", "state" => state).set(n as f64);
                }
            }
            Err(error) => tracing::error!(%error, "Time stamps cannot be counted"),
        }
    }
}
