//! The account onto which units pay by bank, and the codes by which their money finds its bill.

use ca_core::domain::{Officer, Timestamp};

use super::bill::{Bill, BillNumber};
use super::counter::{add_note, case_of};
use super::remittance::{Remittance, RemittanceCode};
use super::wire::WireTerms;
use super::{event, note};
use crate::enrolment::case::{Forbidden, Step, Who};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::statement::code::Kind;
use crate::store::Tx;

impl Desk {
    /// Our account; without one nothing of this is there.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub fn wire_terms(&self) -> Result<&WireTerms, OfficeError> {
        self.rules.money.wire.as_ref().ok_or(OfficeError::NotFound)
    }

    /// The terms, for someone of the office that keeps the account.
    pub(super) fn wire_of(&self, by: &Officer) -> Result<&WireTerms, OfficeError> {
        let terms = self.wire_terms()?;
        if by.office == terms.office { Ok(terms) } else { Err(Forbidden::OtherOffice.into()) }
    }

    /// Gives a bill its code, in the transaction of the bill.
    pub(super) async fn draw_code(
        &self,
        tx: &mut Box<dyn Tx>,
        bill: &Bill,
        now: Timestamp,
    ) -> Result<Remittance, OfficeError> {
        // Of a hundred million codes few are taken; after so many draws something else is wrong.
        for _ in 0..20 {
            let code = RemittanceCode::draw(Kind::Bill, &mut *self.draw());
            let remittance = Remittance::of(bill, code, now);
            if tx.add_remittance(&remittance).await? {
                return Ok(remittance);
            }
        }
        Err(OfficeError::WrongState("no remittance code is free"))
    }

    /// A unit pays by bank: its bill stays open longer, from the first time on.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for another unit's bill, or where nobody pays by bank; [`OfficeError::Money`].
    pub async fn choose_wire(&self, uscc: &str, number: &BillNumber) -> Result<Remittance, OfficeError> {
        let (days, now) = (self.wire_terms()?.lapse_days, self.clock.now());
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.filter(|bill| bill.uscc == uscc).ok_or(OfficeError::NotFound)?;
            let longer = bill.clone().wait_longer(now, days)?;
            let remittance = match tx.remittance_of(number).await? {
                Some(remittance) => remittance,
                None => self.draw_code(&mut tx, &bill, now).await?,
            };
            if remittance.chosen.is_some() {
                return Ok(remittance);
            }
            tx.choose_wire(number, now).await?;
            tx.put_bill(&longer).await?;
            let (case, _) = case_of(&mut tx, &bill).await?;
            let by = Who::unit(&bill.unit_name);
            add_note(&mut tx, &case, &Step { by: Some(by), ..note(&case, "wire", None, None, now) }).await?;
            let facts = [("code", remittance.code.as_str())];
            tx.audit(&event("money.wire", number.as_str(), None, now, bill.gross(), &facts)).await?;
            tx.commit().await?;
            Ok(Remittance { chosen: Some(now), ..remittance })
        })
        .await
    }
}
