//! Stands in for Stripe: Checkout sessions over HTTP with true idempotency, a pay page with 支付宝, 微信支付 and 银行卡, and
//! signed messages that can be sent twice, late or not at all; refunds that succeed, wait, fail or are refused; disputes.
//!
//! For tests and demonstrations only; it trusts everybody who reaches it. Its answers are the official fixtures
//! (`fixtures/`) with the facts filled in, so that a field that Stripe has is there; the client's strict types judge the rest.

mod catalogue;
pub mod face;
mod idempotency;
mod page;
mod refunds;
mod sessions;
mod webhook;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use ca_core::clock::Clock;
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;
use serde_json::Value;

/// How it is reached and whom it tells.
#[derive(Clone)]
pub struct Settings {
    /// Its own origin, for the pages.
    pub origin: String,
    /// Where messages go.
    pub webhook: String,
    /// What signs them.
    pub secret: String,
}

/// How messages are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// At once.
    #[default]
    Once,
    /// At once, and again.
    Twice,
    /// Not before [`Delivery::Once`] is asked for again; then the last first.
    Held,
    /// Never.
    Never,
}

impl Delivery {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "once" => Self::Once,
            "twice" => Self::Twice,
            "held" => Self::Held,
            "never" => Self::Never,
            _ => return None,
        })
    }
}

/// All that it keeps.
#[derive(Default)]
struct Memory {
    sessions: BTreeMap<String, Value>,
    refunds: BTreeMap<String, Value>,
    disputes: BTreeMap<String, Value>,
    /// Products, prices and payment methods by their names.
    catalogue: BTreeMap<String, Value>,
    refunding: refunds::Refunding,
    answers: HashMap<String, idempotency::Remembered>,
    delivery: Delivery,
    held: Vec<Value>,
}

/// The stand-in.
pub struct StandIn {
    settings: Settings,
    clock: Arc<dyn Clock>,
    rng: Mutex<ChaCha20Rng>,
    memory: Mutex<Memory>,
    http: reqwest::Client,
}

impl StandIn {
    /// One that remembers nothing yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, rng: ChaCha20Rng) -> Arc<Self> {
        // A second call finds the provider installed; both are ring.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap_or_default();
        Arc::new(Self { settings, clock, rng: Mutex::new(rng), memory: Mutex::default(), http })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.clock.now().unix()
    }

    fn name(&self, prefix: &str) -> String {
        let mut bytes = [0_u8; 16];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        format!("{prefix}_{}", hex::encode(bytes))
    }
}

/// Its routes.
pub fn router(stand_in: Arc<StandIn>) -> Router {
    Router::new()
        .route("/v1/checkout/sessions", post(sessions::create).get(sessions::list))
        .route("/v1/checkout/sessions/{id}", get(sessions::retrieve))
        .route("/v1/checkout/sessions/{id}/expire", post(sessions::expire))
        .route("/v1/{kind}", post(catalogue::create))
        .route("/v1/payment_pages/{id}", get(catalogue::page))
        .route("/v1/payment_pages/{id}/confirm", post(catalogue::confirm))
        .route("/v1/refunds", post(refunds::create).get(refunds::list))
        .route("/v1/refunds/{id}", get(refunds::retrieve))
        .route("/v1/balance_transactions", get(refunds::settled))
        .route("/v1/disputes/{id}", get(refunds::dispute))
        .route("/c/pay/{id}", get(page::show).post(page::pay))
        .route("/stand-in/delivery/{word}", post(delivery))
        .route("/stand-in/refunds/{word}", post(refunds::refunding))
        .route("/stand-in/disputes/{session}", post(refunds::begin_dispute))
        .route("/readyz", get(|| async { "ok\n" }))
        .with_state(stand_in)
}

/// `POST /stand-in/delivery/{word}`: `once`, `twice`, `held` or `never`.
async fn delivery(
    State(stand_in): State<Arc<StandIn>>,
    axum::extract::Path(word): axum::extract::Path<String>,
) -> StatusCode {
    let Some(delivery) = Delivery::from_word(&word) else { return StatusCode::NOT_FOUND };
    let held = {
        let mut memory = stand_in.memory();
        memory.delivery = delivery;
        std::mem::take(&mut memory.held)
    };
    for event in held.into_iter().rev() {
        webhook::tell(&stand_in, event);
    }
    StatusCode::OK
}

#[cfg(test)]
mod tests;
