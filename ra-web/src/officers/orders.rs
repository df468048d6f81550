//! Orders about officers: written down, signed by administrators, carried out.

use std::collections::BTreeMap;

use ca_core::chain::subject_of_der;
use ca_core::domain::{
    Act, CertificateStatus, Ground, IssuerId, KeyKind, Officer, OfficerId, Order, OrderId, ProfileName, Replaces,
    RevocationReason, Role, Subject, SubjectField, encode,
};
use ca_core::service::client::CallError;
use ca_core::service::protocol::{Blob, OfficerView, RefusalCode, Request, Response, Submission};

use super::{OfficerOrder, OrderState};
use crate::audit::Event;
use crate::enrolment::case::{Forbidden, Who, may_read};
use crate::enrolment::certificate_order::{Signed, Wish as StatusWish, allowed, refusal_key};
use crate::enrolment::desk::{Desk, OfficeError, Signer, again, check_signature};
use crate::store::{Signature, act_word};

/// The profile of officers' certificates.
const PROFILE: &str = "staff";

/// What is said of an officer, and what their certificate says of their office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particulars {
    /// As the registry is to know them.
    pub officer: Officer,
    /// Name of the organisation.
    pub organisation: String,
    /// Name of the office.
    pub office_name: String,
}

/// What administrators may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A new officer, with a token for so many years.
    Enter(Particulars, u8),
    /// Another token in the place of the one that they have; for a renewal with its years.
    Replace(Particulars, Ground, u8),
    /// Freeze at once.
    Hold,
    /// End a hold.
    Release,
    /// For good.
    Revoke(RevocationReason),
}

/// An officer with the certificate that counts: the one that is not revoked, or the last one.
#[derive(Clone, Debug)]
pub struct Standing {
    /// As the authority knows them.
    pub view: OfficerView,
    /// Their earlier certificates, newest first.
    pub earlier: Vec<OfficerView>,
}

pub(super) fn strange() -> OfficeError {
    CallError::Unreachable(std::io::Error::other("an answer to another question")).into()
}

impl Desk {
    /// The authority's registry.
    ///
    /// # Errors
    /// [`OfficeError::Authority`].
    pub async fn register(&self) -> Result<Vec<OfficerView>, OfficeError> {
        match self.ca.call(Request::Officers).await? {
            Response::Officers { officers } => Ok(officers),
            _ => Err(strange()),
        }
    }

    /// An officer, for one who may read of their office.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or the authority's.
    pub async fn standing(&self, reader: &Officer, id: &OfficerId) -> Result<Standing, OfficeError> {
        let mut views: Vec<OfficerView> =
            self.register().await?.into_iter().filter(|view| view.officer.id == *id).collect();
        let revoked = |view: &OfficerView| matches!(view.status, CertificateStatus::Revoked { .. });
        views.sort_by_key(|view| (revoked(view), std::cmp::Reverse(view.not_after)));
        if views.is_empty() {
            return Err(OfficeError::NotFound);
        }
        let view = views.remove(0);
        if !reader.has_any(&[Role::Administrator]) {
            may_read(reader, &view.officer.office)?;
        }
        Ok(Standing { view, earlier: views })
    }

