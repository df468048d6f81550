//! What officers order for a certificate: hold, release, revoke. The signatures are gathered here; the
//! authority decides.

use ca_core::domain::{
    Act, CertificateStatus, IssuerId, Officer, Order, OrderId, RevocationReason, Serial, Sha256, Timestamp, encode,
};
use ca_core::service::client::CallError;
use ca_core::service::protocol::{Blob, CertificateView, RefusalCode, Request, Response, Submission};

use super::case::{Forbidden, Step, Who, may_read};
use super::desk::{Desk, OfficeError, Signer, again, check_signature, next_seat};
use crate::mail::letter::Letter;
use crate::store::{Issued, OrderState, OrderSubject, PastStep, StoredOrder, act_word};

/// What may be asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Freeze at once.
    Hold,
    /// End a hold.
    Release,
    /// For good; of a compromised key, since when it can no longer be believed.
    Revoke(RevocationReason, Option<Timestamp>),
}

/// A certificate with all that its page shows.
pub struct CertificatePage {
    /// As we keep it; its status is the authority's own when `live`.
    pub issued: Issued,
    /// Whether the authority was asked just now.
    pub live: bool,
    /// Orders about it, newest first.
    pub orders: Vec<StoredOrder>,
    /// History, newest first.
    pub steps: Vec<PastStep>,
}

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Another officer must sign too.
    Waiting,
    /// The authority carried it out.
    Done,
}

