//! Payment online: a unit is led to the provider's page, and what came of it is learnt from the provider alone.
//!
//! Three things ask the provider: its message, the person who comes back, and the job that comes round, so that none of them
//! must arrive. What is asked for is written down before the provider is called, under the key by which it knows a
//! repetition. Bill, payment, case, receipt and books move together, once. Money that came late is taken, money that
//! came twice stands in suspense, money that is not what was asked for is shown to finance.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::Timestamp;

use super::bill::{Bill, BillNumber, MoneyFault};
use super::checkout::{Checkout, CheckoutId, CheckoutState, Verdict, Way};
use super::counter::book;
use super::gateway::{About, Event, GatewayError, NotHeard, PaymentGateway, Session, Wanted};
use super::taking::Method;
use super::{event, ledger, receiving};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::jobs::{Done, Every, Fault, Handler, Job};
use crate::store::Tx;

/// The provider's message may take so long before we ask by ourselves.
const ASK_AFTER_SECONDS: i64 = 120;

/// What became of a session that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing is new.
    Unchanged,
    /// The bill was paid by it now.
    Paid,
    /// It can no longer be paid.
    Expired,
    /// Money that was not asked for, or twice: finance is shown.
    Faulty,
    /// No session of ours.
    Unknown,
}

impl Settled {
    /// The word in the record of messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Paid => "paid",
            Self::Expired => "expired",
            Self::Faulty => "faulty",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a message of the provider's was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is not the provider's.
    #[error(transparent)]
    NotHeard(#[from] NotHeard),
    /// It is to be sent again.
    #[error(transparent)]
    Later(#[from] OfficeError),
}

/// Where a unit goes to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the provider's page.
    To(String),
    /// Nowhere: it was paid in the meantime.
    Paid,
}

/// Payment online, over the office's services and the provider.
pub struct Online {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// The provider.
    pub gateway: Arc<dyn PaymentGateway>,
}

impl Online {
    /// Leads to the provider's page for a bill: the one that is open for this way, or a new one; one for another way is
    /// closed first, so that a bill has one page at a time. `title` is what that page says, `back` where it leads.
    ///
    /// # Errors
    /// [`OfficeError::Money`] when there is nothing to pay, [`OfficeError::Gateway`], or storage.
    pub async fn checkout(
        &self,
        number: &BillNumber,
        way: Way,
        title: String,
        back: String,
    ) -> Result<Leads, OfficeError> {
        if !self.gateway.ways().contains(&way) {
            return Err(MoneyFault::Method.into());
        }
        // A second round is for a page that ended or was paid while we looked.
        for _ in 0..3 {
            let now = self.desk.clock.now();
            let checkout = self.stored(number, way, now).await?;
            match &checkout.state {
                CheckoutState::Open { session, url } if checkout.way == way && now < checkout.expires => {
                    // Who comes again may have paid there, with nobody having told us. A provider that is away must not
                    // keep them from its page.
                    match self.settle(session).await {
                        Ok(Settled::Paid) => return Ok(Leads::Paid),
                        Ok(Settled::Expired | Settled::Faulty) => {}
                        Ok(Settled::Unchanged | Settled::Unknown) | Err(OfficeError::Gateway(_)) => {
                            return Ok(Leads::To(url.clone()));
                        }
                        Err(error) => return Err(error),
                    }
                }
                CheckoutState::Opening if checkout.way == way && now < checkout.expires => {
                    let wanted = Wanted { checkout: &checkout, title: title.clone(), back: back.clone() };
                    let session = match self.gateway.open(&wanted).await {
                        Ok(session) => session,
                        Err(error @ GatewayError::Refused(_)) => {
                            self.close(&checkout).await?;
                            return Err(error.into());
                        }
                        Err(error) => return Err(error.into()),
                    };
                    if let Some(url) = self.opened(&checkout.id, &session).await? {
                        return Ok(Leads::To(url));
                    }
                }
                CheckoutState::Open { session, .. } => {
                    let session = session.clone();
                    let told = self.gateway.expire(&session).await?;
                    if self.take_in(&told).await? == Settled::Paid {
                        return Ok(Leads::Paid);
                    }
                }
                _ => self.close(&checkout).await?,
            }
        }
        Err(OfficeError::WrongState("the page for payment is being changed"))
    }

