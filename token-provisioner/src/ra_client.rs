//! The registration authority's provisioning API, as a client.
//!
//! Trusts the answers with little: they are parsed into types here, and `provision` checks that order, key and
//! certificate belong together. The ticket travels in request bodies only: never in a URL, an argument or a log.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ca_core::domain::{IssuerId, KeyKind, Serial, Sha256, Timestamp};
use ca_core::escrow::port::Envelope;
use ca_core::service::protocol::Blob;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::driver::Pin;
use crate::origin::Origin;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The one-use ticket for one provisioning: 32 random bytes in base64url. No Debug; wiped when dropped.
#[derive(Clone)]
pub struct Ticket(Zeroizing<String>);

impl FromStr for Ticket {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let good = text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if good { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err("not a ticket: 43 characters of base64url") }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

/// Leave to unblock one token once: 24 letters and digits of Crockford's base 32 (120 random bits), which an officer can
/// read out over the telephone. No Debug; wiped when dropped.
#[derive(Clone)]
pub struct Grant(Zeroizing<String>);

impl FromStr for Grant {
    type Err = &'static str;

    /// As typed: small letters, blanks, hyphens and the look-alikes I, L and O are understood.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const CHARS: usize = 24;
        let mut plain = Zeroizing::new(String::with_capacity(CHARS));
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-')).take(CHARS + 1) {
            plain.push(match c.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            });
        }
        let good = plain.len() == CHARS && plain.bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b));
        if good { Ok(Self(plain)) } else { Err("not a grant: 24 letters and digits") }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grant(…)")
    }
}

/// Why the registration authority did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RaError {
    /// No answer: no network, the server is down, or too slow. Trying again is safe.
    #[error("the registration authority cannot be reached: {0}")]
    Unreachable(String),
    /// It answered no.
    #[error("the registration authority refuses: {code}: {detail}")]
    Refused {
        /// What a program may branch on, e.g. `ticket_expired`.
        code: String,
        /// For people, in the server's words.
        detail: String,
    },
    /// An answer that is none of the protocol's.
    #[error("the registration authority's answer cannot be read: {0}")]
    NotUnderstood(String),
}

/// What is to be provisioned.
#[derive(Debug, Deserialize)]
pub struct Opened {
    /// Canonical bytes of the approved order.
    pub order: Blob,
    /// The kind of key to make.
    pub key: KeyKind,
    /// For whom, for the screen.
    pub unit_name: String,
    /// What to write on the token as a label.
    pub token_label: String,
    /// Of a renewal that the unit ordered itself, SHA-256 of the certificate whose key binds the new one.
    #[serde(default)]
    pub holder: Option<Sha256>,
}

/// A certificate, fresh from the CA.
#[derive(Debug, Deserialize)]
pub struct Redeemed {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// DER.
    pub certificate: Blob,
    /// The issuing CA's certificate, then the root's.
    pub chain: Vec<Blob>,
    /// For a pair: the encryption certificate and its wrapped key.
    #[serde(default)]
    pub encryption: Option<RedeemedEncryption>,
}

/// The encryption certificate of a pair, and its private key in an envelope for the signature key.
#[derive(Debug, Deserialize)]
pub struct RedeemedEncryption {
    /// DER.
    pub certificate: Blob,
    /// Opened in the token.
    pub envelope: Envelope,
}

/// What a grant allows.
#[derive(Debug, Deserialize)]
pub struct UnlockOpened {
    /// The office's number of the matter.
    pub unlock: String,
    /// Serial number of the token.
    pub token: String,
    /// SHA-256 of the certificate on it.
    pub certificate_sha256: Sha256,
    /// Whom it names.
    pub holder: String,
    /// Until when the grant opens.
    pub expires: Timestamp,
}

#[derive(Deserialize)]
struct Problem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

#[derive(Serialize)]
struct GrantBody<'a> {
    grant: &'a str,
}

/// The answer to a report.
#[derive(Deserialize)]
struct Noted {
    noted: bool,
}

impl Noted {
    fn good(&self) -> Result<(), RaError> {
        if self.noted { Ok(()) } else { Err(RaError::NotUnderstood("not noted".into())) }
    }
}

/// A registration authority.
#[derive(Clone)]
pub struct RaClient {
    http: reqwest::Client,
    at: Origin,
}

