use std::io::Write as _;

use ca_core::domain::KeyKind;
use zip::write::SimpleFileOptions;

use super::archive::{ArchiveError, scans};
use super::check::{FileFault, lines};
use super::columns::{COLUMNS, HeadFault};
use super::table::{MAX_ROWS, TableError, read};
use super::*;
use crate::enrolment::document::DocumentKind;
use crate::i18n::Locale;

const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Rsa2048];
const HEAD: &str = "企业名称,信用代码,单位性质,地址,法人,联系人,身份证号,手机号,年限,算法";
const GOOD: &str = "示范市东湖建筑工程有限公司,91350100M000100Y43,企业,示范市东湖区人民路 8 号,张伟,刘芳,11010519491231002X,13800138000,2 年,";

fn today() -> BeijingDay {
    BeijingDay::from_calendar(2026, 11, 24).expect("a day")
}

fn read_lines(text: impl AsRef<[u8]>) -> Result<Vec<Line>, FileFault> {
    lines(text.as_ref(), &KINDS, 5, today())
}

fn good(text: impl AsRef<[u8]>) -> Vec<Line> {
    read_lines(text).unwrap_or_else(|fault| panic!("{fault:?}"))
}

/// A workbook of these rows of text.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in (0_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(*cells) {
            sheet.write_string(row, column, *cell).expect("written");
        }
    }
    book.save_to_buffer().expect("saved")
}

#[test]
fn a_sheet_is_read_from_every_encoding_under_other_words_for_its_columns() {
    let text = format!("{HEAD}\r\n{GOOD}\r\n");
    let gbk = encoding_rs::GB18030.encode(&text).0.into_owned();
    let bom = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let tabs = text.replace(',', "\t");
    let book = workbook(&[&HEAD.split(',').collect::<Vec<_>>(), &GOOD.split(',').collect::<Vec<_>>()]);
    for (what, bytes) in
        [("UTF-8", text.into_bytes()), ("with a mark", bom), ("GBK", gbk), ("tabs", tabs.into_bytes()), ("XLSX", book)]
    {
        let lines = good(bytes);
        assert_eq!(lines.len(), 1, "{what}");
        let Line { line, form, faults, .. } = &lines[0];
        assert_eq!((*line, faults.as_slice()), (2, &[][..]), "{what}");
        assert_eq!((form.unit_kind.as_str(), form.years.as_str(), form.key.as_str()), ("enterprise", "2", "P-256"));
        assert_eq!((form.uscc.as_str(), form.legal_person.as_str()), ("91350100M000100Y43", "张伟"), "{what}");
    }
}

#[test]
fn every_faulty_cell_of_every_row_is_named() {
    let faulty = GOOD.replace("91350100M000100Y43", "91350100M000100Y44").replace("13800138000", "1380013");
    let other = GOOD.replace("企业,", "连锁店,").replace("2 年", "6");
    let lines = good(format!("{HEAD}\n{faulty}\n\n{GOOD}\n{other}\n"));
    let named: Vec<(i64, Vec<(&str, &str)>)> = lines
        .iter()
        .map(|line| (line.line, line.faults.iter().map(|f| (f.field.as_str(), f.key.as_str())).collect()))
        .collect();
    let wanted = vec![
        (2, vec![("uscc", "fault-check"), ("handler_mobile", "fault-mobile")]),
        (4, vec![]),
        (5, vec![("unit_kind", "fault-choice"), ("years", "fault-choice")]),
    ];
    assert_eq!(named, wanted);
    for locale in Locale::ALL {
        for fault in lines.iter().flat_map(|line| &line.faults) {
            let text = book::fault_text(locale, fault);
            assert!(!text.contains("batch-") && !text.contains('{') && text.len() > 20, "{text}");
        }
    }
}

#[test]
fn a_code_that_the_spreadsheet_program_rounded_is_told_from_a_wrong_one() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, (name, cell)) in (0_u16..).zip(HEAD.split(',').zip(GOOD.split(','))) {
        sheet.write_string(0, column, name).expect("written");
        match name {
            "信用代码" => sheet.write_number(1, column, 915_301_000_713_271_234.0).expect("written"),
            "手机号" => sheet.write_number(1, column, 13_800_138_000.0).expect("written"),
            _ => sheet.write_string(1, column, cell).expect("written"),
        };
    }
    let lines = good(book.save_to_buffer().expect("saved"));
    let keys: Vec<&str> = lines[0].faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["fault-rounded"], "and a mobile number may be a number");
    let text = GOOD.replace("91350100M000100Y43", "9.1535E+17");
    assert_eq!(good(format!("{HEAD}\n{text}\n"))[0].faults[0].key, "fault-rounded");
}

