//! How long evidence is kept (law L4): five years at least after the certificate ended, by its term or by revocation,
//! whichever came first; what never led to a certificate, a shorter while. Before that nobody deletes, by whatever way
//! they ask: the store forgets a scan only for an [`Expired`] proof, whose one maker is here. After it a supervisor asks
//! and another officer confirms; scans, the resident number and the persons' particulars go, and the audit keeps the
//! hashes. Orders, signatures, certificates and history stay: they say what was done, to whom they belong to.

use std::collections::{BTreeMap, BTreeSet};

use ca_core::domain::{CertificateStatus, OfficeId, Officer, Role, Sha256, Timestamp};

use super::case::{Case, CaseNumber, Forbidden, State, Step, Who, may_read};
use super::desk::{Desk, OfficeError, again};
use super::process::CertificateName;
use crate::audit::Event;
use crate::matters::Matter;
use crate::matters::store::MatterFilter;
use crate::store::{Issued, OrderSubject, Tx};

const DAY_SECONDS: i64 = 86_400;
/// Lists of what may be deleted are no longer.
const LIST: i64 = 200;
/// A certificate has no more matters: each is an act of two officers.
const MATTERS: i64 = 200;

/// For how long; from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Years after the end of the certificate; the law says five at least.
    pub years: u8,
    /// Days after the end of a case that led to none.
    pub unissued_days: u16,
}

/// Why evidence is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    /// The case is not over.
    #[error("the case is not over")]
    Open,
    /// Until this moment at least.
    #[error("its evidence is kept until {}", .0.beijing_day())]
    Until(Timestamp),
}

/// The proof that the evidence of a case need not be kept any longer.
pub struct Expired(());

/// Until when the evidence of a case is kept, all certificates that it led to counted.
///
/// # Errors
/// [`Kept::Open`].
pub fn keep_until(case: &Case, issued: &[Issued], terms: Terms) -> Result<Timestamp, Kept> {
    if State::OPEN.contains(&case.state.word()) {
        return Err(Kept::Open);
    }
    let ends = issued.iter().map(|one| match one.status {
        CertificateStatus::Revoked { since, .. } => since.min(one.validity.not_after),
        CertificateStatus::Good | CertificateStatus::Held { .. } => one.validity.not_after,
    });
    match ends.max() {
        Some(end) => Ok(end.beijing_day().plus_years(terms.years).last_second()),
        // One that delivered has a certificate; that we do not find it is no leave to delete.
        None if matches!(case.state, State::Delivered { .. }) => Err(Kept::Open),
        None => Ok(case.updated.plus(i64::from(terms.unissued_days) * DAY_SECONDS)),
    }
}

/// [`keep_until`], and the matters about those certificates counted: each is kept as long after its own last step.
///
/// # Errors
/// [`Kept::Open`], also while one of them is not over.
pub fn keep_all_until(case: &Case, issued: &[Issued], matters: &[Matter], terms: Terms) -> Result<Timestamp, Kept> {
    let mut until = keep_until(case, issued, terms)?;
    for matter in matters.iter().filter(|matter| matter.evidence_gone.is_none()) {
        if matter.awaits().is_some() {
            return Err(Kept::Open);
        }
        until = until.max(matter.updated.beijing_day().plus_years(terms.years).last_second());
    }
    Ok(until)
}

/// The matters about these certificates.
///
/// # Errors
/// Storage.
pub async fn matters_about(tx: &mut Box<dyn Tx>, issued: &[Issued]) -> Result<Vec<Matter>, OfficeError> {
    let mut all = Vec::new();
    for one in issued {
        let name = CertificateName { issuer: one.issuer.clone(), serial: one.serial.clone() };
        all.extend(tx.matters(&MatterFilter::About(name), MATTERS).await?);
    }
    all.sort_by(|one, other| one.number.cmp(&other.number));
    Ok(all)
}

fn expired(case: &Case, issued: &[Issued], matters: &[Matter], terms: Terms, now: Timestamp) -> Result<Expired, Kept> {
    let until = keep_all_until(case, issued, matters, terms)?;
    if now > until { Ok(Expired(())) } else { Err(Kept::Until(until)) }
}

/// A deletion that was asked for, and whether it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Why.
    pub reason: String,
    /// By whom it was asked for.
    pub asked: (Who, Timestamp),
    /// By whom it was confirmed.
    pub confirmed: Option<Who>,
    /// When it was done.
    pub done: Option<Timestamp>,
}

