//! `/v1/refunds`, `/v1/disputes`: money that goes back, and payers who dispute.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::idempotency::once;
use super::sessions::{form, is_let_in, not_let_in, wrong};
use super::{Memory, StandIn, webhook};

const REFUND: &str = include_str!("../fixtures/refund.json");
const DISPUTE: &str = include_str!("../fixtures/dispute.json");
const SETTLED: &str = include_str!("../fixtures/balance_transaction.json");
const CHARGE: &str = include_str!("../fixtures/charge.json");

/// What becomes of refunds that are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Refunding {
    /// They succeed at once.
    #[default]
    Succeeds,
    /// They stay on their way.
    Pends,
    /// They are taken, and fail.
    Fails,
    /// They are refused.
    Refuses,
}

impl Refunding {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "succeed" => Self::Succeeds,
            "pend" => Self::Pends,
            "fail" => Self::Fails,
            "refuse" => Self::Refuses,
            _ => return None,
        })
    }
}

/// The official shape with facts in it.
fn filled(fixture: &str, facts: Value) -> Value {
    let mut object: Value = serde_json::from_str(fixture).expect("the fixture is JSON");
    if let (Some(object), Value::Object(facts)) = (object.as_object_mut(), facts) {
        object.extend(facts);
    }
    object
}

/// The paid session of a payment.
fn paid<'m>(memory: &'m Memory, intent: &str) -> Option<&'m Value> {
    memory.sessions.values().find(|session| session["payment_intent"] == intent && session["payment_status"] == "paid")
}

/// `POST /v1/refunds`. The same key gets the same answer; with other parameters it is an error. Never more than was paid.
pub(crate) async fn create(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap, body: String) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let (id, now) = (stand_in.name("re"), stand_in.now());
    let (answer, told) = {
        let mut memory = stand_in.memory();
        let (answer, fresh) =
            once(&mut memory, &headers, body, |memory, body| match refund(memory, &form(body), &id, now) {
                Ok(refund) => {
                    memory.refunds.insert(id.clone(), refund.clone());
                    (StatusCode::OK, refund)
                }
                Err(answer) => answer,
            });
        if !fresh {
            return (answer.0, Json(answer.1)).into_response();
        }
        let told = (answer.0 == StatusCode::OK).then(|| charge(&memory, &answer.1, now)).flatten();
        (answer, told)
    };
    if answer.1["status"] == "failed" {
        webhook::emit(&stand_in, "refund.failed", &answer.1);
    } else if let Some(charge) = told {
        webhook::emit(&stand_in, "charge.refunded", &charge);
    }
    (answer.0, Json(answer.1)).into_response()
}

fn refund(memory: &Memory, fields: &[(String, String)], id: &str, now: i64) -> Result<Value, (StatusCode, Value)> {
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let bad = |message: &str| wrong("invalid_request_error", message);
    let intent = get("payment_intent").ok_or_else(|| bad("Missing payment_intent"))?;
    let session = paid(memory, intent).ok_or_else(|| bad("No such payment_intent, or it was not paid"))?;
    let all = session["amount_total"].as_i64().unwrap_or_default();
    let gone: i64 = back_of(memory, intent).filter_map(|refund| refund["amount"].as_i64()).sum();
    let amount = match get("amount") {
        None => all - gone,
        Some(text) => text.parse().map_err(|_| bad("Invalid amount"))?,
    };
    if amount <= 0 || amount > all - gone {
        return Err(bad("Refund amount is greater than unrefunded amount on charge"));
    }
    let (status, failure) = match memory.refunding {
        Refunding::Succeeds => ("succeeded", None),
        Refunding::Pends => ("pending", None),
        Refunding::Fails => ("failed", Some("declined")),
        Refunding::Refuses => return Err(bad("Charge has already been refunded or is disputed")),
    };
    let metadata: serde_json::Map<String, Value> = fields
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned(), json!(value))))
        .collect();
    Ok(filled(
        REFUND,
        json!({
            "id": id,
            "amount": amount,
            "charge": intent.replacen("pi", "ch", 1),
            "created": now,
            "currency": session["currency"],
            "metadata": metadata,
            "payment_intent": intent,
            "status": status,
            "failure_reason": failure,
        }),
    ))
}

/// What went back of a payment, or is on its way.
fn back_of<'m>(memory: &'m Memory, intent: &str) -> impl Iterator<Item = &'m Value> {
    memory.refunds.values().filter(move |refund| refund["payment_intent"] == intent && refund["status"] != "failed")
}

/// The charge of a refund, as messages have it.
fn charge(memory: &Memory, refund: &Value, now: i64) -> Option<Value> {
    let intent = refund["payment_intent"].as_str()?;
    let session = paid(memory, intent)?;
    let gone: i64 = back_of(memory, intent).filter_map(|refund| refund["amount"].as_i64()).sum();
    Some(filled(
        CHARGE,
        json!({
            "id": refund["charge"],
            "amount": session["amount_total"],
            "amount_refunded": gone,
            "created": now,
            "currency": session["currency"],
            "livemode": false,
            "paid": true,
            "payment_intent": intent,
            "refunded": session["amount_total"] == gone,
            "status": "succeeded",
        }),
    ))
}

