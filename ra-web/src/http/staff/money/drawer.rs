//! Drawers, and the page of one at the end of its day.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{BeijingDay, OfficeId, OfficerId};
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::super::parts::{Tag, may, returning_to};
use super::{DrawerRow, PaymentRow, at_the_form, drawer_row, payment_row};
use crate::enrolment::case::Forbidden;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::enrolment::form;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::drawer::DrawerState;
use crate::payment::fen::Fen;

#[derive(Template)]
#[template(path = "staff/money/drawers.html")]
struct DrawersPage {
    page: Page,
    rows: Vec<DrawerRow>,
}

/// `GET /money/drawers`.
pub(super) async fn get_drawers(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let now = staff.desk.clock.now();
    let drawers = staff.desk.drawers(&signer.officer).await?;
    let page = staff.page(&view, &signer, view.t("money-drawers"), "/money").await?;
    let rows = drawers.iter().map(|drawer| drawer_row(&view, drawer, now)).collect();
    Ok(Shown(DrawersPage { page: Page { wide: true, ..page }, rows }))
}

/// A refund that left the drawer.
struct Out {
    number: String,
    bill: String,
    method: String,
    amount: String,
}

#[derive(Template)]
#[template(path = "staff/money/drawer.html")]
struct DrawerPage {
    page: Page,
    path: String,
    day: String,
    clerk: String,
    office: String,
    tag: Tag,
    /// Way, how many, how much.
    book: Vec<[String; 3]>,
    cash: String,
    payments: Vec<PaymentRow>,
    outs: Vec<Out>,
    /// Counted, difference, whether there is one, explanation, when.
    count: Option<(String, String, bool, String, String)>,
    confirmed: Option<(String, String)>,
    /// Why a count was sent back, and by whom and when.
    returned: Option<(String, String)>,
    may_count: bool,
    may_confirm: bool,
    why_not: Option<String>,
    fault: Option<(String, &'static str)>,
    typed: (String, String),
}

impl DrawerPage {
    fn about(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|(_, at)| *at == field)
    }

    fn text(&self) -> &str {
        self.fault.as_ref().map_or("", |(text, _)| text)
    }
}

type Place = (String, String, String);

fn place(place: &Place) -> Result<(OfficeId, BeijingDay, OfficerId), Failure> {
    let (office, day, clerk) = place;
    match (OfficeId::new(office), form::day(day), OfficerId::new(clerk)) {
        (Some(office), Some(day), Some(clerk)) => Ok((office, day, clerk)),
        _ => Err(Kind::NotFound.into()),
    }
}

async fn drawer_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    at: &Place,
    fault: Option<(String, &'static str)>,
    typed: (String, String),
) -> Result<DrawerPage, Failure> {
    let (office, day, clerk) = place(at)?;
    let shown = staff.desk.drawer(&signer.officer, &office, &clerk, day).await?;
    let drawer = &shown.drawer;
    let now = staff.desk.clock.now();
    let mine = office == signer.officer.office;
    let own = mine && clerk == signer.officer.id;
    let begun = day <= now.beijing_day();
    let open = drawer.state == DrawerState::Open;
    let filed = matches!(drawer.state, DrawerState::Filed(_));
    let why_not = if open && !begun {
        Some("money-why-not-yet")
    } else if open && !own {
        Some("money-why-not-own")
    } else if filed && !(mine && may(signer, Right::Finance) && !own) {
        Some("money-why-finance")
    } else {
        None
    };
    let path = format!("/money/drawers/{office}/{day}/{clerk}");
    let page = staff.page(view, signer, view.t("money-drawer"), "/money").await?;
    let method = |word: &str| view.t(&format!("money-method-{word}"));
    Ok(DrawerPage {
        page: Page { wide: true, ..returning_to(page, path.clone()) },
        path,
        day: day.to_string(),
        clerk: drawer.clerk.name.clone(),
        office: office.to_string(),
        tag: drawer_row(view, drawer, now).tag,
        book: shown.book.iter().map(|(way, n, sum)| [method(way.word()), n.to_string(), sum.to_string()]).collect(),
        cash: shown.cash().to_string(),
        payments: shown.payments.iter().map(|payment| payment_row(view, payment)).collect(),
        outs: shown
            .refunds
            .iter()
            .map(|refund| Out {
                number: refund.number.to_string(),
                bill: refund.bill.to_string(),
                method: method(refund.method.word()),
                amount: refund.amount.to_string(),
            })
            .collect(),
        count: drawer.count().map(|count| {
            let difference = count.difference();
            let figures = (count.counted.to_string(), difference.to_string());
            (figures.0, figures.1, !difference.is_zero(), count.note.clone(), count.at.beijing_text())
        }),
        confirmed: match &drawer.state {
            DrawerState::Confirmed { by, at, .. } => Some((by.name.clone(), at.beijing_text())),
            DrawerState::Open | DrawerState::Filed(_) => None,
        },
        returned: drawer
            .returned
            .as_ref()
            .filter(|_| open)
            .map(|(why, by, at)| (why.clone(), format!("{} {}", by.name, at.beijing_text()))),
        may_count: open && own && begun,
        may_confirm: filed && mine && !own && may(signer, Right::Finance),
        why_not: why_not.map(|key| view.t(key)),
        fault,
        typed,
    })
}

