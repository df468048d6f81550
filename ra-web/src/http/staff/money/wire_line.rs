//! One line of our bank account on one page, and what finance does about it.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::Timestamp;
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::super::parts::{may, returning_to};
use super::at_the_form;
use super::bill::ReasonForm;
use super::books::{EntryRow, entry_row};
use super::wire::{LineRow, line_row};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::bill::{Bill, MoneyFault};
use crate::payment::ledger::Account;
use crate::payment::wire::{LineNumber, LineState};

/// What was typed and why it was not taken.
#[derive(Default)]
struct Fault {
    field: &'static str,
    text: String,
    typed: String,
}

/// The bill on a line's page.
struct Nearest {
    number: String,
    unit_name: String,
    gross: String,
    state: String,
}

#[derive(Template)]
#[template(path = "staff/money/wire_line.html")]
struct LinePage {
    page: Page,
    line: LineRow,
    serial: Option<String>,
    statement: String,
    nearest: Option<Nearest>,
    then: Vec<String>,
    booked: Vec<EntryRow>,
    may_confirm: bool,
    may_assign: bool,
    may_return: bool,
    may_agree: bool,
    may_send: bool,
    /// Why nothing can be done here by this person now.
    why_not: Option<String>,
    fault: Option<Fault>,
}

impl LinePage {
    fn about(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.field == field)
    }

    fn text(&self) -> &str {
        self.fault.as_ref().map_or("", |fault| &fault.text)
    }

    fn typed(&self, field: &str) -> &str {
        self.fault.as_ref().filter(|fault| fault.field == field).map_or("", |fault| &fault.typed)
    }

    /// The bill that the form offers.
    fn offered(&self) -> &str {
        match (&self.fault, &self.nearest) {
            (Some(fault), _) if fault.field == "bill" => &fault.typed,
            (_, Some(nearest)) => &nearest.number,
            _ => "",
        }
    }
}

async fn line_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &LineNumber,
    fault: Option<Fault>,
) -> Result<LinePage, Failure> {
    let (line, bill, booked) = staff.desk.bank_line(&signer.officer, number).await?;
    let page = staff.page(view, signer, view.t("wire-line-title"), "/money").await?;
    let mine = signer.officer.office == line.office;
    let finance = mine && may(signer, Right::Finance);
    let suspense = matches!(line.state, LineState::Suspense { .. });
    let asked_by = match &line.state {
        LineState::ReturnAsked { asked, .. } => Some(asked.by.id.clone()),
        _ => None,
    };
    let may_agree =
        mine && may(signer, Right::AgreeReturn) && asked_by.as_ref().is_some_and(|by| *by != signer.officer.id);
    let why_not = if suspense && finance && line.payer_account.is_empty() {
        Some(view.t("wire-why-no-account"))
    } else if asked_by.is_some() && !may_agree {
        Some(view.t("wire-why-second"))
    } else if !finance && !may_agree {
        Some(view.t("wire-why-finance"))
    } else {
        None
    };
    Ok(LinePage {
        page: Page { wide: true, ..returning_to(page, format!("/money/wire/lines/{number}")) },
        line: line_row(view, &line),
        serial: line.serial.clone(),
        statement: line.statement.to_string(),
        nearest: bill.as_ref().map(|bill: &Bill| Nearest {
            number: bill.number.to_string(),
            unit_name: bill.unit_name.clone(),
            gross: bill.gross().to_string(),
            state: view.t(&format!("money-state-{}", bill.state.word().replace('_', "-"))),
        }),
        then: then(view, &line.state),
        booked: booked.iter().map(|entry| entry_row(view, entry)).collect(),
        may_confirm: finance && matches!(line.state, LineState::Proposed(_)),
        may_assign: finance && (suspense || matches!(line.state, LineState::Proposed(_))),
        may_return: finance && suspense && !line.payer_account.is_empty(),
        may_agree,
        may_send: finance && matches!(line.state, LineState::Returning { .. }),
        why_not,
        fault,
    })
}

/// Who did what of it, in the order of time.
fn then(view: &View, state: &LineState) -> Vec<String> {
    let said = |key: &str, who: &Who, at: Timestamp, why: &str| {
        view.locale.t_with(key, &[("who", &who.name), ("when", &at.beijing_text()), ("why", &why)])
    };
    match state {
        LineState::Matched { by: Some(by), at, payment, .. } => {
            vec![said("wire-then-assigned", by, *at, payment.as_str())]
        }
        LineState::Matched { by: None, at, payment, .. } => {
            vec![view.locale.t_with("wire-then-by-code", &[("when", &at.beijing_text()), ("why", &payment.as_str())])]
        }
        LineState::Cleared { from, by, at } => {
            let account = view.t(&format!("money-account-{}", from.word().replace('_', "-")));
            vec![said("wire-then-cleared", by, *at, &account)]
        }
        LineState::ReturnAsked { asked, .. } => vec![said("wire-then-asked", &asked.by, asked.at, &asked.why)],
        LineState::Returning { asked, approved, .. } => vec![
            said("wire-then-asked", &asked.by, asked.at, &asked.why),
            said("wire-then-agreed", &approved.0, approved.1, ""),
        ],
        LineState::Returned { asked, approved, sent, reference, .. } => vec![
            said("wire-then-asked", &asked.by, asked.at, &asked.why),
            said("wire-then-agreed", &approved.0, approved.1, ""),
            said("wire-then-sent", &sent.0, sent.1, reference),
        ],
        LineState::Went | LineState::Received | LineState::Proposed(_) | LineState::Suspense { .. } => Vec::new(),
    }
}

