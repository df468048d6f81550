//! Signing in and out of the console.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use tower_sessions::Session;

use super::{SESSION_KEY, Staff, StaffSession};
use crate::http::answer::see;
use crate::http::error::Failure;
use crate::http::login::{SignedForm, challenge_answer, known_browser, login_page, refused_page, remember_browser};
use crate::login::{Answer, LoginError, Refusal};
use crate::page::View;

/// `GET /login`.
pub(super) async fn get_login(State(staff): State<Staff>, session: Session, view: View) -> Result<Response, Failure> {
    let browser = remember_browser(&session, &staff.desk.chance).await?;
    let challenge = staff.door.challenge(browser).await?;
    login_page(view.page(view.t("login-title")), &view.t("staff-house"), "staff", &challenge)
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
    let outcome = match known_browser(&session).await? {
        None => Err(Refusal::OtherSession.into()),
        Some(browser) => match Answer::parse(&form.statement, &form.signature) {
            Ok(answer) => staff.door.admit(browser, &answer, staff.officers.as_ref()).await,
            Err(refusal) => Err(refusal.into()),
        },
    };
    match outcome {
        Ok(admission) => {
            // A new session with a new id: nothing that was known before sign-in opens it.
            session.clear().await;
            session.cycle_id().await?;
            let kept = StaffSession {
                officer: admission.person().clone(),
                certificate: admission.holder().certificate_sha256,
                checked: admission.at(),
            };
            session.insert(SESSION_KEY, kept).await?;
            Ok(see("/"))
        }
        Err(LoginError::Refused(refusal)) => refused_page(&view, &refusal, None),
        Err(LoginError::Storage(error)) => Err(error.into()),
    }
}

/// `POST /logout`.
pub(super) async fn post_logout(session: Session) -> Result<Response, Failure> {
    session.flush().await?;
    Ok(see("/login"))
}
