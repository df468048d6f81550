//! Money by bank in the console: statements taken in, and what waits.

use askama::Template;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::response::{IntoResponse, Response};

use super::super::Staff;
use super::super::parts::{Tag, may, returning_to};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, file_of, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::fen::Fen;
use crate::payment::matching::Received;
use crate::payment::wire::{BankLine, LineState, TakenIn, WireTerms};
use crate::statement::{FileFault, MAX_FILE_BYTES};

/// A file that is a little too large must still arrive, so that the page can say so.
pub(super) fn uploads() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MAX_FILE_BYTES + 1024 * 1024)
}

/// A line as lists show it.
pub(super) struct LineRow {
    pub(super) href: String,
    pub(super) number: String,
    pub(super) day: String,
    pub(super) payer: String,
    pub(super) payer_account: String,
    pub(super) amount: String,
    pub(super) went: bool,
    pub(super) memo: String,
    pub(super) tag: Tag,
    pub(super) why: String,
    pub(super) bill: Option<String>,
}

fn line_tag(view: &View, state: &LineState) -> Tag {
    let (class, icon) = match state {
        LineState::Matched { .. } | LineState::Cleared { .. } => ("ok", "circle-check"),
        LineState::Proposed(_) | LineState::Received | LineState::ReturnAsked { .. } => ("wait", "clock"),
        LineState::Suspense { .. } => ("bad", "triangle-alert"),
        LineState::Returning { .. } | LineState::Returned { .. } => ("info", "rotate-ccw"),
        LineState::Went => ("", "log-out"),
    };
    Tag { class, icon, text: view.t(&format!("wire-state-{}", state.word().replace('_', "-"))) }
}

fn reason_of(view: &View, line: &BankLine) -> String {
    match &line.state {
        LineState::Suspense { reason, .. }
        | LineState::ReturnAsked { reason, .. }
        | LineState::Returning { reason, .. }
        | LineState::Returned { reason, .. } => view.t(&format!("wire-reason-{}", reason.word())),
        _ => String::new(),
    }
}

pub(super) fn line_row(view: &View, line: &BankLine) -> LineRow {
    LineRow {
        href: format!("/money/wire/lines/{}", line.number),
        number: line.number.to_string(),
        day: line.day.to_string(),
        payer: line.payer.clone(),
        payer_account: line.payer_account.clone(),
        amount: line.amount.to_string(),
        went: line.amount < Fen::ZERO,
        memo: line.memo.clone(),
        tag: line_tag(view, &line.state),
        why: reason_of(view, line),
        bill: line.state.bill().map(ToString::to_string),
    }
}

/// A statement as lists show it.
struct StatementRow {
    href: String,
    number: String,
    file: String,
    format: String,
    lines: i64,
    known: i64,
    by: String,
    at: String,
}

fn statement_row(view: &View, statement: &TakenIn) -> StatementRow {
    StatementRow {
        href: format!("/money/wire/statements/{}", statement.number),
        number: statement.number.to_string(),
        file: statement.file_name.clone(),
        format: view.t(&format!("wire-format-{}", statement.format.word())),
        lines: statement.lines,
        known: statement.known,
        by: statement.by.name.clone(),
        at: statement.at.beijing_text(),
    }
}

/// What is wrong with a file.
struct FileErrors {
    text: String,
    rows: Vec<String>,
}

#[derive(Template)]
#[template(path = "staff/money/wire.html")]
struct BoardPage {
    page: Page,
    terms: WireTerms,
    proposed: Vec<LineRow>,
    suspense: Vec<LineRow>,
    returns: Vec<LineRow>,
    statements: Vec<StatementRow>,
    may_act: bool,
    fault: Option<FileErrors>,
}

async fn board_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    fault: Option<FileErrors>,
) -> Result<BoardPage, Failure> {
    let board = staff.desk.wire_board(&signer.officer).await?;
    let page = staff.page(view, signer, view.t("wire-title"), "/money").await?;
    let rows = |lines: &[BankLine]| lines.iter().map(|line| line_row(view, line)).collect::<Vec<_>>();
    let mut returns = rows(&board.asked);
    returns.extend(rows(&board.returning));
    Ok(BoardPage {
        page: Page { wide: true, ..returning_to(page, "/money/wire".to_owned()) },
        proposed: board.proposed.iter().map(|(line, _)| line_row(view, line)).collect(),
        suspense: rows(&board.suspense),
        returns,
        statements: board.statements.iter().map(|statement| statement_row(view, statement)).collect(),
        may_act: may(signer, Right::Finance) && signer.officer.office == board.terms.office,
        terms: board.terms,
        fault,
    })
}

