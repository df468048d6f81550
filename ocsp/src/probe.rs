//! `ocsp-responder probe`: asks a responder as a stranger would, over the network and with no more than an issuer's
//! certificate, and says what is to be thought of the answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ca_core::clock::Clock;
use ca_core::domain::{IssuerId, Serial};
use clap::ValueEnum;
use rand_chacha::ChaCha20Rng;

use crate::client::{Client, Settings, StatusError};

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Standing {
    /// Neither revoked nor held.
    Good,
    /// Revoked for good.
    Revoked,
    /// Held, and may be released.
    Held,
    /// Never issued.
    Unknown,
}

/// Whom to ask about what.
#[derive(Clone, Debug)]
pub struct Question {
    /// The responder's URL.
    pub url: String,
    /// The issuer's certificate, DER or PEM.
    pub issuer: Vec<u8>,
    /// The serial number.
    pub serial: Serial,
    /// How long to wait.
    pub patience: Duration,
}

/// Asks once: what the answer says, and how old its knowledge is in seconds where it is good.
///
/// # Errors
/// When there is no answer that can be believed: why, in words.
pub async fn ask(
    question: &Question,
    clock: Arc<dyn Clock>,
    rng: ChaCha20Rng,
) -> anyhow::Result<(Standing, Option<i64>)> {
    let issuer = match openssl::x509::X509::from_pem(&question.issuer) {
        Ok(certificate) => certificate.to_der()?,
        Err(_) => question.issuer.clone(),
    };
    let settings = Settings { patience: question.patience, ..Settings::new(&question.url) };
    let client = Client::new(settings, clock.clone(), rng)?;
    let name = IssuerId::new("issuer").context("a name")?;
    match client.check_serial(&name, &issuer, &question.serial).await {
        Ok(proof) => Ok((Standing::Good, Some(clock.now().since(proof.as_of())))),
        Err(StatusError::Revoked { .. }) => Ok((Standing::Revoked, None)),
        Err(StatusError::Held { .. }) => Ok((Standing::Held, None)),
        Err(StatusError::Unknown { .. }) => Ok((Standing::Unknown, None)),
        Err(error @ (StatusError::Unreachable(_) | StatusError::Untrusted(_))) => Err(error.into()),
    }
}
