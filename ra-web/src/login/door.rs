//! The door: the one function that turns an answered challenge into an admission.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use async_trait::async_trait;
use ca_core::chain::{Anchors, ChainError, ChainValid};
use ca_core::clock::Clock;
use ca_core::domain::{IssuerId, LoginPurpose, Serial, Sha256, SubjectField, Timestamp};
use ca_core::sql::DatabaseError;
use ocsp::client::{Client, NotRevoked, StatusError};
use rand_chacha::ChaCha20Rng;

use super::answer::{Answer, ChallengeAnswered, ChallengeTaken};
use super::challenge::{BrowserSession, Challenge, Site, sha256};
use super::handshake::Handshake;
use super::record::{LoginRecord, Outcome, PastLogin, StatusEvidence};
use super::refusal::Refusal;
use super::sql::LoginStore;
use crate::Chance;
use crate::audit::Event;
use crate::retry::settled;

/// Who holds a certificate, read from the certificate itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// SHA-256 of the DER certificate.
    pub certificate_sha256: Sha256,
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// Its notAfter.
    pub not_after: Timestamp,
    /// Whom it names.
    pub subject: BTreeMap<SubjectField, String>,
}

impl Holder {
    fn of(chain: &ChainValid) -> Self {
        Self {
            certificate_sha256: sha256(chain.der()),
            issuer: chain.issuer().clone(),
            serial: chain.serial().clone(),
            not_after: chain.validity().not_after,
            subject: chain.subject(),
        }
    }

    /// The name that the certificate gives.
    #[must_use]
    pub fn name(&self) -> &str {
        self.subject.get(&SubjectField::CommonName).map_or("", String::as_str)
    }
}

/// Somebody a registry knows.
#[derive(Clone, Debug)]
pub struct Recognised<P> {
    /// Officer id or account number, as records name them.
    pub account: String,
    /// Whatever the site needs of them.
    pub person: P,
}

/// Tells whose certificate it is: the CA's registry of officers, or the fund's accounts.
#[async_trait]
pub trait Registry: Send + Sync {
    /// What the site needs of a person.
    type Person: Send;

    /// Finds the holder of a good certificate.
    ///
    /// # Errors
    /// [`LoginError::Refused`] with [`Refusal::NotRegistered`] when nobody here holds it,
    /// [`Refusal::AuthorityUnreachable`] when the registry cannot be asked.
    async fn recognise(&self, holder: &Holder) -> Result<Recognised<Self::Person>, LoginError>;
}

/// Why a login did not lead to a session.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The person is refused; the page says why.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// Our own storage failed; nobody is let in.
    #[error(transparent)]
    Storage(#[from] DatabaseError),
}

/// Leave to open a session. Made by [`Door::admit`] alone, after challenge, signature, chain, status and
/// account were all good and the record was durable.
#[derive(Clone, Debug)]
pub struct Admission<P> {
    record: String,
    holder: Holder,
    recognised: Recognised<P>,
    at: Timestamp,
}

impl<P> Admission<P> {
    /// Id of the [`LoginRecord`], which has the evidence.
    #[must_use]
    pub fn record(&self) -> &str {
        &self.record
    }

