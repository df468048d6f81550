//! Lists as spreadsheets: how they are taken in, and the templates to fill in. One faulty row, and nothing of it is done.

use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{FundAct, FundPay};

use super::Portal;
use super::business::{FaultyRow, Shortcomings, act_of, form_page, rule_text, slug};
use super::plans::Typed;
use super::session::CurrentUnit;
use crate::batches::table::MAX_FILE_BYTES;
use crate::fund::amounts::Month;
use crate::fund::books::PersonAccount;
use crate::fund::hall::HallError;
use crate::fund::operation::Plan;
use crate::fund::sheet::{self, Column, SheetFault};
use crate::http::answer::{Again, parts_of, see, sheet_file};
use crate::http::error::{Failure, Kind};
use crate::page::View;
use crate::reports::sheet::{Cell, Sheet};

/// Faulty rows that a page lists.
const MOST_FAULTS: usize = 200;

/// Lists are usual for these.
pub(super) const fn taken_for(act: FundAct) -> bool {
    matches!(act, FundAct::Open | FundAct::Rebase | FundAct::MakeUp)
}

/// How a list can be paid: value, label, whether it is chosen.
pub(super) fn pay_of(view: &View, act: FundAct, typed: Option<&Typed>) -> Vec<(String, String, bool)> {
    if act != FundAct::MakeUp {
        return Vec::new();
    }
    let chosen = typed.and_then(|typed| typed.get("pay")).and_then(|word| FundPay::from_word(word));
    let chosen = chosen.unwrap_or(FundPay::Suspense);
    FundPay::ALL
        .iter()
        .map(|pay| (pay.word().to_owned(), view.t(&format!("fund-pay-{}", pay.word())), *pay == chosen))
        .collect()
}

