//! An operation's own page: the document before it is signed, the receipt after; its voucher and its evidence.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{FundAct, FundTransaction, decode};
use serde::Serialize;
use tower_sessions::Session;

use super::business::{LAST, rule_text, slug};
use super::query::Asked;
use super::session::CurrentUnit;
use super::{Portal, page_of};
use crate::fund::account::Unit;
use crate::fund::bank::TrusteeAccount;
use crate::fund::evidence;
use crate::fund::hall::HallError;
use crate::fund::operation::{Operation, State as Progress};
use crate::fund::progress::Far;
use crate::fund::voucher::{self, Voucher};
use crate::http::answer::{Again, Shown, attached, see, sheet_file};
use crate::http::error::{Failure, Kind};
use crate::http::login::{SignedForm, refused_page};
use crate::page::{Page, View};
use crate::reports::sheet::{Cell, Sheet};

/// Lines of a list that its page shows; the file has all.
const MOST_LINES: usize = 200;
/// Operations on a page.
const PAGE: i64 = 50;

/// An operation at a glance.
pub(super) struct OperationLine {
    pub(super) serial: String,
    pub(super) act: String,
    pub(super) month: String,
    pub(super) heads: u32,
    pub(super) amount: String,
    pub(super) state: String,
    pub(super) class: &'static str,
    pub(super) when: String,
    pub(super) prints: i64,
    pub(super) booked: bool,
}

pub(super) fn line(view: &View, operation: &Operation) -> OperationLine {
    let (state, class) = state(view, operation);
    OperationLine {
        serial: operation.serial.clone(),
        act: view.t(&format!("fund-act-{}", slug(operation.act))),
        month: operation.month.map(|month| month.to_string()).unwrap_or_default(),
        heads: operation.heads,
        amount: if operation.moves_money() { operation.amount.to_string() } else { String::new() },
        state,
        class,
        when: operation.signature.as_ref().map_or(operation.created, |signature| signature.at).beijing_text(),
        prints: operation.prints,
        booked: operation.state == Progress::Posted,
    }
}

fn state(view: &View, operation: &Operation) -> (String, &'static str) {
    if operation.reversed_by.is_some() {
        return (view.t("fund-state-reversed"), "bad");
    }
    let class = match operation.state {
        Progress::Posted => "ok",
        Progress::Cancelled => "",
        Progress::Draft => "info",
        _ => "wait",
    };
    (view.t(&format!("fund-state-{}", operation.state.word().replace('_', "-"))), class)
}

fn headings(view: &View, operation: &Operation) -> Vec<String> {
    voucher::columns(view.locale, operation.act, operation.moves_money())
}

/// Where the money that an operation waits for is to be sent.
struct Transfer {
    amount: String,
    /// In groups.
    code: String,
    banks: Arc<[TrusteeAccount]>,
    /// Whether the books moved so that it can no longer be booked.
    stuck: bool,
}

#[derive(Template)]
#[template(path = "portal/operation.html")]
struct OperationPage {
    page: Page,
    operation: OperationLine,
    facts: Vec<(String, String)>,
    columns: Vec<String>,
    /// Which of them are figures.
    figures: Vec<bool>,
    lines: Vec<Vec<String>>,
    /// How many lines there are besides those shown.
    more: usize,
    /// The bytes that are signed, base64url; while it can be signed.
    statement: Option<String>,
    expired: bool,
    again: String,
    steps: Vec<(String, String)>,
    /// Certificate, when its status was asked, by which means, code of the voucher, time of the stamp.
    signed: Option<[String; 5]>,
    reversible: bool,
    /// Why it cannot be undone.
    not_reversible: Option<String>,
    reversed_by: Option<String>,
    waits: Option<Transfer>,
    cancels: bool,
    fault: Option<String>,
    until: String,
}

