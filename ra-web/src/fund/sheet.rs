//! Lists as spreadsheets: newcomers, new bases, months to be made up, and the units and accounts of a city's opening data. Every faulty row is named.

use std::collections::BTreeMap;

use ca_core::domain::ResidentId;
use unicode_normalization::UnicodeNormalization as _;

use super::amounts::{Fen, Month};
use super::books::PersonNumber;
use super::codes::{IdKind, PersonStatus};
use super::operation::{PlannedArrear, PlannedPerson};
use crate::batches::table::{self, Cell, Row, TableError};

/// A list of a unit has so many lines at most.
pub const MOST_LINES: usize = 2_000;
/// Rows above the headings.
const MOST_TITLE_ROWS: usize = 10;

/// A column that lists have, with the headings by which it is known, Chinese first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// The unit's account, in opening data.
    Unit,
    /// The employee's account.
    Number,
    /// Name.
    Name,
    /// Kind of number; blank is the resident's.
    IdKind,
    /// The number.
    IdNumber,
    /// Mobile number.
    Mobile,
    /// Base.
    Base,
    /// First month paid for.
    Starts,
    /// Status of the account, in opening data.
    Status,
    /// When it was opened.
    Opened,
    /// What was carried over.
    Carried,
    /// What came this year.
    Current,
    /// The unit's credit code, in opening data.
    Uscc,
    /// The unit's name.
    UnitName,
    /// The unique id of its certificates.
    UniqueId,
    /// Its address.
    Address,
    /// Who handles its business.
    Handler,
    /// The entrusted bank.
    Bank,
    /// The day of wages.
    Payday,
    /// What the unit pays of a base.
    UnitRate,
    /// What the employee pays of it.
    PersonalRate,
    /// Received and not allocated.
    Suspense,
    /// The day on which balances were so.
    BroughtIn,
    /// Through which month was paid then.
    PaidThrough,
    /// The month that is made up.
    Month,
    /// The unit's part of it.
    UnitPart,
    /// The employee's part of it.
    PersonalPart,
    /// Whether it is a difference; blank is not.
    Difference,
    /// Why.
    Words,
}

impl Column {
    const ALL: [Self; 29] = [
        Self::Unit,
        Self::Number,
        Self::Name,
        Self::IdKind,
        Self::IdNumber,
        Self::Mobile,
        Self::Base,
        Self::Starts,
        Self::Status,
        Self::Opened,
        Self::Carried,
        Self::Current,
        Self::Uscc,
        Self::UnitName,
        Self::UniqueId,
        Self::Address,
        Self::Handler,
        Self::Bank,
        Self::Payday,
        Self::UnitRate,
        Self::PersonalRate,
        Self::Suspense,
        Self::BroughtIn,
        Self::PaidThrough,
        Self::Month,
        Self::UnitPart,
        Self::PersonalPart,
        Self::Difference,
        Self::Words,
    ];

    /// The end of the message key `fund-column-…`, which is its heading.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Number => "number",
            Self::Name => "name",
            Self::IdKind => "id-kind",
            Self::IdNumber => "id-number",
            Self::Mobile => "mobile",
            Self::Base => "base",
            Self::Starts => "starts",
            Self::Status => "status",
            Self::Opened => "opened",
            Self::Carried => "carried",
            Self::Current => "current",
            Self::Uscc => "uscc",
            Self::UnitName => "unit-name",
            Self::UniqueId => "unique-id",
            Self::Address => "address",
            Self::Handler => "handler",
            Self::Bank => "bank",
            Self::Payday => "payday",
            Self::UnitRate => "unit-rate",
            Self::PersonalRate => "personal-rate",
            Self::Suspense => "suspense",
            Self::BroughtIn => "brought-in",
            Self::PaidThrough => "paid-through",
            Self::Month => "month",
            Self::UnitPart => "unit-part",
            Self::PersonalPart => "personal-part",
            Self::Difference => "difference",
            Self::Words => "words",
        }
    }

    /// Its headings, in every language.
    fn headings(self) -> Vec<String> {
        let key = format!("fund-column-{}", self.word());
        crate::i18n::Locale::ALL.map(|locale| folded(&locale.t(&key))).to_vec()
    }
}

