//! E-invoices of a bill in the console: asking for one, reversing it, its files; and the note of one that another system
//! issued.

use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::super::Staff;
use super::super::parts::{Tag, may};
use super::bill::{Fault, ReasonForm, again, because, done, number_of};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::error::{Failure, Kind};
use crate::invoice::issuing::title_is_frozen;
use crate::invoice::record::{EInvoice, EState, FileKind, RedReason};
use crate::invoice::title::Title;
use crate::page::View;
use crate::payment::bill::BillNumber;
use crate::payment::invoice::is_einvoice_number;

/// Characters of the words of a reversal.
const WHY_CHARS: usize = 100;

/// An e-invoice on the bill's page.
pub(super) struct EInvoiceLine {
    pub(super) number: String,
    pub(super) tag: Tag,
    pub(super) amount: String,
    pub(super) title: String,
    pub(super) by: String,
    pub(super) at: String,
    pub(super) note: Option<String>,
    pub(super) files: Vec<&'static str>,
}

/// The e-invoices of a bill, and what can be done about them.
pub(super) struct EInvoices {
    pub(super) lines: Vec<EInvoiceLine>,
    /// Name of the title that is chosen.
    pub(super) title: String,
    pub(super) may_title: bool,
    pub(super) may_ask: bool,
    pub(super) may_reverse: bool,
    pub(super) reasons: [&'static str; 4],
}

/// What the bill's page shows of its e-invoices.
pub(super) async fn einvoices(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &BillNumber,
) -> Result<EInvoices, Failure> {
    let mut tx = staff.desk.store.read().await?;
    let bill = tx.bill(number).await?.ok_or(Kind::NotFound)?;
    let records = tx.einvoices(number).await?;
    let frozen = title_is_frozen(&mut tx, &bill).await?.is_some();
    let title = tx.invoice_title(number).await?.unwrap_or_else(|| Title::of(&bill));
    let waits = tx.refunds(number).await?.iter().any(|refund| refund.state.word() == "asked");
    drop(tx);
    let right = |right| bill.office == signer.officer.office && may(signer, right);
    let kept = !bill.kept().is_zero();
    let stands = |one: &EInvoice| one.red.is_none() && matches!(one.state, EState::Issued(_) | EState::Delivered(_));
    Ok(EInvoices {
        may_title: right(Right::TakeMoney) && !frozen,
        may_ask: right(Right::Finance) && kept && !frozen && !waits,
        may_reverse: right(Right::Finance) && records.iter().any(stands),
        reasons: RedReason::ALL.map(RedReason::word),
        lines: records.iter().map(|one| line(view, one)).collect(),
        title: title.name,
    })
}

fn line(view: &View, one: &EInvoice) -> EInvoiceLine {
    let (class, icon) = match one.state {
        EState::Issued(_) | EState::Delivered(_) => ("ok", "circle-check"),
        EState::Failed { .. } => ("bad", "circle-x"),
        EState::RedIssued { .. } => ("", "rotate-ccw"),
        _ => ("wait", "clock"),
    };
    let said = |key: &str, name: &str, value: &str| Some(view.locale.t_with(key, &[(name, &value)]));
    EInvoiceLine {
        number: one.state.issue().map_or_else(|| one.request.clone(), |issue| issue.number.clone()),
        tag: Tag { class, icon, text: view.t(&format!("einvoice-state-{}", one.state.word().replace('_', "-"))) },
        amount: one.content.gross.to_string(),
        title: one.content.title.name.clone(),
        by: one.by.name.clone(),
        at: one.asked.beijing_text(),
        note: match (&one.state, &one.red) {
            (EState::Failed { why }, _) => said("einvoice-failed", "why", why),
            (EState::RedIssued { red, .. }, _) => said("einvoice-reversed-by", "number", red),
            (_, Some((blue, _))) => said("einvoice-reverses", "number", blue),
            _ => None,
        },
        files: one
            .state
            .issue()
            .map(|issue| issue.files.iter().map(|(kind, _)| kind.word()).collect())
            .unwrap_or_default(),
    }
}

/// `POST /money/bills/{number}/einvoice`: finance asks for the e-invoice.
pub(super) async fn post_einvoice(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let asked = staff.desk.ask_einvoice(&signer.officer, &number).await;
    let fault = Fault { field: "einvoice", ..Fault::default() };
    done((&staff, &view, &signer), &number, asked, "einvoice", fault).await
}

#[derive(Deserialize)]
pub(super) struct ReverseForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    why: String,
}

/// `POST /money/bills/{number}/reverse`: finance has it reversed in red.
pub(super) async fn post_reverse(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReverseForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let context = (&staff, &view, &signer);
    let why = form.why.trim();
    let fault =
        |field, text| Fault { field, text, typed: form.why.clone(), method: form.reason.clone(), ..Fault::default() };
    let Some(reason) = RedReason::from_word(&form.reason) else {
        return again(context, &number, fault("red-reason", view.t("einvoice-reverse-choose"))).await;
    };
    if why.chars().count() > WHY_CHARS || why.chars().any(char::is_control) {
        return again(context, &number, fault("red-why", view.t("einvoice-reverse-hint"))).await;
    }
    let said = if why.is_empty() {
        crate::i18n::Locale::ZhCn.t(&format!("einvoice-reason-{}", reason.word()))
    } else {
        why.to_owned()
    };
    let reversed = staff.desk.reverse_einvoice(&signer.officer, &number, reason, &said).await;
    done(context, &number, reversed, "reversing", fault("red-reason", String::new())).await
}

#[derive(Deserialize)]
pub(super) struct InvoiceForm {
    #[serde(default)]
    number: String,
}

/// `POST /money/bills/{number}/invoice`: finance notes the e-invoice that another system issued.
pub(super) async fn post_invoice(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<InvoiceForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let context = (&staff, &view, &signer);
    let invoice = form.number.trim();
    let fault = |text| Fault { field: "invoice-number", text, typed: form.number.clone(), ..Fault::default() };
    if !is_einvoice_number(invoice) {
        return again(context, &number, fault(view.t("money-fault-invoice"))).await;
    }
    let noted = staff.desk.hand_out_invoice(&signer.officer, &number, invoice).await;
    done(context, &number, noted, "invoiced", fault(String::new())).await
}

/// `POST /money/bills/{number}/invoice-back`: it was reversed in red there.
pub(super) async fn post_invoice_back(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let act = async |why: &str| staff.desk.take_back_invoice(&signer.officer, &number, why).await;
    because((&staff, &view, &signer), &number, &form, ("back-reason", "invoice-back"), act).await
}

/// `GET /money/invoices/{number}/{kind}`: a file of an e-invoice.
pub(super) async fn get_file(
    State(staff): State<Staff>,
    signer: Signer,
    Path((number, kind)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let kind = FileKind::from_word(&kind).ok_or(Kind::NotFound)?;
    let bytes = staff.desk.invoice_file(&signer.officer, &number, kind).await?;
    let headers = [
        (header::CONTENT_TYPE, kind.media().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"invoice-{}.{}\"", safe(&number), kind.word())),
    ];
    Ok((headers, bytes).into_response())
}

fn safe(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).take(20).collect()
}
