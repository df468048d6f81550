//! A paper that came back signed: its scan becomes a document of the case.

use askama::Template;
use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Response};

use super::Staff;
use super::application::{document_text, number_of, read};
use super::parts::{Slot, with_camera};
use crate::enrolment::case::CaseNumber;
use crate::enrolment::desk::{CaseView, OfficeError, Signer};
use crate::enrolment::document::DocumentError;
use crate::enrolment::papers::Paper;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

#[derive(Template)]
#[template(path = "staff/signed.html")]
struct SignedPage {
    page: Page,
    number: String,
    action: String,
    print: String,
    slot: Slot,
    /// Whether what is sent takes the place of what there is, or is added to it.
    replaces: bool,
}

/// `GET /applications/{number}/papers/{paper}/signed`.
pub(super) async fn get_signed(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path((number, paper)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (number, paper) = named(&number, &paper)?;
    let shown = staff.desk.view(&signer.officer, &number).await?;
    shown.case.annexable_by(&signer.officer).map_err(OfficeError::from)?;
    if !paper.is_due(&shown) {
        return Err(Kind::WrongState.into());
    }
    Ok(with_camera(Shown(page(&staff, &view, &signer, &shown, paper, None).await?)))
}

/// `POST /applications/{number}/papers/{paper}/signed`.
pub(super) async fn post_signed(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path((number, paper)): Path<(String, String)>,
    body: Multipart,
) -> Result<Response, Failure> {
    let (number, paper) = named(&number, &paper)?;
    let mut uploads = read(body).await?.uploads;
    uploads.retain(|upload| upload.kind == paper.scanned());
    let fault = match staff.desk.annex(&signer.officer, &number, paper, uploads).await? {
        Ok(()) => return Ok(see(&format!("/applications/{number}?done=annexed"))),
        Err(fault) => fault,
    };
    let shown = staff.desk.view(&signer.officer, &number).await?;
    Ok(with_camera(Again(page(&staff, &view, &signer, &shown, paper, Some(fault)).await?).into_response()))
}

fn named(number: &str, paper: &str) -> Result<(CaseNumber, Paper), Failure> {
    Ok((number_of(number)?, Paper::from_word(paper).ok_or(Kind::NotFound)?))
}

async fn page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    shown: &CaseView,
    paper: Paper,
    fault: Option<Option<DocumentError>>,
) -> Result<SignedPage, Failure> {
    let number = shown.case.number.to_string();
    let kind = paper.scanned();
    let print = format!("/applications/{number}/papers/{}", paper.word());
    let action = format!("{print}/signed");
    let page = staff.page(view, signer, view.t("signed-title"), "/applications").await?;
    Ok(SignedPage {
        page: super::parts::returning_to(page, action.clone()),
        slot: Slot {
            error: fault.map(|fault| document_text(view, kind, fault)),
            ..Slot::of(view, Some(&number), kind, &shown.documents)
        },
        replaces: shown.case.is_open_for_typing(),
        number,
        action,
        print,
    })
}
