//! Batches: many units taken in from one spreadsheet, seen and signed as a whole.
//!
//! For: an office that is sent a list of units. The file is read ([`table`]), its columns are found ([`columns`]), every
//! faulty cell is named ([`check`]); only a file without fault becomes cases ([`taking`]), in pieces that can run twice,
//! by a worker and on the word of a clerk ([`driving`]). Scans come in a ZIP ([`archive`]) and go through the same intake as
//! single ones; orders are signed many at a time, each for itself ([`signing`]). Trusts neither file nor archive: each has
//! limits on bytes, rows and cells, counted while it is read. Never stores a resident number in the clear.

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{BeijingDay, OfficeId, Officer, Timestamp};
use serde::{Deserialize, Serialize};

use crate::enrolment::case::{CaseNumber, Forbidden, Who};
use crate::enrolment::form::{FieldFault, Form};

pub mod archive;
pub mod book;
pub mod check;
pub mod columns;
pub mod driving;
pub mod letters;
pub mod signing;
pub mod store;
pub mod table;
pub mod taking;

/// `B-20261130-0001`: what the office calls a batch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchNumber(String);

impl BatchNumber {
    /// The n-th batch of a Beijing day.
    #[must_use]
    pub fn new(day: BeijingDay, n: i64) -> Self {
        Self(format!("B-{}-{n:04}", day.to_string().replace('-', "")))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let digits = |part: Option<&str>, most: usize| {
            part.is_some_and(|p| (4..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
        };
        let good =
            parts.next() == Some("B") && digits(parts.next(), 8) && digits(parts.next(), 9) && parts.next().is_none();
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Some cell is faulty: nothing of it can be taken in.
    Faulty,
    /// Without fault, looked at before it is taken in.
    Checked,
    /// Its lines become cases, piece by piece.
    Filling,
    /// Every line is a case.
    Filled,
    /// Its cases are given up, piece by piece.
    Cancelling,
    /// Given up: each of its cases that could be is cancelled.
    Cancelled,
}

impl BatchState {
    /// All, in the order of the way.
    pub const ALL: [Self; 6] =
        [Self::Faulty, Self::Checked, Self::Filling, Self::Filled, Self::Cancelling, Self::Cancelled];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Faulty => "faulty",
            Self::Checked => "checked",
            Self::Filling => "filling",
            Self::Filled => "filled",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether pieces of it are still to be done.
    #[must_use]
    pub const fn is_moving(self) -> bool {
        matches!(self, Self::Filling | Self::Cancelling)
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub number: BatchNumber,
    /// The office that took it in.
    pub office: OfficeId,
    /// Where it stands.
    pub state: BatchState,
    /// The file's name at the counter.
    pub file_name: String,
    /// How many lines it has.
    pub lines: i64,
    /// How many of them have a fault.
    pub faulty: i64,
    /// How many have become cases.
    pub made: i64,
    /// Who sent the file in.
    pub entry: Who,
    /// On whose word it moves, or moved last.
    pub mover: Option<Who>,
    /// When.
    pub created: Timestamp,
    /// When it last moved.
    pub updated: Timestamp,
    /// Counts the writes.
    pub version: i64,
}

impl Batch {
    /// A file that was read.
    #[must_use]
    pub fn begin(number: BatchNumber, officer: &Officer, file_name: &str, lines: &[Line], now: Timestamp) -> Self {
        let faulty = lines.iter().filter(|line| !line.faults.is_empty()).count();
        Self {
            number,
            office: officer.office.clone(),
            state: if faulty == 0 { BatchState::Checked } else { BatchState::Faulty },
            file_name: file_name.chars().filter(|c| !c.is_control()).take(100).collect(),
            lines: i64::try_from(lines.len()).unwrap_or(i64::MAX),
            faulty: i64::try_from(faulty).unwrap_or(i64::MAX),
            made: 0,
            entry: Who::from(officer),
            mover: None,
            created: now,
            updated: now,
            version: 0,
        }
    }

    /// Its lines are to become cases. Asked again while they do, it is no step, but another clerk's word that counts from
    /// now on.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn take_in(self, officer: &Officer, now: Timestamp) -> Result<Self, Forbidden> {
        self.mine(officer)?;
        match self.state {
            BatchState::Filling if self.is_moved_by(officer) => Ok(self),
            BatchState::Checked | BatchState::Filling => Ok(self.moved_by(officer, BatchState::Filling, now)),
            _ => Err(self.forbidden("taken in")),
        }
    }

    /// A piece of its lines became cases.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn fill(mut self, made: i64, now: Timestamp) -> Result<Self, Forbidden> {
        if self.state != BatchState::Filling {
            return Err(self.forbidden("filled"));
        }
        self.made += made;
        let to = if self.made >= self.lines { BatchState::Filled } else { BatchState::Filling };
        Ok(self.moved(to, now))
    }

    /// It is to be given up with all its cases. Asked again while they are, it is as with [`Self::take_in`].
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn give_up(self, officer: &Officer, now: Timestamp) -> Result<Self, Forbidden> {
        self.mine(officer)?;
        match self.state {
            BatchState::Cancelling if self.is_moved_by(officer) => Ok(self),
            BatchState::Cancelled => Err(self.forbidden("given up")),
            _ => Ok(self.moved_by(officer, BatchState::Cancelling, now)),
        }
    }

    /// Some of its cases were given up.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn empty(self, now: Timestamp) -> Result<Self, Forbidden> {
        match self.state {
            BatchState::Cancelling => Ok(self.moved(BatchState::Cancelling, now)),
            _ => Err(self.forbidden("emptied")),
        }
    }

    /// All of its cases that could be given up are.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn end(self, now: Timestamp) -> Result<Self, Forbidden> {
        match self.state {
            BatchState::Cancelling => Ok(self.moved(BatchState::Cancelled, now)),
            _ => Err(self.forbidden("ended")),
        }
    }

