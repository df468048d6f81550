//! How far an order is, told to whoever knows its number and the handler's mobile number. States only: no name, no amount
//! that a stranger could use.

use ca_core::domain::Timestamp;

use crate::enrolment::case::{Case, CaseNumber};
use crate::enrolment::desk::{Desk, OfficeError};
use crate::invoice::quota::handing::Told;
use crate::matters::{Matter, MatterNumber};
use crate::payment::bill::{Bill, BillNumber, BillSubject};
use crate::payment::counter::bills_of;
use crate::store::Tx;

/// What is found under a number.
#[derive(Clone)]
pub enum Found {
    /// An application or renewal, with its last bill and how far the quota invoices of that are.
    Case(Box<Case>, Option<Box<Bill>>, Option<Told>),
    /// A matter about a certificate.
    Matter(Box<Matter>),
}

impl Found {
    /// When it last moved.
    #[must_use]
    pub fn updated(&self) -> Timestamp {
        match self {
            Self::Case(case, ..) => case.updated,
            Self::Matter(matter) => matter.updated,
        }
    }
}

/// What came of the question.
#[derive(Clone)]
pub enum Progress {
    /// This.
    Found(Found),
    /// No such number, or not this mobile number.
    NotKnown,
    /// Asked too often in this hour.
    TooOften,
}

/// A number as typed.
enum Number {
    Case(CaseNumber),
    Bill(BillNumber),
    Matter(MatterNumber),
}

impl Number {
    fn read(typed: &str) -> Option<Self> {
        let case = typed.parse().map(Self::Case).ok();
        case.or_else(|| typed.parse().map(Self::Matter).ok()).or_else(|| typed.parse().map(Self::Bill).ok())
    }
}

impl Desk {
    /// How far something is.
    ///
    /// # Errors
    /// Storage.
    pub async fn progress(&self, number: &str, mobile: &str) -> Result<Progress, OfficeError> {
        let Some(wanted) = Number::read(number) else { return Ok(Progress::NotKnown) };
        if !self.may_ask(&format!("progress {number}"), self.clock.now()).await? {
            return Ok(Progress::TooOften);
        }
        let mut tx = self.store.read().await?;
        Ok(match self.look(&mut tx, wanted).await? {
            Some((found, known)) if known == mobile => Progress::Found(found),
            _ => Progress::NotKnown,
        })
    }

    /// What is under a number, and the mobile number of who may ask.
    async fn look(&self, tx: &mut Box<dyn Tx>, number: Number) -> Result<Option<(Found, String)>, OfficeError> {
        let case = match number {
            Number::Matter(number) => {
                let Some(matter) = tx.matter(&number).await? else { return Ok(None) };
                let unit = tx.unit(&matter.about.uscc).await?;
                return Ok(unit.map(|unit| (Found::Matter(Box::new(matter)), unit.handler.mobile)));
            }
            Number::Case(number) => number,
            Number::Bill(number) => match tx.bill(&number).await?.map(|bill| bill.subject) {
                Some(BillSubject::Case(case)) => case,
                None => return Ok(None),
            },
        };
        let Some((case, _)) = tx.case(&case).await? else { return Ok(None) };
        let bill = bills_of(tx, &case.number).await?.into_iter().next().map(Box::new);
        let mobile = case.form.handler_mobile.clone();
        let told = match &bill {
            Some(bill) => self.quota_told(tx, &bill.number).await?,
            None => None,
        };
        Ok(Some((Found::Case(Box::new(case), bill, told), mobile)))
    }
}
