//! The staff console: every route with the right it needs, and the guard that looks at it.

mod application;
mod archive;
mod batch_signing;
mod batches;
mod case;
mod certificate;
mod counter;
mod document;
mod evidence;
mod jobs;
mod kept;
mod letters;
mod login;
mod matter;
mod matter_act;
mod matter_form;
mod matter_list;
mod money;
mod officer;
mod officer_order;
mod officers;
pub(crate) mod parts;
mod phone;
mod queue;
mod recovery;
mod register;
mod reports;
mod retention;
mod search;
mod signed;
mod tokens;
mod tour;
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
use super::presence::{self, Bound, Presences};
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
    /// Their tokens while they are signed in.
    pub presences: Presences,
}

/// Every route of the console. Sign-in is outside the guard.
pub fn router(staff: Staff) -> Router {
    let guarded = guarded(&staff);
    tracing::debug!(routes = guarded.rights.len(), "The routes of the console");
    Router::new()
        .route("/login", get(login::get_login).post(login::post_login))
        .route("/login/challenge", post(login::post_challenge))
        .route("/logout", post(login::post_logout))
        .merge(guarded.router)
        .with_state(staff)
}

/// Routes behind the guard, and the right that each needs: the console and the test that walks every route for every
/// role and office come from this one list.
struct Guarded {
    staff: Staff,
    router: Router<Staff>,
    rights: Vec<(&'static str, Right)>,
}

impl Guarded {
    fn route(mut self, path: &'static str, (right, routes): (Right, MethodRouter<Staff>)) -> Self {
        self.rights.push((path, right));
        self.router = self.router.route(path, routes.layer(from_fn_with_state((self.staff.clone(), right), guard)));
        self
    }
}

fn guarded(staff: &Staff) -> Guarded {
    let with = |right: Right, routes: MethodRouter<Staff>| (right, routes);
    let forms = |routes: MethodRouter<Staff>| routes.layer(DefaultBodyLimit::max(MAX_FORM_BYTES));
    let uploads = |routes: MethodRouter<Staff>| routes.layer(DefaultBodyLimit::max(batches::MAX_UPLOAD_BYTES));
    let signed = |routes: MethodRouter<Staff>| routes.layer(DefaultBodyLimit::max(batch_signing::MAX_SIGNED_BYTES));
    let guarded = Guarded { staff: staff.clone(), router: Router::new(), rights: Vec::new() }
        .route("/", with(Right::Enter, get(queue::get_home)))
        .route("/kept", with(Right::Enter, get(kept::get_kept)))
        .route("/kept/forget", with(Right::Enter, post(kept::post_forget)))
        .route("/counts", with(Right::Enter, get(queue::get_counts)))
        .route("/tour", with(Right::Enter, get(tour::get_tour)))
        .route("/tour/done", with(Right::Enter, post(tour::post_done)))
        .route("/welcome", with(Right::Enter, get(queue::get_welcome)))
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
        .route("/applications/{number}/documents/{kind}", with(Right::Read, get(document::get_viewer)))
        .route("/applications/{number}/documents/{kind}/{sheet}", with(Right::Read, get(document::get_document)))
        .route("/applications/{number}/documents/{kind}/{sheet}/{page}", with(Right::Read, get(document::get_picture)))
        .route(
            "/applications/{number}/papers/{paper}/signed",
            with(Right::TakeBack, forms(get(signed::get_signed).post(signed::post_signed))),
        )
        .route("/applications/{number}/papers/{paper}", with(Right::Read, get(evidence::get_paper)))
        .route(
            "/applications/{number}/archive",
            with(Right::Export, get(archive::get_archive).post(archive::post_archive)),
        )
        .route("/applications/{number}/retention", with(Right::Retention, get(retention::get_retention)))
        .route("/applications/{number}/retention/ask", with(Right::AskDeletion, post(retention::post_ask)))
        .route("/applications/{number}/retention/confirm", with(Right::ConfirmDeletion, post(retention::post_confirm)))
        .route("/retention", with(Right::Retention, get(retention::get_list)))
        .route("/applications/{number}/counter", with(Right::Provision, get(counter::get_counter)))
        .route("/applications/{number}/ticket", with(Right::Provision, post(counter::post_ticket)))
        .route("/applications/{number}/provisioned", with(Right::Provision, post(counter::post_provisioned)))
        .route("/applications/{number}/abandon", with(Right::Provision, post(counter::post_abandon)))
        .route("/batches", with(Right::Read, get(batches::get_batches)))
        .route("/batches/upload", with(Right::TakeIn, uploads(post(batches::post_batches))))
        .route("/batches/template.xlsx", with(Right::Read, get(batches::get_template)))
        .route("/batches/{number}", with(Right::Read, get(batches::get_batch)))
        .route("/batches/{number}/take-in", with(Right::TakeIn, post(batches::post_take_in)))
        .route("/batches/{number}/cancel", with(Right::TakeIn, post(batches::post_cancel)))
        .route("/batches/{number}/report.xlsx", with(Right::TakeIn, get(batches::get_report)))
        .route("/batches/{number}/documents", with(Right::TakeIn, uploads(post(batches::post_documents))))
        .route("/batches/{number}/prepare", with(Right::TakeIn, post(batch_signing::post_prepare)))
        .route("/batches/{number}/sign", with(Right::Read, get(batch_signing::get_sign)))
        .route("/batches/{number}/submit", with(Right::TakeIn, signed(post(batch_signing::post_submit))))
        .route("/batches/{number}/approve", with(Right::Decide, signed(post(batch_signing::post_approve))))
        .route("/batches/{number}/decline", with(Right::Decide, post(batch_signing::post_decline)))
        .route("/letters", with(Right::Read, get(letters::get_letters)))
        .route("/letters/print", with(Right::TakeIn, post(letters::post_letters)))
        .route("/letters/addresses.xlsx", with(Right::TakeIn, get(letters::get_addresses)))
        .route("/certificates", with(Right::Read, get(certificate::get_certificates)))
        .route("/certificates/{issuer}/{serial}", with(Right::Read, get(certificate::get_certificate)))
        .route("/certificates/{issuer}/{serial}/hold", with(Right::Hold, post(certificate::post_hold)))
        .route("/certificates/{issuer}/{serial}/matters", with(Right::Request, post(matter_form::post_begin)))
        .route("/certificates/{issuer}/{serial}/replace", with(Right::Prepare, post(certificate::post_replace)))
        .route("/orders", with(Right::Read, get(certificate::get_orders)))
        .route("/orders/{id}", with(Right::Read, get(certificate::get_order)))
        .route("/orders/{id}/sign", with(Right::SignOrder, post(certificate::post_sign)))
        .route("/orders/{id}/send", with(Right::SignOrder, post(certificate::post_send)))
        .route("/orders/{id}/drop", with(Right::SignOrder, post(certificate::post_drop)))
        .route("/units/{uscc}", with(Right::Read, get(unit::get_unit)))
        .route("/officers", with(Right::Registry, get(officers::get_officers)))
        .route("/jobs", with(Right::Jobs, get(jobs::get_jobs)))
        .route("/jobs/mails", with(Right::Jobs, get(jobs::get_mails)))
        .route("/jobs/retry", with(Right::RetryJob, post(jobs::post_retry)))
        .route("/matters", with(Right::Read, get(matter_list::get_matters)))
        .route("/matters/{number}", with(Right::Read, get(matter::get_matter)))
        .route(
            "/matters/{number}/edit",
            with(Right::Request, forms(get(matter_form::get_edit).post(matter_form::post_edit))),
        )
        .route("/matters/{number}/sign", with(Right::SignOrder, post(matter_act::post_sign)))
        .route("/matters/{number}/grant", with(Right::Request, post(matter_act::post_grant)))
        .route("/matters/{number}/unlocked", with(Right::Request, post(matter_act::post_unlocked)))
        .route("/matters/{number}/drop", with(Right::Request, post(matter_act::post_drop)))
        .route("/matters/{number}/told", with(Right::Request, post(matter_act::post_told)))
        .route("/matters/{number}/documents/{kind}", with(Right::Read, get(matter::get_document)))
        .route("/matters/{number}/confirm", with(Right::Decide, post(matter_act::post_confirm)))
        .route("/matters/{number}/return", with(Right::Decide, post(matter_act::post_return)))
        .route("/matters/{number}/claim", with(Right::Claim, post(matter_act::post_claim)))
        .route("/matters/{number}/hand-back", with(Right::Claim, post(matter_act::post_hand_back)))
        .route("/recoveries", with(Right::Recovery, get(recovery::get_recoveries)))
        .route("/recoveries/{number}", with(Right::Recovery, get(recovery::get_recovery)))
        .route("/recoveries/{number}/sign", with(Right::SignRecovery, post(recovery::post_sign)))
        .route("/recoveries/{number}/send", with(Right::SignRecovery, post(recovery::post_send)))
        .route("/recoveries/{number}/decline", with(Right::SignRecovery, post(recovery::post_decline)))
        .route("/recoveries/{number}/key", with(Right::Provision, post(recovery::post_key)))
        .route("/recoveries/{number}/close", with(Right::Provision, post(recovery::post_close)))
        .route("/recoveries/{number}/documents/{kind}", with(Right::Recovery, get(recovery::get_document)))
        .route("/stock", with(Right::Read, get(tokens::get_stock)))
        .route("/stock/{doing}", with(Right::KeepStock, get(tokens::get_list).post(tokens::post_list)))
        .route("/stock/transfers/{id}", with(Right::Read, get(tokens::get_transfer)))
        .route("/stock/transfers/{id}/receive", with(Right::KeepStock, post(tokens::post_transfer)))
        .route("/tokens/{serial}", with(Right::Read, get(tokens::get_token)))
        .route("/tokens/{serial}/end", with(Right::KeepStock, post(tokens::post_end)))
        .route("/officers/new", with(Right::Officers, get(officer::get_new).post(officer::post_new)))
        .route("/officers/{officer}", with(Right::Registry, get(officer::get_officer)))
        .route(
            "/officers/{officer}/replace",
            with(Right::Officers, get(officer::get_replace).post(officer::post_replace)),
        )
        .route("/officers/{officer}/hold", with(Right::Officers, post(officer::post_hold)))
        .route("/officers/{officer}/release", with(Right::Officers, post(officer::post_release)))
        .route("/officers/{officer}/revoke", with(Right::Officers, post(officer::post_revoke)))
        .route("/officer-orders/{id}", with(Right::Registry, get(officer_order::get_order)))
        .route("/officer-orders/{id}/sign", with(Right::Officers, post(officer_order::post_sign)))
        .route("/officer-orders/{id}/send", with(Right::Officers, post(officer_order::post_send)))
        .route("/officer-orders/{id}/drop", with(Right::Officers, post(officer_order::post_drop)))
        .route("/officer-orders/{id}/ticket", with(Right::Officers, post(officer_order::post_ticket)))
        .route("/officer-orders/{id}/provisioned", with(Right::Officers, post(officer_order::post_provisioned)))
        .route("/officer-orders/{id}/abandon", with(Right::Officers, post(officer_order::post_abandon)))
        .route("/reports", with(Right::Report, get(reports::get_reports)))
        .route("/reports/{kind}", with(Right::Report, get(reports::get_report)))
        .route("/reports/{kind}/{form}", with(Right::Report, get(reports::get_file)))
        .route("/reminders/phone", with(Right::Phone, get(phone::get_phone)))
        .route("/reminders/phone/{form}", with(Right::Phone, get(phone::get_phone_file)))
        .route("/reminders/phone/{issuer}/{serial}", with(Right::Call, post(phone::post_call)))
        .route("/register", with(Right::Register, get(register::get_register)))
        .route("/register/entries", with(Right::Record, post(register::post_register)))
        .route("/register/{n}/done", with(Right::Record, post(register::post_done)))
        .route("/search", with(Right::Read, get(search::get_search)));
    money::routes(guarded)
}

/// What a session keeps: who, by which certificate, and when the registry was last asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StaffSession {
    officer: Officer,
    certificate: Sha256,
    checked: Timestamp,
    /// The token that keeps it open.
    #[serde(default)]
    bound: Option<Bound>,
}

