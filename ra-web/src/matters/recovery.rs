//! An escrowed encryption key once more (`domain.md` §1.4, §3.3): the desk writes down who asks and why, two officers of the
//! key-management centre sign, and the authority has the centre wrap the key to another good certificate of the unit.
//!
//! Trusts authority and centre to refuse what is not so; never sees a key but in its envelope, and keeps none: the answer
//! is fetched anew each time, which both write down.

use ca_core::domain::{CertificateStatus, Officer, OrderId, Recovery, Timestamp, encode};
use ca_core::escrow::port::{Envelope, RecoverySubmission};
use ca_core::keys::{KeyKind, good_key};
use ca_core::service::client::CallError;
use ca_core::service::protocol::{Blob, RefusalCode, Request, Response};
use ca_core::x509::Parts;

use super::{Kind, Matter, MatterNumber, State};
use crate::enrolment::case::{Forbidden, Step};
use crate::enrolment::certificate_order::refusal_key;
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::intake::hash_of;
use crate::store::{CertificateFilter, Issued, OrderSubject, Tx};

/// So many certificates of a unit are looked at.
const MOST: i64 = 50;

impl Desk {
    /// Certificates of the same unit to whose key an old one could be wrapped: on their tokens, good, not over, and of the
    /// same family of keys, SM2 or not.
    ///
    /// # Errors
    /// Storage.
    pub async fn recipients(&self, old: &Issued) -> Result<Vec<Issued>, OfficeError> {
        let now = self.clock.now();
        let all = self.store.read().await?.certificates(&CertificateFilter::Uscc(old.uscc.clone()), MOST).await?;
        let other = |new: &Issued| (&new.issuer, &new.serial) != (&old.issuer, &old.serial);
        let good = |new: &Issued| new.status == CertificateStatus::Good && new.validity.contains(now);
        let family = old.encryption.as_ref().map(|pair| is_sm2(&pair.certificate));
        let fits = |new: &Issued| family == Some(is_sm2(&new.certificate));
        Ok(all.into_iter().filter(|new| new.delivered.is_some() && other(new) && good(new) && fits(new)).collect())
    }

    /// The chosen recipient of a recovery, if it may be one.
    pub(super) async fn recipient(&self, matter: &Matter) -> Result<Option<Issued>, OfficeError> {
        let Some(name) = matter.facts.recipient() else { return Ok(None) };
        let about = &matter.about;
        let old = self.store.read().await?.certificate(&about.issuer, &about.serial).await?;
        let old = old.ok_or(OfficeError::NotFound)?;
        let chosen = |new: &Issued| (&new.issuer, &new.serial) == (&name.issuer, &name.serial);
        Ok(self.recipients(&old).await?.into_iter().find(chosen))
    }

    /// The bytes that officers of the centre sign.
    pub(super) async fn recovery_statement(
        &self,
        tx: &mut Box<dyn Tx>,
        matter: &Matter,
        now: Timestamp,
    ) -> Result<Vec<u8>, OfficeError> {
        let (old, new) = certificates(tx, matter).await?;
        let encryption = old.encryption.ok_or(OfficeError::NotFound)?;
        Ok(encode(&Recovery {
            id: OrderId::draw(now, &mut *self.draw()),
            office: matter.office.clone(),
            created: now,
            issuer: old.issuer,
            serial: encryption.serial,
            recipient_sha256: hash_of(&new.certificate),
            why: format!("{} ({}): {}", old.unit_name, old.uscc, matter.facts.story),
        }))
    }

