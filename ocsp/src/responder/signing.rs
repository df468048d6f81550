//! Makes signed answers: with a quick key where the question was read, with a slow one on a few threads behind a
//! bounded queue.
//!
//! Signing is the only slow thing here. P-256 in software takes some 20 µs, less than waking another thread and being
//! woken again; RSA takes a millisecond, and would make all others wait. Either way more questions than can be signed
//! get `tryLater` at once rather than an answer that comes too late.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;
use ca_core::domain::Timestamp;
use ca_core::signer::SignError;
use hyper::HeaderMap;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED};
use tokio::sync::oneshot;

use super::cache::{Answer, Entry, Tally};
use super::delegate::Delegate;
use super::{Core, OCSP_RESPONSE, Word};
use crate::wire::{Failure, OcspRequest, Single, Standing, WireError, assemble, encode_response_data};

/// How long a question waits for its signature before it is told to try later.
const PATIENCE: Duration = Duration::from_secs(3);
/// A question that waited so long for its turn is not signed any more: its answer would come too late, and make those behind
/// it late too.
const STALE: Duration = Duration::from_millis(35);
/// With fewer behind it, it is signed all the same: not a queue made it wait, but a machine that is busy with other things.
const CROWD: usize = 16;

pub(super) type Outcome = Result<Arc<Answer>, Failure>;

/// One request to be answered elsewhere.
pub(super) struct Job {
    issuer: usize,
    request: Bytes,
    /// By when its turn must come, if somebody waits for it.
    due: Option<Instant>,
    reply: oneshot::Sender<Outcome>,
}

impl Job {
    /// A question that somebody waits for.
    pub(super) fn new(issuer: usize, request: Bytes) -> (Self, oneshot::Receiver<Outcome>) {
        Self::due_at(issuer, request, Some(Instant::now() + STALE))
    }

    /// A question of our own, which may wait.
    pub(super) fn ours(issuer: usize, request: Bytes) -> (Self, oneshot::Receiver<Outcome>) {
        Self::due_at(issuer, request, None)
    }

    fn due_at(issuer: usize, request: Bytes, due: Option<Instant>) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, receiver) = oneshot::channel();
        (Self { issuer, request, due, reply }, receiver)
    }

    fn is_stale(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() > due)
    }
}

/// Waits for a signature, but not for ever.
pub(super) async fn wait(reply: oneshot::Receiver<Outcome>) -> Outcome {
    match tokio::time::timeout(PATIENCE, reply).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Err(Failure::TryLater),
    }
}

/// The way to the signing threads.
pub(super) struct SigningQueue {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    capacity: usize,
}

impl SigningQueue {
    /// Starts the threads; they end when the queue is dropped.
    pub(super) fn start(core: &Arc<Core>) -> std::io::Result<Self> {
        let capacity = core.settings.signing_queue;
        let (jobs, receiver) = sync_channel(capacity);
        let receiver = Arc::new(Mutex::new(receiver));
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..core.settings.signers {
            let (core, receiver, waiting) = (core.clone(), receiver.clone(), waiting.clone());
            std::thread::Builder::new()
                .name(format!("ocsp-sign-{number}"))
                .spawn(move || work(&core, &receiver, &waiting))?;
        }
        Ok(Self { jobs, waiting, capacity })
    }

    /// Puts a job into the queue. Jobs that are not `urgent` (re-signing, and certificates that were never
    /// issued, of which anyone can think up any number) get the first half of it only.
    pub(super) fn submit(&self, job: Job, urgent: bool) -> Result<(), Failure> {
        if !urgent && self.waiting() * 2 > self.capacity {
            return Err(Failure::TryLater);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.jobs.try_send(job).map_err(|_| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            Failure::TryLater
        })
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn work(core: &Core, jobs: &Mutex<Receiver<Job>>, waiting: &AtomicUsize) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let behind = waiting.fetch_sub(1, Ordering::Relaxed) - 1;
        // Whoever asked may have gone.
        if job.reply.is_closed() {
            continue;
        }
        let outcome = if behind >= CROWD && job.is_stale() {
            Err(Failure::TryLater)
        } else {
            let request = OcspRequest::parse(&job.request).map_err(|_| Failure::MalformedRequest);
            request.and_then(|request| make(core, job.issuer, &request))
        };
        let _gone = job.reply.send(outcome);
    }
}

