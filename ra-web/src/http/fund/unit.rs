//! What a unit sees of its account (单位信息查询) and of its certificate.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ca_core::domain::Timestamp;

use super::query::{Asked, Table};
use super::session::CurrentUnit;
use super::{Portal, page_of};
use crate::fund::account::{AccountStatus, Unit};
use crate::http::answer::Shown;
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

/// From how many days before its end on a certificate is said to need renewal.
const RENEW_WITHIN_DAYS: i64 = 90;
/// How many of the last logins are listed.
const LOGINS: i64 = 10;

/// `GET /`.
pub(super) async fn get_home(current: Result<CurrentUnit, Failure>) -> Response {
    Redirect::to(if current.is_ok() { "/unit" } else { "/login" }).into_response()
}

/// How long a certificate is still good.
struct Term {
    /// Whole Beijing days until the last one; 0 on the last day itself.
    days: i64,
    /// The last day.
    last: String,
    renew: bool,
}

impl Term {
    fn of(not_after: Timestamp, now: Timestamp) -> Self {
        let last = not_after.beijing_day();
        let days = last.first_second().since(now.beijing_day().first_second()) / 86_400;
        Self { days, last: last.to_string(), renew: days <= RENEW_WITHIN_DAYS }
    }
}

#[derive(Template)]
#[template(path = "portal/unit.html")]
struct UnitPage {
    page: Page,
    unit: Unit,
    status_tag: &'static str,
    fund: String,
    as_of: String,
    term: Term,
    renewal_origin: String,
}

/// `GET /unit`: 单位信息查询, as a page or as a PDF.
pub(super) async fn get_unit(
    State(portal): State<Portal>,
    current: CurrentUnit,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let now = portal.clock.now();
    let CurrentUnit { unit, signed_in } = current;
    if !asked.file.is_empty() {
        return match asked.file.as_str() {
            "pdf" => {
                Table { about: facts(&view, &unit), ..Table::of(&portal, &view, "portal-unit-title") }
                    .file(&portal, "unit")
                    .await
            }
            _ => Err(Kind::NotFound.into()),
        };
    }
    Ok(Shown(UnitPage {
        page: Page { wide: true, ..page_of(&view, &unit, "portal-unit-title", "/unit") },
        status_tag: match unit.status {
            AccountStatus::Normal => "ok",
            AccountStatus::Opened | AccountStatus::Deferred => "wait",
            AccountStatus::Closed | AccountStatus::Sealed | AccountStatus::Other => "",
        },
        fund: portal.name(view.locale).to_owned(),
        as_of: now.beijing_text(),
        term: Term::of(signed_in.not_after, now),
        renewal_origin: portal.renewal_origin.to_string(),
        unit,
    })
    .into_response())
}

/// All that the page says of a unit.
fn facts(view: &View, unit: &Unit) -> Vec<(String, String)> {
    let month = unit.paid_through.map_or_else(|| "–".to_owned(), |month| month.to_string());
    let payday = unit.payday.map_or_else(|| "–".to_owned(), |day| day.to_string());
    [
        ("portal-unit-name", unit.name.clone()),
        ("portal-uscc", unit.uscc.to_string()),
        ("portal-account-number", unit.account.to_string()),
        ("portal-account-status", view.t(&format!("portal-status-{}", unit.status.word()))),
        ("portal-unit-rate", unit.unit_rate.to_string()),
        ("portal-personal-rate", unit.personal_rate.to_string()),
        ("portal-opened", unit.opened.to_string()),
        ("portal-paid-through", month),
        ("portal-heads", unit.active_heads.to_string()),
        ("fund-print-sealed", unit.sealed_heads.to_string()),
        ("portal-balance", unit.balance.to_string()),
        ("portal-suspense", unit.suspense.to_string()),
        ("portal-address", unit.address.clone()),
        ("portal-handler", unit.handler.clone()),
        ("portal-mobile", unit.masked_mobile()),
        ("fund-field-payday", payday),
        ("portal-bank", unit.bank.clone()),
    ]
    .map(|(key, value)| (view.t(key), value))
    .to_vec()
}

#[derive(Template)]
#[template(path = "portal/certificate.html")]
struct CertificatePage {
    page: Page,
    unit: Unit,
    issuer: String,
    serial: String,
    sha256: String,
    since: String,
    term: Term,
    logins: Vec<Past>,
    renewal_origin: String,
}

/// A login of the past.
struct Past {
    at: String,
    record: String,
    current: bool,
}

/// `GET /certificate`.
pub(super) async fn get_certificate(
    State(portal): State<Portal>,
    current: CurrentUnit,
    view: View,
) -> Result<impl IntoResponse, Failure> {
    let CurrentUnit { unit, signed_in } = current;
    let records = portal.door.latest(unit.account.as_str(), LOGINS).await?;
    let logins = records.into_iter().map(|record| Past {
        at: record.at.beijing_text(),
        current: record.id == signed_in.record,
        record: record.id,
    });
    Ok(Shown(CertificatePage {
        page: page_of(&view, &unit, "portal-certificate-title", "/certificate"),
        issuer: signed_in.issuer.to_string(),
        serial: signed_in.serial.to_string(),
        sha256: signed_in.certificate_sha256.to_string(),
        since: signed_in.since.beijing_text(),
        term: Term::of(signed_in.not_after, portal.clock.now()),
        logins: logins.collect(),
        renewal_origin: portal.renewal_origin.to_string(),
        unit,
    }))
}

#[cfg(test)]
mod tests {
    use ca_core::domain::BeijingDay;

    use super::*;

    #[test]
    fn days_left_are_counted_in_beijing_days() {
        let last = BeijingDay::from_calendar(2027, 11, 23).expect("a day");
        let days = |now: Timestamp| Term::of(last.last_second(), now).days;
        assert_eq!(days(last.last_second()), 0);
        assert_eq!(days(last.first_second()), 0);
        assert_eq!(days(last.first_second().plus(-1)), 1);
        assert!(Term::of(last.last_second(), last.plus_days(-90).first_second()).renew);
        assert!(!Term::of(last.last_second(), last.plus_days(-91).last_second()).renew);
    }
}
