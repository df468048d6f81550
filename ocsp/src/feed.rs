//! Keeps the index up to date: one snapshot, then the changes as they are written.
//!
//! Trusts the authority's database. Believes nothing it cannot connect to what it has: a gap in the log, a log
//! that is shorter than before or whose last line reads differently (a restored backup, a replica that lost
//! changes) ends the relation, and a new snapshot begins another. Between the two nobody gets an answer.
//! Each round carries the authority's heartbeat; its age bounds how old an answer can be.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ca_core::domain::{CertificateStatus, IssuerId, Serial, StatusChange, Timestamp};
use ca_core::sql::DatabaseError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::responder::image::{self, ImageError};
use crate::responder::{Core, Loading};

/// The most changes that one round reads.
pub(crate) const ROUND_MAX: i64 = 2000;
/// The least time between two rounds, however many wait for the next.
const BREATH: Duration = Duration::from_millis(5);
/// With more new lines than this the database is read anew rather than the image brought up to date.
const REPLAY_MAX: i64 = 2_000_000;
/// After so many lines, or this long after the last one, a new image is written if anything changed.
const IMAGE_LINES: i64 = 100_000;
const IMAGE_EVERY: Duration = Duration::from_secs(3600);
/// How long to let be between two images, or after one that could not be written.
const IMAGE_PAUSE: Duration = Duration::from_secs(60);
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
    /// Reading everything is quicker than reading what is new.
    #[error("the image is {0} lines behind; starting over")]
    FarBehind(i64),
}

/// Follows one database.
pub(crate) struct Feed {
    core: Arc<Core>,
    source: Box<dyn StatusSource>,
    position: Option<Position>,
    image: Option<Image>,
}

/// The file from which the next start comes up quickly.
struct Image {
    path: PathBuf,
    /// Whether it was looked at: once, at the start.
    read: bool,
    /// Up to which line it goes, if it is there and serves.
    seq: Option<i64>,
    /// When it was read or written last, or should have been.
    tried: Option<Instant>,
    writing: Option<JoinHandle<Result<i64, ImageError>>>,
}

impl Image {
    /// Whether a new one should be written, now that the log has come to `seq`.
    fn is_due(&self, seq: i64) -> bool {
        let since = |pause| self.tried.is_none_or(|tried| tried.elapsed() >= pause);
        let new = self.seq.map_or(IMAGE_LINES, |known| seq - known);
        self.writing.is_none() && ((new >= IMAGE_LINES && since(IMAGE_PAUSE)) || (new > 0 && since(IMAGE_EVERY)))
    }

    fn write(&mut self, core: Arc<Core>, position: Position) {
        let path = self.path.clone();
        self.tried = Some(Instant::now());
        self.writing = Some(tokio::task::spawn_blocking(move || {
            image::write(&core, position.seq, position.line.as_ref(), &path).map(|()| position.seq)
        }));
    }

    /// Waits for the writing to end.
    async fn settle(&mut self) {
        match self.writing.take() {
            None => {}
            Some(writing) => match writing.await {
                Ok(Ok(seq)) => self.seq = Some(seq),
                Ok(Err(error)) => tracing::error!(%error, path = %self.path.display(), "No image could be written"),
                Err(error) => tracing::error!(%error, "The writing of the image broke off"),
            },
        }
    }
}

impl Feed {
    /// A feed that begins with the image, if there is one that serves.
    pub(crate) fn new(core: Arc<Core>, source: Box<dyn StatusSource>, image: Option<PathBuf>) -> Self {
        let image = image.map(|path| Image { path, read: false, seq: None, tried: None, writing: None });
        Self { core, source, position: None, image }
    }

