//! The staff console: every route with the right it needs, and the guard that looks at it.

mod application;
mod case;
mod certificate;
mod counter;
mod evidence;
mod jobs;
mod login;
mod matter;
mod officers;
mod parts;
mod queue;
mod search;
mod tokens;
mod unit;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use ca_core::domain::{Officer, Role, Sha256, Timestamp};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::error::{Failure, Kind};
use crate::enrolment::desk::{Counts, Desk, OfficeError, Signer};
use crate::enrolment::document::MAX_DOCUMENT_BYTES;
use crate::enrolment::duty::Right;
use crate::login::{Door, Officers};
use crate::page::{Notice, Page, Person, RailItem, View};

/// Three scans that are a little too large must still arrive whole, so that the form can say which.
const MAX_FORM_BYTES: usize = 6 * MAX_DOCUMENT_BYTES;
/// The registry is asked again about the officer of a session after so many seconds.
const RECHECK_SECONDS: i64 = 60;
const SESSION_KEY: &str = "staff";

/// What the console's handlers work with.
#[derive(Clone)]
pub struct Staff {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// The way in.
    pub door: Arc<Door>,
    /// Who is an officer.
    pub officers: Arc<Officers>,
}

/// Every route of the console, each with the right it needs. Sign-in is outside the guard.
pub fn router(staff: Staff) -> Router {
    let with =
        |right: Right, routes: MethodRouter<Staff>| routes.layer(from_fn_with_state((staff.clone(), right), guard));
    let forms = |routes: MethodRouter<Staff>| routes.layer(DefaultBodyLimit::max(MAX_FORM_BYTES));
    Router::new()
        .route("/login", get(login::get_login).post(login::post_login))
        .route("/login/challenge", post(login::post_challenge))
        .route("/logout", post(login::post_logout))
        .route("/", with(Right::Read, get(queue::get_home)))
        .route("/applications", with(Right::Read, get(queue::get_list)))
        .route("/applications/new", with(Right::TakeIn, forms(get(application::get_new).post(application::post_new))))
        .route("/uscc", with(Right::Prepare, get(application::get_uscc)))
        .route("/applications/{number}", with(Right::Read, get(case::get_case)))
        .route(
            "/applications/{number}/edit",
            with(Right::Prepare, forms(get(application::get_edit).post(application::post_edit))),
        )
        .route("/applications/{number}/check", with(Right::Prepare, get(application::get_check)))
        .route("/applications/{number}/submit", with(Right::Prepare, post(application::post_submit)))
        .route("/applications/{number}/cancel", with(Right::Prepare, post(case::post_cancel)))
        .route("/applications/{number}/claim", with(Right::Claim, post(queue::post_claim)))
        .route("/applications/{number}/hand-back", with(Right::Claim, post(queue::post_hand_back)))
        .route("/applications/{number}/approve", with(Right::Decide, post(case::post_approve)))
        .route("/applications/{number}/decline", with(Right::Decide, post(case::post_decline)))
        .route("/applications/{number}/documents/{kind}", with(Right::Read, get(case::get_document)))
        .route("/applications/{number}/papers/{paper}", with(Right::Read, get(evidence::get_paper)))
        .route("/applications/{number}/counter", with(Right::Provision, get(counter::get_counter)))
        .route("/applications/{number}/ticket", with(Right::Provision, post(counter::post_ticket)))
        .route("/applications/{number}/provisioned", with(Right::Provision, post(counter::post_provisioned)))
        .route("/applications/{number}/abandon", with(Right::Provision, post(counter::post_abandon)))
        .route("/certificates", with(Right::Read, get(certificate::get_certificates)))
        .route("/certificates/{issuer}/{serial}", with(Right::Read, get(certificate::get_certificate)))
        .route("/certificates/{issuer}/{serial}/hold", with(Right::Hold, post(certificate::post_hold)))
        .route("/certificates/{issuer}/{serial}/matters", with(Right::Request, post(matter::post_begin)))
        .route("/certificates/{issuer}/{serial}/replace", with(Right::Prepare, post(certificate::post_replace)))
        .route("/orders", with(Right::Read, get(certificate::get_orders)))
        .route("/orders/{id}", with(Right::Read, get(certificate::get_order)))
        .route("/orders/{id}/sign", with(Right::SignOrder, post(certificate::post_sign)))
        .route("/orders/{id}/send", with(Right::SignOrder, post(certificate::post_send)))
        .route("/orders/{id}/drop", with(Right::SignOrder, post(certificate::post_drop)))
        .route("/units/{uscc}", with(Right::Read, get(unit::get_unit)))
        .route("/officers", with(Right::Registry, get(officers::get_officers)))
        .route("/jobs", with(Right::Jobs, get(jobs::get_jobs)))
        .route("/jobs/retry", with(Right::RetryJob, post(jobs::post_retry)))
        .route("/matters", with(Right::Read, get(matter::get_matters)))
        .route("/matters/{number}", with(Right::Read, get(matter::get_matter)))
        .route("/matters/{number}/edit", with(Right::Request, forms(get(matter::get_edit).post(matter::post_edit))))
        .route("/matters/{number}/sign", with(Right::SignOrder, post(matter::post_sign)))
        .route("/matters/{number}/grant", with(Right::Request, post(matter::post_grant)))
        .route("/matters/{number}/unlocked", with(Right::Request, post(matter::post_unlocked)))
        .route("/matters/{number}/drop", with(Right::Request, post(matter::post_drop)))
        .route("/matters/{number}/told", with(Right::Request, post(matter::post_told)))
        .route("/matters/{number}/documents/{kind}", with(Right::Read, get(matter::get_document)))
        .route("/stock", with(Right::Read, get(tokens::get_stock)))
        .route("/stock/{doing}", with(Right::KeepStock, get(tokens::get_list).post(tokens::post_list)))
        .route("/stock/transfers/{id}", with(Right::Read, get(tokens::get_transfer)))
        .route("/stock/transfers/{id}/receive", with(Right::KeepStock, post(tokens::post_transfer)))
        .route("/tokens/{serial}", with(Right::Read, get(tokens::get_token)))
        .route("/tokens/{serial}/end", with(Right::KeepStock, post(tokens::post_end)))
        .route("/search", with(Right::Read, get(search::get_search)))
        .with_state(staff)
}

