//! Provisioning: a ticket lets one counter PC turn an approved case into a certificate on a token.
//!
//! Every step can be run again: the authority answers the same order and key with the same certificate.
//! Trusts the ticket (32 random bytes, stored hashed, half an hour) to find the case, and nothing else: the
//! authority checks request and binding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{Act, KeyKind, Officer, OrderId, Sha256, Timestamp};
use ca_core::service::client::CallError;
use ca_core::service::protocol::{Blob, CertificateView, IssuerView, RefusalCode, Request, Response, Submission};
use ca_core::x509::Parts;
use rand::RngCore as _;
use zeroize::Zeroizing;

use super::case::{Case, CaseNumber, Forbidden, State, Step, Who};
use super::certificate_order::status_word;
use super::desk::{Desk, OfficeError, again};
use super::intake::hash_of;
use super::process::CertificateName;
use crate::mail::letter::Letter;
use crate::store::{Issued, IssuedEncryption, OrderState, OrderSubject, StoredOrder, StoredTicket, TicketState, Tx};
use crate::units::UnitRecord;

/// How long a ticket opens, in seconds.
pub const TICKET_SECONDS: i64 = 30 * 60;

/// What the counter PC is to make.
pub struct Opened {
    /// Canonical bytes of the approved order.
    pub order: Vec<u8>,
    /// The key to make.
    pub key: KeyKind,
    /// For whom.
    pub unit_name: String,
    /// What to write on the token.
    pub token_label: String,
    /// Of a renewal that the unit ordered itself, SHA-256 of the certificate whose key binds the new one.
    pub holder: Option<Sha256>,
}

/// The certificate, or the two of a pair, with their chain.
pub struct Redeemed {
    /// The authority's view; of a pair with the wrapped encryption key, which only the token can open. It is handed
    /// on and never kept here.
    pub view: CertificateView,
    /// Issuing CA, then root, DER.
    pub chain: Vec<Vec<u8>>,
}

