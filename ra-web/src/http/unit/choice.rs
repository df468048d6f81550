//! What a bill of the unit is invoiced with, as the unit chooses it: the title of an e-invoice, or quota invoices.

use askama::Template;
use axum::Form as Posted;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};

use super::{CurrentUnit, Units, page_of};
use crate::enrolment::case::Who;
use crate::enrolment::desk::OfficeError;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::invoice::{Choice, ChoiceForm, Faulty};
use crate::page::{Page, View};
use crate::payment::bill::{Bill, BillNumber, MoneyFault};
use crate::renewal::Holding;

/// Where one comes from and goes back to.
const HOME: &str = "/unit";

/// The unit's own bill: another's is none.
async fn own_bill(units: &Units, unit: &Holding, number: &str) -> Result<Bill, Failure> {
    let number: BillNumber = number.parse().map_err(|()| Kind::NotFound)?;
    let bill = units.renewals.desk.store.read().await?.bill(&number).await?;
    Ok(bill.filter(|bill| bill.uscc == unit.uscc).ok_or(Kind::NotFound)?)
}

#[derive(Template)]
#[template(path = "unit/choice.html")]
struct ChoicePage {
    page: Page,
    number: String,
    form: ChoiceForm,
}

async fn choice_page(
    (units, unit, view): (&Units, &Holding, &View),
    choice: Choice,
    bill: &Bill,
    faulty: Option<Faulty>,
) -> Result<ChoicePage, Failure> {
    let path = format!("/bills/{}", bill.number);
    Ok(ChoicePage {
        page: page_of(view, unit, choice.heading(view), HOME),
        number: bill.number.to_string(),
        form: choice.form(&units.renewals.desk, view, bill, (&path, HOME), faulty).await?,
    })
}

/// `GET /bills/{number}/title` and `…/quota`.
pub(super) async fn get_choice(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
    choice: Choice,
) -> Result<Response, Failure> {
    let bill = own_bill(&units, &unit, &number).await?;
    Ok(Shown(choice_page((&units, &unit, &view), choice, &bill, None).await?).into_response())
}

/// `POST /bills/{number}/title` and `…/quota`.
pub(super) async fn post_choice(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
    choice: Choice,
    Posted(pairs): Posted<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let bill = own_bill(&units, &unit, &number).await?;
    match choice.take(&units.renewals.desk, &Who::unit(&unit.unit_name), &bill, &pairs).await {
        Ok(None) => Ok(see(HOME)),
        Ok(faulty) => Ok(Again(choice_page((&units, &unit, &view), choice, &bill, faulty).await?).into_response()),
        // Asked for in the meantime: the page says so.
        Err(OfficeError::Money(MoneyFault::State { .. })) => {
            Ok(see(&format!("/bills/{}/{}", bill.number, choice.place())))
        }
        Err(error) => Err(error.into()),
    }
}