/// `GET /v1/refunds/{id}`.
pub(crate) async fn retrieve(
    State(stand_in): State<Arc<StandIn>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let known = stand_in.memory().refunds.get(&id).cloned();
    known.map_or_else(|| none("refund", &id), |refund| Json(refund).into_response())
}

/// `GET /v1/refunds?payment_intent=`.
pub(crate) async fn list(
    State(stand_in): State<Arc<StandIn>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let intent = query.iter().find(|(name, _)| name == "payment_intent").map(|(_, value)| value.clone());
    let memory = stand_in.memory();
    let fits = |refund: &&Value| intent.as_ref().is_none_or(|intent| refund["payment_intent"] == **intent);
    let data: Vec<Value> = memory.refunds.values().filter(fits).cloned().collect();
    Json(json!({ "object": "list", "data": data, "has_more": false, "url": "/v1/refunds" })).into_response()
}

/// `GET /v1/balance_transactions`: a line for each payment and each refund, with its source in it.
pub(crate) async fn settled(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let now = stand_in.now();
    let memory = stand_in.memory();
    let line = |id: String, amount: i64, fee: i64, kind: &str, source: Value| {
        let facts = json!({
            "id": id, "amount": amount, "available_on": now, "created": now, "currency": source["currency"], "fee": fee,
            "net": amount - fee, "reporting_category": kind, "source": source, "type": kind,
        });
        filled(SETTLED, facts)
    };
    let mut data = Vec::new();
    for session in memory.sessions.values().filter(|session| session["payment_status"] == "paid") {
        let intent = session["payment_intent"].as_str().unwrap_or_default();
        let amount = session["amount_total"].as_i64().unwrap_or_default();
        let charge = filled(
            CHARGE,
            json!({ "id": intent.replacen("pi", "ch", 1), "amount": amount, "currency": session["currency"],
                "payment_intent": intent, "status": "succeeded", "paid": true }),
        );
        // Two per cent, as a provider keeps.
        data.push(line(intent.replacen("pi", "txn", 1), amount, amount / 50, "charge", charge));
    }
    for refund in memory.refunds.values().filter(|refund| refund["status"] == "succeeded") {
        let id = refund["id"].as_str().unwrap_or_default().replacen("re", "txn", 1);
        let amount = refund["amount"].as_i64().unwrap_or_default();
        data.push(line(id, -amount, 0, "refund", refund.clone()));
    }
    Json(json!({ "object": "list", "data": data, "has_more": false, "url": "/v1/balance_transactions" }))
        .into_response()
}

/// `GET /v1/disputes/{id}`.
pub(crate) async fn dispute(
    State(stand_in): State<Arc<StandIn>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let known = stand_in.memory().disputes.get(&id).cloned();
    known.map_or_else(|| none("dispute", &id), |dispute| Json(dispute).into_response())
}

/// `POST /stand-in/refunds/{word}`: `succeed`, `pend`, `fail` or `refuse`, from now on; what pends succeeds with `succeed`.
pub(crate) async fn refunding(State(stand_in): State<Arc<StandIn>>, Path(word): Path<String>) -> StatusCode {
    let Some(refunding) = Refunding::from_word(&word) else { return StatusCode::NOT_FOUND };
    let now = stand_in.now();
    let told: Vec<Value> = {
        let mut memory = stand_in.memory();
        memory.refunding = refunding;
        if refunding != Refunding::Succeeds {
            return StatusCode::OK;
        }
        let mut settled = Vec::new();
        for refund in memory.refunds.values_mut().filter(|refund| refund["status"] == "pending") {
            refund["status"] = json!("succeeded");
            settled.push(refund.clone());
        }
        settled.iter().filter_map(|refund| charge(&memory, refund, now)).collect()
    };
    for charge in told {
        webhook::emit(&stand_in, "charge.refunded", &charge);
    }
    StatusCode::OK
}

/// `POST /stand-in/disputes/{session}`: its payer disputes it.
pub(crate) async fn begin_dispute(State(stand_in): State<Arc<StandIn>>, Path(session): Path<String>) -> Response {
    let (id, now) = (stand_in.name("dp"), stand_in.now());
    let dispute = {
        let mut memory = stand_in.memory();
        let Some(session) = memory.sessions.get(&session).filter(|session| session["payment_status"] == "paid") else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let intent = session["payment_intent"].as_str().unwrap_or_default();
        let facts = json!({
            "id": id,
            "amount": session["amount_total"],
            "charge": intent.replacen("pi", "ch", 1),
            "created": now,
            "currency": session["currency"],
            "payment_intent": intent,
            "reason": "fraudulent",
            "status": "needs_response",
        });
        let dispute = filled(DISPUTE, facts);
        memory.disputes.insert(id, dispute.clone());
        dispute
    };
    webhook::emit(&stand_in, "charge.dispute.created", &dispute);
    Json(dispute).into_response()
}

fn none(what: &str, id: &str) -> Response {
    let error = json!({ "error": { "type": "invalid_request_error", "code": "resource_missing",
        "message": format!("No such {what}: {id}") } });
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}
