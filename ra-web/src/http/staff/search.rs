//! The search box.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::parts::{CaseRow, CertificateLine, case_row, certificate_line};
use crate::enrolment::desk::Signer;
use crate::http::answer::{Shown, see};
use crate::http::error::Failure;
use crate::page::{Page, View};
use crate::units::UnitLine;
use crate::units::search::{Exact, Hit, MAX_PAGES, MAX_QUERY_CHARS};

#[derive(Deserialize)]
pub(super) struct SearchQuery {
    #[serde(default)]
    q: String,
    /// Counts from 1.
    #[serde(default)]
    page: Option<usize>,
}

#[derive(Template)]
#[template(path = "staff/search.html")]
struct SearchPage {
    page: Page,
    q: String,
    units: Vec<UnitLine>,
    cases: Vec<CaseRow>,
    of_officer: Vec<CaseRow>,
    certificates: Vec<CertificateLine>,
    /// Addresses of the pages before and after.
    before: Option<String>,
    after: Option<String>,
}

impl SearchPage {
    fn nothing(&self) -> bool {
        self.units.is_empty() && self.cases.is_empty() && self.of_officer.is_empty() && self.certificates.is_empty()
    }
}

/// `GET /search?q=`: a number, or the whole name of one unit, leads straight there; anything else is looked for in the
/// names of units and officers.
pub(super) async fn get_search(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Failure> {
    let q: String = query.q.trim().chars().take(MAX_QUERY_CHARS).collect();
    let number = query.page.unwrap_or(1).clamp(1, MAX_PAGES);
    let found = match staff.desk.search(&signer.officer, &q, number - 1).await? {
        Hit::There(exact) => return Ok(see(&address(&exact))),
        Hit::List(found) => found,
    };
    let now = staff.desk.clock.now();
    let rows = |lines: &[crate::store::CaseLine]| lines.iter().map(|line| case_row(&view, line)).collect();
    let page = staff.page(&view, &signer, view.t("search-title"), "").await?;
    let turn = |to: usize| format!("/search?q={}&page={to}", encoded(&q));
    Ok(Shown(SearchPage {
        page: Page { wide: true, ..page },
        before: (number > 1).then(|| turn(number - 1)),
        after: found.more.then(|| turn(number + 1)),
        cases: rows(&found.cases),
        of_officer: rows(&found.of_officer),
        certificates: found.certificates.iter().map(|issued| certificate_line(&view, issued, now)).collect(),
        units: found.units,
        q,
    })
    .into_response())
}

fn address(exact: &Exact) -> String {
    match exact {
        Exact::Case(number) => format!("/applications/{number}"),
        Exact::Certificate(issuer, serial) => format!("/certificates/{issuer}/{serial}"),
        Exact::Order(order) => format!("/orders/{order}"),
        Exact::Unit(uscc) => format!("/units/{uscc}"),
        Exact::Token(serial) => format!("/tokens/{serial}"),
        Exact::Matter(number) => format!("/matters/{number}"),
    }
}

/// Text in the query of an address.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}
