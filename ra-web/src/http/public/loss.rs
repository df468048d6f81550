//! The report of a loss, at any hour.

use askama::Template;
use axum::Form as Posted;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{FaultLine, Public, fault_lines};
use crate::http::answer::{Again, Shown};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::selfcare::loss::{Report, Reported};

#[derive(Template)]
#[template(path = "public/loss.html")]
struct LossPage {
    page: Page,
    contact: String,
    /// Whether certificates can be frozen here; otherwise whom to call is said.
    open: bool,
    faults: Vec<FaultLine>,
    report: Report,
}

impl LossPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.text.as_str())
    }

    fn typed(&self, field: &str) -> &str {
        match field {
            "uscc" => &self.report.uscc,
            "handler_mobile" => &self.report.mobile,
            "name" => &self.report.name,
            "token" => &self.report.token,
            _ => "",
        }
    }
}

fn loss_page(public: &Public, view: &View, report: Report, faults: Vec<FaultLine>) -> LossPage {
    LossPage {
        page: view.page(view.t("loss-title")),
        contact: public.contact.to_string(),
        open: public.loss.is_some(),
        faults,
        report,
    }
}

/// `GET /loss`.
pub(super) async fn get_loss(State(public): State<Public>, view: View) -> impl IntoResponse {
    Shown(loss_page(&public, &view, Report::default(), Vec::new()))
}

/// What the form posts.
#[derive(Deserialize)]
pub(super) struct LossForm {
    #[serde(default)]
    uscc: String,
    #[serde(default)]
    handler_mobile: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    story: String,
}

#[derive(Template)]
#[template(path = "public/frozen.html")]
struct FrozenPage {
    page: Page,
    contact: String,
    hold_days: i64,
    frozen: Vec<FrozenLine>,
}

struct FrozenLine {
    serial: String,
    matter: String,
    since: Option<String>,
}

/// `POST /loss`.
pub(super) async fn post_loss(
    State(public): State<Public>,
    view: View,
    Posted(form): Posted<LossForm>,
) -> Result<Response, Failure> {
    let Some(desk) = &public.loss else { return Err(Kind::NotFound.into()) };
    let report = Report::typed(&form.uscc, &form.handler_mobile, &form.name, &form.token, &form.story);
    let faults = report.faults();
    if !faults.is_empty() {
        let faults = fault_lines(&view, "loss-", &faults);
        return Ok(Again(loss_page(&public, &view, report, faults)).into_response());
    }
    let word = match desk.report(&public.desk, &report).await? {
        Reported::Frozen(frozen) => {
            let frozen = frozen.into_iter().map(|frozen| FrozenLine {
                serial: frozen.serial.to_string(),
                matter: frozen.matter.to_string(),
                since: frozen.since.map(|since| since.beijing_text()),
            });
            return Ok(Shown(FrozenPage {
                page: view.page(view.t("loss-done-title")),
                contact: public.contact.to_string(),
                hold_days: i64::from(public.desk.rules.hold_days),
                frozen: frozen.collect(),
            })
            .into_response());
        }
        Reported::NotKnown => "loss-not-known",
        Reported::TooOften => "asked-too-often",
        Reported::Nothing => "loss-nothing",
    };
    let faults = vec![FaultLine { field: "uscc", text: view.t(word) }];
    Ok(Again(loss_page(&public, &view, report, faults)).into_response())
}
