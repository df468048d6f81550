//! Money that goes back from a bill: asked for, decided on, paid out.

use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::bill::{Fault, ReasonForm, again, because, done, number_of};
use crate::enrolment::desk::Signer;
use crate::http::answer::see;
use crate::http::error::{Failure, Kind};
use crate::page::View;
use crate::payment::fen::Fen;
use crate::payment::refund::RefundNumber;

fn refund_of(text: &str) -> Result<RefundNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}

#[derive(Deserialize)]
pub(super) struct RefundForm {
    #[serde(default)]
    amount: String,
    #[serde(default)]
    reason: String,
}

/// `POST /money/bills/{number}/refund`: the desk asks for money back.
pub(super) async fn post_refund(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<RefundForm>,
) -> Result<Response, Failure> {
    let (number, reason) = (number_of(&number)?, form.reason.trim());
    let context = (&staff, &view, &signer);
    let fault = |field, text| Fault {
        field,
        text,
        typed: if field == "amount" { form.amount.clone() } else { form.reason.clone() },
        ..Fault::default()
    };
    let Ok(amount) = form.amount.parse::<Fen>() else {
        return again(context, &number, fault("amount", view.t("money-fault-amount"))).await;
    };
    if let Some(text) = reason_fault(&view, reason) {
        return again(context, &number, fault("refund-reason", text)).await;
    }
    let asked = staff.desk.ask_refund(&signer.officer, &number, amount, reason).await;
    done(context, &number, asked.map(drop), "refund-asked", fault("amount", String::new())).await
}

/// `POST /money/refunds/{number}/approve`: finance agrees.
pub(super) async fn post_approve(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let bill = staff.desk.approve_refund(&signer.officer, &refund_of(&number)?).await?;
    Ok(see(&format!("/money/bills/{bill}?done=refund-approved")))
}

/// `POST /money/refunds/{number}/decline`: finance does not.
pub(super) async fn post_decline(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = refund_of(&number)?;
    let bill = staff.desk.bill_of_refund(&signer.officer, &number).await?;
    let act = async |why: &str| staff.desk.decline_refund(&signer.officer, &number, why).await.map(drop);
    because((&staff, &view, &signer), &bill, &form, ("decline-reason", "refund-declined"), act).await
}

#[derive(Deserialize)]
pub(super) struct PayOutForm {
    #[serde(default)]
    reference: String,
}

/// `POST /money/refunds/{number}/pay-out`: the money goes back.
pub(super) async fn post_pay_out(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<PayOutForm>,
) -> Result<Response, Failure> {
    let number = refund_of(&number)?;
    let bill = staff.desk.bill_of_refund(&signer.officer, &number).await?;
    let paid = staff.desk.pay_out(&signer.officer, &number, &form.reference).await;
    let fault = Fault { field: "out-reference", typed: form.reference.clone(), ..Fault::default() };
    done((&staff, &view, &signer), &bill, paid.map(drop), "refund-paid-out", fault).await
}
