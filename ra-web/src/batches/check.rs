//! From rows to lines: every cell is read as the form would read it, and every faulty one is named.

use std::collections::HashMap;

use ca_core::domain::{BeijingDay, KeyKind};

use super::columns::{self, COLUMNS, Columns, HeadFault, OPTIONAL};
use super::table::{Cell, MAX_ROWS, Row, TableError};
use super::{CellFault, Line};
use crate::enrolment::form::{Form, UnitKind};
use crate::enrolment::process::Process;
use crate::i18n::Locale;

/// Why a file has no lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// It is no table.
    Table(TableError),
    /// Its columns are not known.
    Head(HeadFault),
    /// A head, and nothing under it.
    NoLines,
}

/// Reads a file into lines, each with what is wrong with it. Duplicates within the file are marked.
///
/// # Errors
/// [`FileFault`].
pub fn lines(bytes: &[u8], kinds: &[KeyKind], max_years: u8, today: BeijingDay) -> Result<Vec<Line>, FileFault> {
    let rows = super::table::read(bytes).map_err(FileFault::Table)?;
    let columns = columns::find(&rows).map_err(FileFault::Head)?;
    let under =
        |row: &&Row| row.line > columns.head && COLUMNS.iter().any(|field| typed(row, &columns, field).is_some());
    let mut lines: Vec<Line> =
        rows.iter().filter(under).map(|row| line(row, &columns, kinds, max_years, today)).collect();
    if lines.len() > MAX_ROWS {
        return Err(FileFault::Table(TableError::TooManyRows));
    }
    if lines.is_empty() {
        return Err(FileFault::NoLines);
    }
    let mut first: HashMap<String, i64> = HashMap::with_capacity(lines.len());
    for line in lines.iter_mut().filter(|line| !line.form.uscc.is_empty()) {
        let earlier = *first.entry(line.form.uscc.clone()).or_insert(line.line);
        line.twice = (earlier != line.line).then_some(earlier);
    }
    Ok(lines)
}

fn typed<'a>(row: &'a Row, columns: &Columns, field: &str) -> Option<&'a Cell> {
    row.cell(columns.of(field)?)
}

fn line(row: &Row, columns: &Columns, kinds: &[KeyKind], max_years: u8, today: BeijingDay) -> Line {
    let cells = COLUMNS.map(|field| (field, typed(row, columns, field)));
    let words = cells.map(|(field, cell)| (field, word(field, cell.map_or("", Cell::text), kinds)));
    let form = Form::from_pairs(words.iter().map(|(field, word)| (*field, word.as_str())));
    let mut faults: Vec<CellFault> = cells
        .iter()
        .filter_map(|(field, cell)| match cell {
            Some(Cell::Rounded(_)) => Some(CellFault::new(field, "fault-rounded", 0)),
            Some(Cell::Failed(_)) => Some(CellFault::new(field, "fault-formula", 0)),
            _ => None,
        })
        .collect();
    let read = form.particulars(&Process::Enrolment, kinds, max_years, today).err().unwrap_or_default();
    for (field, fault) in read {
        if faults.iter().all(|known| known.field != field) {
            faults.push(CellFault::of(field, fault));
        }
    }
    faults.sort_by_key(|fault| COLUMNS.iter().position(|field| *field == fault.field));
    let line = i64::try_from(row.line).unwrap_or(i64::MAX);
    Line { line, form, faults, twice: None, open_cases: 0, certificates: 0, case: None }
}

/// What the form would have posted for what a cell says: choices are written in words there.
fn word(field: &str, typed: &str, kinds: &[KeyKind]) -> String {
    let bare = columns::bare(typed);
    match field {
        "unit_kind" => {
            let named = |kind: &UnitKind| {
                let label = |locale: Locale| columns::bare(&locale.t(&format!("kind-{}", kind.word())));
                kind.word() == bare || Locale::ALL.into_iter().any(|locale| label(locale) == bare)
            };
            UnitKind::ALL.into_iter().find(named).map_or_else(|| typed.to_owned(), |kind| kind.word().to_owned())
        }
        "years" => {
            let digits: String = bare.chars().take_while(char::is_ascii_digit).collect();
            let unit = &bare[digits.len()..];
            let years =
                |locale: Locale| locale.t("batch-years-units").split('|').any(|word| columns::bare(word) == unit);
            let good = unit.is_empty() || Locale::ALL.into_iter().any(years);
            if good && !digits.is_empty() { digits } else { typed.to_owned() }
        }
        "key" => {
            if typed.is_empty() && OPTIONAL.contains(&field) {
                return kinds.first().map(|kind| kind.name().to_owned()).unwrap_or_default();
            }
            let named = kinds.iter().find(|kind| columns::bare(kind.name()) == bare);
            named.map_or_else(|| typed.to_owned(), |kind| kind.name().to_owned())
        }
        _ => typed.to_owned(),
    }
}