    /// The checkout that is open for a bill, or a new one.
    async fn stored(&self, number: &BillNumber, way: Way, now: Timestamp) -> Result<Checkout, OfficeError> {
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            // The rules of a payment are those of the bill; this one is not written.
            drop(bill.clone().pay(now)?);
            if let Some(open) = tx.checkouts(number).await?.into_iter().find(|checkout| !checkout.state.is_over()) {
                return Ok(open);
            }
            let day = now.beijing_day();
            let n = tx.next_in_series(&format!("{}/{day}", CheckoutId::PREFIX)).await?;
            let mut checkout = Checkout::begin(CheckoutId::new(day, n), &bill, way, now);
            tx.add_checkout(&checkout).await?;
            let facts = [("checkout", checkout.id.as_str()), ("way", way.word())];
            tx.audit(&event("money.checkout", number.as_str(), None, now, checkout.amount, &facts)).await?;
            tx.commit().await?;
            checkout.version = 1;
            Ok(checkout)
        })
        .await
    }

    async fn opened(&self, id: &CheckoutId, session: &Session) -> Result<Option<String>, OfficeError> {
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let checkout = tx.checkout(id).await?.ok_or(OfficeError::NotFound)?;
            let Ok(checkout) = checkout.opened(session) else { return Ok(None) };
            tx.put_checkout(&checkout).await?;
            tx.commit().await?;
            Ok(session.url.clone())
        })
        .await
    }

    /// A checkout of which the provider has no page that could be paid.
    async fn close(&self, checkout: &Checkout) -> Result<(), OfficeError> {
        let now = self.desk.clock.now();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let checkout = tx.checkout(&checkout.id).await?.ok_or(OfficeError::NotFound)?;
            if checkout.state == CheckoutState::Opening {
                tx.put_checkout(&checkout.expired(now)).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }

    /// Closes the page of a bill that is given up; says whether it was paid before that.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage: then the bill is not given up.
    pub async fn stop(&self, number: &BillNumber) -> Result<bool, OfficeError> {
        let checkouts = self.desk.store.read().await?.checkouts(number).await?;
        for checkout in checkouts.into_iter().filter(|checkout| !checkout.state.is_over()) {
            match checkout.state.session() {
                Some(session) => {
                    let told = self.gateway.expire(session).await?;
                    if self.take_in(&told).await? == Settled::Paid {
                        return Ok(true);
                    }
                }
                None => self.close(&checkout).await?,
            }
        }
        Ok(false)
    }

    /// Hears a message: once, and only to ask the provider about what it names.
    ///
    /// # Errors
    /// [`MessageError::NotHeard`] for what is not the provider's; [`MessageError::Later`] when it should be sent again.
    pub async fn hear(&self, body: &[u8], signature: &str) -> Result<Settled, MessageError> {
        let now = self.desk.clock.now();
        let message: Event = self.gateway.hear(body, signature, now)?;
        let heard = async {
            if self.desk.store.read().await?.was_heard(&message.id).await? {
                return Ok(Settled::Unchanged);
            }
            let settled = match &message.about {
                About::Session(session) => self.settle(session).await?,
                About::Refund(id) => self.hear_of_refund(id).await?,
                About::Charge(reference) => self.hear_of_charge(reference).await?,
                About::Dispute(id) => self.hear_of_dispute(id).await?,
                About::Other => Settled::Unknown,
            };
            again(|| async {
                let mut tx = self.desk.store.begin().await?;
                tx.note_event(&message, settled.word(), now).await?;
                Ok(tx.commit().await?)
            })
            .await?;
            Ok::<_, OfficeError>(settled)
        };
        heard.await.map_err(MessageError::Later)
    }

    /// Asks the provider what became of a session, and writes it down.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage.
    pub async fn settle(&self, session: &str) -> Result<Settled, OfficeError> {
        let told = self.gateway.fetch(session).await?;
        self.take_in(&told).await
    }

    /// Asks about what was begun for a bill and is not over: for the person who comes back.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage.
    pub async fn look(&self, number: &BillNumber) -> Result<Settled, OfficeError> {
        let checkouts = self.desk.store.read().await?.checkouts(number).await?;
        let mut settled = Settled::Unchanged;
        for checkout in checkouts {
            if let CheckoutState::Open { session, .. } = &checkout.state {
                match self.settle(session).await? {
                    Settled::Unchanged => {}
                    news => settled = news,
                }
            }
        }
        Ok(settled)
    }

    /// Writes down what the provider told of a session.
    async fn take_in(&self, told: &Session) -> Result<Settled, OfficeError> {
        let now = self.desk.clock.now();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let known = match tx.checkout_of_session(&told.id).await? {
                Some(checkout) => Some(checkout),
                None => match told.checkout.as_deref().and_then(|id| id.parse().ok()) {
                    Some(id) => tx.checkout(&id).await?.filter(|checkout| checkout.state.session().is_none()),
                    None => None,
                },
            };
            let Some(checkout) = known else { return Ok(Settled::Unknown) };
            match checkout.verdict(told) {
                Verdict::Nothing => Ok(Settled::Unchanged),
                Verdict::Expire => {
                    tx.put_checkout(&checkout.expired(now)).await?;
                    tx.commit().await?;
                    Ok(Settled::Expired)
                }
                Verdict::Strange(fault) => {
                    tracing::error!(checkout = %checkout.id, fault, "Money came that nobody asked for");
                    let facts = [("checkout", checkout.id.as_str()), ("fault", fault)];
                    let amount = told.amount.unwrap_or(super::fen::Fen::ZERO);
                    tx.audit(&event("money.strange", checkout.bill.as_str(), None, now, amount, &facts)).await?;
                    tx.put_checkout(&checkout.strange(told, fault, now)).await?;
                    tx.commit().await?;
                    Ok(Settled::Faulty)
                }
                Verdict::Pay => self.pay(tx, checkout, told, now).await,
            }
        })
        .await
    }

    async fn pay(
        &self,
        mut tx: Box<dyn Tx>,
        checkout: Checkout,
        told: &Session,
        now: Timestamp,
    ) -> Result<Settled, OfficeError> {
        let bill = tx.bill(&checkout.bill).await?.ok_or(OfficeError::NotFound)?;
        let Ok(paid) = receiving::paid(&bill, now) else { return self.surplus(tx, checkout, &bill, told, now).await };
        let reference = told.reference.clone().unwrap_or_else(|| told.id.clone());
        let payment = receiving::payment_of(&mut tx, &bill, Method::Online, Some(reference), now).await?;
        self.desk.write_payment(&mut tx, &paid, &payment, None, ("checkout", checkout.id.as_str())).await?;
        tx.put_checkout(&checkout.paid(told, now)).await?;
        self.desk.go_on_paid(tx, &paid, &payment).await?;
        metrics::counter!("ra_online_payments_total").increment(1);
        Ok(Settled::Paid)
    }

    async fn surplus(
        &self,
        mut tx: Box<dyn Tx>,
        checkout: Checkout,
        bill: &Bill,
        told: &Session,
        now: Timestamp,
    ) -> Result<Settled, OfficeError> {
        tracing::error!(checkout = %checkout.id, bill = %bill.number, "Money came for a bill that was paid otherwise");
        book(&mut tx, ledger::surplus(bill, &checkout, now)).await?;
        let facts = [("checkout", checkout.id.as_str())];
        tx.audit(&event("money.surplus", bill.number.as_str(), None, now, checkout.amount, &facts)).await?;
        tx.put_checkout(&checkout.surplus(told, now)).await?;
        tx.commit().await?;
        Ok(Settled::Faulty)
    }
}

/// The job that asks about what nobody told us of.
pub struct AskAbout {
    /// Payment online.
    pub online: Arc<Online>,
}

#[async_trait]
impl Handler for AskAbout {
    fn kind(&self) -> &'static str {
        "ask-about-payments"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::Seconds(60))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        let desk = &self.online.desk;
        let before = desk.clock.now().plus(-ASK_AFTER_SECONDS);
        let waiting = desk.store.read().await?.waiting_checkouts(before, 200).await?;
        let mut failed = None;
        for checkout in waiting {
            let asked = match checkout.state.session() {
                Some(session) => self.online.settle(session).await.map(drop),
                None if desk.clock.now() > checkout.expires => self.online.close(&checkout).await,
                None => Ok(()),
            };
            // One that cannot be asked about does not hold up the others.
            failed = asked.err().or(failed);
        }
        match failed {
            None => Ok(Done::Wholly),
            Some(OfficeError::Database(error)) => Err(error.into()),
            Some(error) => Err(Fault::Later(error.to_string())),
        }
    }
}
