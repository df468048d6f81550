//! CAMT.053: an XML statement of ISO 20022. Elements are known by where they stand, whatever their namespace; document
//! types and entities of one's own are refused, and so is nesting that no statement has.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{
    FaultyRow, FileFault, Format, MAX_LINES, RowFault, Statement, StatementLine, amount, balanced, day, is_yuan, plain,
    tidy,
};
use crate::batches::table::{TableError, decoded};
use crate::fen::Fen;

/// Elements within each other.
const MAX_DEPTH: usize = 32;
/// Characters of a text.
const MAX_CHARS: usize = 2_000;

/// One movement, or one of several within an entry.
#[derive(Clone, Default)]
struct Details {
    amount: Option<(String, String)>,
    reference: String,
    payer: String,
    payer_account: String,
    memo: String,
}

#[derive(Default)]
struct Entry {
    row: usize,
    amount: (String, String),
    direction: String,
    status: String,
    day: String,
    reference: String,
    memo: String,
    details: Vec<Details>,
}

#[derive(Default)]
struct Balance {
    kind: String,
    amount: (String, String),
    direction: String,
}

/// Reads a document.
///
/// # Errors
/// [`FileFault`].
pub fn read(bytes: &[u8]) -> Result<Statement, FileFault> {
    let text = decoded(bytes)?;
    let mut reader = Reader::from_str(&text);
    let row = |at: u64| {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
        text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    };
    let mut found = Found::default();
    let mut path: Vec<String> = Vec::new();
    let mut said = String::new();
    loop {
        let event = reader.read_event().map_err(|_| FileFault::Broken(row(reader.error_position())))?;
        match event {
            Event::Start(start) => {
                if path.len() >= MAX_DEPTH {
                    return Err(FileFault::Xml);
                }
                path.push(name(&start));
                said.clear();
                found.begins(&path, &start, row(reader.buffer_position()))?;
            }
            Event::End(_) => {
                found.said(&path, said.trim())?;
                found.ends(&path)?;
                path.pop();
                said.clear();
            }
            Event::Text(piece) => said.push_str(&piece),
            Event::CData(piece) => said.push_str(&piece),
            Event::GeneralRef(name) => said.push(character(&name)?),
            Event::DocType(_) | Event::PI(_) => return Err(FileFault::Xml),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
        if said.chars().count() > MAX_CHARS {
            return Err(FileFault::Xml);
        }
    }
    if !path.is_empty() || found.statements == 0 {
        return Err(FileFault::Broken(row(u64::MAX)));
    }
    if found.faulty.is_empty() { Ok(found.statement) } else { Err(FileFault::rows(found.faulty)) }
}

/// The name without its prefix.
fn name(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

/// The five of XML itself, and numbers; no others.
fn character(name: &str) -> Result<char, FileFault> {
    let number = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#') {
            Some(rest) => rest.strip_prefix('x').map_or_else(|| number(rest, 10), |hex| number(hex, 16)),
            None => None,
        },
    }
    .ok_or(FileFault::Xml)
}

/// What was found so far.
struct Found {
    statement: Statement,
    statements: usize,
    faulty: Vec<FaultyRow>,
    entry: Entry,
    balance: Balance,
    opening: Option<Fen>,
    closing: Option<Fen>,
    from: usize,
    currency: String,
}

impl Default for Found {
    fn default() -> Self {
        let format = Format::Camt053;
        Self {
            statement: Statement { format, account: None, opening: None, closing: None, lines: Vec::new() },
            statements: 0,
            faulty: Vec::new(),
            entry: Entry::default(),
            balance: Balance::default(),
            opening: None,
            closing: None,
            from: 0,
            currency: String::new(),
        }
    }
}

/// Where an element stands, from the statement on.
fn place(path: &[String]) -> String {
    let from = path.iter().position(|name| name == "Stmt").map_or(path.len(), |at| at + 1);
    path[from..].join("/")
}

