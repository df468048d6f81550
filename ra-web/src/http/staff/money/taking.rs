//! The counter's acts on a bill: money taken, undone on its day, receipts and pay slips.

use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::super::Staff;
use super::super::evidence::ALONE;
use super::bill::{Fault, ReasonForm, again, because, done, number_of};
use crate::enrolment::desk::Signer;
use crate::http::error::{Failure, Kind};
use crate::page::View;
use crate::payment::fen::Fen;
use crate::payment::taking::{Method, PaymentId};

#[derive(Deserialize)]
pub(super) struct PayForm {
    #[serde(default)]
    method: String,
    #[serde(default)]
    handed: String,
    #[serde(default)]
    reference: String,
}

/// `POST /money/bills/{number}/pay`: the clerk takes the money.
pub(super) async fn post_pay(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<PayForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let context = (&staff, &view, &signer);
    let cash = form.method == Method::Cash.word();
    let fault = |field, text| Fault {
        field,
        text,
        typed: form.handed.clone(),
        reference: form.reference.clone(),
        method: form.method.clone(),
    };
    let Some(method) = Method::from_word(&form.method) else {
        return again(context, &number, fault("method", view.t("money-fault-method"))).await;
    };
    let handed = match form.handed.trim() {
        "" => None,
        text => match text.parse::<Fen>() {
            Ok(handed) => Some(handed),
            Err(_) if cash => return again(context, &number, fault("handed", view.t("money-fault-amount"))).await,
            Err(_) => None,
        },
    };
    let taken = staff.desk.take_payment(&signer.officer, &number, method, handed, &form.reference).await;
    done(context, &number, taken.map(drop), "paid", fault(if cash { "handed" } else { "reference" }, String::new()))
        .await
}

/// `POST /money/bills/{number}/void`: a supervisor undoes a payment of today.
pub(super) async fn post_void(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let act = async |why: &str| staff.desk.void_payment(&signer.officer, &number, why).await;
    because((&staff, &view, &signer), &number, &form, ("void-reason", "voided"), act).await
}

/// `POST /money/payments/{id}/receipt`: a PDF to print; each print is counted.
pub(super) async fn post_receipt(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id: PaymentId = id.parse().map_err(|()| Failure::from(Kind::NotFound))?;
    Ok(pdf(&id.to_string(), staff.desk.print_receipt(&signer.officer, &id).await?))
}

/// `GET /money/bills/{number}/slip`: how it is paid by bank, as a PDF.
pub(super) async fn get_slip(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    Ok(pdf(&number.to_string(), staff.desk.slip_of_bill(&signer.officer, &number).await?))
}

/// A PDF to look at and print.
fn pdf(name: &str, bytes: Vec<u8>) -> Response {
    let name = format!("inline; filename=\"{name}.pdf\"");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    (headers, bytes).into_response()
}
