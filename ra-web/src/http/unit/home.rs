//! What a unit comes for: how long its certificate lasts, what it can do now, what it paid.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::{CurrentUnit, Units, page_of};
use crate::http::answer::{Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::invoice::quota::told;
use crate::invoice::issuing::{self, title_is_frozen};
use crate::invoice::record::FileKind;
use crate::page::{Page, View};
use crate::payment::bill::{Bill, BillNumber, BillState};
use crate::payment::store::BillFilter;
use crate::renewal::{Holding, Stage};

/// So many bills are listed.
const BILLS: i64 = 20;

#[derive(Template)]
#[template(path = "unit/home.html")]
struct HomePage {
    page: Page,
    unit: Holding,
    /// Whole days until the last one.
    days: i64,
    until: String,
    /// From which day it can be renewed; none when it can be now.
    begins: Option<String>,
    /// Word of where the renewal stands.
    stage: &'static str,
    bills: Vec<BillLine>,
}

struct BillLine {
    /// Words of the files of its invoice.
    files: Vec<&'static str>,
    /// Whether the invoice's title can be chosen.
    titled: bool,
    /// How far its quota invoices are.
    quota: Option<String>,
    number: String,
    day: String,
    amount: String,
    state: &'static str,
    case: String,
}

impl BillLine {
    fn of(bill: &Bill, files: Vec<&'static str>, titled: bool, quota: Option<String>) -> Self {
        Self {
            files,
            titled,
            quota,
            number: bill.number.to_string(),
            day: bill.created.beijing_day().to_string(),
            amount: bill.gross().to_string(),
            state: bill.state.word(),
            case: bill.subject.key(),
        }
    }
}

/// Whether there is or can be something to invoice.
fn bill_is_open(bill: &Bill) -> bool {
    bill.state == BillState::Open || !bill.kept().is_zero()
}

/// `GET /unit`. Whose certificate has expired is led to its renewal.
pub(super) async fn get_home(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    let desk = &units.renewals.desk;
    let now = desk.clock.now();
    if unit.is_over(now) {
        return Ok(see("/renew"));
    }
    let standing = units.renewals.standing(&unit).await?;
    let mut tx = desk.store.read().await?;
    let mut bills = Vec::new();
    for bill in tx.bills(&BillFilter::Uscc(unit.uscc.clone()), BILLS).await? {
        let invoice = issuing::standing(&mut tx, &bill.number).await?;
        let files = invoice.as_ref().and_then(|one| one.state.issue()).map(|issue| &issue.files);
        let files = files.into_iter().flatten().map(|(kind, _)| kind.word()).collect();
        let titled = bill_is_open(&bill) && title_is_frozen(&mut tx, &bill).await?.is_none();
        let quota = desk.quota_told(&mut tx, &bill.number).await?.map(|far| told(&view, &far));
        bills.push(BillLine::of(&bill, files, titled, quota));
    }
    drop(tx);
    let last = unit.not_after.beijing_day();
    let days = last.first_second().since(now.beijing_day().first_second()) / 86_400;
    let begins = match &standing.stage {
        Stage::Check(Err(crate::enrolment::process::NotNow::TooEarly(at))) => Some(at.beijing_day().to_string()),
        _ => None,
    };
    Ok(Shown(HomePage {
        page: Page { wide: true, ..page_of(&view, &unit, view.t("unit-home-title"), "/unit") },
        days,
        until: last.to_string(),
        begins,
        stage: super::renew::word(&standing.stage),
        bills,
        unit,
    })
    .into_response())
}

/// `GET /bills/{number}/slip.pdf`: how the unit pays a bill by bank.
pub(super) async fn get_slip(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number: BillNumber = number.parse().map_err(|()| Kind::NotFound)?;
    let pdf = units.renewals.desk.slip_of_unit(&unit.uscc, &number).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"payment-{number}.pdf\"")),
    ];
    Ok((headers, pdf).into_response())
}

/// `GET /bills/{number}/invoice.pdf`, `.ofd` or `.xml`: the unit's own.
pub(super) async fn get_invoice(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    Path((number, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let number: BillNumber = number.parse().map_err(|()| Kind::NotFound)?;
    let kind = file.strip_prefix("invoice.").and_then(FileKind::from_word).ok_or(Kind::NotFound)?;
    let (_, bytes) = units.renewals.desk.own_invoice_file(&unit.uscc, &number, kind).await?;
    let headers = [
        (header::CONTENT_TYPE, kind.media().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"invoice-{number}.{}\"", kind.word())),
    ];
    Ok((headers, bytes).into_response())
}