    /// Whose certificate it is.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Officer id or account number.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.recognised.account
    }

    /// What the registry knows of them.
    #[must_use]
    pub const fn person(&self) -> &P {
        &self.recognised.person
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// The three things that a session needs, over one and the same certificate.
struct Proven {
    chain: ChainValid,
    not_revoked: NotRevoked,
}

/// Why there is no [`Proven`], with the signed answer that said no, if one did.
struct Unproven {
    refusal: Refusal,
    evidence: Option<StatusEvidence>,
}

/// The login of one site.
pub struct Door {
    site: Site,
    anchors: Arc<Anchors>,
    status: Arc<Client>,
    store: Arc<dyn LoginStore>,
    clock: Arc<dyn Clock>,
    chance: Chance,
    /// For so many seconds after its end a certificate still proves whose it is.
    late_seconds: i64,
}

impl Door {
    /// A door of `site`, which trusts `anchors`, asks `status`, and keeps its challenges and records in `store`.
    #[must_use]
    pub fn new(
        site: Site,
        anchors: Arc<Anchors>,
        status: Arc<Client>,
        store: Arc<dyn LoginStore>,
        clock: Arc<dyn Clock>,
        chance: Chance,
    ) -> Self {
        Self { site, anchors, status, store, clock, chance, late_seconds: 0 }
    }

    /// The same door, which also lets in whose certificate ended so many days ago at most: for a site where such a one can
    /// do nothing but renew.
    #[must_use]
    pub fn lets_in_late(self, days: u16) -> Self {
        Self { late_seconds: i64::from(days) * 86_400, ..self }
    }

    /// Which site it is.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// The record of a login, with its evidence.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn record(&self, id: &str) -> Result<Option<LoginRecord>, DatabaseError> {
        let mut tx = self.store.begin_login().await?;
        let record = tx.login_record(id).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// The last logins that opened a session of an account, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn latest(&self, account: &str, limit: i64) -> Result<Vec<PastLogin>, DatabaseError> {
        let mut tx = self.store.begin_login().await?;
        let logins = tx.latest_logins(account, limit).await?;
        tx.commit().await?;
        Ok(logins)
    }

    /// Mints a challenge for this browser and stores it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn challenge(&self, browser: BrowserSession) -> Result<Challenge, DatabaseError> {
        let now = self.clock.now();
        let challenge = Challenge::draw(&self.site, now, &mut *self.rng());
        settled(|| async {
            let mut tx = self.store.begin_login().await?;
            tx.sweep_challenges(now).await?;
            tx.keep_challenge(&challenge, browser).await?;
            tx.commit().await
        })
        .await?;
        Ok(challenge)
    }

    /// Lets the holder of a token in, or says why not. The challenge is used up either way.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for the person, [`LoginError::Storage`] for us.
    pub async fn admit<P: Send>(
        &self,
        browser: BrowserSession,
        answer: &Answer,
        registry: &dyn Registry<Person = P>,
    ) -> Result<Admission<P>, LoginError> {
        self.counted(self.answer(browser, answer, registry).await)
    }

    /// Lets in whoever used the key of a certificate in a handshake with a proxy of ours, or says why not. Chain, status and account
    /// are asked here as for every login; the record has a statement that nobody signed, since TLS keeps no signature.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for the person, [`LoginError::Storage`] for us.
    pub async fn admit_by_handshake<P: Send>(
        &self,
        handshake: &Handshake,
        registry: &dyn Registry<Person = P>,
    ) -> Result<Admission<P>, LoginError> {
        let now = self.clock.now();
        let statement = Challenge::draw(&self.site, now, &mut *self.rng());
        let mut record = self.unfinished(now, statement.id(), statement.statement().to_vec(), Vec::new());
        let decided = self.decide_on(handshake.certificate(), registry, now, &mut record).await;
        self.counted(self.finish(record, decided, now).await)
    }

    fn counted<P>(&self, outcome: Result<Admission<P>, LoginError>) -> Result<Admission<P>, LoginError> {
        match &outcome {
            Ok(_) => self.count("opened"),
            Err(LoginError::Refused(refusal)) => self.count(refusal.code()),
            Err(LoginError::Storage(_)) => self.count("storage-failed"),
        }
        outcome
    }

    fn count(&self, outcome: &'static str) {
        let purpose = match self.site.purpose {
            LoginPurpose::Staff => "staff",
            LoginPurpose::Portal => "portal",
            LoginPurpose::Unit => "unit",
        };
        metrics::counter!("yinxin_logins_total", "purpose" => purpose, "outcome" => outcome).increment(1);
    }

    async fn answer<P: Send>(
        &self,
        browser: BrowserSession,
        answer: &Answer,
        registry: &dyn Registry<Person = P>,
    ) -> Result<Admission<P>, LoginError> {
        let now = self.clock.now();
        let taken = self.take(browser, answer, now).await?;
        let (statement, signature) = (answer.statement().to_vec(), answer.signature().to_vec());
        let mut record = self.unfinished(now, answer.challenge(), statement, signature);
        let decided = self.decide(&taken, answer, registry, now, &mut record).await;
        self.finish(record, decided, now).await
    }

    fn unfinished(&self, now: Timestamp, challenge: Sha256, statement: Vec<u8>, signature: Vec<u8>) -> LoginRecord {
        LoginRecord {
            id: LoginRecord::draw_id(now, &mut *self.rng()),
            challenge,
            at: now,
            outcome: Outcome::Refused { code: "unfinished".into() },
            certificate: None,
            statement,
            signature,
            status_evidence: None,
        }
    }

    /// Writes down how a login ended, before anybody is told.
    async fn finish<P: Send>(
        &self,
        mut record: LoginRecord,
        decided: Result<(Holder, Recognised<P>), LoginError>,
        now: Timestamp,
    ) -> Result<Admission<P>, LoginError> {
        match decided {
            Ok((holder, recognised)) => {
                record.outcome = Outcome::Opened { account: recognised.account.clone() };
                self.keep(&record, Some(&holder)).await?;
                tracing::info!(account = %recognised.account, serial = %holder.serial, "Opened a session");
                Ok(Admission { record: record.id, holder, recognised, at: now })
            }
            Err(LoginError::Refused(refusal)) => {
                record.outcome = Outcome::from(&refusal);
                self.keep(&record, None).await?;
                tracing::info!(code = refusal.code(), record = %record.id, "Refused a login");
                Err(refusal.into())
            }
            Err(storage) => Err(storage),
        }
    }

    /// Asks chain and status of a certificate again, as each transaction must (design §9).
    ///
    /// # Errors
    /// [`Refusal`] when the certificate is no longer good, or its status cannot be learnt.
    pub async fn still_good(&self, certificate: &[u8]) -> Result<NotRevoked, Refusal> {
        let proven = self.prove(certificate, self.clock.now()).await;
        proven.map(|proven| proven.not_revoked).map_err(|unproven| unproven.refusal)
    }

    fn rng(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(
        &self,
        browser: BrowserSession,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<ChallengeTaken, LoginError> {
        let login = answer.login();
        if login.aud != self.site.origin || login.purpose != self.site.purpose {
            return Err(Refusal::OtherOrigin.into());
        }
        let id = answer.challenge();
        let (taken, answered) = settled(|| async {
            let mut tx = self.store.begin_login().await?;
            let taken = tx.take_challenge(id, browser).await?;
            let answered = tx.was_answered(id).await?;
            tx.commit().await?;
            Ok((taken, answered))
        })
        .await?;
        // The times in the statement are ours only if the challenge was in the store; before that they
        // choose no more than the words of a refusal.
        let expired = !(login.iat..=login.exp).contains(&now);
        match taken {
            _ if answered => Err(Refusal::ChallengeReplayed.into()),
            _ if expired => Err(Refusal::ChallengeExpired.into()),
            Some(taken) => Ok(taken),
            None => Err(Refusal::OtherSession.into()),
        }
    }

    async fn decide<P: Send>(
        &self,
        taken: &ChallengeTaken,
        answer: &Answer,
        registry: &dyn Registry<Person = P>,
        now: Timestamp,
        record: &mut LoginRecord,
    ) -> Result<(Holder, Recognised<P>), LoginError> {
        let answered = ChallengeAnswered::check(taken, answer)?;
        self.decide_on(answered.certificate(), registry, now, record).await
    }

    /// Asks chain, status and account of a certificate whose key was proved to be there.
    async fn decide_on<P: Send>(
        &self,
        certificate: &[u8],
        registry: &dyn Registry<Person = P>,
        now: Timestamp,
        record: &mut LoginRecord,
    ) -> Result<(Holder, Recognised<P>), LoginError> {
        record.certificate = Some(certificate.to_vec());
        let proven = self.prove(certificate, now).await.map_err(|unproven| {
            record.status_evidence = unproven.evidence;
            unproven.refusal
        })?;
        record.status_evidence = Some(StatusEvidence::from(proven.not_revoked.evidence()));
        let holder = Holder::of(&proven.chain);
        let recognised = registry.recognise(&holder).await?;
        Ok((holder, recognised))
    }

    async fn prove(&self, certificate: &[u8], now: Timestamp) -> Result<Proven, Unproven> {
        let chain = match self.anchors.verify(certificate, now) {
            // Everything else about it must be as it was in its last second.
            Err(ChainError::Expired { at }) if now.since(at) <= self.late_seconds => {
                self.anchors.verify(certificate, at)
            }
            chain => chain,
        };
        let chain = chain.map_err(|error| Unproven { refusal: refused_by_chain(&error), evidence: None })?;
        let not_revoked = self.status.check(&chain).await.map_err(|error| Unproven {
            refusal: refused_by_status(&error),
            evidence: error.evidence().map(StatusEvidence::from),
        })?;
        Ok(Proven { chain, not_revoked })
    }

    async fn keep(&self, record: &LoginRecord, holder: Option<&Holder>) -> Result<(), DatabaseError> {
        let event = event(record, holder);
        settled(|| async {
            let mut tx = self.store.begin_login().await?;
            tx.record_login(record).await?;
            tx.audit(&event).await?;
            tx.commit().await
        })
        .await
    }
}

fn event(record: &LoginRecord, holder: Option<&Holder>) -> Event {
    let mut details = BTreeMap::from([("outcome".to_owned(), record.outcome.word().to_owned())]);
    if record.signature.is_empty() {
        details.insert("way".into(), "handshake".into());
    } else {
        details.insert("signature_sha256".into(), sha256(&record.signature).to_string());
    }
    if let Some(certificate) = &record.certificate {
        details.insert("certificate_sha256".into(), sha256(certificate).to_string());
    }
    if let Some(evidence) = &record.status_evidence {
        details.insert("status_evidence_sha256".into(), evidence.sha256().to_string());
    }
    let (actor, kind) = match (&record.outcome, holder) {
        (Outcome::Opened { account }, Some(holder)) => {
            details.insert("certificate".into(), format!("{}/{}", holder.issuer, holder.serial));
            (format!("account:{account}"), "login.opened")
        }
        _ => ("unknown".to_owned(), "login.refused"),
    };
    Event { at: record.at, actor, kind, subject: record.id.clone(), details }
}

fn refused_by_chain(error: &ChainError) -> Refusal {
    match error {
        ChainError::Expired { at } => Refusal::CertificateExpired { at: *at },
        ChainError::NotYetValid { from } => Refusal::NotYetValid { from: *from },
        ChainError::NotForThis(_) => Refusal::NotForThis,
        ChainError::UnknownIssuer | ChainError::BadSignature | ChainError::Malformed(_) => Refusal::UnknownIssuer,
        ChainError::IssuerNotValid => {
            tracing::error!("A CA certificate of the configuration is outside its validity; logins are refused");
            Refusal::UnknownIssuer
        }
    }
}

fn refused_by_status(error: &StatusError) -> Refusal {
    match error {
        StatusError::Revoked { since, reason, .. } => Refusal::Revoked { since: *since, reason: *reason },
        StatusError::Held { since, .. } => Refusal::Held { since: *since },
        StatusError::Unknown { .. } => Refusal::UnknownCertificate,
        StatusError::Unreachable(_) | StatusError::Untrusted(_) => {
            tracing::error!(%error, "A certificate's status cannot be learnt; logins are refused");
            Refusal::StatusUnreachable
        }
    }
}
