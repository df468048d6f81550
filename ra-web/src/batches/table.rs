//! A file as a table of cells: XLSX, or CSV in UTF-8 (with or without a byte order mark) or GBK.
//!
//! What a file claims of its size counts for nothing: packed parts are unpacked against a budget before the reader sees
//! them, rows and cells are counted while they are read, and a cell far out in the sheet ends the reading instead of
//! filling what lies between.

use std::io::{Cursor, Read as _};

use calamine::{Data, DataRef, Reader as _, Xlsx};

/// A file has at most so many bytes.
pub const MAX_FILE_BYTES: usize = 8 * 1024 * 1024;
/// Rows with units.
pub const MAX_ROWS: usize = 10_000;
/// Columns.
pub const MAX_COLUMNS: usize = 64;
/// A cell has at most so many characters; a name or an address is far shorter.
const MAX_CELL_CHARS: usize = 1_000;
/// Of all parts of a packed file together.
const MAX_UNPACKED_BYTES: u64 = 48 * 1024 * 1024;
/// A workbook has a few dozen.
const MAX_PARTS: usize = 500;
/// Rows above the units: titles, the head, and as many that were left blank.
const MAX_OTHER_ROWS: usize = 100;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text, trimmed.
    Text(String),
    /// A number that the spreadsheet program keeps to fifteen digits only: of a longer one the end is lost.
    Rounded(String),
    /// A formula that failed, `#REF!`.
    Failed(String),
}

impl Cell {
    /// As it was typed, as far as that is known.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Rounded(text) | Self::Failed(text) => text,
        }
    }
}

/// A row that has anything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// As the spreadsheet program counts: from 1.
    pub line: usize,
    /// Its cells, by column from 0; blank ones are left out.
    pub cells: Vec<(usize, Cell)>,
}

impl Row {
    /// The cell of a column.
    #[must_use]
    pub fn cell(&self, column: usize) -> Option<&Cell> {
        self.cells.iter().find(|(at, _)| *at == column).map(|(_, cell)| cell)
    }
}

/// Why a file is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Over [`MAX_FILE_BYTES`], packed or unpacked.
    #[error("the file is too large")]
    TooLarge,
    /// Over [`MAX_ROWS`].
    #[error("the file has over {MAX_ROWS} rows")]
    TooManyRows,
    /// A cell beyond [`MAX_COLUMNS`].
    #[error("the sheet has a cell beyond column {MAX_COLUMNS}")]
    TooWide,
    /// A cell with a novel in it: its row.
    #[error("a cell of row {0} is too long")]
    CellTooLong(usize),
    /// The old binary format of `.xls`, which is not read.
    #[error("the file is in the old .xls format")]
    OldFormat,
    /// Neither XLSX nor text.
    #[error("the file is neither XLSX nor CSV")]
    WrongType,
    /// It begins as an XLSX file does, and does not go on so.
    #[error("the file is damaged")]
    Damaged,
    /// Text in an encoding that is not known.
    #[error("the text is neither in UTF-8 nor in GBK")]
    Encoding,
}

impl TableError {
    /// The end of the message key `batch-file-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
            Self::TooManyRows => "too-many-rows",
            Self::TooWide => "too-wide",
            Self::CellTooLong(_) => "cell-too-long",
            Self::OldFormat => "old-format",
            Self::WrongType => "wrong-type",
            Self::Damaged => "damaged",
            Self::Encoding => "encoding",
        }
    }

    /// The number in the message.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::CellTooLong(row) => row,
            _ => 0,
        }
    }
}

/// Reads a file; its content says what it is, its name nothing.
///
/// # Errors
/// [`TableError`].
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, TableError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(TableError::TooLarge);
    }
    let rows = match bytes {
        [] => return Err(TableError::Empty),
        [b'P', b'K', 3, 4, ..] => sheet(bytes)?,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(TableError::OldFormat),
        _ => text(bytes)?,
    };
    if rows.is_empty() { Err(TableError::Empty) } else { Ok(rows) }
}

/// Collects rows and stops where a limit is reached.
#[derive(Default)]
struct Collected(Vec<Row>);

impl Collected {
    fn put(&mut self, line: usize, column: usize, cell: Cell) -> Result<(), TableError> {
        if cell.text().is_empty() {
            return Ok(());
        }
        if column >= MAX_COLUMNS {
            return Err(TableError::TooWide);
        }
        if cell.text().chars().count() > MAX_CELL_CHARS {
            return Err(TableError::CellTooLong(line));
        }
        if let Some(row) = self.0.last_mut().filter(|row| row.line == line) {
            row.cells.push((column, cell));
            return Ok(());
        }
        if self.0.len() >= MAX_ROWS + MAX_OTHER_ROWS {
            return Err(TableError::TooManyRows);
        }
        self.0.push(Row { line, cells: vec![(column, cell)] });
        Ok(())
    }
}