    /// Offices keep to their own batches.
    ///
    /// # Errors
    /// [`Forbidden::OtherOffice`].
    pub fn mine(&self, officer: &Officer) -> Result<(), Forbidden> {
        if officer.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice) }
    }

    const fn forbidden(&self, act: &'static str) -> Forbidden {
        Forbidden::State { state: self.state.word(), act }
    }

    fn is_moved_by(&self, officer: &Officer) -> bool {
        self.mover.as_ref().is_some_and(|mover| mover.id == officer.id)
    }

    fn moved_by(self, officer: &Officer, to: BatchState, now: Timestamp) -> Self {
        Self { mover: Some(Who::from(officer)), ..self.moved(to, now) }
    }

    fn moved(mut self, to: BatchState, now: Timestamp) -> Self {
        self.state = to;
        self.updated = now;
        self
    }
}

/// What is wrong with one cell: the column's field, the message and its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFault {
    /// Name of the field.
    pub field: String,
    /// Message key.
    pub key: String,
    /// The number in the message.
    pub n: i64,
}

impl CellFault {
    /// A fault that the form would name too.
    #[must_use]
    pub fn of(field: &str, fault: FieldFault) -> Self {
        Self::new(field, fault.key(), i64::try_from(fault.number()).unwrap_or(0))
    }

    /// A fault of a cell.
    #[must_use]
    pub fn new(field: &str, key: &str, n: i64) -> Self {
        Self { field: field.to_owned(), key: key.to_owned(), n }
    }
}

/// A line of a batch.
///
/// No Debug: it holds a resident number.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Number of the row in the sheet, as the spreadsheet program counts.
    pub line: i64,
    /// What was typed.
    pub form: Form,
    /// What is wrong with it.
    pub faults: Vec<CellFault>,
    /// An earlier line with the same code.
    pub twice: Option<i64>,
    /// How many cases that are not over the office had about the code.
    pub open_cases: i64,
    /// How many valid certificates the unit had.
    pub certificates: i64,
    /// The case that it became.
    pub case: Option<CaseNumber>,
}

impl Line {
    /// Whether something should be looked at before it is taken in.
    #[must_use]
    pub const fn is_doubtful(&self) -> bool {
        self.twice.is_some() || self.open_cases > 0 || self.certificates > 0
    }
}

/// What is sealed of a line: the form keeps its resident number out of what is stored in the clear.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sealed {
    form: Form,
    handler_id: String,
}

impl Sealed {
    /// The bytes to seal.
    pub(crate) fn bytes(form: &Form) -> zeroize::Zeroizing<Vec<u8>> {
        let sealed = Self { form: form.clone(), handler_id: form.handler_id.clone() };
        zeroize::Zeroizing::new(serde_json::to_vec(&sealed).unwrap_or_default())
    }

    /// The form out of opened bytes.
    pub(crate) fn form(bytes: &[u8]) -> Option<Form> {
        let mut sealed: Self = serde_json::from_slice(bytes).ok()?;
        sealed.form.handler_id = std::mem::take(&mut sealed.handler_id);
        Some(std::mem::take(&mut sealed.form))
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.handler_id);
    }
}

#[cfg(test)]
mod tests;