/// What is wrong in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFault {
    /// The row, as the spreadsheet program counts.
    pub line: usize,
    /// The column.
    pub column: Column,
    /// The end of the message key `fund-cell-…`.
    pub word: &'static str,
}

/// Why a file is no list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetFault {
    /// It is no table.
    Table(TableError),
    /// No row has these headings.
    Missing(Vec<Column>),
    /// No line below the headings.
    NoLines,
    /// Over [`MOST_LINES`], or what the caller allows.
    TooMany(usize),
    /// These cells.
    Cells(Vec<CellFault>),
}

/// A line: its row, and its cells by column.
pub(super) struct Line {
    pub(super) row: usize,
    cells: BTreeMap<Column, Cell>,
}

impl Line {
    /// Reads a cell, or notes what is wrong with it.
    pub(super) fn read<T>(
        &self,
        column: Column,
        word: &'static str,
        faults: &mut Vec<CellFault>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let fault = |word| CellFault { line: self.row, column, word };
        match self.cells.get(&column) {
            Some(Cell::Rounded(_)) => {
                faults.push(fault("rounded"));
                None
            }
            Some(Cell::Failed(_)) => {
                faults.push(fault("failed"));
                None
            }
            cell => {
                let value = read(cell.map_or("", Cell::text));
                if value.is_none() {
                    faults.push(fault(word));
                }
                value
            }
        }
    }
}

fn folded(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace() && !matches!(c, '*' | '(' | ')')).collect::<String>().to_lowercase()
}

/// The lines of a file that has these columns; others are overlooked.
pub(super) fn lines(bytes: &[u8], needed: &[Column], most: usize) -> Result<Vec<Line>, SheetFault> {
    let rows = table::read(bytes).map_err(SheetFault::Table)?;
    let headings: Vec<(Column, Vec<String>)> = Column::ALL.map(|column| (column, column.headings())).to_vec();
    let columns = |row: &Row| -> BTreeMap<Column, usize> {
        let place = |(at, cell): &(usize, Cell)| {
            let text = folded(cell.text());
            headings.iter().find(|(_, names)| names.contains(&text)).map(|(column, _)| (*column, *at))
        };
        row.cells.iter().filter_map(place).collect()
    };
    let best =
        rows.iter().take(MOST_TITLE_ROWS).enumerate().max_by_key(|(n, row)| (columns(row).len(), usize::MAX - n));
    let (at, found) = best.map(|(at, row)| (at, columns(row))).ok_or(SheetFault::NoLines)?;
    let missing: Vec<Column> = needed.iter().copied().filter(|column| !found.contains_key(column)).collect();
    if !missing.is_empty() {
        return Err(SheetFault::Missing(missing));
    }
    let below: Vec<Line> = rows[at + 1..]
        .iter()
        .map(|row| Line {
            row: row.line,
            cells: found.iter().filter_map(|(column, at)| Some((*column, row.cell(*at)?.clone()))).collect(),
        })
        .filter(|line: &Line| !line.cells.is_empty())
        .collect();
    match below.len() {
        0 => Err(SheetFault::NoLines),
        n if n > most => Err(SheetFault::TooMany(most)),
        _ => Ok(below),
    }
}

/// A name: at least two letters, no digits.
#[must_use]
pub fn name(text: &str) -> Option<String> {
    let text: String = text.trim().nfc().collect();
    let count = text.chars().count();
    let good = (2..=50).contains(&count) && !text.chars().any(|c| c.is_control() || c.is_ascii_digit());
    good.then_some(text)
}

