//! One case on one page: what was applied for, the documents, who signed, what may happen next.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::application::number_of;
use super::evidence::{PaperLink, papers};
use super::money::{BillRow, bill_line};
use super::parts::{
    CertificateLine, Line, Seat, Sheet, Tag, ToSign, certificate_line, certificate_tag, line, may, message_of, seats,
    sheet, state_tag, to_sign,
};
use crate::enrolment::case::{Forbidden, State as CaseState};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::enrolment::form::Form;
use crate::enrolment::process::CertificateName;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::Failure;
use crate::http::login::SignedForm;
use crate::page::{Page, View};
use crate::store::{Issued, OrderState, PracticeStatement};

/// A reason has at most so many characters.
const MAX_REASON: usize = 200;

#[derive(Template)]
#[template(path = "staff/case.html")]
struct CasePage {
    page: Page,
    number: String,
    tag: Tag,
    form: Form,
    masked: String,
    reason: Option<String>,
    sheets: Vec<Sheet>,
    seats: Vec<Seat>,
    lines: Vec<Line>,
    papers: Vec<PaperLink>,
    order: Option<String>,
    certificate: Option<String>,
    issued: Option<(Issued, Tag)>,
    /// While it is to be decided: what the unit had or has.
    earlier: Option<Vec<CertificateLine>>,
    process: &'static str,
    /// The certificate whose place is taken.
    old: Option<CertificateName>,
    /// What was billed for it; for those who may look at money.
    bills: Vec<BillRow>,
    /// What was paid goes back before it is given up.
    paid: bool,
    may_cancel: bool,
    /// May go on typing.
    may_edit: bool,
    /// An order lies ready to be signed by the entry officer.
    may_sign: bool,
    /// The reviewer's signature.
    review: Option<ToSign>,
    /// Why this officer may not decide, when others may.
    why_not: Option<String>,
    may_provision: bool,
    /// Where it is taken out as an archive, and where the keeping of its evidence stands, for whose duty that is.
    may_export: bool,
    may_see_retention: bool,
    /// Until when its evidence is kept, as a sentence.
    kept: String,
    /// The practice statement that goes with it.
    practice: Option<PracticeStatement>,
    /// Whether its evidence was deleted.
    deleted: bool,
    fault: Option<String>,
    /// Which field it is about.
    fault_at: &'static str,
    typed: String,
}

impl CasePage {
    /// Whether the fault is about this field.
    fn about(&self, field: &str) -> bool {
        self.fault.is_some() && self.fault_at == field
    }

    fn approve_to(&self) -> String {
        format!("/applications/{}/approve", self.number)
    }
}

/// `GET /applications/{number}`.
pub(super) async fn get_case(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(case_page(&staff, &view, &signer, &number, None, String::new()).await?))
}

