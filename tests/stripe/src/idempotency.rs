//! What was answered under an idempotency key stays so: the same request gets the same answer, another one an error.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::Memory;
use super::sessions::wrong;

/// What was answered, and for which request.
pub(crate) struct Remembered {
    request: String,
    answer: (StatusCode, Value),
}

/// The answer to a request, made once for its key. `true`: it was made now.
pub(crate) fn once(
    memory: &mut Memory,
    headers: &HeaderMap,
    body: String,
    make: impl FnOnce(&mut Memory, &str) -> (StatusCode, Value),
) -> ((StatusCode, Value), bool) {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(known) = key.as_ref().and_then(|key| memory.answers.get(key)) {
        let other = "Keys for idempotent requests can only be used with the same parameters";
        let same = known.request == body;
        return (if same { known.answer.clone() } else { wrong("idempotency_error", other) }, false);
    }
    let answer = make(memory, &body);
    if let Some(key) = key {
        memory.answers.insert(key, Remembered { request: body, answer: answer.clone() });
    }
    (answer, true)
}