    /// Looks every `pause`, and whenever somebody waits for it or the authority tells of something, until `stop`.
    pub(crate) async fn run(mut self, pause: Duration, stop: CancellationToken) {
        let mut failing = false;
        let mut cut_off = false;
        while !cut_off {
            let Some(outcome) = stop.run_until_cancelled(self.round()).await else { break };
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
            self.write_image().await;
            let core = self.core.clone();
            let breath = tokio::time::sleep(BREATH);
            let next = async {
                let wanted = async {
                    core.news.wanted().await;
                    breath.await;
                };
                let _either = tokio::time::timeout(pause, wanted).await;
            };
            cut_off = stop.run_until_cancelled(next).await.is_none();
        }
        self.write_last_image().await;
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// [`FeedError`]; what was known stays known until it is too old, unless the history is another.
    pub(crate) async fn round(&mut self) -> Result<(), FeedError> {
        let number = self.core.news.begin();
        let mut from_image = false;
        if self.position.is_none() {
            self.position = self.read_image().await;
            from_image = self.position.is_some();
        }
        let position = match &mut self.position {
            Some(position) => position,
            none => {
                let position = snapshot(&self.core, &mut *self.source).await?;
                tracing::info!(seq = position.seq, "Read all statuses");
                none.insert(position)
            }
        };
        loop {
            let look = tokio::time::timeout(ROUND_PATIENCE, self.source.lines(position.seq.max(1))).await;
            let round = look.map_err(|_| FeedError::Timeout)??;
            let behind = round.head - position.seq;
            let followed = if from_image && behind > REPLAY_MAX {
                Err(FeedError::FarBehind(behind))
            } else {
                follow(&self.core, position, &round)
            };
            if let Err(error) = followed {
                self.core.freshness.lost();
                self.position = None;
                if let Some(image) = &mut self.image {
                    image.seq = None;
                }
                return Err(error);
            }
            if position.seq == round.head {
                self.core.freshness.heard(round.beat);
                self.core.news.done(number);
                return Ok(());
            }
        }
    }

    /// Takes over the image of an earlier run, once.
    async fn read_image(&mut self) -> Option<Position> {
        let image = self.image.as_mut().filter(|image| !image.read)?;
        image.read = true;
        let (core, path) = (self.core.clone(), image.path.clone());
        match tokio::task::spawn_blocking(move || image::read(&core, &path)).await.ok()? {
            Ok(Some((seq, line))) => {
                (image.seq, image.tried) = (Some(seq), Some(Instant::now()));
                tracing::info!(seq, "Read the image of all statuses");
                Some(Position { seq, line })
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, path = %image.path.display(), "The image of all statuses does not serve");
                None
            }
        }
    }

    /// Writes a new image when it is time for one, beside the rounds.
    async fn write_image(&mut self) {
        let (Some(image), Some(position)) = (&mut self.image, &self.position) else { return };
        if image.writing.as_ref().is_some_and(JoinHandle::is_finished) {
            image.settle().await;
        }
        if image.is_due(position.seq) {
            image.write(self.core.clone(), position.clone());
        }
    }

