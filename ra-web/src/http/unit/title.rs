//! The title of a bill's invoice, as the unit chooses it.

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
use crate::http::invoice::fault_texts;
use crate::invoice::issuing::title_is_frozen;
use crate::invoice::title::{FIELDS, Title};
use crate::page::{Page, View};
use crate::payment::bill::{BillNumber, MoneyFault};
use crate::renewal::Holding;

#[derive(Template)]
#[template(path = "unit/title.html")]
struct TitlePage {
    page: Page,
    number: String,
    action: String,
    back: &'static str,
    fields: [&'static str; 7],
    faults: Vec<(&'static str, String)>,
    frozen: Option<String>,
    title: Title,
}

impl TitlePage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|(known, _)| *known == field).map(|(_, text)| text.as_str())
    }
}

async fn title_page(
    units: &Units,
    unit: &Holding,
    view: &View,
    number: &BillNumber,
    typed: Option<(Title, &FieldFaults)>,
) -> Result<TitlePage, Failure> {
    let mut tx = units.renewals.desk.store.read().await?;
    let bill = tx.bill(number).await?.filter(|bill| bill.uscc == unit.uscc).ok_or(Kind::NotFound)?;
    let frozen = title_is_frozen(&mut tx, &bill).await?.map(|_| view.t("title-frozen"));
    let (title, faults) = match typed {
        Some((title, faults)) => (title, fault_texts(view, faults)),
        None => (tx.invoice_title(number).await?.unwrap_or_else(|| Title::of(&bill)), Vec::new()),
    };
    Ok(TitlePage {
        page: page_of(view, unit, view.t("title-heading"), "/unit"),
        number: number.to_string(),
        action: format!("/bills/{number}/title"),
        back: "/unit",
        fields: FIELDS,
        faults,
        frozen,
        title,
    })
}

/// `GET /bills/{number}/title`.
pub(super) async fn get_title(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number.parse().map_err(|()| Kind::NotFound)?;
    Ok(Shown(title_page(&units, &unit, &view, &number, None).await?).into_response())
}

/// `POST /bills/{number}/title`.
pub(super) async fn post_title(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Path(number): Path<String>,
    Posted(pairs): Posted<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let number: BillNumber = number.parse().map_err(|()| Kind::NotFound)?;
    let desk = &units.renewals.desk;
    // Another unit's bill is none.
    desk.store.read().await?.bill(&number).await?.filter(|bill| bill.uscc == unit.uscc).ok_or(Kind::NotFound)?;
    let title = Title::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    match desk.choose_title(&Who::unit(&unit.unit_name), &number, &title).await {
        Ok(Ok(())) => Ok(see("/unit")),
        Ok(Err(faults)) => {
            Ok(Again(title_page(&units, &unit, &view, &number, Some((title, &faults))).await?).into_response())
        }
        // Asked for in the meantime: the page says so.
        Err(OfficeError::Money(MoneyFault::State { .. })) => Ok(see(&format!("/bills/{number}/title"))),
        Err(error) => Err(error.into()),
    }
}
