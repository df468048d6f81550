//! A case: one application on its way. Its state is an enum whose transitions consume it, so that a step
//! from a wrong state does not happen and a state without its facts cannot be written down.

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{BeijingDay, IssuerId, OfficeId, Officer, OfficerId, OrderId, Role, Serial, Timestamp};

use super::form::Form;
use super::process::Process;
use super::waiting::{Claim, LAPSE_SECONDS};

/// `RA-20261123-0007`: what the counter and the unit call a case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber(String);

impl CaseNumber {
    /// The n-th case of a Beijing day.
    #[must_use]
    pub fn new(day: BeijingDay, n: i64) -> Self {
        Self(format!("RA-{}-{n:04}", day.to_string().replace('-', "")))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaseNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let digits = |part: Option<&str>, most: usize| {
            part.is_some_and(|p| (4..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
        };
        let good =
            parts.next() == Some("RA") && digits(parts.next(), 8) && digits(parts.next(), 9) && parts.next().is_none();
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An officer as records name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// For ever.
    pub id: OfficerId,
    /// Their name at that moment.
    pub name: String,
}

impl Who {
    /// The id under which the unit itself stands where records name an officer; no officer has it.
    pub const UNIT: &'static str = "unit";

    /// The unit, on its own site.
    ///
    /// # Panics
    /// Never: [`Self::UNIT`] is an id.
    #[must_use]
    pub fn unit(name: &str) -> Self {
        Self { id: OfficerId::new(Self::UNIT).expect("a short name"), name: name.to_owned() }
    }

    /// Whether it is the unit itself.
    #[must_use]
    pub fn is_unit(&self) -> bool {
        self.id.as_str() == Self::UNIT
    }
}

impl From<&Officer> for Who {
    fn from(officer: &Officer) -> Self {
        Self { id: officer.id.clone(), name: officer.name.clone() }
    }
}

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Being typed.
    Draft,
    /// Signed by the entry officer, waits for another one.
    Submitted {
        /// The order that was signed.
        order: OrderId,
    },
    /// Back to the entry officer.
    Returned {
        /// Why.
        reason: String,
    },
    /// Ended without a certificate.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Given up by the desk or the unit, without a certificate.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// Nobody went on with it for so long that it is over, or nobody paid in time.
    Lapsed,
    /// Signed by both; its bill is to be paid.
    AwaitingPayment {
        /// The order that both signed.
        order: OrderId,
    },
    /// Signed by both, and paid if it costs something; the certificate can be made.
    Approved {
        /// The order that both signed.
        order: OrderId,
    },
    /// The authority issued; the token has not yet proved that it holds the certificate.
    Issued {
        /// By this order.
        order: OrderId,
        /// Who issued.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
    },
    /// On the token, proved by its key.
    Delivered {
        /// By this order.
        order: OrderId,
        /// Who issued.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
    },
}

impl State {
    /// Words of all states, in the order of the way.
    pub const WORDS: [&'static str; 10] = [
        "draft",
        "submitted",
        "returned",
        "rejected",
        "cancelled",
        "lapsed",
        "awaiting_payment",
        "approved",
        "issued",
        "delivered",
    ];
    /// Words of the states in which a case is not over.
    pub const OPEN: [&'static str; 6] = ["draft", "submitted", "returned", "awaiting_payment", "approved", "issued"];

    /// The word in stores, addresses and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted { .. } => "submitted",
            Self::Returned { .. } => "returned",
            Self::Rejected { .. } => "rejected",
            Self::Cancelled { .. } => "cancelled",
            Self::Lapsed => "lapsed",
            Self::AwaitingPayment { .. } => "awaiting_payment",
            Self::Approved { .. } => "approved",
            Self::Issued { .. } => "issued",
            Self::Delivered { .. } => "delivered",
        }
    }

    /// The order, if one is under way or was carried out.
    #[must_use]
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Submitted { order }
            | Self::AwaitingPayment { order }
            | Self::Approved { order }
            | Self::Issued { order, .. }
            | Self::Delivered { order, .. } => Some(*order),
            Self::Draft | Self::Returned { .. } | Self::Rejected { .. } | Self::Cancelled { .. } | Self::Lapsed => None,
        }
    }
}

