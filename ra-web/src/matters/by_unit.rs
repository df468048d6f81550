//! A unit ends its own certificate: its signature is the request, and nobody has to look at it before it is carried out. The
//! matter tells the list and the unit, as every revocation's does.

use ca_core::domain::{OrderId, Timestamp};

use super::{Facts, Ground, Kind};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::store::{Issued, Tx};

impl Desk {
    /// Writes the matter of a revocation that the unit signed, in the transaction of its signature.
    pub(crate) async fn ended_by_unit(
        &self,
        tx: &mut Box<dyn Tx>,
        issued: &Issued,
        ground: Ground,
        order: OrderId,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let (case, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
        let by = Who::unit(&issued.unit_name);
        let number = self.add_matter(tx, Kind::Revocation, &case.office, by, issued, now).await?;
        let mut matter = tx.matter(&number).await?.ok_or(OfficeError::NotFound)?;
        matter.facts = Facts {
            ground: ground.word().to_owned(),
            applicant: issued.unit_name.clone(),
            way: "web".into(),
            ..Facts::default()
        };
        matter.order = Some(order);
        tx.put_matter(&matter, matter.due(self.rules.hold_days)).await?;
        Ok(())
    }
}
