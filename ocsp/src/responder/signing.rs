//! Makes signed answers, on a few threads behind a bounded queue.
//!
//! Signing is the only slow thing here (20 µs with P-256 in software, milliseconds in an HSM), so it is the
//! only thing that waits. A full queue is `tryLater` at once rather than an answer that comes too late.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use ca_core::domain::Timestamp;
use ca_core::signer::SignError;
use hyper::header::HeaderValue;
use tokio::sync::oneshot;

use super::cache::{Answer, Tally};
use super::{Core, Word};
use crate::wire::{Asked, CertId, Failure, Nonce, OcspRequest, Single, Standing, assemble, encode_response_data};

/// How long a question waits for its signature before it is told to try later.
const PATIENCE: Duration = Duration::from_secs(3);

type Outcome = Result<Arc<Answer>, Failure>;

/// One answer to be signed.
pub(super) struct Job {
    issuer: usize,
    ids: Vec<Box<[u8]>>,
    nonce: Option<Box<[u8]>>,
    reply: oneshot::Sender<Outcome>,
}

impl Job {
    pub(super) fn new(issuer: usize, request: &OcspRequest<'_>) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, receiver) = oneshot::channel();
        let ids = request.asked.iter().map(|asked| asked.der.into()).collect();
        let nonce = request.nonce.map(|nonce| nonce.octets().into());
        (Self { issuer, ids, nonce, reply }, receiver)
    }

    /// The same question once more, by its CertID.
    pub(super) fn again(core: &Core, id: &[u8]) -> Option<(Self, oneshot::Receiver<Outcome>)> {
        let parsed = CertId::parse(id).ok()?;
        let request = OcspRequest { asked: vec![Asked { der: id, id: parsed }], nonce: None };
        Some(Self::new(core.issuer_of(&request)?, &request))
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
        waiting.fetch_sub(1, Ordering::Relaxed);
        // Whoever asked may have gone.
        if !job.reply.is_closed() {
            let outcome = make(core, &job);
            let _gone = job.reply.send(outcome);
        }
    }
}

/// Signs one answer, from what is known at this moment.
fn make(core: &Core, job: &Job) -> Outcome {
    let now = core.clock.now();
    if !core.freshness.is_fresh(now) {
        return Err(Failure::TryLater);
    }
    let issuer = &core.issuers[job.issuer];
    let delegate = issuer.delegate().filter(|delegate| delegate.is_valid(now)).ok_or(Failure::TryLater)?;
    let next_update = now.plus(core.settings.validity_seconds).min(delegate.not_after);
    let broken = |what: &'static str| {
        move |error: crate::wire::WireError| {
            tracing::error!(%error, "Cannot make {what}");
            Failure::InternalError
        }
    };

    let mut tally = Tally::default();
    let mut singles = Vec::with_capacity(job.ids.len());
    let mut word = None;
    for der in &job.ids {
        let id = CertId::parse(der).map_err(broken("an answer"))?;
        word = core.word(job.issuer, id.serial());
        let standing = Standing::of(word.and_then(Word::status));
        match standing {
            Standing::Good => tally.good += 1,
            Standing::Revoked { .. } => tally.revoked += 1,
            Standing::Unknown => {
                tally.unknown += 1;
                if core.may_tell(now) {
                    let serial = hex::encode(id.serial().unwrap_or_default());
                    tracing::warn!(issuer = %issuer.id, %serial, "Asked about a certificate that was never issued");
                }
            }
        }
        let archive_cutoff = core.settings.archive_seconds.map(|seconds| now.plus(-seconds));
        let asked = Asked { der, id };
        singles.push(Single { asked, standing, this_update: now, next_update: Some(next_update), archive_cutoff });
    }

    let nonce = job.nonce.as_deref().map(Nonce::new).transpose().map_err(broken("a nonce"))?;
    let data = encode_response_data(&delegate.key_hash, now, &singles, nonce).map_err(broken("an answer"))?;
    let signature = delegate.key.sign(&data).map_err(|error| match error {
        SignError::Retry(_) => {
            if core.may_tell(now) {
                tracing::warn!(issuer = %issuer.id, %error, "The responder's key did not sign");
            }
            Failure::TryLater
        }
        SignError::Unusable(_) | SignError::KeyMissing => {
            if core.may_tell(now) {
                tracing::error!(issuer = %issuer.id, %error, "The responder's key did not sign");
            }
            Failure::InternalError
        }
    })?;
    core.meters.signed();
    let der = assemble(&data, (&delegate.algorithm).into(), &signature, &[&delegate.certificate])
        .map_err(broken("an answer"))?;

    let single = job.nonce.is_none() && job.ids.len() == 1;
    let answer = Arc::new(Answer {
        etag: etag(&der)?,
        last_modified: http_date(now)?,
        // A never-issued certificate may be issued the next moment.
        cacheable: job.nonce.is_none() && tally.unknown == 0,
        der: Bytes::from(der),
        tally,
        this_update: now,
        next_update,
    });
    if let (true, Some(word), [id]) = (single, word, &job.ids[..]) {
        core.cache.keep(id, word, answer.clone());
    }
    Ok(answer)
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
