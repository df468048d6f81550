//! Taking a case out as one signed archive: the page that says what would go, and the signature that lets it.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Staff;
use super::application::number_of;
use super::parts::{ToSign, message_of};
use crate::enrolment::archive::may_see_number;
use crate::enrolment::desk::Signer;
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::http::login::SignedForm;
use crate::page::{Page, View};

#[derive(Template)]
#[template(path = "staff/archive.html")]
struct ArchivePage {
    page: Page,
    number: String,
    files: Vec<(String, String)>,
    sign: ToSign,
    /// Whether this officer may have the resident number in full.
    may_full: bool,
    full: bool,
}

#[derive(Deserialize)]
pub(super) struct ArchiveQuery {
    #[serde(default)]
    full: String,
}

/// `GET /applications/{number}/archive?full=yes`: what would be in it, to be signed.
pub(super) async fn get_archive(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    Query(query): Query<ArchiveQuery>,
) -> Result<impl IntoResponse, Failure> {
    let number = number_of(&number)?;
    let full = query.full == "yes";
    let draft = staff.desk.archive_draft(&signer.officer, &number, full).await?;
    let page = staff.page(&view, &signer, view.t("archive-title"), "/applications").await?;
    let size = |bytes: usize| {
        let kib = bytes.div_ceil(1024);
        if kib < 1024 { format!("{kib} KB") } else { format!("{}.{} MB", kib / 1024, kib % 1024 * 10 / 1024) }
    };
    Ok(Shown(ArchivePage {
        page,
        number: number.to_string(),
        files: draft.files.into_iter().map(|(path, bytes)| (path, size(bytes))).collect(),
        sign: ToSign {
            statement: URL_SAFE_NO_PAD.encode(&draft.statement),
            text: String::from_utf8_lossy(&draft.statement).into_owned(),
        },
        may_full: may_see_number(&signer.officer, &draft.shown),
        full,
    }))
}

/// `POST /applications/{number}/archive`: the signature; answers the archive.
pub(super) async fn post_archive(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let taken = staff.desk.take_archive(&signer, &number, &message_of(&form.signature)?).await?;
    let name = format!("attachment; filename=\"{}\"", taken.name);
    let headers = [(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, name.as_str())];
    Ok((headers, taken.bytes).into_response())
}
