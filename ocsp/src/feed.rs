//! Keeps the index up to date: one snapshot, then the changes as they are written.
//!
//! Trusts the authority's database. Believes nothing it cannot connect to what it has: a gap in the log, a log
//! that is shorter than before or whose last line reads differently (a restored backup, a replica that lost
//! changes) ends the relation, and a new snapshot begins another. Between the two nobody gets an answer.
//! Each round carries the authority's heartbeat; its age bounds how old an answer can be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_core::domain::{CertificateStatus, IssuerId, Serial, StatusChange, Timestamp};
use ca_core::sql::DatabaseError;

use crate::responder::{Core, Loading};

/// The most changes that one round reads.
pub(crate) const ROUND_MAX: i64 = 2000;
/// How long a round may take before the database counts as away.
const ROUND_PATIENCE: Duration = Duration::from_secs(10);

/// Where the log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last line's number; 0 when there is none.
    pub(crate) seq: i64,
    /// That line.
    pub(crate) line: Option<StatusChange>,
}

/// One look at the log.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// The log's last number.
    pub(crate) head: i64,
    /// The authority's last heartbeat.
    pub(crate) beat: Timestamp,
    /// At most [`ROUND_MAX`] lines from the one asked for, in order.
    pub(crate) lines: Vec<StatusChange>,
}

/// What the statuses of a snapshot are given to.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(&IssuerId, &Serial, CertificateStatus) + Send);

/// The authority's database, as far as the feed reads it.
#[async_trait]
pub(crate) trait StatusSource: Send {
    /// All statuses of one moment, and where the log stood at it.
    async fn snapshot(&mut self, issuers: &[IssuerId], sink: Sink<'_>) -> Result<Position, DatabaseError>;

    /// The log from the line with this number on, that line included.
    async fn lines(&mut self, from: i64) -> Result<Round, DatabaseError>;
}

/// Why a round gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No answer from the database in time.
    #[error("the database does not answer")]
    Timeout,
    /// The log is not a continuation of what we read.
    #[error("the status log is not the one read before (at line {0}); starting over")]
    OtherHistory(i64),
}

/// Follows one database.
pub(crate) struct Feed {
    core: Arc<Core>,
    source: Box<dyn StatusSource>,
    position: Option<Position>,
}

impl Feed {
    pub(crate) fn new(core: Arc<Core>, source: Box<dyn StatusSource>) -> Self {
        Self { core, source, position: None }
    }

    /// Looks every `pause`; never returns.
    pub(crate) async fn run(mut self, pause: Duration) {
        let mut failing = false;
        loop {
            let outcome = self.round().await;
            self.core.meters.feed_round(outcome.is_ok());
            match outcome {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("The status feed is back");
                }
                Ok(()) => {}
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "The status feed failed");
                }
                Err(error) => tracing::debug!(%error, "The status feed still fails"),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// [`FeedError`]; what was known stays known until it is too old, unless the history is another.
    pub(crate) async fn round(&mut self) -> Result<(), FeedError> {
        let Some(position) = &mut self.position else {
            let position = snapshot(&self.core, &mut *self.source).await?;
            tracing::info!(seq = position.seq, "Read all statuses");
            self.position = Some(position);
            return Box::pin(self.round()).await;
        };
        loop {
            let look = tokio::time::timeout(ROUND_PATIENCE, self.source.lines(position.seq.max(1))).await;
            let round = look.map_err(|_| FeedError::Timeout)??;
            if let Err(error) = follow(&self.core, position, &round) {
                self.core.freshness.lost();
                self.position = None;
                return Err(error);
            }
            if position.seq == round.head {
                self.core.freshness.heard(round.beat);
                return Ok(());
            }
        }
    }
}

async fn snapshot(core: &Core, source: &mut dyn StatusSource) -> Result<Position, FeedError> {
    let ids: Vec<IssuerId> = core.issuers.iter().map(|issuer| issuer.id.clone()).collect();
    let mut loading: HashMap<IssuerId, Loading> = ids.iter().map(|id| (id.clone(), Loading::new())).collect();
    let mut sink = |issuer: &IssuerId, serial: &Serial, status| {
        if let Some(loading) = loading.get_mut(issuer) {
            loading.push(serial, status);
        }
    };
    let position = source.snapshot(&ids, &mut sink).await?;
    for issuer in &core.issuers {
        if let Some(loading) = loading.remove(&issuer.id) {
            issuer.index.load(loading);
        }
    }
    Ok(position)
}

