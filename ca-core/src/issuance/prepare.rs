//! From an approved order to bytes that may be signed.

use std::sync::Arc;

use super::approval::Approved;
use super::authority::Authority;
use super::evidence::digest;
use super::issuing::Issuing;
use super::replace;
use super::stop::{Stop, listed};
use crate::domain::{
    Act, CertificateStatus, IssuerId, Officer, Order, OrderId, ProfileName, Serial, Sha256, Subject, SubjectField,
    Timestamp, Validity, duties,
};
use crate::encode::certificate::{EncodeError, Issuer, TbsInput, Urls, to_be_signed};
use crate::escrow::port::Envelope;
use crate::lint;
use crate::profile::{Kind, Profile};
use crate::service::protocol::RefusalCode;
use crate::store::{Intent, Origin, Part};

/// The profile whose certificates make officers.
pub(super) const STAFF: &str = "staff";

/// The word that these bytes fit their profiles, passed their lint and may be signed once. Spent by value.
#[must_use]
#[derive(Debug)]
pub struct IssuanceToken(Prepared);

/// What is to become durable before it is signed: everything that one order makes.
#[derive(Debug)]
pub struct Prepared {
    /// One certificate, or the two of a pair.
    pub intents: Arc<[Intent]>,
    /// The wrapped encryption key of a pair.
    pub envelope: Option<Envelope>,
}

impl IssuanceToken {
    /// Spends the token.
    #[must_use]
    pub fn redeem(self) -> Prepared {
        self.0
    }
}

/// What goes into a certificate, from whatever door it came.
pub(super) struct Wanted<'a> {
    pub(super) order: OrderId,
    pub(super) part: Part,
    pub(super) origin: Origin,
    pub(super) issuer: &'a IssuerId,
    pub(super) profile: &'a ProfileName,
    pub(super) subject: &'a Subject,
    pub(super) validity: Validity,
    pub(super) spki_der: &'a [u8],
    pub(super) spki_sha256: Sha256,
}

impl Authority {
    /// Prepares what an approved order asks for: one certificate, or a pair with a key from the key-management
    /// centre.
    ///
    /// # Errors
    /// [`Stop::Refused`] with `NotFound`, `KeyNotAccepted` or `ProfileViolated`; [`Stop::Kmc`].
    pub(super) async fn prepare(&self, approved: &Approved<Order>, now: Timestamp) -> Result<IssuanceToken, Stop> {
        let order = approved.what();
        let (Act::Issue { issuer, profile, subject, years, key, officer, replaces }, Some(possession)) =
            (&order.act, approved.key())
        else {
            return Err(Stop::refuse(RefusalCode::Malformed, "not an order to issue"));
        };
        if possession.kind() != *key {
            let detail = format!("the order is for {key}, the key is {}", possession.kind());
            return Err(Stop::refuse(RefusalCode::KeyNotAccepted, detail));
        }
        let named = self.profile(profile)?;
        if named.kind() != Kind::EndEntity || named.is_encryption() {
            return Err(violated(format!("profile {profile} is not for orders")));
        }
        names_its_officer(profile, subject, officer.as_ref())?;
        if (*years == 0) != replaces.as_ref().is_some_and(|old| old.ground.keeps_the_term()) {
            return Err(violated("years: only the rest of an old term has none of its own".into()));
        }
        let old_end = match replaces {
            None => {
                self.is_new(officer.as_ref(), now).await?;
                None
            }
            Some(_) => replace::end_of_old(&mut *self.store.begin_read().await?, order, now).await?,
        };
        let signature = Wanted {
            order: order.id,
            part: Part::Signature,
            origin: Origin::Order,
            issuer,
            profile,
            subject,
            validity: replace::validity(named.term(), &order.act, old_end, now),
            spki_der: possession.spki_der(),
            spki_sha256: possession.spki_sha256(),
        };
        let mut intents = vec![self.intent(&signature, now)?];
        let envelope = match named.encryption() {
            None => None,
            Some(profile) => {
                let wrapped = self.encryption_key(order.id, possession).await?;
                let encryption = Wanted {
                    part: Part::Encryption,
                    profile,
                    spki_der: &wrapped.spki.0,
                    spki_sha256: digest(&wrapped.spki.0),
                    ..signature
                };
                intents.push(self.intent(&encryption, now)?);
                Some(wrapped.envelope)
            }
        };
        Ok(IssuanceToken(Prepared { intents: intents.into(), envelope }))
    }

