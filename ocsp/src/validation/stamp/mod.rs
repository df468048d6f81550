//! Time stamps (RFC 3161): that something with this hash was there at this time.
//!
//! Trusts the clock, and stops when it goes back. Knows nothing of what it stamps. Serial numbers are 96 random bits drawn
//! at each start and a count after them: they repeat over no restart and in no replica, and need no file that could be lost.

mod request;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ca_core::clock::Clock;
use ca_core::cms::{self, SignMessageError, Wrapping};
use ca_core::domain::Timestamp;
use ca_core::signer::{SignError, StampKey};
use const_oid::ObjectIdentifier;
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;

use self::request::StampRequest;
pub(super) use self::request::{MAX_REQUEST, Refusal};
use crate::stamp::{Imprint, TST_INFO};

/// Why there is no stamp.
#[derive(Debug, thiserror::Error)]
pub(super) enum StampFault {
    /// The request does not get one.
    #[error("refused: {0:?}")]
    Refused(#[from] Refusal),
    /// The key.
    #[error("the key of time stamps: {0}")]
    Sign(#[from] SignError),
    /// The certificate or the time cannot stand in a stamp.
    #[error("{0}")]
    Unfit(String),
}

/// Makes stamps.
pub(super) struct StampAuthority {
    key: StampKey,
    /// Its certificate, DER.
    certificate: Vec<u8>,
    policy: ObjectIdentifier,
    accuracy_seconds: u8,
    clock: Arc<dyn Clock>,
    /// The first octets of every serial number of this run.
    run: [u8; 12],
    count: AtomicU64,
    last: AtomicI64,
}

impl StampAuthority {
    /// An authority that stamps under this policy and says that its clock is right to so many seconds.
    pub(super) fn new(
        key: StampKey,
        certificate: Vec<u8>,
        policy: ObjectIdentifier,
        accuracy_seconds: u8,
        clock: Arc<dyn Clock>,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let mut run = [0; 12];
        rng.fill_bytes(&mut run);
        // Positive, and as long each time.
        run[0] = run[0] & 0x7f | 0x40;
        let (count, last) = (AtomicU64::new(0), AtomicI64::new(i64::MIN));
        Self { key, certificate, policy, accuracy_seconds, clock, run, count, last }
    }

    /// The policy under which it stamps.
    pub(super) const fn policy(&self) -> ObjectIdentifier {
        self.policy
    }

    /// The whole answer to a request (TimeStampResp), whatever comes, and whether it holds a stamp.
    pub(super) fn answer(&self, request: &[u8]) -> (Vec<u8>, Result<(), Refusal>) {
        let stamped = StampRequest::read(request).map_err(StampFault::from).and_then(|request| self.grant(&request));
        let refusal = match stamped {
            Ok(token) => return (token::granted(&token), Ok(())),
            Err(StampFault::Refused(refusal)) => refusal,
            Err(error) => {
                tracing::error!(%error, "No time stamp");
                Refusal::SystemFailure
            }
        };
        (token::refused(refusal), Err(refusal))
    }

    /// A token over these bytes, by SHA-256, with the certificate.
    ///
    /// # Errors
    /// [`StampFault`].
    pub(super) fn stamp(&self, bytes: &[u8]) -> Result<Vec<u8>, StampFault> {
        let imprint = Imprint::sha256(bytes);
        self.grant(&StampRequest { imprint, policy: None, nonce: None, certificate: true })
    }

    fn grant(&self, request: &StampRequest<'_>) -> Result<Vec<u8>, StampFault> {
        if request.policy.is_some_and(|policy| policy != self.policy) {
            return Err(Refusal::UnacceptedPolicy.into());
        }
        let now = self.time()?;
        let info = token::info(&token::Info {
            policy: self.policy,
            imprint: &request.imprint,
            serial: &self.serial(),
            at: now,
            accuracy_seconds: self.accuracy_seconds,
            nonce: request.nonce,
        })
        .ok_or_else(|| StampFault::Unfit("the time is out of range".to_owned()))?;
        let wrapping = Wrapping { content_type: Some(TST_INFO), certificate: request.certificate };
        let signed = cms::sign_as(wrapping, &info, &self.certificate, now, |message| self.key.sign(message));
        signed.map_err(|error| match error {
            SignMessageError::Input(what) => StampFault::Unfit(what),
            SignMessageError::Sign(error) => error.into(),
        })
    }

    /// The present moment, unless the clock was set back.
    fn time(&self) -> Result<Timestamp, Refusal> {
        let now = self.clock.now();
        let last = self.last.fetch_max(now.unix(), Ordering::SeqCst);
        if last.saturating_sub(now.unix()) > i64::from(self.accuracy_seconds) {
            return Err(Refusal::TimeNotAvailable);
        }
        Ok(now)
    }

    fn serial(&self) -> [u8; 20] {
        let mut serial = [0; 20];
        serial[..12].copy_from_slice(&self.run);
        serial[12..].copy_from_slice(&self.count.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        serial
    }
}

#[cfg(test)]
mod tests;
