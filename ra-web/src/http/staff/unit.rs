//! One page per unit: what we know of it, its certificates, orders, applications, documents and history.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use ca_core::domain::{Act, SubjectField};

use super::Staff;
use super::money::{BillRow, bill_line};
use super::parts::{
    CaseRow, CertificateLine, Line, OrderLine, Sheet, case_row, certificate_line, line, may, order_line, sheet,
};
use super::tokens::{TokenLine, token_line};
use crate::enrolment::case::may_read;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::enrolment::form::folded;
use crate::http::answer::Shown;
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::store::BillFilter;
use crate::store::{CaseFilter, CertificateFilter, OrderSubject, StoredOrder};
use crate::tokens::store::TokenFilter;
use crate::units::{UnitLine, UnitRecord};

/// So many of each kind at most, the latest.
const MOST: i64 = 30;

#[derive(Template)]
#[template(path = "staff/unit.html")]
struct UnitPage {
    page: Page,
    uscc: String,
    /// What is known of it now: for the office that served it last, and for auditors.
    unit: Option<UnitRecord>,
    /// Other units of the same name.
    namesakes: Vec<UnitLine>,
    orders: Vec<OrderLine>,
    certificates: Vec<CertificateLine>,
    cases: Vec<CaseRow>,
    sheets: Vec<(String, Vec<Sheet>)>,
    tokens: Vec<TokenLine>,
    /// What was billed for it at this office.
    bills: Vec<BillRow>,
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
    let mut unit = tx.unit(&uscc).await?;
    let name = unit.as_ref().map(|unit| unit.name.clone());
    let name = name.or_else(|| certificates.first().map(|issued| issued.unit_name.clone()));
    let name = name.or_else(|| cases.first().map(|case| case.unit_name.clone())).ok_or(Kind::NotFound)?;
    let mut namesakes = tx.units_called(&folded(&name), 10).await?;
    namesakes.retain(|other| other.uscc != uscc);
    unit = unit.filter(|unit| may_read(&signer.officer, &unit.office).is_ok());
    let mut orders = Vec::new();
    let (mut sheets, mut steps) = (Vec::new(), Vec::new());
    for case in &cases {
        let documents = tx.documents(&case.number).await?;
        if !documents.is_empty() {
            let number = case.number.to_string();
            sheets.push((number.clone(), documents.iter().map(|d| sheet(&view, &number, d)).collect()));
        }
        let subject = OrderSubject::Case(case.number.clone());
        steps.extend(tx.steps(&subject).await?);
        orders.extend(tx.orders_about(&subject).await?);
    }
    for issued in &certificates {
        let subject = OrderSubject::Certificate(issued.issuer.clone(), issued.serial.clone());
        let about = tx.orders_about(&subject).await?;
        orders.extend(about.into_iter().filter(|order| may_read(&signer.officer, &order.order.office).is_ok()));
        // Issue and delivery stand in the case's history already.
        let own = tx.steps(&subject).await?;
        steps.extend(own.into_iter().filter(|step| !["issue", "deliver", "abandon"].contains(&step.act.as_str())));
    }
    let mut tokens = tx.tokens(&TokenFilter::Uscc(uscc.clone()), MOST).await?;
    tokens.retain(|token| may_read(&signer.officer, &token.office).is_ok());
    let mut bills = Vec::new();
    if may(&signer, Right::ReadMoney) {
        bills = tx.bills(&BillFilter::Uscc(uscc.clone()), MOST).await?;
        bills.retain(|bill| may_read(&signer.officer, &bill.office).is_ok());
    }
    drop(tx);
    steps.sort_by_key(|step| std::cmp::Reverse(step.at));
    steps.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    orders.sort_by_key(|order| std::cmp::Reverse(order.order.created));
    orders.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let page = staff.page(&view, &signer, name, "/certificates").await?;
    Ok(Shown(UnitPage {
        page: Page { wide: true, ..page },
        uscc,
        unit,
        namesakes,
        orders: orders.iter().map(|order| order_line(&view, order, name_in(order))).collect(),
        certificates: certificates.iter().map(|issued| certificate_line(&view, issued, now)).collect(),
        cases: cases.iter().map(|line| case_row(&view, line)).collect(),
        sheets,
        tokens: tokens.iter().map(|token| token_line(&view, token)).collect(),
        bills: bills.iter().map(|bill| bill_line(&view, bill, now)).collect(),
        lines: steps.iter().map(|step| line(&view, step)).collect(),
    }))
}

/// The unit's name as an order has it; empty for orders on certificates, whose subject names it.
fn name_in(order: &StoredOrder) -> String {
    match &order.order.act {
        Act::Issue { subject, .. } => subject.get(SubjectField::CommonName).unwrap_or_default().to_owned(),
        Act::Revoke { .. } | Act::Hold { .. } | Act::Release { .. } | Act::Amend { .. } => String::new(),
    }
}