fn number_of(text: &str) -> Result<LineNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}

/// `GET /money/wire/lines/{line}`.
pub(super) async fn get_line(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(line_page(&staff, &view, &signer, &number_of(&number)?, None).await?))
}

/// After an act on a line: its page, or the page again with what is wrong at the field.
async fn done(
    (staff, view, signer): (&Staff, &View, &Signer),
    number: &LineNumber,
    what: Result<(), OfficeError>,
    word: &str,
    fault: Fault,
) -> Result<Response, Failure> {
    let text = match what {
        Ok(()) => return Ok(see(&format!("/money/wire/lines/{number}?done={word}"))),
        Err(OfficeError::Money(MoneyFault::TooLittle)) => view.t("wire-assign-short"),
        Err(OfficeError::Money(MoneyFault::TooMuch)) => view.t("wire-assign-over"),
        Err(error) => at_the_form(view, error)?,
    };
    Ok(Again(line_page(staff, view, signer, number, Some(Fault { text, ..fault })).await?).into_response())
}

/// `POST …/confirm`: it is for the bill that was proposed.
pub(super) async fn post_confirm(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let what = staff.desk.assign_line(&signer.officer, &number, None).await;
    done((&staff, &view, &signer), &number, what, "wire-assigned", Fault { field: "bill", ..Fault::default() }).await
}

/// `POST …/decline`: it is not.
pub(super) async fn post_decline(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.decline_line(&signer.officer, &number).await?;
    Ok(see(&format!("/money/wire/lines/{number}?done=wire-declined")))
}

#[derive(Deserialize)]
pub(super) struct AssignForm {
    #[serde(default)]
    bill: String,
}

/// `POST …/assign`: it is for this bill.
pub(super) async fn post_assign(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<AssignForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let fault = |text| Fault { field: "bill", text, typed: form.bill.clone() };
    let context = (&staff, &view, &signer);
    let typed: String = form.bill.chars().take(100).collect();
    let what = match staff.desk.bill_meant(&typed).await? {
        Some(bill) => staff.desk.assign_line(&signer.officer, &number, Some(&bill)).await,
        None => {
            // Whether one may do this at all comes before what one typed.
            staff.desk.bank_line(&signer.officer, &number).await?;
            let page = line_page(&staff, &view, &signer, &number, Some(fault(view.t("wire-assign-unknown")))).await?;
            return Ok(Again(page).into_response());
        }
    };
    done(context, &number, what, "wire-assigned", fault(String::new())).await
}

#[derive(Deserialize)]
pub(super) struct ClearForm {
    #[serde(default)]
    from: String,
}

/// `POST …/clear`: it is money of ours that was on its way.
pub(super) async fn post_clear(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClearForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    // Whether one may do this at all comes before what one chose.
    staff.desk.bank_line(&signer.officer, &number).await?;
    let Some(from) = Account::from_word(&form.from) else { return Err(Kind::Malformed.into()) };
    let what = staff.desk.clear_line(&signer.officer, &number, from).await;
    done((&staff, &view, &signer), &number, what, "wire-cleared", Fault { field: "from", ..Fault::default() }).await
}

/// `POST …/return`: one of finance asks that it goes back.
pub(super) async fn post_return(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let (number, reason) = (number_of(&number)?, form.reason.trim());
    let fault = |text| Fault { field: "reason", text, typed: form.reason.clone() };
    if let Some(text) = reason_fault(&view, reason) {
        let page = line_page(&staff, &view, &signer, &number, Some(fault(text))).await?;
        return Ok(Again(page).into_response());
    }
    let what = staff.desk.ask_return(&signer.officer, &number, reason).await;
    done((&staff, &view, &signer), &number, what, "wire-return-asked", fault(String::new())).await
}

/// `POST …/agree`: a second one agrees.
pub(super) async fn post_agree(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.approve_return(&signer.officer, &number).await?;
    Ok(see(&format!("/money/wire/lines/{number}?done=wire-return-agreed")))
}

/// `POST …/refuse`: a second one does not.
pub(super) async fn post_refuse(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.decline_return(&signer.officer, &number).await?;
    Ok(see(&format!("/money/wire/lines/{number}?done=wire-return-refused")))
}

#[derive(Deserialize)]
pub(super) struct SentForm {
    #[serde(default)]
    reference: String,
}

/// `POST …/sent`: it was sent back, under this number of the bank's.
pub(super) async fn post_sent(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SentForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let what = staff.desk.sent_back(&signer.officer, &number, &form.reference).await;
    let fault = Fault { field: "reference", text: String::new(), typed: form.reference.clone() };
    done((&staff, &view, &signer), &number, what, "wire-sent-back", fault).await
}
