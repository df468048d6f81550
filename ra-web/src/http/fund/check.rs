//! The page on which anybody checks a voucher by its code, typed or scanned. Says number, unit, month, amount, and whether the
//! voucher stands; of employees, particulars and other vouchers nothing. How often an address may ask is limited.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use ca_core::domain::{FundField, FundTransaction, decode};
use serde::Deserialize;

use super::Portal;
use crate::fund::operation::State as Progress;
use crate::fund::voucher::{grouped, kind, particulars, typed_code};
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::page::{Page, View};

/// So many vouchers may be checked at once.
pub(super) const BURST: u32 = 20;
/// And one more each.
pub(super) const PERIOD: Duration = Duration::from_secs(3);
/// What is said of a transaction.
const SAID: [FundField; 4] = [FundField::Month, FundField::Heads, FundField::Total, FundField::Capitals];

/// Its route.
pub(super) fn router() -> Router<Portal> {
    Router::new().route("/check", get(get_check))
}

/// The code, as it was typed.
#[derive(Default, Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    code: String,
}

/// What a voucher should say.
struct Checked {
    title: String,
    serial: String,
    unit: String,
    account: String,
    facts: Vec<(String, String)>,
    signed: String,
    booked: String,
    reversed: bool,
}

#[derive(Template)]
#[template(path = "portal/check.html")]
struct CheckPage {
    page: Page,
    fund: String,
    code: String,
    /// Whether a code was typed that no voucher has.
    unknown: bool,
    found: Option<Checked>,
}

/// `GET /check`.
async fn get_check(
    State(portal): State<Portal>,
    view: View,
    Query(typed): Query<Typed>,
) -> Result<impl IntoResponse, Failure> {
    let code = typed_code(&typed.code);
    let operation = match &code {
        Some(code) => {
            let mut tx = portal.store.begin_read().await?;
            let found = tx.operation_of_code(code).await?;
            tx.commit().await?;
            found.filter(|operation| operation.state == Progress::Posted)
        }
        None => None,
    };
    let found = operation.and_then(|operation| {
        let mut document: FundTransaction = decode(&operation.document).ok()?;
        document.facts.retain(|fact| SAID.contains(&fact.field));
        Some(Checked {
            title: view.t(&format!("fund-voucher-{}", kind(operation.act))),
            facts: particulars(view.locale, &document),
            unit: document.unit,
            account: document.account,
            signed: operation.signature?.at.beijing_text(),
            booked: operation.booked?.beijing_text(),
            reversed: operation.reversed_by.is_some(),
            serial: operation.serial,
        })
    });
    Ok(Shown(CheckPage {
        page: view.page(view.t("fund-check-title")),
        fund: portal.name(view.locale).to_owned(),
        unknown: !typed.code.trim().is_empty() && found.is_none(),
        code: code.as_deref().map_or(typed.code, grouped),
        found,
    }))
}
