//! Cases about a certificate that is there: whether one may be begun, and with what it begins.

use std::collections::BTreeMap;

use ca_core::domain::{Act, Ground, Officer, Subject, SubjectField};

use super::case::{Case, CaseNumber, Forbidden};
use super::certificate_order::CertificatePage;
use super::desk::{Desk, OfficeError, again};
use super::form::{Form, Particulars};
use super::holder::Holder;
use super::intake::masked;
use super::process::{CertificateName, NotNow, Process, may_replace};
use crate::store::{CaseFilter, Issued, OrderSubject, Tx};

impl Desk {
    /// Whether the certificate of this page may be replaced by this officer's office now, on each ground.
    ///
    /// # Errors
    /// Storage.
    pub async fn replaceable(
        &self,
        officer: &Officer,
        page: &CertificatePage,
    ) -> Result<[(Ground, Result<(), NotNow>); 4], OfficeError> {
        let mut tx = self.store.read().await?;
        let mut verdicts = Ground::ALL.map(|ground| (ground, Ok(())));
        for (ground, verdict) in &mut verdicts {
            *verdict = self.may_begin(&mut tx, officer, *ground, &page.issued).await?;
        }
        Ok(verdicts)
    }

    /// Begins a case about a certificate, with the particulars of the case that it came from.
    ///
    /// # Errors
    /// [`OfficeError::NotNow`], [`OfficeError::Forbidden`] or storage.
    pub async fn begin_replacement(
        &self,
        officer: &Officer,
        ground: Ground,
        old: &CertificateName,
    ) -> Result<CaseNumber, OfficeError> {
        let now = self.clock.now();
        let process = Process::Replacement { ground, old: old.clone() };
        let role = process.taken_in_by();
        if !officer.has_any(&[role]) {
            return Err(Forbidden::OtherDuty(role).into());
        }
        let issued = self.certificate(&old.issuer, &old.serial).await?.issued;
        let (case, _) = self.store.read().await?.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
        case.mine(officer)?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            self.may_begin(&mut tx, officer, ground, &issued).await??;
            let (before, sealed) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
            let mut form: Form = before.form.clone();
            form.handler_id = self.open_handler_id(&before.number, sealed.as_deref())?;
            // Somebody else may speak for the unit since.
            let unit = tx.unit(&before.form.uscc).await?.filter(|unit| unit.office == officer.office);
            // For a person nobody else does.
            if let Some(unit) = unit.filter(|_| !form.says_person()) {
                form.handler_name.clone_from(&unit.handler.name);
                form.handler_mobile.clone_from(&unit.handler.mobile);
                form.handler_id = self.open_handler_id(&unit.handler.case, unit.handler.id_sealed.as_deref())?;
            }
            form.years = if process.chooses_years() { "1".into() } else { String::new() };
            form.purchased = match tx.token_with(&old.issuer, &old.serial).await? {
                Some(token) if ground == Ground::Exchange && token.is_from_stock() => token.purchased.to_string(),
                _ => String::new(),
            };
            let number = tx.next_case_number(now.beijing_day()).await?;
            let sealed = self.seal_handler_id(&number, &form.handler_id)?;
            let masked = masked(&form);
            let (case, step) = Case::begin(number.clone(), process.clone(), officer, form, masked, now);
            tx.add_case(&case, sealed.as_deref()).await?;
            let subject = OrderSubject::Case(number.clone());
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.event(&subject, &step)).await?;
            tx.commit().await?;
            Ok(number)
        })
        .await
    }

    async fn may_begin(
        &self,
        tx: &mut Box<dyn Tx>,
        officer: &Officer,
        ground: Ground,
        issued: &Issued,
    ) -> Result<Result<(), NotNow>, OfficeError> {
        if issued.delivered.is_none() {
            return Ok(Err(NotNow::Undelivered));
        }
        let (from, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
        if from.office != officer.office {
            return Ok(Err(NotNow::OtherOffice));
        }
        if ground == Ground::Change && from.form.says_person() {
            return Ok(Err(NotNow::Person));
        }
        let name = CertificateName { issuer: issued.issuer.clone(), serial: issued.serial.clone() };
        let about = tx.cases(&CaseFilter::About(name), 20).await?;
        if about.iter().any(|line| line.is_open()) {
            return Ok(Err(NotNow::CaseOpen));
        }
        Ok(may_replace(ground, issued.status, issued.validity.not_after, self.rules.renewal, self.clock.now()))
    }

    /// The subject of the certificate that takes an old one's place: the old one's, and after a change the new name and
    /// code in it. Its unit number stays, for relying parties know the unit by it.
    pub(crate) async fn renamed(
        &self,
        tx: &mut Box<dyn Tx>,
        ground: Ground,
        old: &CertificateName,
        particulars: &Particulars,
    ) -> Result<Subject, OfficeError> {
        let issued = tx.certificate(&old.issuer, &old.serial).await?.ok_or(OfficeError::NotFound)?;
        let order = tx.order(issued.order).await?.ok_or(OfficeError::NotFound)?;
        let Act::Issue { subject, .. } = order.order.act else { return Err(OfficeError::NotFound) };
        if ground != Ground::Change {
            return Ok(subject);
        }
        let mut fields: BTreeMap<SubjectField, String> =
            subject.fields().map(|(field, value)| (field, value.to_owned())).collect();
        fields.insert(SubjectField::Organisation, particulars.unit_name.clone());
        fields.insert(SubjectField::CommonName, particulars.unit_name.clone());
        // Of a person nothing changes, see `may_begin`.
        if let Holder::Unit(uscc) = &particulars.holder {
            fields.insert(SubjectField::Uscc, uscc.to_string());
        }
        let renamed = Subject::new(fields).map_err(|error| OfficeError::Rules(error.to_string()))?;
        if renamed == subject {
            Err(OfficeError::WrongState("nothing in the certificate changes"))
        } else {
            Ok(renamed)
        }
    }
}
