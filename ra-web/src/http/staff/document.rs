//! Scans on pages: the viewer beside the particulars, the scan itself, its pages as pictures.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::application::number_of;
use super::evidence::ALONE;
use super::parts::{Sheet, sheet};
use crate::enrolment::desk::Signer;
use crate::enrolment::document::DocumentKind;
use crate::enrolment::form::Form;
use crate::evidence::preview::Size;
use crate::http::answer::Shown;
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

/// How large pages are shown, in hundredths of the column's width.
const ZOOMS: [u16; 4] = [100, 150, 200, 300];

/// A scan with its pages.
struct Pages {
    n: i64,
    sheet: Sheet,
    /// The scan as it was kept.
    original: String,
    pictures: Vec<String>,
}

#[derive(Template)]
#[template(path = "staff/document.html")]
struct ViewerPage {
    page: Page,
    number: String,
    kind: &'static str,
    title: String,
    /// All of the case, to go from one to the next.
    others: Vec<Sheet>,
    scans: Vec<Pages>,
    zooms: [u16; 4],
    zoom: u16,
    form: Form,
    masked: String,
}

#[derive(Deserialize)]
pub(super) struct ViewerQuery {
    zoom: Option<u16>,
}

/// `GET /applications/{number}/documents/{kind}?zoom=`: every page of a kind, beside what was typed.
pub(super) async fn get_viewer(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path((number, kind)): Path<(String, String)>,
    Query(query): Query<ViewerQuery>,
) -> Result<impl IntoResponse, Failure> {
    let number = number_of(&number)?;
    let shown = staff.desk.view(&signer.officer, &number).await?;
    let kind = DocumentKind::from_word(&kind).ok_or(Kind::NotFound)?;
    let scans: Vec<Pages> = shown
        .documents
        .iter()
        .filter(|document| document.kind == kind)
        .map(|document| {
            let base = format!("/applications/{number}/documents/{}/{}", kind.word(), document.sheet);
            Pages {
                n: document.sheet,
                sheet: sheet(&view, number.as_str(), document),
                pictures: (1..=document.pages).map(|page| format!("{base}/{page}?size=large")).collect(),
                original: base,
            }
        })
        .collect();
    if scans.is_empty() {
        return Err(Kind::NotFound.into());
    }
    let title = view.t(&format!("document-{}", kind.word().replace('_', "-")));
    let page = staff.page(&view, &signer, title.clone(), "/applications").await?;
    Ok(Shown(ViewerPage {
        page: Page { wide: true, ..page },
        number: number.to_string(),
        kind: kind.word(),
        title,
        others: shown
            .documents
            .iter()
            .filter(|document| document.sheet == 1)
            .map(|document| sheet(&view, number.as_str(), document))
            .collect(),
        scans,
        zooms: ZOOMS,
        zoom: query.zoom.filter(|zoom| ZOOMS.contains(zoom)).unwrap_or(ZOOMS[0]),
        masked: shown.case.handler_id_masked.clone(),
        form: shown.case.form,
    }))
}

/// `GET /applications/{number}/documents/{kind}/{sheet}`: the scan itself, alone, with nothing that it could run.
pub(super) async fn get_document(
    State(staff): State<Staff>,
    signer: Signer,
    Path((number, kind, sheet)): Path<(String, String, i64)>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let (document, bytes) = staff.desk.document(&signer.officer, &number, &kind, sheet).await?;
    tracing::info!(officer = %signer.officer.id, case = %number, kind, sheet, "Document shown");
    let headers = [
        (header::CONTENT_TYPE, document.media.name()),
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    Ok((headers, bytes).into_response())
}

#[derive(Deserialize)]
pub(super) struct PictureQuery {
    #[serde(default)]
    pub(super) size: String,
}

/// `GET /applications/{number}/documents/{kind}/{sheet}/{page}?size=small|large`: a page as PNG.
pub(super) async fn get_picture(
    State(staff): State<Staff>,
    signer: Signer,
    Path((number, kind, sheet, page)): Path<(String, String, i64, i64)>,
    Query(query): Query<PictureQuery>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let size = if query.size == "small" { Size::Small } else { Size::Large };
    let png = staff.desk.picture(&signer.officer, &number, (&kind, sheet, page), size).await?;
    // A person leafs to and fro; what was drawn for them is theirs for as long as they work on it.
    let headers = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "private, max-age=300"),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    Ok((headers, png).into_response())
}
