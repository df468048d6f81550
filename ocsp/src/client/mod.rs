//! What a relying party calls: is this certificate neither revoked nor held, at this moment?
//!
//! Trusts the issuer certificate that the caller's chain already ended in, the clock and the rng. Does not trust
//! the network, the responder's word without its signature, or an old answer: every question carries a fresh
//! nonce. Never says yes by default: no answer, a doubtful answer and a stale one are all errors. A signed and
//! fresh CRL may stand in only when the responder cannot be reached or says that it cannot know; a responder
//! that answers wrongly is not "unreachable".

mod crl;
mod http;
mod verify;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ca_core::chain::ChainValid;
use ca_core::clock::Clock;
use ca_core::domain::{IssuerId, RevocationReason, Serial, Timestamp};
use ca_core::keys::PublicKey;
use ca_core::x509::Parts;
use der::Decode as _;
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;

pub use self::crl::CrlFault;
use self::verify::Expected;
#[cfg(feature = "responder")]
pub(crate) use self::verify::delegated;
pub use self::verify::{Distrust, kept};
use crate::wire::{Failure, HashAlgorithm, IssuerHashes, Nonce, Standing, WireError, encode_request};

/// Octets of the nonce that each question carries (RFC 9654 §2.1: 32 is what clients should use).
const NONCE_OCTETS: usize = 32;

/// How and whom to ask.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the responder is, e.g. `http://127.0.0.1:8083/ocsp`. Plain HTTP: the answers are signed.
    pub url: String,
    /// How long one question may take, connecting included.
    pub patience: Duration,
    /// By how many seconds the clocks of responder and relying party may disagree.
    pub skew_seconds: i64,
    /// What may stand in while the responder cannot be reached; `None`: nothing, so it fails closed.
    pub crl: Option<CrlFallback>,
}

impl Settings {
    /// Asks at `url`, waits 5 seconds, allows the clocks 60 seconds, no stand-in.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), patience: Duration::from_secs(5), skew_seconds: 60, crl: None }
    }
}

/// A CRL that may stand in.
#[derive(Clone, Debug)]
pub struct CrlFallback {
    /// Where it is.
    pub source: CrlSource,
    /// How old its thisUpdate may be. A revocation made since then is not seen: that is the price of the
    /// stand-in, and its bound.
    pub max_age_seconds: i64,
}

/// Where CRLs are.
#[derive(Clone, Debug)]
pub enum CrlSource {
    /// Files `{issuer}.crl` in this folder.
    Folder(PathBuf),
    /// `{base}/{issuer}.crl`, e.g. base `http://127.0.0.1:8083/crl`.
    Url(String),
}

/// A list that has an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number, in lower-case hex.
    pub number: String,
    /// When it was made.
    pub this_update: Timestamp,
}

/// Why there is no yes.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The certificate is revoked.
    #[error("revoked since {}: {}", .since.unix(), .reason.word())]
    Revoked {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: RevocationReason,
        /// Who said so.
        evidence: Evidence,
    },
    /// The certificate is held, and may be released.
    #[error("held since {}", .since.unix())]
    Held {
        /// Since when.
        since: Timestamp,
        /// Who said so.
        evidence: Evidence,
    },
    /// The authority never issued it.
    #[error("the responder does not know the certificate")]
    Unknown {
        /// Who said so.
        evidence: Evidence,
    },
    /// Nobody could say; ask again later.
    #[error("the responder cannot be asked: {0}")]
    Unreachable(#[from] Outage),
    /// Somebody said something that cannot be believed.
    #[error("the responder's answer cannot be believed: {0}")]
    Untrusted(#[from] Distrust),
}

impl StatusError {
    /// The signed answer that said no, to be kept beside the refusal; `None` where nobody gave one that could
    /// be believed.
    #[must_use]
    pub const fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Revoked { evidence, .. } | Self::Held { evidence, .. } | Self::Unknown { evidence } => Some(evidence),
            Self::Unreachable(_) | Self::Untrusted(_) => None,
        }
    }
}

/// Why nobody could say.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Connection(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// An HTTP status other than 200.
    #[error("HTTP status {0}")]
    Http(u16),
    /// The responder says that it cannot know now.
    #[error("the responder says {}", .0.name())]
    Failure(Failure),
}

/// Proof that a certificate was neither revoked nor held when it was checked.
#[derive(Clone, Debug)]
pub struct NotRevoked {
    issuer: IssuerId,
    serial: Serial,
    as_of: Timestamp,
    evidence: Evidence,
}

