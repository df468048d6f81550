//! Statements of an account, as banks give them out: CSV ([`csv`]), MT940 ([`mt940`]), CAMT.053 ([`camt`]); and the codes
//! ([`code`]) by which payers say what their money is for. For the office's account and for the fund's.
//!
//! Pure: bytes become a [`Statement`], or every fault of the file is named and nothing of it is taken. Trusts nothing in
//! the file: bytes, rows, depth and lengths are limited, what a file says of balances is added up, and of XML only elements
//! and text are read, no document types and no entities. Never guesses at an amount, a day or a direction.

pub mod camt;
pub mod code;
pub mod csv;
pub mod fresh;
pub mod mt940;

use ca_core::domain::BeijingDay;
use unicode_normalization::UnicodeNormalization as _;

use crate::batches::table::TableError;
use crate::fen::Fen;

/// A file has at most so many bytes.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// And so many lines.
pub const MAX_LINES: usize = 5_000;
/// So many characters of a name or a memo are kept.
const MAX_TEXT: usize = 300;
/// So many faulty rows are named; the rest is counted.
const MOST_FAULTS: usize = 50;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table of text.
    Csv,
    /// SWIFT MT940.
    Mt940,
    /// ISO 20022 CAMT.053.
    Camt053,
}

impl Format {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Mt940 => "mt940",
            Self::Camt053 => "camt053",
        }
    }

    /// The format with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Csv, Self::Mt940, Self::Camt053].into_iter().find(|format| format.word() == word)
    }
}

/// A line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// Where it stands in the file, as an editor counts: from 1.
    pub row: usize,
    /// On which day it was booked.
    pub day: BeijingDay,
    /// At what time, as the bank writes it: it tells two lines apart that are alike otherwise.
    pub moment: String,
    /// The bank's own number of it, where it gives one.
    pub serial: Option<String>,
    /// What came, or went below zero.
    pub amount: Fen,
    /// Who paid or was paid; nothing when the bank does not say.
    pub payer: String,
    /// From or to which account.
    pub payer_account: String,
    /// What stands beside it.
    pub memo: String,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// How the file is written.
    pub format: Format,
    /// Whose account it says it is.
    pub account: Option<String>,
    /// What was on it before.
    pub opening: Option<Fen>,
    /// What is on it after.
    pub closing: Option<Fen>,
    /// Its lines, in their order.
    pub lines: Vec<StatementLine>,
}

/// What is wrong with a row: the end of the message key `wire-row-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFault {
    /// No day, or none that there is.
    Day,
    /// No amount, or none that can be read.
    Amount,
    /// An amount in both columns.
    BothSides,
    /// Neither in nor out.
    Direction,
    /// Not renminbi.
    Currency,
    /// Of another account.
    Account,
    /// It cannot be read at all.
    Form,
    /// The bank's number is there already, with something else beside it.
    Serial,
}

impl RowFault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Day,
        Self::Amount,
        Self::BothSides,
        Self::Direction,
        Self::Currency,
        Self::Account,
        Self::Form,
        Self::Serial,
    ];

    /// The end of the message key.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Amount => "amount",
            Self::BothSides => "both-sides",
            Self::Direction => "direction",
            Self::Currency => "currency",
            Self::Account => "account",
            Self::Form => "form",
            Self::Serial => "serial",
        }
    }
}

/// A faulty row: where it stands, what is wrong, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyRow {
    /// As an editor counts.
    pub row: usize,
    /// What is wrong.
    pub fault: RowFault,
    /// What stands there.
    pub typed: String,
}

/// Why a file is not taken. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Over [`MAX_FILE_BYTES`] or [`MAX_LINES`], or no text.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A workbook: the bank gives the same as CSV.
    #[error("a workbook")]
    Workbook,
    /// No row names the columns.
    #[error("no row names its columns")]
    NoHead,
    /// A column is missing: the end of `wire-column-…`.
    #[error("there is no column for {0}")]
    NoColumn(&'static str),
    /// It breaks off or is not what it begins as; where.
    #[error("row {0} cannot be read")]
    Broken(usize),
    /// Document types, entities or nesting that a statement has no need of.
    #[error("the XML has what no statement needs")]
    Xml,
    /// No lines.
    #[error("no lines")]
    NoLines,
    /// What was there, what came and went, and what is there do not add up.
    #[error("{opening} and {moved} are not {closing}")]
    Balance {
        /// Before.
        opening: Fen,
        /// All lines.
        moved: Fen,
        /// After.
        closing: Fen,
    },
    /// It is of another account than ours.
    #[error("the statement is of another account")]
    OtherAccount(String),
    /// Rows that cannot be taken, and how many there are.
    #[error("{count} rows are faulty")]
    Rows {
        /// The first of them.
        rows: Vec<FaultyRow>,
        /// All of them.
        count: usize,
    },
}

