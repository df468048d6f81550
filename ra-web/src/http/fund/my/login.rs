//! Login and logout of persons.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::super::Portal;
use super::session;
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::http::login::{Arrival, SignedForm, admitted, refused_page, remember_browser};
use crate::http::presence;
use crate::page::{Page, View};

#[derive(Template)]
#[template(path = "portal/my/login.html")]
struct LoginPage {
    page: Page,
    house: String,
    statement: String,
}

/// `GET /my/login`.
pub(super) async fn get_login(
    State(portal): State<Portal>,
    session: Session,
    view: View,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &portal.chance).await?;
    let challenge = portal.door.challenge(browser).await?;
    let mut page = view.page(view.t("my-login-title"));
    page.notice = arrival.notice(&view);
    let house = portal.name(view.locale).to_owned();
    Ok(Shown(LoginPage { page, house, statement: challenge.statement_text() }).into_response())
}

/// `POST /my/login`.
pub(super) async fn post_login(
    State(portal): State<Portal>,
    session: Session,
    view: View,
    Form(form): Form<SignedForm>,
) -> Result<Response, Failure> {
    match admitted(&session, &portal.door, portal.citizens.as_ref(), &form).await? {
        Ok((admission, statement)) => {
            let back = presence::back(&session).await?.filter(|path| path.starts_with("/my"));
            let bound = portal.presences.bind(&statement, admission.holder().certificate_sha256);
            session::open(&session, &admission, bound).await?;
            Ok(Redirect::to(back.as_deref().unwrap_or("/my")).into_response())
        }
        Err(refusal) => refused_page(&view, &refusal, Some(&portal.renewal_origin)),
    }
}

/// `POST /my/logout`.
pub(super) async fn post_logout(State(portal): State<Portal>, session: Session) -> Result<Response, Failure> {
    portal.presences.forget(session::bound(&session).await?.as_ref()).await?;
    session.flush().await?;
    Ok(Redirect::to("/my/login?ended=signed-out").into_response())
}
