//! The loss desk: freezes what is reported lost at any hour, with a key of the office's server that can do this and
//! nothing else. The authority knows it as an officer of the duty `loss_desk`: what the key can do is decided there.
//!
//! A taken-over server can freeze every certificate; it can release, revoke and issue none.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use ca_core::cms::{self, SignMessageError};
use ca_core::domain::{CertificateStatus, OfficeId, Officer, OfficerId, Role, Serial, Timestamp, Uscc};
use ca_core::durable;
use ca_core::service::protocol::RefusalCode;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer as KeySigner;
use openssl::x509::{X509NameBuilder, X509ReqBuilder};
use zeroize::Zeroizing;

use crate::Chance;
use crate::audit::Event;
use crate::enrolment::case::Who;
use crate::enrolment::certificate_order::Wish;
use crate::enrolment::desk::{Desk, OfficeError, Signer};
use crate::enrolment::form::{FieldFault, FieldFaults, Form, is_mobile};
use crate::enrolment::intake::hash_of;
use crate::jobs::{Done, Every, Fault, Handler, Job};
use crate::matters::{Facts, MatterNumber};
use crate::store::{CertificateFilter, Issued};
use crate::vault::FieldKey;

/// What its key is sealed to.
const PLACE: &str = "loss desk key";
/// So many certificates of a unit are looked at.
const MOST: i64 = 50;
const MAX_NAME: usize = 50;
const MAX_STORY: usize = 200;

/// Signs a whole message with the loss desk's key; DER.
type Sign = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, String> + Send + Sync>;

/// The key with its certificate.
pub struct LossDesk {
    sign: Sign,
    certificate: Vec<u8>,
    /// As the authority's registry has it; what it says here is not believed there.
    signer: Signer,
}

/// A report, as typed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The unit's code.
    pub uscc: String,
    /// The registered handler's mobile number.
    pub mobile: String,
    /// Who reports it.
    pub name: String,
    /// The token that is lost, if its number is known; otherwise all of the unit's are.
    pub token: String,
    /// What happened.
    pub story: String,
}

impl Report {
    /// As typed on a page: what a Chinese keyboard does by accident is put right.
    #[must_use]
    pub fn typed(uscc: &str, mobile: &str, name: &str, token: &str, story: &str) -> Self {
        let form = Form::from_pairs([("uscc", uscc), ("handler_mobile", mobile)]);
        let text = |text: &str| text.trim().to_owned();
        Self {
            uscc: form.uscc.clone(),
            mobile: form.handler_mobile.clone(),
            name: text(name),
            token: text(token).to_uppercase(),
            story: text(story),
        }
    }

    /// What is wrong with it, by the names of the fields.
    #[must_use]
    pub fn faults(&self) -> FieldFaults {
        let mut faults = FieldFaults::new();
        let texts =
            [("name", &self.name, MAX_NAME), ("token", &self.token, MAX_NAME), ("story", &self.story, MAX_STORY)];
        match self.uscc.parse::<Uscc>() {
            _ if self.uscc.is_empty() => faults.push(("uscc", FieldFault::Missing)),
            Ok(_) => {}
            Err(error) => faults.push(("uscc", FieldFault::Identifier(error))),
        }
        if self.mobile.is_empty() {
            faults.push(("handler_mobile", FieldFault::Missing));
        } else if !is_mobile(&self.mobile) {
            faults.push(("handler_mobile", FieldFault::Mobile));
        }
        if self.name.is_empty() {
            faults.push(("name", FieldFault::Missing));
        }
        for (field, text, most) in texts {
            if text.chars().count() > most {
                faults.push((field, FieldFault::TooLong(most)));
            } else if text.chars().any(char::is_control) {
                faults.push((field, FieldFault::Control));
            }
        }
        faults
    }
}

/// What came of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// These are frozen.
    Frozen(Vec<Frozen>),
    /// Code and number are not those of a unit of ours and its handler.
    NotKnown,
    /// Asked too often in this hour.
    TooOften,
    /// The unit has no certificate that could still be used, or not on this token.
    Nothing,
}

/// A certificate that was reported lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Its serial number.
    pub serial: Serial,
    /// The matter that the office goes on with.
    pub matter: MatterNumber,
    /// Since when it is held; none while the authority has not answered yet.
    pub since: Option<Timestamp>,
}

