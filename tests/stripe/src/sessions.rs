//! `/v1/checkout/sessions`: create, retrieve, expire.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::idempotency::once;
use super::{StandIn, webhook};

const FIXTURE: &str = include_str!("../fixtures/checkout.session.json");
/// Stripe's own bounds of `expires_at`.
const SHORTEST_SECONDS: i64 = 30 * 60;
const LONGEST_SECONDS: i64 = 24 * 3600;

type Answer = (StatusCode, Value);

/// The official shape.
pub(crate) fn fixture() -> Value {
    serde_json::from_str(FIXTURE).expect("the fixture is JSON")
}

pub(crate) fn wrong(kind: &str, message: &str) -> Answer {
    (StatusCode::BAD_REQUEST, json!({ "error": { "type": kind, "message": message } }))
}

pub(crate) fn is_let_in(headers: &HeaderMap) -> bool {
    let value = headers.get("authorization").and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with("Bearer sk_test_"))
}

pub(crate) fn not_let_in() -> Response {
    let error = json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided" } });
    (StatusCode::UNAUTHORIZED, Json(error)).into_response()
}

/// `POST /v1/checkout/sessions`. The same key gets the same answer; with other parameters it is an error.
pub(crate) async fn create(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap, body: String) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let now = stand_in.now();
    let (id, intent) = (stand_in.name("cs_test"), stand_in.name("pi"));
    let mut memory = stand_in.memory();
    let made = once(&mut memory, &headers, body, |memory, body| {
        match session(&stand_in.settings.origin, &form(body), &memory.catalogue, (&id, &intent), now) {
            Ok(session) => {
                memory.sessions.insert(id.clone(), session.clone());
                (StatusCode::OK, session)
            }
            Err(answer) => answer,
        }
    });
    let ((status, answer), _) = made;
    (status, Json(answer)).into_response()
}

fn session(
    origin: &str,
    fields: &[(String, String)],
    catalogue: &BTreeMap<String, Value>,
    (id, intent): (&str, &str),
    now: i64,
) -> Result<Value, Answer> {
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    // A price is given with the session, or was made before.
    let listed = get("line_items[0][price]").and_then(|name| catalogue.get(name));
    let priced = |part: &str| match listed {
        Some(price) => price[part].as_str(),
        None => get(&format!("line_items[0][price_data][{part}]")),
    };
    let bad = |message: &str| wrong("invalid_request_error", message);
    if get("mode") != Some("payment") {
        return Err(bad("mode: only `payment` is known here"));
    }
    let currency = priced("currency").ok_or_else(|| bad("Missing currency"))?;
    let price: i64 = priced("unit_amount")
        .and_then(|text| text.parse().ok())
        .filter(|amount| *amount > 0)
        .ok_or_else(|| bad("Invalid unit_amount"))?;
    let quantity: i64 = get("line_items[0][quantity]").and_then(|text| text.parse().ok()).unwrap_or(1);
    let success = get("success_url").ok_or_else(|| bad("Missing success_url"))?;
    let expires: i64 = match get("expires_at") {
        None => now + LONGEST_SECONDS,
        Some(text) => text.parse().map_err(|_| bad("Invalid expires_at"))?,
    };
    if !(now + SHORTEST_SECONDS..=now + LONGEST_SECONDS).contains(&expires) {
        return Err(bad("The `expires_at` timestamp must be between 30 minutes and 24 hours from now"));
    }
    let types: Vec<&str> = fields
        .iter()
        .filter(|(key, _)| key.starts_with("allowed_payment_method_types["))
        .map(|(_, value)| value.as_str())
        .collect();
    if types.iter().any(|word| !["alipay", "wechat_pay", "card"].contains(word)) {
        return Err(bad("Invalid allowed_payment_method_types"));
    }
    if types.contains(&"wechat_pay") && get("payment_method_options[wechat_pay][client]") != Some("web") {
        return Err(bad("payment_method_options[wechat_pay][client] must be `web`"));
    }
    let metadata: serde_json::Map<String, Value> = fields
        .iter()
        .filter_map(|(key, value)| {
            let name = key.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), json!(value)))
        })
        .collect();
    let mut session = fixture();
    let facts = json!({
        "id": id,
        "amount_subtotal": price * quantity,
        "amount_total": price * quantity,
        "allowed_payment_method_types": types,
        "cancel_url": get("cancel_url"),
        "client_reference_id": get("client_reference_id"),
        "created": now,
        "currency": currency,
        "currency_conversion": null,
        "customer_details": null,
        "expires_at": expires,
        "livemode": false,
        "metadata": metadata,
        "mode": "payment",
        "payment_intent": intent,
        "payment_method_types": types,
        "payment_status": "unpaid",
        "shipping_address_collection": null,
        "shipping_cost": null,
        "status": "open",
        "success_url": success,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
        "url": format!("{origin}/c/pay/{id}"),
    });
    if let (Some(session), Value::Object(facts)) = (session.as_object_mut(), facts) {
        session.extend(facts);
    }
    Ok(session)
}

