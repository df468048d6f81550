//! What does not fit between our books, the provider, the bank and the invoices: finance looks and says why.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::OfficeId;
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::super::parts::{may, returning_to};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::difference::{Difference, DifferenceState};

/// A difference as the page shows it.
struct Row {
    id: String,
    kind: String,
    hint: String,
    subject: String,
    href: Option<String>,
    bill: Option<String>,
    ours: String,
    theirs: String,
    note: String,
    found: String,
    then: Option<String>,
}

fn row(view: &View, difference: &Difference) -> Row {
    let sum = |sum: Option<crate::payment::fen::Fen>| sum.map(|sum| sum.to_string()).unwrap_or_else(|| "–".into());
    Row {
        id: difference.id(),
        kind: view.t(&format!("difference-kind-{}", difference.kind.word())),
        hint: view.t(&format!("difference-hint-{}", difference.kind.word())),
        href: difference.subject.starts_with("BK-").then(|| format!("/money/wire/lines/{}", difference.subject)),
        subject: difference.subject.clone(),
        bill: difference.bill.as_ref().map(ToString::to_string),
        ours: sum(difference.ours),
        theirs: sum(difference.theirs),
        note: difference.note.clone(),
        found: difference.found.beijing_text(),
        then: match &difference.state {
            DifferenceState::Explained { by, at, why } => {
                Some(view.locale.t_with(
                    "difference-explained-by",
                    &[("who", &by.name), ("when", &at.beijing_text()), ("why", why)],
                ))
            }
            DifferenceState::Open | DifferenceState::Gone => None,
        },
    }
}

#[derive(Template)]
#[template(path = "staff/money/differences.html")]
struct DifferencesPage {
    page: Page,
    office: String,
    open: Vec<Row>,
    explained: Vec<Row>,
    may_explain: bool,
    /// What was typed for which one, and why it was not taken.
    fault: Option<(String, String, String)>,
}

impl DifferencesPage {
    fn about(&self, id: &str) -> bool {
        self.fault.as_ref().is_some_and(|(of, ..)| of == id)
    }

    fn text(&self) -> &str {
        self.fault.as_ref().map_or("", |(_, text, _)| text)
    }

    fn typed(&self) -> &str {
        self.fault.as_ref().map_or("", |(.., typed)| typed)
    }
}

#[derive(Deserialize)]
pub(super) struct OfQuery {
    /// Of an auditor; otherwise the officer's own.
    office: Option<String>,
}

async fn page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    office: &OfficeId,
    fault: Option<(String, String, String)>,
) -> Result<DifferencesPage, Failure> {
    let found = staff.desk.differences(&signer.officer, office).await?;
    let page = staff.page(view, signer, view.t("difference-title"), "/money").await?;
    Ok(DifferencesPage {
        page: Page { wide: true, ..returning_to(page, "/money/differences".to_owned()) },
        office: office.to_string(),
        open: found.open.iter().map(|difference| row(view, difference)).collect(),
        explained: found.explained.iter().map(|difference| row(view, difference)).collect(),
        may_explain: may(signer, Right::Finance) && signer.officer.office == *office,
        fault,
    })
}

/// `GET /money/differences`.
pub(super) async fn get_differences(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<OfQuery>,
) -> Result<impl IntoResponse, Failure> {
    let office = match &query.office {
        None => signer.officer.office.clone(),
        Some(name) => OfficeId::new(name).ok_or(Kind::NotFound)?,
    };
    Ok(Shown(page(&staff, &view, &signer, &office, None).await?))
}

#[derive(Deserialize)]
pub(super) struct ExplainForm {
    #[serde(default)]
    id: String,
    #[serde(default)]
    reason: String,
}

/// `POST /money/differences/explain`: finance says why one is so.
pub(super) async fn post_explain(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    UrlForm(form): UrlForm<ExplainForm>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    if let Some(text) = reason_fault(&view, reason) {
        let fault = Some((form.id.clone(), text, form.reason.clone()));
        let page = page(&staff, &view, &signer, &signer.officer.office, fault).await?;
        return Ok(Again(page).into_response());
    }
    staff.desk.explain_difference(&signer.officer, &form.id, reason).await?;
    Ok(see("/money/differences?done=difference-explained"))
}
