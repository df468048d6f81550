//! What a bill is invoiced with, as the desk chooses it for a unit: the title of an e-invoice, or quota invoices.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};

use super::super::Staff;
use super::bill::number_of;
use crate::enrolment::case::Who;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::invoice::{Choice, ChoiceForm, Faulty};
use crate::page::{Page, View};
use crate::payment::bill::Bill;
use crate::payment::own;

#[derive(Template)]
#[template(path = "staff/money/choice.html")]
struct ChoicePage {
    page: Page,
    number: String,
    form: ChoiceForm,
}

async fn choice_page(
    (staff, view, signer): (&Staff, &View, &Signer),
    choice: Choice,
    bill: &Bill,
    faulty: Option<Faulty>,
) -> Result<ChoicePage, Failure> {
    let path = format!("/money/bills/{}", bill.number);
    Ok(ChoicePage {
        form: choice.form(&staff.desk, view, bill, (&path, &path), faulty).await?,
        page: staff.page(view, signer, choice.heading(view), "/money").await?,
        number: bill.number.to_string(),
    })
}

/// A bill of the officer's own office: whose it is is looked at before anything that was typed.
async fn own_bill(staff: &Staff, signer: &Signer, number: &str) -> Result<Bill, Failure> {
    let bill = staff.desk.store.read().await?.bill(&number_of(number)?).await?.ok_or(Kind::NotFound)?;
    own(&signer.officer, &bill.office).map_err(OfficeError::from)?;
    Ok(bill)
}

/// `GET /money/bills/{number}/title` and `…/quota`.
pub(super) async fn get_choice(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    choice: Choice,
) -> Result<Response, Failure> {
    let bill = own_bill(&staff, &signer, &number).await?;
    Ok(Shown(choice_page((&staff, &view, &signer), choice, &bill, None).await?).into_response())
}

/// `POST /money/bills/{number}/title` and `…/quota`: the desk notes what the unit wants.
pub(super) async fn post_choice(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    choice: Choice,
    UrlForm(pairs): UrlForm<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let bill = own_bill(&staff, &signer, &number).await?;
    let done = match choice {
        Choice::Title => "title",
        Choice::Quota => "quota-wished",
    };
    match choice.take(&staff.desk, &Who::from(&signer.officer), &bill, &pairs).await? {
        None => Ok(see(&format!("/money/bills/{}?done={done}", bill.number))),
        faulty => Ok(Again(choice_page((&staff, &view, &signer), choice, &bill, faulty).await?).into_response()),
    }
}
