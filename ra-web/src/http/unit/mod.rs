//! The units' own site behind its sign-in: what a unit comes for, and its renewal.

mod choice;
mod ending;
mod home;
mod login;
mod renew;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::error::Failure;
use super::presence::{self, Bound, Presences};
use crate::login::{Admission, Door};
use crate::page::{Page, Person, RailItem, View};
use crate::renewal::{Holding, Members, Renewals};
use crate::selfcare::Ending;

const KEY: &str = "unit-site";

/// What the site's handlers work with.
#[derive(Clone)]
pub struct Units {
    /// The services.
    pub renewals: Arc<Renewals>,
    /// The end of its own certificate.
    pub ending: Arc<Ending>,
    /// Whose certificate it is.
    pub members: Arc<Members>,
    /// The way in.
    pub door: Arc<Door>,
    /// The tokens of those who are signed in.
    pub presences: Presences,
    /// The site's own origin, to which the payment provider leads back.
    pub origin: Arc<str>,
}

/// Every route of the site that is for units alone.
pub fn router(units: Units) -> Router {
    Router::new()
        .route("/login", get(login::get_login).post(login::post_login))
        .route("/login/challenge", post(login::post_challenge))
        .route("/logout", post(login::post_logout))
        .route("/unit", get(home::get_home))
        .route("/bills/{number}/slip.pdf", get(home::get_slip))
        .route("/certificate/end", get(ending::get_ending).post(ending::post_ending))
        .route("/certificate/end/sign", post(ending::post_signed))
        .route("/bills/{number}/{file}", get(home::get_invoice))
        .route("/bills/{number}/title", get(choice::get_choice).post(choice::post_choice))
        .route("/bills/{number}/quota", get(choice::get_choice).post(choice::post_choice))
        .route("/renew", get(renew::get_renew))
        .route("/renew/form", get(renew::get_form).post(renew::post_form))
        .route("/renew/changed", get(renew::get_changed).post(renew::post_changed))
        .route("/renew/sign", post(renew::post_sign))
        .route("/renew/pay", post(renew::post_pay))
        .route("/renew/back", get(renew::get_back))
        .route("/renew/cancel", post(renew::post_cancel))
        .route("/renew/install", post(renew::post_install))
        .route("/renew/installed", post(renew::post_installed))
        .with_state(units)
}

/// What a session keeps of an admission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SignedIn {
    holding: Holding,
    /// The token that keeps it open.
    #[serde(default)]
    bound: Option<Bound>,
}

/// Opens the session of an admission, under a new id, so that nobody who knew the old one shares it.
async fn open(session: &Session, admission: &Admission<Holding>, bound: Option<Bound>) -> Result<(), Failure> {
    let signed_in = SignedIn { holding: admission.person().clone(), bound };
    session.clear().await;
    session.cycle_id().await?;
    Ok(session.insert(KEY, &signed_in).await?)
}

/// A unit that is signed in.
struct CurrentUnit(Holding);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUnit
where
    Units: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let units = Units::from_ref(state);
        let session = Session::from_request_parts(parts, state).await.map_err(|(_, what)| Failure::internal(what))?;
        let signed_in: SignedIn = session.get(KEY).await?.ok_or_else(|| Failure::sign_in("/login"))?;
        if let Some(ended) = units.presences.end_if_due(&session, parts, signed_in.bound.as_ref()).await? {
            return Err(Failure::sign_in(ended.login()));
        }
        if !units.renewals.still_welcome(&signed_in.holding).await? {
            units.presences.forget(signed_in.bound.as_ref()).await?;
            presence::end(&session, None).await?;
            return Err(Failure::sign_in("/login?ended=certificate"));
        }
        Ok(Self(signed_in.holding))
    }
}

/// The frame of a page of a unit that is signed in.
fn page_of(view: &View, unit: &Holding, title: String, current: &str) -> Page {
    let item = |href: &'static str, label: &str, icon: &'static str| RailItem {
        href,
        label: view.t(label),
        icon,
        count: None,
        current: href == current,
    };
    Page {
        person: Some(Person { name: unit.unit_name.clone(), duty: unit.uscc.clone(), sign_out: "/logout" }),
        rail: vec![
            item("/unit", "unit-rail-home", "building-2"),
            item("/renew", "unit-rail-renew", "refresh-cw"),
            item("/help", "unit-rail-help", "info"),
        ],
        ..view.page(title)
    }
}

#[cfg(test)]
mod tests;
