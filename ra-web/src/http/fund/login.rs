//! Login and logout of units.

use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::{Portal, session};
use crate::http::error::Failure;
use crate::http::login::{SignedForm, challenge_answer, known_browser, login_page, refused_page, remember_browser};
use crate::login::{Answer, LoginError, Refusal};
use crate::page::{Notice, View};

/// Which certificates the assistant offers.
const WANT: &str = "unit";

#[derive(Deserialize)]
pub(super) struct Arrival {
    /// Comes from signing out.
    #[serde(default)]
    ended: bool,
}

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
    page.notice = arrival.ended.then(|| Notice { text: view.t("login-ended"), good: true });
    login_page(page, portal.name(view.locale), WANT, &challenge)
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
    let outcome = match known_browser(&session).await? {
        None => Err(Refusal::OtherSession.into()),
        Some(browser) => match Answer::parse(&form.statement, &form.signature) {
            Ok(answer) => portal.door.admit(browser, &answer, portal.members.as_ref()).await,
            Err(refusal) => Err(refusal.into()),
        },
    };
    match outcome {
        Ok(admission) => {
            session::open(&session, &admission).await?;
            Ok(Redirect::to("/unit").into_response())
        }
        Err(LoginError::Refused(refusal)) => refused_page(&view, &refusal, Some(&portal.renewal_origin)),
        Err(LoginError::Storage(error)) => Err(error.into()),
    }
}

/// `POST /logout`.
pub(super) async fn post_logout(session: Session) -> Result<Response, Failure> {
    session.flush().await?;
    Ok(Redirect::to("/login?ended=true").into_response())
}
