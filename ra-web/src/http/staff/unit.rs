//! One page per unit, and the search box.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{OrderId, Serial, Uscc};
use serde::Deserialize;

use super::Staff;
use super::parts::{CaseRow, CertificateLine, Line, Sheet, case_row, certificate_line, line, sheet};
use crate::enrolment::case::{CaseNumber, may_read};
use crate::enrolment::desk::Signer;
use crate::enrolment::form::folded;
use crate::http::answer::{Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::store::{CaseFilter, CertificateFilter, OrderSubject};

/// A search looks at so many rows at most.
const MOST: i64 = 50;
const MAX_QUERY_CHARS: usize = 100;

#[derive(Template)]
#[template(path = "staff/unit.html")]
struct UnitPage {
    page: Page,
    uscc: String,
    certificates: Vec<CertificateLine>,
    cases: Vec<CaseRow>,
    sheets: Vec<(String, Vec<Sheet>)>,
    lines: Vec<Line>,
}

/// `GET /units/{uscc}`.
pub(super) async fn get_unit(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(uscc): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let now = staff.desk.clock.now();
    let mut tx = staff.desk.store.read().await?;
    // The papers of another office stay there; that the unit has a certificate, every counter must see.
    let mut cases = tx.cases(&CaseFilter::Uscc(uscc.clone()), MOST).await?;
    cases.retain(|line| may_read(&signer.officer, &line.office).is_ok());
    let certificates = tx.certificates(&CertificateFilter::Uscc(uscc.clone()), MOST).await?;
    let name = certificates.first().map(|c| c.unit_name.clone()).or_else(|| cases.first().map(|c| c.unit_name.clone()));
    let name = name.ok_or(Kind::NotFound)?;
    let (mut sheets, mut steps) = (Vec::new(), Vec::new());
    for case in &cases {
        let documents = tx.documents(&case.number).await?;
        if !documents.is_empty() {
            let number = case.number.to_string();
            sheets.push((number.clone(), documents.iter().map(|d| sheet(&view, &number, d)).collect()));
        }
        steps.extend(tx.steps(&OrderSubject::Case(case.number.clone())).await?);
    }
    for issued in &certificates {
        let subject = OrderSubject::Certificate(issued.issuer.clone(), issued.serial.clone());
        // Issue and delivery stand in the case's history already.
        let own = tx.steps(&subject).await?;
        steps.extend(own.into_iter().filter(|step| !["issue", "deliver", "abandon"].contains(&step.act.as_str())));
    }
    drop(tx);
    steps.sort_by_key(|step| std::cmp::Reverse(step.at));
    steps.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let page = staff.page(&view, &signer, name, "/certificates").await?;
    Ok(Shown(UnitPage {
        page: Page { wide: true, ..page },
        uscc,
        certificates: certificates.iter().map(|issued| certificate_line(&view, issued, now)).collect(),
        cases: cases.iter().map(|line| case_row(&view, line)).collect(),
        sheets,
        lines: steps.iter().map(|step| line(&view, step)).collect(),
    }))
}

#[derive(Deserialize)]
pub(super) struct SearchQuery {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "staff/search.html")]
struct SearchPage {
    page: Page,
    q: String,
    units: Vec<(String, String)>,
    cases: Vec<CaseRow>,
    certificates: Vec<CertificateLine>,
}

/// `GET /search?q=`: a case number, a code, a serial number or an order leads straight there; anything else is
/// looked for in the folded names of units.
pub(super) async fn get_search(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Failure> {
    let q: String = query.q.trim().chars().take(MAX_QUERY_CHARS).collect();
    let mut tx = staff.desk.store.read().await?;
    let upper = q.to_uppercase();
    if let Ok(number) = upper.parse::<CaseNumber>()
        && tx.case(&number).await?.is_some_and(|(case, _)| case.readable_by(&signer.officer).is_ok())
    {
        return Ok(see(&format!("/applications/{number}")));
    }
    if let Ok(order) = upper.parse::<OrderId>()
        && tx.order(order).await?.is_some_and(|order| may_read(&signer.officer, &order.order.office).is_ok())
    {
        return Ok(see(&format!("/orders/{order}")));
    }
    if let Ok(uscc) = upper.parse::<Uscc>()
        && !tx.cases(&CaseFilter::Uscc(uscc.to_string()), 1).await?.is_empty()
    {
        return Ok(see(&format!("/units/{uscc}")));
    }
    let mut certificates = Vec::new();
    if let Ok(serial) = q.to_lowercase().replace([':', ' '], "").parse::<Serial>() {
        certificates = tx.certificates(&CertificateFilter::Serial(serial), MOST).await?;
        if let [issued] = certificates.as_slice() {
            return Ok(see(&format!("/certificates/{}/{}", issued.issuer, issued.serial)));
        }
    }
    let name = folded(&q);
    let mut cases = if name.is_empty() { Vec::new() } else { tx.cases(&CaseFilter::Name(name), MOST).await? };
    cases.retain(|line| may_read(&signer.officer, &line.office).is_ok());
    drop(tx);
    let units: BTreeMap<String, String> = cases
        .iter()
        .filter(|case| case.uscc.parse::<Uscc>().is_ok())
        .map(|case| (case.uscc.clone(), case.unit_name.clone()))
        .collect();
    let now = staff.desk.clock.now();
    let page = staff.page(&view, &signer, view.t("search-title"), "").await?;
    Ok(Shown(SearchPage {
        page: Page { wide: true, ..page },
        q,
        units: units.into_iter().collect(),
        cases: cases.iter().map(|line| case_row(&view, line)).collect(),
        certificates: certificates.iter().map(|issued| certificate_line(&view, issued, now)).collect(),
    })
    .into_response())
}