async fn case_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &str,
    fault: Option<(String, &'static str)>,
    typed: String,
) -> Result<CasePage, Failure> {
    let number = number_of(number)?;
    let shown = staff.desk.view(&signer.officer, &number).await?;
    let case = &shown.case;
    let submitted = matches!(case.state, CaseState::Submitted { .. });
    let decidable = case.decidable_by(&signer.officer);
    let review = shown.order.as_ref().filter(|_| decidable.is_ok()).map(to_sign);
    let why_not = match decidable {
        Err(Forbidden::SameOfficer) if submitted => Some(view.t("case-why-same")),
        Err(Forbidden::OtherOffice) if submitted => Some(view.t("case-why-office")),
        Err(Forbidden::OtherDuty(role)) if submitted => {
            let duty = view.t(&format!("role-{}", role.word().replace('_', "-")));
            Some(view.locale.t_with("case-why-role", &[("duty", &duty)]))
        }
        _ => None,
    };
    let mine = case.office == signer.officer.office;
    let typing = case.typeable_by(&signer.officer).is_ok();
    let reason = match &case.state {
        CaseState::Returned { reason } | CaseState::Rejected { reason } | CaseState::Cancelled { reason } => {
            Some(reason.clone())
        }
        _ => None,
    };
    let certificate = match &case.state {
        CaseState::Issued { issuer, serial, .. } | CaseState::Delivered { issuer, serial, .. } => {
            Some(format!("/certificates/{issuer}/{serial}"))
        }
        _ => None,
    };
    let at_counter = matches!(case.state, CaseState::Approved { .. } | CaseState::Issued { .. });
    let current = match case.state {
        CaseState::Submitted { .. } => "/applications?state=submitted",
        CaseState::Approved { .. } | CaseState::Issued { .. } => "/applications?state=approved",
        _ => "/applications",
    };
    let title = if case.form.unit_name.is_empty() { view.t("staff-unnamed") } else { case.form.unit_name.clone() };
    let now = staff.desk.clock.now();
    let mut earlier = None;
    if submitted {
        let known = staff.desk.certificates_of(&case.form.uscc).await?;
        earlier = Some(known.iter().map(|issued| certificate_line(view, issued, now)).collect());
    }
    let bills = staff.desk.bills_about(&number).await?;
    let paid = bills.iter().any(|bill| !bill.kept().is_zero());
    let page = staff.page(view, signer, title, current).await?;
    Ok(CasePage {
        bills: if may(signer, Right::ReadMoney) {
            bills.iter().map(|bill| bill_line(view, bill, now)).collect()
        } else {
            Vec::new()
        },
        paid,
        earlier,
        page: Page { wide: true, ..super::parts::returning_to(page, format!("/applications/{number}")) },
        number: number.to_string(),
        tag: state_tag(view, case.state.word()),
        form: case.form.clone(),
        masked: case.handler_id_masked.clone(),
        reason,
        sheets: shown.documents.iter().map(|document| sheet(view, number.as_str(), document)).collect(),
        seats: shown.order.as_ref().map(|order| seats(view, order)).unwrap_or_default(),
        papers: papers(view, signer, &shown),
        lines: shown.steps.iter().map(|step| line(view, step)).collect(),
        order: case.state.order().map(|order| order.to_string()),
        certificate,
        issued: shown.issued.map(|issued| {
            let tag = certificate_tag(view, &issued, staff.desk.clock.now());
            (issued, tag)
        }),
        process: case.process.word(),
        old: case.process.old().cloned(),
        may_cancel: !paid && case.cancellable_by(&signer.officer).is_ok(),
        may_edit: typing,
        may_sign: typing && shown.order.as_ref().is_some_and(|order| order.state == OrderState::Open),
        review,
        why_not,
        may_export: may(signer, Right::Export),
        may_see_retention: may(signer, Right::Retention),
        kept: match shown.until {
            Ok(until) => view.locale.t_with("retention-until", &[("day", &until.beijing_day().to_string())]),
            Err(_) => view.t("retention-open"),
        },
        practice: shown.practice,
        deleted: shown.deletion.is_some_and(|deletion| deletion.done.is_some()),
        may_provision: mine && at_counter && may(signer, Right::Provision),
        fault_at: fault.as_ref().map_or("", |(_, at)| at),
        fault: fault.map(|(text, _)| text),
        typed,
    })
}

/// `POST /applications/{number}/approve`: the reviewer's signature.
pub(super) async fn post_approve(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    // Four eyes are told before the signature is looked at.
    staff
        .desk
        .view(&signer.officer, &number)
        .await?
        .case
        .decidable_by(&signer.officer)
        .map_err(crate::enrolment::desk::OfficeError::from)?;
    staff.desk.approve(&signer, &number, &message_of(&form.signature)?).await?;
    Ok(see(&format!("/applications/{number}?done=approved")))
}

#[derive(Deserialize)]
pub(super) struct CancelForm {
    #[serde(default)]
    reason: String,
}

/// `POST /applications/{number}/cancel`: given up by the desk.
pub(super) async fn post_cancel(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<CancelForm>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    if let Some(fault) = reason_fault(&view, reason) {
        let fault = Some((fault, "cancel-reason"));
        return Ok(Again(case_page(&staff, &view, &signer, &number, fault, form.reason.clone()).await?).into_response());
    }
    let number = number_of(&number)?;
    staff.desk.cancel(&signer.officer, &number, reason).await?;
    Ok(see(&format!("/applications/{number}?done=cancelled")))
}

#[derive(Deserialize)]
pub(super) struct DeclineForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    how: String,
}

/// `POST /applications/{number}/decline`: back to be put right (`how=return`), or ended (`how=reject`).
pub(super) async fn post_decline(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<DeclineForm>,
) -> Result<Response, Failure> {
    let for_good = form.how == "reject";
    let reason = form.reason.trim();
    if let Some(fault) = reason_fault(&view, reason) {
        let fault = Some((fault, "reason"));
        return Ok(Again(case_page(&staff, &view, &signer, &number, fault, form.reason.clone()).await?).into_response());
    }
    let number = number_of(&number)?;
    staff.desk.decline(&signer.officer, &number, reason, for_good).await?;
    Ok(see(&format!("/applications/{number}?done={}", if for_good { "rejected" } else { "returned" })))
}

/// What is wrong with a reason that someone must give.
pub(super) fn reason_fault(view: &View, reason: &str) -> Option<String> {
    if reason.is_empty() {
        Some(view.t("reason-missing"))
    } else if reason.chars().count() > MAX_REASON || reason.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
        Some(view.locale.t_with("reason-too-long", &[("n", &MAX_REASON)]))
    } else {
        None
    }
}
