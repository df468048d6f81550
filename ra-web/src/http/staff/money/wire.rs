//! Money by bank: statements taken in, what finance is asked, what lies in suspense, what goes back.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::Timestamp;
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::super::parts::{Tag, may, returning_to};
use super::at_the_form;
use super::books::{EntryRow, entry_row};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, file_of, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::bill::{Bill, MoneyFault};
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::payment::matching::Received;
use crate::payment::wire::{BankLine, LineNumber, LineState, TakenIn, WireTerms};
use crate::statement::{FileFault, MAX_FILE_BYTES};

/// A file that is a little too large must still arrive, so that the page can say so.
pub(super) fn uploads() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MAX_FILE_BYTES + 1024 * 1024)
}

/// A line as lists show it.
struct LineRow {
    href: String,
    number: String,
    day: String,
    payer: String,
    payer_account: String,
    amount: String,
    went: bool,
    memo: String,
    tag: Tag,
    why: String,
    bill: Option<String>,
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

fn line_row(view: &View, line: &BankLine) -> LineRow {
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

/// What was typed and why it was not taken.
#[derive(Default)]
struct Fault {
    field: &'static str,
    text: String,
    typed: String,
}

/// The bill on a line's page.
struct Nearest {
    number: String,
    unit_name: String,
    gross: String,
    state: String,
}

#[derive(Template)]
#[template(path = "staff/money/wire_line.html")]
struct LinePage {
    page: Page,
    line: LineRow,
    serial: Option<String>,
    statement: String,
    nearest: Option<Nearest>,
    then: Vec<String>,
    booked: Vec<EntryRow>,
    may_confirm: bool,
    may_assign: bool,
    may_return: bool,
    may_agree: bool,
    may_send: bool,
    /// Why nothing can be done here by this person now.
    why_not: Option<String>,
    fault: Option<Fault>,
}

impl LinePage {
    fn about(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.field == field)
    }

    fn text(&self) -> &str {
        self.fault.as_ref().map_or("", |fault| &fault.text)
    }

    fn typed(&self, field: &str) -> &str {
        self.fault.as_ref().filter(|fault| fault.field == field).map_or("", |fault| &fault.typed)
    }

    /// The bill that the form offers.
    fn offered(&self) -> &str {
        match (&self.fault, &self.nearest) {
            (Some(fault), _) if fault.field == "bill" => &fault.typed,
            (_, Some(nearest)) => &nearest.number,
            _ => "",
        }
    }
}

async fn line_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &LineNumber,
    fault: Option<Fault>,
) -> Result<LinePage, Failure> {
    let (line, bill, booked) = staff.desk.bank_line(&signer.officer, number).await?;
    let page = staff.page(view, signer, view.t("wire-line"), "/money").await?;
    let mine = signer.officer.office == line.office;
    let finance = mine && may(signer, Right::Finance);
    let suspense = matches!(line.state, LineState::Suspense { .. });
    let asked_by = match &line.state {
        LineState::ReturnAsked { asked, .. } => Some(asked.by.id.clone()),
        _ => None,
    };
    let may_agree =
        mine && may(signer, Right::AgreeReturn) && asked_by.as_ref().is_some_and(|by| *by != signer.officer.id);
    let why_not = if suspense && finance && line.payer_account.is_empty() {
        Some(view.t("wire-why-no-account"))
    } else if asked_by.is_some() && !may_agree {
        Some(view.t("wire-why-second"))
    } else if !finance && !may_agree {
        Some(view.t("wire-why-finance"))
    } else {
        None
    };
    Ok(LinePage {
        page: Page { wide: true, ..returning_to(page, format!("/money/wire/lines/{number}")) },
        line: line_row(view, &line),
        serial: line.serial.clone(),
        statement: line.statement.to_string(),
        nearest: bill.as_ref().map(|bill: &Bill| Nearest {
            number: bill.number.to_string(),
            unit_name: bill.unit_name.clone(),
            gross: bill.gross().to_string(),
            state: view.t(&format!("money-state-{}", bill.state.word().replace('_', "-"))),
        }),
        then: then(view, &line.state),
        booked: booked.iter().map(|entry| entry_row(view, entry)).collect(),
        may_confirm: finance && matches!(line.state, LineState::Proposed(_)),
        may_assign: finance && (suspense || matches!(line.state, LineState::Proposed(_))),
        may_return: finance && suspense && !line.payer_account.is_empty(),
        may_agree,
        may_send: finance && matches!(line.state, LineState::Returning { .. }),
        why_not,
        fault,
    })
}

/// Who did what of it, in the order of time.
fn then(view: &View, state: &LineState) -> Vec<String> {
    let said = |key: &str, who: &Who, at: Timestamp, why: &str| {
        view.locale.t_with(key, &[("who", &who.name), ("when", &at.beijing_text()), ("why", &why)])
    };
    match state {
        LineState::Matched { by: Some(by), at, payment, .. } => {
            vec![said("wire-then-assigned", by, *at, payment.as_str())]
        }
        LineState::Matched { by: None, at, payment, .. } => {
            vec![view.locale.t_with("wire-then-by-code", &[("when", &at.beijing_text()), ("why", &payment.as_str())])]
        }
        LineState::Cleared { from, by, at } => {
            let account = view.t(&format!("money-account-{}", from.word().replace('_', "-")));
            vec![said("wire-then-cleared", by, *at, &account)]
        }
        LineState::ReturnAsked { asked, .. } => vec![said("wire-then-asked", &asked.by, asked.at, &asked.why)],
        LineState::Returning { asked, approved, .. } => vec![
            said("wire-then-asked", &asked.by, asked.at, &asked.why),
            said("wire-then-agreed", &approved.0, approved.1, ""),
        ],
        LineState::Returned { asked, approved, sent, reference, .. } => vec![
            said("wire-then-asked", &asked.by, asked.at, &asked.why),
            said("wire-then-agreed", &approved.0, approved.1, ""),
            said("wire-then-sent", &sent.0, sent.1, reference),
        ],
        LineState::Went | LineState::Received | LineState::Proposed(_) | LineState::Suspense { .. } => Vec::new(),
    }
}