/// What a session keeps: who, by which certificate, and when the registry was last asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StaffSession {
    officer: Officer,
    certificate: Sha256,
    checked: Timestamp,
}

/// Lets a request through when someone with the right is signed in; puts the [`Signer`] beside it.
async fn guard(
    State((staff, right)): State<(Staff, Right)>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let signer = match signed_in(&staff, &session).await {
        Ok(signer) => signer,
        Err(failure) => return failure.into_response(),
    };
    let tried = format!("{} {}", request.method(), request.uri().path());
    let response = if right.of(&signer.officer.roles) {
        request.extensions_mut().insert(signer.clone());
        next.run(request).await
    } else {
        Failure::from(Kind::NoRight).into_response()
    };
    if let Some(kind) = response.extensions().get::<Failure>().map(Failure::kind) {
        note_refusal(&staff, &signer, &tried, kind).await;
    }
    response
}

/// Who tries what is not theirs is written down, whichever rule refused it.
async fn note_refusal(staff: &Staff, signer: &Signer, tried: &str, kind: Kind) {
    if !matches!(kind, Kind::NoRight | Kind::OtherOffice | Kind::FourEyes) {
        return;
    }
    let tried: String = tried.chars().take(200).collect();
    if let Err(error) = staff.desk.note_refused(&signer.officer, &tried, kind.word()).await {
        // Nothing was done, so that nothing must be undone; the log has it.
        tracing::error!(%error, officer = %signer.officer.id, tried, "A refusal could not be audited");
    }
}