impl Desk {
    /// Mints a ticket for an approved case, or for an issued one whose token has not confirmed yet. Earlier
    /// tickets of the case end.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn mint_ticket(&self, officer: &Officer, number: &CaseNumber) -> Result<Zeroizing<String>, OfficeError> {
        let now = self.clock.now();
        let (text, hash) = self.draw_ticket();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            if case.office != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            // What the unit signed alone, its own token puts on itself.
            if case.is_the_units() {
                return Err(Forbidden::State { state: case.state.word(), act: "provisioned at the counter" }.into());
            }
            let (State::Approved { order } | State::Issued { order, .. }) = &case.state else {
                return Err(Forbidden::State { state: case.state.word(), act: "provisioned" }.into());
            };
            if case.reviewer.as_ref().is_some_and(|reviewer| reviewer.id == officer.id) {
                return Err(Forbidden::SameOfficer.into());
            }
            case.free_for(officer, now)?;
            let minted = Who::from(officer);
            tx.add_ticket(&StoredTicket {
                hash,
                case: number.clone(),
                order: *order,
                state: TicketState::Open,
                minted: minted.clone(),
                created: now,
                expires: now.plus(TICKET_SECONDS),
            })
            .await?;
            let word = case.state.word();
            let step = Step { act: "ticket", from: word, to: word, by: Some(minted), reason: None, at: now };
            let subject = OrderSubject::Case(number.clone());
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.event(&subject, &step)).await?;
            tx.commit().await?;
            Ok(())
        })
        .await?;
        Ok(text)
    }

    /// A new ticket, and the hash under which it is kept.
    pub(crate) fn draw_ticket(&self) -> (Zeroizing<String>, Sha256) {
        let mut secret = Zeroizing::new([0_u8; 32]);
        self.draw().fill_bytes(&mut *secret);
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret));
        let hash = hash_of(text.as_bytes());
        (text, hash)
    }

    /// What a ticket is for.
    ///
    /// # Errors
    /// The ticket's, or storage.
    pub async fn open_ticket(&self, ticket: &str) -> Result<Opened, OfficeError> {
        if let Some(order) = self.officer_ticket(ticket).await? {
            return self.open_officer_ticket(&order);
        }
        let mut tx = self.store.read().await?;
        let ticket = self.open_of(&mut tx, ticket).await?;
        let order = tx.order(ticket.order).await?.ok_or(OfficeError::NotFound)?;
        let Act::Issue { key, .. } = &order.order.act else { return Err(OfficeError::NotFound) };
        let (case, _) = tx.case(&ticket.case).await?.ok_or(OfficeError::NotFound)?;
        let holder = match case.process.old() {
            Some(old) if order.signatures.iter().any(|signature| signature.by.is_unit()) => {
                let old = tx.certificate(&old.issuer, &old.serial).await?.ok_or(OfficeError::NotFound)?;
                Some(hash_of(&old.certificate))
            }
            _ => None,
        };
        Ok(Opened {
            holder,
            key: *key,
            order: order.statement.clone(),
            unit_name: case.form.unit_name.clone(),
            token_label: format!("YX {}", case.form.uscc),
        })
    }

    /// Has the certificate issued for a request and its binding. The same key again gets the same answer.
    ///
    /// # Errors
    /// The ticket's, the authority's, or storage. Nothing signed is lost.
    pub async fn redeem(&self, ticket: &str, csr: Vec<u8>, binding: Vec<u8>) -> Result<Redeemed, OfficeError> {
        if let Some(order) = self.officer_ticket(ticket).await? {
            return self.redeem_for_officer(&order, csr, binding).await;
        }
        let mut tx = self.store.read().await?;
        let ticket = self.open_of(&mut tx, ticket).await?;
        let order = tx.order(ticket.order).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        self.bind_token(&ticket.case, &binding).await?;
        let submission = Submission {
            order: Blob(order.statement.clone()),
            approvals: order.signatures.iter().map(|signature| Blob(signature.message.clone())).collect(),
            binding: Some(Blob(binding)),
            csr: Some(Blob(csr)),
        };
        let view = match self.ca.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(view)) => view,
            Ok(_) => return Err(strange_answer()),
            Err(error) => {
                if error.code() == Some(RefusalCode::OrderReplayed) {
                    // Issued before for another key: let the case say so, for the counter can only give it up.
                    self.learn_issue(&ticket.case, &order).await?;
                }
                return Err(error.into());
            }
        };
        match self.note_issue(&ticket.case, &order, &view).await {
            // The desk gave the case up in this very moment: nobody waits for the certificate.
            Err(OfficeError::Forbidden(Forbidden::State { .. })) => {
                self.revoke_undelivered(order.order.id, "the case was given up").await?;
                return Err(OfficeError::TicketUsed);
            }
            noted => noted?,
        }
        let chain = self.chain(&view).await?;
        Ok(Redeemed { view, chain })
    }

    /// Passes on the token's proof that it holds the certificate. Repeatable.
    ///
    /// # Errors
    /// The ticket's, the authority's, or storage.
    pub async fn confirm(&self, ticket: &str, install: Vec<u8>) -> Result<(), OfficeError> {
        if let Some(order) = self.officer_ticket(ticket).await? {
            return self.confirm_for_officer(&order, install).await;
        }
        let mut tx = self.store.read().await?;
        let ticket = self.find_ticket(&mut tx, ticket).await?;
        let (case, _) = tx.case(&ticket.case).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        // Done before: by this ticket, or the authority was asked meanwhile.
        if ticket.state != TicketState::Dropped && matches!(case.state, State::Delivered { .. }) {
            return Ok(());
        }
        // An expired ticket may still confirm: the certificate exists, and its own key speaks.
        if ticket.state != TicketState::Open {
            return Err(OfficeError::TicketUsed);
        }
        let State::Issued { issuer, serial, .. } = &case.state else {
            return Err(Forbidden::State { state: case.state.word(), act: "delivered" }.into());
        };
        let view = match self.ca.call(Request::Confirm { install: Blob(install) }).await? {
            Response::Certificate(view) if view.issuer == *issuer && view.serial == *serial => view,
            _ => return Err(strange_answer()),
        };
        self.note_delivery(&case, Some(ticket.hash), &view).await
    }

    /// The authority has the proof that a certificate is on its token: case, unit, token, the certificate before it, books and
    /// mail move together, once.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] when the case went on meanwhile, or storage.
    pub(super) async fn note_delivery(
        &self,
        case: &Case,
        ticket: Option<Sha256>,
        view: &CertificateView,
    ) -> Result<(), OfficeError> {
        let number = &case.number;
        let old = match case.process.old() {
            None => None,
            Some(old) => self.fate_of(old).await,
        };
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let (case, step) = case.deliver(now)?;
            tx.put_unit(&UnitRecord::of(&case, sealed.as_deref(), now)).await?;
            self.token_delivered(&mut tx, &case, &view.issuer, &view.serial, now).await?;
            if let Some(old) = &old {
                self.note_replaced(&mut tx, old, &case, now).await?;
            }
            tx.put_status(&view.issuer, &view.serial, view.status, view.delivered.or(Some(now))).await?;
            tx.add_step(&OrderSubject::Certificate(view.issuer.clone(), view.serial.clone()), &step).await?;
            if let Some(ticket) = ticket {
                tx.close_ticket(ticket, TicketState::Used).await?;
            }
            self.earn(&mut tx, &case.number, now).await?;
            let serial = view.serial.to_string();
            let until = view.validity.not_after.beijing_day().to_string();
            let letter = Letter::Installed { serial: serial.clone(), until };
            self.tell(&mut tx, &case, &serial, letter, now).await?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// What the authority made of the certificate whose place was taken. Unknown while it does not answer: the page of
    /// the old certificate asks again.
    async fn fate_of(&self, old: &CertificateName) -> Option<CertificateView> {
        let ask = Request::Certificate { issuer: old.issuer.clone(), serial: old.serial.clone() };
        match self.ca.call(ask).await {
            Ok(Response::Certificate(view)) => Some(view),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, serial = %old.serial, "the authority was not asked about a replaced certificate");
                None
            }
        }
    }

    async fn note_replaced(
        &self,
        tx: &mut Box<dyn Tx>,
        old: &CertificateView,
        case: &Case,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let before = tx.certificate(&old.issuer, &old.serial).await?.ok_or(OfficeError::NotFound)?.status;
        tx.put_status(&old.issuer, &old.serial, old.status, old.delivered).await?;
        self.end_loss(tx, &old.issuer, &old.serial, None, now).await?;
        let step = Step {
            act: "replace",
            from: status_word(before),
            to: status_word(old.status),
            by: None,
            reason: Some(case.number.to_string()),
            at: now,
        };
        let subject = OrderSubject::Certificate(old.issuer.clone(), old.serial.clone());
        tx.add_step(&subject, &step).await?;
        Ok(tx.audit(&self.event(&subject, &step)).await?)
    }

    /// The counter PC gives up: a certificate that was made is revoked as never delivered and the case goes
    /// back to be signed anew; without one the case stays approved.
    ///
    /// # Errors
    /// The ticket's, the authority's, or storage.
    pub async fn fail(&self, ticket: &str, why: &str) -> Result<(), OfficeError> {
        if let Some(order) = self.officer_ticket(ticket).await? {
            return self.fail_for_officer(&order, why).await;
        }
        let mut tx = self.store.read().await?;
        let ticket = self.find_ticket(&mut tx, ticket).await?;
        drop(tx);
        match ticket.state {
            TicketState::Dropped => Ok(()),
            TicketState::Used => Err(OfficeError::TicketUsed),
            TicketState::Open => self.give_up(&ticket.case, why, Some(&ticket)).await,
        }
    }

    /// An officer gives up the certificate of a case that never reached its token.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn abandon(&self, officer: &Officer, number: &CaseNumber, why: &str) -> Result<(), OfficeError> {
        let mut tx = self.store.read().await?;
        let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        if case.office != officer.office {
            return Err(Forbidden::OtherOffice.into());
        }
        if !matches!(case.state, State::Issued { .. }) {
            return Err(Forbidden::State { state: case.state.word(), act: "abandoned" }.into());
        }
        self.give_up(number, why, None).await
    }

    async fn give_up(&self, number: &CaseNumber, why: &str, ticket: Option<&StoredTicket>) -> Result<(), OfficeError> {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        let mut tx = self.store.read().await?;
        let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        let revoked = match &case.state {
            State::Issued { order, .. } => Some(self.revoke_undelivered(*order, &why).await?),
            _ => None,
        };
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            if let Some(ticket) = ticket {
                tx.close_ticket(ticket.hash, TicketState::Dropped).await?;
            }
            let Some(view) = &revoked else { return Ok(tx.commit().await?) };
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let (case, step) = case.abandon(why.clone(), now)?;
            self.token_given_up(&mut tx, number, now).await?;
            tx.put_status(&view.issuer, &view.serial, view.status, None).await?;
            tx.add_step(&OrderSubject::Certificate(view.issuer.clone(), view.serial.clone()), &step).await?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    async fn revoke_undelivered(&self, order: OrderId, why: &str) -> Result<CertificateView, OfficeError> {
        match self.ca.call(Request::Abandon { order, why: why.to_owned() }).await? {
            Response::Certificate(view) => Ok(view),
            _ => Err(strange_answer()),
        }
    }

    /// Asks the authority what became of an order, and lets the case know if it was issued.
    ///
    /// # Errors
    /// The authority's, or storage.
    pub async fn learn_issue(&self, number: &CaseNumber, order: &StoredOrder) -> Result<(), OfficeError> {
        if let Response::Certificate(view) = self.ca.call(Request::Order { order: order.order.id }).await? {
            self.note_issue(number, order, &view).await?;
        }
        Ok(())
    }

    async fn note_issue(
        &self,
        number: &CaseNumber,
        order: &StoredOrder,
        view: &CertificateView,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            if is_of(&case, view) {
                return Ok(());
            }
            let (case, step) = case.issue(view.issuer.clone(), view.serial.clone(), now)?;
            tx.settle_order(order.order.id, OrderState::Signed, OrderState::Done, None, now).await?;
            tx.add_certificate(&Issued {
                issuer: view.issuer.clone(),
                serial: view.serial.clone(),
                case: number.clone(),
                order: order.order.id,
                uscc: case.form.uscc.clone(),
                unit_name: case.form.unit_name.clone(),
                validity: view.validity,
                certificate: view.certificate.0.clone(),
                encryption: view.encryption.as_ref().map(|pair| IssuedEncryption {
                    serial: pair.serial.clone(),
                    certificate: pair.certificate.0.clone(),
                }),
                issued: now,
                delivered: None,
                status: view.status,
            })
            .await?;
            tx.add_step(&OrderSubject::Certificate(view.issuer.clone(), view.serial.clone()), &step).await?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// The certificate of the issuing CA and that of its root.
    pub(crate) async fn chain(&self, view: &CertificateView) -> Result<Vec<Vec<u8>>, OfficeError> {
        let Response::Issuers { issuers } = self.ca.call(Request::Issuers).await? else {
            return Err(strange_answer());
        };
        let (roots, issuing): (Vec<IssuerView>, Vec<IssuerView>) = issuers.into_iter().partition(|issuer| issuer.root);
        let own = issuing.into_iter().find(|issuer| issuer.id == view.issuer).ok_or_else(strange_answer)?;
        let names = |certificate: &Blob| {
            let parts = Parts::read(&certificate.0).map_err(|_| strange_answer())?;
            Ok::<_, OfficeError>((parts.tbs.subject.to_vec(), parts.tbs.issuer.to_vec()))
        };
        let (_, above) = names(&own.certificate)?;
        let mut chain = vec![own.certificate.0];
        for root in roots {
            if names(&root.certificate)?.0 == above {
                chain.push(root.certificate.0);
            }
        }
        Ok(chain)
    }

    async fn find_ticket(&self, tx: &mut Box<dyn Tx>, ticket: &str) -> Result<StoredTicket, OfficeError> {
        tx.ticket(hash_of(ticket.as_bytes())).await?.ok_or(OfficeError::TicketUnknown)
    }

    async fn open_of(&self, tx: &mut Box<dyn Tx>, ticket: &str) -> Result<StoredTicket, OfficeError> {
        let ticket = self.find_ticket(tx, ticket).await?;
        if ticket.state != TicketState::Open {
            Err(OfficeError::TicketUsed)
        } else if self.clock.now() >= ticket.expires {
            Err(OfficeError::TicketExpired)
        } else {
            Ok(ticket)
        }
    }
}

fn is_of(case: &Case, view: &CertificateView) -> bool {
    match &case.state {
        State::Issued { issuer, serial, .. } | State::Delivered { issuer, serial, .. } => {
            *issuer == view.issuer && *serial == view.serial
        }
        _ => false,
    }
}

fn strange_answer() -> OfficeError {
    CallError::Unreachable(std::io::Error::other("an answer to another question")).into()
}
