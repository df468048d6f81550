//! The page on which anybody checks an invoice by its number and check code: whether it is ours, and whether it was reversed. It says
//! nothing about persons, and as much of amounts as stands on the invoice.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::answer::Shown;
use super::error::Failure;
use crate::invoice::provider::SAMPLE_PREFIX;
use crate::invoice::record::EState;
use crate::page::{Page, View};
use crate::store::Store;

/// The route.
pub fn router(store: Arc<dyn Store>) -> Router {
    Router::new().route("/invoice/verify", get(get_verify)).with_state(store)
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    number: String,
    #[serde(default)]
    check: String,
}

/// What is said of an invoice.
struct Verdict {
    /// Word of what it is.
    word: &'static str,
    class: &'static str,
    icon: &'static str,
    sample: bool,
    rows: Vec<(&'static str, String)>,
}

impl Verdict {
    /// The key of what it means.
    fn why(&self) -> String {
        format!("verify-{}-why", self.word)
    }
}

#[derive(Template)]
#[template(path = "public/verify.html")]
struct VerifyPage {
    page: Page,
    number: String,
    check: String,
    verdict: Option<Verdict>,
}

/// `GET /invoice/verify`.
async fn get_verify(
    State(store): State<Arc<dyn Store>>,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let read = |text: &str| text.nfkc().filter(|c| c.is_ascii_alphanumeric()).take(40).collect::<String>();
    let (number, check) = (read(&asked.number), read(&asked.check).to_lowercase());
    let verdict = if number.is_empty() && check.is_empty() {
        None
    } else {
        Some(verdict(store.as_ref(), &number, &check).await?)
    };
    let page = view.page(view.t("verify-title"));
    Ok(Shown(VerifyPage { page, number, check, verdict }).into_response())
}

async fn verdict(store: &dyn Store, number: &str, check: &str) -> Result<Verdict, Failure> {
    let record = store.read().await?.einvoice_of_number(number).await?;
    // A wrong code says no more than a wrong number.
    let known = record.filter(|one| one.state.issue().is_some_and(|issue| issue.check == check));
    let Some(record) = known else {
        return Ok(Verdict { word: "unknown", class: "bad", icon: "circle-x", sample: false, rows: Vec::new() });
    };
    let (word, class, icon) = match (&record.red, &record.state) {
        (Some(_), _) => ("red", "wait", "rotate-ccw"),
        (None, EState::RedIssued { .. }) => ("reversed", "bad", "ban"),
        (None, _) => ("blue", "ok", "circle-check"),
    };
    let split = record.content.split();
    let day = record.state.issue().map(|issue| issue.at.beijing_day().to_string()).unwrap_or_default();
    Ok(Verdict {
        word,
        class,
        icon,
        sample: number.starts_with(SAMPLE_PREFIX),
        rows: vec![
            ("number", number.to_owned()),
            ("day", day),
            ("net", split.net.to_string()),
            ("tax", split.tax.to_string()),
            ("gross", record.content.gross.to_string()),
        ],
    })
}