async fn operation_page(
    portal: &Portal,
    view: &View,
    unit: &Unit,
    serial: &str,
    fault: Option<String>,
) -> Result<OperationPage, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let operation = tx.operation(&unit.account, serial).await?.ok_or(Kind::NotFound)?;
    let steps = tx.steps(serial).await?;
    let code = tx.code_of(serial).await?;
    let stamp = tx.stamp_of(serial).await?;
    tx.commit().await?;
    let document: FundTransaction =
        decode(&operation.document).map_err(|error| Failure::internal(format!("a document: {error}")))?;
    let now = portal.clock.now();
    let draft = operation.state == Progress::Draft;
    let expired = draft && now > operation.expires;
    let all = operation.lines();
    let more = all.len().saturating_sub(MOST_LINES);
    let (columns, lines) = voucher::shown(headings(view, &operation), all.into_iter().take(MOST_LINES).collect());
    let signed = operation.signature.as_ref().map(|signature| {
        let certificate = ca_core::domain::Sha256(openssl::sha::sha256(&signature.certificate));
        [
            certificate.to_string(),
            signature.at.beijing_text(),
            view.t(&format!("fund-status-by-{}", signature.status_source)),
            voucher::grouped(&operation.check_code),
            stamp.as_ref().map_or_else(|| view.t("fund-stamp-waits"), |stamp| stamp.at.beijing_text()),
        ]
    });
    let undoable = operation.state == Progress::Posted
        && operation.reversed_by.is_none()
        && !matches!(operation.act, FundAct::Reverse);
    let stands_in_the_way = match undoable {
        true => portal.hall.why_not_reversed(&unit.account, serial, now).await?,
        false => None,
    };
    let waits = match operation.state {
        Progress::AwaitingFunds => Some(Transfer {
            amount: operation.amount.to_string(),
            code: code.map(|code| code.grouped()).unwrap_or_default(),
            banks: portal.banks.clone(),
            stuck: portal.hall.is_stuck(&operation, now).await?,
        }),
        _ => None,
    };
    let title = format!("fund-act-{}", slug(operation.act));
    Ok(OperationPage {
        page: Page { wide: true, title: view.t(&title), ..page_of(view, unit, "fund-business-title", "/business") },
        facts: voucher::particulars(view.locale, &document),
        figures: columns.iter().enumerate().map(|(n, heading)| n > 2 && *heading != view.t("fund-line-why")).collect(),
        columns,
        lines,
        more,
        statement: (draft && !expired).then(|| URL_SAFE_NO_PAD.encode(&operation.document)),
        expired,
        again: format!("/business/{}", slug(operation.act)),
        steps: steps
            .iter()
            .map(|step| {
                (step.at.beijing_text(), view.t(&format!("fund-state-{}", step.state.word().replace('_', "-"))))
            })
            .collect(),
        signed,
        reversible: undoable && stands_in_the_way.is_none(),
        not_reversible: stands_in_the_way.map(|rule| rule_text(view, &rule)),
        reversed_by: operation.reversed_by.clone(),
        waits,
        cancels: operation.state.leads_to(Progress::Cancelled),
        fault,
        until: operation.expires.beijing_text(),
        operation: line(view, &operation),
    })
}

/// `GET /operations/{serial}`.
pub(super) async fn get_operation(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Path(serial): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(operation_page(&portal, &view, &unit, &serial, None).await?))
}

/// How far a booking is, for the script of its page.
#[derive(Serialize)]
pub(super) struct Told {
    stage: &'static str,
    done: usize,
    total: usize,
}

/// `GET /operations/{serial}/progress`: how far the booking is for which a page waits; null when none is under way.
pub(super) async fn get_progress(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    Path(serial): Path<String>,
) -> Result<Json<Option<Told>>, Failure> {
    let far = progress(&portal, &unit, &serial).await?.1;
    Ok(Json(far.map(|far| Told { stage: far.stage.word(), done: far.done, total: far.total })))
}

/// An operation of the unit, and how far its booking is if one is under way.
pub(super) async fn progress(portal: &Portal, unit: &Unit, serial: &str) -> Result<(Operation, Option<Far>), Failure> {
    // First what is under way: whatever ends in between stands in the state that is read afterwards.
    let far = portal.hall.progress.of(&unit.account, serial);
    Ok((find(portal, unit, serial).await?, far))
}

