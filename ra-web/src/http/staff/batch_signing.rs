//! Signing the orders of a batch: all of them on one page and in one window of the assistant, each signed for itself.

use std::collections::HashMap;

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Staff;
use super::batches::{ItemRow, batch_of, item_row};
use super::parts::{message_of, returning_to};
use crate::batches::signing::{AT_ONCE, Seat};
use crate::enrolment::case::CaseNumber;
use crate::enrolment::desk::Signer;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

/// A reason has at most so many characters.
const MAX_REASON: usize = 200;
/// Signatures of [`AT_ONCE`] orders, each with its certificate, in base64 and in a form.
pub(super) const MAX_SIGNED_BYTES: usize = 4 * 1024 * 1024;

#[derive(Template)]
#[template(path = "staff/batch_sign.html")]
struct SignPage {
    page: Page,
    number: String,
    seat: &'static str,
    rows: Vec<ItemRow>,
    /// Numbers of the cases, in the order of the statements.
    cases: String,
    /// The orders' bytes, base64url, one a line.
    statements: String,
    fault: Option<String>,
    typed: String,
}

impl SignPage {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn second(&self) -> bool {
        self.seat == "second"
    }

    fn sign_to(&self) -> String {
        let act = if self.second() { "approve" } else { "submit" };
        format!("/batches/{}/{act}", self.number)
    }

    fn none(&self) -> String {
        self.page.word("batch-sign-none-", self.seat)
    }
}

#[derive(Deserialize)]
pub(super) struct SeatQuery {
    #[serde(default)]
    seat: String,
}

/// `POST /batches/{number}/prepare`: the orders of complete drafts are written, then signed on the next page.
pub(super) async fn post_prepare(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = batch_of(&number)?;
    staff.desk.prepare_batch(&signer.officer, &number).await?;
    Ok(see(&format!("/batches/{number}/sign?seat=first")))
}

/// `GET /batches/{number}/sign?seat=first|second`.
pub(super) async fn get_sign(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    Query(query): Query<SeatQuery>,
) -> Result<impl IntoResponse, Failure> {
    let seat = if query.seat == "second" { Seat::Second } else { Seat::First };
    Ok(Shown(sign_page(&staff, &view, &signer, &number, seat, None, String::new()).await?))
}

async fn sign_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &str,
    seat: Seat,
    fault: Option<String>,
    typed: String,
) -> Result<SignPage, Failure> {
    let number = batch_of(number)?;
    let items = staff.desk.batch_to_sign(&signer.officer, &number, seat).await?;
    let word = match seat {
        Seat::First => "first",
        Seat::Second => "second",
    };
    let title = view.locale.t_with(&format!("batch-sign-page-{word}"), &[("number", &number.to_string())]);
    let page = staff.page(view, signer, title, "/batches").await?;
    let lines =
        |each: &dyn Fn(&crate::batches::signing::Item) -> String| items.iter().map(each).collect::<Vec<_>>().join("\n");
    Ok(SignPage {
        page: Page { wide: true, ..returning_to(page, format!("/batches/{number}/sign?seat={word}")) },
        number: number.to_string(),
        seat: word,
        rows: items.iter().map(|item| item_row(view, item)).collect(),
        cases: lines(&|item| item.case.number.to_string()),
        statements: lines(&|item| {
            item.order.as_ref().map(|order| URL_SAFE_NO_PAD.encode(&order.statement)).unwrap_or_default()
        }),
        fault,
        typed,
    })
}

#[derive(Deserialize)]
pub(super) struct SignedBatch {
    cases: String,
    #[serde(default)]
    signatures: String,
}

/// What was signed and what was not.
#[derive(Template)]
#[template(path = "staff/batch_outcome.html")]
struct OutcomePage {
    page: Page,
    number: String,
    signed: usize,
    not: Vec<(String, String)>,
}

/// `POST /batches/{number}/submit`: the entry officer's signatures.
pub(super) async fn post_submit(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedBatch>,
) -> Result<Response, Failure> {
    take(&staff, &view, &signer, &number, Seat::First, &form).await
}

/// `POST /batches/{number}/approve`: the reviewer's signatures.
pub(super) async fn post_approve(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedBatch>,
) -> Result<Response, Failure> {
    take(&staff, &view, &signer, &number, Seat::Second, &form).await
}

async fn take(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &str,
    seat: Seat,
    form: &SignedBatch,
) -> Result<Response, Failure> {
    let number = batch_of(number)?;
    let cases: Vec<CaseNumber> = numbers(form.cases.split_whitespace())?;
    let messages: Vec<Vec<u8>> = form.signatures.split_whitespace().map(message_of).collect::<Result<_, _>>()?;
    if cases.is_empty() || cases.len() != messages.len() || cases.len() > AT_ONCE {
        return Err(Failure::with_detail(Kind::SignatureRefused, "not one signature for each case"));
    }
    let signed = cases.into_iter().zip(messages).collect();
    let outcome = staff.desk.sign_batch(signer, &number, seat, signed).await?;
    let signed = outcome.iter().filter(|(_, fault)| fault.is_none()).count();
    let not: Vec<(String, String)> = outcome
        .into_iter()
        .filter_map(|(case, fault)| {
            let kind = Failure::from(fault?).kind();
            Some((case.to_string(), view.t(&format!("error-{}-what", kind.word().replace('_', "-")))))
        })
        .collect();
    if not.is_empty() {
        let done = if seat == Seat::First { "batch-submitted" } else { "batch-approved" };
        return Ok(see(&format!("/batches/{number}?done={done}")));
    }
    let page = staff.page(view, signer, view.t("batch-outcome-title"), "/batches").await?;
    let page = returning_to(page, format!("/batches/{number}"));
    Ok(Again(OutcomePage { page, number: number.to_string(), signed, not }).into_response())
}

fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<CaseNumber>, Failure> {
    words.map(|word| word.parse().map_err(|()| Kind::Malformed.into())).collect()
}

/// `POST /batches/{number}/decline`: the ticked ones are sent back or ended, with one reason.
pub(super) async fn post_decline(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(pairs): UrlForm<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let cases = numbers(pairs.keys().filter_map(|name| name.strip_prefix("case-")))?;
    let reason = pairs.get("reason").map(|reason| reason.trim()).unwrap_or_default();
    let fault = if cases.is_empty() {
        Some("batch-decline-fault-which")
    } else if reason.is_empty() || reason.chars().count() > MAX_REASON {
        Some("batch-decline-fault-reason")
    } else {
        None
    };
    if let Some(key) = fault {
        let fault = Some(view.t(key));
        let page = sign_page(&staff, &view, &signer, &number, Seat::Second, fault, reason.to_owned()).await?;
        return Ok(Again(page).into_response());
    }
    let batch = batch_of(&number)?;
    let for_good = pairs.get("how").is_some_and(|how| how == "reject");
    staff.desk.decline_of_batch(&signer.officer, &batch, &cases, reason, for_good).await?;
    Ok(see(&format!("/batches/{batch}/sign?seat=second&done=batch-declined")))
}
