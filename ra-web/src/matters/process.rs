//! The desk's work on matters: begun, written down, signed, carried out, made public, over.

use ca_core::domain::{
    Act, CertificateStatus, IssuerId, OfficeId, Officer, OrderId, Role, Serial, Timestamp, Unlock, encode,
};

use super::handler::TypedNumber;
use super::unlocking::unlockable;
use super::{About, FactFault, Facts, Kind, Matter, MatterDocument, MatterNumber, State};
use crate::enrolment::case::{Forbidden, Step, Who, may_read};
use crate::enrolment::certificate_order::{Wish, status_word};
use crate::enrolment::desk::{Desk, OfficeError, Signer, again, check_signature};
use crate::enrolment::document::DocumentError;
use crate::enrolment::form::day;
use crate::enrolment::holder::is_a_persons;
use crate::enrolment::process::CertificateName;
use crate::evidence::scan::Scan;
use crate::matters::store::{MatterFilter, MatterPaper};
use crate::store::{Issued, OrderState, OrderSubject, PastStep, Signature, StoredOrder, Tx};

/// After so many failures a PIN is unblocked at the counter only.
pub(super) const MAX_FAILURES: u8 = 3;

/// A matter with all that its page shows.
pub struct MatterView {
    /// The matter.
    pub matter: Matter,
    /// The certificate.
    pub issued: Issued,
    /// Its papers.
    pub papers: Vec<MatterPaper>,
    /// The order that is signed, of all kinds but unblockings.
    pub order: Option<StoredOrder>,
    /// The signatures of an unblocking.
    pub signatures: Vec<Signature>,
    /// History, newest first.
    pub steps: Vec<PastStep>,
}

/// An uploaded paper, not yet looked at.
pub struct MatterUpload {
    /// What it is said to show.
    pub kind: MatterDocument,
    /// The file's name at the counter.
    pub name: String,
    /// Its bytes, or why they were not all read.
    pub bytes: Result<Vec<u8>, DocumentError>,
}

/// What stands in the way of going on.
#[derive(Default)]
pub struct MatterFaults {
    /// Of the fields.
    pub fields: Vec<(&'static str, FactFault)>,
    /// Of the papers; `None` is a missing one.
    pub papers: Vec<(MatterDocument, Option<DocumentError>)>,
    /// An unblocking failed so often that it is done at the counter only.
    pub counter_only: bool,
}

impl MatterFaults {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.papers.is_empty() && !self.counter_only
    }
}

