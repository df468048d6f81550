//! Login and logout of units.

use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::{Portal, session};
use crate::http::error::Failure;
use crate::http::login::{
    Arrival, SignedForm, admitted, challenge_answer, login_page_beside, refused_page, remember_browser,
};
use crate::http::presence;
use crate::page::View;

/// Which certificates the assistant offers.
const WANT: &str = "unit";

/// `GET /login`.
pub(super) async fn get_login(
    State(portal): State<Portal>,
    session: Session,
    view: View,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &portal.chance).await?;
    let challenge = portal.door.challenge(browser).await?;
    let mut page = view.page(view.t("login-title"));
    page.notice = arrival.notice(&view);
    let other = portal.handshake.as_ref().map(|origin| format!("{origin}/login/certificate"));
    login_page_beside(page, portal.name(view.locale), WANT, &challenge, other)
}

/// `POST /login/challenge`: a fresh challenge for the page that is open.
pub(super) async fn post_challenge(State(portal): State<Portal>, session: Session) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &portal.chance).await?;
    Ok(challenge_answer(&portal.door.challenge(browser).await?))
}

/// `POST /login`.
pub(super) async fn post_login(
    State(portal): State<Portal>,
    session: Session,
    view: View,
    Form(form): Form<SignedForm>,
) -> Result<Response, Failure> {
    match admitted(&session, &portal.door, portal.members.as_ref(), &form).await? {
        Ok((admission, statement)) => {
            let back = presence::back(&session).await?;
            let bound = portal.presences.bind(&statement, admission.holder().certificate_sha256);
            session::open(&session, &admission, bound).await?;
            Ok(Redirect::to(back.as_deref().unwrap_or("/unit")).into_response())
        }
        Err(refusal) => refused_page(&view, &refusal, Some(&portal.renewal_origin)),
    }
}

/// `POST /logout`.
pub(super) async fn post_logout(State(portal): State<Portal>, session: Session) -> Result<Response, Failure> {
    portal.presences.forget(session::bound(&session).await?.as_ref()).await?;
    session.flush().await?;
    Ok(Redirect::to("/login?ended=signed-out").into_response())
}