/// How the evidence of a case stands.
pub struct Retention {
    /// The case.
    pub case: Case,
    /// Until when it is kept at least, or that the case is not over.
    pub until: Result<Timestamp, Kept>,
    /// Whether that is past.
    pub expired: bool,
    /// A deletion that was asked for or done.
    pub deletion: Option<Deletion>,
}

impl Retention {
    /// Whether this officer may ask for its deletion.
    ///
    /// # Errors
    /// [`OfficeError`] says why not.
    pub fn may_ask(&self, officer: &Officer) -> Result<(), OfficeError> {
        self.mine(officer, &[Role::RaSupervisor])?;
        match (&self.deletion, self.until, self.expired) {
            (Some(_), ..) => Err(OfficeError::WrongState("its deletion was asked for already")),
            (None, Err(kept), _) => Err(kept.into()),
            (None, Ok(until), false) => Err(Kept::Until(until).into()),
            (None, Ok(_), true) => Ok(()),
        }
    }

    /// Whether this officer may confirm it, or turn it down.
    ///
    /// # Errors
    /// [`OfficeError`] says why not.
    pub fn may_confirm(&self, officer: &Officer) -> Result<(), OfficeError> {
        self.mine(officer, &[Role::RaSupervisor, Role::RaReviewer])?;
        match &self.deletion {
            Some(Deletion { done: None, asked, .. }) if asked.0.id == officer.id => Err(Forbidden::SameOfficer.into()),
            Some(Deletion { done: None, .. }) => Ok(()),
            _ => Err(OfficeError::WrongState("no deletion waits to be confirmed")),
        }
    }

    fn mine(&self, officer: &Officer, roles: &[Role]) -> Result<(), OfficeError> {
        if self.case.office != officer.office {
            return Err(Forbidden::OtherOffice.into());
        }
        if officer.has_any(roles) { Ok(()) } else { Err(Forbidden::OtherDuty(Role::RaSupervisor).into()) }
    }
}

