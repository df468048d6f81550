//! A matter in somebody's hands: one clerk at a time, until the step is done, the shift is over, or a supervisor takes it.

use ca_core::domain::{Officer, Role, Timestamp};

use super::matter::Moved;
use super::{Matter, State};
use crate::enrolment::case::{Forbidden, Step};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::waiting::{CLAIM_SECONDS, Claim};
use crate::matters::MatterNumber;

impl Matter {
    /// The claim that holds at this moment.
    #[must_use]
    pub fn claimed(&self, now: Timestamp) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| now.since(claim.at) < CLAIM_SECONDS)
    }

    /// Whether nobody else has it in hand.
    ///
    /// # Errors
    /// [`Forbidden::Claimed`].
    pub fn free_for(&self, officer: &Officer, now: Timestamp) -> Result<(), Forbidden> {
        match self.claimed(now) {
            Some(claim) if claim.by.id != officer.id => Err(Forbidden::Claimed),
            _ => Ok(()),
        }
    }

    /// Whether this officer may take the next step in hand; a supervisor may take it from a colleague.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn takeable_by(&self, officer: &Officer, now: Timestamp) -> Result<(), Forbidden> {
        self.mine(officer)?;
        let Some(role) = self.awaits() else {
            return Err(Forbidden::State { state: self.state.word(), act: "claimed" });
        };
        let supervisor = officer.has_any(&[Role::RaSupervisor]);
        if !(officer.has_any(&[role]) || supervisor && role == Role::RaEntry) {
            return Err(Forbidden::OtherDuty(role));
        }
        if self.state == State::Requested && officer.id == self.entry.id {
            return Err(Forbidden::SameOfficer);
        }
        if supervisor { Ok(()) } else { self.free_for(officer, now) }
    }

    /// Takes the next step in hand.
    pub(super) fn take_in_hand(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.takeable_by(officer, now)?;
        self.claim = Some(Claim { by: officer.into(), at: now });
        Ok(self.noted("matter_claim", officer, now))
    }

    /// Lets go of it: whoever claimed it, or a supervisor at the change of shift.
    pub(super) fn hand_back(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        let Some(claim) = self.claim.take() else {
            return Err(Forbidden::State { state: self.state.word(), act: "handed back" });
        };
        if claim.by.id != officer.id && !officer.has_any(&[Role::RaSupervisor]) {
            return Err(Forbidden::OtherDuty(Role::RaSupervisor));
        }
        Ok(self.noted("matter_hand_back", officer, now))
    }

    /// A line of history without a step.
    fn noted(self, act: &'static str, officer: &Officer, now: Timestamp) -> (Self, Step) {
        let word = self.state.word();
        (self, Step { act, from: word, to: word, by: Some(officer.into()), reason: None, at: now })
    }
}

impl Desk {
    /// An officer takes the next step of a matter in hand, or hands it back.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn claim_matter(&self, officer: &Officer, number: &MatterNumber, take: bool) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            let (matter, step) =
                if take { matter.take_in_hand(officer, now)? } else { matter.hand_back(officer, now)? };
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
