//! [`Authority`]: everything that answers requests, joined.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rand_chacha::ChaCha20Rng;
use tokio::sync::{Mutex, MutexGuard, Notify};

use super::desk::Desk;
use super::evidence::Evidence;
use super::faults::{Faults, NoFaults};
use super::finish::{Signed, ToSign};
use super::issuing::Issuing;
use super::stop::Stop;
use super::together::{Finished, Intended, Standing};
use crate::audit::Budget;
use crate::clock::Clock;
use crate::domain::{IssuerId, OrderId, Timestamp};
use crate::escrow::port::KeyManagement;
use crate::profile::Profiles;
use crate::service::client::{CallError, CertificateAuthority};
use crate::service::protocol::{Request, Response};
use crate::store::Store;

/// Orders that are carried out at the same time; two with the same stripe take turns.
const STRIPES: usize = 4096;
/// Orders whose writes share a unit of work at most: they stand or fall with one commit.
const WRITTEN_TOGETHER: usize = 256;
/// Orders that are signed in one go at most.
const SIGNED_TOGETHER: usize = 32;
/// Refused orders that are audited within one hour; the rest are counted and logged only, so that a caller cannot
/// fill the disk.
const MAX_REFUSALS_PER_HOUR: u32 = 600;

/// The authority in this process.
pub struct Authority {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: std::sync::Mutex<ChaCha20Rng>,
    pub(super) issuers: BTreeMap<IssuerId, Arc<Issuing>>,
    pub(super) profiles: Arc<Profiles>,
    pub(super) base_url: String,
    pub(super) responders: Mutex<()>,
    pub(super) faults: Arc<dyn Faults>,
    pub(super) kmc: Option<Arc<dyn KeyManagement>>,
    pub(super) looks: Arc<Desk<Arc<Evidence>, Result<Standing, Stop>>>,
    pub(super) intentions: Arc<Desk<Intended, Result<(), Stop>>>,
    pub(super) signings: Arc<Desk<ToSign, Signed>>,
    pub(super) completions: Arc<Desk<Finished, Result<bool, Stop>>>,
    turns: Vec<Mutex<()>>,
    refusals: std::sync::Mutex<Budget>,
    status_changed: Arc<Notify>,
}

impl Authority {
    /// An authority of these issuers. `base_url` is where responders answer: see [`crate::encode::certificate::Urls`].
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        rng: ChaCha20Rng,
        issuers: impl IntoIterator<Item = Issuing>,
        profiles: Profiles,
        base_url: String,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            store,
            clock,
            rng: std::sync::Mutex::new(rng),
            issuers: issuers.into_iter().map(|issuer| (issuer.id().clone(), Arc::new(issuer))).collect(),
            profiles: Arc::new(profiles),
            base_url,
            responders: Mutex::new(()),
            faults: Arc::new(NoFaults),
            kmc: None,
            looks: Desk::new(WRITTEN_TOGETHER, 1),
            intentions: Desk::new(WRITTEN_TOGETHER, 1),
            signings: Desk::new(SIGNED_TOGETHER, cores),
            completions: Desk::new(WRITTEN_TOGETHER, 1),
            turns: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            refusals: std::sync::Mutex::new(Budget::new(MAX_REFUSALS_PER_HOUR)),
            status_changed: Arc::new(Notify::new()),
        }
    }

    /// The same authority, stopping where `faults` says.
    #[must_use]
    pub fn with_faults(mut self, faults: Arc<dyn Faults>) -> Self {
        self.faults = faults;
        self
    }

    /// The same authority, with a key-management centre for pairs.
    #[must_use]
    pub fn with_kmc(mut self, kmc: Arc<dyn KeyManagement>) -> Self {
        self.kmc = Some(kmc);
        self
    }

    /// Told after each hold, release and revocation: time for a CRL.
    #[must_use]
    pub fn status_changed(&self) -> Arc<Notify> {
        self.status_changed.clone()
    }

    /// The CAs that can sign.
    pub fn issuers(&self) -> impl Iterator<Item = &Arc<Issuing>> {
        self.issuers.values()
    }

    /// Waits until no one else works on this order, so that its bytes are signed once.
    pub(super) async fn turn_of(&self, order: OrderId) -> MutexGuard<'_, ()> {
        let stripe = order.to_string().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.turns[stripe % STRIPES].lock().await
    }

    /// Whether one more refusal may be audited in this hour.
    pub(super) fn may_audit_refusal(&self, now: Timestamp) -> bool {
        self.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take(now)
    }
}

#[async_trait]
impl CertificateAuthority for Authority {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        let answer = match request {
            Request::Submit(submission) => self.submit(submission).await.map(Response::Certificate),
            Request::Confirm { install } => self.confirm(&install.0).await.map(Response::Certificate),
            Request::Abandon { order, why } => self.abandon(order, &why).await.map(Response::Certificate),
            Request::Responder { issuer, csr } => {
                self.certify_responder(&issuer, &csr.0).await.map(Response::Certificate)
            }
            Request::Recover(submission) => self.recover(submission).await.map(Response::Key),
            Request::Key { spki_sha256 } => self.view_key(spki_sha256).await,
            Request::Order { order } => self.view_order(order).await,
            Request::Certificate { issuer, serial } => self.view_certificate(&issuer, &serial).await,
            Request::Officer { certificate_sha256 } => self.view_officer(certificate_sha256).await,
            Request::Officers => self.view_officers().await,
            Request::Issuers => self.view_issuers().await,
        };
        answer.map_err(|stop: Stop| CallError::Refused(stop.told()))
    }
}