    /// Whoever holds a good certificate gets the next one in its place, so that nobody has two.
    async fn is_new(&self, officer: Option<&Officer>, now: Timestamp) -> Result<(), Stop> {
        let Some(officer) = officer else { return Ok(()) };
        let mut tx = self.store.begin_read().await?;
        for known in tx.officers().await? {
            if known.officer.id != officer.id || known.not_after < now {
                continue;
            }
            let status = tx.status(&known.issuer, &known.serial).await?.map(|record| record.status);
            if !matches!(status, Some(CertificateStatus::Revoked { .. })) {
                let detail = format!("{} holds certificate {}: replace it or revoke it", officer.id, known.serial);
                return Err(Stop::refuse(RefusalCode::WrongState, detail));
            }
        }
        Ok(())
    }

    /// Prepares a certificate that no officer orders.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub(super) fn prepare_unordered(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<IssuanceToken, Stop> {
        Ok(IssuanceToken(Prepared { intents: [self.intent(wanted, now)?].into(), envelope: None }))
    }

    /// One certificate: profile, issuer, encoding, lint.
    fn intent(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Intent, Stop> {
        let profile = self.profile(wanted.profile)?;
        let issuing = self.issuing(wanted.issuer)?;
        if !issuing.may_sign(wanted.profile) || !profile.allows(wanted.issuer) {
            return Err(violated(format!(
                "{} does not sign certificates of profile {}",
                wanted.issuer, wanted.profile
            )));
        }
        if wanted.validity.not_after > issuing.not_after() {
            let end = issuing.not_after().beijing_text();
            return Err(violated(format!("it would outlive its issuer, whose certificate ends at {end}")));
        }
        let serial = {
            let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Serial::draw(now, &mut *rng)
        };
        let tbs = to_be_signed(&TbsInput {
            serial: &serial,
            issuer: Issuer::Certificate(issuing.certificate()),
            signature_algorithm: issuing.cert_key.algorithm(),
            profile,
            subject: wanted.subject,
            validity: wanted.validity,
            spki_der: wanted.spki_der,
            urls: &Urls::under(&self.base_url, wanted.issuer, issuing.shard(&serial)),
        })
        .map_err(|error| match error {
            EncodeError::Key(_) => Stop::refuse(RefusalCode::KeyNotAccepted, error.to_string()),
            _ => violated(error.to_string()),
        })?;
        let context = issuing.context(profile);
        let findings = lint::certificate(&tbs, &context);
        if !findings.is_empty() {
            return Err(violated(listed(&findings)));
        }
        Ok(Intent {
            issuer: wanted.issuer.clone(),
            serial,
            order: wanted.order,
            part: wanted.part,
            origin: wanted.origin,
            profile: wanted.profile.clone(),
            spki_sha256: wanted.spki_sha256,
            validity: wanted.validity,
            tbs,
            intended: now,
        })
    }

    fn profile(&self, name: &ProfileName) -> Result<&Profile, Stop> {
        self.profiles.find(name).ok_or_else(|| violated(format!("there is no profile {name}")))
    }

    pub(super) fn issuing(&self, id: &IssuerId) -> Result<&Issuing, Stop> {
        let issuing = self.issuers.get(id).map(std::sync::Arc::as_ref);
        issuing.ok_or_else(|| Stop::refuse(RefusalCode::NotFound, format!("there is no issuer {id}")))
    }
}

/// A certificate of profile `staff` makes exactly the officer whom it names; others make none.
fn names_its_officer(profile: &ProfileName, subject: &Subject, officer: Option<&Officer>) -> Result<(), Stop> {
    match officer {
        None if profile.as_str() == STAFF => Err(violated("a staff certificate needs its officer".into())),
        None => Ok(()),
        Some(_) if profile.as_str() != STAFF => Err(violated(format!("profile {profile} makes no officers"))),
        Some(officer) => {
            let same = subject.get(SubjectField::CommonName) == Some(officer.name.as_str())
                && subject.get(SubjectField::UniqueId) == Some(officer.id.as_str());
            let fit = !officer.roles.is_empty() && officer.name.chars().count() <= 64;
            if let Some((one, other)) = duties::conflict(&officer.roles) {
                return Err(violated(format!("nobody is {one} and {other}")));
            }
            if same && fit { Ok(()) } else { Err(violated("the certificate must name its officer".into())) }
        }
    }
}

fn violated(detail: String) -> Stop {
    Stop::refuse(RefusalCode::ProfileViolated, detail)
}
