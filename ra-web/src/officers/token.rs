//! The token of a new officer: made by the administrator who signed first, with a ticket, as units' tokens are.
//!
//! Every step can be run again: the authority answers the same order and key with the same certificate.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{Act, OrderId};
use ca_core::service::protocol::{Blob, CertificateView, RefusalCode, Request, Response, Submission};
use rand::RngCore as _;
use zeroize::Zeroizing;

use super::orders::{administrator, strange};
use super::{OfficerOrder, OrderState};
use crate::enrolment::case::Forbidden;
use crate::enrolment::desk::{Desk, OfficeError, Signer, again};
use crate::enrolment::intake::hash_of;
use crate::enrolment::provisioning::{Opened, Redeemed, TICKET_SECONDS};

impl Desk {
    /// Mints a ticket for a signed order, or for one whose token has not confirmed yet. Earlier ones end.
    ///
    /// # Errors
    /// [`Forbidden::SameOfficer`] for the administrator who signed last: who reviewed does not make the key.
    pub async fn mint_officer_ticket(&self, signer: &Signer, id: OrderId) -> Result<Zeroizing<String>, OfficeError> {
        administrator(&signer.officer)?;
        let now = self.clock.now();
        let mut secret = Zeroizing::new([0_u8; 32]);
        self.draw().fill_bytes(&mut *secret);
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret));
        again(|| async {
            let mut tx = self.store.begin().await?;
            let order = tx.officer_order(id).await?.ok_or(OfficeError::NotFound)?;
            makeable(&order, signer)?;
            let ticket = (hash_of(text.as_bytes()), now.plus(TICKET_SECONDS));
            tx.put_officer_ticket(id, Some(ticket)).await?;
            let word = order.state.word();
            tx.audit(&self.officer_event(&order, word, word, &signer.officer)).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        Ok(text)
    }

    /// The order of a ticket, if it is one for an officer's token.
    pub(crate) async fn officer_ticket(&self, ticket: &str) -> Result<Option<OfficerOrder>, OfficeError> {
        Ok(self.store.read().await?.officer_order_of(hash_of(ticket.as_bytes())).await?)
    }

    pub(crate) fn open_officer_ticket(&self, order: &OfficerOrder) -> Result<Opened, OfficeError> {
        self.ticket_opens(order)?;
        let Act::Issue { key, .. } = &order.order.act else { return Err(OfficeError::NotFound) };
        Ok(Opened {
            holder: None,
            key: *key,
            order: order.statement.clone(),
            unit_name: order.name.clone(),
            token_label: format!("YX {}", order.officer).chars().take(32).collect(),
        })
    }

    pub(crate) async fn redeem_for_officer(
        &self,
        order: &OfficerOrder,
        csr: Vec<u8>,
        binding: Vec<u8>,
    ) -> Result<Redeemed, OfficeError> {
        self.ticket_opens(order)?;
        let submission = Submission {
            order: Blob(order.statement.clone()),
            approvals: order.signatures.iter().map(|signature| Blob(signature.message.clone())).collect(),
            binding: Some(Blob(binding)),
            csr: Some(Blob(csr)),
        };
        let view = match self.ca.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(view)) => view,
            Ok(_) => return Err(strange()),
            Err(error) => {
                if error.code() == Some(RefusalCode::OrderReplayed) {
                    // Issued before for another key: let the page say so, for it can only be given up.
                    self.learn_officer_issue(order).await?;
                }
                return Err(error.into());
            }
        };
        self.note_officer_issue(order, &view).await?;
        let chain = self.chain(&view).await?;
        Ok(Redeemed { view, chain })
    }

    pub(crate) async fn confirm_for_officer(&self, order: &OfficerOrder, install: Vec<u8>) -> Result<(), OfficeError> {
        if order.state == OrderState::Done {
            return Ok(());
        }
        if order.state != OrderState::Issued {
            return Err(OfficeError::WrongState("nothing was issued yet"));
        }
        match self.ca.call(Request::Confirm { install: Blob(install) }).await? {
            Response::Certificate(view) if order.made.as_ref().is_some_and(|(_, serial)| *serial == view.serial) => {}
            _ => return Err(strange()),
        }
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.settle_officer_order(order, OrderState::Done, None, now).await?;
            tx.audit(&self.token_event(order, "done")).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Gives up: a certificate that was made is revoked as never delivered, and the order is used up; without one the
    /// order stays signed.
    pub(crate) async fn fail_for_officer(&self, order: &OfficerOrder, why: &str) -> Result<(), OfficeError> {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        let now = self.clock.now();
        match order.state {
            OrderState::Done => return Err(OfficeError::TicketUsed),
            OrderState::Issued => match self.ca.call(Request::Abandon { order: order.order.id, why }).await? {
                Response::Certificate(_) => {}
                _ => return Err(strange()),
            },
            _ => {}
        }
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.put_officer_ticket(order.order.id, None).await?;
            if order.state == OrderState::Issued {
                tx.settle_officer_order(order, OrderState::Dropped, None, now).await?;
            }
            tx.audit(&self.token_event(order, if order.state == OrderState::Issued { "dropped" } else { "signed" }))
                .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// An administrator gives up the certificate of an order that never reached its token.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn abandon_officer_token(&self, signer: &Signer, id: OrderId, why: &str) -> Result<(), OfficeError> {
        administrator(&signer.officer)?;
        let order = self.officer_order(&signer.officer, id).await?;
        if order.state != OrderState::Issued {
            return Err(OfficeError::WrongState("no certificate waits for its token"));
        }
        self.fail_for_officer(&order, why).await
    }

    /// Asks the authority what became of a signed order, and lets it know if it was issued.
    ///
    /// # Errors
    /// The authority's, or storage.
    pub async fn learn_officer_issue(&self, order: &OfficerOrder) -> Result<(), OfficeError> {
        match self.ca.call(Request::Order { order: order.order.id }).await {
            Ok(Response::Certificate(view)) => self.note_officer_issue(order, &view).await,
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(RefusalCode::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn note_officer_issue(&self, order: &OfficerOrder, view: &CertificateView) -> Result<(), OfficeError> {
        if order.state != OrderState::Signed {
            return Ok(());
        }
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.note_made(order, &view.issuer, &view.serial).await?;
            tx.audit(&self.token_event(order, "issued")).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// What the ticket did: known is who minted it, from the line before.
    fn token_event(&self, order: &OfficerOrder, to: &str) -> crate::audit::Event {
        let maker = order.signatures.first().map_or(&order.opened, |first| &first.by);
        let details = std::collections::BTreeMap::from([
            ("act".to_owned(), "token".to_owned()),
            ("order".to_owned(), order.order.id.to_string()),
            ("from".to_owned(), order.state.word().to_owned()),
            ("to".to_owned(), to.to_owned()),
        ]);
        crate::audit::Event {
            at: self.clock.now(),
            actor: format!("officer:{}", maker.id),
            kind: "office.officer",
            subject: format!("officer:{}", order.officer),
            details,
        }
    }

    fn ticket_opens(&self, order: &OfficerOrder) -> Result<(), OfficeError> {
        if !matches!(order.state, OrderState::Signed | OrderState::Issued) {
            Err(OfficeError::TicketUsed)
        } else if order.ticket_expires.is_none_or(|expires| self.clock.now() >= expires) {
            Err(OfficeError::TicketExpired)
        } else {
            Ok(())
        }
    }
}

/// Whether this administrator may make the token of an order.
///
/// # Errors
/// [`OfficeError::WrongState`], or [`Forbidden::SameOfficer`].
pub fn makeable(order: &OfficerOrder, signer: &Signer) -> Result<(), OfficeError> {
    if !matches!(order.order.act, Act::Issue { .. }) || !matches!(order.state, OrderState::Signed | OrderState::Issued)
    {
        return Err(OfficeError::WrongState("no token is to be made"));
    }
    match order.signatures.last() {
        Some(last) if last.by.id == signer.officer.id => Err(Forbidden::SameOfficer.into()),
        _ => Ok(()),
    }
}