    /// Asks the authority whether a recovery that two officers signed is good, and writes that down. What it refuses goes
    /// back to the desk with the reason; while it does not answer, the signatures stay and this can be called again.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn carry_out_recovery(&self, officer: &Officer, number: &MatterNumber) -> Result<(), OfficeError> {
        let matter = self.matter(officer, number).await?.matter;
        matter.mine(officer)?;
        if matter.state != State::Approved || matter.kind != Kind::Recovery {
            return Err(Forbidden::State { state: matter.state.word(), act: "carried out" }.into());
        }
        let answer = self.ask_for_key(&matter).await;
        let refused = match &answer {
            Ok(_) => None,
            Err(OfficeError::Authority(error)) => match error.code() {
                None | Some(RefusalCode::Unavailable | RefusalCode::KmcUnavailable) => return answer.map(drop),
                Some(code) => Some(refusal_key(code)),
            },
            Err(_) => return answer.map(drop),
        };
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            let by = Some(officer.into());
            let (matter, step) = match &refused {
                Some(why) => {
                    tx.unsign_matter(number).await?;
                    matter.return_to_draft(by, why.clone(), now)?
                }
                None => matter.carry_out(by, now)?,
            };
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        answer.map(drop)
    }

    /// The key in its envelope, for whoever puts it on the unit's token. That it was asked for is written down before.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn recovered_key(&self, officer: &Officer, number: &MatterNumber) -> Result<Envelope, OfficeError> {
        let now = self.clock.now();
        let matter = again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            matter.mine(officer)?;
            if matter.kind != Kind::Recovery || matter.state != State::Done {
                return Err(Forbidden::State { state: matter.state.word(), act: "handed out" }.into());
            }
            let word = matter.state.word();
            let by = Some(officer.into());
            let step = Step { act: "matter_key", from: word, to: word, by, reason: None, at: now };
            let subject = OrderSubject::Matter(number.clone());
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.event(&subject, &step)).await?;
            tx.commit().await?;
            Ok(matter)
        })
        .await?;
        self.ask_for_key(&matter).await
    }

    /// An officer of the centre sends a recovery back to the desk.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn decline_recovery(
        &self,
        officer: &Officer,
        number: &MatterNumber,
        reason: &str,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            matter.mine(officer)?;
            if matter.kind != Kind::Recovery || matter.statement.is_none() {
                return Err(OfficeError::WrongState("nothing lies ready to be signed"));
            }
            tx.unsign_matter(number).await?;
            let (matter, step) = matter.return_to_draft(Some(officer.into()), reason.to_owned(), now)?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The key is on the unit's token, or nobody wants it any more.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn close_recovery(
        &self,
        officer: &Officer,
        number: &MatterNumber,
        note: &str,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            matter.mine(officer)?;
            matter.free_for(officer, now)?;
            if matter.kind != Kind::Recovery || matter.state != State::Done {
                return Err(Forbidden::State { state: matter.state.word(), act: "closed" }.into());
            }
            let (matter, step) = matter.close(Some(officer.into()), Some(note.to_owned()), now)?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn ask_for_key(&self, matter: &Matter) -> Result<Envelope, OfficeError> {
        let mut tx = self.store.read().await?;
        let approvals = tx.matter_signatures(&matter.number).await?;
        let recipient = certificates(&mut tx, matter).await?.1;
        drop(tx);
        let submission = RecoverySubmission {
            statement: Blob(matter.statement.clone().ok_or(OfficeError::NotFound)?),
            approvals: approvals.into_iter().map(|signature| Blob(signature.message)).collect(),
            recipient_certificate: Blob(recipient.certificate),
        };
        match self.ca.call(Request::Recover(submission)).await? {
            Response::Key(key) => Ok(key.envelope),
            _ => Err(CallError::Unreachable(std::io::Error::other("an answer to another question")).into()),
        }
    }
}

/// Whether the key of a certificate is one of SM2.
#[must_use]
pub fn is_sm2(certificate: &[u8]) -> bool {
    let spki = Parts::read(certificate).map(|parts| parts.tbs.spki.to_vec());
    spki.is_ok_and(|spki| matches!(good_key::check(&spki), Ok(KeyKind::Sm2)))
}

/// The certificate whose key is wanted, and the one to whose key it is to be wrapped.
async fn certificates(tx: &mut Box<dyn Tx>, matter: &Matter) -> Result<(Issued, Issued), OfficeError> {
    let about = &matter.about;
    let old = tx.certificate(&about.issuer, &about.serial).await?.ok_or(OfficeError::NotFound)?;
    let name = matter.facts.recipient().ok_or(OfficeError::NotFound)?;
    let new = tx.certificate(&name.issuer, &name.serial).await?.ok_or(OfficeError::NotFound)?;
    Ok((old, new))
}
