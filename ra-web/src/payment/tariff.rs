//! The tariff: what is charged from which day on, as data, and what it makes of a case (`domain.md` §3.10).
//!
//! Prices include tax. A later day's rates change no bill that was made before: a bill keeps its lines.

use ca_core::domain::{BeijingDay, Ground};
use serde::{Deserialize, Serialize};

use super::fen::{Fen, TaxRate};
use crate::enrolment::process::Process;

/// What a line of a quote or bill is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A year of service.
    Service,
    /// A token with a first certificate.
    Token,
    /// The token that takes a lost one's place.
    ReissueToken,
    /// A certificate with other particulars.
    Change,
    /// What was paid for the same case before.
    PaidBefore,
}

impl Item {
    /// The word in message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Token => "token",
            Self::ReissueToken => "reissue-token",
            Self::Change => "change",
            Self::PaidBefore => "paid-before",
        }
    }
}

/// A line: so many of an item, at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteLine {
    /// What.
    pub item: Item,
    /// How many.
    pub count: i64,
    /// The price of one, tax included.
    pub price: Fen,
}

impl QuoteLine {
    /// The price of all.
    #[must_use]
    pub const fn amount(&self) -> Fen {
        self.price.times(self.count)
    }
}

/// What something costs on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// For what; empty when it is free.
    pub lines: Vec<QuoteLine>,
    /// The tax in it.
    pub tax: TaxRate,
}

impl Quote {
    /// The sum of the lines.
    #[must_use]
    pub fn total(&self) -> Fen {
        self.lines.iter().map(QuoteLine::amount).sum()
    }

    /// What is left of it after so much was paid for the same before.
    #[must_use]
    pub fn after(mut self, paid: Fen) -> Self {
        if !paid.is_zero() {
            self.lines.push(QuoteLine { item: Item::PaidBefore, count: 1, price: -paid });
        }
        self
    }
}

/// The prices from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The first day.
    pub from: BeijingDay,
    /// A year of service.
    pub service_year: Fen,
    /// A first token.
    pub token: Fen,
    /// The token of a re-issue.
    pub reissue_token: Fen,
    /// A change of particulars.
    pub change: Fen,
    /// The tax in all of them.
    pub tax: TaxRate,
}

/// All rates by their days.
#[derive(Clone, Debug)]
pub struct Tariff(Vec<Rates>);

/// Why a list of rates is no tariff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffFault {
    /// Nothing is charged on any day: then there are no rates with zeros either.
    #[error("payment.tariff is empty")]
    Empty,
    /// Two begin on the same day.
    #[error("payment.tariff has two rates from {0}")]
    Twice(BeijingDay),
}

impl Tariff {
    /// Puts rates in the order of their days.
    ///
    /// # Errors
    /// [`TariffFault`], for the operator.
    pub fn new(mut rates: Vec<Rates>) -> Result<Self, TariffFault> {
        rates.sort_by_key(|rates| rates.from);
        if rates.is_empty() {
            return Err(TariffFault::Empty);
        }
        match rates.windows(2).find(|pair| pair[0].from == pair[1].from) {
            Some(pair) => Err(TariffFault::Twice(pair[0].from)),
            None => Ok(Self(rates)),
        }
    }

    /// The rates of a day; the first ones for days before them.
    #[must_use]
    pub fn on(&self, day: BeijingDay) -> &Rates {
        let begun = self.0.partition_point(|rates| rates.from <= day);
        &self.0[begun.saturating_sub(1)]
    }

    /// What a case about this costs on a day: `years` is 0 where the rest of an old term is kept. An exchange under
    /// warranty is free.
    #[must_use]
    pub fn quote(&self, process: &Process, years: u8, day: BeijingDay) -> Quote {
        let rates = self.on(day);
        let line = |item, count, price| QuoteLine { item, count, price };
        let service = line(Item::Service, i64::from(years), rates.service_year);
        let lines = match process.ground() {
            None => vec![service, line(Item::Token, 1, rates.token)],
            Some(Ground::Renewal) => vec![service],
            Some(Ground::Loss) => vec![line(Item::ReissueToken, 1, rates.reissue_token)],
            Some(Ground::Change) => vec![line(Item::Change, 1, rates.change)],
            Some(Ground::Exchange) => Vec::new(),
        };
        Quote { lines: lines.into_iter().filter(|line| !line.amount().is_zero()).collect(), tax: rates.tax }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ca_core::domain::IssuerId;

    use super::*;
    use crate::enrolment::process::CertificateName;

    fn day(y: i32, m: u8, d: u8) -> BeijingDay {
        BeijingDay::from_calendar(y, m, d).expect("a day")
    }

    /// 200 a year, a token for 60, tax of 6 %; from 2030 on 240 a year.
    pub(crate) fn tariff() -> Tariff {
        let rates = Rates {
            from: day(2020, 1, 1),
            service_year: Fen::yuan(200),
            token: Fen::yuan(60),
            reissue_token: Fen::yuan(60),
            change: Fen::ZERO,
            tax: TaxRate(600),
        };
        let later = Rates { from: day(2040, 1, 1), service_year: Fen::yuan(240), ..rates };
        Tariff::new(vec![later, rates]).expect("two days")
    }

    fn about(ground: Ground) -> Process {
        let issuer = IssuerId::new("unit-p256").expect("a name");
        Process::Replacement { ground, old: CertificateName { issuer, serial: "4a01".parse().expect("a serial") } }
    }

    #[test]
    fn each_process_has_its_price() {
        let today = day(2026, 11, 30);
        for (process, years, total) in [
            (Process::Enrolment, 2, 460),
            (about(Ground::Renewal), 2, 400),
            (about(Ground::Renewal), 5, 1000),
            (about(Ground::Loss), 0, 60),
            (about(Ground::Exchange), 0, 0),
            (about(Ground::Change), 0, 0),
        ] {
            let quote = tariff().quote(&process, years, today);
            assert_eq!(quote.total(), Fen::yuan(total), "{process:?}");
            assert!(quote.lines.iter().all(|line| !line.amount().is_zero()), "a line says what is paid");
        }
        let rest = tariff().quote(&Process::Enrolment, 3, today).after(Fen::yuan(460));
        assert_eq!(rest.total(), Fen::yuan(200));
    }

    #[test]
    fn a_price_changes_with_its_day_and_not_before() {
        let price = |day| tariff().quote(&about(Ground::Renewal), 1, day).total();
        assert_eq!(price(day(2039, 12, 31)), Fen::yuan(200));
        assert_eq!(price(day(2040, 1, 1)), Fen::yuan(240));
        assert_eq!(price(day(1999, 1, 1)), Fen::yuan(200), "the first rates hold for what lies before them");
    }

    #[test]
    fn a_tariff_has_rates_and_no_day_twice() {
        assert_eq!(Tariff::new(Vec::new()).err(), Some(TariffFault::Empty));
        let rates = *tariff().on(day(2026, 1, 1));
        assert_eq!(Tariff::new(vec![rates, rates]).err(), Some(TariffFault::Twice(day(2020, 1, 1))));
    }
}