/// What a verdict rests on: bytes to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// DER of the OCSP response.
    Ocsp(Bytes),
    /// DER of the CRL that stood in.
    Crl(Bytes),
}

impl NotRevoked {
    /// Who issued the certificate.
    #[must_use]
    pub const fn issuer(&self) -> &IssuerId {
        &self.issuer
    }

    /// Its serial number.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// The thisUpdate of the evidence: when this was known.
    #[must_use]
    pub const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// What to keep beside the act that relied on it.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

/// The issuer of a certificate that is asked about, as the caller trusts it.
struct Trusted<'a> {
    id: &'a IssuerId,
    certificate: &'a Certificate,
    key: &'a PublicKey,
}

/// Asks one responder. Cheap to share, keeps its connections.
pub struct Client {
    settings: Settings,
    clock: Arc<dyn Clock>,
    rng: Mutex<ChaCha20Rng>,
    http: http::Http,
}

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`UrlError`] when the responder's URL, or the CRLs', is no plain `http` URL.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, rng: ChaCha20Rng) -> Result<Self, UrlError> {
        http::parse(&settings.url)?;
        if let Some(CrlFallback { source: CrlSource::Url(base), .. }) = &settings.crl {
            http::parse(base)?;
        }
        let http = http::Http::new(settings.patience);
        Ok(Self { settings, clock, rng: Mutex::new(rng), http })
    }

    /// Asks whether a certificate is neither revoked nor held now.
    ///
    /// # Errors
    /// [`StatusError`]: do not rely on the certificate.
    pub async fn check(&self, chain: &ChainValid) -> Result<NotRevoked, StatusError> {
        self.check_under(chain.issuer(), chain.issuer_der(), chain.issuer_key(), chain.serial()).await
    }

    /// [`Self::check`] for a certificate that is told by its issuer and number.
    ///
    /// `issuer_der` must be a certificate that the caller trusts for `issuer`: the answer's signer is checked
    /// against it. An SM2 issuer's key is taken to sign under the standard id.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn check_serial(
        &self,
        issuer: &IssuerId,
        issuer_der: &[u8],
        serial: &Serial,
    ) -> Result<NotRevoked, StatusError> {
        let parts = Parts::read(issuer_der).map_err(|_| WireError::Value("an issuer certificate of this form"));
        let key = PublicKey::read(parts.map_err(Distrust::Malformed)?.tbs.spki).map_err(|_| Distrust::ForeignSigner)?;
        self.check_under(issuer, issuer_der, &key, serial).await
    }

    async fn check_under(
        &self,
        issuer: &IssuerId,
        issuer_der: &[u8],
        issuer_key: &PublicKey,
        serial: &Serial,
    ) -> Result<NotRevoked, StatusError> {
        let certificate =
            Certificate::from_der(issuer_der).map_err(|error| Distrust::Malformed(WireError::Der(error)))?;
        let trusted = Trusted { id: issuer, certificate: &certificate, key: issuer_key };
        let proof = |as_of, evidence| NotRevoked { issuer: issuer.clone(), serial: serial.clone(), as_of, evidence };
        match self.ask(&trusted, serial).await {
            Ok((as_of, response)) => Ok(proof(as_of, Evidence::Ocsp(response))),
            Err(StatusError::Unreachable(outage)) => {
                let Some(fallback) = &self.settings.crl else { return Err(outage.into()) };
                match self.look_up(fallback, &trusted, serial).await? {
                    Ok((as_of, list)) => {
                        tracing::warn!(%issuer, %serial, %outage, "A CRL stood in for the responder");
                        Ok(proof(as_of, Evidence::Crl(list)))
                    }
                    Err(fault) => {
                        tracing::warn!(%issuer, %serial, %outage, %fault, "No CRL could stand in for the responder");
                        Err(outage.into())
                    }
                }
            }
            Err(other) => Err(other),
        }
    }

    /// The entry of a certificate in the list at `source`, if it has one: its number and its time. For whoever must tell
    /// that a revocation is public; as a status [`Self::check_serial`] is the one to ask.
    ///
    /// # Errors
    /// [`CrlFault`]: there is no list that could be believed.
    pub async fn listed(
        &self,
        source: &CrlSource,
        issuer: &IssuerId,
        issuer_der: &[u8],
        serial: &Serial,
    ) -> Result<Option<Listed>, CrlFault> {
        let unread = |_| CrlFault::from(WireError::Value("an issuer certificate of this form"));
        let parts = Parts::read(issuer_der).map_err(|_| unread(()))?;
        let key = PublicKey::read(parts.tbs.spki).map_err(|_| unread(()))?;
        let certificate = Certificate::from_der(issuer_der).map_err(WireError::Der)?;
        let list = self.fetch(source, issuer).await?;
        let now = self.clock.now();
        let limits = crl::Limits { now, skew: self.settings.skew_seconds, max_age: i64::MAX };
        let found = crl::look_up(&list, &certificate, &key, serial, &limits)?;
        Ok(found.entry.map(|_| Listed { number: found.number, this_update: found.this_update }))
    }

    async fn fetch(&self, source: &CrlSource, issuer: &IssuerId) -> Result<Bytes, CrlFault> {
        match source {
            CrlSource::Folder(folder) => crl::read(&folder.join(format!("{issuer}.crl"))).await,
            CrlSource::Url(base) => {
                let url = format!("{}/{issuer}.crl", base.trim_end_matches('/'));
                self.http.fetch(&url).await.map_err(|outage| CrlFault::Absent(outage.to_string()))
            }
        }
    }

    async fn ask(&self, issuer: &Trusted<'_>, serial: &Serial) -> Result<(Timestamp, Bytes), StatusError> {
        let hashes = IssuerHashes::of(issuer.certificate, HashAlgorithm::Sha256).map_err(Distrust::Malformed)?;
        let id = hashes.cert_id(serial.octets()).map_err(Distrust::Malformed)?;
        let mut nonce = [0; NONCE_OCTETS];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut nonce);
        let request = Nonce::new(&nonce).and_then(|nonce| encode_request(&[&id], Some(nonce)));
        let response = self.http.ask(&self.settings.url, request.map_err(Distrust::Malformed)?).await?;
        let expected = Expected {
            issuer: issuer.certificate,
            issuer_key: issuer.key,
            id: &id,
            nonce: &nonce,
            now: self.clock.now(),
            skew: self.settings.skew_seconds,
        };
        match expected.believe(&response) {
            Ok((Standing::Good, as_of)) => Ok((as_of, response)),
            Ok((Standing::Unknown, _)) => Err(StatusError::Unknown { evidence: Evidence::Ocsp(response) }),
            Ok((Standing::Revoked { since, reason }, _)) => Err(refusal(since, reason, Evidence::Ocsp(response))),
            Err(Distrust::Failure(failure @ (Failure::TryLater | Failure::InternalError))) => {
                Err(Outage::Failure(failure).into())
            }
            Err(distrust) => Err(distrust.into()),
        }
    }

    /// Outer error: the CRL says that the certificate is revoked or held. Inner: the CRL says nothing.
    async fn look_up(
        &self,
        fallback: &CrlFallback,
        issuer: &Trusted<'_>,
        serial: &Serial,
    ) -> Result<Result<(Timestamp, Bytes), CrlFault>, StatusError> {
        let list = self.fetch(&fallback.source, issuer.id).await;
        let now = self.clock.now();
        let limits = crl::Limits { now, skew: self.settings.skew_seconds, max_age: fallback.max_age_seconds };
        let look = |list: &[u8]| crl::look_up(list, issuer.certificate, issuer.key, serial, &limits);
        let found = list.and_then(|list| look(&list).map(|found| (found, list)));
        match found {
            Err(fault) => Ok(Err(fault)),
            Ok((crl::Found { this_update, entry: None, .. }, list)) => Ok(Ok((this_update, list))),
            Ok((crl::Found { entry: Some((since, reason)), .. }, list)) => {
                Err(refusal(since, reason, Evidence::Crl(list)))
            }
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Not a URL that the client can ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no plain http URL with a host")]
pub struct UrlError(String);

fn refusal(since: Timestamp, reason: Option<CrlReason>, evidence: Evidence) -> StatusError {
    let reason = match reason {
        Some(CrlReason::CertificateHold) => return StatusError::Held { since, evidence },
        Some(CrlReason::KeyCompromise) => RevocationReason::KeyCompromise,
        Some(CrlReason::AffiliationChanged) => RevocationReason::AffiliationChanged,
        Some(CrlReason::Superseded) => RevocationReason::Superseded,
        Some(CrlReason::CessationOfOperation) => RevocationReason::CessationOfOperation,
        Some(CrlReason::PrivilegeWithdrawn) => RevocationReason::PrivilegeWithdrawn,
        _ => RevocationReason::Unspecified,
    };
    StatusError::Revoked { since, reason, evidence }
}
