//! A unit ends its own certificate: why, then its signature.

use askama::Template;
use axum::Form as Posted;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use tower_sessions::Session;

use super::{CurrentUnit, Units, page_of};
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::presence;
use crate::matters::Ground;
use crate::page::{Page, View};
use crate::renewal::Holding;
use crate::selfcare::REASONS;

#[derive(Template)]
#[template(path = "unit/ending.html")]
struct EndingPage {
    page: Page,
    unit: Holding,
    until: String,
    reasons: Vec<&'static str>,
    /// The one that was chosen, with the bytes to be signed, base64url.
    chosen: Option<(&'static str, String)>,
    nothing_chosen: bool,
}

fn ending_page(view: &View, unit: Holding) -> EndingPage {
    EndingPage {
        page: page_of(view, &unit, view.t("ending-title"), "/unit"),
        until: unit.not_after.beijing_day().to_string(),
        reasons: REASONS.map(Ground::word).into(),
        chosen: None,
        nothing_chosen: false,
        unit,
    }
}

/// `GET /certificate/end`.
pub(super) async fn get_ending(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    if unit.is_over(units.ending.desk.clock.now()) {
        return Ok(see("/renew"));
    }
    Ok(Shown(ending_page(&view, unit)).into_response())
}

/// The ground that was chosen.
#[derive(Deserialize)]
pub(super) struct GroundForm {
    #[serde(default)]
    ground: String,
    /// Only with a signature.
    #[serde(default)]
    signature: String,
}

impl GroundForm {
    fn ground(&self) -> Option<Ground> {
        Ground::from_word(&self.ground).filter(|ground| REASONS.contains(ground))
    }
}

/// `POST /certificate/end`: the order lies ready to be signed.
pub(super) async fn post_ending(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Posted(form): Posted<GroundForm>,
) -> Result<Response, Failure> {
    let Some(ground) = form.ground() else {
        return Ok(Again(EndingPage { nothing_chosen: true, ..ending_page(&view, unit) }).into_response());
    };
    let order = units.ending.order(&unit, ground).await?;
    let chosen = Some((ground.word(), URL_SAFE_NO_PAD.encode(order.statement)));
    Ok(Shown(EndingPage { chosen, ..ending_page(&view, unit) }).into_response())
}

#[derive(Template)]
#[template(path = "unit/ended.html")]
struct EndedPage {
    page: Page,
    serial: String,
    at: String,
}

/// `POST /certificate/end/sign`: it is over, and so is the session.
pub(super) async fn post_signed(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    session: Session,
    view: View,
    Posted(form): Posted<GroundForm>,
) -> Result<Response, Failure> {
    let ground = form.ground().ok_or(Kind::Malformed)?;
    let message = STANDARD.decode(form.signature.trim()).map_err(|_| Kind::Malformed)?;
    units.ending.sign(&unit, ground, &message).await?;
    presence::end(&session, None).await?;
    let ended = EndedPage {
        page: view.page(view.t("ending-done-title")),
        serial: unit.serial.to_string(),
        at: units.ending.desk.clock.now().beijing_text(),
    };
    Ok(Shown(ended).into_response())
}
