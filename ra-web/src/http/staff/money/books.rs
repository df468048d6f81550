//! The books of an office: balances, proved with each look, and the entries behind them.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use ca_core::domain::OfficeId;
use serde::Deserialize;

use super::super::Staff;
use crate::enrolment::desk::Signer;
use crate::http::answer::Shown;
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::board::PAGE;
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::payment::store::Booked;

/// An entry as pages show it.
pub(super) struct EntryRow {
    pub(super) n: i64,
    pub(super) fact: String,
    pub(super) subject: String,
    pub(super) href: Option<String>,
    pub(super) by: String,
    pub(super) at: String,
    /// Account, debit, credit.
    pub(super) sides: Vec<[String; 3]>,
}

/// Debit and credit of an amount.
fn columns(amount: Fen) -> [String; 2] {
    if amount < Fen::ZERO { [String::new(), (-amount).to_string()] } else { [amount.to_string(), String::new()] }
}

fn account(view: &View, account: Account) -> String {
    view.t(&format!("money-account-{}", account.word().replace('_', "-")))
}

pub(super) fn entry_row(view: &View, entry: &Booked) -> EntryRow {
    EntryRow {
        n: entry.n,
        fact: view.t(&format!("money-fact-{}", entry.fact.replace('_', "-"))),
        href: match entry.subject.get(..3) {
            Some("BL-") => Some(format!("/money/bills/{}", entry.subject)),
            Some("BK-") => Some(format!("/money/wire/lines/{}", entry.subject)),
            _ => None,
        },
        subject: entry.subject.clone(),
        by: entry.by.clone().unwrap_or_else(|| view.t("staff-system")),
        at: entry.at.beijing_text(),
        sides: entry
            .postings
            .iter()
            .map(|posting| {
                let [debit, credit] = columns(posting.amount);
                [account(view, posting.account), debit, credit]
            })
            .collect(),
    }
}

#[derive(Deserialize)]
pub(super) struct BooksQuery {
    /// Of an auditor; otherwise the officer's own.
    office: Option<String>,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "staff/money/books.html")]
struct BooksPage {
    page: Page,
    office: String,
    /// Account, debit, credit.
    balances: Vec<[String; 3]>,
    total: [String; 2],
    proved: bool,
    entries: Vec<EntryRow>,
    earlier: Option<String>,
}

/// `GET /money/books`.
pub(super) async fn get_books(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<BooksQuery>,
) -> Result<impl IntoResponse, Failure> {
    let office = match &query.office {
        None => signer.officer.office.clone(),
        Some(name) => OfficeId::new(name).ok_or(Kind::NotFound)?,
    };
    let before = query.before.filter(|before| *before > 0).unwrap_or(i64::MAX);
    let books = staff.desk.books(&signer.officer, &office, before).await?;
    let sum = |side: fn(&Fen) -> bool| books.balances.iter().map(|(_, b)| *b).filter(side).sum::<Fen>();
    let last = books.entries.last().filter(|entry| entry.n > 1 && books.entries.len() as i64 == PAGE);
    let page = staff.page(&view, &signer, view.t("money-books"), "/money").await?;
    Ok(Shown(BooksPage {
        page: Page { wide: true, ..page },
        balances: Account::ALL
            .into_iter()
            .filter_map(|known| {
                let (_, balance) = books.balances.iter().find(|(account, _)| *account == known)?;
                let [debit, credit] = columns(*balance);
                Some([account(&view, known), debit, credit])
            })
            .collect(),
        total: [sum(|b| *b > Fen::ZERO).to_string(), (-sum(|b| *b < Fen::ZERO)).to_string()],
        proved: books.proved,
        earlier: last.map(|entry| format!("/money/books?office={office}&before={}", entry.n)),
        entries: books.entries.iter().map(|entry| entry_row(&view, entry)).collect(),
        office: office.to_string(),
    }))
}
