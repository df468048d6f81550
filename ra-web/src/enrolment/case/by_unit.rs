//! What a unit does by itself on its own site: a renewal of which nothing changed, from its form to its certificate. The
//! same case, and the same states, as the office's; the office may take it over while it is a draft or was sent back.

use ca_core::domain::{OfficeId, OrderId, Timestamp};

use super::{Case, CaseNumber, Forbidden, Moved, State, Step, Who};
use crate::enrolment::form::Form;
use crate::enrolment::process::Process;

impl Case {
    /// A new draft of the unit's, at the office that keeps its certificate.
    #[must_use]
    pub fn begin_by_unit(
        number: CaseNumber,
        process: Process,
        office: OfficeId,
        form: Form,
        masked: String,
        now: Timestamp,
    ) -> (Self, Step) {
        let entry = Who::unit(&form.unit_name);
        let step = Step { act: "begin", from: "none", to: "draft", by: Some(entry.clone()), reason: None, at: now };
        let case = Self {
            number,
            office,
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

    /// Whether the unit itself goes on with it.
    #[must_use]
    pub fn is_the_units(&self) -> bool {
        self.entry.is_unit()
    }

    /// Other particulars, before the unit signs.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn revise_by_unit(mut self, form: Form, now: Timestamp) -> Moved {
        self.open_for_unit("revised")?;
        self.form = form;
        let state = self.state.clone();
        Ok(self.moved_by_unit("revise", state, None, now))
    }

    /// The unit signed its order; `to_pay` says whether something is left to be paid.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn sign_by_unit(self, order: OrderId, to_pay: bool, now: Timestamp) -> Moved {
        self.open_for_unit("signed")?;
        let to = if to_pay { State::AwaitingPayment { order } } else { State::Approved { order } };
        Ok(self.moved_by_unit("unit_sign", to, None, now))
    }

    /// Its bill was paid on the provider's page.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn pay_online(self, receipt: String, now: Timestamp) -> Moved {
        let State::AwaitingPayment { order } = self.state else { return Err(self.forbidden("paid")) };
        Ok(self.moved_by_unit("pay", State::Approved { order }, Some(receipt), now))
    }

    /// Its bill was paid after it was over: it stands open again, to be signed anew or paid back.
    ///
    /// # Errors
    /// [`Forbidden`] unless it lapsed or was given up.
    pub fn pay_late(self, receipt: String, now: Timestamp) -> Moved {
        if !matches!(self.state, State::Lapsed | State::Cancelled { .. }) {
            return Err(self.forbidden("paid late"));
        }
        let to = State::Returned { reason: receipt.clone() };
        Ok(self.moved_by_unit("pay_late", to, Some(receipt), now))
    }

    /// The unit gives it up before it pays.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn cancel_by_unit(self, reason: String, now: Timestamp) -> Moved {
        self.cancellable_by_unit()?;
        Ok(self.moved_by_unit("cancel", State::Cancelled { reason: reason.clone() }, Some(reason), now))
    }

    /// Whether the unit may give it up.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn cancellable_by_unit(&self) -> Result<(), Forbidden> {
        let before = matches!(self.state, State::Draft | State::AwaitingPayment { .. });
        if before && self.is_the_units() { Ok(()) } else { Err(self.forbidden("cancelled")) }
    }

    fn open_for_unit(&self, act: &'static str) -> Result<(), Forbidden> {
        if self.is_open_for_typing() && self.is_the_units() { Ok(()) } else { Err(self.forbidden(act)) }
    }

    fn moved_by_unit(self, act: &'static str, to: State, reason: Option<String>, now: Timestamp) -> (Self, Step) {
        let by = Who::unit(&self.form.unit_name);
        let (case, step) = self.moved(act, to, None, reason, now);
        (case, Step { by: Some(by), ..step })
    }
}
