//! Plans of programs: each becomes a document that waits for its signature, by the hall's own rules.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ca_core::domain::{FundAct, FundPay, FundReason, Sha256};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ask::{Body, Reader};
use super::operations::whole;
use super::repeat::{Answer, Key, once};
use super::session::Machine;
use super::shape::OperationWhole;
use crate::fund::codes::IdKind;
use crate::fund::hall::HallError;
use crate::fund::operation::{Plan, PlannedArrear, PlannedPerson};
use crate::fund::rules::Rule;
use crate::fund::sheet::{self, MOST_LINES};
use crate::http::error::{Failure, Fault, Kind};
use crate::http::fund::Portal;
use crate::http::fund::business::rule_text;
use crate::http::fund::plans::{place, plain};
use crate::page::View;

/// Where in the body a rule's message points.
fn pointer(act: FundAct, rule: &Rule, line: Option<usize>) -> String {
    let field = place(act, rule);
    match (act, line) {
        (FundAct::Open, Some(line)) => format!("/people/{line}/{field}"),
        (FundAct::Open, None) => "/people".to_owned(),
        (FundAct::Rebase, Some(line)) => format!("/bases/{line}/{field}"),
        (FundAct::Rebase, None) => "/bases".to_owned(),
        (FundAct::MakeUp, Some(line)) => format!("/arrears/{line}/{field}"),
        (FundAct::MakeUp, None) if field != "pay" => "/arrears".to_owned(),
        _ => format!("/{field}"),
    }
}

/// What stands in the way, each at its place.
pub(super) fn faults(view: &View, act: FundAct, error: HallError) -> Result<Vec<Fault>, Failure> {
    let fault = |rule: &Rule, line| Fault::at(pointer(act, rule, line), rule.word(), rule_text(view, rule));
    match error {
        HallError::Rule(rule) => Ok(vec![fault(&rule, None)]),
        HallError::Lines(lines) => Ok(lines.iter().map(|(line, rule)| fault(rule, Some(*line))).collect()),
        error => Err(error.into()),
    }
}

/// Puts a plan together, once.
async fn drafted(
    portal: &Portal,
    view: &View,
    machine: &Machine,
    key: Key,
    body: Sha256,
    plan: Plan,
) -> Result<Response, Failure> {
    let work = |_| async {
        let serial = match portal.hall.draft(&machine.unit.account, &plan, portal.clock.now()).await {
            Ok(serial) => serial,
            // What is undone must be there.
            Err(HallError::NotFound) if plan.act() == FundAct::Reverse => {
                let fault = Fault::at("/serial".into(), "serial", view.t("fund-fault-serial"));
                return Err(Failure::faulty(Kind::Invalid, vec![fault]));
            }
            Err(error) => return Err(Failure::faulty(Kind::Invalid, faults(view, plan.act(), error)?)),
        };
        let made = whole(portal, &machine.unit, &serial).await?;
        Answer::new(StatusCode::CREATED, Some(format!("/api/v1/operations/{serial}")), &made)
    };
    once(portal, view, machine, key, body, work).await
}

/// Text that is kept as it was sent.
fn same<T: AsRef<str>>(read: Option<T>, text: &str) -> Option<T> {
    read.filter(|read| read.as_ref() == text)
}

/// A month for all that are due.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remit {
    /// The month after the last that was paid.
    #[schema(pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-11")]
    month: String,
    /// `suspense`: out of what was received; `transfer`: by a transfer that is still to arrive.
    #[schema(pattern = "^(suspense|transfer)$", example = "suspense")]
    pay: String,
}

/// Remit a month (汇缴)
#[utoipa::path(post, path = "/plans/remit", tag = "plans", operation_id = "plan_remit", request_body = Remit,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_remit(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<Remit>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    let month = reader.month("/month", &body.value.month);
    let pay = reader.read("/pay", "choose", FundPay::from_word(&body.value.pay));
    let plan = reader.done(month.zip(pay))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::Remit { month: plan.0, pay: plan.1 }).await
}

