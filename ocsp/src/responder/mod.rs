//! Answers questions about certificates.
//!
//! For: one answer to one request, from memory. Trusts the feed for what is revoked, its own key, the clock.
//! Never says good of a certificate that is not in the index, never answers from knowledge older than the
//! staleness bound, never answers for an issuer that did not delegate to it, never touches a database.
//!
//! The hot path, a question about one certificate without nonce: find the ready answer by the CertID's bytes, and look
//! whether the index has changed since it last agreed. All else is parsed, looked up and signed; what is more than can
//! be signed in time gets `tryLater`. Nothing here waits for a lock.

mod cache;
mod delegate;
mod freshness;
pub(crate) mod image;
mod index;
mod key_file;
mod load;
mod news;
mod renewal;
mod signing;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use ca_core::clock::Clock;
use ca_core::domain::{IssuerId, Sm2Id, Timestamp};
use ca_core::keys::PublicKey;
use der::Encode as _;
use hyper::header::HeaderValue;
use x509_cert::Certificate;

pub(crate) use self::cache::{Answer, Tally};
pub(crate) use self::freshness::Freshness;
pub(crate) use self::index::{Loading, StatusIndex};
pub(crate) use self::key_file::KeyFile;
pub(crate) use self::renewal::Renewal;

use self::cache::AnswerCache;
use self::delegate::Delegate;
use self::index::Word;
use self::load::Load;
use self::news::News;
use self::signing::{Job, Outcome, SigningQueue};
use crate::metrics::Meters;
use crate::wire::{Failure, HashAlgorithm, IssuerHashes, OcspRequest, WireError, encode_request, plain_cert_id};

/// The media type of answers.
pub(crate) const OCSP_RESPONSE: HeaderValue = HeaderValue::from_static("application/ocsp-response");

/// How answers are made.
#[derive(Clone, Copy, Debug)]
pub struct AnswerSettings {
    /// From thisUpdate to nextUpdate, in seconds.
    pub validity_seconds: i64,
    /// How long after the end of a certificate its status is still told, in seconds; shown as archive cutoff.
    pub archive_seconds: Option<i64>,
    /// How old the feed's heartbeat may be, in seconds.
    pub max_feed_age_seconds: i64,
    /// How long caches may keep an answer, a CRL or a CA certificate, in seconds.
    pub max_age_seconds: u32,
    /// How many ready answers are kept, of about a kilobyte each.
    pub cached_answers: usize,
    /// How many questions may wait for a signature.
    pub signing_queue: usize,
    /// How many threads sign.
    pub signers: usize,
}

impl AnswerSettings {
    /// `public, max-age=…` for what may be kept. Never until nextUpdate: a login portal must see a revocation.
    pub(crate) fn cache_control(&self) -> HeaderValue {
        let text = format!("public, max-age={}, no-transform, must-revalidate", self.max_age_seconds);
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("no-store"))
    }
}

/// An issuer that delegated to us.
pub(crate) struct Issuer {
    pub(crate) id: IssuerId,
    pub(crate) certificate: Certificate,
    /// Its key, which verifies our own certificates.
    pub(crate) key: PublicKey,
    pub(crate) index: StatusIndex,
    hashes: [IssuerHashes; HashAlgorithm::ALL.len()],
    delegate: ArcSwapOption<Delegate>,
}

impl Issuer {
    /// An issuer without statuses and without delegate yet; `sm2_id` is what its key signs under, if it is an SM2
    /// key.
    pub(crate) fn new(id: IssuerId, certificate: Certificate, sm2_id: &Sm2Id) -> Result<Self, WireError> {
        let spki = certificate.tbs_certificate().subject_public_key_info().to_der()?;
        let key = PublicKey::under(&spki, sm2_id).map_err(|_| WireError::Value("an issuer's key of this kind"))?;
        let [a, b, c, d] = HashAlgorithm::ALL.map(|algorithm| IssuerHashes::of(&certificate, algorithm));
        let hashes = [a?, b?, c?, d?];
        Ok(Self { id, certificate, key, index: StatusIndex::new(), hashes, delegate: ArcSwapOption::empty() })
    }

