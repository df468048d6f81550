//! Units: what the office knows of each now, and by what it is found.
//!
//! For: the unit's page, the search box, reminders. A record is written in the transaction of a delivery, from the
//! case that was delivered; names and counts are kept by the store itself with every case, so that no service can
//! forget them. Trusts the store. Never holds a resident number in the clear.

use ca_core::domain::{OfficeId, Timestamp};

use crate::enrolment::case::{Case, CaseNumber};
use crate::enrolment::form::folded;

pub mod backfill;
pub mod names;
pub mod search;

/// A unit as it is now.
///
/// No Debug: it holds a person's number.
#[derive(Clone, PartialEq, Eq)]
pub struct UnitRecord {
    /// Unified social credit code.
    pub uscc: String,
    /// Its name.
    pub name: String,
    /// The office that served it last.
    pub office: OfficeId,
    /// Who speaks for it.
    pub handler: Handler,
    /// When it had its first certificate from us.
    pub created: Timestamp,
    /// When the record last changed.
    pub updated: Timestamp,
}

/// Who speaks for a unit. No Debug: personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Handler {
    /// Name.
    pub name: String,
    /// Mobile number.
    pub mobile: String,
    /// Resident number, `110105********002X`.
    pub id_masked: String,
    /// The resident number, sealed to the place of [`Self::case`] (see [`crate::vault`]).
    pub id_sealed: Option<Vec<u8>>,
    /// The case in which the handler was examined.
    pub case: CaseNumber,
}

/// A unit as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitLine {
    /// Code.
    pub uscc: String,
    /// Name now; found by a former one too.
    pub name: String,
    /// The office that served it last.
    pub office: OfficeId,
}

impl UnitRecord {
    /// The unit of a case that was delivered at `now`, with the case's sealed resident number.
    #[must_use]
    pub fn of(case: &Case, sealed: Option<&[u8]>, now: Timestamp) -> Self {
        Self {
            uscc: case.form.uscc.clone(),
            name: case.form.unit_name.clone(),
            office: case.office.clone(),
            handler: Handler {
                name: case.form.handler_name.clone(),
                mobile: case.form.handler_mobile.clone(),
                id_masked: case.handler_id_masked.clone(),
                id_sealed: sealed.map(<[u8]>::to_vec),
                case: case.number.clone(),
            },
            created: now,
            updated: now,
        }
    }

    /// The name as search compares it.
    #[must_use]
    pub fn folded(&self) -> String {
        folded(&self.name)
    }
}