/// A newcomer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Newcomer {
    /// Without digits.
    #[schema(min_length = 2, max_length = 50, example = "郑小满")]
    name: String,
    /// ZJLX: 01 身份证, 02 军官证, 03 护照, 04 外国人永久居留证, 99 其他.
    #[schema(pattern = "^(01|02|03|04|99)$", example = "01")]
    id_kind: String,
    /// ZJHM; a resident's number with its check character.
    #[schema(min_length = 4, max_length = 18, pattern = "^[0-9A-Z]+$", example = "11010519491231002X")]
    id_number: String,
    /// SJHM.
    #[schema(pattern = "^1[0-9]{10}$", example = "13800000001")]
    mobile: String,
    /// GRJCJS, in yuan.
    #[schema(pattern = r"^[0-9]{1,9}\.[0-9]{2}$", example = "6000.00")]
    base: String,
    /// The first month that is paid for.
    #[schema(pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-11")]
    starts: String,
}

/// Newcomers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    /// One, or a list: one faulty row, and nothing of it is done.
    #[schema(min_items = 1, max_items = 2000)]
    people: Vec<Newcomer>,
}

/// Notes a list that is empty or too long.
fn counted(reader: &mut Reader<'_>, view: &View, at: &str, count: usize) {
    if count == 0 || count > MOST_LINES {
        let detail = view.locale.t_with("fund-fault-lines", &[("n", &MOST_LINES)]);
        reader.said(at, "lines", detail);
    }
}

/// Open accounts (个人开户)
#[utoipa::path(post, path = "/plans/open", tag = "plans", operation_id = "plan_open", request_body = Open,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_open(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<Open>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    counted(&mut reader, &view, "/people", body.value.people.len());
    let mut people = Vec::new();
    for (n, one) in body.value.people.into_iter().enumerate() {
        let at = |field: &str| format!("/people/{n}/{field}");
        let name = reader.read(at("name"), "name", same(sheet::name(&one.name), &one.name));
        let kind = reader.read(at("id_kind"), "choose", IdKind::from_code(&one.id_kind));
        let number = sheet::id_number(kind.unwrap_or(IdKind::Resident), &one.id_number);
        let number = reader.read(at("id_number"), "id", same(number, &one.id_number));
        let mobile = reader.read(at("mobile"), "mobile", same(sheet::mobile(&one.mobile), &one.mobile));
        let base = reader.amount(at("base"), &one.base);
        let starts = reader.month(at("starts"), &one.starts);
        if let (Some(name), Some(id_kind), Some(id_number), Some(mobile), Some(base), Some(starts)) =
            (name, kind, number, mobile, base, starts)
        {
            let id = String::new();
            people.push(PlannedPerson { number: None, id, name, id_kind, id_number, mobile, base, starts });
        }
    }
    let people = reader.done(Some(people))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::Open { people }).await
}

/// An account that is no longer paid for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    /// GRZH.
    #[schema(pattern = "^[0-9]{12}$", example = "030000000001")]
    number: String,
    /// Why.
    #[schema(pattern = "^(left|leave|unpaid|retired|died|other)$", example = "left")]
    reason: String,
}

/// Seal an account (封存)
#[utoipa::path(post, path = "/plans/seal", tag = "plans", operation_id = "plan_seal", request_body = Seal,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_seal(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<Seal>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    let number = reader.number("/number", &body.value.number);
    let reason = reader.read("/reason", "choose", FundReason::from_word(&body.value.reason));
    let (number, reason) = reader.done(number.zip(reason))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::Seal { number, reason }).await
}

/// An account and its base.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Based {
    /// GRZH.
    #[schema(pattern = "^[0-9]{12}$", example = "030000000001")]
    number: String,
    /// GRJCJS, in yuan.
    #[schema(pattern = r"^[0-9]{1,9}\.[0-9]{2}$", example = "6000.00")]
    base: String,
}

