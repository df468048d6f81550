//! Somebody else speaks for a unit (`domain.md` §3.7): its record changes, its certificate does not, and so the authority is
//! not asked. Two officers look at the sealed notice and at the new handler's identity card all the same.

use ca_core::domain::{Officer, ResidentId, Timestamp};
use zeroize::Zeroizing;

use super::{Kind, Matter, MatterNumber, State};
use crate::enrolment::case::{Forbidden, may_read};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::store::Tx;

/// A resident number that was typed; `None` within when it is none.
pub(super) struct TypedNumber(Option<(String, Zeroizing<String>)>);

impl TypedNumber {
    /// Out of a form; nothing when the field was left as it was.
    pub(super) fn of(typed: &[(String, String)]) -> Option<Self> {
        let (_, text) = typed.iter().find(|(name, text)| name == "handler_id" && !text.trim().is_empty())?;
        let text = Zeroizing::new(text.trim().to_uppercase());
        Some(Self(text.parse::<ResidentId>().ok().map(|id| (id.masked(), text))))
    }

    /// Whether it is a resident number.
    pub(super) const fn is_good(&self) -> bool {
        self.0.is_some()
    }
}

impl Desk {
    /// Puts a typed number into a matter, sealed to its place.
    pub(super) fn take_number(&self, matter: &mut Matter, typed: &TypedNumber) -> Result<(), OfficeError> {
        if let Some((masked, text)) = &typed.0 {
            matter.handler_id = Some(self.vault.seal(&place(&matter.number), text.as_bytes(), &self.chance)?);
            matter.facts.handler_id_masked.clone_from(masked);
        }
        Ok(())
    }

    /// The change lies ready for another officer.
    pub(super) async fn submit_handler(
        &self,
        tx: &mut Box<dyn Tx>,
        mut matter: Matter,
        officer: &Officer,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let unit = tx.unit(&matter.about.uscc).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &unit.office)?;
        let before = [&unit.handler.name, &unit.handler.mobile, &unit.handler.id_masked];
        matter.facts.handler_before = before.map(String::as_str).join(" ");
        let (matter, step) = matter.request(officer, now)?;
        self.move_matter(tx, &matter, &step).await
    }

    /// Another officer finds the change good: from now on the unit has this handler.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn confirm_handler(&self, officer: &Officer, number: &MatterNumber) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            if matter.kind != Kind::Handler {
                return Err(Forbidden::State { state: matter.state.word(), act: "confirmed" }.into());
            }
            let (matter, step) = matter.confirm(officer, now)?;
            let mut unit = tx.unit(&matter.about.uscc).await?.ok_or(OfficeError::NotFound)?;
            if unit.office != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            let sealed = matter.handler_id.as_deref().ok_or(OfficeError::NotFound)?;
            let plain = self.vault.open(&place(number), sealed)?;
            let text = std::str::from_utf8(&plain).map_err(|_| OfficeError::NotFound)?;
            // Sealed to the place of the unit's last case, as the record says.
            unit.handler.id_sealed = self.seal_handler_id(&unit.handler.case, text)?;
            unit.handler.name.clone_from(&matter.facts.handler_name);
            unit.handler.mobile.clone_from(&matter.facts.handler_mobile);
            unit.handler.id_masked.clone_from(&matter.facts.handler_id_masked);
            unit.updated = now.max(unit.updated);
            tx.put_unit(&unit).await?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Another officer sends the change back, with a reason.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn return_handler(
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
            if matter.kind != Kind::Handler || matter.state != State::Requested {
                return Err(Forbidden::State { state: matter.state.word(), act: "returned" }.into());
            }
            if officer.id == matter.entry.id {
                return Err(Forbidden::SameOfficer.into());
            }
            matter.free_for(officer, now)?;
            let (matter, step) = matter.return_to_draft(Some(officer.into()), reason.to_owned(), now)?;
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

fn place(number: &MatterNumber) -> String {
    format!("handler_id of {number}")
}