    fn delegate(&self) -> Option<Arc<Delegate>> {
        self.delegate.load_full()
    }

    fn appoint(&self, delegate: Delegate) {
        self.delegate.store(Some(Arc::new(delegate)));
    }

    /// When our certificate for this issuer ends, if we have one that is valid now.
    pub(crate) fn delegated_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.delegate().filter(|delegate| delegate.is_valid(now)).map(|delegate| delegate.not_after)
    }
}

/// What the request path, the feed, the signing threads and the renewal share.
pub(crate) struct Core {
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) freshness: Freshness,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Meters,
    pub(crate) load: Load,
    pub(crate) news: News,
    settings: AnswerSettings,
    cache: AnswerCache,
    told: AtomicI64,
}

impl Core {
    pub(crate) fn new(issuers: Vec<Issuer>, settings: AnswerSettings, clock: Arc<dyn Clock>, meters: Meters) -> Self {
        let freshness = Freshness::new(settings.max_feed_age_seconds);
        let cache = AnswerCache::new(settings.cached_answers);
        let (load, news) = (Load::new(), News::new());
        Self { issuers, freshness, clock, meters, load, news, settings, cache, told: AtomicI64::new(0) }
    }

    pub(crate) fn issuer(&self, id: &IssuerId) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.id == *id)
    }

    /// What keeps us from answering now; empty when nothing does.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let now = self.clock.now();
        let mut complaints = Vec::new();
        if !self.freshness.is_fresh(now) {
            complaints.push(match self.freshness.age(now) {
                Some(age) => format!("the feed's last heartbeat is {age} s old"),
                None => "the feed has not caught up".to_owned(),
            });
        }
        for issuer in self.issuers.iter().filter(|issuer| issuer.delegated_until(now).is_none()) {
            complaints.push(format!("no valid responder certificate by {}", issuer.id));
        }
        complaints
    }

    /// Brings the gauges up to date.
    fn measure(&self, queued: usize) {
        let now = self.clock.now();
        self.meters.feed_age(self.freshness.age(now));
        self.meters.cached_answers(self.cache.len());
        self.meters.queued(queued);
        for issuer in &self.issuers {
            let left = issuer.delegated_until(now).map_or(0, |until| until.since(now));
            self.meters.issuer(&issuer.id, issuer.index.len(), left);
        }
    }

    /// Whether the log may be told of something that a client can bring about: once a second, the counters say
    /// how often.
    fn may_tell(&self, now: Timestamp) -> bool {
        self.told.swap(now.unix(), Ordering::Relaxed) != now.unix()
    }

    /// The place of the one issuer that all the certificates asked about have in common.
    fn issuer_of(&self, request: &OcspRequest<'_>) -> Option<usize> {
        let by = |at: &usize| {
            let hashes = &self.issuers[*at].hashes;
            request.asked.iter().all(|asked| {
                asked.id.algorithm().is_some_and(|algorithm| {
                    hashes.iter().find(|h| h.algorithm == algorithm).is_some_and(|h| asked.id.is_by(h))
                })
            })
        };
        (0..self.issuers.len()).find(by)
    }

    /// The ready answer about the certificate with this CertID, if it still serves.
    fn ready(&self, id: &[u8], now: Timestamp) -> Option<Arc<Answer>> {
        self.cache.find(id, |entry| {
            let serves = self.freshness.is_fresh(now) && entry.serves(&self.issuers[entry.issuer].index, now);
            serves.then(|| entry.answer.clone())
        })
    }

    fn word(&self, issuer: usize, serial: Option<&[u8]>) -> Option<Word> {
        self.issuers[issuer].index.find(serial?)
    }
}