/// Lets a request through when someone with the right is signed in; puts the [`Signer`] beside it.
async fn guard(
    State((staff, right)): State<(Staff, Right)>,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let typist = kept::typist(&session, &parts).await;
    let signer = match signed_in(&staff, &session, &parts).await {
        Ok(signer) => signer,
        Err(failure) => {
            if let Some(officer) = typist.filter(|_| failure.kind() == Kind::NotSignedIn) {
                kept::keep(&staff, &officer, parts, body).await;
            }
            return failure.into_response();
        }
    };
    let mut request = Request::from_parts(parts, body);
    let tried = format!("{} {}", request.method(), request.uri().path());
    let response = if right.of(&signer.officer.roles) {
        request.extensions_mut().insert(signer.clone());
        let typed = kept::beside(&staff, &session, &signer, &mut request).await;
        let response = next.run(request).await;
        if typed && response.status().is_success() {
            kept::taken_up(&staff, &session, &signer.officer.id).await;
        }
        response
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
/// answer, the last word stands: nothing can be issued without it anyway. Before that the token is asked for.
async fn signed_in(staff: &Staff, session: &Session, parts: &Parts) -> Result<Signer, Failure> {
    let mut kept: StaffSession = session.get(SESSION_KEY).await?.ok_or_else(|| Failure::sign_in("/login"))?;
    if let Some(ended) = staff.presences.end_if_due(session, parts, kept.bound.as_ref()).await? {
        return Err(Failure::sign_in(ended.login()));
    }
    let now = staff.desk.clock.now();
    if now.since(kept.checked) >= RECHECK_SECONDS {
        match staff.officers.find(kept.certificate).await {
            Ok(Some(officer)) => {
                kept = StaffSession { officer, checked: now, ..kept };
                session.insert(SESSION_KEY, &kept).await?;
            }
            Ok(None) => {
                staff.presences.forget(kept.bound.as_ref()).await?;
                presence::end(session, None).await?;
                return Err(Failure::sign_in("/login?ended=certificate"));
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
const DONE: &[&str] = &[
    "paid",
    "voided",
    "refund-asked",
    "refund-approved",
    "refund-declined",
    "refund-paid-out",
    "invoiced",
    "invoice-back",
    "title",
    "einvoice",
    "reversing",
    "counted",
    "count-returned",
    "closed",
    "annexed",
    "deletion-asked",
    "deletion-declined",
    "evidence-deleted",
    "batch-taken",
    "batch-cancelled",
    "batch-submitted",
    "batch-approved",
    "batch-declined",
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
    "officer-signed",
    "officer-done",
    "called",
    "entered",
    "settled",
    "matter-ready",
    "matter-signed",
    "matter-dropped",
    "matter-closed",
    "form-kept",
    "handler-changed",
    "recovery-approved",
    "recovery-declined",
    "statement",
    "statement-known",
    "wire-assigned",
    "wire-declined",
    "wire-cleared",
    "wire-return-asked",
    "wire-return-agreed",
    "wire-return-refused",
    "wire-sent-back",
    "difference-explained",
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
        let mut rail = Vec::new();
        if Right::Read.of(roles) {
            rail.push(item("/", "staff-rail-home", "inbox", None));
        }
        if Right::TakeIn.of(roles) {
            rail.push(item("/applications/new", "staff-rail-new", "file-plus", None));
        }
        let review = counts.count("submitted");
        let desk = counts.count("approved") + counts.count("issued");
        if Right::TakeIn.of(roles) || Right::Decide.of(roles) {
            rail.push(item("/batches", "batch-rail", "upload", None));
        }
        if Right::Read.of(roles) {
            rail.push(item("/applications", "staff-rail-applications", "list-checks", None));
            rail.push(item("/applications?state=submitted", "staff-rail-review", "users", Some(review)));
            rail.push(item("/applications?state=approved", "staff-rail-counter", "usb", Some(desk)));
            rail.push(item("/certificates", "staff-rail-certificates", "badge-check", None));
            if Right::TakeIn.of(roles) {
                rail.push(item("/letters", "letters-rail", "printer", None));
            }
            rail.push(item("/orders", "staff-rail-orders", "stamp", Some(counts.orders)));
            rail.push(item("/matters", "staff-rail-matters", "scale", None));
            rail.push(item("/stock", "staff-rail-stock", "key-round", None));
        }
        if Right::ReadMoney.of(roles) {
            let to_pay = Right::TakeMoney.of(roles).then(|| counts.count("awaiting_payment"));
            rail.push(item("/money", "staff-rail-money", "wallet", to_pay));
        }
        // The desk comes to its own from the certificate.
        if Right::SignRecovery.of(roles) || roles.contains(&Role::Auditor) {
            rail.push(item("/recoveries", "recovery-rail", "key-round", None));
        }
        if Right::Registry.of(roles) {
            rail.push(item("/officers", "staff-rail-officers", "users", None));
        }
        for (right, href, label, icon) in [
            (Right::Phone, "/reminders/phone", "staff-rail-phone", "clock"),
            (Right::Register, "/register", "staff-rail-register", "triangle-alert"),
            (Right::Report, "/reports", "staff-rail-reports", "scale"),
        ] {
            if right.of(roles) {
                rail.push(item(href, label, icon, None));
            }
        }
        if Right::Jobs.of(roles) {
            rail.push(item("/jobs", "staff-rail-jobs", "refresh-cw", None));
        }
        if Right::Retention.of(roles) {
            rail.push(item("/retention", "staff-rail-retention", "clock", None));
        }
        rail.push(item("/tour", "staff-rail-tour", "info", None));
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
mod archive_tests;
#[cfg(test)]
mod back_tests;
#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod desk_tests;
#[cfg(test)]
mod einvoice_tests;
#[cfg(test)]
mod evidence_tests;
#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod lapse_tests;
#[cfg(test)]
mod matter_tests;
#[cfg(test)]
mod money_tests;
#[cfg(test)]
mod office_tests;
#[cfg(test)]
mod officer_tests;
#[cfg(test)]
mod online_testing;
#[cfg(test)]
mod online_tests;
#[cfg(test)]
mod person_tests;
#[cfg(test)]
mod presence_tests;
#[cfg(test)]
mod process_tests;
#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod quota_tests;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod renewal_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod retention_tests;
#[cfg(test)]
mod rights_tests;
#[cfg(test)]
mod selfcare_tests;
#[cfg(test)]
mod stock_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
