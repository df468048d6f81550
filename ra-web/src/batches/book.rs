//! Workbooks: the template of a batch, the report with its faults marked, and the addresses of letters.
//!
//! The report is laid out as the template is, so that it can be mended and sent in again. Columns of codes are text:
//! spreadsheet programs keep numbers to fifteen digits.

use rust_xlsxwriter::{Color, DataValidation, Format, FormatAlign, FormatBorder, Note, Workbook, Worksheet, XlsxError};

use super::Line;
use super::columns::{COLUMNS, OPTIONAL};
use super::letters::Ending;
use super::table::MAX_ROWS;
use crate::enrolment::form::UnitKind;
use crate::i18n::Locale;

/// Rows of the template's body that are ready for typing; more are typed below as well.
const READY_ROWS: u32 = MAX_ROWS as u32;
/// Widths of the columns, in characters.
const WIDTHS: [f64; 10] = [34.0, 22.0, 16.0, 34.0, 18.0, 14.0, 22.0, 16.0, 10.0, 12.0];
/// Faults of one cell that stand in its note.
const MAX_NOTE_CHARS: usize = 500;

struct Looks {
    head: Format,
    text: Format,
    bad: Format,
    said: Format,
    title: Format,
}

impl Looks {
    fn new() -> Self {
        let text = || Format::new().set_num_format("@").set_align(FormatAlign::Top);
        let head = Format::new().set_bold().set_text_wrap().set_border(FormatBorder::Thin);
        Self {
            head: head.set_background_color(Color::RGB(0x00e7_effb)).set_num_format("@"),
            text: text(),
            bad: text()
                .set_background_color(Color::RGB(0x00fd_ecec))
                .set_font_color(Color::RGB(0x00b3_141d))
                .set_border(FormatBorder::Thin),
            said: Format::new().set_text_wrap().set_align(FormatAlign::Top),
            title: Format::new().set_bold().set_font_size(14),
        }
    }
}

fn label(locale: Locale, field: &str) -> String {
    locale.t(&format!("field-{}", field.replace('_', "-")))
}

/// What is wrong with a cell and how it is mended, in words.
#[must_use]
pub fn fault_text(locale: Locale, fault: &super::CellFault) -> String {
    let wrong = locale.t_with(&fault.key, &[("field", &label(locale, &fault.field)), ("n", &fault.n)]);
    locale.t_with("batch-fault", &[("wrong", &wrong), ("mend", &locale.t(&mend_key(fault)))])
}

fn mend_key(fault: &super::CellFault) -> String {
    match (fault.key.as_str(), fault.field.as_str()) {
        ("fault-choice", "unit_kind") => "batch-mend-choice-kind".to_owned(),
        ("fault-choice", "years") => "batch-mend-choice-years".to_owned(),
        ("fault-choice", _) => "batch-mend-choice-key".to_owned(),
        (key, _) => format!("batch-mend-{}", key.trim_start_matches("fault-")),
    }
}

/// The template: a sheet to fill in, with drop-downs, and one that explains.
///
/// # Errors
/// [`XlsxError`], never in practice.
pub fn template(locale: Locale, keys: &[String]) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks::new();
    let mut book = Workbook::new();
    body(book.add_worksheet(), locale, keys, &looks)?;
    explanation(book.add_worksheet(), locale, keys, &looks)?;
    book.save_to_buffer()
}

/// The report: every line as it was typed, faulty cells marked and explained; can be mended and sent in again.
///
/// # Errors
/// [`XlsxError`], never in practice.
pub fn report(locale: Locale, keys: &[String], lines: &[Line]) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    body(sheet, locale, keys, &looks)?;
    let last = COLUMNS.len() as u16;
    sheet.write_string_with_format(0, last, locale.t("batch-col-said"), &looks.head)?;
    sheet.set_column_width(last, 60.0)?;
    for (row, line) in (1_u32..).zip(lines) {
        for (column, field) in (0_u16..).zip(COLUMNS) {
            let typed = shown(locale, field, line.form.field(field));
            let fault = line.faults.iter().find(|fault| fault.field == field);
            let format = if fault.is_some() { &looks.bad } else { &looks.text };
            sheet.write_string_with_format(row, column, &typed, format)?;
            if let Some(fault) = fault {
                let text: String = fault_text(locale, fault).chars().take(MAX_NOTE_CHARS).collect();
                sheet.insert_note(row, column, &Note::new(text).add_author_prefix(false))?;
            }
        }
        let said = said(locale, line);
        if !said.is_empty() {
            sheet.write_string_with_format(row, last, said, &looks.said)?;
        }
    }
    explanation(book.add_worksheet(), locale, keys, &looks)?;
    book.save_to_buffer()
}