    /// What an officer's certificate says of them, to begin a form with.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn particulars(&self, view: &OfficerView) -> Result<Particulars, OfficeError> {
        let ask = Request::Certificate { issuer: view.issuer.clone(), serial: view.serial.clone() };
        let Response::Certificate(told) = self.ca.call(ask).await? else { return Err(strange()) };
        let subject = subject_of_der(&told.certificate.0).ok_or_else(strange)?;
        let field = |field| subject.get(&field).cloned().unwrap_or_default();
        Ok(Particulars {
            officer: view.officer.clone(),
            organisation: field(SubjectField::Organisation),
            office_name: field(SubjectField::OrganisationalUnit),
        })
    }

    /// Who signs in with this certificate, as the registry has them.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for one whom the registry does not know any more.
    pub async fn myself(&self, signer: &Signer) -> Result<OfficerView, OfficeError> {
        let views = self.register().await?;
        views.into_iter().find(|view| view.certificate_sha256 == signer.certificate).ok_or(OfficeError::NotFound)
    }

    /// Writes down an order about an officer, to be signed by administrators.
    ///
    /// # Errors
    /// [`OfficeError::WrongState`] when what is wished does not fit, or another order about them waits.
    pub async fn order_officer(&self, signer: &Signer, id: &OfficerId, wish: Wish) -> Result<OrderId, OfficeError> {
        administrator(&signer.officer)?;
        let now = self.clock.now();
        let (name, act) = self.officer_act(signer, id, wish).await?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            for other in tx.officer_orders(id).await? {
                if other.state == OrderState::Open && other.signatures.is_empty() {
                    tx.settle_officer_order(&other, OrderState::Dropped, None, now).await?;
                } else if other.state.waits() && !matches!(act, Act::Hold { .. }) {
                    return Err(OfficeError::WrongState("another order about this officer waits"));
                }
            }
            let order = Order {
                id: OrderId::draw(now, &mut *self.draw()),
                office: signer.officer.office.clone(),
                created: now,
                evidence: Vec::new(),
                act: act.clone(),
            };
            let order = OfficerOrder {
                statement: encode(&order),
                order,
                officer: id.clone(),
                name: name.clone(),
                state: OrderState::Open,
                refusal: None,
                opened: Who::from(&signer.officer),
                signatures: Vec::new(),
                made: None,
                ticket_expires: None,
            };
            tx.add_officer_order(&order).await?;
            tx.audit(&self.officer_event(&order, "none", "open", &signer.officer)).await?;
            tx.commit().await?;
            Ok(order.order.id)
        })
        .await
    }

    /// What is to be signed for a wish, and the officer's name.
    async fn officer_act(&self, signer: &Signer, id: &OfficerId, wish: Wish) -> Result<(String, Act), OfficeError> {
        if let Wish::Enter(particulars, years) = wish {
            // Officers' certificates come from where the administrator's own comes from.
            let issuer = self.myself(signer).await?.issuer;
            let holds_one = self.register().await?.iter().any(|view| {
                view.officer.id == *id
                    && !matches!(view.status, CertificateStatus::Revoked { .. })
                    && view.not_after > self.clock.now()
            });
            if holds_one {
                return Err(OfficeError::WrongState("an officer of this id holds a token"));
            }
            return Ok((particulars.officer.name.clone(), self.issue_officer(issuer, particulars, years, None)?));
        }
        let view = self.standing(&signer.officer, id).await?.view;
        let name = view.officer.name.clone();
        let (issuer, serial) = (view.issuer, view.serial);
        let fits = |wish| {
            if allowed(wish, view.status) {
                Ok(())
            } else {
                Err(OfficeError::WrongState("the certificate's state does not allow it"))
            }
        };
        let act = match wish {
            Wish::Enter(..) => return Err(OfficeError::NotFound),
            Wish::Replace(particulars, ground, years) => {
                let replaces = Some(Replaces { issuer: issuer.clone(), serial, ground });
                self.issue_officer(issuer, particulars, years, replaces)?
            }
            Wish::Hold => {
                fits(StatusWish::Hold)?;
                Act::Hold { issuer, serial }
            }
            Wish::Release => {
                fits(StatusWish::Release)?;
                Act::Release { issuer, serial }
            }
            Wish::Revoke(reason) => {
                fits(StatusWish::Revoke(reason, None))?;
                Act::Revoke { issuer, serial, reason, invalid_since: None }
            }
        };
        Ok((name, act))
    }

    fn issue_officer(
        &self,
        issuer: IssuerId,
        particulars: Particulars,
        years: u8,
        replaces: Option<Replaces>,
    ) -> Result<Act, OfficeError> {
        let rules = |what: &str| OfficeError::Rules(format!("officers: {what}"));
        let key =
            self.rules.issuers.iter().find(|(_, known)| *known == issuer).map_or(KeyKind::P256, |(kind, _)| *kind);
        let Particulars { officer, organisation, office_name } = particulars;
        let fields = BTreeMap::from([
            (SubjectField::Country, "CN".to_owned()),
            (SubjectField::Organisation, organisation),
            (SubjectField::OrganisationalUnit, office_name),
            (SubjectField::UniqueId, officer.id.to_string()),
            (SubjectField::CommonName, officer.name.clone()),
        ]);
        Ok(Act::Issue {
            issuer,
            profile: ProfileName::new(PROFILE).ok_or_else(|| rules("no profile"))?,
            subject: Subject::new(fields).map_err(|error| rules(&error.to_string()))?,
            years,
            key,
            officer: Some(officer),
            replaces,
        })
    }

    /// An order about an officer, for one who may read of the office that gives it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`], or storage.
    pub async fn officer_order(&self, reader: &Officer, id: OrderId) -> Result<OfficerOrder, OfficeError> {
        let order = self.store.read().await?.officer_order(id).await?.ok_or(OfficeError::NotFound)?;
        if !reader.has_any(&[Role::Administrator]) {
            may_read(reader, &order.order.office)?;
        }
        Ok(order)
    }

    /// Orders about officers that wait, and those about one of them.
    ///
    /// # Errors
    /// Storage.
    pub async fn officer_orders(&self, of: Option<&OfficerId>) -> Result<Vec<OfficerOrder>, OfficeError> {
        let mut tx = self.store.read().await?;
        Ok(match of {
            Some(officer) => tx.officer_orders(officer).await?,
            None => tx.waiting_officer_orders().await?,
        })
    }

    /// Puts an administrator's signature on an order, and has it carried out when it was the last and needs no token.
    ///
    /// # Errors
    /// [`OfficeError`]. When the authority does not answer, the signatures are kept and
    /// [`Self::carry_out_officer_order`] sends them again.
    pub async fn sign_officer_order(
        &self,
        signer: &Signer,
        id: OrderId,
        message: &[u8],
    ) -> Result<Signed, OfficeError> {
        let now = self.clock.now();
        let (last, issue) = again(|| async {
            let mut tx = self.store.begin().await?;
            let mut order = tx.officer_order(id).await?.ok_or(OfficeError::NotFound)?;
            let seat = seat_for(&order, &signer.officer)?;
            check_signature(signer, &order.statement, message)?;
            let signature = Signature { by: Who::from(&signer.officer), message: message.to_vec(), at: now };
            tx.sign_officer_order(id, seat, &signature).await?;
            order.signatures.push(signature);
            let last = order.signatures.len() == order.order.act.seats(true).len();
            let to = if last { OrderState::Signed } else { OrderState::Open };
            if last {
                tx.settle_officer_order(&order, to, None, now).await?;
            }
            tx.audit(&self.officer_event(&order, "open", to.word(), &signer.officer)).await?;
            tx.commit().await?;
            Ok((last, matches!(order.order.act, Act::Issue { .. })))
        })
        .await?;
        if last && !issue {
            self.carry_out_officer_order(&signer.officer, id).await?;
            return Ok(Signed::Done);
        }
        Ok(Signed::Waiting)
    }

    /// Sends a fully signed order on a status to the authority. Sent twice it is carried out once.
    ///
    /// # Errors
    /// [`OfficeError::Authority`]: refused (then the order is closed) or no answer (then send it again).
    pub async fn carry_out_officer_order(&self, officer: &Officer, id: OrderId) -> Result<(), OfficeError> {
        administrator(officer)?;
        let order = self.officer_order(officer, id).await?;
        if order.state != OrderState::Signed || matches!(order.order.act, Act::Issue { .. }) {
            return Err(OfficeError::WrongState("the order is not waiting for the authority"));
        }
        let submission = Submission {
            order: Blob(order.statement.clone()),
            approvals: order.signatures.iter().map(|signature| Blob(signature.message.clone())).collect(),
            binding: None,
            csr: None,
        };
        match self.ca.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(_)) => self.settle_officer(&order, OrderState::Done, None, officer).await,
            Ok(_) => Err(strange()),
            Err(error) => {
                if let Some(code) = error.code().filter(|code| *code != RefusalCode::Unavailable) {
                    self.settle_officer(&order, OrderState::Refused, Some(code), officer).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Gives up an order for which nothing was made.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn drop_officer_order(&self, officer: &Officer, id: OrderId) -> Result<(), OfficeError> {
        administrator(officer)?;
        let order = self.officer_order(officer, id).await?;
        if !matches!(order.state, OrderState::Open | OrderState::Signed) {
            return Err(OfficeError::WrongState("the order can no longer be given up"));
        }
        self.settle_officer(&order, OrderState::Dropped, None, officer).await
    }

    pub(super) async fn settle_officer(
        &self,
        order: &OfficerOrder,
        to: OrderState,
        code: Option<RefusalCode>,
        by: &Officer,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        let word = code.map(refusal_key);
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.settle_officer_order(order, to, word.as_deref(), now).await?;
            if to == OrderState::Dropped {
                tx.put_officer_ticket(order.order.id, None).await?;
            }
            tx.audit(&self.officer_event(order, order.state.word(), to.word(), by)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The audit entry of a step of an order.
    pub(super) fn officer_event(&self, order: &OfficerOrder, from: &str, to: &str, by: &Officer) -> Event {
        let details = BTreeMap::from([
            ("act".to_owned(), act_word(&order.order.act).to_owned()),
            ("order".to_owned(), order.order.id.to_string()),
            ("from".to_owned(), from.to_owned()),
            ("to".to_owned(), to.to_owned()),
        ]);
        let (actor, subject) = (format!("officer:{}", by.id), format!("officer:{}", order.officer));
        Event { at: self.clock.now(), actor, kind: "office.officer", subject, details }
    }
}

/// The seat that an administrator may take next on an order.
///
/// # Errors
/// [`Forbidden::SameOfficer`], [`OfficeError::NoSeat`], or the order is not open.
pub fn seat_for(order: &OfficerOrder, officer: &Officer) -> Result<usize, OfficeError> {
    if order.state != OrderState::Open {
        return Err(OfficeError::WrongState("the order is not open for signatures"));
    }
    let seat = order.signatures.len();
    let roles = order.order.act.seats(true).get(seat).ok_or(OfficeError::WrongState("all signatures are there"))?;
    if order.signatures.iter().any(|signature| signature.by.id == officer.id) {
        return Err(Forbidden::SameOfficer.into());
    }
    if officer.has_any(roles) { Ok(seat) } else { Err(OfficeError::NoSeat) }
}

pub(super) fn administrator(officer: &Officer) -> Result<(), OfficeError> {
    if officer.has_any(&[Role::Administrator]) { Ok(()) } else { Err(OfficeError::NoSeat) }
}
