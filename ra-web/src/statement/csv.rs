//! CSV, in UTF-8 or GBK, as banks' websites give it out: the columns are found by their names, above which there may be
//! anything. Amounts stand in two columns, in one with a mark of direction, or in one with a sign.

use ca_core::domain::BeijingDay;

use super::{
    FaultyRow, FileFault, Format, MAX_LINES, RowFault, Statement, StatementLine, amount, day, is_yuan, plain, tidy,
};
use crate::batches::columns::bare;
use crate::batches::table::{self, Row, TableError};
use crate::fen::Fen;

/// The row with the names is among the first ones.
const HEAD_WITHIN: usize = 40;
/// What the first cell of a row that only adds up begins with.
const SUMS: [&str; 6] = ["合计", "总计", "小计", "本页", "共计", "total"];

/// What a column says, and the names that banks have for it, as [`bare`] compares them.
const NAMES: [(Column, &[&str]); 14] = [
    (
        Column::Day,
        &["交易日期", "记账日期", "入账日期", "日期", "交易日", "记账日", "date", "bookingdate", "transactiondate"],
    ),
    (Column::Moment, &["交易时间", "记账时间", "入账时间", "时间", "time"]),
    (
        Column::Serial,
        &[
            "流水号",
            "交易流水号",
            "银行流水号",
            "账户明细编号",
            "账户明细编号交易流水号",
            "核心流水号",
            "交易参考号",
            "明细编号",
            "serial",
            "reference",
            "transactionid",
        ],
    ),
    (Column::Amount, &["金额", "发生额", "交易金额", "发生金额", "amount"]),
    (Column::Debit, &["借方", "借方金额", "借方发生额", "支出", "支出金额", "转出金额", "debit", "debitamount"]),
    (Column::Credit, &["贷方", "贷方金额", "贷方发生额", "收入", "收入金额", "转入金额", "credit", "creditamount"]),
    (Column::Flag, &["借贷标志", "借贷", "借贷方向", "收支方向", "收支标志", "交易方向", "方向", "dcflag", "dc"]),
    (
        Column::Payer,
        &["对方户名", "对方名称", "对方账户名称", "对方单位", "对方单位名称", "付款人名称", "payer", "counterparty"],
    ),
    (Column::PayerAccount, &["对方账号", "对方账户", "对方帐号", "付款人账号", "payeraccount", "counterpartyaccount"]),
    (Column::Memo, &["摘要", "交易摘要", "memo", "summary"]),
    (Column::Memo, &["用途", "附言", "备注", "交易附言", "交易用途", "交易备注", "客户附言", "purpose", "remark"]),
    (Column::Account, &["本方账号", "本方账户", "账号", "账户", "帐号", "account"]),
    (Column::Currency, &["币种", "货币", "交易币种", "currency"]),
    (Column::Balance, &["余额", "账户余额", "本次余额", "balance"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Day,
    Moment,
    Serial,
    Amount,
    Debit,
    Credit,
    Flag,
    Payer,
    PayerAccount,
    Memo,
    Account,
    Currency,
    Balance,
}

/// Where the columns are.
struct Head {
    line: usize,
    at: Vec<(Column, usize)>,
}

impl Head {
    fn of(row: &Row) -> Self {
        let known = row.cells.iter().filter_map(|(at, cell)| {
            let word = bare(cell.text());
            let (column, _) = NAMES.iter().find(|(_, names)| names.contains(&word.as_str()))?;
            Some((*column, *at))
        });
        Self { line: row.line, at: known.collect() }
    }

    fn has(&self, column: Column) -> bool {
        self.at.iter().any(|(known, _)| *known == column)
    }

    /// The cells of a column, from left to right; a memo may stand in several.
    fn cells<'r>(&self, row: &'r Row, column: Column) -> impl Iterator<Item = &'r str> {
        let at = self.at.iter().filter(move |(known, _)| *known == column).map(|(_, at)| *at);
        at.filter_map(|at| row.cell(at)).map(table::Cell::text).collect::<Vec<_>>().into_iter()
    }

    fn text<'r>(&self, row: &'r Row, column: Column) -> &'r str {
        self.cells(row, column).next().unwrap_or_default()
    }
}