impl LossDesk {
    /// Draws a key and writes it, sealed, where no file is yet; answers the request for its certificate, DER.
    ///
    /// # Errors
    /// When it cannot be made or written, also when there is a file.
    pub fn found(key_file: &Path, vault: &FieldKey, chance: &Chance) -> anyhow::Result<Vec<u8>> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let plain = Zeroizing::new(key.private_key_to_pkcs8()?);
        durable::create(key_file, &vault.seal(PLACE, &plain, chance)?, durable::PRIVATE)
            .with_context(|| key_file.display().to_string())?;
        Ok(request(&key)?)
    }

    /// Reads key and certificate; `id` and `office` are those of the registry.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn read(
        key_file: &Path,
        certificate_file: &Path,
        vault: &FieldKey,
        id: OfficerId,
        office: OfficeId,
    ) -> anyhow::Result<Self> {
        let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
        let plain = vault.open(PLACE, &read(key_file)?).with_context(|| key_file.display().to_string())?;
        let key = PKey::private_key_from_pkcs8(&plain)?;
        let certificate = read(certificate_file)?;
        let own = openssl::x509::X509::from_der(&certificate)?.public_key()?.public_eq(&key);
        anyhow::ensure!(own, "{} is not of the loss desk's key", certificate_file.display());
        let sign = move |message: &[u8]| {
            let signed =
                KeySigner::new(MessageDigest::sha256(), &key).and_then(|mut by| by.sign_oneshot_to_vec(message));
            signed.map_err(|error: ErrorStack| error.to_string())
        };
        Ok(Self::new(sign, certificate, id, office))
    }

    /// With a key, wherever it is.
    pub(crate) fn new(
        sign: impl Fn(&[u8]) -> Result<Vec<u8>, String> + Send + Sync + 'static,
        certificate: Vec<u8>,
        id: OfficerId,
        office: OfficeId,
    ) -> Self {
        let officer = Officer { name: id.to_string(), id, office, roles: vec![Role::LossDesk] };
        let signer = Signer { officer, certificate: hash_of(&certificate) };
        Self { sign: Box::new(sign), certificate, signer }
    }

    /// Takes a report without faults: freezes the unit's certificates, or the one on the token that is named. Reported
    /// again, nothing more happens. While the authority is away the signed order waits for it.
    ///
    /// # Errors
    /// Storage; the authority's refusal.
    pub async fn report(&self, desk: &Desk, report: &Report) -> Result<Reported, OfficeError> {
        let now = desk.clock.now();
        if !desk.may_ask(&format!("loss {}", report.uscc), now).await? {
            return Ok(Reported::TooOften);
        }
        let mut tx = desk.store.begin().await?;
        let unit = tx.unit(&report.uscc).await?.filter(|unit| unit.handler.mobile == report.mobile);
        if unit.is_none() {
            let subject = format!("unit:{}", report.uscc);
            let event = Event { at: now, actor: "public".into(), kind: "loss.refused", subject, details: [].into() };
            tx.audit(&event).await?;
            tx.commit().await?;
            return Ok(Reported::NotKnown);
        }
        let mut lost = Vec::new();
        for issued in tx.certificates(&CertificateFilter::Uscc(report.uscc.clone()), MOST).await? {
            let usable = issued.delivered.is_some() && issued.validity.contains(now);
            let revoked = matches!(issued.status, CertificateStatus::Revoked { .. });
            let token = tx.token_with(&issued.issuer, &issued.serial).await?;
            let named = report.token.is_empty()
                || token.is_some_and(|token| token.serial.as_str().to_uppercase() == report.token);
            if usable && !revoked && named {
                lost.push(issued);
            }
        }
        drop(tx);
        if lost.is_empty() {
            return Ok(Reported::Nothing);
        }
        let mut frozen = Vec::new();
        for issued in lost {
            frozen.push(self.freeze(desk, issued, report, now).await?);
        }
        Ok(Reported::Frozen(frozen))
    }

    async fn freeze(
        &self,
        desk: &Desk,
        issued: Issued,
        report: &Report,
        now: Timestamp,
    ) -> Result<Frozen, OfficeError> {
        let facts = Facts {
            applicant: report.name.clone(),
            phone: report.mobile.clone(),
            way: "web".into(),
            checked: report.uscc.clone(),
            story: report.story.clone(),
            ..Facts::default()
        };
        let signer = &self.signer;
        let matter = desk.loss_reported(signer, &issued, facts).await?;
        let told = |since| Frozen { serial: issued.serial.clone(), matter: matter.clone(), since };
        if let CertificateStatus::Held { since } = issued.status {
            return Ok(told(Some(since)));
        }
        let id = match desk.open_order(&signer.officer, &issued.issuer, &issued.serial, Wish::Hold).await {
            Ok(id) => id,
            // Another report or a clerk was quicker; if the authority is away, that order waits for it.
            Err(OfficeError::WrongState(_)) => return Ok(told(None)),
            Err(error) => return Err(error),
        };
        let statement = desk.order(&signer.officer, id).await?.statement;
        let message = cms::sign(&statement, &self.certificate, now, &self.sign).map_err(|error| {
            let (SignMessageError::Input(what) | SignMessageError::Sign(what)) = error;
            OfficeError::Rules(format!("the loss desk cannot sign: {what}"))
        })?;
        match desk.sign(signer, id, &message).await {
            Ok(_) => Ok(told(Some(desk.clock.now()))),
            Err(OfficeError::Authority(error)) if error.code().is_none_or(|code| code == RefusalCode::Unavailable) => {
                tracing::error!(%error, order = %id, "a reported loss waits for the authority");
                Ok(told(None))
            }
            Err(error) => Err(error),
        }
    }
}