#[test]
fn the_same_code_twice_is_pointed_out_and_is_no_fault() {
    let lines = good(format!("{HEAD}\n{GOOD}\n{GOOD}\n"));
    assert_eq!(lines.iter().map(|line| line.twice).collect::<Vec<_>>(), [None, Some(2)]);
    assert!(lines[1].faults.is_empty() && lines[1].is_doubtful());
}

#[test]
fn a_file_without_a_head_or_with_half_a_head_says_what_is_missing() {
    assert!(matches!(read_lines(GOOD), Err(FileFault::Head(HeadFault::NoHead))));
    let half = HEAD.replace("手机号,", "");
    assert!(
        matches!(read_lines(format!("{half}\n{GOOD}")), Err(FileFault::Head(HeadFault::Missing(f))) if f == ["handler_mobile"])
    );
    let twice = HEAD.replace("年限", "手机");
    assert!(matches!(read_lines(format!("{twice}\n{GOOD}")), Err(FileFault::Head(HeadFault::Twice("handler_mobile")))));
    assert!(matches!(read_lines(HEAD), Err(FileFault::NoLines)));
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("begun");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

#[test]
fn bombs_and_other_files_are_refused_by_name() {
    let zeros = vec![0_u8; 50 * 1024 * 1024];
    let bomb = zip_of(&[("xl/worksheets/sheet1.xml", &zeros)]);
    assert!(bomb.len() < 1024 * 1024, "{} bytes", bomb.len());
    let mut far = rust_xlsxwriter::Workbook::new();
    far.add_worksheet().write_string(1_048_575, 16_383, "x").expect("written");
    let mut rows = vec![HEAD];
    rows.resize(MAX_ROWS + 200, GOOD);
    for (what, bytes, error) in [
        ("a bomb", bomb, TableError::TooLarge),
        ("a cell at the end of the world", far.save_to_buffer().expect("saved"), TableError::TooWide),
        ("too many rows", rows.join("\n").into_bytes(), TableError::TooManyRows),
        ("nothing", Vec::new(), TableError::Empty),
        ("the old format", b"\xd0\xcf\x11\xe0....".to_vec(), TableError::OldFormat),
        ("half an archive", b"PK\x03\x04....".to_vec(), TableError::Damaged),
        ("an archive of something else", zip_of(&[("a.txt", b"a")]), TableError::Damaged),
        ("bytes", b"\xff\xff\xff\x00".to_vec(), TableError::Encoding),
        ("a novel", format!("{HEAD}\n{}", "长".repeat(2_000)).into_bytes(), TableError::CellTooLong(2)),
    ] {
        assert_eq!(read(&bytes).err(), Some(error), "{what}");
    }
}

#[test]
fn the_template_can_be_filled_in_and_the_report_mended_and_both_be_read_again() {
    let keys = ["P-256".to_owned(), "RSA-2048".to_owned()];
    for locale in Locale::ALL {
        let empty = book::template(locale, &keys).expect("made");
        assert_eq!(read_lines(empty).err(), Some(FileFault::NoLines), "the head is understood");
        let faulty = GOOD.replace("13800138000", "1380013");
        let sent = good(format!("{HEAD}\n{GOOD}\n{faulty}\n"));
        let report = good(book::report(locale, &keys, &sent).expect("made"));
        assert_eq!(report.len(), 2);
        assert!(report[0].form == sent[0].form && report[0].faults.is_empty(), "as it was typed");
        assert_eq!(report[1].faults, sent[1].faults);
    }
    assert_eq!(COLUMNS.len(), 10);
}

#[test]
fn scans_are_told_apart_by_their_names() {
    let png: &[u8] = b"\x89PNG\r\n\x1a\nIHDR....IEND\xaeB`\x82";
    let files = zip_of(&[
        ("91350100M000100Y43 营业执照.png", png),
        ("91350100m000100y43/身份证.jpg", png),
        ("sub/91350100M000100Y43_seal.png", png),
        ("91350100M000100Y43 合同.png", png),
        ("91350100M000100Y44 公章.png", png),
        ("__MACOSX/._x", png),
        ("Thumbs.db", png),
    ]);
    let found = scans(&files).expect("read");
    let seen: Vec<(Option<&str>, Option<DocumentKind>)> =
        found.iter().map(|scan| (scan.uscc.as_deref(), scan.kind)).collect();
    let code = Some("91350100M000100Y43");
    let wanted = [
        (code, Some(DocumentKind::Licence)),
        (code, Some(DocumentKind::IdCard)),
        (code, Some(DocumentKind::Seal)),
        (code, None),
        (None, Some(DocumentKind::Seal)),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(scans(b"PK\x03\x04 no").err(), Some(ArchiveError::Damaged));
}