impl Desk {
    /// A certificate and what the authority says of it now; when the authority does not answer, what it said
    /// last.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] or storage.
    pub async fn certificate(&self, issuer: &IssuerId, serial: &Serial) -> Result<CertificatePage, OfficeError> {
        let subject = OrderSubject::Certificate(issuer.clone(), serial.clone());
        let mut tx = self.store.read().await?;
        let mut issued = tx.certificate(issuer, serial).await?.ok_or(OfficeError::NotFound)?;
        let (orders, steps) = (tx.orders_about(&subject).await?, tx.steps(&subject).await?);
        drop(tx);
        let asked = self.ca.call(Request::Certificate { issuer: issuer.clone(), serial: serial.clone() }).await;
        let live = match asked {
            Ok(Response::Certificate(view)) => {
                issued.status = view.status;
                issued.delivered = view.delivered.or(issued.delivered);
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, "the authority was not asked for a status");
                false
            }
        };
        Ok(CertificatePage { issued, live, orders, steps })
    }

    /// Writes down an order on a certificate, to be signed.
    ///
    /// # Errors
    /// [`OfficeError::WrongState`] when the certificate's state does not allow it, or a like order waits.
    pub async fn open_order(
        &self,
        officer: &Officer,
        issuer: &IssuerId,
        serial: &Serial,
        wish: Wish,
    ) -> Result<OrderId, OfficeError> {
        self.open_order_with(officer, issuer, serial, wish, Vec::new()).await
    }

    /// [`Self::open_order`] with the hashes of the papers that were examined.
    pub(crate) async fn open_order_with(
        &self,
        officer: &Officer,
        issuer: &IssuerId,
        serial: &Serial,
        wish: Wish,
        evidence: Vec<Sha256>,
    ) -> Result<OrderId, OfficeError> {
        let now = self.clock.now();
        let issued = self.certificate(issuer, serial).await?.issued;
        // A hold is urgent: any office may give it. What comes after it is for the unit's own.
        if wish != Wish::Hold {
            let mut tx = self.store.read().await?;
            let (case, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
            if case.office != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
        }
        if !allowed(wish, issued.status) {
            return Err(OfficeError::WrongState("the certificate's state does not allow it"));
        }
        let (issuer, serial) = (issuer.clone(), serial.clone());
        let subject = OrderSubject::Certificate(issuer.clone(), serial.clone());
        let act = match wish {
            Wish::Hold => Act::Hold { issuer, serial },
            Wish::Release => Act::Release { issuer, serial },
            Wish::Revoke(reason, invalid_since) => Act::Revoke { issuer, serial, reason, invalid_since },
        };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let open = tx.orders_about(&subject).await?;
            let pending = open.iter().find(|order| {
                matches!(order.state, OrderState::Open | OrderState::Signed)
                    && !order.signatures.is_empty()
                    && act_word(&order.order.act) == act_word(&act)
            });
            if pending.is_some() {
                return Err(OfficeError::WrongState("a like order waits for its second signature"));
            }
            for unsigned in open.iter().filter(|order| order.state == OrderState::Open && order.signatures.is_empty()) {
                tx.settle_order(unsigned.order.id, OrderState::Open, OrderState::Dropped, None, now).await?;
            }
            let id = OrderId::draw(now, &mut *self.draw());
            let order = Order {
                id,
                office: officer.office.clone(),
                created: now,
                evidence: evidence.clone(),
                act: act.clone(),
            };
            tx.add_order(&StoredOrder {
                statement: encode(&order),
                order,
                subject: subject.clone(),
                state: OrderState::Open,
                refusal: None,
                opened: Who::from(officer),
                signatures: Vec::new(),
            })
            .await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// An order.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or storage.
    pub async fn order(&self, officer: &Officer, id: OrderId) -> Result<StoredOrder, OfficeError> {
        let order = self.store.read().await?.order(id).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &order.order.office)?;
        Ok(order)
    }

    /// Puts an officer's signature on an order on a certificate, and has it carried out when it was the last.
    ///
    /// # Errors
    /// [`OfficeError`]. When the authority does not answer, the signatures are kept and
    /// [`Self::carry_out`] sends them again.
    pub async fn sign(&self, signer: &Signer, id: OrderId, message: &[u8]) -> Result<Signed, OfficeError> {
        let now = self.clock.now();
        let last = again(|| async {
            let mut tx = self.store.begin().await?;
            let order = tx.order(id).await?.ok_or(OfficeError::NotFound)?;
            if order.order.office != signer.officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            if order.state != OrderState::Open || !matches!(order.subject, OrderSubject::Certificate(..)) {
                return Err(OfficeError::WrongState("the order is not open for signatures"));
            }
            next_seat(&order, &signer.officer)?;
            check_signature(signer, &order.statement, message)?;
            let seat = self.seat(&mut tx, &order, signer, message).await?;
            let last = seat + 1 == order.order.act.seats(false).len();
            if last {
                tx.settle_order(id, OrderState::Open, OrderState::Signed, None, now).await?;
            }
            // Who signed last is told even when another has to send it.
            let (act, to) = if last { ("sign_order", "signed") } else { (request_word(&order.order.act), "open") };
            let by = Some(Who::from(&signer.officer));
            let step = Step { act, from: "open", to, by, reason: None, at: now };
            tx.add_step(&order.subject, &step).await?;
            tx.audit(&self.event(&order.subject, &step)).await?;
            self.matter_signed(&mut tx, id, &signer.officer, last, now).await?;
            tx.commit().await?;
            Ok(last)
        })
        .await?;
        if last {
            self.carry_out(&signer.officer, id).await?;
            Ok(Signed::Done)
        } else {
            Ok(Signed::Waiting)
        }
    }

    /// Sends a fully signed order to the authority. Sent twice it is carried out once.
    ///
    /// # Errors
    /// [`OfficeError::Authority`]: refused (then the order is closed) or no answer (then send it again).
    pub async fn carry_out(&self, officer: &Officer, id: OrderId) -> Result<(), OfficeError> {
        let order = self.order(officer, id).await?;
        if order.state != OrderState::Signed {
            return Err(OfficeError::WrongState("the order is not waiting for the authority"));
        }
        self.send_order(&Who::from(officer), &order).await
    }

    /// Sends an order on a certificate that is signed, for whoever has it sent.
    ///
    /// # Errors
    /// As [`Self::carry_out`].
    pub(crate) async fn send_order(&self, by: &Who, order: &StoredOrder) -> Result<(), OfficeError> {
        let submission = Submission {
            order: Blob(order.statement.clone()),
            approvals: order.signatures.iter().map(|signature| Blob(signature.message.clone())).collect(),
            binding: None,
            csr: None,
        };
        match self.ca.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(view)) => self.settle(by, order, &view).await,
            Ok(_) => Err(CallError::Unreachable(std::io::Error::other("an answer to another question")).into()),
            Err(error) => {
                if let Some(code) = error.code().filter(|code| *code != RefusalCode::Unavailable) {
                    self.refuse(by, order, code).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Gives up an order that is not fully signed.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn drop_order(&self, officer: &Officer, id: OrderId) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let order = tx.order(id).await?.ok_or(OfficeError::NotFound)?;
            if order.order.office != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            tx.settle_order(id, OrderState::Open, OrderState::Dropped, None, now).await?;
            let by = Some(Who::from(officer));
            let step = Step { act: "drop_order", from: "open", to: "dropped", by, reason: None, at: now };
            tx.add_step(&order.subject, &step).await?;
            self.matter_returned(&mut tx, id, &officer.into(), "order dropped", now).await?;
            tx.audit(&self.event(&order.subject, &step)).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    async fn settle(&self, by: &Who, order: &StoredOrder, view: &CertificateView) -> Result<(), OfficeError> {
        let now = self.clock.now();
        let reason = match &order.order.act {
            Act::Revoke { reason, .. } => Some(reason.word().to_owned()),
            _ => None,
        };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let known = tx.certificate(&view.issuer, &view.serial).await?.ok_or(OfficeError::NotFound)?;
            let before = known.status;
            tx.settle_order(order.order.id, OrderState::Signed, OrderState::Done, None, now).await?;
            tx.put_status(&view.issuer, &view.serial, view.status, view.delivered).await?;
            self.token_follows(&mut tx, &order.order.act, by, now).await?;
            self.matter_settled(&mut tx, order, by, now).await?;
            let step = Step {
                act: act_word(&order.order.act),
                from: status_word(before),
                to: status_word(view.status),
                by: Some(by.clone()),
                reason: reason.clone(),
                at: now,
            };
            tx.add_step(&order.subject, &step).await?;
            tx.audit(&self.event(&order.subject, &step)).await?;
            if let (Some(letter), Some((case, _))) = (told(&order.order.act, now), tx.case(&known.case).await?) {
                self.tell(&mut tx, &case, &order.order.id.to_string(), letter, now).await?;
            }
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    async fn refuse(&self, by: &Who, order: &StoredOrder, code: RefusalCode) -> Result<(), OfficeError> {
        let now = self.clock.now();
        let word = refusal_key(code);
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.settle_order(order.order.id, OrderState::Signed, OrderState::Refused, Some(&word), now).await?;
            let who = Some(by.clone());
            let step = Step { act: "refused", from: "signed", to: "refused", by: who, reason: None, at: now };
            tx.add_step(&order.subject, &step).await?;
            self.matter_returned(&mut tx, order.order.id, by, &word, now).await?;
            tx.audit(&self.event(&order.subject, &step)).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}

/// The message that says why the authority refused, e.g. `ca-two-officers-needed`.
#[must_use]
pub fn refusal_key(code: RefusalCode) -> String {
    let word = serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    format!("ca-{}", word.replace('_', "-"))
}

/// What the unit is told of an order that was carried out.
fn told(act: &Act, at: Timestamp) -> Option<Letter> {
    match act {
        Act::Hold { serial, .. } => Some(Letter::Held { serial: serial.to_string(), at }),
        Act::Release { serial, .. } => Some(Letter::Released { serial: serial.to_string(), at }),
        Act::Revoke { serial, reason, .. } => {
            Some(Letter::Revoked { serial: serial.to_string(), reason: reason.word().to_owned(), at })
        }
        _ => None,
    }
}

/// Whether a certificate in this state can be treated so.
#[must_use]
pub const fn allowed(wish: Wish, status: CertificateStatus) -> bool {
    matches!(
        (wish, status),
        (Wish::Hold | Wish::Revoke(..), CertificateStatus::Good)
            | (Wish::Release | Wish::Revoke(..), CertificateStatus::Held { .. })
    )
}

/// `good`, `held` or `revoked`: in history and message keys.
#[must_use]
pub const fn status_word(status: CertificateStatus) -> &'static str {
    match status {
        CertificateStatus::Good => "good",
        CertificateStatus::Held { .. } => "held",
        CertificateStatus::Revoked { .. } => "revoked",
    }
}

const fn request_word(act: &Act) -> &'static str {
    match act {
        Act::Release { .. } => "request_release",
        _ => "request_revoke",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_legal_wishes_are_offered() {
        let since = Timestamp::from_unix(1);
        let reason = RevocationReason::Superseded;
        let (held, revoked) = (CertificateStatus::Held { since }, CertificateStatus::Revoked { since, reason });
        let table = [
            (Wish::Hold, [true, false, false]),
            (Wish::Release, [false, true, false]),
            (Wish::Revoke(reason, None), [true, true, false]),
        ];
        for (wish, verdicts) in table {
            for (status, verdict) in [CertificateStatus::Good, held, revoked].into_iter().zip(verdicts) {
                assert_eq!(allowed(wish, status), verdict, "{wish:?} {status:?}");
            }
        }
    }
}
