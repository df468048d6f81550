//! A table that leaves the office as a file: CSV and XLSX.
//!
//! Trusts nothing in a cell: what Excel would take for a formula is made text, and codes of eighteen digits stay text.

use rust_xlsxwriter::{Color, Format, Workbook, XlsxError};

use crate::payment::fen::Fen;

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text, also codes and numbers that nobody adds up.
    Text(String),
    /// A number.
    Number(i64),
    /// An amount of money, in fen.
    Money(i64),
    /// Nothing known.
    Nothing,
}

/// A table with its headings.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its title: the name of the leaf.
    pub title: String,
    /// Headings, each with the width of its column in characters.
    pub columns: Vec<(String, u16)>,
    /// Rows, each as long as the headings.
    pub rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// Comma-separated, UTF-8 with a mark at its beginning, so that Excel reads it.
    #[must_use]
    pub fn csv(&self) -> Vec<u8> {
        let mut text = String::from('\u{feff}');
        let heading = self.columns.iter().map(|(heading, _)| Cell::Text(heading.clone())).collect::<Vec<_>>();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(field).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        text.into_bytes()
    }

    /// A workbook with one leaf: headings frozen, columns as wide as they need be.
    ///
    /// # Errors
    /// [`XlsxError`]: more rows than a leaf has.
    pub fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let leaf = book.add_worksheet();
        // The name of a leaf has at most 31 characters, and not these.
        let name: String = self.title.chars().map(|c| if "[]:*?/\\'".contains(c) { ' ' } else { c }).take(31).collect();
        leaf.set_name(name.trim())?;
        let heading = Format::new().set_bold().set_background_color(Color::RGB(0x00E7_EFFB));
        let text = Format::new().set_num_format("@");
        let money = Format::new().set_num_format("#,##0.00");
        for (column, (label, width)) in (0_u16..).zip(&self.columns) {
            leaf.set_column_width(column, f64::from(*width))?;
            leaf.write_string_with_format(0, column, label, &heading)?;
        }
        for (row, cells) in (1_u32..).zip(&self.rows) {
            for (column, cell) in (0_u16..).zip(cells) {
                match cell {
                    // A string is never a formula in this format, whatever it begins with.
                    Cell::Text(value) => leaf.write_string_with_format(row, column, value, &text)?,
                    Cell::Number(number) => leaf.write_number(row, column, *number as f64)?,
                    Cell::Money(fen) => leaf.write_number_with_format(row, column, *fen as f64 / 100.0, &money)?,
                    Cell::Nothing => continue,
                };
            }
        }
        leaf.set_freeze_panes(1, 0)?;
        book.save_to_buffer()
    }
}

/// A field of CSV. What begins like a formula gets an apostrophe before it; so do codes that a spreadsheet would round.
fn field(cell: &Cell) -> String {
    let text = match cell {
        Cell::Number(number) => return number.to_string(),
        Cell::Money(fen) => return Fen::new(*fen).to_string().replace(',', ""),
        Cell::Nothing => return String::new(),
        Cell::Text(text) => text,
    };
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let rounded = text.len() > 11 && text.bytes().all(|b| b.is_ascii_digit());
    let text = if formula || rounded { format!("'{text}") } else { text.clone() };
    if text.contains([',', '"', '\n', '\r', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader as _, Xlsx};

    use super::*;

    fn sheet() -> Sheet {
        let text = |text: &str| Cell::Text(text.into());
        Sheet {
            title: "到期: 名单/2026".into(),
            columns: vec![("单位".into(), 30), ("代码".into(), 20), ("数".into(), 8)],
            rows: vec![
                vec![text("示范市东湖，建筑"), text("91350100M000100Y43"), Cell::Number(7)],
                vec![text("=HYPERLINK(\"http://x\")"), text("123456789012345678"), Cell::Nothing],
                vec![text("+86"), text("-1"), Cell::Number(-1)],
                vec![text("@SUM"), text("a,b \"c\""), Cell::Money(123_456_789)],
            ],
        }
    }

    #[test]
    fn csv_is_read_by_excel_and_runs_nothing() {
        let bytes = sheet().csv();
        assert_eq!(&bytes[..3], b"\xef\xbb\xbf");
        let text = String::from_utf8(bytes[3..].to_vec()).expect("UTF-8");
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                "单位,代码,数",
                "示范市东湖，建筑,91350100M000100Y43,7",
                "\"'=HYPERLINK(\"\"http://x\"\")\",\"'123456789012345678\",",
                "\"'+86\",\"'-1\",-1",
                "\"'@SUM\",\"a,b \"\"c\"\"\",1234567.89",
                "",
            ]
        );
    }

    #[test]
    fn a_workbook_is_read_again_by_another_program_with_codes_as_text() {
        let bytes = sheet().xlsx().expect("written");
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).expect("a workbook");
        assert_eq!(book.sheet_names(), ["到期  名单 2026"]);
        let leaf = book.worksheet_range("到期  名单 2026").expect("a leaf");
        let cell = |row, column| leaf.get_value((row, column)).cloned().unwrap_or(Data::Empty);
        assert_eq!(cell(1, 1), Data::String("91350100M000100Y43".into()));
        assert_eq!(cell(2, 0), Data::String("=HYPERLINK(\"http://x\")".into()));
        assert_eq!(cell(2, 1), Data::String("123456789012345678".into()));
        assert_eq!((cell(2, 2), cell(3, 2)), (Data::Empty, Data::Float(-1.0)));
        let formulas = book.worksheet_formula("到期  名单 2026").expect("readable");
        assert!(formulas.used_cells().all(|(_, _, formula)| formula.is_empty()), "no cell is a formula");
    }
}
