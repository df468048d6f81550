//! Money: what a case costs, who took how much for it, what went back, and the books.
//!
//! For: the counter, payment online, money by bank, and whatever other way comes beside them. [`fen`], [`tariff`], [`bill`],
//! [`taking`], [`refund`], [`drawer`], [`invoice`], [`checkout`], [`remittance`], [`wire`], [`difference`],
//! [`ledger`] are pure; [`counter`], [`online`], [`back`], [`matching`], [`suspense`], [`remitting`], [`giving_back`], [`day_end`],
//! [`board`], [`wire_board`], [`lapse`], [`prove`], [`reconcile`], [`slip`] and [`receipt`] are the services over the ports in [`store`] and
//! [`gateway`], behind which [`stripe`] stands. Trusts the officer whom the session names, and the database's transaction: a
//! fact, its line of history, its audit entry and its booking are written together or not at all. Never changes a
//! booking, never takes a bill's money twice, and never lets a certificate be made for a bill that is not paid.
//!
//! To add a way of payment: a [`taking::Method`], its account in [`ledger::Account`], and a service that, like
//! [`counter`], moves bill, payment, case and ledger in one unit of work.

pub mod back;
pub mod bill;
pub mod board;
pub mod checkout;
pub mod counter;
pub mod day_end;
pub mod difference;
pub mod drawer;
pub mod gateway;
pub mod giving_back;
pub mod invoice;
pub mod lapse;
pub mod ledger;
pub mod matching;
pub mod online;
pub mod prove;
pub mod receipt;
mod receiving;
pub mod reconcile;
pub mod refund;
pub mod remittance;
pub mod remitting;
pub mod slip;
pub mod store;
pub mod stripe;
pub mod suspense;
pub mod taking;
pub mod tariff;
pub mod wire;
pub mod wire_board;

use std::collections::BTreeMap;

use ca_core::domain::{OfficeId, Officer, Timestamp};

use crate::audit::Event;
use crate::enrolment::case::{Case, Forbidden, Step, Who};
pub use crate::fen;
use bill::MoneyFault;
use fen::Fen;
use taking::Method;
use tariff::Tariff;
use wire::WireTerms;

/// The terms on which the office takes money; from the configuration.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Prices.
    pub tariff: Tariff,
    /// Ways of payment, in the order in which forms offer them.
    pub methods: Vec<Method>,
    /// Whether refunds of what came online are made by the provider.
    pub gives_back: bool,
    /// Our account at the bank; without one nobody pays onto it.
    pub wire: Option<WireTerms>,
    /// For so many days a bill is open.
    pub lapse_days: u16,
    /// So many years can be paid at once.
    pub max_years: u8,
}

/// Officers take and give the money of their own office only.
pub(crate) fn own(officer: &Officer, office: &OfficeId) -> Result<(), MoneyFault> {
    if officer.office == *office { Ok(()) } else { Err(Forbidden::OtherOffice.into()) }
}

/// The audit entry of a fact about money: ids and sums, no names.
pub(crate) fn event(
    kind: &'static str,
    subject: &str,
    by: Option<&Officer>,
    at: Timestamp,
    amount: Fen,
    more: &[(&str, &str)],
) -> Event {
    let actor = by.map_or_else(|| "system".to_owned(), |by| format!("officer:{}", by.id));
    let mut details = BTreeMap::from([("fen".to_owned(), amount.fen().to_string())]);
    details.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Event { at, actor, kind, subject: subject.to_owned(), details }
}

/// A line of a case's history about its money, which moves no state.
fn note(case: &Case, act: &'static str, by: Option<&Officer>, reason: Option<String>, at: Timestamp) -> Step {
    let word = case.state.word();
    Step { act, from: word, to: word, by: by.map(Who::from), reason, at }
}

#[cfg(test)]
mod ledger_tests;