/// Unseal an account (启封)
#[utoipa::path(post, path = "/plans/unseal", tag = "plans", operation_id = "plan_unseal", request_body = Based,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_unseal(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<Based>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    let number = reader.number("/number", &body.value.number);
    let base = reader.amount("/base", &body.value.base);
    let (number, base) = reader.done(number.zip(base))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::Unseal { number, base }).await
}

/// Other bases.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rebase {
    /// One, or a list: one faulty row, and nothing of it is done.
    #[schema(min_items = 1, max_items = 2000)]
    bases: Vec<Based>,
}

/// Change bases (基数变更)
#[utoipa::path(post, path = "/plans/rebase", tag = "plans", operation_id = "plan_rebase", request_body = Rebase,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_rebase(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<Rebase>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    counted(&mut reader, &view, "/bases", body.value.bases.len());
    let mut bases = Vec::new();
    for (n, one) in body.value.bases.iter().enumerate() {
        let number = reader.number(format!("/bases/{n}/number"), &one.number);
        let base = reader.amount(format!("/bases/{n}/base"), &one.base);
        bases.extend(number.zip(base));
    }
    let bases = reader.done(Some(bases))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::Rebase { bases }).await
}

/// A month that was left out, or paid short.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arrear {
    /// GRZH.
    #[schema(pattern = "^[0-9]{12}$", example = "030000000001")]
    number: String,
    #[schema(pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-09")]
    month: String,
    /// The unit's part, in yuan.
    #[schema(pattern = r"^[0-9]{1,9}\.[0-9]{2}$", example = "10.00")]
    unit_part: String,
    /// The employee's.
    #[schema(pattern = r"^[0-9]{1,9}\.[0-9]{2}$", example = "10.00")]
    personal_part: String,
    /// Whether it is the difference to what was paid already.
    difference: bool,
    /// Why.
    #[schema(min_length = 2, max_length = 200, example = "基数少报补差")]
    words: String,
}

/// Months that were left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeUp {
    /// One, or a list: one faulty row, and nothing of it is done.
    #[schema(min_items = 1, max_items = 2000)]
    arrears: Vec<Arrear>,
    /// `suspense`: out of what was received; `transfer`: by a transfer that is still to arrive.
    #[schema(pattern = "^(suspense|transfer)$", example = "suspense")]
    pay: String,
}

/// Make up months (补缴)
#[utoipa::path(post, path = "/plans/make-up", tag = "plans", operation_id = "plan_make_up", request_body = MakeUp,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_make_up(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<MakeUp>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    counted(&mut reader, &view, "/arrears", body.value.arrears.len());
    let pay = reader.read("/pay", "choose", FundPay::from_word(&body.value.pay));
    let mut arrears = Vec::new();
    for (n, one) in body.value.arrears.into_iter().enumerate() {
        let at = |field: &str| format!("/arrears/{n}/{field}");
        let number = reader.number(at("number"), &one.number);
        let month = reader.month(at("month"), &one.month);
        let unit_part = reader.amount(at("unit_part"), &one.unit_part);
        let personal_part = reader.amount(at("personal_part"), &one.personal_part);
        let words = reader.read(at("words"), "words", plain(&one.words, 2, 200));
        if let (Some(number), Some(month), Some(unit_part), Some(personal_part), Some(words)) =
            (number, month, unit_part, personal_part, words)
        {
            let (name, difference) = (String::new(), one.difference);
            arrears.push(PlannedArrear { number, name, month, unit_part, personal_part, difference, words });
        }
    }
    let pay = reader.done(pay)?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::MakeUp { arrears, pay }).await
}