fn number_of(text: &str) -> Result<LineNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}

/// `GET /money/wire/lines/{line}`.
pub(super) async fn get_line(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(line_page(&staff, &view, &signer, &number_of(&number)?, None).await?))
}

/// After an act on a line: its page, or the page again with what is wrong at the field.
async fn done(
    (staff, view, signer): (&Staff, &View, &Signer),
    number: &LineNumber,
    what: Result<(), OfficeError>,
    word: &str,
    fault: Fault,
) -> Result<Response, Failure> {
    let text = match what {
        Ok(()) => return Ok(see(&format!("/money/wire/lines/{number}?done={word}"))),
        Err(OfficeError::Money(MoneyFault::TooLittle)) => view.t("wire-assign-short"),
        Err(OfficeError::Money(MoneyFault::TooMuch)) => view.t("wire-assign-over"),
        Err(error) => at_the_form(view, error)?,
    };
    Ok(Again(line_page(staff, view, signer, number, Some(Fault { text, ..fault })).await?).into_response())
}

/// `POST …/confirm`: it is for the bill that was proposed.
pub(super) async fn post_confirm(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let what = staff.desk.assign_line(&signer.officer, &number, None).await;
    done((&staff, &view, &signer), &number, what, "wire-assigned", Fault { field: "bill", ..Fault::default() }).await
}

/// `POST …/decline`: it is not.
pub(super) async fn post_decline(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.decline_line(&signer.officer, &number).await?;
    Ok(see(&format!("/money/wire/lines/{number}?done=wire-declined")))
}

#[derive(Deserialize)]
pub(super) struct AssignForm {
    #[serde(default)]
    bill: String,
}

/// `POST …/assign`: it is for this bill.
pub(super) async fn post_assign(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<AssignForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let fault = |text| Fault { field: "bill", text, typed: form.bill.clone() };
    let context = (&staff, &view, &signer);
    let typed: String = form.bill.chars().take(100).collect();
    let what = match staff.desk.bill_meant(&typed).await? {
        Some(bill) => staff.desk.assign_line(&signer.officer, &number, Some(&bill)).await,
        None => {
            // Whether one may do this at all comes before what one typed.
            staff.desk.bank_line(&signer.officer, &number).await?;
            let page = line_page(&staff, &view, &signer, &number, Some(fault(view.t("wire-assign-unknown")))).await?;
            return Ok(Again(page).into_response());
        }
    };
    done(context, &number, what, "wire-assigned", fault(String::new())).await
}

#[derive(Deserialize)]
pub(super) struct ClearForm {
    #[serde(default)]
    from: String,
}

/// `POST …/clear`: it is money of ours that was on its way.
pub(super) async fn post_clear(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClearForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    // Whether one may do this at all comes before what one chose.
    staff.desk.bank_line(&signer.officer, &number).await?;
    let Some(from) = Account::from_word(&form.from) else { return Err(Kind::Malformed.into()) };
    let what = staff.desk.clear_line(&signer.officer, &number, from).await;
    done((&staff, &view, &signer), &number, what, "wire-cleared", Fault { field: "from", ..Fault::default() }).await
}

#[derive(Deserialize)]
pub(super) struct ReturnForm {
    #[serde(default)]
    reason: String,
}

/// `POST …/return`: one of finance asks that it goes back.
pub(super) async fn post_return(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReturnForm>,
) -> Result<Response, Failure> {
    let (number, reason) = (number_of(&number)?, form.reason.trim());
    let fault = |text| Fault { field: "reason", text, typed: form.reason.clone() };
    if let Some(text) = reason_fault(&view, reason) {
        let page = line_page(&staff, &view, &signer, &number, Some(fault(text))).await?;
        return Ok(Again(page).into_response());
    }
    let what = staff.desk.ask_return(&signer.officer, &number, reason).await;
    done((&staff, &view, &signer), &number, what, "wire-return-asked", fault(String::new())).await
}

/// `POST …/agree`: a second one agrees.
pub(super) async fn post_agree(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.approve_return(&signer.officer, &number).await?;
    Ok(see(&format!("/money/wire/lines/{number}?done=wire-return-agreed")))
}

/// `POST …/refuse`: a second one does not.
pub(super) async fn post_refuse(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.decline_return(&signer.officer, &number).await?;
    Ok(see(&format!("/money/wire/lines/{number}?done=wire-return-refused")))
}

#[derive(Deserialize)]
pub(super) struct SentForm {
    #[serde(default)]
    reference: String,
}

/// `POST …/sent`: it was sent back, under this number of the bank's.
pub(super) async fn post_sent(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SentForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let what = staff.desk.sent_back(&signer.officer, &number, &form.reference).await;
    let fault = Fault { field: "reference", text: String::new(), typed: form.reference.clone() };
    done((&staff, &view, &signer), &number, what, "wire-sent-back", fault).await
}
