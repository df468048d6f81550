//! What officers do about a matter: take it in hand, sign, unblock, find good, send back, give up, tell the unit.

use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::case::reason_fault;
use super::matter::{matter_page, number_of};
use super::parts::message_of;
use crate::enrolment::desk::Signer;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::Failure;
use crate::http::login::SignedForm;
use crate::matters::MatterNumber;
use crate::page::View;

#[derive(Deserialize)]
pub(super) struct ClaimForm {
    #[serde(default)]
    back: String,
}

/// `POST /matters/{number}/claim`: takes the next step in hand.
pub(super) async fn post_claim(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClaimForm>,
) -> Result<Response, Failure> {
    claim(&staff, &signer, &number, &form, true).await
}

/// `POST /matters/{number}/hand-back`: lets go of it.
pub(super) async fn post_hand_back(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClaimForm>,
) -> Result<Response, Failure> {
    claim(&staff, &signer, &number, &form, false).await
}

async fn claim(
    staff: &Staff,
    signer: &Signer,
    number: &str,
    form: &ClaimForm,
    take: bool,
) -> Result<Response, Failure> {
    let number = number_of(number)?;
    staff.desk.claim_matter(&signer.officer, &number, take).await?;
    let done = if take { "claimed" } else { "handed-back" };
    let back = match form.back.as_str() {
        "queue" => "/".to_owned(),
        "matters" => "/matters".to_owned(),
        _ => format!("/matters/{number}"),
    };
    Ok(see(&format!("{back}?done={done}")))
}

/// `POST /matters/{number}/sign`: either signature on an unblocking.
pub(super) async fn post_sign(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.sign_matter(&signer, &number, &message_of(&form.signature)?).await?;
    Ok(see(&format!("/matters/{number}?done=matter-signed")))
}

/// `POST /matters/{number}/grant`: the page with a fresh unlock code in it. The code is never in an address, and a
/// reload makes another.
pub(super) async fn post_grant(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let number = number_of(&number)?;
    let grant = staff.desk.mint_grant(&signer.officer, &number).await?;
    Ok(Shown(matter_page(&staff, &view, &signer, &number, Some(grant.to_string()), None, String::new()).await?))
}

/// `POST /matters/{number}/unlocked`: the assistant is done. What it says is not believed: the page shows what the token
/// and the grant told us.
pub(super) async fn post_unlocked(Path(number): Path<String>) -> Result<Response, Failure> {
    Ok(see(&format!("/matters/{}", number_of(&number)?)))
}

#[derive(Deserialize)]
pub(super) struct ReasonForm {
    #[serde(default)]
    pub(super) reason: String,
}

/// The page once more, with what is wrong with the reason in this field.
async fn without_reason(
    (staff, view, signer): (&Staff, &View, &Signer),
    number: &MatterNumber,
    form: &ReasonForm,
    field: &'static str,
) -> Result<Option<Response>, Failure> {
    let Some(fault) = reason_fault(view, form.reason.trim()) else { return Ok(None) };
    let page = matter_page(staff, view, signer, number, None, Some((fault, field)), form.reason.clone()).await?;
    Ok(Some(Again(page).into_response()))
}

/// `POST /matters/{number}/drop`: given up.
pub(super) async fn post_drop(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(again) = without_reason((&staff, &view, &signer), &number, &form, "reason").await? {
        return Ok(again);
    }
    staff.desk.drop_matter(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/matters/{number}?done=matter-dropped")))
}

/// `POST /matters/{number}/confirm`: the unit has this handler from now on.
pub(super) async fn post_confirm(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.confirm_handler(&signer.officer, &number).await?;
    Ok(see(&format!("/matters/{number}?done=handler-changed")))
}

/// `POST /matters/{number}/return`: back to be put right, with a reason.
pub(super) async fn post_return(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(again) = without_reason((&staff, &view, &signer), &number, &form, "return").await? {
        return Ok(again);
    }
    staff.desk.return_handler(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/matters/{number}?done=returned")))
}

/// `POST /matters/{number}/told`: how the unit was told of its revocation.
pub(super) async fn post_told(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(again) = without_reason((&staff, &view, &signer), &number, &form, "told").await? {
        return Ok(again);
    }
    staff.desk.close_told(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/matters/{number}?done=matter-closed")))
}
