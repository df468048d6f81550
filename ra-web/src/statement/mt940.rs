//! MT940: fields that begin with `:61:` and the like at the start of a line. A file may have several messages; the
//! balances of each are added up.

use ca_core::domain::BeijingDay;

use super::{
    FaultyRow, FileFault, Format, MAX_LINES, RowFault, Statement, StatementLine, amount, balanced, is_yuan, plain, tidy,
};
use crate::batches::table::{TableError, decoded};
use crate::fen::Fen;

/// A field: where it begins, its tag, its lines.
struct Field {
    row: usize,
    tag: String,
    text: String,
}

/// Reads messages.
///
/// # Errors
/// [`FileFault`].
pub fn read(bytes: &[u8]) -> Result<Statement, FileFault> {
    let text = decoded(bytes)?.replace("\r\n", "\n").replace('\r', "\n");
    let mut statement =
        Statement { format: Format::Mt940, account: None, opening: None, closing: None, lines: Vec::new() };
    let mut faulty = Vec::new();
    let mut before: Option<Fen> = None;
    let mut from = 0;
    for field in fields(&text)? {
        match field.tag.as_str() {
            "20" => {
                before = None;
                from = statement.lines.len();
            }
            "25" => {
                let account = plain(field.text.rsplit('/').next().unwrap_or_default());
                let known = statement.account.get_or_insert_with(|| account.clone());
                if *known != account {
                    return Err(FileFault::OtherAccount(account));
                }
            }
            "60F" | "60M" => {
                let opening = balance(&field.text).ok_or(FileFault::Broken(field.row))?;
                before = Some(opening);
                statement.opening.get_or_insert(opening);
            }
            "61" => match line(&field) {
                Ok(line) => statement.lines.push(line),
                Err(fault) => faulty.push(FaultyRow { row: field.row, fault, typed: tidy(&field.text) }),
            },
            "86" => {
                if let Some(line) = statement.lines.get_mut(from..).and_then(<[StatementLine]>::last_mut) {
                    details(line, &field.text);
                }
            }
            "62F" | "62M" => {
                let closing = balance(&field.text).ok_or(FileFault::Broken(field.row))?;
                let opening = before.take().ok_or(FileFault::Broken(field.row))?;
                if faulty.is_empty() {
                    balanced(opening, statement.lines.get(from..).unwrap_or_default(), closing)?;
                }
                statement.closing = Some(closing);
                from = statement.lines.len();
            }
            _ => {}
        }
        if statement.lines.len() > MAX_LINES {
            return Err(TableError::TooManyRows.into());
        }
    }
    if !faulty.is_empty() {
        return Err(FileFault::rows(faulty));
    }
    // Lines without a closing balance: the file broke off.
    if from < statement.lines.len() || before.is_some() {
        return Err(FileFault::Broken(text.lines().count()));
    }
    Ok(statement)
}

fn fields(text: &str) -> Result<Vec<Field>, FileFault> {
    let mut fields: Vec<Field> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.rfind("{4:").map_or(line, |at| &line[at + 3..]);
        let tag = line.strip_prefix(':').and_then(|rest| rest.split_once(':')).filter(|(tag, _)| is_tag(tag));
        match (tag, fields.last_mut()) {
            (Some((tag, text)), _) => {
                fields.push(Field { row: n + 1, tag: tag.to_owned(), text: text.to_owned() });
            }
            // The end of a message, and what stands round it.
            (None, _) if line.starts_with("-}") || line == "-" || line.starts_with('{') || line.trim().is_empty() => {}
            (None, Some(field)) => {
                field.text.push('\n');
                field.text.push_str(line);
            }
            (None, None) => return Err(FileFault::Broken(n + 1)),
        }
    }
    Ok(fields)
}

fn is_tag(tag: &str) -> bool {
    let (digits, rest) = tag.split_at_checked(2).unwrap_or(("", tag));
    digits.len() == 2
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (rest.is_empty() || (rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_uppercase())))
}