/// The first sheet of a workbook.
fn sheet(bytes: &[u8]) -> Result<Vec<Row>, TableError> {
    within_budget(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| TableError::Damaged)?;
    let name = book.sheet_names().first().cloned().ok_or(TableError::Damaged)?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(|_| TableError::Damaged)?;
    let mut found = Collected::default();
    while let Some(cell) = cells.next_cell().map_err(|_| TableError::Damaged)? {
        let (row, column) = cell.get_position();
        found.put(row as usize + 1, column as usize, value(cell.get_value()))?;
    }
    Ok(found.0)
}

/// Unpacks every part and throws it away, counting.
fn within_budget(bytes: &[u8]) -> Result<(), TableError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| TableError::Damaged)?;
    if archive.len() > MAX_PARTS {
        return Err(TableError::TooLarge);
    }
    let mut left = MAX_UNPACKED_BYTES;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| TableError::Damaged)?;
        let read = std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|_| TableError::Damaged)?;
        left = left.checked_sub(read).ok_or(TableError::TooLarge)?;
    }
    Ok(())
}

fn value(data: &DataRef<'_>) -> Cell {
    let text = |text: &str| Cell::Text(text.trim().to_owned());
    match data {
        DataRef::Empty => text(""),
        DataRef::String(said) | DataRef::DateTimeIso(said) | DataRef::DurationIso(said) => text(said),
        DataRef::SharedString(said) => text(said),
        DataRef::Bool(said) => text(if *said { "TRUE" } else { "FALSE" }),
        DataRef::Int(n) => number(*n as f64),
        DataRef::Float(n) => number(*n),
        DataRef::DateTime(_) => text(&Data::from(data.clone()).to_string()),
        DataRef::Error(fault) => Cell::Failed(fault.to_string()),
    }
}

/// A number as its digits; one of more than fifteen is not what was typed any more.
fn number(n: f64) -> Cell {
    let written = if n.fract() == 0.0 && n.abs() < 1e21 { format!("{n:.0}") } else { n.to_string() };
    if n.abs() >= 1e15 { Cell::Rounded(written) } else { Cell::Text(written) }
}

/// Comma or tab separated text.
fn text(bytes: &[u8]) -> Result<Vec<Row>, TableError> {
    let text = decoded(bytes)?.replace("\r\n", "\n").replace('\r', "\n");
    if text.chars().any(|c| c == '\0') {
        return Err(TableError::WrongType);
    }
    let head = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |c: char| head.matches(c).count();
    let delimiter = [b',', b'\t', b';'].into_iter().max_by_key(|c| (count(char::from(*c)), *c == b',')).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut found = Collected::default();
    let mut record = csv::StringRecord::new();
    let (mut line, mut counted) = (1, 0);
    while reader.read_record(&mut record).map_err(|_| TableError::Damaged)? {
        // Where the record begins, the blank lines before it left behind.
        let from = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let rest = text.get(from..).ok_or(TableError::Damaged)?;
        let start = from + rest.len() - rest.trim_start_matches('\n').len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        for (column, typed) in record.iter().enumerate() {
            // What a spreadsheet program puts before a number that is to stay text.
            let typed = typed.trim();
            let typed = typed.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(typed);
            let typed = typed.strip_prefix('\'').unwrap_or(typed);
            found.put(line, column, written(typed))?;
        }
    }
    Ok(found.0)
}

/// `9.1E+17` is what is left of a code that was opened and saved as a number.
fn written(typed: &str) -> Cell {
    let rounded = typed.split_once(['E', 'e']).is_some_and(|(number, power)| {
        number.contains('.')
            && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && power
                .strip_prefix('+')
                .is_some_and(|power| !power.is_empty() && power.bytes().all(|b| b.is_ascii_digit()))
    });
    if rounded { Cell::Rounded(typed.to_owned()) } else { Cell::Text(typed.to_owned()) }
}

/// Text in UTF-8, else in GBK (GB 18030).
///
/// # Errors
/// [`TableError::Encoding`].
pub(crate) fn decoded(bytes: &[u8]) -> Result<String, TableError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let (text, faulty) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    if faulty { Err(TableError::Encoding) } else { Ok(text.into_owned()) }
}