/// `GET /money/wire`.
pub(super) async fn get_board(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(board_page(&staff, &view, &signer, None).await?))
}

/// `POST /money/wire/upload`: a statement of the bank.
pub(super) async fn post_statement(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    body: Multipart,
) -> Result<Response, Failure> {
    let only = |key: &str| FileErrors { text: view.t(key), rows: Vec::new() };
    let fault = match file_of(body, MAX_FILE_BYTES).await? {
        None => only("wire-file-none"),
        Some((_, None)) => only("wire-file-too-large"),
        Some((name, Some(bytes))) => match staff.desk.take_statement(&signer.officer, &name, bytes).await? {
            Ok(Received::New(number)) => {
                return Ok(see(&format!("/money/wire/statements/{number}?done=statement")));
            }
            Ok(Received::Before(number)) => {
                return Ok(see(&format!("/money/wire/statements/{number}?done=statement-known")));
            }
            Err(fault) => file_errors(&view, &fault),
        },
    };
    Ok(Again(board_page(&staff, &view, &signer, Some(fault)).await?).into_response())
}

fn file_errors(view: &View, fault: &FileFault) -> FileErrors {
    let key = format!("wire-file-{}", fault.word());
    let say = |names: &[(&str, &dyn crate::i18n::Arg)]| view.locale.t_with(&key, names);
    let (text, rows) = match fault {
        FileFault::Table(error) => (say(&[("n", &(error.number() as i64))]), Vec::new()),
        FileFault::Broken(row) => (say(&[("n", &(*row as i64))]), Vec::new()),
        FileFault::NoColumn(column) => (say(&[("column", &view.t(&format!("wire-column-{column}")))]), Vec::new()),
        FileFault::OtherAccount(account) => (say(&[("account", account)]), Vec::new()),
        FileFault::Balance { opening, moved, closing } => {
            let sums = [opening, moved, closing].map(ToString::to_string);
            (say(&[("opening", &sums[0]), ("moved", &sums[1]), ("closing", &sums[2])]), Vec::new())
        }
        FileFault::Rows { rows, count } => {
            let row = |row: &crate::statement::FaultyRow| {
                let what = view.t(&format!("wire-row-{}", row.fault.word()));
                view.locale.t_with("wire-row", &[("n", &(row.row as i64)), ("what", &what), ("typed", &row.typed)])
            };
            (say(&[("n", &(*count as i64))]), rows.iter().map(row).collect())
        }
        FileFault::Workbook | FileFault::NoHead | FileFault::Xml | FileFault::NoLines => (say(&[]), Vec::new()),
    };
    FileErrors { text, rows }
}

#[derive(Template)]
#[template(path = "staff/money/wire_statement.html")]
struct StatementPage {
    page: Page,
    statement: StatementRow,
    account: String,
    opening: Option<String>,
    closing: Option<String>,
    came: String,
    went: String,
    matched: i64,
    waiting: i64,
    rows: Vec<LineRow>,
}

/// `GET /money/wire/statements/{statement}`.
pub(super) async fn get_statement(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let number = number.parse().map_err(|()| Failure::from(Kind::NotFound))?;
    let (statement, lines) = staff.desk.bank_statement(&signer.officer, &number).await?;
    let page = staff.page(&view, &signer, view.t("wire-statement"), "/money").await?;
    let sum = |came: bool| lines.iter().map(|line| line.amount).filter(|sum| (*sum > Fen::ZERO) == came).sum::<Fen>();
    let count = |fits: fn(&LineState) -> bool| lines.iter().filter(|line| fits(&line.state)).count() as i64;
    Ok(Shown(StatementPage {
        page: Page { wide: true, ..page },
        statement: statement_row(&view, &statement),
        account: statement.account.clone(),
        opening: statement.opening.map(|sum| sum.to_string()),
        closing: statement.closing.map(|sum| sum.to_string()),
        came: sum(true).to_string(),
        went: sum(false).to_string(),
        matched: count(|state| matches!(state, LineState::Matched { .. })),
        waiting: count(|state| {
            matches!(state, LineState::Received | LineState::Proposed(_) | LineState::Suspense { .. })
        }),
        rows: lines.iter().map(|line| line_row(&view, line)).collect(),
    }))
}
