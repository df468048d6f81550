//! Signing in and out of the units' site.

use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use tower_sessions::Session;

use super::{KEY, SignedIn, Units, open};
use crate::http::answer::see;
use crate::http::error::Failure;
use crate::http::login::{Arrival, SignedForm, admitted, challenge_answer, login_page, refused_page, remember_browser};
use crate::http::presence;
use crate::page::{Page, View};

/// Which certificates the assistant offers.
const WANT: &str = "unit";

/// `GET /login`.
pub(super) async fn get_login(
    State(units): State<Units>,
    session: Session,
    view: View,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &units.renewals.desk.chance).await?;
    let challenge = units.door.challenge(browser).await?;
    let page = Page { notice: arrival.notice(&view), ..view.page(view.t("unit-login-title")) };
    login_page(page, &view.t("public-title"), WANT, &challenge)
}

/// `POST /login/challenge`: a fresh one at the click.
pub(super) async fn post_challenge(State(units): State<Units>, session: Session) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &units.renewals.desk.chance).await?;
    Ok(challenge_answer(&units.door.challenge(browser).await?))
}

/// `POST /login`.
pub(super) async fn post_login(
    State(units): State<Units>,
    session: Session,
    view: View,
    Form(form): Form<SignedForm>,
) -> Result<Response, Failure> {
    match admitted(&session, &units.door, units.members.as_ref(), &form).await? {
        Ok((admission, statement)) => {
            let over = admission.person().is_over(admission.at());
            let back = presence::back(&session).await?.unwrap_or_else(|| "/unit".into());
            let bound = units.presences.bind(&statement, admission.holder().certificate_sha256);
            open(&session, &admission, bound).await?;
            Ok(see(if over { "/renew" } else { &back }))
        }
        Err(refusal) => refused_page(&view, &refusal, None),
    }
}

/// `POST /logout`.
pub(super) async fn post_logout(State(units): State<Units>, session: Session) -> Result<Response, Failure> {
    let signed_in: Option<SignedIn> = session.get(KEY).await?;
    units.presences.forget(signed_in.and_then(|signed_in| signed_in.bound).as_ref()).await?;
    session.flush().await?;
    Ok(see("/login?ended=signed-out"))
}
