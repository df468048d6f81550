//! A unit ends its own certificate, signed with that certificate's key. It cannot be undone, and takes the way of every
//! revocation: list, responder, and a matter at the office.

use std::sync::Arc;

use ca_core::cms;
use ca_core::domain::{Act, CertificateStatus, Order, OrderId, encode};

use crate::enrolment::case::{Step, Who};
use crate::enrolment::desk::{Desk, OfficeError, SignatureFault, again};
use crate::enrolment::intake::hash_of;
use crate::matters::Ground;
use crate::renewal::Holding;
use crate::store::{OrderState, OrderSubject, Signature, StoredOrder};

/// The grounds that a unit may choose from.
pub const REASONS: [Ground; 3] = [Ground::HolderAsks, Ground::HolderCompromise, Ground::HolderCeased];

/// The services.
pub struct Ending {
    /// The office's.
    pub desk: Arc<Desk>,
}

impl Ending {
    /// The order that the unit is to sign; one that was not signed before is dropped.
    ///
    /// # Errors
    /// [`OfficeError::WrongState`] when the certificate is not good or an order about it is under way, or storage.
    pub async fn order(&self, unit: &Holding, ground: Ground) -> Result<StoredOrder, OfficeError> {
        let now = self.desk.clock.now();
        let subject = OrderSubject::Certificate(unit.issuer.clone(), unit.serial.clone());
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
            if issued.status != CertificateStatus::Good || unit.is_over(now) {
                return Err(OfficeError::WrongState("the certificate is not good"));
            }
            let (case, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
            for other in tx.orders_about(&subject).await? {
                match other.state {
                    OrderState::Open if other.opened.is_unit() => {
                        tx.settle_order(other.order.id, OrderState::Open, OrderState::Dropped, None, now).await?;
                    }
                    OrderState::Signed => {
                        return Err(OfficeError::WrongState("an order about the certificate is under way"));
                    }
                    _ => {}
                }
            }
            let order = Order {
                id: OrderId::draw(now, &mut *self.desk.draw()),
                office: case.office.clone(),
                created: now,
                evidence: Vec::new(),
                act: Act::Revoke {
                    issuer: unit.issuer.clone(),
                    serial: unit.serial.clone(),
                    reason: ground.reason(),
                    invalid_since: None,
                },
            };
            let stored = StoredOrder {
                statement: encode(&order),
                order,
                subject: subject.clone(),
                state: OrderState::Open,
                refusal: None,
                opened: Who::unit(&unit.unit_name),
                signatures: Vec::new(),
            };
            tx.add_order(&stored).await?;
            tx.commit().await?;
            Ok(stored)
        })
        .await
    }

    /// The unit signed: the authority carries it out. While it is away the order waits at the office, signed.
    ///
    /// # Errors
    /// [`OfficeError::Signature`], [`OfficeError::WrongState`], [`OfficeError::Authority`] or storage.
    pub async fn sign(&self, unit: &Holding, ground: Ground, message: &[u8]) -> Result<(), OfficeError> {
        let now = self.desk.clock.now();
        let subject = OrderSubject::Certificate(unit.issuer.clone(), unit.serial.clone());
        let signed = cms::verify(message).map_err(SignatureFault::from)?;
        let order = again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let orders = tx.orders_about(&subject).await?;
            let order = orders.into_iter().find(|order| order.state == OrderState::Open && order.opened.is_unit());
            let order = order.ok_or(OfficeError::WrongState("no order lies ready to be signed"))?;
            // What the matter says must be what was signed.
            let says = matches!(&order.order.act, Act::Revoke { reason, .. } if *reason == ground.reason());
            if signed.content != order.statement || !says {
                return Err(SignatureFault::Content.into());
            }
            if hash_of(&signed.certificate) != unit.certificate {
                return Err(SignatureFault::Signer.into());
            }
            let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
            let by = Who::unit(&unit.unit_name);
            let signature = Signature { by: by.clone(), message: message.to_vec(), at: now };
            tx.sign_order(order.order.id, 0, &signature).await?;
            tx.settle_order(order.order.id, OrderState::Open, OrderState::Signed, None, now).await?;
            let step = Step { act: "sign_order", from: "open", to: "signed", by: Some(by), reason: None, at: now };
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.desk.event(&subject, &step)).await?;
            self.desk.ended_by_unit(&mut tx, &issued, ground, order.order.id, now).await?;
            tx.commit().await?;
            Ok(StoredOrder { state: OrderState::Signed, signatures: vec![signature], ..order })
        })
        .await?;
        self.desk.send_order(&order.opened, &order).await
    }
}
