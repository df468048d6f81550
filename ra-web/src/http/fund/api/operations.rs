//! Operations of programs: the document that waits for its signature, the receipt, the paper and the evidence.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{FundAct, Sha256};
use openssl::sha::sha256;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, At, Body, Reader, serial_of};
use super::plans::faults;
use super::repeat::{Answer, Key, once};
use super::session::{Machine, end_all, refused};
use super::shape::{Advance, File, Lines, OperationShape, OperationWhole, Operations, Transfer, cut};
use crate::fund::account::Unit;
use crate::fund::hall::HallError;
use crate::http::answer::attached;
use crate::http::error::{Failure, Kind};
use crate::http::fund::Portal;
use crate::http::fund::business::LAST;
use crate::http::fund::operations::{find, progress, proof, voucher};
use crate::login::Refusal;
use crate::page::View;

/// An operation with its document and its steps.
pub(super) async fn whole(portal: &Portal, unit: &Unit, serial: &str) -> Result<OperationWhole, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let operation = tx.operation(&unit.account, serial).await?.ok_or(Kind::NotFound)?;
    let (steps, code) = (tx.steps(serial).await?, tx.code_of(serial).await?);
    tx.commit().await?;
    OperationWhole::of(&operation, &steps, Transfer::new(code.map(|code| code.grouped()), &portal.banks))
}

/// Which operations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationsAsked {
    /// Of one act only.
    #[param(value_type = Option<super::shape::Act>, nullable = false)]
    act: Option<String>,
    /// Where the page begins: `next` of the page before.
    #[param(nullable = false, pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    cursor: Option<String>,
    /// Rows on the page; 50 without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// Operations that were signed
#[utoipa::path(get, path = "/operations", tag = "operations", operation_id = "operations", params(OperationsAsked),
    responses((status = 200, description = "A page of operations", body = Operations)))]
pub(super) async fn get_operations(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Asked(asked): Asked<OperationsAsked>,
) -> Result<Json<Operations>, Failure> {
    let mut reader = Reader::new(&view);
    let act = reader.maybe(asked.act.as_deref(), |reader, text| {
        reader.read(At::Parameter("act"), "choose", FundAct::from_word(text))
    });
    let before = reader.maybe(asked.cursor.as_deref(), |reader, text| reader.serial(At::Parameter("cursor"), text));
    let limit = reader.limit(asked.limit.as_deref());
    let limit = reader.done(Some(limit))?;
    let mut tx = portal.store.begin_read().await?;
    let before = before.as_deref().unwrap_or(LAST);
    let mut found = tx.operations(&machine.unit.account, act, before, limit + 1).await?;
    tx.commit().await?;
    let next = cut(&mut found, limit, |operation| operation.serial.clone());
    Ok(Json(Operations { items: found.iter().map(OperationShape::from).collect(), next }))
}

/// An operation with its document
#[utoipa::path(get, path = "/operations/{serial}", tag = "operations", operation_id = "operation",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    responses((status = 200, description = "The operation", body = OperationWhole)))]
pub(super) async fn get_operation(
    State(portal): State<Portal>,
    machine: Machine,
    Path(serial): Path<String>,
) -> Result<Json<OperationWhole>, Failure> {
    Ok(Json(whole(&portal, &machine.unit, serial_of(&serial)?).await?))
}

/// The bytes that are signed
///
/// Exactly these, for programs that would rather have a file than base64.
#[utoipa::path(get, path = "/operations/{serial}/document", tag = "operations", operation_id = "operation_document",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    responses((status = 200, description = "The document: canonical JSON", body = serde_json::Value)))]
pub(super) async fn get_document(
    State(portal): State<Portal>,
    machine: Machine,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let operation = find(&portal, &machine.unit, serial_of(&serial)?).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], operation.document).into_response())
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LinesAsked {
    /// Where the page begins: `next` of the page before.
    #[param(nullable = false, pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
    /// Rows on the page; 50 without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// The employees whom an operation concerns
#[utoipa::path(get, path = "/operations/{serial}/list", tag = "operations", operation_id = "operation_list",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"), LinesAsked),
    responses((status = 200, description = "A page of lines", body = Lines)))]
pub(super) async fn get_list(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Path(serial): Path<String>,
    Asked(asked): Asked<LinesAsked>,
) -> Result<Json<Lines>, Failure> {
    let mut reader = Reader::new(&view);
    let from = reader.place(asked.cursor.as_deref()).and_then(|from| usize::try_from(from).ok()).unwrap_or(0);
    let limit = reader.limit(asked.limit.as_deref());
    let limit = reader.done(Some(limit))?;
    let lines = find(&portal, &machine.unit, serial_of(&serial)?).await?.lines();
    let count = lines.len();
    let mut found: Vec<(usize, Vec<String>)> =
        lines.into_iter().enumerate().skip(from).take(limit as usize + 1).collect();
    let next = cut(&mut found, limit, |(n, _)| (n + 1).to_string());
    Ok(Json(Lines { items: found.into_iter().map(|(_, cells)| cells.into()).collect(), count, next }))
}