impl Found {
    fn begins(&mut self, path: &[String], start: &BytesStart<'_>, row: usize) -> Result<(), FileFault> {
        match place(path).as_str() {
            "" if path.last().is_some_and(|name| name == "Stmt") => {
                self.statements += 1;
                (self.opening, self.closing, self.from) = (None, None, self.statement.lines.len());
            }
            "Bal" => self.balance = Balance::default(),
            "Ntry" => self.entry = Entry { row, ..Entry::default() },
            "Ntry/NtryDtls/TxDtls" => self.entry.details.push(Details::default()),
            _ => {}
        }
        self.currency.clear();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| FileFault::Xml)?;
            if attribute.key.local_name().into_inner() == "Ccy" {
                self.currency = attribute.value.into_owned();
            }
        }
        Ok(())
    }

    fn said(&mut self, path: &[String], said: &str) -> Result<(), FileFault> {
        if said.is_empty() {
            return Ok(());
        }
        let sum = || (said.to_owned(), self.currency.clone());
        let place = place(path);
        if let Some(inner) = place.strip_prefix("Ntry/NtryDtls/TxDtls/") {
            let Some(details) = self.entry.details.last_mut() else { return Ok(()) };
            match inner {
                "Amt" | "AmtDtls/TxAmt/Amt" => details.amount = Some((said.to_owned(), self.currency.clone())),
                "Refs/AcctSvcrRef" => said.clone_into(&mut details.reference),
                "RltdPties/Dbtr/Nm" | "RltdPties/Dbtr/Pty/Nm" => said.clone_into(&mut details.payer),
                "RltdPties/DbtrAcct/Id/Othr/Id" | "RltdPties/DbtrAcct/Id/IBAN" => {
                    details.payer_account = plain(said);
                }
                "RmtInf/Ustrd" | "AddtlTxInf" | "Refs/EndToEndId" if said != "NOTPROVIDED" => {
                    details.memo.push_str(said);
                    details.memo.push(' ');
                }
                _ => {}
            }
            return Ok(());
        }
        match place.as_str() {
            "Acct/Id/Othr/Id" | "Acct/Id/IBAN" => {
                let account = plain(said);
                let known = self.statement.account.get_or_insert_with(|| account.clone());
                if *known != account {
                    return Err(FileFault::OtherAccount(account));
                }
            }
            "Bal/Tp/CdOrPrtry/Cd" => said.clone_into(&mut self.balance.kind),
            "Bal/Amt" => self.balance.amount = sum(),
            "Bal/CdtDbtInd" => said.clone_into(&mut self.balance.direction),
            "Ntry/Amt" => self.entry.amount = sum(),
            "Ntry/CdtDbtInd" => said.clone_into(&mut self.entry.direction),
            "Ntry/Sts" | "Ntry/Sts/Cd" => said.clone_into(&mut self.entry.status),
            "Ntry/BookgDt/Dt" | "Ntry/BookgDt/DtTm" => said.clone_into(&mut self.entry.day),
            "Ntry/AcctSvcrRef" => said.clone_into(&mut self.entry.reference),
            "Ntry/AddtlNtryInf" => said.clone_into(&mut self.entry.memo),
            _ => {}
        }
        Ok(())
    }

    fn ends(&mut self, path: &[String]) -> Result<(), FileFault> {
        match place(path).as_str() {
            "Bal" => {
                let sum = signed(&self.balance.amount, &self.balance.direction).ok();
                match self.balance.kind.as_str() {
                    "OPBD" | "PRCD" => self.opening = self.opening.or(sum),
                    "CLBD" => self.closing = sum,
                    _ => {}
                }
            }
            "Ntry" => self.take()?,
            "" if path.last().is_some_and(|name| name == "Stmt") => {
                let (Some(opening), Some(closing)) = (self.opening, self.closing) else {
                    return Err(FileFault::NoColumn("balance"));
                };
                if self.faulty.is_empty() {
                    balanced(opening, self.statement.lines.get(self.from..).unwrap_or_default(), closing)?;
                }
                self.statement.opening.get_or_insert(opening);
                self.statement.closing = Some(closing);
            }
            _ => {}
        }
        Ok(())
    }

    /// An entry that is booked becomes a line, or a line for each of its movements when they say how much they are.
    fn take(&mut self) -> Result<(), FileFault> {
        let entry = std::mem::take(&mut self.entry);
        if entry.status == "PDNG" || entry.status == "INFO" {
            return Ok(());
        }
        match lines(&entry) {
            Ok(lines) => self.statement.lines.extend(lines),
            Err((fault, typed)) => self.faulty.push(FaultyRow { row: entry.row, fault, typed: tidy(&typed) }),
        }
        if self.statement.lines.len() > MAX_LINES { Err(TableError::TooManyRows.into()) } else { Ok(()) }
    }
}

fn signed((sum, currency): &(String, String), direction: &str) -> Result<Fen, (RowFault, String)> {
    if !is_yuan(currency) {
        return Err((RowFault::Currency, currency.clone()));
    }
    // In XML an amount is digits and a point.
    let plain = sum.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let read = amount(sum).filter(|_| plain).ok_or_else(|| (RowFault::Amount, sum.clone()))?;
    match direction {
        "CRDT" => Ok(read),
        "DBIT" => Ok(-read),
        _ => Err((RowFault::Direction, direction.to_owned())),
    }
}

fn lines(entry: &Entry) -> Result<Vec<StatementLine>, (RowFault, String)> {
    let whole = signed(&entry.amount, &entry.direction)?;
    if whole.is_zero() {
        return Err((RowFault::Amount, entry.amount.0.clone()));
    }
    let booked = day(&entry.day).ok_or_else(|| (RowFault::Day, entry.day.clone()))?;
    let line = |details: &Details, sum: Fen| {
        let serial = [&details.reference, &entry.reference].map(|text| plain(text)).into_iter().find(|s| !s.is_empty());
        StatementLine {
            row: entry.row,
            day: booked,
            moment: String::new(),
            serial,
            amount: sum,
            payer: tidy(&details.payer),
            payer_account: details.payer_account.clone(),
            memo: tidy(&format!("{} {}", details.memo, entry.memo)),
        }
    };
    let [first, others @ ..] = entry.details.as_slice() else { return Ok(vec![line(&Details::default(), whole)]) };
    if others.is_empty() {
        return Ok(vec![line(first, whole)]);
    }
    let mut lines = Vec::with_capacity(entry.details.len());
    for (n, details) in entry.details.iter().enumerate() {
        let Some(sum) = &details.amount else { return Err((RowFault::Amount, entry.amount.0.clone())) };
        let mut line = line(details, signed(sum, &entry.direction)?);
        if details.reference.is_empty() {
            line.serial = line.serial.map(|serial| format!("{serial}-{}", n + 1));
        }
        lines.push(line);
    }
    let sum: Fen = lines.iter().map(|line| line.amount).sum();
    if sum == whole { Ok(lines) } else { Err((RowFault::Amount, entry.amount.0.clone())) }
}
