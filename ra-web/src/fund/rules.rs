//! Why a business is not done, so that a page can say it plainly.

use ca_core::domain::BeijingDay;

use super::amounts::{Fen, Month};
use super::policy::DayOfYear;

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.word())]
#[expect(missing_docs, reason = "each is what the message says of it")]
pub enum Rule {
    /// The unit's account is sealed or closed.
    UnitNotWorking,
    /// Months are paid one after another; this one is next.
    MonthOrder { next: Month },
    /// The month has not begun.
    MonthAhead { month: Month },
    /// No account is to be paid for.
    NobodyDue { month: Month },
    /// The suspense account has less than is needed.
    SuspenseShort { has: Fen, needs: Fen },
    /// Below the city's lowest base.
    BaseLow { floor: Fen },
    /// Above its highest.
    BaseHigh { cap: Fen },
    /// The number has an open account already.
    HasAccount,
    /// The number is known under another name.
    OtherName,
    /// The same number stands twice in the list.
    Twice,
    /// The account is not in the normal status.
    NotActive,
    /// It is not sealed.
    NotSealed,
    /// It is closed.
    NotOpen,
    /// It is frozen.
    Frozen,
    /// It was sealed for death or retirement.
    NoReturn,
    /// Nothing would be other than it is.
    NothingChanges,
    /// Paid before that month, which is the first that can be.
    StartsTooEarly { first: Month },
    /// A list outside the city's weeks.
    OutsideWindow { from: DayOfYear, to: DayOfYear },
    /// The unit has paid nothing yet.
    NothingPaidYet,
    /// What is not yet due is remitted, not made up.
    NotYetDue { through: Month },
    /// The month is paid; only a difference can be.
    PaidAlready { month: Month },
    /// Nothing to pay.
    NoAmount,
    /// More than a month can be at the highest base and rate.
    AboveMonth { most: Fen },
    /// The unit had no account then; this is its first month.
    BeforeUnit { first: Month },
    /// Account and name are not one employee's.
    NameDiffers,
    /// The base was changed this fund year.
    AdjustedAlready { on: BeijingDay },
    /// A single change outside the city's weeks.
    SingleOutsideWindow { from: DayOfYear, to: DayOfYear },
    /// Something later stands on it.
    LaterChanges,
    /// Money was paid into the account.
    PaidInto,
    /// A month was paid since it held.
    MonthPaidSince { month: Month },
    /// A reversal stands.
    NotReversible,
    /// Later months must be reversed first.
    LaterMonths,
    /// Interest was settled since, or part of it is gone.
    Settled,
    /// It was reversed already.
    ReversedAlready,
    /// Another transaction of the kind waits for its money.
    WaitsForMoney { month: Month },
    /// The books are no longer what was signed.
    BooksMoved,
    /// The time to sign is over.
    Expired,
    /// No employee of the unit has this account.
    NoSuchAccount,
}

impl Rule {
    /// The end of the message key `fund-rule-…`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::UnitNotWorking => "unit-not-working",
            Self::MonthOrder { .. } => "month-order",
            Self::MonthAhead { .. } => "month-ahead",
            Self::NobodyDue { .. } => "nobody-due",
            Self::SuspenseShort { .. } => "suspense-short",
            Self::BaseLow { .. } => "base-low",
            Self::BaseHigh { .. } => "base-high",
            Self::HasAccount => "has-account",
            Self::OtherName => "other-name",
            Self::Twice => "twice",
            Self::NotActive => "not-active",
            Self::NotSealed => "not-sealed",
            Self::NotOpen => "not-open",
            Self::Frozen => "frozen",
            Self::NoReturn => "no-return",
            Self::NothingChanges => "nothing-changes",
            Self::StartsTooEarly { .. } => "starts-too-early",
            Self::OutsideWindow { .. } => "outside-window",
            Self::NothingPaidYet => "nothing-paid-yet",
            Self::NotYetDue { .. } => "not-yet-due",
            Self::PaidAlready { .. } => "paid-already",
            Self::NoAmount => "no-amount",
            Self::AboveMonth { .. } => "above-month",
            Self::BeforeUnit { .. } => "before-unit",
            Self::NameDiffers => "name-differs",
            Self::AdjustedAlready { .. } => "adjusted-already",
            Self::SingleOutsideWindow { .. } => "single-outside-window",
            Self::LaterChanges => "later-changes",
            Self::PaidInto => "paid-into",
            Self::MonthPaidSince { .. } => "month-paid-since",
            Self::NotReversible => "not-reversible",
            Self::LaterMonths => "later-months",
            Self::Settled => "settled",
            Self::ReversedAlready => "reversed-already",
            Self::WaitsForMoney { .. } => "waits-for-money",
            Self::BooksMoved => "books-moved",
            Self::Expired => "expired",
            Self::NoSuchAccount => "no-such-account",
        }
    }

    /// The variables `a` and `b` of the message.
    #[must_use]
    pub fn variables(&self) -> [String; 2] {
        let one = |a: String| [a, String::new()];
        match self {
            Self::MonthOrder { next: month }
            | Self::MonthAhead { month }
            | Self::NobodyDue { month }
            | Self::StartsTooEarly { first: month }
            | Self::NotYetDue { through: month }
            | Self::PaidAlready { month }
            | Self::BeforeUnit { first: month }
            | Self::MonthPaidSince { month }
            | Self::WaitsForMoney { month } => one(month.to_string()),
            Self::SuspenseShort { has, needs } => [has.to_string(), needs.to_string()],
            Self::BaseLow { floor: amount } | Self::BaseHigh { cap: amount } | Self::AboveMonth { most: amount } => {
                one(amount.to_string())
            }
            Self::AdjustedAlready { on } => one(on.to_string()),
            Self::OutsideWindow { from, to } | Self::SingleOutsideWindow { from, to } => {
                [from.to_string(), to.to_string()]
            }
            _ => one(String::new()),
        }
    }
}
