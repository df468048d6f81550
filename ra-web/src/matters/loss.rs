//! A loss that was reported without a clerk: it waits as a draft for one who looks at it.

use super::process::open_matter;
use super::{Facts, Kind, MatterNumber};
use crate::enrolment::case::Step;
use crate::enrolment::desk::{Desk, OfficeError, Signer, again};
use crate::store::Issued;

impl Desk {
    /// Writes down who reported a loss, before the hold is asked for. A loss that is open already stays as it is.
    ///
    /// # Errors
    /// Storage.
    pub(crate) async fn loss_reported(
        &self,
        signer: &Signer,
        issued: &Issued,
        facts: Facts,
    ) -> Result<MatterNumber, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            if let Some(open) = open_matter(&mut tx, Kind::Loss, &issued.issuer, &issued.serial).await? {
                return Ok(open.number);
            }
            let (case, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
            let by = (&signer.officer).into();
            let number = self.add_matter(&mut tx, Kind::Loss, &case.office, by, issued, now).await?;
            let mut matter = tx.matter(&number).await?.ok_or(OfficeError::NotFound)?;
            matter.facts = facts.clone();
            let word = matter.state.word();
            let by = Some((&signer.officer).into());
            let step = Step { act: "matter_reported", from: word, to: word, by, reason: None, at: now };
            self.move_matter(&mut tx, &matter, &step).await?;
            tx.commit().await?;
            Ok(number)
        })
        .await
    }
}
