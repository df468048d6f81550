//! A sandbox provider of face checks: speaks the protocol of `docs/fund.md` in full and knows no faces.
//!
//! For tests and demonstrations only. Whatever picture comes is the person's, unless its bytes say otherwise: a JPEG or PNG with one
//! of the [`Wish`]es written into it gets that answer. It checks who asks and that no question is repeated, signs its answers
//! with its own key, and keeps no picture.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use ca_core::clock::Clock;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;
use serde_json::{Value, json};

/// The path of the one call.
const PATH: &str = "/v1/face/compare";
/// How far the asker's clock may be off.
const CLOCK_SECONDS: i64 = 300;
/// A question has so many bytes at most.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What a picture may ask for, by the words in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `sandbox:no-match`: another face.
    NoMatch,
    /// `sandbox:not-alive`: a picture of a picture.
    NotAlive,
    /// `sandbox:no-face`: nobody in it.
    NoFace,
    /// `sandbox:away`: the provider is down.
    Away,
    /// `sandbox:other-order`: an answer, well signed, for another order.
    OtherOrder,
    /// `sandbox:old`: one of an hour ago.
    Old,
    /// `sandbox:forged`: one that another key signed.
    Forged,
}

impl Wish {
    const ALL: [(Self, &str); 7] = [
        (Self::NoMatch, "sandbox:no-match"),
        (Self::NotAlive, "sandbox:not-alive"),
        (Self::NoFace, "sandbox:no-face"),
        (Self::Away, "sandbox:away"),
        (Self::OtherOrder, "sandbox:other-order"),
        (Self::Old, "sandbox:old"),
        (Self::Forged, "sandbox:forged"),
    ];

    fn of(picture: &[u8]) -> Option<Self> {
        let says = |words: &str| picture.windows(words.len()).any(|part| part == words.as_bytes());
        Self::ALL.iter().find(|(_, words)| says(words)).map(|(wish, _)| *wish)
    }
}

/// The sandbox.
pub struct Sandbox {
    secret: String,
    key: PKey<Private>,
    clock: Arc<dyn Clock>,
    seen: Mutex<BTreeSet<String>>,
}

impl Sandbox {
    /// One that shares `secret` with whoever asks and signs with `key` (P-256 or RSA).
    #[must_use]
    pub fn new(secret: &str, key: PKey<Private>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { secret: secret.to_owned(), key, clock, seen: Mutex::default() })
    }

    /// Whether the question is signed, of now, and asked for the first time.
    fn knows(&self, headers: &HeaderMap, body: &[u8]) -> Option<()> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (time, nonce) = (text("x-face-time")?, text("x-face-nonce")?);
        let said = format!("POST\n{PATH}\n{time}\n{nonce}\n{}", hex::encode(sha256(body)));
        let key = PKey::hmac(self.secret.as_bytes()).ok()?;
        let mac = Signer::new(MessageDigest::sha256(), &key).ok()?.sign_oneshot_to_vec(said.as_bytes()).ok()?;
        let given = openssl::base64::decode_block(text("x-face-signature")?).ok()?;
        let near = (self.clock.now().unix() - time.parse::<i64>().ok()?).abs() <= CLOCK_SECONDS;
        let good = given.len() == mac.len() && openssl::memcmp::eq(&given, &mac) && near;
        let fresh = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(nonce.to_owned());
        (good && fresh).then_some(())
    }

    fn answer(&self, asked: &Value, wish: Option<Wish>) -> Option<Response> {
        let text = |name: &str| asked[name].as_str();
        let order = match wish {
            Some(Wish::OtherOrder) => "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            _ => text("order")?,
        };
        let said = json!({
            "provider": "sandbox",
            "purpose": text("purpose")?,
            "order": order,
            "nonce": text("nonce")?,
            "subject": text("subject")?,
            "score": if wish == Some(Wish::NoMatch) { 3_100 } else { 9_620 },
            "liveness": if wish == Some(Wish::NotAlive) { 1_200 } else { 9_900 },
            "at": self.clock.now().unix() - if wish == Some(Wish::Old) { 3_600 } else { 0 },
        });
        let bytes = serde_json::to_vec(&said).ok()?;
        let other = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).ok()?;
        let other = PKey::from_ec_key(openssl::ec::EcKey::generate(&other).ok()?).ok()?;
        let key = if wish == Some(Wish::Forged) { &other } else { &self.key };
        let signature = Signer::new(MessageDigest::sha256(), key).ok()?.sign_oneshot_to_vec(&bytes).ok()?;
        let signature = openssl::base64::encode_block(&signature);
        Some(
            ([("content-type", "application/json".to_owned()), ("x-face-signature", signature)], bytes).into_response(),
        )
    }
}

/// Its routes.
pub fn router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .route(PATH, post(compare).layer(DefaultBodyLimit::max(MAX_BYTES)))
        .route("/readyz", get(|| async { "ready" }))
        .with_state(sandbox)
}

async fn compare(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap, body: Bytes) -> Response {
    if sandbox.knows(&headers, &body).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let Some(picture) = asked["picture"].as_str().and_then(|text| openssl::base64::decode_block(text).ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match Wish::of(&picture) {
        Some(Wish::Away) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Wish::NoFace) => {
            (StatusCode::UNPROCESSABLE_ENTITY, json!({ "code": "no_face" }).to_string()).into_response()
        }
        wish => sandbox.answer(&asked, wish).unwrap_or_else(|| StatusCode::BAD_REQUEST.into_response()),
    }
}