/// Answers requests; dropped, it ends its signing threads.
pub(crate) struct Responder {
    pub(crate) core: Arc<Core>,
    queue: SigningQueue,
}

impl Responder {
    pub(crate) fn new(core: Arc<Core>) -> std::io::Result<Self> {
        let queue = SigningQueue::start(&core)?;
        Ok(Self { core, queue })
    }

    /// The answer to the bytes of a request.
    ///
    /// # Errors
    /// [`Failure`] to send instead, unsigned. A request about certificates of several issuers is `unauthorized`
    /// like one about foreign ones: one answer has one signer, and no one key is delegated by both.
    pub(crate) async fn answer(&self, request: Bytes) -> Result<Arc<Answer>, Failure> {
        if let Some(ready) = self.at_once(&request) {
            return Ok(ready);
        }
        let outcome = Box::pin(self.read(request, self.core.clock.now())).await;
        match &outcome {
            Ok(answer) => self.core.meters.answered(answer.tally),
            Err(failure) => self.core.meters.failed(*failure),
        }
        outcome
    }

    /// The answer to the bytes of a request in its plainest form, if it is ready.
    pub(crate) fn at_once(&self, request: &[u8]) -> Option<Arc<Answer>> {
        let ready = self.core.ready(plain_cert_id(request)?, self.core.clock.now())?;
        self.core.meters.cache_hit();
        self.core.meters.answered(ready.tally);
        Some(ready)
    }

    fn hit(&self, ready: Arc<Answer>) -> Outcome {
        self.core.meters.cache_hit();
        Ok(ready)
    }

    async fn read(&self, bytes: Bytes, now: Timestamp) -> Outcome {
        let core = &*self.core;
        let mut looked = false;
        let (issuer, issued) = loop {
            let request = OcspRequest::parse(&bytes).map_err(|error| {
                tracing::debug!(%error, "Refused a malformed request");
                Failure::MalformedRequest
            })?;
            let issuer = core.issuer_of(&request).ok_or(Failure::Unauthorized)?;
            if !core.freshness.is_fresh(now) {
                return Err(Failure::TryLater);
            }
            if let (None, [asked]) = (request.nonce, &request.asked[..])
                && let Some(ready) = core.ready(asked.der, now)
            {
                return self.hit(ready);
            }
            let issued = request.asked.iter().all(|asked| core.word(issuer, asked.id.serial()).is_some());
            if issued || looked {
                if core.issuers[issuer].delegate().is_none_or(|delegate| delegate.is_quick()) {
                    return core.load.sign(issued, || signing::make(core, issuer, &request));
                }
                break (issuer, issued);
            }
            core.load.admit(false)?;
            drop(request);
            // Perhaps it was issued a moment ago: nobody is told `unknown` before the log was read to its end again.
            if !core.news.next().await {
                return Err(Failure::TryLater);
            }
            looked = true;
        };
        let (job, reply) = Job::new(issuer, bytes.clone());
        self.queue.submit(job, issued)?;
        signing::wait(reply).await
    }

    /// Signs again what is asked for often, before half its life is over, and forgets what is not. To be
    /// called every few seconds.
    pub(crate) async fn refresh(&self) {
        let now = self.core.clock.now();
        if !self.core.freshness.is_fresh(now) {
            return;
        }
        for id in self.core.cache.due(now) {
            let Ok(request) = encode_request(&[&id], None) else { continue };
            let Some(issuer) = OcspRequest::parse(&request).ok().and_then(|read| self.core.issuer_of(&read)) else {
                continue;
            };
            // Live questions come first: a full queue ends this round, the next one goes on.
            let (job, reply) = Job::ours(issuer, request.into());
            if self.queue.submit(job, false).is_err() || signing::wait(reply).await.is_err() {
                return;
            }
        }
    }

    /// The exposition text of its meters, at this moment.
    pub(crate) fn measured(&self) -> String {
        self.core.measure(self.queue.waiting());
        self.core.meters.render()
    }
}