/// An application.
#[derive(Clone)]
pub struct Case {
    /// Its number.
    pub number: CaseNumber,
    /// The office that took it in.
    pub office: OfficeId,
    /// What it is about.
    pub process: Process,
    /// What was typed.
    pub form: Form,
    /// `110105********002X`, empty while nothing valid was typed.
    pub handler_id_masked: String,
    /// Who took it in, or changed it last.
    pub entry: Who,
    /// Who decided on it last.
    pub reviewer: Option<Who>,
    /// Where it stands.
    pub state: State,
    /// Who has taken its next step in hand.
    pub claim: Option<Claim>,
    /// When it was begun.
    pub created: Timestamp,
    /// When it last moved.
    pub updated: Timestamp,
    /// Counts the writes: who writes must have read the one before.
    pub version: i64,
}

/// A line of history, written in the transaction of the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was done; a word of the message keys `step-…`.
    pub act: &'static str,
    /// State before.
    pub from: &'static str,
    /// State after.
    pub to: &'static str,
    /// By whom; `None` is the system or the token's own key.
    pub by: Option<Who>,
    /// Why, where someone had to say so.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Why a step does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Not from this state.
    #[error("a {state} case cannot be {act}")]
    State {
        /// Where it stands.
        state: &'static str,
        /// What was tried.
        act: &'static str,
    },
    /// Who takes in may not decide.
    #[error("the officer who took the case in may not decide on it")]
    SameOfficer,
    /// Officers act for their own office only.
    #[error("the case belongs to another office")]
    OtherOffice,
    /// Another officer has it in hand.
    #[error("another officer has claimed the case")]
    Claimed,
    /// It is another role's duty.
    #[error("this is the duty of a {0}")]
    OtherDuty(Role),
}

/// A case that moved, and the line of history that says so.
pub type Moved = Result<(Case, Step), Forbidden>;

impl Case {
    /// A new draft.
    #[must_use]
    pub fn begin(
        number: CaseNumber,
        process: Process,
        officer: &Officer,
        form: Form,
        masked: String,
        now: Timestamp,
    ) -> (Self, Step) {
        let entry = Who::from(officer);
        let step = Step { act: "begin", from: "none", to: "draft", by: Some(entry.clone()), reason: None, at: now };
        let case = Self {
            number,
            office: officer.office.clone(),
            process,
            form,
            handler_id_masked: masked,
            entry,
            reviewer: None,
            state: State::Draft,
            claim: None,
            created: now,
            updated: now,
            version: 0,
        };
        (case, step)
    }