impl Desk {
    /// How the evidence of a case stands.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn retention(&self, officer: &Officer, number: &CaseNumber) -> Result<Retention, OfficeError> {
        let retention = self.retention_of(number).await?;
        may_read(officer, &retention.case.office)?;
        Ok(retention)
    }

    /// The cases of an office whose evidence may be deleted, or whose deletion waits for a second officer.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn deletable(&self, office: &OfficeId) -> Result<Vec<Retention>, OfficeError> {
        let now = self.clock.now();
        let issued = now.beijing_day().plus_days(-365 * i64::from(self.terms.years)).first_second();
        let unissued = now.plus(-i64::from(self.terms.unissued_days) * DAY_SECONDS);
        let mut numbers = BTreeSet::new();
        let mut tx = self.store.read().await?;
        numbers.extend(tx.ended_with(office, issued, LIST).await?);
        numbers.extend(tx.ended_without(office, unissued, LIST).await?);
        drop(tx);
        let mut all = Vec::new();
        for number in numbers {
            let retention = self.retention_of(&number).await?;
            if retention.expired {
                all.push(retention);
            }
        }
        Ok(all)
    }

    async fn retention_of(&self, number: &CaseNumber) -> Result<Retention, OfficeError> {
        let mut tx = self.store.read().await?;
        let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
        let issued = tx.certificates_of_case(number).await?;
        let until = keep_all_until(&case, &issued, &matters_about(&mut tx, &issued).await?, self.terms);
        let expired = until.is_ok_and(|until| self.clock.now() > until);
        Ok(Retention { case, until, expired, deletion: tx.deletion(number).await? })
    }

    /// A supervisor asks that the evidence of a case be deleted.
    ///
    /// # Errors
    /// [`OfficeError::Kept`] before its time.
    pub async fn ask_deletion(&self, officer: &Officer, number: &CaseNumber, reason: &str) -> Result<(), OfficeError> {
        self.retention_of(number).await?.may_ask(officer)?;
        let now = self.clock.now();
        let deletion =
            Deletion { reason: reason.to_owned(), asked: (Who::from(officer), now), confirmed: None, done: None };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let issued = tx.certificates_of_case(number).await?;
            expired(&case, &issued, &matters_about(&mut tx, &issued).await?, self.terms, now)?;
            tx.add_deletion(number, &deletion).await?;
            let step = self.noted(&case, "ask_deletion", officer, Some(reason));
            tx.add_step(&OrderSubject::Case(number.clone()), &step).await?;
            tx.audit(&self.event(&OrderSubject::Case(number.clone()), &step)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Another officer turns the deletion down: the evidence stays.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn decline_deletion(&self, officer: &Officer, number: &CaseNumber) -> Result<(), OfficeError> {
        self.retention_of(number).await?.may_confirm(officer)?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            tx.drop_deletion(number).await?;
            let step = self.noted(&case, "decline_deletion", officer, None);
            tx.add_step(&OrderSubject::Case(number.clone()), &step).await?;
            tx.audit(&self.event(&OrderSubject::Case(number.clone()), &step)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Another officer confirms: what the database has of persons goes in one transaction with the audit entry that keeps
    /// the hashes; then the store forgets the scans.
    ///
    /// # Errors
    /// [`OfficeError::Kept`] before its time. When the store does not answer, the scans go at the next start.
    pub async fn confirm_deletion(&self, officer: &Officer, number: &CaseNumber) -> Result<(), OfficeError> {
        self.retention_of(number).await?.may_confirm(officer)?;
        let now = self.clock.now();
        let subject = OrderSubject::Case(number.clone());
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (mut case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let issued = tx.certificates_of_case(number).await?;
            let matters = matters_about(&mut tx, &issued).await?;
            let proof = expired(&case, &issued, &matters, self.terms, now)?;
            let documents = tx.documents(number).await?;
            // What was signed and replaced later lies in the store too.
            let mut hashes: BTreeSet<Sha256> = documents.iter().map(|document| document.sha256).collect();
            for order in tx.orders_about(&subject).await? {
                hashes.extend(order.order.evidence);
            }
            for matter in matters.into_iter().filter(|matter| matter.evidence_gone.is_none()) {
                self.forget_matter(&mut tx, matter, officer, &mut hashes, now).await?;
            }
            tx.settle_deletion(number, &Who::from(officer), now).await?;
            tx.queue_removals(&hashes, now, &proof).await?;
            case.form.handler_name.clear();
            case.form.handler_mobile.clear();
            case.form.legal_person.clear();
            case.handler_id_masked.clear();
            tx.put_case(&case, None).await?;
            let step = self.noted(&case, "delete_evidence", officer, None);
            tx.add_step(&subject, &step).await?;
            tx.audit(&deleted(number, officer, &hashes, now)).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(case = %number, officer = %officer.id, "Evidence deleted");
        if let Err(error) = self.forget_removed().await {
            tracing::warn!(%error, "scans of a deleted case are still in the store; they go at the next start");
        }
        Ok(())
    }

    /// What a matter says of persons goes, and its scans with those of the case.
    async fn forget_matter(
        &self,
        tx: &mut Box<dyn Tx>,
        mut matter: Matter,
        officer: &Officer,
        hashes: &mut BTreeSet<Sha256>,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        hashes.extend(tx.matter_papers(&matter.number).await?.into_iter().map(|paper| paper.sha256));
        if let Some(id) = matter.order {
            hashes.extend(tx.order(id).await?.map(|order| order.order.evidence).unwrap_or_default());
        }
        tx.forget_paper_names(&matter.number).await?;
        matter.facts.forget_persons();
        matter.handler_id = None;
        matter.evidence_gone = Some(now);
        tx.put_matter(&matter, None).await?;
        let word = matter.state.word();
        let by = Some(Who::from(officer));
        let step = Step { act: "delete_evidence", from: word, to: word, by, reason: None, at: now };
        let subject = OrderSubject::Matter(matter.number);
        tx.add_step(&subject, &step).await?;
        Ok(tx.audit(&self.event(&subject, &step)).await?)
    }

    /// Lets the store forget the scans of deleted cases that no other case has. Run twice it finds nothing to do.
    ///
    /// # Errors
    /// [`OfficeError`]; then the rest goes at the next run.
    pub async fn forget_removed(&self) -> Result<(), OfficeError> {
        loop {
            let pending = self.store.read().await?.removals(100).await?;
            if pending.is_empty() {
                return Ok(());
            }
            for hash in pending {
                let mut tx = self.store.begin().await?;
                // The row is locked until the scan is gone: who keeps the same scan anew finds it taken out, and puts it
                // in again.
                let wanted = tx.take_removal(hash, self.clock.now()).await?;
                if wanted {
                    self.evidence.remove(hash).await?;
                }
                tx.commit().await?;
            }
        }
    }

    fn noted(&self, case: &Case, act: &'static str, officer: &Officer, reason: Option<&str>) -> Step {
        let word = case.state.word();
        let (by, at) = (Some(Who::from(officer)), self.clock.now());
        Step { act, from: word, to: word, by, reason: reason.map(str::to_owned), at }
    }
}

fn deleted(number: &CaseNumber, officer: &Officer, hashes: &BTreeSet<Sha256>, at: Timestamp) -> Event {
    let list: Vec<String> = hashes.iter().map(ToString::to_string).collect();
    let details = BTreeMap::from([("sha256".to_owned(), list.join(" "))]);
    let actor = format!("officer:{}", officer.id);
    Event { at, actor, kind: "office.evidence_deleted", subject: number.to_string(), details }
}

#[cfg(test)]
mod tests {
    use ca_core::clock::system_rng;
    use ca_core::domain::{IssuerId, OfficerId, OrderId, RevocationReason, Serial, Validity};

    use super::*;
    use crate::enrolment::form::Form;
    use crate::enrolment::process::Process;

    const TERMS: Terms = Terms { years: 5, unissued_days: 365 };
    const START: Timestamp = Timestamp::from_unix(1_790_000_000);

    fn begun() -> Case {
        let officer = Officer {
            id: OfficerId::new("limin").expect("an id"),
            name: "limin".into(),
            office: OfficeId::new("demo-office").expect("an office"),
            roles: vec![Role::RaEntry],
        };
        let number = CaseNumber::new(START.beijing_day(), 1);
        Case::begin(number, Process::Enrolment, &officer, Form::default(), String::new(), START).0
    }

    fn certificate(status: CertificateStatus) -> Issued {
        Issued {
            issuer: IssuerId::new("unit-p256").expect("a name"),
            serial: Serial::draw(START, &mut system_rng()),
            case: CaseNumber::new(START.beijing_day(), 1),
            order: OrderId::draw(START, &mut system_rng()),
            uscc: String::new(),
            unit_name: String::new(),
            validity: Validity::years(START.beijing_day(), 2),
            certificate: Vec::new(),
            encryption: None,
            issued: START,
            delivered: None,
            status,
        }
    }

    #[test]
    fn the_clock_starts_at_the_end_of_the_term_or_at_the_revocation_whichever_was_first() {
        let (start, issued) = (START, certificate);
        let validity = certificate(CertificateStatus::Good).validity;
        let year = |years: u8, from: Timestamp| from.beijing_day().plus_years(years).last_second();
        let revoked = |since| CertificateStatus::Revoked { since, reason: RevocationReason::Superseded };
        let case = |state: State| Case { state, ..begun() };
        let over = || {
            let one = certificate(CertificateStatus::Good);
            case(State::Delivered { order: one.order, issuer: one.issuer, serial: one.serial })
        };
        let early = start.plus(DAY_SECONDS);
        let late = validity.not_after.plus(DAY_SECONDS);
        let good = issued(CertificateStatus::Good);
        assert_eq!(keep_until(&over(), std::slice::from_ref(&good), TERMS), Ok(year(5, validity.not_after)));
        let held = issued(CertificateStatus::Held { since: early });
        assert_eq!(keep_until(&over(), &[held], TERMS), Ok(year(5, validity.not_after)), "a hold ends nothing");
        assert_eq!(keep_until(&over(), &[issued(revoked(early))], TERMS), Ok(year(5, early)));
        assert_eq!(keep_until(&over(), &[issued(revoked(late))], TERMS), Ok(year(5, validity.not_after)));
        assert_eq!(
            keep_until(&over(), &[issued(revoked(early)), good], TERMS),
            Ok(year(5, validity.not_after)),
            "the last of them"
        );
        assert_eq!(keep_until(&over(), &[], TERMS), Err(Kept::Open), "a lost record is no leave");
        let rejected = case(State::Rejected { reason: "false papers".into() });
        let ended = rejected.updated;
        assert_eq!(keep_until(&rejected, &[], TERMS), Ok(ended.plus(365 * DAY_SECONDS)));
        assert_eq!(
            keep_until(&rejected, &[issued(revoked(early))], TERMS),
            Ok(year(5, early)),
            "it led to one after all"
        );
        assert_eq!(keep_until(&begun(), &[], TERMS), Err(Kept::Open));
        assert!(expired(&rejected, &[], &[], TERMS, ended.plus(365 * DAY_SECONDS)).is_err(), "the last second counts");
        assert!(expired(&rejected, &[], &[], TERMS, ended.plus(365 * DAY_SECONDS + 1)).is_ok());
    }
}