/// `GET /v1/checkout/sessions/{id}`.
pub(crate) async fn retrieve(
    State(stand_in): State<Arc<StandIn>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    match look(&stand_in, &id) {
        Some(session) => Json(session).into_response(),
        None => none(&id),
    }
}

/// `GET /v1/checkout/sessions`: all of them.
pub(crate) async fn list(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let data: Vec<Value> = stand_in.memory().sessions.values().cloned().collect();
    Json(json!({ "object": "list", "data": data, "has_more": false, "url": "/v1/checkout/sessions" })).into_response()
}

/// `POST /v1/checkout/sessions/{id}/expire`: only an open one.
pub(crate) async fn expire(
    State(stand_in): State<Arc<StandIn>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let Some(session) = look(&stand_in, &id) else { return none(&id) };
    if session["status"] != "open" {
        let (status, answer) =
            wrong("invalid_request_error", "Only Checkout Sessions with a status of open can be expired");
        return (status, Json(answer)).into_response();
    }
    Json(end(&stand_in, &id)).into_response()
}

fn none(id: &str) -> Response {
    let error = json!({ "error": { "type": "invalid_request_error", "code": "resource_missing",
        "message": format!("No such checkout.session: {id}") } });
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

/// A session as it is now: one whose time is over has ended.
pub(crate) fn look(stand_in: &Arc<StandIn>, id: &str) -> Option<Value> {
    let session = stand_in.memory().sessions.get(id).cloned()?;
    let over = session["expires_at"].as_i64().is_some_and(|at| at <= stand_in.now());
    Some(if over && session["status"] == "open" { end(stand_in, id) } else { session })
}

fn end(stand_in: &Arc<StandIn>, id: &str) -> Value {
    let session = change(stand_in, id, &[("status", json!("expired")), ("url", Value::Null)]);
    webhook::emit(stand_in, "checkout.session.expired", &session);
    session
}

/// It was paid.
pub(crate) fn complete(stand_in: &Arc<StandIn>, id: &str) -> Value {
    let paid = [("status", json!("complete")), ("payment_status", json!("paid")), ("url", Value::Null)];
    let session = change(stand_in, id, &paid);
    webhook::emit(stand_in, "checkout.session.completed", &session);
    session
}

fn change(stand_in: &StandIn, id: &str, facts: &[(&str, Value)]) -> Value {
    let mut memory = stand_in.memory();
    let Some(session) = memory.sessions.get_mut(id) else { return Value::Null };
    for (name, value) in facts {
        session[*name] = value.clone();
    }
    session.clone()
}

/// Fields of a form, in their order.
pub(crate) fn form(body: &str) -> Vec<(String, String)> {
    let plain = |text: &str| {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
            match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
                (b'%', Some(byte)) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                (b'+', _) => {
                    bytes.push(b' ');
                    rest = after;
                }
                _ => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (plain(name), plain(value))
    };
    body.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}
