//! What a case waits for: whose duty the next step is, until when, and who has claimed it.

use ca_core::domain::{Ground, Officer, Role, Timestamp};

use super::case::{Case, Forbidden, Moved, State, Step, Who};

const DAY: i64 = 86_400;
/// A review is done by the next day.
pub const REVIEW_SECONDS: i64 = DAY;
/// A bill is looked after for the last time when its usual time is over (`domain.md` §3.5); the bill itself says when.
pub const PAY_SECONDS: i64 = 15 * DAY;
/// An approved certificate is made within three days.
pub const MAKE_SECONDS: i64 = 3 * DAY;
/// A certificate that no token has confirmed is looked after by the next day: it is made again, or given up.
pub const CONFIRM_SECONDS: i64 = DAY;
/// What nobody goes on with for so long is over (`domain.md` §3.1).
pub const LAPSE_SECONDS: i64 = 30 * DAY;
/// A claim ends with the shift: whoever went home holds nobody up.
pub const CLAIM_SECONDS: i64 = 10 * 3600;

/// An officer has taken a case in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// Whose duty the next step of a case is, by the words of its process and state; `None` when it is over.
#[must_use]
pub fn duty(process: &str, state: &str) -> Option<Role> {
    let exchange = process == Ground::Exchange.word();
    match state {
        "draft" | "returned" => Some(if exchange { Role::TokenOperator } else { Role::RaEntry }),
        "submitted" => Some(if exchange { Role::RaSupervisor } else { Role::RaReviewer }),
        "awaiting_payment" => Some(Role::RaEntry),
        "approved" | "issued" => Some(Role::TokenOperator),
        _ => None,
    }
}

impl State {
    /// Until when the next step of a case that moved at `moved` is to be done; `None` when it is over.
    #[must_use]
    pub fn due(&self, moved: Timestamp) -> Option<Timestamp> {
        let seconds = match self {
            Self::Draft | Self::Returned { .. } => LAPSE_SECONDS,
            Self::Submitted { .. } => REVIEW_SECONDS,
            Self::AwaitingPayment { .. } => PAY_SECONDS,
            Self::Approved { .. } => MAKE_SECONDS,
            Self::Issued { .. } => CONFIRM_SECONDS,
            Self::Rejected { .. } | Self::Cancelled { .. } | Self::Lapsed | Self::Delivered { .. } => return None,
        };
        Some(moved.plus(seconds))
    }
}

impl Case {
    /// Until when the next step is to be done; `None` when the case is over.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.state.due(self.updated)
    }

    /// Whose duty the next step is; `None` when the case is over.
    #[must_use]
    pub fn awaits(&self) -> Option<Role> {
        duty(self.process.word(), self.state.word())
    }

    /// The claim that holds at this moment.
    #[must_use]
    pub fn claimed(&self, now: Timestamp) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| now.since(claim.at) < CLAIM_SECONDS)
    }

    /// Takes the next step in hand. It ends with the step, with the shift, or when it is released.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn take_in_hand(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        let Some(role) = self.awaits() else { return Err(self.forbidden("claimed")) };
        if !officer.has_any(&[role]) {
            return Err(Forbidden::OtherDuty(role));
        }
        if matches!(self.state, State::Submitted { .. }) && officer.id == self.entry.id {
            return Err(Forbidden::SameOfficer);
        }
        self.free_for(officer, now)?;
        self.claim = Some(Claim { by: Who::from(officer), at: now });
        Ok(self.noted("claim", officer, now))
    }

    /// Lets go of it: whoever claimed it, or a supervisor at the change of shift.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn hand_back(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        let Some(claim) = self.claim.take() else { return Err(self.forbidden("handed back")) };
        if claim.by.id != officer.id && !officer.has_any(&[Role::RaSupervisor]) {
            return Err(Forbidden::OtherDuty(Role::RaSupervisor));
        }
        Ok(self.noted("hand_back", officer, now))
    }

    /// Whether nobody else has it in hand.
    pub(super) fn free_for(&self, officer: &Officer, now: Timestamp) -> Result<(), Forbidden> {
        match self.claimed(now) {
            Some(claim) if claim.by.id != officer.id => Err(Forbidden::Claimed),
            _ => Ok(()),
        }
    }

    /// A line of history without a step.
    fn noted(self, act: &'static str, officer: &Officer, now: Timestamp) -> (Self, Step) {
        let word = self.state.word();
        (self, Step { act, from: word, to: word, by: Some(Who::from(officer)), reason: None, at: now })
    }
}

#[cfg(test)]
mod tests;