/// All that is to be said of a line: its faults, then what should be looked at.
fn said(locale: Locale, line: &Line) -> String {
    let mut said: Vec<String> = line.faults.iter().map(|fault| fault_text(locale, fault)).collect();
    said.extend(doubts(locale, line.twice, line.open_cases, line.certificates));
    said.join("\n")
}

/// What should be looked at before a line is taken in.
#[must_use]
pub fn doubts(locale: Locale, twice: Option<i64>, open_cases: i64, certificates: i64) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(earlier) = twice {
        doubts.push(locale.t_with("batch-doubt-twice", &[("line", &earlier)]));
    }
    if open_cases > 0 {
        doubts.push(locale.t_with("batch-doubt-case", &[("n", &open_cases)]));
    }
    if certificates > 0 {
        doubts.push(locale.t_with("batch-doubt-certificate", &[("n", &certificates)]));
    }
    doubts
}

/// A choice as its label, so that the sheet's drop-down knows it.
fn shown(locale: Locale, field: &str, typed: &str) -> String {
    match UnitKind::ALL.into_iter().find(|kind| field == "unit_kind" && kind.word() == typed) {
        Some(kind) => locale.t(&format!("kind-{}", kind.word())),
        None => typed.to_owned(),
    }
}

fn body(sheet: &mut Worksheet, locale: Locale, keys: &[String], looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(locale.t("batch-sheet-units"))?.set_freeze_panes(1, 2)?;
    for ((column, field), width) in (0_u16..).zip(COLUMNS).zip(WIDTHS) {
        sheet.set_column_width(column, width)?.set_column_format(column, &looks.text)?;
        sheet.write_string_with_format(0, column, label(locale, field), &looks.head)?;
    }
    let at = |field: &str| COLUMNS.iter().position(|name| *name == field).unwrap_or(0) as u16;
    let kinds = UnitKind::ALL.map(|kind| locale.t(&format!("kind-{}", kind.word())));
    let years = ["1", "2", "3", "4", "5"].map(str::to_owned);
    for (field, choices) in [("unit_kind", &kinds[..]), ("years", &years[..]), ("key", keys)] {
        let rule = DataValidation::new().allow_list_strings(choices)?;
        sheet.add_data_validation(1, at(field), READY_ROWS, at(field), &rule)?;
    }
    Ok(())
}

fn explanation(sheet: &mut Worksheet, locale: Locale, keys: &[String], looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(locale.t("batch-sheet-how"))?.set_column_width(0, 30.0)?.set_column_width(1, 80.0)?;
    sheet.write_string_with_format(0, 0, locale.t("batch-how-title"), &looks.title)?;
    let most = MAX_ROWS;
    let general = [locale.t_with("batch-how-rows", &[("n", &most)]), locale.t("batch-how-text")];
    let mut row = 1;
    for text in general {
        row += 1;
        sheet.merge_range(row, 0, row, 1, &text, &looks.said)?;
        sheet.set_row_height(row, 34)?;
    }
    row += 2;
    for field in COLUMNS {
        let mut text = locale.t(&format!("batch-how-{}", field.replace('_', "-")));
        if OPTIONAL.contains(&field) {
            text = locale.t_with("batch-how-optional", &[("text", &text), ("usual", keys.first().unwrap_or(&text))]);
        }
        sheet.write_string_with_format(row, 0, label(locale, field), &looks.head)?;
        sheet.write_string_with_format(row, 1, text, &looks.said)?;
        row += 1;
    }
    Ok(())
}

/// Addresses for letters.
///
/// # Errors
/// [`XlsxError`], never in practice.
pub fn addresses(locale: Locale, endings: &[Ending]) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name(locale.t("letters-sheet"))?.set_freeze_panes(1, 0)?;
    let heads = ["field-unit-name", "field-uscc", "field-address", "field-handler-name", "field-handler-mobile"];
    let heads = heads.into_iter().chain(["col-until", "col-serial", "letters-col-printed"]);
    for ((column, key), width) in (0_u16..).zip(heads).zip([34.0, 22.0, 40.0, 14.0, 16.0, 14.0, 44.0, 24.0]) {
        sheet.set_column_width(column, width)?.set_column_format(column, &looks.text)?;
        sheet.write_string_with_format(0, column, locale.t(key), &looks.head)?;
    }
    for (row, ending) in (1_u32..).zip(endings) {
        let printed = ending.printed.as_ref().map(|(at, by)| format!("{} {by}", at.beijing_text())).unwrap_or_default();
        let cells = [
            ending.unit_name.clone(),
            ending.uscc.clone(),
            ending.address.clone(),
            ending.handler_name.clone(),
            ending.handler_mobile.clone(),
            ending.until.beijing_day().to_string(),
            ending.serial.to_string(),
            printed,
        ];
        for (column, cell) in (0_u16..).zip(cells) {
            sheet.write_string_with_format(row, column, cell, &looks.text)?;
        }
    }
    book.save_to_buffer()
}