/// Signs one answer, from what is known at this moment.
pub(super) fn make(core: &Core, issuer_at: usize, request: &OcspRequest<'_>) -> Outcome {
    let now = core.clock.now();
    if !core.freshness.is_fresh(now) {
        return Err(Failure::TryLater);
    }
    let issuer = &core.issuers[issuer_at];
    let delegate = issuer.delegate();
    let delegate = delegate.as_deref().filter(|delegate| delegate.is_valid(now)).ok_or(Failure::TryLater)?;
    let next_update = now.plus(core.settings.validity_seconds).min(delegate.not_after);
    let archive_cutoff = core.settings.archive_seconds.map(|seconds| now.plus(-seconds));

    let mut tally = Tally::default();
    let mut singles = Vec::with_capacity(request.asked.len());
    let mut word = None;
    for asked in &request.asked {
        word = core.word(issuer_at, asked.id.serial());
        let standing = Standing::of(word.and_then(Word::status));
        match standing {
            Standing::Good => tally.good += 1,
            Standing::Revoked { .. } => tally.revoked += 1,
            Standing::Unknown => {
                tally.unknown += 1;
                if core.may_tell(now) {
                    let serial = hex::encode(asked.id.serial().unwrap_or_default());
                    tracing::warn!(issuer = %issuer.id, %serial, "Asked about a certificate that was never issued");
                }
            }
        }
        let asked = *asked;
        singles.push(Single { asked, standing, this_update: now, next_update: Some(next_update), archive_cutoff });
    }

    let der = encode_response_data(&delegate.key_hash, now, &singles, request.nonce).map_err(broken);
    let der = der.and_then(|data| sign(core, issuer_at, delegate, &data, now))?;
    core.meters.signed();
    let ([asked], None) = (&request.asked[..], request.nonce) else {
        let keepable = None;
        return Ok(Arc::new(Answer { der: Bytes::from(der), keepable, tally, this_update: now, next_update }));
    };
    // A never-issued certificate may be issued the next moment: nobody keeps that answer.
    let keepable = word.map(|_| keepable(core, &der, now)).transpose()?;
    let answer = Arc::new(Answer { der: Bytes::from(der), keepable, tally, this_update: now, next_update });
    if let (Some(word), Some(serial)) = (word, asked.id.serial()) {
        core.cache.keep(Entry::new(asked.der, issuer_at, serial, word, answer.clone()));
    }
    Ok(answer)
}

/// The whole response around the signed data.
fn sign(core: &Core, issuer: usize, delegate: &Delegate, data: &[u8], now: Timestamp) -> Result<Vec<u8>, Failure> {
    let signature = delegate.key.sign(data).map_err(|error| {
        let issuer = &core.issuers[issuer].id;
        match error {
            SignError::Retry(_) => {
                if core.may_tell(now) {
                    tracing::warn!(%issuer, %error, "The responder's key did not sign");
                }
                Failure::TryLater
            }
            SignError::Unusable(_) | SignError::KeyMissing => {
                if core.may_tell(now) {
                    tracing::error!(%issuer, %error, "The responder's key did not sign");
                }
                Failure::InternalError
            }
        }
    })?;
    assemble(data, (&delegate.algorithm).into(), &signature, &[&delegate.certificate]).map_err(broken)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function of map_err")]
fn broken(error: WireError) -> Failure {
    tracing::error!(%error, "Cannot make an answer");
    Failure::InternalError
}

/// The header with which caches outside may keep an answer for a while.
fn keepable(core: &Core, der: &[u8], now: Timestamp) -> Result<HeaderMap, Failure> {
    let mut head = HeaderMap::with_capacity(4);
    head.insert(CONTENT_TYPE, OCSP_RESPONSE);
    head.insert(CACHE_CONTROL, core.settings.cache_control());
    head.insert(ETAG, etag(der)?);
    head.insert(LAST_MODIFIED, http_date(now)?);
    Ok(head)
}

fn etag(der: &[u8]) -> Result<HeaderValue, Failure> {
    let digest = openssl::sha::sha256(der);
    header(&format!("\"{}\"", hex::encode(&digest[..16])))
}

fn http_date(at: Timestamp) -> Result<HeaderValue, Failure> {
    let seconds = u64::try_from(at.unix()).map_err(|_| Failure::InternalError)?;
    header(&httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)))
}

fn header(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Failure::InternalError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_waits_for_gets_stale_and_our_own_does_not() {
        let request = Bytes::new();
        let (mut waited, _reply) = Job::new(0, request.clone());
        assert!(!waited.is_stale());
        waited.due = waited.due.map(|due| due - 2 * STALE);
        assert!(waited.is_stale());
        assert!(!Job::ours(0, request).0.is_stale());
    }
}