/// The unit's own particulars, as they are to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeUnit {
    /// DWDZ.
    #[schema(min_length = 2, max_length = 100, example = "示范市东湖区建设大街20号")]
    address: String,
    /// JBRXM.
    #[schema(min_length = 2, max_length = 50, example = "周晓燕")]
    handler: String,
    /// JBRSJHM.
    #[schema(pattern = "^1[0-9]{10}$", example = "13800000001")]
    handler_mobile: String,
    /// DWFXR; null for none. To JSON Schema 15.0 is whole, too.
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 31, example = 15)]
    payday: Option<f64>,
    /// STYHMC.
    #[schema(min_length = 2, max_length = 60, example = "示范银行东湖支行")]
    bank: String,
}

/// Change the unit's particulars (单位基本资料变更)
#[utoipa::path(post, path = "/plans/change-unit", tag = "plans", operation_id = "plan_change_unit",
    request_body = ChangeUnit,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_change_unit(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<ChangeUnit>,
) -> Result<Response, Failure> {
    let ChangeUnit { address, handler, handler_mobile, payday, bank } = body.value;
    let mut reader = Reader::new(&view);
    let address = reader.read("/address", "words", plain(&address, 2, 100));
    let handler = reader.read("/handler", "name", same(sheet::name(&handler), &handler));
    let mobile = reader.read("/handler_mobile", "mobile", same(sheet::mobile(&handler_mobile), &handler_mobile));
    let whole = |day: &f64| (1.0..=31.0).contains(day) && day.fract() == 0.0;
    if payday.is_some_and(|day| !whole(&day)) {
        reader.fault("/payday", "payday");
    }
    let payday = payday.map(|day| day as u8);
    let bank = reader.read("/bank", "words", plain(&bank, 2, 60));
    let ((address, handler), (handler_mobile, bank)) = reader.done(address.zip(handler).zip(mobile.zip(bank)))?;
    let plan = Plan::ChangeUnit { address, handler, handler_mobile, payday, bank };
    drafted(&portal, &view, &machine, key, body.sha256, plan).await
}

/// An employee's particulars, as they are to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePerson {
    /// GRZH.
    #[schema(pattern = "^[0-9]{12}$", example = "030000000001")]
    number: String,
    /// SJHM.
    #[schema(pattern = "^1[0-9]{10}$", example = "13911112222")]
    mobile: String,
    /// JTZZ.
    #[schema(max_length = 100, example = "建设大街1号")]
    address: String,
}

/// Change an employee's particulars (个人基本资料变更)
#[utoipa::path(post, path = "/plans/change-person", tag = "plans", operation_id = "plan_change_person",
    request_body = ChangePerson,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_change_person(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<ChangePerson>,
) -> Result<Response, Failure> {
    let ChangePerson { number, mobile, address } = body.value;
    let mut reader = Reader::new(&view);
    let number = reader.number("/number", &number);
    let mobile = reader.read("/mobile", "mobile", same(sheet::mobile(&mobile), &mobile));
    let address = reader.read("/address", "words", plain(&address, 0, 100));
    let ((number, mobile), address) = reader.done(number.zip(mobile).zip(address))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::ChangePerson { number, mobile, address }).await
}

/// A payment that is undone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reverse {
    /// YWLSH.
    #[schema(pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    serial: String,
    /// Why.
    #[schema(min_length = 2, max_length = 200, example = "金额有误")]
    words: String,
}

/// Reverse a payment (冲账)
#[utoipa::path(post, path = "/plans/reverse", tag = "plans", operation_id = "plan_reverse", request_body = Reverse,
    responses((status = 201, description = "A document to be signed", body = OperationWhole)))]
pub(super) async fn post_reverse(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    key: Key,
    body: Body<Reverse>,
) -> Result<Response, Failure> {
    let mut reader = Reader::new(&view);
    let serial = reader.serial("/serial", &body.value.serial);
    let words = reader.read("/words", "words", plain(&body.value.words, 2, 200));
    let (serial, words) = reader.done(serial.zip(words))?;
    drafted(&portal, &view, &machine, key, body.sha256, Plan::Reverse { serial, words }).await
}
