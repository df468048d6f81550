//! From an approved order to bytes that may be signed.

use super::approval::Approved;
use super::authority::Authority;
use super::issuing::Issuing;
use super::stop::{Stop, listed};
use crate::domain::{
    Act, IssuerId, Officer, Order, OrderId, ProfileName, Serial, Sha256, Subject, SubjectField, Timestamp, Validity,
};
use crate::encode::certificate::{EncodeError, Issuer, TbsInput, Urls, to_be_signed};
use crate::keys::KeyKind;
use crate::lint;
use crate::profile::{Kind, Profile};
use crate::service::protocol::RefusalCode;
use crate::store::{Intent, Origin};

/// The profile whose certificates make officers.
const STAFF: &str = "staff";

/// The word that these bytes fit their profile, passed their lint and may be signed once. Spent by value.
#[must_use]
#[derive(Debug)]
pub struct IssuanceToken(Intent);

impl IssuanceToken {
    /// Spends the token: what is to become durable before it is signed.
    #[must_use]
    pub fn redeem(self) -> Intent {
        self.0
    }
}

/// What goes into a certificate, from whatever door it came.
pub(super) struct Wanted<'a> {
    pub(super) order: OrderId,
    pub(super) origin: Origin,
    pub(super) issuer: &'a IssuerId,
    pub(super) profile: &'a ProfileName,
    pub(super) subject: &'a Subject,
    pub(super) validity: Validity,
    pub(super) spki_der: &'a [u8],
    pub(super) spki_sha256: Sha256,
}

impl Authority {
    /// Prepares what an approved order asks for.
    ///
    /// # Errors
    /// [`Stop::Refused`] with `NotFound`, `KeyNotAccepted` or `ProfileViolated`.
    pub(super) fn prepare(&self, approved: &Approved<Order>, now: Timestamp) -> Result<IssuanceToken, Stop> {
        let order = approved.what();
        let (Act::Issue { issuer, profile, subject, years, key, officer }, Some(possession)) =
            (&order.act, approved.key())
        else {
            return Err(Stop::refuse(RefusalCode::Malformed, "not an order to issue"));
        };
        if possession.kind() != KeyKind::from(*key) {
            let detail =
                format!("the order is for {}, the key is {}", KeyKind::from(*key).name(), possession.kind().name());
            return Err(Stop::refuse(RefusalCode::KeyNotAccepted, detail));
        }
        let kind = self.profile(profile)?.kind();
        if kind != Kind::EndEntity {
            return Err(violated(format!("profile {profile} is not for orders")));
        }
        names_its_officer(profile, subject, officer.as_ref())?;
        self.prepare_as(
            &Wanted {
                order: order.id,
                origin: Origin::Order,
                issuer,
                profile,
                subject,
                validity: Validity::years(now.beijing_day(), *years),
                spki_der: possession.spki_der(),
                spki_sha256: possession.spki_sha256(),
            },
            now,
        )
    }

    /// Prepares a certificate: profile, issuer, encoding, lint.
    pub(super) fn prepare_as(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<IssuanceToken, Stop> {
        let profile = self.profile(wanted.profile)?;
        let issuing = self.issuing(wanted.issuer)?;
        if !issuing.may_sign(wanted.profile) {
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
            Serial::draw(&mut *rng)
        };
        let tbs = to_be_signed(&TbsInput {
            serial: &serial,
            issuer: Issuer::Certificate(issuing.certificate()),
            signature_algorithm: issuing.cert_key.algorithm(),
            profile,
            subject: wanted.subject,
            validity: wanted.validity,
            spki_der: wanted.spki_der,
            urls: &Urls::under(&self.base_url, wanted.issuer),
        })
        .map_err(|error| match error {
            EncodeError::Key(_) => Stop::refuse(RefusalCode::KeyNotAccepted, error.to_string()),
            _ => violated(error.to_string()),
        })?;
        let context = lint::CertificateContext { profile, issuer: Some(issuing.certificate()) };
        let findings = lint::certificate(&tbs, &context);
        if !findings.is_empty() {
            return Err(violated(listed(&findings)));
        }
        Ok(IssuanceToken(Intent {
            issuer: wanted.issuer.clone(),
            serial,
            order: wanted.order,
            origin: wanted.origin,
            profile: wanted.profile.clone(),
            spki_sha256: wanted.spki_sha256,
            validity: wanted.validity,
            tbs,
            intended: now,
        }))
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
            if same && fit { Ok(()) } else { Err(violated("the certificate must name its officer".into())) }
        }
    }
}

fn violated(detail: String) -> Stop {
    Stop::refuse(RefusalCode::ProfileViolated, detail)
}
