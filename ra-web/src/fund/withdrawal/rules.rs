//! May this person withdraw so much, for this reason, on this day?
//!
//! Pure: asked by the form, which offers only what it allows, when the document is made, and again when it is booked.

use ca_core::domain::{BeijingDay, WithdrawalReason};

use crate::fund::amounts::Fen;
use crate::fund::books::PersonAccount;
use crate::fund::codes::PersonStatus;

/// What the city lays down for a reason, from a day on. A reason without a rule is not for the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalRule {
    /// From when on.
    pub valid_from: BeijingDay,
    /// For which reason.
    pub reason: WithdrawalReason,
    /// How much of the balance at once, in ten-thousandths.
    pub share: i64,
    /// How much at once at most.
    pub most: Option<Fen>,
    /// What must stay in the account.
    pub keep: Fen,
    /// So many days must lie between two for this reason; 0 for any.
    pub interval_days: i64,
    /// Everything is withdrawn and the account closed.
    pub closes: bool,
    /// The unit must have sealed the account before.
    pub sealed_only: bool,
}

/// Why nothing is paid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.word())]
#[expect(missing_docs, reason = "each is what the message says of it")]
pub enum Denied {
    /// The portal does not do it for this reason.
    NotOffered,
    /// The account is closed.
    Closed,
    /// It is frozen.
    Frozen,
    /// The unit has not sealed it.
    NotSealed,
    /// There is nothing in it beyond what must stay.
    Empty,
    /// Nothing is asked for.
    NoAmount,
    /// More than is allowed at once.
    TooMuch { most: Fen },
    /// The last one for this reason is too near.
    TooSoon { from: BeijingDay },
    /// The bank has not yet said that it paid the one before.
    Pending,
    /// Interest of the year before is not settled.
    Unsettled,
    /// A remittance of the unit that counts on the account waits for its money.
    UnitWaits,
    /// The fund knows no bank account of the person's.
    NoCard,
    /// The account is not what it was when the document was made.
    Moved,
    /// The time to sign is over.
    Expired,
    /// The face was not checked.
    NoFace,
    /// Too many pictures that did not fit.
    TooManyTries,
}

impl Denied {
    /// The end of the message key `my-denied-…`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotOffered => "not-offered",
            Self::Closed => "closed",
            Self::Frozen => "frozen",
            Self::NotSealed => "not-sealed",
            Self::Empty => "empty",
            Self::NoAmount => "no-amount",
            Self::TooMuch { .. } => "too-much",
            Self::TooSoon { .. } => "too-soon",
            Self::Pending => "pending",
            Self::Unsettled => "unsettled",
            Self::UnitWaits => "unit-waits",
            Self::NoCard => "no-card",
            Self::Moved => "moved",
            Self::Expired => "expired",
            Self::NoFace => "no-face",
            Self::TooManyTries => "too-many-tries",
        }
    }

    /// The variable `a` of the message.
    #[must_use]
    pub fn variable(&self) -> String {
        match self {
            Self::TooMuch { most } => most.to_string(),
            Self::TooSoon { from } => from.to_string(),
            _ => String::new(),
        }
    }
}

/// What is known of an account besides itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When the last one for the same reason was booked.
    pub last: Option<BeijingDay>,
    /// Whether the bank has still to say that it paid one.
    pub pending: bool,
    /// Whether interest of the year before is to be settled.
    pub unsettled: bool,
    /// Whether a remittance of the unit waits for its money.
    pub unit_waits: bool,
    /// Whether the person has a bank account.
    pub card: bool,
}

impl WithdrawalRule {
    /// The most that can be withdrawn of a balance at once.
    #[must_use]
    pub fn most_of(&self, balance: Fen) -> Fen {
        let share = i128::from(balance.fen()) * i128::from(self.share) / 10_000;
        let share = Fen::new(i64::try_from(share).unwrap_or(i64::MAX));
        let left = share.min(balance - self.keep);
        self.most.map_or(left, |most| left.min(most)).max(Fen::ZERO)
    }