/// How far an operation is
///
/// While its signature is worked at, `booking` says how many rows are checked or written; nothing of it stands in the books before all
/// does. Otherwise it is null.
#[utoipa::path(get, path = "/operations/{serial}/progress", tag = "operations", operation_id = "operation_progress",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    responses((status = 200, description = "How far it is", body = Advance)))]
pub(super) async fn get_progress(
    State(portal): State<Portal>,
    machine: Machine,
    Path(serial): Path<String>,
) -> Result<Json<Advance>, Failure> {
    let (operation, far) = progress(&portal, &machine.unit, serial_of(&serial)?).await?;
    Ok(Json(Advance::of(&operation, far)))
}

/// A signed document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    /// CMS SignedData (DER, base64) over the document's bytes, which are inside, by the certificate of this session.
    #[schema(max_length = 131072, pattern = "^[A-Za-z0-9+/]+={0,2}$")]
    signature: String,
}

/// Signs an operation, which books it
///
/// The portal asks the certificate's status at this moment and makes the business anew: what comes out otherwise than it was
/// signed is not booked. A remittance by transfer waits for its money.
#[utoipa::path(post, path = "/operations/{serial}/signature", tag = "operations", operation_id = "sign_operation",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    request_body = Signature,
    responses((status = 200, description = "The receipt", body = OperationWhole)))]
pub(super) async fn post_signature(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Path(serial): Path<String>,
    key: Key,
    body: Body<Signature>,
) -> Result<Response, Failure> {
    let serial = serial_of(&serial)?;
    let message = STANDARD.decode(body.value.signature.as_bytes()).ok();
    let mut reader = Reader::new(&view);
    let message = reader.read("/signature", "base64", message);
    let message = reader.done(message)?;
    let (portal, view, machine, message) = (&portal, &view, &machine, &message);
    let work = |again| async move { booked(portal, view, machine, serial, message, again).await };
    once(portal, view, machine, key, body.sha256, work).await
}

/// Has the hall book what was signed. With `again`, it may have booked this very message before.
async fn booked(
    portal: &Portal,
    view: &View,
    machine: &Machine,
    serial: &str,
    message: &[u8],
    again: bool,
) -> Result<Answer, Failure> {
    let operation = find(portal, &machine.unit, serial).await?;
    let before = again && operation.signature.is_some_and(|signature| signature.message == message);
    if !before {
        let (account, certificate) = (&machine.unit.account, machine.session.certificate);
        match portal.hall.sign(account, certificate, serial, message, portal.clock.now()).await {
            Ok(_) => {}
            Err(HallError::Refused(refusal)) => {
                if refusal != Refusal::StatusUnreachable {
                    end_all(portal, certificate).await?;
                }
                return Err(refused(view, &refusal));
            }
            Err(HallError::Signature(why)) => return Err(Failure::with_detail(Kind::SignatureRefused, why)),
            Err(error) => return Err(Failure::faulty(Kind::WrongState, faults(view, operation.act, error)?)),
        }
    }
    Answer::new(StatusCode::OK, None, &whole(portal, &machine.unit, serial).await?)
}

/// Gives up an operation that is not in the books
#[utoipa::path(post, path = "/operations/{serial}/cancel", tag = "operations", operation_id = "cancel_operation",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    responses((status = 200, description = "It is given up", body = OperationWhole)))]
pub(super) async fn post_cancel(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Path(serial): Path<String>,
    key: Key,
) -> Result<Response, Failure> {
    let serial = serial_of(&serial)?;
    let (portal, view, machine) = (&portal, &view, &machine);
    let work = |_| async move {
        portal.hall.cancel(&machine.unit.account, serial, portal.clock.now()).await?;
        Answer::new(StatusCode::OK, None, &whole(portal, &machine.unit, serial).await?)
    };
    once(portal, view, machine, key, Sha256(sha256(b"")), work).await
}

/// Prints the voucher of an operation that is in the books
///
/// Each print is counted, and says how many there were.
#[utoipa::path(post, path = "/operations/{serial}/voucher", tag = "operations", operation_id = "print_voucher",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    responses((status = 200, description = "The paper", body = File, content_type = "application/pdf")))]
pub(super) async fn post_voucher(
    State(portal): State<Portal>,
    machine: Machine,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let paper = voucher(&portal, &machine.unit, serial_of(&serial)?).await?;
    Ok(attached("application/pdf", paper, &format!("{serial}.pdf")))
}

/// What proves an operation, without the fund
///
/// A ZIP of the document, the signature, the certificate, its status at that moment and the list.
#[utoipa::path(get, path = "/operations/{serial}/evidence", tag = "operations", operation_id = "operation_evidence",
    params(("serial" = String, Path, description = "YWLSH", pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")),
    responses((status = 200, description = "The evidence", body = File, content_type = "application/zip")))]
pub(super) async fn get_evidence(
    State(portal): State<Portal>,
    machine: Machine,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let packed = proof(&portal, &machine.unit, serial_of(&serial)?).await?;
    Ok(attached("application/zip", packed, &format!("{serial}.zip")))
}