/// `GET /money/drawers/{office}/{day}/{clerk}`.
pub(super) async fn get_drawer(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(at): Path<Place>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(drawer_page(&staff, &view, &signer, &at, None, (String::new(), String::new())).await?))
}

#[derive(Deserialize)]
pub(super) struct CountForm {
    #[serde(default)]
    counted: String,
    #[serde(default)]
    note: String,
}

/// `POST /money/drawers/{office}/{day}/{clerk}/count`: the clerk says what is there.
pub(super) async fn post_count(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(at): Path<Place>,
    UrlForm(form): UrlForm<CountForm>,
) -> Result<Response, Failure> {
    let (office, day, clerk) = place(&at)?;
    if office != signer.officer.office {
        return Err(OfficeError::from(Forbidden::OtherOffice).into());
    }
    if clerk != signer.officer.id {
        return Err(OfficeError::from(Forbidden::Claimed).into());
    }
    let note: String = form.note.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    let typed = (form.counted.clone(), note.clone());
    let Ok(counted) = form.counted.parse::<Fen>() else {
        let fault = Some((view.t("money-fault-amount"), "counted"));
        return Ok(Again(drawer_page(&staff, &view, &signer, &at, fault, typed).await?).into_response());
    };
    match staff.desk.count_drawer(&signer.officer, day, counted, &note).await {
        Ok(()) => Ok(see(&format!("/money/drawers/{office}/{day}/{clerk}?done=counted"))),
        Err(error) => {
            let fault = Some((at_the_form(&view, error)?, "note"));
            Ok(Again(drawer_page(&staff, &view, &signer, &at, fault, typed).await?).into_response())
        }
    }
}

/// `POST /money/drawers/{office}/{day}/{clerk}/confirm`: finance has looked and has the cash.
pub(super) async fn post_confirm(
    State(staff): State<Staff>,
    signer: Signer,
    Path(at): Path<Place>,
) -> Result<Response, Failure> {
    let (office, day, clerk) = place(&at)?;
    staff.desk.confirm_drawer(&signer.officer, &office, &clerk, day).await?;
    Ok(see(&format!("/money/drawers/{office}/{day}/{clerk}?done=closed")))
}

#[derive(Deserialize)]
pub(super) struct ReturnForm {
    #[serde(default)]
    reason: String,
}

/// `POST /money/drawers/{office}/{day}/{clerk}/return`: finance sends the count back, with a reason.
pub(super) async fn post_return(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(at): Path<Place>,
    UrlForm(form): UrlForm<ReturnForm>,
) -> Result<Response, Failure> {
    let (office, day, clerk) = place(&at)?;
    let reason = form.reason.trim();
    if let Some(text) = reason_fault(&view, reason) {
        let typed = (String::new(), form.reason.clone());
        let page = drawer_page(&staff, &view, &signer, &at, Some((text, "reason")), typed).await?;
        return Ok(Again(page).into_response());
    }
    staff.desk.return_drawer(&signer.officer, &office, &clerk, day, reason).await?;
    Ok(see(&format!("/money/drawers/{office}/{day}/{clerk}?done=count-returned")))
}