fn request(key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "loss desk")?;
    let mut request = X509ReqBuilder::new()?;
    request.set_subject_name(&name.build())?;
    request.set_pubkey(key)?;
    request.sign(key, MessageDigest::sha256())?;
    request.build().to_der()
}

/// Sends the authority the orders that nobody at an office waits for and that it did not answer: reported losses, and what units
/// of any office signed about their own certificates.
pub struct Resend {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// Whose orders.
    pub loss: Arc<LossDesk>,
}

#[async_trait]
impl Handler for Resend {
    fn kind(&self) -> &'static str {
        "loss-resend"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::Seconds(15))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        match self.resend().await {
            Ok(()) => Ok(Done::Wholly),
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}

impl Resend {
    async fn resend(&self) -> Result<(), OfficeError> {
        for opened in [self.loss.signer.officer.id.clone(), Who::unit("").id] {
            for order in self.desk.store.read().await?.signed_orders(&opened).await? {
                self.desk.send_order(&order.opened, &order).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance_from_seed;

    #[test]
    fn a_report_is_read_as_people_type_it() {
        let report = Report::typed(" 91350100m000100y43 ", "１３８００１３８０００", "刘芳", "yx0001", "");
        assert_eq!((report.uscc.as_str(), report.mobile.as_str()), ("91350100M000100Y43", "13800138000"));
        assert_eq!(report.token, "YX0001");
        assert!(report.faults().is_empty());
        let fields = |report: &Report| report.faults().iter().map(|(field, _)| *field).collect::<Vec<_>>();
        assert_eq!(fields(&Report::default()), ["uscc", "handler_mobile", "name"]);
        let wrong = Report::typed("91350100M000100Y44", "12345", "a\u{7}b", &"9".repeat(51), &"长".repeat(201));
        assert_eq!(fields(&wrong), ["uscc", "handler_mobile", "name", "token", "story"]);
    }

    #[test]
    fn a_key_is_made_once_and_opens_under_its_field_key_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, chance) = (folder.path().join("loss.key"), chance_from_seed(1));
        let vault = FieldKey::of([5; 32]);
        let request = LossDesk::found(&file, &vault, &chance).expect("made");
        ca_core::keys::csr::prove(&request).expect("a request that its key signed");
        assert!(LossDesk::found(&file, &vault, &chance).is_err());
        let sealed = std::fs::read(&file).expect("read");
        assert!(openssl::pkey::PKey::private_key_from_der(&sealed).is_err());
        assert!(vault.open(PLACE, &sealed).is_ok());
        assert!(FieldKey::of([6; 32]).open(PLACE, &sealed).is_err());
    }
}