impl Desk {
    /// Begins a matter about a certificate; one of its kind that is open already is gone on with.
    ///
    /// # Errors
    /// [`OfficeError::WrongState`] when the certificate's or the token's state does not allow it;
    /// [`OfficeError::Forbidden`] for another office's.
    pub async fn begin_matter(
        &self,
        officer: &Officer,
        kind: Kind,
        issuer: &IssuerId,
        serial: &Serial,
    ) -> Result<MatterNumber, OfficeError> {
        let now = self.clock.now();
        let issued = self.certificate(issuer, serial).await?.issued;
        let fits = match (kind, issued.status) {
            (Kind::Unlock, CertificateStatus::Good) => issued.delivered.is_some(),
            (Kind::Recovery, _) => issued.encryption.is_some() && !self.recipients(&issued).await?.is_empty(),
            // Nobody else speaks for a person.
            (Kind::Handler, CertificateStatus::Good | CertificateStatus::Held { .. }) => {
                issued.delivered.is_some() && !is_a_persons(&issued.uscc)
            }
            (Kind::Revocation, CertificateStatus::Good | CertificateStatus::Held { .. })
            | (Kind::Release | Kind::Loss, CertificateStatus::Held { .. }) => true,
            _ => false,
        };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
            if case.office != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            if !fits {
                return Err(OfficeError::WrongState("the certificate's state does not allow it"));
            }
            if let Some(open) = open_matter(&mut tx, kind, issuer, serial).await? {
                return Ok(open.number);
            }
            if kind == Kind::Unlock {
                let token = tx.token_with(issuer, serial).await?;
                let token = token.ok_or(OfficeError::WrongState("the token of the certificate is not known"))?;
                if !unlockable(&mut tx, &token).await? {
                    return Err(OfficeError::WrongState("the office has no admin PIN for the token"));
                }
                if let Ok(moved) = token.lock(Some(officer.into()), now) {
                    self.move_token(&mut tx, moved).await?;
                }
            }
            let number = self.add_matter(&mut tx, kind, &officer.office, officer.into(), &issued, now).await?;
            tx.commit().await?;
            Ok(number)
        })
        .await
    }

    pub(super) async fn add_matter(
        &self,
        tx: &mut Box<dyn Tx>,
        kind: Kind,
        office: &OfficeId,
        entry: Who,
        issued: &Issued,
        now: Timestamp,
    ) -> Result<MatterNumber, OfficeError> {
        let n = tx.next_number(kind.series(), now.beijing_day()).await?;
        let number: MatterNumber =
            format!("{}-{n}", kind.series()).parse().map_err(|()| OfficeError::Rules("no more numbers".into()))?;
        let token = tx.token_with(&issued.issuer, &issued.serial).await?.map(|token| token.serial);
        let matter = Matter {
            number: number.clone(),
            kind,
            office: office.clone(),
            state: State::Draft,
            about: About {
                issuer: issued.issuer.clone(),
                serial: issued.serial.clone(),
                token,
                uscc: issued.uscc.clone(),
                unit_name: issued.unit_name.clone(),
            },
            facts: Facts::default(),
            reason: None,
            order: None,
            statement: None,
            entry: entry.clone(),
            reviewer: None,
            claim: None,
            handler_id: None,
            evidence_gone: None,
            created: now,
            updated: now,
            version: 1,
        };
        tx.add_matter(&matter, matter.due(self.rules.hold_days)).await?;
        let step = Step { act: "matter_begin", from: "none", to: "draft", by: Some(entry), reason: None, at: now };
        self.note_matter(tx, &matter, &step).await?;
        Ok(number)
    }

    /// A matter with all that its page shows.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, storage.
    pub async fn matter(&self, officer: &Officer, number: &MatterNumber) -> Result<MatterView, OfficeError> {
        let mut tx = self.store.read().await?;
        let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &matter.office)?;
        let about = &matter.about;
        let order = match matter.order {
            Some(id) => tx.order(id).await?,
            None => None,
        };
        Ok(MatterView {
            issued: tx.certificate(&about.issuer, &about.serial).await?.ok_or(OfficeError::NotFound)?,
            papers: if matter.evidence_gone.is_some() { Vec::new() } else { tx.matter_papers(number).await? },
            order,
            signatures: tx.matter_signatures(number).await?,
            steps: tx.steps(&OrderSubject::Matter(number.clone())).await?,
            matter,
        })
    }

    /// Saves what was typed; good papers are kept, bad ones told. With `ready`, whatever is complete goes on: a loss is
    /// written down, for the others the order lies ready to be signed.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn save_matter(
        &self,
        officer: &Officer,
        number: &MatterNumber,
        typed: &[(String, String)],
        uploads: Vec<MatterUpload>,
        ready: bool,
    ) -> Result<MatterFaults, OfficeError> {
        let now = self.clock.now();
        let (kept, refused) = self.take_papers(uploads).await?;
        let number_typed = TypedNumber::of(typed);
        let (matter, papers) = again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            let mut facts = matter.facts.clone();
            for (name, value) in typed {
                facts.set(name, value);
            }
            let (mut matter, step) = matter.revise(officer, facts, now)?;
            if let Some(typed) = number_typed.as_ref().filter(|_| matter.kind == Kind::Handler) {
                self.take_number(&mut matter, typed)?;
            }
            for paper in &kept {
                tx.put_matter_paper(number, paper).await?;
            }
            self.move_matter(&mut tx, &matter, &step).await?;
            let papers = tx.matter_papers(number).await?;
            tx.commit().await?;
            Ok((Matter { version: matter.version + 1, ..matter }, papers))
        })
        .await?;
        let mut faults = MatterFaults { papers: refused, ..MatterFaults::default() };
        if !ready {
            return Ok(faults);
        }
        let first = self.not_before(&matter).await?.beijing_day();
        faults.fields = matter.facts.faults(matter.kind, now.beijing_day(), first);
        if matter.kind == Kind::Handler && number_typed.as_ref().is_some_and(|typed| !typed.is_good()) {
            faults.fields.retain(|(field, _)| *field != "handler_id");
            faults.fields.push(("handler_id", FactFault::Resident));
        }
        for kind in matter.kind.documents() {
            if papers.iter().all(|paper| paper.kind != *kind) && faults.papers.iter().all(|(other, _)| other != kind) {
                faults.papers.push((*kind, None));
            }
        }
        faults.counter_only =
            matter.kind == Kind::Unlock && matter.facts.way == "remote" && self.failed_too_often(&matter).await?;
        if matter.kind == Kind::Recovery
            && !matter.facts.recipient.is_empty()
            && self.recipient(&matter).await?.is_none()
        {
            faults.fields.push(("recipient", FactFault::Missing));
        }
        if faults.is_empty() {
            self.ready_matter(officer, &matter, &papers, now).await?;
        }
        Ok(faults)
    }

    /// From when the certificate of a matter is valid.
    async fn not_before(&self, matter: &Matter) -> Result<Timestamp, OfficeError> {
        let about = &matter.about;
        let issued = self.store.read().await?.certificate(&about.issuer, &about.serial).await?;
        Ok(issued.ok_or(OfficeError::NotFound)?.validity.not_before)
    }

    /// Since when the key of a revocation can no longer be believed: from the first second of the day that was typed, but
    /// not from before the certificate.
    async fn invalid_since(&self, matter: &Matter) -> Result<Option<Timestamp>, OfficeError> {
        let asked = matter.facts.ground().is_some_and(super::Ground::asks_since_when);
        let Some(day) = day(&matter.facts.invalid_since).filter(|_| asked) else { return Ok(None) };
        Ok(Some(day.first_second().max(self.not_before(matter).await?)))
    }

    async fn failed_too_often(&self, matter: &Matter) -> Result<bool, OfficeError> {
        let Some(token) = &matter.about.token else { return Ok(false) };
        let all = self.store.read().await?.matters(&MatterFilter::Token(token.clone()), 50).await?;
        let unlocks = all.iter().filter(|other| other.kind == Kind::Unlock && other.number != matter.number);
        // The last one that ended tells.
        let last = unlocks.max_by_key(|other| other.created);
        Ok(last.is_some_and(|last| last.state == State::Dropped && last.facts.failures >= MAX_FAILURES))
    }

    async fn ready_matter(
        &self,
        officer: &Officer,
        matter: &Matter,
        papers: &[MatterPaper],
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let evidence: Vec<_> = papers.iter().map(|paper| paper.sha256).collect();
        let about = &matter.about;
        let wish = match matter.kind {
            Kind::Loss | Kind::Unlock | Kind::Recovery | Kind::Handler => None,
            Kind::Release => Some(Wish::Release),
            Kind::Revocation => {
                let ground = matter.facts.ground().ok_or(OfficeError::WrongState("no ground was chosen"))?;
                Some(Wish::Revoke(ground.reason(), self.invalid_since(matter).await?))
            }
        };
        let order = match wish {
            Some(wish) => Some(self.open_order_with(officer, &about.issuer, &about.serial, wish, evidence).await?),
            None => None,
        };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut matter = tx.matter(&matter.number).await?.ok_or(OfficeError::NotFound)?;
            if matter.kind == Kind::Loss {
                let (matter, step) = matter.record(officer, now)?;
                self.move_matter(&mut tx, &matter, &step).await?;
                return Ok(tx.commit().await?);
            }
            if matter.state != State::Draft {
                return Err(OfficeError::WrongState("the matter is signed already"));
            }
            if matter.kind == Kind::Handler {
                self.submit_handler(&mut tx, matter, officer, now).await?;
                return Ok(tx.commit().await?);
            }
            matter.order = order;
            matter.statement = match matter.kind {
                Kind::Recovery => Some(self.recovery_statement(&mut tx, &matter, now).await?),
                _ => self.statement(&mut tx, &matter, now).await?,
            };
            matter.claim = None;
            tx.put_matter(&matter, matter.due(self.rules.hold_days)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The bytes that officers sign for an unblocking.
    async fn statement(
        &self,
        tx: &mut Box<dyn Tx>,
        matter: &Matter,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, OfficeError> {
        let (Kind::Unlock, Some(token), Some(way)) = (matter.kind, &matter.about.token, matter.facts.unlock_way())
        else {
            return Ok(None);
        };
        let about = &matter.about;
        let issued = tx.certificate(&about.issuer, &about.serial).await?.ok_or(OfficeError::NotFound)?;
        Ok(Some(encode(&Unlock {
            id: OrderId::draw(now, &mut *self.draw()),
            office: matter.office.clone(),
            created: now,
            token: token.to_string(),
            certificate_sha256: crate::enrolment::intake::hash_of(&issued.certificate),
            holder: about.unit_name.clone(),
            way,
            checked: matter.facts.checked.clone(),
        })))
    }

    /// An officer's signature on an unblocking or a recovery: the first asks for it, another one's allows it.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn sign_matter(&self, signer: &Signer, number: &MatterNumber, message: &[u8]) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            let statement =
                matter.statement.clone().ok_or(OfficeError::WrongState("nothing lies ready to be signed"))?;
            let officer = &signer.officer;
            let (seat, roles): (_, &[Role]) = match (matter.kind, matter.state) {
                (Kind::Recovery, State::Draft) => (0, &[Role::KmcOfficer]),
                (Kind::Recovery, _) => (1, &[Role::KmcOfficer]),
                (_, State::Draft) => (0, &[Role::RaEntry, Role::RaSupervisor]),
                _ => (1, &[Role::RaReviewer]),
            };
            let (matter, step) =
                if seat == 0 { matter.request(officer, now)? } else { matter.approve(officer, now)? };
            if !officer.has_any(roles) {
                return Err(OfficeError::NoSeat);
            }
            check_signature(signer, &statement, message)?;
            let signature = Signature { by: officer.into(), message: message.to_vec(), at: now };
            tx.sign_matter(number, seat, &signature).await?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// An officer gives a matter up, while nothing was carried out.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn drop_matter(&self, officer: &Officer, number: &MatterNumber, reason: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            matter.mine(officer)?;
            matter.free_for(officer, now)?;
            if matter.kind == Kind::Loss {
                return Err(OfficeError::WrongState("a hold is followed by a release, a re-issue or a revocation"));
            }
            if let Some(id) = matter.order {
                match tx.order(id).await?.map(|order| order.state) {
                    Some(OrderState::Open) => {
                        tx.settle_order(id, OrderState::Open, OrderState::Dropped, None, now).await?;
                    }
                    Some(OrderState::Signed) => return Err(OfficeError::WrongState("both officers signed already")),
                    _ => {}
                }
            }
            if let (Kind::Unlock, Some(serial)) = (matter.kind, &matter.about.token)
                && let Some(token) = tx.token(serial).await?
                && let Ok(moved) = token.unlock(Some(officer.into()), now)
            {
                self.move_token(&mut tx, moved).await?;
            }
            tx.drop_grants(number).await?;
            let (matter, step) = matter.drop_it(Some(officer.into()), reason.to_owned(), now)?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Asks whether a revocation that was carried out is public, and writes down the list that has it.
    ///
    /// # Errors
    /// Storage.
    pub async fn learn_publication(&self, matter: &Matter) -> Result<bool, OfficeError> {
        if matter.kind != Kind::Revocation || matter.state != State::Done {
            return Ok(false);
        }
        let about = &matter.about;
        let public = self.publication.look(&about.issuer, &about.serial).await;
        let now = self.clock.now();
        let Some((list, at)) = public.list else { return Ok(false) };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut matter = tx.matter(&matter.number).await?.ok_or(OfficeError::NotFound)?;
            if matter.state != State::Done {
                return Ok(true);
            }
            matter.facts.crl_number = Some(list.clone());
            matter.facts.crl_at = Some(at.unix());
            matter.facts.ocsp_at = public.responder.then(|| now.unix());
            let (matter, step) = matter.publish(&list, now)?;
            self.move_matter(&mut tx, &matter, &step).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// The unit was told of its revocation: the matter is over.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn close_told(&self, officer: &Officer, number: &MatterNumber, how: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            matter.mine(officer)?;
            matter.free_for(officer, now)?;
            if matter.state != State::Published {
                return Err(OfficeError::WrongState("the revocation is not public yet"));
            }
            how.clone_into(&mut matter.facts.told);
            let (matter, step) = matter.close(Some(officer.into()), Some(how.to_owned()), now)?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// A paper of a matter.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or the evidence folder.
    pub async fn matter_paper(
        &self,
        officer: &Officer,
        number: &MatterNumber,
        kind: &str,
    ) -> Result<(MatterPaper, Vec<u8>), OfficeError> {
        let view = self.matter(officer, number).await?;
        let paper = view.papers.into_iter().find(|paper| paper.kind.word() == kind).ok_or(OfficeError::NotFound)?;
        let bytes = self.evidence.show(paper.sha256).await?;
        Ok((paper, bytes.to_vec()))
    }

    /// A signature was put on an order on a certificate: its matter moves with it.
    pub(crate) async fn matter_signed(
        &self,
        tx: &mut Box<dyn Tx>,
        order: OrderId,
        officer: &Officer,
        last: bool,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let Some(mut matter) = tx.matter_of_order(order).await? else { return Ok(()) };
        let supervisor = officer.has_any(&[Role::RaSupervisor]);
        if !last {
            matter.facts.supervisor = supervisor;
            let (matter, step) = matter.request(officer, now)?;
            return self.move_matter(tx, &matter, &step).await;
        }
        matter.free_for(officer, now)?;
        let holders = matter.facts.ground().is_none_or(super::Ground::is_the_holders);
        if !holders && !supervisor && !matter.facts.supervisor {
            return Err(Forbidden::OtherDuty(Role::RaSupervisor).into());
        }
        let (word, by) = (matter.state.word(), Some(officer.into()));
        let step = Step { act: "matter_approve", from: word, to: word, by, reason: None, at: now };
        self.note_matter(tx, &matter, &step).await
    }

    /// The authority carried an order out: its matter is done, a hold begins one, and the end of a hold ends one.
    pub(crate) async fn matter_settled(
        &self,
        tx: &mut Box<dyn Tx>,
        order: &StoredOrder,
        who: &Who,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let by = Some(who.clone());
        if let Some(matter) = tx.matter_of_order(order.order.id).await? {
            let (matter, step) = matter.carry_out(by.clone(), now)?;
            self.move_matter(tx, &matter, &step).await?;
        }
        let Some((issuer, serial)) = order.order.act.certificate() else { return Ok(()) };
        match order.order.act {
            Act::Hold { .. } => {
                let issued = tx.certificate(issuer, serial).await?.ok_or(OfficeError::NotFound)?;
                // Any office may hold; what comes after it is for the unit's own.
                let (case, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
                if open_matter(tx, Kind::Loss, issuer, serial).await?.is_none() {
                    self.add_matter(tx, Kind::Loss, &case.office, who.clone(), &issued, now).await?;
                }
                Ok(())
            }
            Act::Release { .. } | Act::Revoke { .. } => self.end_loss(tx, issuer, serial, by, now).await,
            Act::Issue { .. } | Act::Amend { .. } => Ok(()),
        }
    }

    /// A certificate is held no longer: whatever waited for that is over.
    pub(crate) async fn end_loss(
        &self,
        tx: &mut Box<dyn Tx>,
        issuer: &IssuerId,
        serial: &Serial,
        by: Option<Who>,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        if let Some(loss) = open_matter(tx, Kind::Loss, issuer, serial).await? {
            let status = tx.certificate(issuer, serial).await?.map(|issued| status_word(issued.status).to_owned());
            let (loss, step) = loss.close(by, status, now)?;
            self.move_matter(tx, &loss, &step).await?;
        }
        Ok(())
    }

    /// An order was refused by the authority or given up: its matter goes back.
    pub(crate) async fn matter_returned(
        &self,
        tx: &mut Box<dyn Tx>,
        order: OrderId,
        by: &Who,
        why: &str,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let Some(matter) = tx.matter_of_order(order).await? else { return Ok(()) };
        let (matter, step) = matter.return_to_draft(Some(by.clone()), why.to_owned(), now)?;
        self.move_matter(tx, &matter, &step).await
    }

    /// Writes a moved matter with its line of history and its audit entry.
    pub(super) async fn move_matter(
        &self,
        tx: &mut Box<dyn Tx>,
        matter: &Matter,
        step: &Step,
    ) -> Result<(), OfficeError> {
        tx.put_matter(matter, matter.due(self.rules.hold_days)).await?;
        self.note_matter(tx, matter, step).await
    }

    async fn note_matter(&self, tx: &mut Box<dyn Tx>, matter: &Matter, step: &Step) -> Result<(), OfficeError> {
        let subject = OrderSubject::Matter(matter.number.clone());
        tx.add_step(&subject, step).await?;
        tx.audit(&self.event(&subject, step)).await?;
        tracing::info!(matter = %matter.number, act = step.act, from = step.from, to = step.to, "Matter moved");
        Ok(())
    }

    async fn take_papers(
        &self,
        uploads: Vec<MatterUpload>,
    ) -> Result<(Vec<MatterPaper>, Vec<(MatterDocument, Option<DocumentError>)>), OfficeError> {
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for upload in uploads {
            let looked = match upload.bytes {
                Ok(bytes) => self.evidence.look(bytes).await?,
                Err(fault) => Err(fault),
            };
            match looked {
                Ok(Scan { media, bytes, .. }) => {
                    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                    let sha256 = self.evidence.keep(&bytes).await?;
                    let name = upload.name.chars().filter(|c| !c.is_control()).take(100).collect();
                    let added = self.clock.now();
                    kept.push(MatterPaper { kind: upload.kind, sha256, media, bytes: length, name, added });
                }
                Err(fault) => refused.push((upload.kind, Some(fault))),
            }
        }
        Ok((kept, refused))
    }
}

/// The matter of a kind about a certificate that is not over.
pub(super) async fn open_matter(
    tx: &mut Box<dyn Tx>,
    kind: Kind,
    issuer: &IssuerId,
    serial: &Serial,
) -> Result<Option<Matter>, OfficeError> {
    let name = CertificateName { issuer: issuer.clone(), serial: serial.clone() };
    let about = tx.matters(&MatterFilter::About(name), 50).await?;
    Ok(about.into_iter().find(|matter| matter.kind == kind && matter.awaits().is_some()))
}
