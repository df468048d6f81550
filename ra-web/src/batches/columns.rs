//! Which column of a table holds which field: the head of the table is found by its words, in either language, and in the
//! other words that people use for the same thing.

use unicode_normalization::UnicodeNormalization as _;

use super::table::Row;
use crate::enrolment::form::FIELDS;
use crate::i18n::Locale;

/// The fields that a sheet has; a purchase belongs to an exchange.
pub const COLUMNS: [&str; 10] = {
    let mut columns = [""; 10];
    let mut at = 0;
    while at < 10 {
        columns[at] = FIELDS[at];
        at += 1;
    }
    columns
};

/// Fields whose column may be missing, or blank: the office's usual choice stands in for them.
pub const OPTIONAL: [&str; 1] = ["key"];

/// The head is looked for in so many rows.
const HEAD_WITHIN: usize = 20;
/// A row is the head when it names so many fields.
const HEAD_AT_LEAST: usize = 3;

/// Where each field stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Row number of the head in the sheet.
    pub head: usize,
    /// Field and column.
    pub at: Vec<(&'static str, usize)>,
}

/// Why the columns are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// No row looks like a head.
    NoHead,
    /// Fields that have no column.
    Missing(Vec<&'static str>),
    /// Two columns for one field.
    Twice(&'static str),
}

impl Columns {
    /// The column of a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<usize> {
        self.at.iter().find(|(name, _)| *name == field).map(|(_, column)| *column)
    }
}

/// Finds the head of a table.
///
/// # Errors
/// [`HeadFault`].
pub fn find(rows: &[Row]) -> Result<Columns, HeadFault> {
    let names = names();
    let heads = rows.iter().take(HEAD_WITHIN).map(|row| {
        let known = row.cells.iter().filter_map(|(column, cell)| {
            let word = bare(cell.text());
            let field = names.iter().find(|(name, _)| *name == word).map(|(_, field)| *field)?;
            Some((field, *column))
        });
        Columns { head: row.line, at: known.collect() }
    });
    let columns = heads.max_by_key(|columns| (columns.at.len(), std::cmp::Reverse(columns.head)));
    let columns = columns.filter(|columns| columns.at.len() >= HEAD_AT_LEAST).ok_or(HeadFault::NoHead)?;
    for field in COLUMNS {
        if columns.at.iter().filter(|(name, _)| *name == field).count() > 1 {
            return Err(HeadFault::Twice(field));
        }
    }
    let missing: Vec<&'static str> =
        COLUMNS.into_iter().filter(|field| columns.of(field).is_none() && !OPTIONAL.contains(field)).collect();
    if missing.is_empty() { Ok(columns) } else { Err(HeadFault::Missing(missing)) }
}

/// Every word for every field: the form's own labels and those of `batch-names-…`, in both languages.
fn names() -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for field in COLUMNS {
        let key = field.replace('_', "-");
        for locale in Locale::ALL {
            names.push((bare(&locale.t(&format!("field-{key}"))), field));
            names.extend(locale.t(&format!("batch-names-{key}")).split('|').map(|name| (bare(name), field)));
        }
        names.push((bare(field), field));
    }
    names
}

/// A word as it is compared: compatibility forms and case folded, only letters and digits, nothing in brackets.
#[must_use]
pub fn bare(text: &str) -> String {
    let mut depth = 0_usize;
    let mut word = String::new();
    for c in text.nfkc().flat_map(char::to_lowercase) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            c if depth == 0 && c.is_alphanumeric() => word.push(c),
            _ => {}
        }
    }
    word
}