impl FileFault {
    /// The end of the message key `wire-file-…`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Table(error) => error.word(),
            Self::Workbook => "workbook",
            Self::NoHead => "no-head",
            Self::NoColumn(_) => "no-column",
            Self::Broken(_) => "broken",
            Self::Xml => "xml",
            Self::NoLines => "no-lines",
            Self::Balance { .. } => "balance",
            Self::OtherAccount(_) => "other-account",
            Self::Rows { .. } => "rows",
        }
    }

    /// Named rows, as many as are shown.
    #[must_use]
    pub fn rows(mut rows: Vec<FaultyRow>) -> Self {
        let count = rows.len();
        rows.truncate(MOST_FAULTS);
        Self::Rows { rows, count }
    }
}

/// Reads a file; its content says what it is, its name nothing.
///
/// # Errors
/// [`FileFault`].
pub fn read(bytes: &[u8]) -> Result<Statement, FileFault> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(TableError::TooLarge.into());
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(FileFault::Workbook);
    }
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head: String = start.iter().take(400).map(|byte| char::from(*byte)).collect();
    let head = head.trim_start();
    let statement = if head.starts_with('<') {
        camt::read(bytes)?
    } else if head.starts_with("{1:") || head.starts_with(":20:") {
        mt940::read(bytes)?
    } else {
        csv::read(bytes)?
    };
    if statement.lines.is_empty() {
        return Err(FileFault::NoLines);
    }
    if statement.lines.len() > MAX_LINES {
        return Err(TableError::TooManyRows.into());
    }
    Ok(statement)
}

/// That what was there and what moved is what is there.
fn balanced(opening: Fen, lines: &[StatementLine], closing: Fen) -> Result<(), FileFault> {
    let moved: Fen = lines.iter().map(|line| line.amount).sum();
    if opening + moved == closing { Ok(()) } else { Err(FileFault::Balance { opening, moved, closing }) }
}

/// A name or a memo: compatibility forms folded, control characters and runs of blanks one blank, not too long.
fn tidy(text: &str) -> String {
    let plain: String = text.nfkc().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_TEXT).collect()
}

/// The digits and letters of an account or a bank's number, as they are compared.
#[must_use]
pub fn plain(text: &str) -> String {
    text.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).take(64).collect()
}

/// An amount as banks write it: thousands parted by commas or blanks, full-width digits, a sign before or behind, or
/// brackets for less than zero.
fn amount(text: &str) -> Option<Fen> {
    let text: String = text.nfkc().filter(|c| !c.is_whitespace() && *c != ',').collect();
    let text = text.trim_start_matches(['¥', '￥']).trim_end_matches('元');
    let (sign, text) = if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (-1, inner)
    } else if let Some(rest) = text.strip_prefix(['-', '−']).or_else(|| text.strip_suffix('-')) {
        (-1, rest)
    } else {
        (1, text.strip_prefix('+').unwrap_or(text))
    };
    let fen: Fen = text.parse().ok()?;
    Some(fen.times(sign))
}

/// A day as banks write it, with or without a time behind it.
fn day(text: &str) -> Option<BeijingDay> {
    let text: String = text.nfkc().collect();
    let parts: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let date = match parts.as_slice() {
        [whole, ..] if whole.len() == 8 || whole.len() == 14 => (&whole[..4], &whole[4..6], &whole[6..8]),
        [year, month, day, ..] if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => (*year, *month, *day),
        _ => return None,
    };
    BeijingDay::from_calendar(date.0.parse().ok()?, date.1.parse().ok()?, date.2.parse().ok()?)
}

/// Whether a currency is ours.
fn is_yuan(text: &str) -> bool {
    matches!(plain(text).as_str(), "CNY" | "RMB" | "156" | "01" | "人民币" | "人民币元")
}

#[cfg(test)]
mod tests;
