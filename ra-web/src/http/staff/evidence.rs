//! The evidence of a case: its papers to print.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Staff;
use super::application::number_of;
use crate::enrolment::desk::{CaseView, Signer};
use crate::enrolment::papers::Paper;
use crate::http::error::{Failure, Kind};
use crate::page::View;

/// A file of a case is shown alone, with nothing that it could run.
pub(super) const ALONE: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// A paper that can be printed now.
pub(super) struct PaperLink {
    pub(super) href: String,
    pub(super) title: String,
    /// Where its scan is added, for whose duty that is.
    pub(super) signed: Option<String>,
    /// How many scans of it there are.
    pub(super) sheets: usize,
    /// Where they are seen.
    pub(super) seen: String,
}

/// The papers that a case can have printed now, and what came back of them.
pub(super) fn papers(view: &View, signer: &Signer, shown: &CaseView) -> Vec<PaperLink> {
    let annexable = shown.case.annexable_by(&signer.officer).is_ok();
    let due = Paper::ALL.into_iter().filter(|paper| paper.is_due(shown));
    due.map(|paper| PaperLink {
        href: format!("/applications/{}/papers/{}", shown.case.number, paper.word()),
        title: view.t(&format!("paper-{}", paper.word())),
        signed: annexable.then(|| format!("/applications/{}/papers/{}/signed", shown.case.number, paper.word())),
        sheets: shown.documents.iter().filter(|document| document.kind == paper.scanned()).count(),
        seen: format!("/applications/{}/documents/{}", shown.case.number, paper.scanned().word()),
    })
    .collect()
}

/// `GET /applications/{number}/papers/{paper}`: a PDF to print.
pub(super) async fn get_paper(
    State(staff): State<Staff>,
    signer: Signer,
    Path((number, paper)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let paper = Paper::from_word(&paper).ok_or(Kind::NotFound)?;
    let pdf = staff.desk.print(&signer.officer, &number, paper).await?;
    tracing::info!(officer = %signer.officer.id, case = %number, paper = paper.word(), "Paper printed");
    let name = format!("inline; filename=\"{number}-{}.pdf\"", paper.word());
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    Ok((headers, pdf).into_response())
}
