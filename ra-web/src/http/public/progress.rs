//! How far an order is, by its number and the handler's mobile number.

use askama::Template;
use axum::Form as Posted;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{FaultLine, Public, fault_lines};
use crate::enrolment::form::{FieldFault, FieldFaults, Form};
use crate::http::answer::{Again, Shown};
use crate::http::error::Failure;
use crate::http::invoice::quota::told;
use crate::page::{Page, View};
use crate::selfcare::progress::{Found, Progress};

#[derive(Template)]
#[template(path = "public/progress.html")]
struct ProgressPage {
    page: Page,
    contact: String,
    faults: Vec<FaultLine>,
    number: String,
    mobile: String,
    found: Option<FoundView>,
}

impl ProgressPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.text.as_str())
    }
}

/// What is told: words of messages, nothing of persons.
struct FoundView {
    number: String,
    what: String,
    state: String,
    next: String,
    updated: String,
    bill: Option<String>,
    /// How far its quota invoices are.
    quota: Option<String>,
    /// Whether the unit goes on with it on this site.
    ours: bool,
}

impl FoundView {
    fn of(view: &View, found: &Found) -> Self {
        let updated = found.updated().beijing_text();
        match found {
            Found::Case(case, bill, far) => {
                let word = case.state.word().replace('_', "-");
                Self {
                    number: case.number.to_string(),
                    what: view.t(&format!("process-{}", case.process.word())),
                    state: view.t(&format!("state-{word}")),
                    next: view.t(&format!("progress-next-{word}")),
                    updated,
                    bill: bill
                        .as_ref()
                        .map(|bill| view.t(&format!("unit-bill-{}", bill.state.word().replace('_', "-")))),
                    quota: far.as_ref().map(|far| told(view, far)),
                    ours: case.is_the_units(),
                }
            }
            Found::Matter(matter) => Self {
                number: matter.number.to_string(),
                what: view.t(&format!("matter-{}", matter.kind.word())),
                state: view.t(&format!("matter-{}-{}", matter.kind.word(), matter.state.word())),
                next: view.t(&format!("progress-matter-{}", matter.state.word())),
                updated,
                bill: None,
                quota: None,
                ours: false,
            },
        }
    }
}

fn progress_page(public: &Public, view: &View) -> ProgressPage {
    ProgressPage {
        page: view.page(view.t("progress-title")),
        contact: public.contact.to_string(),
        faults: Vec::new(),
        number: String::new(),
        mobile: String::new(),
        found: None,
    }
}

/// `GET /progress`.
pub(super) async fn get_progress(State(public): State<Public>, view: View) -> impl IntoResponse {
    Shown(progress_page(&public, &view))
}

/// What the form posts.
#[derive(Deserialize)]
pub(super) struct ProgressForm {
    #[serde(default)]
    number: String,
    #[serde(default)]
    handler_mobile: String,
}

/// `POST /progress`: in the body, so that neither number stands in an address or a log.
pub(super) async fn post_progress(
    State(public): State<Public>,
    view: View,
    Posted(typed): Posted<ProgressForm>,
) -> Result<Response, Failure> {
    // The same reading as elsewhere: full-width digits, blanks, small letters.
    let form = Form::from_pairs([("handler_mobile", typed.handler_mobile.as_str())]);
    let number: String = typed.number.trim().chars().take(40).collect::<String>().to_uppercase();
    let mut page = ProgressPage { number, mobile: form.handler_mobile.clone(), ..progress_page(&public, &view) };
    let mut faults = FieldFaults::new();
    for (field, text) in [("number", &page.number), ("handler_mobile", &page.mobile)] {
        if text.is_empty() {
            faults.push((field, FieldFault::Missing));
        }
    }
    if !faults.is_empty() {
        page.faults = fault_lines(&view, "progress-", &faults);
        return Ok(Again(page).into_response());
    }
    let word = match public.desk.progress(&page.number, &page.mobile).await? {
        Progress::Found(found) => {
            page.found = Some(FoundView::of(&view, &found));
            return Ok(Shown(page).into_response());
        }
        Progress::NotKnown => "progress-not-known",
        Progress::TooOften => "asked-too-often",
    };
    page.faults = vec![FaultLine { field: "number", text: view.t(word) }];
    Ok(Again(page).into_response())
}
