//! A provider of face checks over HTTP: our request is signed with a shared secret (HMAC-SHA256 over method, path, time, nonce and
//! the body's hash, as cloud providers want it), its answer with the provider's own key, so that it proves something later too.
//!
//! `docs/fund.md` has the protocol. Trusts TLS with the picture and the number of the person; on this machine plain HTTP
//! will do. Never follows a redirect, and says of an answer that fails no more than which kind of failure it is.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::clock::Clock;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::sha256;
use openssl::sign::Signer;
use rand::RngCore as _;
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError};
use zeroize::Zeroizing;

use super::{Answer, FaceFault, FaceVerifier, Identity, MAX_ANSWER, PURPOSE, Picture, Question};
use crate::Chance;
use crate::outside::{self, AnswerFault};

/// The path of the one call.
pub const PATH: &str = "/v1/face/compare";

/// By what the provider is reached. No Debug: it holds the secret.
pub struct Settings {
    /// Its address, `https://…`, without a path.
    pub api: String,
    /// Our name there.
    pub app: String,
    /// The shared secret.
    pub secret: Zeroizing<String>,
    /// How long an answer may take.
    pub patience: Duration,
}

/// The provider.
pub struct HttpFace {
    settings: Settings,
    url: Url,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    chance: Chance,
}

#[derive(Serialize)]
struct Asked<'a> {
    purpose: &'a str,
    order: String,
    nonce: &'a str,
    subject: &'a str,
    name: &'a str,
    id_number: &'a str,
    media: &'a str,
    picture: &'a str,
}

/// Why the provider does not compare.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
}

impl HttpFace {
    /// A provider that is not spoken to yet.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Self> {
        // The first to come installs it; which of our parts that is does not matter.
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = Url::parse(&settings.api)?.join(PATH)?;
        anyhow::ensure!(outside::is_private(&url), "face.api is https, or on this machine");
        let client = reqwest::Client::builder()
            .timeout(settings.patience)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { settings, url, client, clock, chance })
    }
}

/// What our secret signs.
#[must_use]
pub fn signed_text(time: &str, nonce: &str, body: &[u8]) -> String {
    format!("POST\n{PATH}\n{time}\n{nonce}\n{}", hex::encode(sha256(body)))
}

/// Base64 of the HMAC-SHA256 of a text.
///
/// # Errors
/// When OpenSSL fails.
pub fn mac(secret: &str, text: &str) -> Result<String, openssl::error::ErrorStack> {
    let key = PKey::hmac(secret.as_bytes())?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    Ok(STANDARD.encode(signer.sign_oneshot_to_vec(text.as_bytes())?))
}

#[async_trait]
impl FaceVerifier for HttpFace {
    async fn compare(&self, question: &Question, who: &Identity, picture: Picture) -> Result<Answer, FaceFault> {
        let encoded = Zeroizing::new(STANDARD.encode(picture.bytes()));
        let asked = Asked {
            purpose: PURPOSE,
            order: question.order.to_string(),
            nonce: &question.nonce,
            subject: &question.subject,
            name: &who.name,
            id_number: &who.id_number,
            media: picture.media(),
            picture: &encoded,
        };
        let body =
            serde_json::to_vec(&asked).map_err(|_| FaceFault::Refused("the request cannot be written".into()))?;
        let time = self.clock.now().unix().to_string();
        let mut nonce = [0_u8; 16];
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut nonce);
        let nonce = hex::encode(nonce);
        let mac = mac(&self.settings.secret, &signed_text(&time, &nonce, &body))
            .map_err(|error| FaceFault::Refused(error.to_string()))?;
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("x-face-app", &self.settings.app)
            .header("x-face-time", time)
            .header("x-face-nonce", nonce)
            .header("x-face-signature", mac)
            .body(body);
        let response = request.send().await.map_err(|error| FaceFault::Away(outside::told(error)))?;
        let (status, signature) = (response.status(), response.headers().get("x-face-signature").cloned());
        let bytes = outside::bounded(response, MAX_ANSWER).await.map_err(|fault| match fault {
            AnswerFault::TooLong => FaceFault::Untrusted("it is too long"),
            AnswerFault::Broken(what) => FaceFault::Away(what),
        })?;
        match status {
            StatusCode::OK => {
                let signature = signature
                    .and_then(|value| STANDARD.decode(value.as_bytes()).ok())
                    .ok_or(FaceFault::Untrusted("it has no signature"))?;
                Ok(Answer { bytes, signature })
            }
            StatusCode::UNPROCESSABLE_ENTITY => Err(FaceFault::Picture(picture_fault(&bytes))),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(FaceFault::Away(status.to_string()))
            }
            status => Err(FaceFault::Refused(status.to_string())),
        }
    }
}

/// What a provider says of a picture; its own words are for programs, ours for people.
fn picture_fault(bytes: &[u8]) -> &'static str {
    match serde_json::from_slice::<Problem>(bytes).map(|problem| problem.code).as_deref() {
        Ok("no_face") => "no-face",
        Ok("several_faces") => "several-faces",
        Ok("blurred") => "blurred",
        _ => "unusable",
    }
}
