//! A payment that the bank did not make, or that came back: who is owed the money is asked for another account, and the bank is told
//! anew.
//!
//! The withdrawal itself stands, signed and booked. An order to the bank is closed by the bank's refusal, or by a clerk's word
//! that a statement shows its return, and only the place of a closed one can be taken, each once: so there is never a second order
//! while the first could still be paid. A clerk gives the account, another one confirms it, reading its last digits from the
//! person's paper; with that the account is the person's, and the order is written in the same transaction. Never pays anybody
//! else than the person who withdrew.

use std::collections::BTreeMap;

use ca_core::domain::Timestamp;
use ca_core::sql::DatabaseError;

use super::bank::{Bank, BankAnswer};
use super::counter::{CounterError, card_place, payment_order};
use super::payments::{PaymentAgain, PaymentRefusal};
use super::{Card, Stage, WithdrawalOrder, masked_card};
use crate::audit::Event;
use crate::fund::clerks::{ClerkFault, another, named};
use crate::fund::hall::{Hall, HallError};
use crate::fund::store::FundTx;
use crate::retry::settled_by;

/// A withdrawal is ordered from the bank at most so often; after that it is settled by hand.
pub const MOST_ORDERS: usize = 9;
/// So many of the refused ones are listed.
const MOST_LISTED: i64 = 200;
/// What is said of a refusal has at most so many letters.
const MOST_SAID: usize = 100;

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// The clerk does not.
    #[error(transparent)]
    Clerk(#[from] ClerkFault),
    /// It is no order that the bank has and has not answered.
    #[error("no order of this number waits for the bank")]
    NotWaiting,
    /// The bank did not refuse it, or another took its place.
    #[error("no refused order of this number waits to be ordered again")]
    NotRefused,
    /// It was ordered too often.
    #[error("it was ordered {MOST_ORDERS} times: settle it by hand")]
    TooOften,
    /// No account of a bank's.
    #[error("{0}")]
    Account(&'static str),
    /// What is said is empty or too long.
    #[error("what the bank said has 1 to {MOST_SAID} letters")]
    Said,
    /// The last digits are others.
    #[error("the account that was given ends otherwise")]
    Digits,
    /// Everything else.
    #[error(transparent)]
    Counter(#[from] CounterError),
}

impl From<DatabaseError> for AgainError {
    fn from(error: DatabaseError) -> Self {
        Self::Counter(error.into())
    }
}

impl From<HallError> for AgainError {
    fn from(error: HallError) -> Self {
        Self::Counter(error.into())
    }
}

impl AgainError {
    fn lost_race(&self) -> bool {
        matches!(self, Self::Counter(error) if error.lost_race())
    }
}

/// What the bank's word came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It paid, and that is noted.
    Paid,
    /// It did not pay: the order is closed.
    Refused,
    /// Nothing waited for it.
    Nothing,
    /// It says that it paid an order that it had refused: somebody must look, and stop the one in its place.
    PaidAfterRefusal,
}

/// An account at a bank, as a clerk typed it. No Debug.
pub struct TypedCard<'a> {
    /// The bank.
    pub bank: &'a str,
    /// Its number in the payment system.
    pub bank_code: &'a str,
    /// The account.
    pub card: &'a str,
}

