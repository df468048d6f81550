//! What happens to a token when something happens to its certificate: bound, delivered, lost, replaced.

use ca_core::cms;
use ca_core::domain::{Act, Ground, IssuerId, KeyBinding, Serial, Timestamp, decode};

use super::token::MODEL_UNKNOWN;
use super::{Holder, State, Token, TokenNumber, TokenRefusal};
use crate::enrolment::case::{Case, CaseNumber, Step, Who};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::store::{OrderSubject, Tx};
use crate::tokens::store::TokenFilter;

impl Desk {
    /// Notes on which token the certificate of a case is being made, by the token operator's signed binding; refuses a
    /// token that the office does not have. A binding that cannot be read is left to the authority to refuse.
    ///
    /// # Errors
    /// [`OfficeError::Token`] or storage.
    pub(crate) async fn bind_token(&self, number: &CaseNumber, binding: &[u8]) -> Result<(), OfficeError> {
        let Ok(signed) = cms::verify(binding) else { return Ok(()) };
        let Ok(binding) = decode::<KeyBinding>(&signed.content) else { return Ok(()) };
        let serial: TokenNumber = binding.token.parse().map_err(|()| TokenRefusal::Unknown)?;
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let token = match tx.token(&serial).await? {
                Some(token) => token,
                None if self.rules.stock_only => return Err(TokenRefusal::Unknown.into()),
                None => self.take_in(&mut tx, &case, &serial, now).await?,
            };
            token.takes(number, &case.office, &case.form.uscc)?;
            let mut told = bound_to(&mut tx, number).await?.as_ref() == Some(&serial);
            for other in tx.tokens(&TokenFilter::Case(number.clone()), 20).await? {
                if other.serial != serial {
                    self.move_token(&mut tx, other.unbind(now)?).await?;
                    told = false;
                }
            }
            if let Some(moved) = token.bind(number, &case.office, &case.form.uscc, now)? {
                self.move_token(&mut tx, moved).await?;
                told = false;
            }
            if told {
                return Ok(());
            }
            let word = case.state.word();
            let reason = Some(serial.to_string());
            let step = Step { act: "token_bind", from: word, to: word, by: None, reason, at: now };
            tx.add_step(&OrderSubject::Case(number.clone()), &step).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// A token that comes to the counter without having been in stock.
    async fn take_in(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &Case,
        serial: &TokenNumber,
        now: Timestamp,
    ) -> Result<Token, OfficeError> {
        let (office, model) = (case.office.clone(), MODEL_UNKNOWN.to_owned());
        let (token, step) = Token::receive(serial.clone(), office, model, now.beijing_day(), None, now);
        tx.add_token(&token).await?;
        self.note_token(tx, serial, &step).await?;
        tx.token(serial).await?.ok_or(OfficeError::NotFound)
    }

    /// The certificate of a case is on its token: the token is with its unit, and the one that it replaces is not.
    pub(crate) async fn token_delivered(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &Case,
        issuer: &IssuerId,
        serial: &Serial,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let Some(number) = bound_to(tx, &case.number).await? else { return Ok(()) };
        let Some(token) = tx.token(&number).await? else { return Ok(()) };
        let old = match case.process.old() {
            Some(old) => tx.token_with(&old.issuer, &old.serial).await?,
            None => None,
        };
        let old = old.filter(|old| old.serial != number);
        let exchanged = case.process.ground() == Some(Ground::Exchange);
        let warranty = old.as_ref().filter(|_| exchanged).map(|old| old.warranty_until);
        if let Some(old) = old {
            let moved = old.replace(&number, now);
            if let Ok(moved) = moved {
                self.move_token(tx, moved).await?;
            }
        }
        let holder = Holder {
            issuer: issuer.clone(),
            serial: serial.clone(),
            uscc: case.form.uscc.clone(),
            unit_name: case.form.unit_name.clone(),
        };
        match token.deliver(holder, warranty, now) {
            Ok(moved) => self.move_token(tx, moved).await,
            Err(refusal) => {
                // The certificate is delivered all the same: its own key said so.
                tracing::warn!(token = %number, %refusal, "a token was delivered from a strange state");
                Ok(())
            }
        }
    }

    /// What was begun on the token of a case was given up.
    pub(crate) async fn token_given_up(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &CaseNumber,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        for token in tx.tokens(&TokenFilter::Case(case.clone()), 20).await? {
            self.move_token(tx, token.unbind(now)?).await?;
        }
        Ok(())
    }

    /// The authority carried out an order on a certificate: its token follows.
    pub(crate) async fn token_follows(
        &self,
        tx: &mut Box<dyn Tx>,
        act: &Act,
        by: &Who,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let Some((issuer, serial)) = act.certificate() else { return Ok(()) };
        let Some(token) = tx.token_with(issuer, serial).await? else { return Ok(()) };
        let by = Some(by.clone());
        let moved = match act {
            Act::Hold { .. } => token.report_lost(by, now),
            Act::Release { .. } => token.find(by, now),
            Act::Revoke { reason, .. } => token.retire(by, reason.word().to_owned(), now),
            Act::Issue { .. } | Act::Amend { .. } => return Ok(()),
        };
        match moved {
            Ok(moved) => self.move_token(tx, moved).await,
            // It went out of use before.
            Err(_) => Ok(()),
        }
    }

    /// An exchange was accepted or given up: the old token is faulty, or stays with its unit.
    pub(crate) async fn token_inspected(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &Case,
        accepted: bool,
        by: &Who,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        let (Some(Ground::Exchange), Some(old)) = (case.process.ground(), case.process.old()) else { return Ok(()) };
        let Some(token) = tx.token_with(&old.issuer, &old.serial).await? else { return Ok(()) };
        let by = Some(by.clone());
        let moved = if accepted { token.find_faulty(by, case.number.to_string(), now) } else { token.keep(by, now) };
        match moved {
            Ok(moved) => self.move_token(tx, moved).await,
            Err(_) => Ok(()),
        }
    }

    /// Writes a moved token with its line of history and its audit entry.
    pub(crate) async fn move_token(
        &self,
        tx: &mut Box<dyn Tx>,
        (token, step): (Token, Step),
    ) -> Result<(), OfficeError> {
        tx.put_token(&token).await?;
        self.note_token(tx, &token.serial, &step).await
    }

    pub(super) async fn note_token(
        &self,
        tx: &mut Box<dyn Tx>,
        serial: &TokenNumber,
        step: &Step,
    ) -> Result<(), OfficeError> {
        let subject = OrderSubject::Token(serial.clone());
        tx.add_step(&subject, step).await?;
        Ok(tx.audit(&self.event(&subject, step)).await?)
    }
}

/// On which token the certificate of a case was last begun.
async fn bound_to(tx: &mut Box<dyn Tx>, case: &CaseNumber) -> Result<Option<TokenNumber>, OfficeError> {
    let steps = tx.steps(&OrderSubject::Case(case.clone())).await?;
    let bound = steps.into_iter().find(|step| step.act == "token_bind");
    Ok(bound.and_then(|step| step.reason).and_then(|serial| serial.parse().ok()))
}

/// Whether the PIN of a token can be unblocked: it is with its unit.
#[must_use]
pub const fn may_be_unlocked(state: &State) -> bool {
    matches!(state, State::InUse(_) | State::Locked(_))
}
