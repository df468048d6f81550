//! What the official command-line client asks for when it triggers a payment: product, price, payment method, and the hosted page's
//! own confirmation. Our own client gives prices with the session and never comes here.
//!
//! By hand: `stripe trigger checkout.session.completed --api-base http://127.0.0.1:12111 --api-key sk_test_…`, of the npm package
//! `@stripe/cli`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::StandIn;
use super::sessions::{self, form, is_let_in, not_let_in, wrong};

/// `POST /v1/products`, `/v1/prices`, `/v1/payment_methods`: kept as they were asked for, under a name.
pub(crate) async fn create(
    State(stand_in): State<Arc<StandIn>>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let prefix = match kind.as_str() {
        "products" => "prod",
        "prices" => "price",
        "payment_methods" => "pm",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let id = stand_in.name(prefix);
    let mut object: Map<String, Value> = form(&body).into_iter().map(|(name, value)| (name, json!(value))).collect();
    object.insert("id".into(), json!(id));
    object.insert("object".into(), json!(kind.trim_end_matches('s')));
    let object = Value::Object(object);
    stand_in.memory().catalogue.insert(id, object.clone());
    Json(object).into_response()
}

/// `GET /v1/payment_pages/{session}`: what the hosted page knows of a session.
pub(crate) async fn page(State(stand_in): State<Arc<StandIn>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    match sessions::look(&stand_in, &id) {
        Some(session) => Json(json!({ "id": id, "amount_total": session["amount_total"] })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `POST /v1/payment_pages/{session}/confirm`: it is paid, if the amount is what the payer saw.
pub(crate) async fn confirm(
    State(stand_in): State<Arc<StandIn>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if !is_let_in(&headers) {
        return not_let_in();
    }
    let Some(session) = sessions::look(&stand_in, &id) else { return StatusCode::NOT_FOUND.into_response() };
    let fields = form(&body);
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let method = get("payment_method").is_some_and(|name| stand_in.memory().catalogue.contains_key(name));
    let expected = get("expected_amount").and_then(|text| text.parse::<i64>().ok());
    if session["status"] != "open" || !method || expected != session["amount_total"].as_i64() {
        let (status, answer) =
            wrong("invalid_request_error", "The page is over, or the amount or payment method is not its own");
        return (status, Json(answer)).into_response();
    }
    Json(sessions::complete(&stand_in, &id)).into_response()
}