impl TypedCard<'_> {
    fn checked(&self) -> Result<(), AgainError> {
        let digits = |text: &str, least: usize, most: usize| {
            (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let bank = self.bank.trim();
        if bank.is_empty() || bank.chars().count() > 60 || bank.chars().any(char::is_control) {
            return Err(AgainError::Account("the bank's name has 1 to 60 letters"));
        }
        if !digits(self.bank_code, 12, 12) {
            return Err(AgainError::Account("the bank's number has 12 digits"));
        }
        if !digits(self.card, 12, 19) {
            return Err(AgainError::Account("the account has 12 to 19 digits"));
        }
        Ok(())
    }
}

/// The withdrawal of an end-to-end id.
fn withdrawal_of(payment: &str) -> &str {
    payment.split('-').next().unwrap_or_default()
}

/// The end-to-end id after this one; `None` when it was ordered too often.
fn next_id(payment: &str) -> Option<String> {
    let n = match payment.split_once('-') {
        None => 1,
        Some((_, n)) => n.parse::<usize>().ok()?,
    };
    (n < MOST_ORDERS).then(|| format!("{}-{}", withdrawal_of(payment), n + 1))
}

/// An order to withdraw, when this payment of it is one that the bank has been told.
async fn told(tx: &mut dyn FundTx, payment: &str) -> Result<Option<WithdrawalOrder>, DatabaseError> {
    if !tx.is_told(payment).await? {
        return Ok(None);
    }
    tx.any_withdrawal(withdrawal_of(payment)).await
}

impl Hall {
    /// Takes in what the bank says of a payment. Said twice it is noted once.
    ///
    /// # Errors
    /// [`AgainError`].
    pub async fn bank_says(&self, answer: &BankAnswer, now: Timestamp) -> Result<Heard, AgainError> {
        settled_by(AgainError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let Some(order) = told(tx.as_mut(), &answer.serial).await? else { return Ok(Heard::Nothing) };
            let closed = tx.refusal(&answer.serial).await?.is_some();
            let heard = match (answer.is_paid(), closed, order.stage) {
                (true, true, _) => Heard::PaidAfterRefusal,
                (true, false, Stage::Ordered) if tx.payment_made(&order.serial).await? => Heard::Paid,
                (false, false, Stage::Ordered) if answer.is_refused() => {
                    let said: String = answer.status.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect();
                    tx.refuse(&closing(&answer.serial, &order, &said, "bank", now)).await?;
                    Heard::Refused
                }
                _ => return Ok(Heard::Nothing),
            };
            let kind = match heard {
                Heard::Paid => "withdrawal.paid",
                Heard::Refused => "withdrawal.refused",
                _ => "withdrawal.paid_after_refusal",
            };
            tx.audit(&event(kind, &answer.serial, "system", now, &[("status", answer.status.as_str())])).await?;
            tx.commit().await?;
            Ok(heard)
        })
        .await
    }

    /// A clerk says that a payment was not made, or came back on a statement.
    ///
    /// # Errors
    /// [`AgainError`] says why it is not noted.
    pub async fn payment_refused(
        &self,
        payment: &str,
        said: &str,
        clerk: &str,
        now: Timestamp,
    ) -> Result<(), AgainError> {
        let actor = named(clerk)?;
        let said = said.trim();
        if said.is_empty() || said.chars().count() > MOST_SAID || said.chars().any(char::is_control) {
            return Err(AgainError::Said);
        }
        settled_by(AgainError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let order = told(tx.as_mut(), payment).await?.ok_or(AgainError::NotWaiting)?;
            if tx.refusal(payment).await?.is_some() {
                return Err(AgainError::NotWaiting);
            }
            match order.stage {
                Stage::Ordered => {}
                Stage::Paid => tx.payment_came_back(&order.serial).await?,
                _ => return Err(AgainError::NotWaiting),
            }
            tx.refuse(&closing(payment, &order, said, &actor, now)).await?;
            tx.audit(&event("withdrawal.refused", payment, &actor, now, &[("said", said)])).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// A clerk gives the account to which the person wants it instead of a refused order; what is to be ordered is answered by its
    /// number. Nothing is ordered by this.
    ///
    /// # Errors
    /// [`AgainError`] says why not.
    pub async fn pay_again(
        &self,
        refused: &str,
        typed: &TypedCard<'_>,
        clerk: &str,
        now: Timestamp,
    ) -> Result<PaymentAgain, AgainError> {
        let actor = named(clerk)?;
        typed.checked()?;
        let serial = next_id(refused).ok_or(AgainError::TooOften)?;
        settled_by(AgainError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let order = owed(tx.as_mut(), refused).await?;
            let place = card_place(&order.person);
            let again = PaymentAgain {
                serial: serial.clone(),
                withdrawal: order.serial.clone(),
                refused: refused.to_owned(),
                card: Card {
                    bank: typed.bank.trim().to_owned(),
                    bank_code: typed.bank_code.to_owned(),
                    masked: masked_card(typed.card),
                    sealed: self.key.seal(&place, typed.card.as_bytes(), &self.chance).map_err(HallError::from)?,
                },
                asked_by: actor.clone(),
                asked: now,
                confirmed_by: None,
            };
            tx.propose_again(&again).await?;
            let facts = [("serial", serial.as_str()), ("card", &again.card.masked), ("bank", &again.card.bank)];
            tx.audit(&event("withdrawal.again", refused, &actor, now, &facts)).await?;
            tx.commit().await?;
            Ok(again)
        })
        .await
    }

    /// Another clerk confirms the account, whose last four digits they read from the person's own paper: it is the person's from now
    /// on, and the bank is told to pay. Nobody else's money moves: the withdrawal is booked already.
    ///
    /// # Errors
    /// [`AgainError`] says why not.
    pub async fn confirm_payment(
        &self,
        bank: &Bank,
        serial: &str,
        card_ends: &str,
        clerk: &str,
        now: Timestamp,
    ) -> Result<PaymentAgain, AgainError> {
        let actor = named(clerk)?;
        settled_by(AgainError::lost_race, || async {
            let mut tx = self.store.begin().await?;
            let refused = previous(serial).ok_or(AgainError::NotRefused)?;
            let order = owed(tx.as_mut(), &refused).await?;
            let proposed = tx.in_place_of(&refused).await?.filter(|again| again.serial == serial);
            let proposed = proposed.ok_or(AgainError::NotRefused)?;
            another(&proposed.asked_by, &actor)?;
            if card_ends.len() != 4 || !proposed.card.masked.ends_with(card_ends) {
                return Err(AgainError::Digits);
            }
            let person = tx.person(&order.person).await?.ok_or(HallError::NotFound)?;
            let payment = payment_order(self, bank, serial, order.amount, (&person, &proposed.card), now)?;
            tx.confirm_again(&proposed, &actor, &payment).await?;
            tx.keep_card(&person.id, &proposed.card).await?;
            let sum = order.amount.plain();
            let facts = [
                ("refused", refused.as_str()),
                ("asked_by", &proposed.asked_by),
                ("card", &proposed.card.masked),
                ("amount", &sum),
            ];
            tx.audit(&event("withdrawal.ordered_again", serial, &actor, now, &facts)).await?;
            tx.commit().await?;
            Ok(PaymentAgain { confirmed_by: Some(actor.clone()), ..proposed })
        })
        .await
    }

    /// What the bank refused and nobody ordered again, with what is proposed.
    ///
    /// # Errors
    /// [`AgainError`].
    pub async fn refused_payments(&self) -> Result<Vec<(PaymentRefusal, Option<PaymentAgain>)>, AgainError> {
        let mut tx = self.store.begin_read().await?;
        let mut found = Vec::new();
        for refusal in tx.refused_payments(MOST_LISTED).await? {
            let again = tx.in_place_of(&refusal.payment).await?;
            found.push((refusal, again));
        }
        tx.commit().await?;
        Ok(found)
    }
}

/// The withdrawal whose refused order this is, when its money is owed and nothing was ordered in that one's place.
async fn owed(tx: &mut dyn FundTx, refused: &str) -> Result<WithdrawalOrder, AgainError> {
    if tx.refusal(refused).await?.is_none() {
        return Err(AgainError::NotRefused);
    }
    if tx.in_place_of(refused).await?.is_some_and(|again| again.confirmed_by.is_some()) {
        return Err(AgainError::NotRefused);
    }
    let order = tx.any_withdrawal(withdrawal_of(refused)).await?.ok_or(AgainError::NotRefused)?;
    if order.stage == Stage::Ordered { Ok(order) } else { Err(AgainError::NotRefused) }
}

/// The end-to-end id before this one.
fn previous(payment: &str) -> Option<String> {
    let (withdrawal, n) = payment.split_once('-')?;
    match n.parse::<usize>().ok()? {
        2 => Some(withdrawal.to_owned()),
        n if (3..=MOST_ORDERS).contains(&n) => Some(format!("{withdrawal}-{}", n - 1)),
        _ => None,
    }
}

fn closing(payment: &str, order: &WithdrawalOrder, said: &str, actor: &str, at: Timestamp) -> PaymentRefusal {
    PaymentRefusal {
        payment: payment.to_owned(),
        withdrawal: order.serial.clone(),
        said: said.to_owned(),
        actor: actor.to_owned(),
        at,
    }
}

fn event(kind: &'static str, payment: &str, actor: &str, at: Timestamp, facts: &[(&str, &str)]) -> Event {
    let details: BTreeMap<String, String> =
        facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Event { at, actor: actor.to_owned(), kind, subject: payment.to_owned(), details }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_of_a_withdrawal_has_its_number_and_there_is_a_last_one() {
        let mut ids = vec!["01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned()];
        while let Some(next) = next_id(&ids[ids.len() - 1]) {
            assert_eq!(previous(&next).as_ref(), ids.last());
            assert_eq!(withdrawal_of(&next), ids[0]);
            // An end-to-end id has at most 35 characters.
            assert!(next.len() <= 35);
            ids.push(next);
        }
        assert_eq!(ids.len(), MOST_ORDERS);
        for odd in ["X-x", "X-10", "X--2"] {
            assert_eq!(next_id(odd), None, "{odd}");
        }
        for odd in ["X", "X-1", "X-10", "X-x", "X--2"] {
            assert_eq!(previous(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_account_is_digits() {
        let card = |bank, bank_code, card| TypedCard { bank, bank_code, card }.checked().is_ok();
        assert!(card("示范银行", "102121000024", "6222020000000000012"));
        assert!(!card(" ", "102121000024", "6222020000000000012"));
        assert!(!card("示范银行", "10212100002", "6222020000000000012"));
        assert!(!card("示范银行", "102121000024", "6222-0200-0000-0012"));
    }
}