/// `POST /operations/{serial}/sign`: the token's answer. The certificate's status is asked at this moment; one that is no
/// longer good ends the session too.
pub(super) async fn post_sign(
    State(portal): State<Portal>,
    session: Session,
    CurrentUnit { unit, signed_in }: CurrentUnit,
    view: View,
    Path(serial): Path<String>,
    Form(form): Form<SignedForm>,
) -> Result<Response, Failure> {
    let message = STANDARD.decode(form.signature.as_bytes()).map_err(|_| Kind::Malformed)?;
    let now = portal.clock.now();
    match portal.hall.sign(&unit.account, signed_in.certificate_sha256, &serial, &message, now).await {
        Ok(_) => Ok(see(&format!("/operations/{serial}"))),
        Err(HallError::Refused(refusal)) => {
            session.flush().await?;
            refused_page(&view, &refusal, Some(&portal.renewal_origin))
        }
        Err(HallError::Rule(rule)) => {
            let fault = rule_text(&view, &rule);
            Ok(Again(operation_page(&portal, &view, &unit, &serial, Some(fault)).await?).into_response())
        }
        Err(HallError::Lines(lines)) => {
            let fault = lines.first().map(|(_, rule)| rule_text(&view, rule)).unwrap_or_default();
            Ok(Again(operation_page(&portal, &view, &unit, &serial, Some(fault)).await?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /operations/{serial}/cancel`.
pub(super) async fn post_cancel(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    portal.hall.cancel(&unit.account, &serial, portal.clock.now()).await?;
    Ok(see(&format!("/operations/{serial}")))
}

/// `GET /operations/{serial}/list.xlsx`: the whole list.
pub(super) async fn get_list(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let operation = find(&portal, &unit, &serial).await?;
    let (columns, lines) = voucher::shown(headings(&view, &operation), operation.lines());
    let sheet = Sheet {
        title: view.t(&format!("fund-act-{}", slug(operation.act))),
        columns: columns.into_iter().map(|heading| (heading, 20)).collect(),
        rows: lines.into_iter().map(|line| line.into_iter().map(Cell::Text).collect()).collect(),
    };
    sheet_file(&sheet, "xlsx", &serial)
}

pub(super) async fn find(portal: &Portal, unit: &Unit, serial: &str) -> Result<Operation, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let operation = tx.operation(&unit.account, serial).await?;
    tx.commit().await?;
    operation.ok_or_else(|| Kind::NotFound.into())
}

/// `POST /operations/{serial}/voucher`: the paper; each print is counted.
pub(super) async fn post_voucher(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let paper = voucher(&portal, &unit, &serial).await?;
    let name = format!("inline; filename=\"{serial}.pdf\"");
    Ok(([(header::CONTENT_TYPE, "application/pdf"), (header::CONTENT_DISPOSITION, name.as_str())], paper)
        .into_response())
}

/// Prints the voucher of an operation, and counts it.
pub(super) async fn voucher(portal: &Portal, unit: &Unit, serial: &str) -> Result<Vec<u8>, Failure> {
    let operation = find(portal, unit, serial).await?;
    let now = portal.clock.now();
    let seal = portal.seal.as_deref();
    let make = |prints| Voucher::of(&operation, prints, &portal.name_zh, &portal.origin, seal.is_some(), now);
    if make(1).is_none() {
        return Err(Kind::WrongState.into());
    }
    let prints = portal.hall.count_print(&unit.account, serial, now).await?;
    let voucher = make(prints).ok_or(Kind::WrongState)?;
    Ok(voucher.print(&portal.press, seal, now).await?)
}

/// `GET /operations/{serial}/evidence`: what proves the transaction, for whoever checks it without us.
pub(super) async fn get_evidence(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let packed = proof(&portal, &unit, &serial).await?;
    Ok(attached("application/zip", packed, &format!("{serial}.zip")))
}

/// The evidence of an operation, packed.
pub(super) async fn proof(portal: &Portal, unit: &Unit, serial: &str) -> Result<Vec<u8>, Failure> {
    let operation = find(portal, unit, serial).await?;
    let mut tx = portal.store.begin_read().await?;
    let stamp = tx.stamp_of(serial).await?;
    tx.commit().await?;
    let token = stamp.as_ref().map(|stamp| &stamp.token[..]);
    let packed = evidence::pack(&operation, token).map_err(|error| Failure::internal(format!("evidence: {error}")))?;
    packed.ok_or_else(|| Kind::WrongState.into())
}

#[derive(Template)]
#[template(path = "portal/vouchers.html")]
struct VouchersPage {
    page: Page,
    rows: Vec<OperationLine>,
    /// Value, label and whether it is chosen.
    acts: Vec<(String, String, bool)>,
    next: Option<String>,
}

/// `GET /vouchers`: 凭证打印.
pub(super) async fn get_vouchers(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<impl IntoResponse, Failure> {
    let act = FundAct::from_word(&asked.kind);
    let before = if asked.at.is_empty() { LAST } else { asked.at.as_str() };
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.operations(&unit.account, act, before, PAGE + 1).await?;
    tx.commit().await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let kind = act.map_or("", FundAct::word);
    let next = found.last().filter(|_| more).map(|last| format!("/vouchers?kind={kind}&at={}", last.serial));
    let mut acts = vec![(String::new(), view.t("fund-filter-all"), act.is_none())];
    acts.extend(
        FundAct::ALL
            .iter()
            .map(|one| (one.word().to_owned(), view.t(&format!("fund-act-{}", slug(*one))), act == Some(*one))),
    );
    Ok(Shown(VouchersPage {
        page: Page { wide: true, ..page_of(&view, &unit, "fund-vouchers-title", "/vouchers") },
        rows: found.iter().map(|operation| line(&view, operation)).collect(),
        acts,
        next,
    }))
}
