//! Letters about certificates that end: a period, who is written to, one PDF, the addresses.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ca_core::domain::{BeijingDay, Timestamp};
use serde::Deserialize;

use super::Staff;
use super::batches::workbook;
use super::evidence::ALONE;
use super::parts::{may, returning_to};
use crate::batches::book;
use crate::batches::letters::{Ending, MAX_DAYS, MAX_LETTERS};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::enrolment::form::day;
use crate::http::answer::{Again, Shown};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

/// The period that is offered first.
const USUAL_DAYS: i64 = 30;

#[derive(Deserialize)]
pub(super) struct Period {
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    anew: String,
}

struct Row {
    href: String,
    unit_name: String,
    uscc: String,
    address: String,
    until: String,
    printed: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/letters.html")]
struct LettersPage {
    page: Page,
    from: String,
    to: String,
    rows: Vec<Row>,
    left: usize,
    more: bool,
    may_print: bool,
    fault: Option<String>,
}

impl LettersPage {
    fn count(&self) -> String {
        self.page.t2("letters-count", "n", self.rows.len(), "printed", self.rows.len() - self.left)
    }
}

impl Period {
    /// The days, the next thirty when none were chosen; `None` for a period that is none.
    fn days(&self, now: Timestamp) -> Option<(BeijingDay, BeijingDay)> {
        let chosen = |text: &Option<String>, usual: Timestamp| match text.as_deref() {
            None => Some(usual.beijing_day()),
            Some(text) => day(text),
        };
        let from = chosen(&self.from, now)?;
        let to = chosen(&self.to, now.plus(USUAL_DAYS * 86_400))?;
        let length = to.last_second().since(from.first_second());
        (length > 0 && length <= MAX_DAYS * 86_400).then_some((from, to))
    }
}

/// `GET /letters?from=&to=`.
pub(super) async fn get_letters(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(period): Query<Period>,
) -> Result<Response, Failure> {
    let Some((from, to)) = period.days(staff.desk.clock.now()) else {
        return again(&staff, &view, &signer, &period, "letters-fault-days").await;
    };
    let endings = staff.desk.ending(&signer.officer, from, to).await?;
    Ok(Shown(letters_page(&staff, &view, &signer, (from.to_string(), to.to_string()), &endings, None).await?)
        .into_response())
}

async fn again(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    period: &Period,
    key: &'static str,
) -> Result<Response, Failure> {
    let typed = (period.from.clone().unwrap_or_default(), period.to.clone().unwrap_or_default());
    let endings = match period.days(staff.desk.clock.now()) {
        Some((from, to)) => staff.desk.ending(&signer.officer, from, to).await?,
        None => Vec::new(),
    };
    let fault = Some(view.t(key));
    Ok(Again(letters_page(staff, view, signer, typed, &endings, fault).await?).into_response())
}

async fn letters_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    (from, to): (String, String),
    endings: &[Ending],
    fault: Option<String>,
) -> Result<LettersPage, Failure> {
    let row = |ending: &Ending| Row {
        href: format!("/certificates/{}/{}", ending.issuer, ending.serial),
        unit_name: ending.unit_name.clone(),
        uscc: ending.uscc.clone(),
        address: ending.address.clone(),
        until: ending.until.beijing_day().to_string(),
        printed: ending.printed.as_ref().map(|(at, by)| format!("{} {by}", at.beijing_text())),
    };
    let page = staff.page(view, signer, view.t("letters-title"), "/letters").await?;
    let page = returning_to(page, format!("/letters?from={from}&to={to}"));
    Ok(LettersPage {
        page: Page { wide: true, ..page },
        rows: endings.iter().map(row).collect(),
        left: endings.iter().filter(|ending| ending.printed.is_none()).count(),
        more: endings.len() >= MAX_LETTERS,
        may_print: may(signer, Right::TakeIn),
        from,
        to,
        fault,
    })
}

/// `POST /letters`: the PDF; its letters are marked as printed.
pub(super) async fn post_letters(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    UrlForm(period): UrlForm<Period>,
) -> Result<Response, Failure> {
    let Some((from, to)) = period.days(staff.desk.clock.now()) else {
        return again(&staff, &view, &signer, &period, "letters-fault-days").await;
    };
    let Some(pdf) = staff.desk.print_letters(&signer.officer, from, to, !period.anew.is_empty()).await? else {
        return again(&staff, &view, &signer, &period, "letters-fault-none").await;
    };
    let name = format!("attachment; filename=\"letters-{from}-{to}.pdf\"");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    Ok((headers, pdf).into_response())
}

/// `GET /letters/addresses.xlsx?from=&to=`.
pub(super) async fn get_addresses(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(period): Query<Period>,
) -> Result<Response, Failure> {
    let (from, to) = period.days(staff.desk.clock.now()).ok_or(Kind::Malformed)?;
    let endings = staff.desk.ending(&signer.officer, from, to).await?;
    workbook(&format!("addresses-{from}-{to}.xlsx"), move || book::addresses(view.locale, &endings)).await
}
