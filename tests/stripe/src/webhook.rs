//! Signed messages: HMAC-SHA256 of `t.body`, as Stripe signs them, sent again while nobody takes them.

use std::sync::Arc;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::{Delivery, StandIn};

const FIXTURE: &str = include_str!("../fixtures/event.json");
/// So often a message is sent before it is given up.
const TRIES: u32 = 6;

/// Something happened to a session.
pub(crate) fn emit(stand_in: &Arc<StandIn>, kind: &str, session: &Value) {
    let mut event: Value = serde_json::from_str(FIXTURE).expect("the fixture is JSON");
    event["id"] = json!(stand_in.name("evt"));
    event["type"] = json!(kind);
    event["created"] = json!(stand_in.now());
    event["api_version"] = json!("2026-09-30.endive");
    event["data"]["object"] = session.clone();
    let delivery = {
        let mut memory = stand_in.memory();
        if memory.delivery == Delivery::Held {
            memory.held.push(event.clone());
        }
        memory.delivery
    };
    match delivery {
        Delivery::Once => tell(stand_in, event),
        Delivery::Twice => {
            tell(stand_in, event.clone());
            tell(stand_in, event);
        }
        Delivery::Held | Delivery::Never => {}
    }
}

/// Sends a message, and again while it is not taken.
pub(crate) fn tell(stand_in: &Arc<StandIn>, event: Value) {
    let stand_in = Arc::clone(stand_in);
    tokio::spawn(async move {
        let body = event.to_string();
        for attempt in 0..TRIES {
            let sent = stand_in
                .http
                .post(&stand_in.settings.webhook)
                .header("content-type", "application/json")
                .header("stripe-signature", signature(&stand_in.settings.secret, stand_in.now(), &body))
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => eprintln!("{} was answered {}", event["id"], answer.status()),
                Err(error) => eprintln!("{} was not taken: {error}", event["id"]),
            }
            tokio::time::sleep(Duration::from_millis(500 << attempt)).await;
        }
    });
}

/// The header of a message signed at `moment`.
pub(crate) fn signature(secret: &str, moment: i64, body: &str) -> String {
    let signed = || -> Result<Vec<u8>, openssl::error::ErrorStack> {
        let key = PKey::hmac(secret.as_bytes())?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.update(format!("{moment}.{body}").as_bytes())?;
        signer.sign_to_vec()
    };
    format!("t={moment},v1={}", hex::encode(signed().unwrap_or_default()))
}