    /// Writes what is new into the image before the end.
    async fn write_last_image(mut self) {
        let Some(mut image) = self.image.take() else { return };
        image.settle().await;
        if let Some(position) = self.position.filter(|position| image.seq != Some(position.seq)) {
            image.write(self.core.clone(), position);
            image.settle().await;
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
    core.issuers.iter().for_each(|issuer| issuer.index.clear());
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
        core_of(&certificate())
    }

    fn certificate() -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec![]).expect("parameters");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
        certificate.der().to_vec()
    }

    fn core_of(certificate: &[u8]) -> Arc<Core> {
        let settings = AnswerSettings {
            validity_seconds: 300,
            archive_seconds: None,
            max_feed_age_seconds: 30,
            max_age_seconds: 60,
            cached_answers: 64,
            signing_queue: 1,
            signers: 1,
        };
        let certificate = der::Decode::from_der(certificate).expect("a certificate");
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
        let mut feed = Feed::new(core.clone(), Box::new(log.clone()), None);
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
        let mut feed = Feed::new(core.clone(), Box::new(log.clone()), None);
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
            let mut feed = Feed::new(core.clone(), Box::new(log.clone()), None);
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

    /// What a start after another finds: the core that it ends with, and how often it read everything.
    async fn start(log: &Counting, image: &std::path::Path) -> Arc<Core> {
        let core = core_of(ISSUER.get_or_init(certificate));
        let mut feed = Feed::new(core.clone(), Box::new(log.clone()), Some(image.to_owned()));
        for _ in 0..3 {
            if feed.round().await.is_ok() {
                break;
            }
        }
        assert!(is_fresh(&core));
        feed.write_last_image().await;
        core
    }

    static ISSUER: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();

    /// A log that counts how often all of it was read.
    #[derive(Clone, Default)]
    struct Counting(Log, Arc<std::sync::atomic::AtomicUsize>);

    impl Counting {
        fn snapshots(&self) -> usize {
            self.1.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    #[async_trait]
    impl StatusSource for Counting {
        async fn snapshot(&mut self, issuers: &[IssuerId], sink: Sink<'_>) -> Result<Position, DatabaseError> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            self.0.snapshot(issuers, sink).await
        }

        async fn lines(&mut self, from: i64) -> Result<Round, DatabaseError> {
            self.0.lines(from).await
        }
    }

    #[tokio::test]
    async fn an_image_serves_the_next_start_and_the_feed_goes_on_from_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("index");
        let log = Counting::default();
        (1..=100).for_each(|last| log.0.write(last, CertificateStatus::Good));
        assert_eq!((known(&*start(&log, &image).await), log.snapshots()), (100, 1));
        let revoked = CertificateStatus::Revoked { since: NOW, reason: RevocationReason::Superseded };
        log.0.write(7, revoked);
        log.0.write(101, CertificateStatus::Good);
        let core = start(&log, &image).await;
        assert_eq!((known(&core), log.snapshots()), (101, 1), "read from the image and the log");
        assert_eq!(core.issuers[0].index.find(serial(7).octets()).and_then(|word| word.status()), Some(revoked));
        assert_eq!(
            core.issuers[0].index.find(serial(8).octets()).and_then(|word| word.status()),
            Some(CertificateStatus::Good)
        );
    }

    #[tokio::test]
    async fn an_image_that_does_not_serve_is_rebuilt_from_the_database() {
        type Spoil = fn(&mut Vec<u8>, &Log);
        let spoils: [(&str, Spoil); 6] = [
            ("a bit flipped", |bytes, _| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }),
            ("cut off", |bytes, _| bytes.truncate(bytes.len() - 40)),
            ("nothing in it", |bytes, _| bytes.clear()),
            ("another version", |bytes, _| bytes[17] = 2),
            ("something behind it", |bytes, _| bytes.push(0)),
            ("of another history", |_, log| log.all()[2].status = CertificateStatus::Held { since: NOW }),
        ];
        for (what, spoil) in spoils {
            let folder = tempfile::tempdir().expect("a folder");
            let image = folder.path().join("index");
            let log = Counting::default();
            (1..=3).for_each(|last| log.0.write(last, CertificateStatus::Good));
            start(&log, &image).await;
            let mut bytes = std::fs::read(&image).expect("an image");
            spoil(&mut bytes, &log.0);
            std::fs::write(&image, bytes).expect("written");
            let core = start(&log, &image).await;
            assert_eq!((known(&core), log.snapshots()), (3, 2), "{what}");
            start(&log, &image).await;
            assert_eq!(log.snapshots(), 2, "{what}: rebuilt");
        }
    }

    #[tokio::test]
    async fn an_image_of_another_hierarchy_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("index");
        let log = Counting::default();
        log.0.write(1, CertificateStatus::Good);
        start(&log, &image).await;
        let core = core();
        let mut feed = Feed::new(core.clone(), Box::new(log.clone()), Some(image));
        feed.round().await.expect("a log");
        assert_eq!((known(&core), log.snapshots()), (1, 2));
    }
}