/// `POST /business/{act}/list`: a spreadsheet. One faulty row, and nothing of it is done.
pub(super) async fn post_list(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Path(act): Path<String>,
    body: Multipart,
) -> Result<Response, Failure> {
    let act = act_of(&act)?;
    if !taken_for(act) {
        return Err(Kind::NotFound.into());
    }
    let (typed, file) = parts_of(body, MAX_FILE_BYTES).await?;
    let pay = typed.get("pay").and_then(|word| FundPay::from_word(word)).unwrap_or(FundPay::Suspense);
    let read = match file {
        None => Err(Shortcomings { file: Some(view.t("batch-file-none")), ..Shortcomings::default() }),
        Some((_, None)) => Err(Shortcomings { file: Some(view.t("batch-file-too-large")), ..Shortcomings::default() }),
        Some((_, Some(bytes))) => listed(act, &bytes, pay).map_err(|fault| said(&view, &fault)),
    };
    let short = match read {
        Err(short) => short,
        Ok((plan, rows)) => match portal.hall.draft(&unit.account, &plan, portal.clock.now()).await {
            Ok(serial) => return Ok(see(&format!("/operations/{serial}"))),
            Err(HallError::Rule(rule)) => {
                Shortcomings { file: Some(rule_text(&view, &rule)), ..Shortcomings::default() }
            }
            Err(HallError::Lines(lines)) => Shortcomings {
                file: Some(view.t("fund-list-faulty")),
                rows: lines
                    .iter()
                    .take(MOST_FAULTS)
                    .map(|(n, rule)| FaultyRow {
                        line: rows.get(*n).copied().unwrap_or_default(),
                        column: String::new(),
                        what: rule_text(&view, rule),
                    })
                    .collect(),
                ..Shortcomings::default()
            },
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Again(form_page(&portal, &view, &unit, act, "", None, short).await?).into_response())
}

/// A plan out of a file, with the rows of its lines.
fn listed(act: FundAct, bytes: &[u8], pay: FundPay) -> Result<(Plan, Vec<usize>), SheetFault> {
    match act {
        FundAct::Open => {
            let (rows, people) = sheet::newcomers(bytes)?.into_iter().unzip();
            Ok((Plan::Open { people }, rows))
        }
        FundAct::MakeUp => {
            let (rows, arrears) = sheet::arrears(bytes)?.into_iter().unzip();
            Ok((Plan::MakeUp { arrears, pay }, rows))
        }
        _ => {
            let found = sheet::bases(bytes)?;
            let rows = found.iter().map(|(row, ..)| *row).collect();
            Ok((Plan::Rebase { bases: found.into_iter().map(|(_, number, base)| (number, base)).collect() }, rows))
        }
    }
}

fn said(view: &View, fault: &SheetFault) -> Shortcomings {
    let column = |column: &Column| view.t(&format!("fund-column-{}", column.word()));
    let file = match fault {
        SheetFault::Table(error) => {
            view.locale.t_with(&format!("batch-file-{}", error.word()), &[("n", &error.number())])
        }
        SheetFault::Missing(columns) => {
            let names = columns.iter().map(column).collect::<Vec<_>>().join(", ");
            view.locale.t_with("batch-file-missing", &[("columns", &names)])
        }
        SheetFault::NoLines => view.t("batch-file-no-lines"),
        SheetFault::TooMany(most) => view.locale.t_with("fund-list-too-many", &[("n", most)]),
        SheetFault::Cells(_) => view.t("fund-list-faulty"),
    };
    let rows = match fault {
        SheetFault::Cells(cells) => cells
            .iter()
            .take(MOST_FAULTS)
            .map(|cell| FaultyRow {
                line: cell.line,
                column: column(&cell.column),
                what: view.t(&format!("fund-cell-{}", cell.word)),
            })
            .collect(),
        _ => Vec::new(),
    };
    Shortcomings { faults: Vec::new(), rows, file: Some(file) }
}

/// `GET /business/{act}/template.xlsx`: the headings of a list; where it is about employees of the unit with these in it.
pub(super) async fn get_template(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Path(act): Path<String>,
) -> Result<Response, Failure> {
    let act = act_of(&act)?;
    let columns: &[Column] = match act {
        FundAct::Open => {
            &[Column::Name, Column::IdKind, Column::IdNumber, Column::Mobile, Column::Base, Column::Starts]
        }
        FundAct::Rebase => &[Column::Number, Column::Name, Column::Base],
        FundAct::MakeUp => &[
            Column::Number,
            Column::Name,
            Column::Month,
            Column::UnitPart,
            Column::PersonalPart,
            Column::Difference,
            Column::Words,
        ],
        _ => return Err(Kind::NotFound.into()),
    };
    let rows = if act == FundAct::Open {
        Vec::new()
    } else {
        let mut tx = portal.store.begin_read().await?;
        let due = tx.due_accounts(&unit.account, unit.next_month()).await?;
        tx.commit().await?;
        due.iter().map(|account| row_of(&view, act, account, unit.paid_through)).collect()
    };
    let sheet = Sheet {
        title: view.t(&format!("fund-act-{}", slug(act))),
        columns: columns.iter().map(|column| (view.t(&format!("fund-column-{}", column.word())), 20)).collect(),
        rows,
    };
    sheet_file(&sheet, "xlsx", &slug(act))
}

/// An employee's row: with the base as it is, or with the last month that could be made up, whole.
fn row_of(view: &View, act: FundAct, account: &PersonAccount, through: Option<Month>) -> Vec<Cell> {
    let mut row = vec![Cell::Text(account.number.to_string()), Cell::Text(account.person.name.clone())];
    if act == FundAct::Rebase {
        row.push(Cell::Money(account.base.fen()));
        return row;
    }
    row.extend([
        Cell::Text(through.map(|month| month.to_string()).unwrap_or_default()),
        Cell::Money(account.unit_share.fen()),
        Cell::Money(account.personal_share.fen()),
        Cell::Text(view.t("fund-difference-no-short")),
        Cell::Text(String::new()),
    ]);
    row
}
