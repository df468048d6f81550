//! Signing in and out of the console.

use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use tower_sessions::Session;

use super::{SESSION_KEY, Staff, StaffSession, kept};
use crate::http::answer::see;
use crate::http::error::Failure;
use crate::http::login::{Arrival, SignedForm, admitted, challenge_answer, login_page, refused_page, remember_browser};
use crate::http::presence;
use crate::http::session::AFTER;
use crate::page::{Page, View};

/// `GET /login`.
pub(super) async fn get_login(
    State(staff): State<Staff>,
    session: Session,
    view: View,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &staff.desk.chance).await?;
    let challenge = staff.door.challenge(browser).await?;
    let page = Page { notice: arrival.notice(&view), ..view.page(view.t("login-title")) };
    login_page(page, &view.t("staff-house"), "staff", &challenge)
}

/// `POST /login/challenge`: a fresh one at the click.
pub(super) async fn post_challenge(State(staff): State<Staff>, session: Session) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &staff.desk.chance).await?;
    Ok(challenge_answer(&staff.door.challenge(browser).await?))
}

/// `POST /login`.
pub(super) async fn post_login(
    State(staff): State<Staff>,
    session: Session,
    view: View,
    Form(form): Form<SignedForm>,
) -> Result<Response, Failure> {
    match admitted(&session, &staff.door, staff.officers.as_ref(), &form).await? {
        Ok((admission, statement)) => {
            let back = presence::back(&session).await?;
            // A new session with a new id: nothing that was known before sign-in opens it.
            session.clear().await;
            session.cycle_id().await?;
            let kept = StaffSession {
                officer: admission.person().clone(),
                certificate: admission.holder().certificate_sha256,
                checked: admission.at(),
                bound: staff.presences.bind(&statement, admission.holder().certificate_sha256),
            };
            session.insert(AFTER, &kept.officer.id).await?;
            let typed = kept::waiting(&staff, &session, &kept.officer.id).await?;
            session.insert(SESSION_KEY, kept).await?;
            Ok(see(typed.or(back).as_deref().unwrap_or("/")))
        }
        Err(refusal) => refused_page(&view, &refusal, None),
    }
}

/// `POST /logout`.
pub(super) async fn post_logout(State(staff): State<Staff>, session: Session) -> Result<Response, Failure> {
    let kept: Option<StaffSession> = session.get(SESSION_KEY).await?;
    staff.presences.forget(kept.and_then(|kept| kept.bound).as_ref()).await?;
    session.flush().await?;
    Ok(see("/login?ended=signed-out"))
}
