//! What a bill of the unit is invoiced with, as the unit chooses it: the title of an e-invoice, or quota invoices.

use askama::Template;
use axum::Form as Posted;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};

use super::{CurrentUnit, Units, page_of};
use crate::enrolment::case::Who;
use crate::enrolment::desk::OfficeError;
use crate::enrolment::form::FieldFaults;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::invoice::quota::{WishForm, wished};
use crate::http::invoice::title::{TitleForm, chosen};
use crate::invoice::quota::wish::Delivery;
use crate::invoice::title::Title;
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
#[template(path = "unit/title.html")]
struct TitlePage {
    page: Page,
    number: String,
    form: TitleForm,
}

async fn title_page(
    units: &Units,
    unit: &Holding,
    view: &View,
    bill: &Bill,
    typed: Option<(Title, FieldFaults)>,
) -> Result<TitlePage, Failure> {
    let path = format!("/bills/{}", bill.number);
    Ok(TitlePage {
        page: page_of(view, unit, view.t("title-heading"), HOME),
        number: bill.number.to_string(),
        form: TitleForm::new(&units.renewals.desk, view, bill, (&path, HOME), typed).await?,
    })
}

/// `GET /bills/{number}/title`.
pub(super) async fn get_title(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let bill = own_bill(&units, &unit, &number).await?;
    Ok(Shown(title_page(&units, &unit, &view, &bill, None).await?).into_response())
}

/// `POST /bills/{number}/title`.
pub(super) async fn post_title(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
    Posted(pairs): Posted<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let bill = own_bill(&units, &unit, &number).await?;
    match chosen(&units.renewals.desk, &Who::unit(&unit.unit_name), &bill, &pairs).await {
        Ok(None) => Ok(see(HOME)),
        Ok(Some(typed)) => Ok(Again(title_page(&units, &unit, &view, &bill, Some(typed)).await?).into_response()),
        // Asked for in the meantime: the page says so.
        Err(OfficeError::Money(MoneyFault::State { .. })) => Ok(see(&format!("/bills/{}/title", bill.number))),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "unit/quota.html")]
struct WishPage {
    page: Page,
    number: String,
    form: WishForm,
}

async fn wish_page(
    units: &Units,
    unit: &Holding,
    view: &View,
    bill: &Bill,
    typed: Option<(Delivery, FieldFaults)>,
) -> Result<WishPage, Failure> {
    let path = format!("/bills/{}", bill.number);
    Ok(WishPage {
        page: page_of(view, unit, view.t("quota-wish-title"), HOME),
        number: bill.number.to_string(),
        form: WishForm::new(&units.renewals.desk, view, bill, (&path, HOME), typed).await?,
    })
}

/// `GET /bills/{number}/quota`.
pub(super) async fn get_wish(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let bill = own_bill(&units, &unit, &number).await?;
    Ok(Shown(wish_page(&units, &unit, &view, &bill, None).await?).into_response())
}

/// `POST /bills/{number}/quota`.
pub(super) async fn post_wish(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
    Posted(pairs): Posted<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let bill = own_bill(&units, &unit, &number).await?;
    match wished(&units.renewals.desk, &Who::unit(&unit.unit_name), &bill, &pairs).await {
        Ok(None) => Ok(see(HOME)),
        Ok(Some(typed)) => Ok(Again(wish_page(&units, &unit, &view, &bill, Some(typed)).await?).into_response()),
        Err(OfficeError::Money(MoneyFault::State { .. })) => Ok(see(&format!("/bills/{}/quota", bill.number))),
        Err(error) => Err(error.into()),
    }
}