    /// Other particulars, while it is a draft or was returned. Its state does not change.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn revise(mut self, officer: &Officer, form: Form, masked: String, now: Timestamp) -> Moved {
        self.typed_by(officer, "revised")?;
        self.free_for(officer, now)?;
        self.form = form;
        self.handler_id_masked = masked;
        self.entry = Who::from(officer);
        let state = self.state.clone();
        Ok(self.moved("revise", state, Some(officer), None, now))
    }

    /// The entry officer signed its order.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn submit(mut self, officer: &Officer, order: OrderId, now: Timestamp) -> Moved {
        self.typed_by(officer, "submitted")?;
        self.free_for(officer, now)?;
        self.entry = Who::from(officer);
        Ok(self.moved("submit", State::Submitted { order }, Some(officer), None, now))
    }

    /// Another officer signed the same order; `to_pay` says whether it costs something.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn approve(self, officer: &Officer, to_pay: bool, now: Timestamp) -> Moved {
        self.decided_by(officer, "approved", now, |order| {
            ("approve", if to_pay { State::AwaitingPayment { order } } else { State::Approved { order } }, None)
        })
    }

    /// Its bill was paid: the certificate can be made.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn pay(self, officer: &Officer, receipt: String, now: Timestamp) -> Moved {
        self.mine(officer)?;
        let State::AwaitingPayment { order } = self.state else { return Err(self.forbidden("paid")) };
        self.free_for(officer, now)?;
        Ok(self.moved("pay", State::Approved { order }, Some(officer), Some(receipt), now))
    }

    /// Its payment was undone: it waits for another one.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn unpay(self, officer: &Officer, reason: String, now: Timestamp) -> Moved {
        self.mine(officer)?;
        let State::Approved { order } = self.state else { return Err(self.forbidden("unpaid")) };
        Ok(self.moved("unpay", State::AwaitingPayment { order }, Some(officer), Some(reason), now))
    }

    /// All that was paid goes back, before anything was made: it ends.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn paid_back(self, officer: &Officer, reason: String, now: Timestamp) -> Moved {
        self.mine(officer)?;
        match self.state {
            State::Submitted { .. }
            | State::Returned { .. }
            | State::AwaitingPayment { .. }
            | State::Approved { .. } => {
                let to = State::Cancelled { reason: reason.clone() };
                Ok(self.moved("pay-back", to, Some(officer), Some(reason), now))
            }
            _ => Err(self.forbidden("paid back")),
        }
    }

    /// Another officer wants it put right.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn send_back(self, officer: &Officer, reason: String, now: Timestamp) -> Moved {
        self.decided_by(officer, "returned", now, |_| {
            ("return", State::Returned { reason: reason.clone() }, Some(reason))
        })
    }

    /// Another officer ends it.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn reject(self, officer: &Officer, reason: String, now: Timestamp) -> Moved {
        self.decided_by(officer, "rejected", now, |_| {
            ("reject", State::Rejected { reason: reason.clone() }, Some(reason))
        })
    }

    /// The desk gives it up, while nothing is made for it yet: what two officers signed for it is not carried out.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn cancel(self, officer: &Officer, reason: String, now: Timestamp) -> Moved {
        self.cancellable_by(officer)?;
        self.free_for(officer, now)?;
        Ok(self.moved("cancel", State::Cancelled { reason: reason.clone() }, Some(officer), Some(reason), now))
    }

    /// Nobody went on with it for [`LAPSE_SECONDS`], or paid its bill in time, which the bill knows. What two officers signed
    /// for it is by then too old for the authority.
    ///
    /// # Errors
    /// [`Forbidden`], also while it moved not so long ago.
    pub fn lapse(self, now: Timestamp) -> Moved {
        let idle = now.since(self.updated) >= LAPSE_SECONDS;
        match self.state {
            State::AwaitingPayment { .. } => Ok(self.moved("lapse", State::Lapsed, None, None, now)),
            State::Draft | State::Submitted { .. } | State::Returned { .. } | State::Approved { .. } if idle => {
                Ok(self.moved("lapse", State::Lapsed, None, None, now))
            }
            _ => Err(self.forbidden("lapsed")),
        }
    }

    /// A paper of it came back signed. Its state does not change.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn annex(self, officer: &Officer, now: Timestamp) -> Moved {
        self.annexable_by(officer)?;
        if self.is_open_for_typing() {
            self.free_for(officer, now)?;
        }
        let state = self.state.clone();
        Ok(self.moved("annex", state, Some(officer), None, now))
    }

    /// Whether this officer may add a signed paper to it.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn annexable_by(&self, officer: &Officer) -> Result<(), Forbidden> {
        self.mine(officer)?;
        if matches!(self.state, State::Rejected { .. } | State::Cancelled { .. } | State::Lapsed) {
            return Err(self.forbidden("annexed"));
        }
        if officer.has_any(&[Role::RaEntry, Role::TokenOperator]) {
            Ok(())
        } else {
            Err(Forbidden::OtherDuty(Role::RaEntry))
        }
    }

    /// The authority issued. Issued again with the same certificate (the operator tried twice) is no step.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn issue(self, issuer: IssuerId, serial: Serial, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::Approved { order } => {
                Ok(self.moved("issue", State::Issued { order, issuer, serial }, None, None, now))
            }
            _ => Err(self.forbidden("issued")),
        }
    }

    /// The new key proved that the certificate is on its token.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn deliver(self, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::Issued { order, issuer, serial } => {
                Ok(self.moved("deliver", State::Delivered { order, issuer, serial }, None, None, now))
            }
            _ => Err(self.forbidden("delivered")),
        }
    }

    /// The certificate never reached its token and was revoked: the case goes back, for its order is used up.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn abandon(self, why: String, now: Timestamp) -> Moved {
        match self.state {
            State::Issued { .. } => {
                Ok(self.moved("abandon", State::Returned { reason: why.clone() }, None, Some(why), now))
            }
            _ => Err(self.forbidden("abandoned")),
        }
    }

    /// Whether this officer may look at it.
    ///
    /// # Errors
    /// [`Forbidden::OtherOffice`].
    pub fn readable_by(&self, officer: &Officer) -> Result<(), Forbidden> {
        may_read(officer, &self.office)
    }

    /// Whether its particulars may be changed.
    #[must_use]
    pub const fn is_open_for_typing(&self) -> bool {
        matches!(self.state, State::Draft | State::Returned { .. })
    }

    /// Whether this officer may decide on it.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn decidable_by(&self, officer: &Officer) -> Result<(), Forbidden> {
        self.mine(officer)?;
        if !matches!(self.state, State::Submitted { .. }) {
            return Err(self.forbidden("decided"));
        }
        if officer.id == self.entry.id {
            return Err(Forbidden::SameOfficer);
        }
        on_duty(officer, self.process.decided_by())
    }

    /// Whether this officer may give it up.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn cancellable_by(&self, officer: &Officer) -> Result<(), Forbidden> {
        self.mine(officer)?;
        match self.state {
            State::Draft
            | State::Submitted { .. }
            | State::Returned { .. }
            | State::AwaitingPayment { .. }
            | State::Approved { .. } => on_duty(officer, self.process.taken_in_by()),
            _ => Err(self.forbidden("cancelled")),
        }
    }

    /// Whether this officer may change or submit it.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn typeable_by(&self, officer: &Officer) -> Result<(), Forbidden> {
        self.typed_by(officer, "revised")
    }

    fn typed_by(&self, officer: &Officer, act: &'static str) -> Result<(), Forbidden> {
        self.mine(officer)?;
        if !self.is_open_for_typing() {
            return Err(self.forbidden(act));
        }
        on_duty(officer, self.process.taken_in_by())
    }

    fn decided_by(
        mut self,
        officer: &Officer,
        act: &'static str,
        now: Timestamp,
        to: impl FnOnce(OrderId) -> (&'static str, State, Option<String>),
    ) -> Moved {
        self.mine(officer)?;
        let State::Submitted { order } = self.state else { return Err(self.forbidden(act)) };
        self.decidable_by(officer)?;
        self.free_for(officer, now)?;
        self.reviewer = Some(Who::from(officer));
        let (word, state, reason) = to(order);
        Ok(self.moved(word, state, Some(officer), reason, now))
    }

    pub(super) fn mine(&self, officer: &Officer) -> Result<(), Forbidden> {
        if officer.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice) }
    }

    pub(super) const fn forbidden(&self, act: &'static str) -> Forbidden {
        Forbidden::State { state: self.state.word(), act }
    }

    fn moved(
        mut self,
        act: &'static str,
        to: State,
        by: Option<&Officer>,
        reason: Option<String>,
        now: Timestamp,
    ) -> (Self, Step) {
        let step = Step { act, from: self.state.word(), to: to.word(), by: by.map(Who::from), reason, at: now };
        // What was claimed is done, unless it stands where it stood.
        if step.from != step.to {
            self.claim = None;
        }
        self.state = to;
        self.updated = now;
        (self, step)
    }
}

/// Whether an officer may look at what belongs to an office: offices keep to their own papers, auditors read all.
///
/// # Errors
/// [`Forbidden::OtherOffice`].
pub fn may_read(officer: &Officer, office: &OfficeId) -> Result<(), Forbidden> {
    if officer.office == *office || officer.has_any(&[Role::Auditor]) { Ok(()) } else { Err(Forbidden::OtherOffice) }
}

fn on_duty(officer: &Officer, role: Role) -> Result<(), Forbidden> {
    if officer.has_any(&[role]) { Ok(()) } else { Err(Forbidden::OtherDuty(role)) }
}

mod by_unit;
#[cfg(test)]
mod tests;