    /// Whether anything can be withdrawn at all; answers how much at most. A closing one takes everything.
    ///
    /// # Errors
    /// The first [`Denied`] that stands in the way.
    pub fn allows(&self, account: &PersonAccount, standing: Standing, today: BeijingDay) -> Result<Fen, Denied> {
        match account.status {
            PersonStatus::Normal if self.sealed_only => return Err(Denied::NotSealed),
            PersonStatus::Normal | PersonStatus::Sealed => {}
            PersonStatus::Frozen => return Err(Denied::Frozen),
            _ => return Err(Denied::Closed),
        }
        if standing.pending {
            return Err(Denied::Pending);
        }
        if standing.unsettled {
            return Err(Denied::Unsettled);
        }
        if self.closes && standing.unit_waits && account.status == PersonStatus::Normal {
            return Err(Denied::UnitWaits);
        }
        if !standing.card {
            return Err(Denied::NoCard);
        }
        if let Some(from) = standing.last.map(|last| last.plus_days(self.interval_days)).filter(|from| today < *from) {
            return Err(Denied::TooSoon { from });
        }
        let most = if self.closes { account.balance() } else { self.most_of(account.balance()) };
        if most > Fen::ZERO { Ok(most) } else { Err(Denied::Empty) }
    }

    /// Whether so much can be.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn allows_amount(
        &self,
        account: &PersonAccount,
        standing: Standing,
        today: BeijingDay,
        amount: Fen,
    ) -> Result<(), Denied> {
        let most = self.allows(account, standing, today)?;
        if self.closes {
            return Ok(());
        }
        if amount <= Fen::ZERO {
            Err(Denied::NoAmount)
        } else if amount > most {
            Err(Denied::TooMuch { most })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::{account, day};
    use super::*;

    fn rule() -> WithdrawalRule {
        WithdrawalRule {
            valid_from: day(2016, 2, 21),
            reason: WithdrawalReason::RepayLoan,
            share: 9_000,
            most: Some(Fen::new(5_000_000)),
            keep: Fen::new(1_000),
            interval_days: 365,
            closes: false,
            sealed_only: false,
        }
    }

    fn good() -> Standing {
        Standing { card: true, ..Standing::default() }
    }

    #[test]
    fn limits_are_share_sum_and_what_must_stay() {
        let rule = rule();
        for (balance, most) in [(800_000, 720_000), (10_000_000, 5_000_000), (1_500, 500), (1_000, 0), (0, 0)] {
            assert_eq!(rule.most_of(Fen::new(balance)).fen(), most, "{balance}");
        }
        let today = day(2026, 11, 24);
        let ask = |amount| rule.allows_amount(&account(800_000), good(), today, Fen::new(amount));
        assert_eq!(ask(720_000), Ok(()));
        assert_eq!(ask(720_001), Err(Denied::TooMuch { most: Fen::new(720_000) }));
        assert_eq!(ask(0), Err(Denied::NoAmount));
        assert_eq!(ask(-1), Err(Denied::NoAmount));
    }

    #[test]
    fn state_of_the_account_and_what_went_before_stand_in_the_way() {
        let today = day(2026, 11, 24);
        let ask = |rule: &WithdrawalRule, status, standing| {
            let account = PersonAccount { status, ..account(800_000) };
            rule.allows(&account, standing, today).err()
        };
        let (rule, closing) = (rule(), WithdrawalRule { closes: true, sealed_only: true, ..rule() });
        assert_eq!(ask(&rule, PersonStatus::Frozen, good()), Some(Denied::Frozen));
        assert_eq!(ask(&rule, PersonStatus::ClosedWithdrawn, good()), Some(Denied::Closed));
        assert_eq!(ask(&rule, PersonStatus::Sealed, good()), None);
        assert_eq!(ask(&closing, PersonStatus::Normal, good()), Some(Denied::NotSealed));
        assert_eq!(ask(&closing, PersonStatus::Sealed, good()), None);
        let normal = |standing| ask(&rule, PersonStatus::Normal, standing);
        assert_eq!(normal(Standing { pending: true, ..good() }), Some(Denied::Pending));
        assert_eq!(normal(Standing { unsettled: true, ..good() }), Some(Denied::Unsettled));
        assert_eq!(normal(Standing::default()), Some(Denied::NoCard));
        assert_eq!(normal(Standing { unit_waits: true, ..good() }), None, "nobody else's money");
        let open = WithdrawalRule { sealed_only: false, ..closing };
        assert_eq!(ask(&open, PersonStatus::Normal, Standing { unit_waits: true, ..good() }), Some(Denied::UnitWaits));
        let last = |days: i64| Standing { last: Some(today.plus_days(-days)), ..good() };
        assert_eq!(normal(last(364)), Some(Denied::TooSoon { from: today.plus_days(1) }));
        assert_eq!(normal(last(365)), None);
    }
}
