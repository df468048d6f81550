//! Short-lived certificates for registered OCSP keys, by the same order of writes.

use std::collections::BTreeMap;

use der::Decode as _;
use x509_cert::Certificate;

use super::authority::Authority;
use super::faults::Point;
use super::prepare::Wanted;
use super::stop::Stop;
use super::submit::signing;
use crate::audit::{self, Actor};
use crate::chain::subject_of;
use crate::domain::{CertificateStatus, IssuerId, OrderId, ProfileName, Subject, SubjectField, Validity};
use crate::encode::certificate::key_identifier;
use crate::keys::csr::{self, CsrError};
use crate::profile::Term;
use crate::service::protocol::{CertificateView, RefusalCode};
use crate::store::{Origin, Part};
use crate::unit_of_work;

/// The profile of responders.
pub(crate) const RESPONDER: &str = "ocsp-responder";

impl Authority {
    /// A certificate for a registered OCSP key. While one has more than half of its life before it, that one is
    /// given again: the request proves possession of the key, but anyone may have copied it.
    pub(super) async fn certify_responder(&self, issuer: &IssuerId, csr: &[u8]) -> Result<CertificateView, Stop> {
        let possession = csr::prove(csr).map_err(|error| {
            let code = match &error {
                CsrError::TooLong | CsrError::Malformed(_) => RefusalCode::Malformed,
                CsrError::Key(_) => RefusalCode::KeyNotAccepted,
                CsrError::Signature(_) => RefusalCode::NoProofOfPossession,
            };
            Stop::refuse(code, error.to_string())
        })?;
        let now = self.clock.now();
        let order = {
            let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            OrderId::draw(now, &mut *rng)
        };
        let (spki_der, spki_sha256) = (possession.spki_der(), possession.spki_sha256());
        let _turn = self.responders.lock().await;

        let mut tx = self.store.begin_read().await?;
        if !tx.is_responder_key(issuer, spki_sha256).await? {
            let detail = format!("key {spki_sha256} is not registered for {issuer}");
            return Err(Stop::refuse(RefusalCode::NotFound, detail));
        }
        if let Some(last) = tx.responder_certificate(issuer, spki_sha256).await? {
            let intent = last.intent;
            let status = tx.status(issuer, &intent.serial).await?.map(|record| record.status);
            let half = intent.validity.not_after.since(intent.validity.not_before) / 2;
            if status == Some(CertificateStatus::Good) && intent.validity.not_after.since(now) > half {
                drop(tx);
                return self.view(issuer, &intent.serial).await;
            }
        }
        drop(tx);

        let profile = ProfileName::new(RESPONDER).expect("a good name");
        let seconds = match self.profiles.find(&profile).map(crate::profile::Profile::term) {
            Some(Term::Seconds(seconds)) => seconds,
            _ => return Err(Stop::refuse(RefusalCode::ProfileViolated, "responders' certificates are short-lived")),
        };
        // The end of the issuer is the end of its responder too.
        let end = now.plus(seconds - 1).min(self.issuing(issuer)?.not_after());
        let wanted = Wanted {
            order,
            part: Part::Signature,
            origin: Origin::Responder,
            issuer,
            profile: &profile,
            subject: &self.responder_subject(issuer, spki_der)?,
            validity: Validity { not_before: now, not_after: end },
            spki_der,
            spki_sha256,
        };
        let intents = self.prepare_unordered(&wanted, now)?.redeem().intents;
        self.faults.at(Point::BeforeIntent).await?;
        unit_of_work!(&*self.store, Stop, |tx| {
            for intent in &*intents {
                tx.add_intent(intent).await?;
                audit::record(tx, now, Actor::Caller, signing(intent)).await?;
            }
        })?;
        self.faults.at(Point::IntentDurable).await?;
        self.finish(&intents, false).await?;
        self.view_of(order).await
    }

    /// The organisation of the issuer; the common name tells issuer and key, since responders share neither.
    fn responder_subject(&self, issuer: &IssuerId, spki_der: &[u8]) -> Result<Subject, Stop> {
        let bad = |what: String| Stop::refuse(RefusalCode::ProfileViolated, what);
        let certificate =
            Certificate::from_der(self.issuing(issuer)?.certificate()).map_err(|error| bad(error.to_string()))?;
        let mut fields: BTreeMap<SubjectField, String> = subject_of(&certificate)
            .into_iter()
            .filter(|(field, _)| matches!(field, SubjectField::Country | SubjectField::Organisation))
            .collect();
        let key = hex::encode(&key_identifier(spki_der)[..4]);
        fields.insert(SubjectField::CommonName, format!("OCSP {issuer} {key}"));
        Subject::new(fields).map_err(|e| bad(e.to_string()))
    }
}