/// `C261130CNY12345,67`.
fn balance(text: &str) -> Option<Fen> {
    let (mark, rest) = text.trim().split_at_checked(1)?;
    let (_, rest) = rest.split_at_checked(6)?;
    let (currency, sum) = rest.split_at_checked(3)?;
    let sum = comma(sum).filter(|_| is_yuan(currency))?;
    match mark {
        "C" => Some(sum),
        "D" => Some(-sum),
        _ => None,
    }
}

/// An amount with a comma before the fen.
fn comma(text: &str) -> Option<Fen> {
    let (yuan, fen) = text.split_once(',')?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(yuan) || !digits(fen) {
        return None;
    }
    amount(&if fen.is_empty() { yuan.to_owned() } else { format!("{yuan}.{fen}") })
}

/// `2611301130CR400,00NTRF附言//流水号`, and what stands in the next line.
fn line(field: &Field) -> Result<StatementLine, RowFault> {
    let head = field.text.lines().next().unwrap_or_default();
    let (date, rest) = head.split_at_checked(6).ok_or(RowFault::Day)?;
    let day = day_of(date).ok_or(RowFault::Day)?;
    // The day of entry, without its year.
    let rest =
        rest.split_at_checked(4).filter(|(mmdd, _)| mmdd.bytes().all(|b| b.is_ascii_digit())).map_or(rest, |p| p.1);
    let marks = [("RC", -1), ("RD", 1), ("EC", 1), ("ED", -1), ("C", 1), ("D", -1)];
    let (mark, sign) = marks.into_iter().find(|(mark, _)| rest.starts_with(mark)).ok_or(RowFault::Direction)?;
    let rest = &rest[mark.len()..];
    // The third letter of the currency.
    let rest = rest.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').ok_or(RowFault::Amount)?;
    let (sum, rest) = rest.split_at(end);
    let sum = comma(sum).filter(|sum| !sum.is_zero()).ok_or(RowFault::Amount)?;
    // The kind of business: a letter and three signs.
    let (_, references) = rest.split_at_checked(4).ok_or(RowFault::Form)?;
    let (own, bank) = references.split_once("//").unwrap_or((references, ""));
    let serial = [bank, own].into_iter().map(plain).find(|serial| !serial.is_empty() && serial != "NONREF");
    let more: Vec<&str> = field.text.lines().skip(1).collect();
    Ok(StatementLine {
        row: field.row,
        day,
        moment: String::new(),
        serial,
        amount: sum.times(sign),
        payer: String::new(),
        payer_account: String::new(),
        memo: tidy(&more.join(" ")),
    })
}

fn day_of(text: &str) -> Option<BeijingDay> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (text.get(..2)?, text.get(2..4)?, text.get(4..6)?);
    BeijingDay::from_calendar(2000 + year.parse::<i32>().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// What `:86:` says: numbered pieces after `?`, words between slashes, or plain text.
fn details(line: &mut StatementLine, text: &str) {
    let whole = text.replace('\n', "");
    let memo = if whole.matches('?').count() >= 2 && whole.split('?').skip(1).all(numbered) {
        let mut memo = String::new();
        for piece in whole.split('?').skip(1) {
            let (number, said) = piece.split_at(2);
            match number {
                "31" | "38" => line.payer_account = plain(said),
                "32" | "33" => line.payer.push_str(said),
                number if number.starts_with('2') || matches!(number, "60" | "61" | "62" | "63") => memo.push_str(said),
                _ => {}
            }
        }
        memo
    } else if whole.starts_with('/') {
        let mut memo = String::new();
        let mut word = "";
        for piece in whole.split('/').filter(|piece| !piece.is_empty()) {
            match piece {
                "ORDP" | "BENM" | "NAME" | "ACCT" | "IBAN" | "REMI" | "EREF" => word = piece,
                said => match word {
                    "NAME" | "ORDP" | "BENM" => line.payer.push_str(said),
                    "ACCT" | "IBAN" => line.payer_account = plain(said),
                    _ => {
                        memo.push_str(said);
                        memo.push(' ');
                    }
                },
            }
        }
        memo
    } else {
        text.replace('\n', " ")
    };
    line.payer = tidy(&line.payer);
    line.memo = tidy(&format!("{} {memo}", line.memo));
}

fn numbered(piece: &str) -> bool {
    piece.split_at_checked(2).is_some_and(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()))
}