impl RaClient {
    /// The registration authority at this origin.
    ///
    /// # Errors
    /// [`RaError::Unreachable`] if this computer has no working TLS.
    pub fn new(at: Origin) -> Result<Self, RaError> {
        // A second call finds the provider installed; both are ring.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("yinxin-token/", env!("CARGO_PKG_VERSION")));
        if at.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| RaError::Unreachable(e.to_string()))?;
        Ok(Self { http, at })
    }

    /// Looks up the approved order of a ticket.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn open(&self, ticket: &Ticket) -> Result<Opened, RaError> {
        #[derive(Serialize)]
        struct Body<'a> {
            ticket: &'a str,
        }
        self.post("provisioning/open", &Body { ticket: &ticket.0 }).await
    }

    /// Exchanges a request and its binding for the certificate. Repeatable with the same key.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn redeem(&self, ticket: &Ticket, csr: Vec<u8>, binding: Vec<u8>) -> Result<Redeemed, RaError> {
        #[derive(Serialize)]
        struct Body<'a> {
            ticket: &'a str,
            csr: Blob,
            binding: Blob,
        }
        self.post("provisioning/redeem", &Body { ticket: &ticket.0, csr: Blob(csr), binding: Blob(binding) }).await
    }

    /// Tells that the certificate is on the token. Repeatable.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn confirm(&self, ticket: &Ticket, install: Vec<u8>) -> Result<(), RaError> {
        #[derive(Serialize)]
        struct Body<'a> {
            ticket: &'a str,
            install: Blob,
        }
        #[derive(Deserialize)]
        struct Answer {
            delivered: bool,
        }
        let answer: Answer =
            self.post("provisioning/confirm", &Body { ticket: &ticket.0, install: Blob(install) }).await?;
        if answer.delivered { Ok(()) } else { Err(RaError::NotUnderstood("not delivered".into())) }
    }

    /// Gives the provisioning up: a certificate that was made for it is revoked as never delivered.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn give_up(&self, ticket: &Ticket, why: &str) -> Result<(), RaError> {
        #[derive(Serialize)]
        struct Body<'a> {
            ticket: &'a str,
            why: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            abandoned: bool,
        }
        let answer: Answer = self.post("provisioning/fail", &Body { ticket: &ticket.0, why }).await?;
        if answer.abandoned { Ok(()) } else { Err(RaError::NotUnderstood("not abandoned".into())) }
    }

    /// Asks what a grant allows. Repeatable.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn unlock_open(&self, grant: &Grant) -> Result<UnlockOpened, RaError> {
        self.post("unlock/open", &GrantBody { grant: &grant.0 }).await
    }

    /// Spends a grant: the admin PIN of its token, told once.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn unlock_release(&self, grant: &Grant) -> Result<Pin, RaError> {
        #[derive(Deserialize)]
        struct Answer {
            admin_pin: Pin,
        }
        let answer: Answer = self.post("unlock/release", &GrantBody { grant: &grant.0 }).await?;
        Ok(answer.admin_pin)
    }

    /// Tells what became of it: nothing wrong, or why not. Repeatable.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn unlock_report(&self, grant: &Grant, failed: Option<&str>) -> Result<(), RaError> {
        #[derive(Serialize)]
        struct Body<'a> {
            grant: &'a str,
            failed: Option<&'a str>,
        }
        let body = Body { grant: &grant.0, failed };
        self.post::<Noted>("unlock/report", &body).await?.good()
    }

    /// Passes on a token's signed word that its PIN was changed. Repeatable.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn pin_changed(&self, message: Vec<u8>) -> Result<(), RaError> {
        #[derive(Serialize)]
        struct Body {
            message: Blob,
        }
        self.post::<Noted>("unlock/pin-changed", &Body { message: Blob(message) }).await?.good()
    }

    /// Says, signed by a token beside a login, that this assistant watches it; under which name the site knows that.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn presence_begin(&self, message: &[u8]) -> Result<Sha256, RaError> {
        #[derive(Serialize)]
        struct Body {
            message: Blob,
        }
        #[derive(Deserialize)]
        struct Answer {
            presence: Sha256,
        }
        let answer: Answer = self.post("presence/begin", &Body { message: Blob(message.to_vec()) }).await?;
        Ok(answer.presence)
    }

    /// Says that the watched token is there, or gone; whether the site wants to hear more.
    ///
    /// # Errors
    /// [`RaError`].
    pub async fn presence(&self, presence: Sha256, secret: &str, gone: bool) -> Result<bool, RaError> {
        #[derive(Serialize)]
        struct Body<'a> {
            presence: Sha256,
            secret: &'a str,
            gone: bool,
        }
        #[derive(Deserialize)]
        struct Answer {
            goes_on: bool,
        }
        let answer: Answer = self.post("presence/tell", &Body { presence, secret, gone }).await?;
        Ok(answer.goes_on)
    }

    async fn post<A: DeserializeOwned>(&self, act: &str, body: &impl Serialize) -> Result<A, RaError> {
        let url = self.at.join(&format!("/api/v1/{act}"));
        let unreachable = |e: reqwest::Error| RaError::Unreachable(e.without_url().to_string());
        let mut response = self.http.post(url).json(body).send().await.map_err(unreachable)?;
        let status = response.status();
        // It may hold a PIN.
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(RaError::NotUnderstood(format!("longer than {MAX_ANSWER_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|e| RaError::NotUnderstood(e.to_string()));
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(Problem { code: Some(code), title, detail }) => Err(RaError::Refused {
                code: code.chars().take(64).collect(),
                detail: detail.or(title).unwrap_or_default().chars().take(500).collect(),
            }),
            _ if status.is_server_error() => Err(RaError::Unreachable(format!("HTTP {status}"))),
            _ => Err(RaError::NotUnderstood(format!("HTTP {status}"))),
        }
    }
}
