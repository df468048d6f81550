//! Messages of the payment provider. Their signature is over the bytes as they came, so that nothing is read before it is
//! checked; what they say is only a reason to ask the provider.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

use super::error::{Failure, Kind};
use crate::payment::online::{MessageError, Online};

/// A session with its lines has some kilobytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The route, where payment online is configured.
pub fn router(online: Option<Arc<Online>>) -> Router {
    match online {
        None => Router::new(),
        Some(online) => Router::new()
            .route("/webhooks/stripe", post(post_message))
            .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
            .with_state(online),
    }
}

/// `POST /webhooks/stripe`.
async fn post_message(State(online): State<Arc<Online>>, headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match online.hear(&body, signature).await {
        Ok(settled) => {
            metrics::counter!("ra_payment_messages_total", "outcome" => settled.word()).increment(1);
            Ok(StatusCode::OK.into_response())
        }
        Err(MessageError::NotHeard(why)) => {
            metrics::counter!("ra_payment_messages_total", "outcome" => "not_heard").increment(1);
            tracing::warn!(%why, "A message for the payment provider's address was not listened to");
            Err(Kind::Malformed.into())
        }
        // The provider sends it again.
        Err(MessageError::Later(error)) => Err(error.into()),
    }
}
