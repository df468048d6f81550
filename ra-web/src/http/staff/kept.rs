//! A form that was sent after the session had ended: what was typed is kept, and is back after signing in again.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::Form as UrlForm;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, FromRequestParts, Multipart, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use ca_core::domain::OfficerId;
use tower_sessions::Session;

use super::{MAX_FORM_BYTES, SESSION_KEY, Staff, StaffSession};
use crate::enrolment::desk::Signer;
use crate::http::answer::{Shown, see};
use crate::http::error::Failure;
use crate::http::presence::page_of;
use crate::http::session::AFTER;
use crate::kept::KeptForm;
use crate::page::{Page, View};

/// The key in a session under which it stands that a form waits for its officer.
pub(super) const WAITS: &str = "kept-form";
/// So many fields are kept,
const MAX_FIELDS: usize = 60;
/// each of so many bytes at most, as forms take them.
const MAX_FIELD_BYTES: usize = 2048;
/// What is no text of an officer's: never kept.
const NEVER: [&str; 6] = ["pin", "signature", "statement", "ticket", "grant", "action"];

/// Who sends a form, as far as the session tells, be it over or not; nobody for what is no form.
pub(super) async fn typist(session: &Session, parts: &Parts) -> Option<OfficerId> {
    if parts.method != Method::POST {
        return None;
    }
    if let Ok(Some(kept)) = session.get::<StaffSession>(SESSION_KEY).await {
        return Some(kept.officer.id);
    }
    session.get(AFTER).await.ok().flatten()
}

/// Keeps what was typed into a form that comes too late. When it cannot be kept the person is told nothing else.
pub(super) async fn keep(staff: &Staff, officer: &OfficerId, parts: Parts, body: Body) {
    let Some(page) = page_of(&parts) else { return };
    let fields = fields(Request::from_parts(parts, body)).await;
    if fields.iter().all(|(_, value)| value.trim().is_empty()) {
        return;
    }
    let page = page.split('?').next().unwrap_or_default().to_owned();
    if let Err(error) = staff.desk.keep_form(officer, &KeptForm { page, fields }).await {
        tracing::warn!(%error, "what was typed could not be kept");
    }
}

/// The text fields of a form; files are read past.
async fn fields(mut request: Request) -> Vec<(String, String)> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let mut fields = Vec::new();
    if media.starts_with("multipart/form-data") {
        DefaultBodyLimit::max(MAX_FORM_BYTES).apply(&mut request);
        let Ok(mut form) = Multipart::from_request(request, &()).await else { return fields };
        // Whatever breaks off: what came before it is kept.
        while let Ok(Some(mut field)) = form.next_field().await {
            let (name, file) = (field.name().unwrap_or_default().to_owned(), field.file_name().is_some());
            let mut text = Vec::new();
            while let Ok(Some(chunk)) = field.chunk().await {
                if !file && text.len() <= MAX_FIELD_BYTES {
                    text.extend_from_slice(&chunk);
                }
            }
            if let (false, Ok(text)) = (file, String::from_utf8(text)) {
                fields.push((name, text));
            }
        }
    } else {
        DefaultBodyLimit::max(MAX_FIELDS * MAX_FIELD_BYTES).apply(&mut request);
        if let Ok(UrlForm(pairs)) = UrlForm::<Vec<(String, String)>>::from_request(request, &()).await {
            fields = pairs;
        }
    }
    fields.retain(|(name, value)| value.len() <= MAX_FIELD_BYTES && !NEVER.iter().any(|word| name.contains(word)));
    fields.truncate(MAX_FIELDS);
    fields
}

/// After signing in: where to go when a form waits for this officer.
pub(super) async fn waiting(staff: &Staff, session: &Session, officer: &OfficerId) -> Result<Option<String>, Failure> {
    let Some(form) = staff.desk.kept_form(officer).await? else { return Ok(None) };
    session.insert(WAITS, true).await?;
    Ok(Some(if takes_up(&form.page) { format!("{}?done=form-kept", form.page) } else { "/kept".to_owned() }))
}

/// Whether this page puts what was typed back into its fields.
fn takes_up(page: &str) -> bool {
    let within = |list: &str| page.starts_with(list) && page.ends_with("/edit");
    page == "/applications/new" || within("/applications/") || within("/matters/")
}

/// The form that waits for this page, put beside the request.
pub(super) async fn beside(staff: &Staff, session: &Session, signer: &Signer, request: &mut Request) -> bool {
    let path = request.uri().path();
    if request.method() != Method::GET
        || !takes_up(path)
        || session.get::<bool>(WAITS).await.ok().flatten() != Some(true)
    {
        return false;
    }
    match staff.desk.kept_form(&signer.officer.id).await {
        Ok(Some(form)) if form.page == path => {
            request.extensions_mut().insert(Arc::new(form));
            true
        }
        _ => false,
    }
}

/// It is on the page: the officer has it again.
pub(super) async fn taken_up(staff: &Staff, session: &Session, officer: &OfficerId) {
    if let Err(error) = staff.desk.forget_form(officer).await {
        tracing::warn!(%error, "a form that was taken up again is still kept");
    }
    let _ = session.remove::<bool>(WAITS).await;
}

/// What was typed on this page before the session ended; nothing on most pages.
pub(super) struct Typed(pub(super) Option<Arc<KeptForm>>);

impl Typed {
    /// Its fields.
    pub(super) fn fields(&self) -> &[(String, String)] {
        self.0.as_ref().map_or(&[], |form| &form.fields)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Typed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

#[derive(Template)]
#[template(path = "staff/kept.html")]
struct KeptPage {
    page: Page,
    back: String,
    rows: Vec<(String, String)>,
}

/// `GET /kept`: what was typed on a page that cannot put it back by itself, to be copied.
pub(super) async fn get_kept(State(staff): State<Staff>, view: View, signer: Signer) -> Result<Response, Failure> {
    let Some(form) = staff.desk.kept_form(&signer.officer.id).await? else { return Ok(see("/")) };
    let label = |name: &str| {
        let name = name.replace('_', "-");
        let known = [format!("field-{name}"), format!("matter-field-{name}"), format!("kept-field-{name}")];
        known.into_iter().find(|key| view.t(key) != *key).map_or(name, |key| view.t(&key))
    };
    let rows = form.fields.iter().filter(|(_, value)| !value.trim().is_empty());
    let rows = rows.map(|(name, value)| (label(name), value.clone())).collect();
    let page = staff.page(&view, &signer, view.t("kept-title"), "").await?;
    Ok(Shown(KeptPage { page, back: form.page.clone(), rows }).into_response())
}

/// `POST /kept/forget`: it is not needed any more.
pub(super) async fn post_forget(
    State(staff): State<Staff>,
    session: Session,
    signer: Signer,
) -> Result<Response, Failure> {
    let back = staff.desk.kept_form(&signer.officer.id).await?.map(|form| form.page.clone());
    taken_up(&staff, &session, &signer.officer.id).await;
    Ok(see(back.as_deref().unwrap_or("/")))
}