/// The officer of a session, asked for again in the authority's registry once a minute: one whose certificate
/// was revoked or whose duties changed is out or changed within that time. While the authority does not
/// answer, the last word stands: nothing can be issued without it anyway.
async fn signed_in(staff: &Staff, session: &Session) -> Result<Signer, Failure> {
    let mut kept: StaffSession = session.get(SESSION_KEY).await?.ok_or_else(|| Failure::sign_in("/login"))?;
    let now = staff.desk.clock.now();
    if now.since(kept.checked) >= RECHECK_SECONDS {
        match staff.officers.find(kept.certificate).await {
            Ok(Some(officer)) => {
                kept = StaffSession { officer, checked: now, ..kept };
                session.insert(SESSION_KEY, &kept).await?;
            }
            Ok(None) => {
                session.flush().await?;
                return Err(Failure::sign_in("/login"));
            }
            Err(error) => tracing::warn!(%error, "the registry was not asked about an officer"),
        }
    }
    Ok(Signer { officer: kept.officer, certificate: kept.certificate })
}

impl<S: Send + Sync> FromRequestParts<S> for Signer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::internal("a route stands outside the guard"))
    }
}

/// Banners after a redirect: `?done=` names one of these messages and nothing else.
const DONE: [&str; 26] = [
    "claimed",
    "handed-back",
    "cancelled",
    "saved",
    "submitted",
    "approved",
    "returned",
    "rejected",
    "delivered",
    "abandoned",
    "held",
    "released",
    "revoked",
    "requested",
    "dropped",
    "retried",
    "stock-received",
    "stock-sent",
    "stock-arrived",
    "stock-counted",
    "token-retired",
    "token-destroyed",
    "matter-ready",
    "matter-signed",
    "matter-dropped",
    "matter-closed",
];

impl Staff {
    /// The frame of a page: person, rail with counts, banner.
    async fn page(&self, view: &View, signer: &Signer, title: String, current: &str) -> Result<Page, OfficeError> {
        let counts = self.desk.counts(&signer.officer).await?;
        Ok(self.page_with(view, signer, title, current, &counts))
    }

    fn page_with(&self, view: &View, signer: &Signer, title: String, current: &str, counts: &Counts) -> Page {
        let roles = &signer.officer.roles;
        let item = |href, label: &str, icon, count| RailItem {
            href,
            label: view.t(label),
            icon,
            count,
            current: href == current,
        };
        let mut rail = vec![item("/", "staff-rail-home", "inbox", None)];
        if Right::TakeIn.of(roles) {
            rail.push(item("/applications/new", "staff-rail-new", "file-plus", None));
        }
        let review = counts.count("submitted");
        let desk = counts.count("approved") + counts.count("issued");
        rail.push(item("/applications", "staff-rail-applications", "list-checks", None));
        rail.push(item("/applications?state=submitted", "staff-rail-review", "users", Some(review)));
        rail.push(item("/applications?state=approved", "staff-rail-counter", "usb", Some(desk)));
        rail.push(item("/certificates", "staff-rail-certificates", "badge-check", None));
        rail.push(item("/orders", "staff-rail-orders", "stamp", Some(counts.orders)));
        if Right::Read.of(roles) {
            rail.push(item("/matters", "staff-rail-matters", "scale", None));
            rail.push(item("/stock", "staff-rail-stock", "key-round", None));
        }
        if Right::Registry.of(roles) {
            rail.push(item("/officers", "staff-rail-officers", "users", None));
        }
        if Right::Jobs.of(roles) {
            rail.push(item("/jobs", "staff-rail-jobs", "refresh-cw", None));
        }
        let duties: Vec<String> = Role::ALL
            .into_iter()
            .filter(|role| roles.contains(role))
            .map(|role| view.t(&format!("role-{}", role.word().replace('_', "-"))))
            .collect();
        let done = view.path.split(['?', '&']).find_map(|pair| pair.strip_prefix("done="));
        let notice = done
            .filter(|word| DONE.contains(word))
            .map(|word| Notice { text: view.t(&format!("done-{word}")), good: true });
        Page {
            person: Some(Person {
                name: signer.officer.name.clone(),
                duty: duties.join(&view.t("staff-duty-joint")),
                sign_out: "/logout",
            }),
            rail,
            notice,
            ..view.page(title)
        }
    }
}

#[cfg(test)]
mod matter_tests;
#[cfg(test)]
mod office_tests;
#[cfg(test)]
mod process_tests;
#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod stock_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