/// A mobile number of the mainland: eleven digits that begin with 1.
#[must_use]
pub fn mobile(text: &str) -> Option<String> {
    let text: String = text.nfkc().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (text.len() == 11 && text.starts_with('1') && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// A kind of number, by its name in either language or its code.
#[must_use]
pub fn id_kind(text: &str) -> Option<IdKind> {
    let text = folded(text);
    if text.is_empty() {
        return Some(IdKind::Resident);
    }
    IdKind::ALL.iter().copied().find(|kind| {
        let key = format!("fund-id-{}", kind.word());
        text == kind.code() || crate::i18n::Locale::ALL.iter().any(|locale| folded(&locale.t(&key)) == text)
    })
}

/// A status of an employee's account, by its name in either language or its code, of which a spreadsheet may drop the zero.
#[must_use]
pub fn person_status(text: &str) -> Option<PersonStatus> {
    let text = folded(text);
    PersonStatus::ALL.iter().copied().find(|status| {
        let key = format!("fund-status-{}", status.word());
        text == status.code()
            || text == status.code().trim_start_matches('0')
            || crate::i18n::Locale::ALL.iter().any(|locale| folded(&locale.t(&key)) == text)
    })
}

/// A number of this kind: the resident's with its check character, others of a sane length.
#[must_use]
pub fn id_number(kind: IdKind, text: &str) -> Option<String> {
    let text: String = text.nfkc().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    let good = match kind {
        IdKind::Resident => text.parse::<ResidentId>().is_ok(),
        _ => (4..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()),
    };
    good.then_some(text)
}

/// A month as people write it: `2026-11`, `202611`, `2026年11月`, `2026/11`.
#[must_use]
pub fn month(text: &str) -> Option<Month> {
    let text: String = text.nfkc().collect();
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    match (parts.next()?, parts.next()) {
        (whole, None) if whole.len() == 6 => Month::new(whole.parse().ok()?),
        (year, Some(month)) if year.len() == 4 && month.len() <= 2 => {
            Month::new(year.parse::<i64>().ok()? * 100 + month.parse::<i64>().ok()?)
        }
        _ => None,
    }
}

/// What of a person stands in a line, or what is wrong with it.
pub(super) fn person(line: &Line, faults: &mut Vec<CellFault>) -> Option<(String, IdKind, String, String)> {
    let name = line.read(Column::Name, "name", faults, name);
    let kind = line.read(Column::IdKind, "id-kind", faults, id_kind);
    let number =
        line.read(Column::IdNumber, "id-number", faults, |text| id_number(kind.unwrap_or(IdKind::Resident), text));
    let mobile = line.read(Column::Mobile, "mobile", faults, mobile);
    Some((name?, kind?, number?, mobile?))
}

/// Newcomers out of a file, each with its row.
///
/// # Errors
/// [`SheetFault`] with every faulty cell.
pub fn newcomers(bytes: &[u8]) -> Result<Vec<(usize, PlannedPerson)>, SheetFault> {
    let needed = [Column::Name, Column::IdNumber, Column::Mobile, Column::Base, Column::Starts];
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for line in lines(bytes, &needed, MOST_LINES)? {
        let person = person(&line, &mut faults);
        let base = line.read(Column::Base, "amount", &mut faults, Fen::typed);
        let starts = line.read(Column::Starts, "month", &mut faults, month);
        if let (Some((name, id_kind, id_number, mobile)), Some(base), Some(starts)) = (person, base, starts) {
            let planned =
                PlannedPerson { number: None, id: String::new(), name, id_kind, id_number, mobile, base, starts };
            found.push((line.row, planned));
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(SheetFault::Cells(faults)) }
}

/// Months to be made up out of a file, each with its row. A name beside an account must be its holder's.
///
/// # Errors
/// [`SheetFault`] with every faulty cell.
pub fn arrears(bytes: &[u8]) -> Result<Vec<(usize, PlannedArrear)>, SheetFault> {
    let needed = [Column::Number, Column::Month, Column::UnitPart, Column::PersonalPart, Column::Words];
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for line in lines(bytes, &needed, MOST_LINES)? {
        let number = line.read(Column::Number, "number", &mut faults, |text| text.trim().parse().ok());
        let holder = line.read(Column::Name, "name", &mut faults, |text| match text.trim() {
            "" => Some(String::new()),
            text => name(text),
        });
        let month = line.read(Column::Month, "month", &mut faults, month);
        let unit_part = line.read(Column::UnitPart, "amount", &mut faults, Fen::typed);
        let personal_part = line.read(Column::PersonalPart, "amount", &mut faults, Fen::typed);
        let difference = line.read(Column::Difference, "difference", &mut faults, difference);
        let words = line.read(Column::Words, "words", &mut faults, words);
        let (Some(number), Some(name), Some(month), Some(words)) = (number, holder, month, words) else { continue };
        if let (Some(unit_part), Some(personal_part), Some(difference)) = (unit_part, personal_part, difference) {
            found.push((line.row, PlannedArrear { number, name, month, unit_part, personal_part, difference, words }));
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(SheetFault::Cells(faults)) }
}

/// Whether a month is made up as a difference, in the words of either language; blank is not.
fn difference(text: &str) -> Option<bool> {
    let text = folded(text);
    if text.is_empty() {
        return Some(false);
    }
    let known = [("no", false), ("no-short", false), ("yes", true), ("yes-short", true)];
    known.into_iter().find_map(|(word, difference)| {
        let key = format!("fund-difference-{word}");
        let said = crate::i18n::Locale::ALL.iter().any(|locale| folded(&locale.t(&key)) == text);
        said.then_some(difference)
    })
}

/// A reason: two letters or more on one line.
#[must_use]
pub fn words(text: &str) -> Option<String> {
    let text = text.trim();
    ((2..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// New bases out of a file: row, account, name if it is given, base.
///
/// # Errors
/// [`SheetFault`] with every faulty cell.
pub fn bases(bytes: &[u8]) -> Result<Vec<(usize, PersonNumber, Fen)>, SheetFault> {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for line in lines(bytes, &[Column::Number, Column::Base], MOST_LINES)? {
        let number = line.read(Column::Number, "number", &mut faults, |text| text.trim().parse().ok());
        let base = line.read(Column::Base, "amount", &mut faults, Fen::typed);
        if let (Some(number), Some(base)) = (number, base) {
            found.push((line.row, number, base));
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(SheetFault::Cells(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_newcomers_is_read_and_every_faulty_cell_is_named() {
        let good = "某单位开户名单\n姓名,证件类型,证件号码,手机号码,缴存基数,起缴年月\n\
                    周一,,11010519491231002X,13800000001,\"5,678.00\",2026-11\n周二,护照,E12345678,13800000002,6000,202611\n";
        let found = newcomers(good.as_bytes()).expect("a list");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0, found[0].1.base, found[1].1.id_kind), (3, Fen::new(567_800), IdKind::Passport));
        let faulty = good.replace("002X", "0021").replace("6000", "六千").replace("周二", "2");
        let Err(SheetFault::Cells(faults)) = newcomers(faulty.as_bytes()) else { panic!("faults") };
        let named: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.word)).collect();
        assert_eq!(named, [(3, "id-number"), (4, "name"), (4, "amount")]);
        assert_eq!(
            newcomers("姓名,缴存基数\n周一,1\n".as_bytes()).err(),
            Some(SheetFault::Missing(vec![Column::IdNumber, Column::Mobile, Column::Starts]))
        );
        assert_eq!(
            newcomers(good.lines().take(2).collect::<Vec<_>>().join("\n").as_bytes()).err(),
            Some(SheetFault::NoLines)
        );
    }

    #[test]
    fn a_list_of_months_is_read_and_a_doubtful_line_is_named() {
        let good = "个人账号,姓名,所属年月,单位部分,个人部分,补缴类型,说明\n\
                    030000000001,周一,2026-09,454.24,454.24,,漏报\n030000000002,,202610,10,10,该月已缴，补差额,基数少报\n";
        let good = good.replace("该月已缴，补差额", "\"该月已缴，补差额\"");
        let found = arrears(good.as_bytes()).expect("a list");
        let seen: Vec<(usize, bool, &str)> =
            found.iter().map(|(row, one)| (*row, one.difference, one.name.as_str())).collect();
        assert_eq!(seen, [(2, false, "周一"), (3, true, "")]);
        let faulty = good.replace("漏报", "").replace("202610", "十月").replace("补差额", "也许");
        let Err(SheetFault::Cells(faults)) = arrears(faulty.as_bytes()) else { panic!("faults") };
        let named: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.word)).collect();
        assert_eq!(named, [(2, "words"), (3, "month"), (3, "difference")]);
    }

    #[test]
    fn months_mobiles_and_names_are_read_as_people_write_them() {
        for text in ["2026-11", "202611", "2026年11月", "2026/11", "２０２６－１１"] {
            assert_eq!(month(text), Month::new(202_611), "{text}");
        }
        assert_eq!((month("2026-13"), month("11")), (None, None));
        assert_eq!(mobile("138 0000 0001").as_deref(), Some("13800000001"));
        assert_eq!((mobile("23800000001"), name("周"), name("周1一")), (None, None, None));
    }
}
