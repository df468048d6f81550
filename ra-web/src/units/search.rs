//! One box: what an officer types is a number that leads straight to one thing, or a part of a name.
//!
//! Every look-up is a piece of an index that ends with its limit, so that a search takes as long among a thousand units
//! as among a million. Units and certificates are seen by every office; cases and orders by their own, and by auditors.

use ca_core::domain::{IssuerId, OfficeId, Officer, OrderId, Role, Serial, Uscc};
use unicode_normalization::UnicodeNormalization as _;

use super::UnitLine;
use crate::enrolment::case::{CaseNumber, may_read};
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::form::folded;
use crate::matters::MatterNumber;
use crate::store::{CaseFilter, CaseLine, CertificateFilter, Issued, Tx};
use crate::tokens::TokenNumber;

/// What is typed has at most so many characters.
pub const MAX_QUERY_CHARS: usize = 100;
/// Lines of a group on one page.
pub const PAGE: usize = 50;
/// Whoever has not found it by then types more of the name.
pub const MAX_PAGES: usize = 10;
/// Of so many units the latest cases are shown too.
const UNITS_WITH_CASES: usize = 5;
const CASES_OF_UNIT: i64 = 5;

/// What a search leads to.
pub enum Hit {
    /// One thing, exactly.
    There(Exact),
    /// What fits.
    List(Box<Found>),
}

/// One thing that was named by its number or whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exact {
    /// A case.
    Case(CaseNumber),
    /// A certificate.
    Certificate(IssuerId, Serial),
    /// An order.
    Order(OrderId),
    /// A unit, by its code.
    Unit(String),
    /// A token.
    Token(TokenNumber),
    /// A matter about a certificate.
    Matter(MatterNumber),
}

/// What fits, by kind, the best first.
#[derive(Default)]
pub struct Found {
    /// Units whose name contains what was typed, or whose code begins with it.
    pub units: Vec<UnitLine>,
    /// Whether there are more units on the next page.
    pub more: bool,
    /// Cases of such units.
    pub cases: Vec<CaseLine>,
    /// The latest cases of an officer of this name.
    pub of_officer: Vec<CaseLine>,
    /// Certificates with this number, when several issuers have it.
    pub certificates: Vec<Issued>,
}

impl Desk {
    /// Looks for what an officer typed. `page` counts from 0, up to [`MAX_PAGES`].
    ///
    /// # Errors
    /// Storage.
    pub async fn search(&self, officer: &Officer, typed: &str, page: usize) -> Result<Hit, OfficeError> {
        let typed: String = typed.nfkc().take(MAX_QUERY_CHARS).collect::<String>().trim().to_owned();
        let mut tx = self.store.read().await?;
        let mut found = Found::default();
        if page == 0 {
            if let Some(exact) = by_number(&mut tx, officer, &typed).await? {
                return Ok(Hit::There(exact));
            }
            found.certificates = by_serial(&mut tx, &typed).await?;
            if let [issued] = found.certificates.as_slice() {
                return Ok(Hit::There(Exact::Certificate(issued.issuer.clone(), issued.serial.clone())));
            }
        }
        let part = folded(&typed);
        if part.is_empty() {
            return Ok(Hit::List(Box::new(found)));
        }
        let before = page.min(MAX_PAGES) * PAGE;
        let wanted = i64::try_from(before + PAGE + 1).unwrap_or(i64::MAX);
        let units = tx.units_like(&part, wanted).await?;
        found.more = units.len() > before + PAGE && page + 1 < MAX_PAGES;
        found.units = units.into_iter().skip(before).take(PAGE).collect();
        if page == 0 {
            let office = readable_office(officer);
            found.cases = tx.cases(&CaseFilter::Name(office.clone(), part.clone()), 50).await?;
            let elsewhere = |case: &CaseLine, uscc: &str| folded(&case.unit_name) == part && case.uscc != uscc;
            if let [unit] = tx.units_called(&part, 2).await?.as_slice()
                && !found.cases.iter().any(|case| elsewhere(case, &unit.uscc))
            {
                return Ok(Hit::There(Exact::Unit(unit.uscc.clone())));
            }
            for unit in found.units.iter().take(UNITS_WITH_CASES) {
                let mut cases = tx.cases(&CaseFilter::Uscc(unit.uscc.clone()), CASES_OF_UNIT).await?;
                cases.retain(|case| may_read(officer, &case.office).is_ok());
                found.cases.extend(cases);
            }
            for filter in [
                CaseFilter::TakenInBy(office.clone(), typed.clone()),
                CaseFilter::DecidedBy(office.clone(), typed.clone()),
            ] {
                found.of_officer.extend(tx.cases(&filter, 20).await?);
            }
            for list in [&mut found.cases, &mut found.of_officer] {
                list.sort_by(|one, other| (other.updated, &other.number).cmp(&(one.updated, &one.number)));
                list.dedup_by(|one, other| one.number == other.number);
            }
        }
        Ok(Hit::List(Box::new(found)))
    }
}

/// The one office whose cases an officer sees; `None` for auditors, who see all.
fn readable_office(officer: &Officer) -> Option<OfficeId> {
    (!officer.has_any(&[Role::Auditor])).then(|| officer.office.clone())
}

/// A case number (its `RA-` may be left out), an order number, or a credit code that is known.
async fn by_number(tx: &mut Box<dyn Tx>, officer: &Officer, typed: &str) -> Result<Option<Exact>, OfficeError> {
    let upper = typed.to_uppercase();
    let number = upper.parse::<CaseNumber>().or_else(|()| format!("RA-{upper}").parse());
    if let Ok(number) = number
        && tx.case(&number).await?.is_some_and(|(case, _)| case.readable_by(officer).is_ok())
    {
        return Ok(Some(Exact::Case(number)));
    }
    if let Ok(order) = upper.parse::<OrderId>()
        && tx.order(order).await?.is_some_and(|order| may_read(officer, &order.order.office).is_ok())
    {
        return Ok(Some(Exact::Order(order)));
    }
    if let Ok(number) = upper.parse::<MatterNumber>()
        && tx.matter(&number).await?.is_some_and(|matter| may_read(officer, &matter.office).is_ok())
    {
        return Ok(Some(Exact::Matter(number)));
    }
    // As it stands on the token, or in capitals when it was typed small.
    for spelt in [typed, upper.as_str()] {
        if let Ok(serial) = spelt.parse::<TokenNumber>()
            && tx.token(&serial).await?.is_some_and(|token| may_read(officer, &token.office).is_ok())
        {
            return Ok(Some(Exact::Token(serial)));
        }
    }
    if let Ok(uscc) = upper.replace([' ', '-'], "").parse::<Uscc>() {
        let known = tx.unit(uscc.as_str()).await?.is_some()
            || tx
                .cases(&CaseFilter::Uscc(uscc.to_string()), 20)
                .await?
                .iter()
                .any(|case| may_read(officer, &case.office).is_ok())
            || !tx.certificates(&CertificateFilter::Uscc(uscc.to_string()), 1).await?.is_empty();
        if known {
            return Ok(Some(Exact::Unit(uscc.to_string())));
        }
    }
    Ok(None)
}

/// Certificates with this serial number, written as certificates viewers write it.
async fn by_serial(tx: &mut Box<dyn Tx>, typed: &str) -> Result<Vec<Issued>, OfficeError> {
    match typed.to_lowercase().replace([':', ' '], "").parse::<Serial>() {
        Ok(serial) => Ok(tx.certificates(&CertificateFilter::Serial(serial), 20).await?),
        Err(_) => Ok(Vec::new()),
    }
}