/// Reads a table.
///
/// # Errors
/// [`FileFault`].
pub fn read(bytes: &[u8]) -> Result<Statement, FileFault> {
    let rows = table::read(bytes)?;
    let heads = rows.iter().take(HEAD_WITHIN).map(Head::of);
    let head = heads.max_by_key(|head| (head.at.len(), std::cmp::Reverse(head.line)));
    let head = head.filter(|head| head.at.len() >= 2).ok_or(FileFault::NoHead)?;
    if !head.has(Column::Day) {
        return Err(FileFault::NoColumn("day"));
    }
    let sides = head.has(Column::Credit) && head.has(Column::Debit);
    if !head.has(Column::Amount) && !sides {
        return Err(FileFault::NoColumn("amount"));
    }
    let (mut lines, mut faulty) = (Vec::new(), Vec::new());
    let mut account = account_above(&rows, &head);
    for row in rows.iter().filter(|row| row.line > head.line) {
        let first = row.cells.first().map(|(_, cell)| bare(cell.text())).unwrap_or_default();
        if SUMS.iter().any(|word| first.starts_with(word)) || Head::of(row).at.len() >= head.at.len() {
            continue;
        }
        let own = plain(head.text(row, Column::Account));
        if !own.is_empty() {
            let known = account.get_or_insert_with(|| own.clone());
            if *known != own {
                faulty.push(FaultyRow { row: row.line, fault: RowFault::Account, typed: own });
                continue;
            }
        }
        match line(&head, row) {
            Ok(line) => lines.push(line),
            Err((fault, typed)) => faulty.push(FaultyRow { row: row.line, fault, typed: tidy(&typed) }),
        }
        if lines.len() > MAX_LINES {
            return Err(TableError::TooManyRows.into());
        }
    }
    if faulty.is_empty() {
        Ok(Statement { format: Format::Csv, account, opening: None, closing: None, lines })
    } else {
        Err(FileFault::rows(faulty))
    }
}

/// The account in the rows above the head: `账号：130…` in one cell, or in two.
fn account_above(rows: &[Row], head: &Head) -> Option<String> {
    let cells = rows.iter().take_while(|row| row.line < head.line).flat_map(|row| &row.cells);
    let mut named = false;
    for (_, cell) in cells {
        let text = cell.text();
        let (name, value) = text.split_once(['：', ':']).unwrap_or((text, ""));
        let value = plain(if named { text } else { value });
        if value.len() >= 8 && value.bytes().all(|b| b.is_ascii_digit()) && (named || is_account(name)) {
            return Some(value);
        }
        named = is_account(name);
    }
    None
}

fn is_account(name: &str) -> bool {
    NAMES.iter().any(|(column, names)| *column == Column::Account && names.contains(&bare(name).as_str()))
}

fn line(head: &Head, row: &Row) -> Result<StatementLine, (RowFault, String)> {
    let whole = || row.cells.iter().map(|(_, cell)| cell.text()).collect::<Vec<_>>().join(" ");
    if row.cells.iter().any(|(_, cell)| !matches!(cell, table::Cell::Text(_))) {
        return Err((RowFault::Form, whole()));
    }
    let text = head.text(row, Column::Day);
    let booked: BeijingDay = day(text).ok_or_else(|| (RowFault::Day, text.to_owned()))?;
    let currency = head.text(row, Column::Currency);
    if !currency.is_empty() && !is_yuan(currency) {
        return Err((RowFault::Currency, currency.to_owned()));
    }
    let moved = moved(head, row)?;
    if moved.is_zero() {
        return Err((RowFault::Amount, whole()));
    }
    let serial = plain(head.text(row, Column::Serial));
    let memo: Vec<&str> = head.cells(row, Column::Memo).collect();
    Ok(StatementLine {
        row: row.line,
        day: booked,
        moment: tidy(head.text(row, Column::Moment)),
        serial: (!serial.is_empty()).then_some(serial),
        amount: moved,
        payer: tidy(head.text(row, Column::Payer)),
        payer_account: plain(head.text(row, Column::PayerAccount)),
        memo: tidy(&memo.join(" ")),
    })
}

/// What came, or went below zero. A negative amount in either column is a correction of the bank's, and goes the other way.
fn moved(head: &Head, row: &Row) -> Result<Fen, (RowFault, String)> {
    let read = |text: &str| match text.trim() {
        "" | "-" | "—" | "--" => Ok(Fen::ZERO),
        text => amount(text).ok_or_else(|| (RowFault::Amount, text.to_owned())),
    };
    if head.has(Column::Credit) && head.has(Column::Debit) {
        let (debit, credit) = (head.text(row, Column::Debit), head.text(row, Column::Credit));
        let (came, went) = (read(credit)?, read(debit)?);
        return if came.is_zero() || went.is_zero() {
            Ok(came - went)
        } else {
            Err((RowFault::BothSides, format!("{debit} {credit}")))
        };
    }
    let sum = read(head.text(row, Column::Amount))?;
    if !head.has(Column::Flag) {
        return Ok(sum);
    }
    let flag = head.text(row, Column::Flag);
    match bare(flag).as_str() {
        "贷" | "贷方" | "c" | "cr" | "crdt" | "credit" | "收" | "收入" | "转入" | "来账" => Ok(sum),
        "借" | "借方" | "d" | "dr" | "dbit" | "debit" | "支" | "支出" | "转出" | "往账" => Ok(-sum),
        _ => Err((RowFault::Direction, flag.to_owned())),
    }
}