/// Takes over the lines of a round that continue from `position`, and moves it.
fn follow(core: &Core, position: &mut Position, round: &Round) -> Result<(), FeedError> {
    let mut lines = round.lines.iter();
    if position.seq > 0 && lines.next() != position.line.as_ref() {
        return Err(FeedError::OtherHistory(position.seq));
    }
    for line in lines {
        if line.seq != position.seq + 1 {
            return Err(FeedError::OtherHistory(line.seq));
        }
        if let Some(issuer) = core.issuer(&line.issuer) {
            issuer.index.apply(&line.serial, line.status);
            tracing::debug!(seq = line.seq, issuer = %line.issuer, serial = %line.serial, "Took over a status");
        }
        *position = Position { seq: line.seq, line: Some(line.clone()) };
    }
    let short = i64::try_from(round.lines.len()).is_ok_and(|count| count < ROUND_MAX);
    if round.head < position.seq || (short && round.head != position.seq) {
        return Err(FeedError::OtherHistory(round.head));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ca_core::clock::TestClock;
    use ca_core::domain::RevocationReason;

    use super::*;
    use crate::metrics::Meters;
    use crate::responder::{AnswerSettings, Issuer};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// A log in memory that a test can rewrite.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<StatusChange>>>);

    impl Log {
        fn all(&self) -> std::sync::MutexGuard<'_, Vec<StatusChange>> {
            self.0.lock().expect("no panic")
        }

        fn write(&self, last: u8, status: CertificateStatus) {
            let mut lines = self.all();
            let seq = i64::try_from(lines.len()).expect("few") + 1;
            lines.push(StatusChange { seq, issuer: issuer_id(), serial: serial(last), status, not_after: NOW });
        }
    }

    #[async_trait]
    impl StatusSource for Log {
        async fn snapshot(&mut self, _: &[IssuerId], sink: Sink<'_>) -> Result<Position, DatabaseError> {
            let lines = self.all();
            let latest: HashMap<Serial, CertificateStatus> =
                lines.iter().map(|line| (line.serial.clone(), line.status)).collect();
            latest.iter().for_each(|(serial, status)| sink(&issuer_id(), serial, *status));
            Ok(Position { seq: lines.last().map_or(0, |line| line.seq), line: lines.last().cloned() })
        }

        async fn lines(&mut self, from: i64) -> Result<Round, DatabaseError> {
            let lines = self.all();
            let most = usize::try_from(ROUND_MAX).expect("small");
            let head = lines.last().map_or(0, |line| line.seq);
            let lines = lines.iter().filter(|line| line.seq >= from).take(most).cloned().collect();
            Ok(Round { head, beat: NOW, lines })
        }
    }

    fn issuer_id() -> IssuerId {
        IssuerId::new("unit").expect("a good name")
    }

    fn serial(last: u8) -> Serial {
        Serial::from_der_content(&[0x40, last]).expect("positive")
    }

    fn core() -> Arc<Core> {
        let settings = AnswerSettings {
            validity_seconds: 300,
            archive_seconds: None,
            max_feed_age_seconds: 30,
            cached_answers: 64,
            signing_queue: 1,
            signers: 1,
        };
        let mut parameters = rcgen::CertificateParams::new(vec![]).expect("parameters");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
        let certificate = der::Decode::from_der(certificate.der()).expect("a certificate");
        let issuer = Issuer::new(issuer_id(), certificate, &ca_core::domain::Sm2Id::STANDARD).expect("an issuer");
        let clock = Arc::new(TestClock::at(NOW));
        Arc::new(Core::new(vec![issuer], settings, clock, Meters::new(&[issuer_id()])))
    }

    fn known(core: &Core) -> usize {
        core.issuers[0].index.len()
    }

    fn is_fresh(core: &Core) -> bool {
        core.freshness.is_fresh(core.clock.now())
    }

    #[tokio::test]
    async fn changes_after_the_snapshot_are_taken_over_in_order() {
        let (core, log) = (core(), Log::default());
        let mut feed = Feed::new(core.clone(), Box::new(log.clone()));
        feed.round().await.expect("an empty log is a log");
        assert!(is_fresh(&core));
        for last in 1..=100 {
            log.write(last, CertificateStatus::Good);
        }
        let revoked = CertificateStatus::Revoked { since: NOW, reason: RevocationReason::Superseded };
        log.write(7, revoked);
        feed.round().await.expect("a continuation");
        assert_eq!(known(&core), 100);
        let word = core.issuers[0].index.find(serial(7).octets()).expect("known");
        assert_eq!(word.status(), Some(revoked));
    }

    #[tokio::test]
    async fn a_long_absence_is_made_up_for_in_one_round() {
        let (core, log) = (core(), Log::default());
        let mut feed = Feed::new(core.clone(), Box::new(log.clone()));
        feed.round().await.expect("a log");
        for n in 0..3 * ROUND_MAX {
            log.write(u8::try_from(n % 200 + 1).expect("small"), CertificateStatus::Good);
        }
        feed.round().await.expect("a continuation");
        assert_eq!(known(&core), 200);
    }

    #[tokio::test]
    async fn another_history_is_noticed_and_read_anew() {
        type Rewrite = fn(&mut Vec<StatusChange>);
        let rewrites: [(&str, Rewrite); 4] = [
            ("a restored backup", |lines| lines.truncate(1)),
            ("an empty database", Vec::clear),
            ("another last line", |lines| lines[2].status = CertificateStatus::Held { since: NOW }),
            ("a gap", |lines| {
                lines.push(StatusChange { seq: 5, ..lines[2].clone() });
            }),
        ];
        for (what, rewrite) in rewrites {
            let (core, log) = (core(), Log::default());
            let mut feed = Feed::new(core.clone(), Box::new(log.clone()));
            (1..=3).for_each(|last| log.write(last, CertificateStatus::Good));
            feed.round().await.expect("a log");
            rewrite(&mut log.all());
            assert!(matches!(feed.round().await, Err(FeedError::OtherHistory(_))), "{what}");
            assert!(!is_fresh(&core), "{what}: nobody gets an answer");
            feed.round().await.expect("a new beginning");
            assert!(is_fresh(&core), "{what}");
            let serials = log.all().iter().map(|line| line.serial.clone()).collect::<std::collections::HashSet<_>>();
            assert_eq!(known(&core), serials.len(), "{what}");
        }
    }
}
