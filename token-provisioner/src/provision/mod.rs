//! Putting a certificate on a token.
//!
//! The token itself is the journal: a key is labelled with the order (or the request) that it is for before
//! anything is sent, so whoever runs the same provisioning again, after a crash, an unplugged token or a lost
//! network, finds the key and goes on with it. No second key and no second certificate come of it.

mod encryption;
pub mod inspect;
pub mod offline;
pub mod online;
pub mod unblock;

use ca_core::cms::{self, SignMessageError};
use ca_core::domain::{KeyKind, Timestamp};
use ca_core::keys::csr;

use crate::certificate::{Facts, NotUsable};
use crate::driver::{KeyUse, Session, StoredCertificate, TokenError, TokenKey};
use crate::ra_client::RaError;

/// Why a provisioning stopped. All of it can be run again.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The token to be provisioned.
    #[error("the token: {0}")]
    Token(#[source] TokenError),
    /// The token of the operator who signs for the key.
    #[error("the operator's token: {0}")]
    Operator(#[source] TokenError),
    /// The registration authority.
    #[error(transparent)]
    Ra(#[from] RaError),
    /// The answer of the registration authority does not fit the order or the key. Somebody must look at it.
    #[error("the answer does not fit: {0}")]
    DoesNotFit(&'static str),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] NotUsable),
    /// No key on this token belongs to the certificate.
    #[error("this certificate belongs to another token: none of its keys fits")]
    ForeignKey,
    /// The envelope of the encryption key is not for this token, or does not hold the key of the certificate. Somebody
    /// must look at it.
    #[error("the encryption key: {0}")]
    Envelope(String),
    /// What was read back is not what was written, or a test of the keys failed. The token is faulty.
    #[error("the token failed its test: {0}")]
    SelfTest(&'static str),
    /// A message could not be made; a fault in this program.
    #[error("signing: {0}")]
    Message(String),
}

/// The key with this label, made now if it is not there yet.
fn key_for(
    session: &mut dyn Session,
    label: &str,
    algorithm: KeyKind,
    allowed: KeyUse,
) -> Result<TokenKey, TokenError> {
    let there = session.keys()?.into_iter().find(|key| key.label == label && key.public.algorithm() == algorithm);
    match there {
        Some(key) => Ok(key),
        None => session.generate(algorithm, label, allowed),
    }
}

/// A PKCS#10 request by a key on the token.
fn request_by(session: &mut dyn Session, key: &TokenKey, common_name: &str) -> Result<Vec<u8>, TokenError> {
    let algorithm = key.public.algorithm().signature_algorithm();
    csr::build(common_name, key.public.spki_der(), algorithm, |message| session.sign(&key.id, message))
}

/// A CMS message over a statement, signed by a key on the token.
///
/// # Errors
/// [`ProvisionError::Token`] when the token does not sign, [`ProvisionError::Message`] otherwise.
pub fn signed_message(
    session: &mut dyn Session,
    key: &crate::driver::KeyId,
    certificate_der: &[u8],
    content: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, ProvisionError> {
    cms::sign(content, certificate_der, now, |message| session.sign(key, message)).map_err(|error| match error {
        SignMessageError::Input(text) => ProvisionError::Message(text),
        SignMessageError::Sign(error) => ProvisionError::Token(error),
    })
}

/// The key on the token to which a certificate belongs.
fn key_of(session: &mut dyn Session, facts: &Facts) -> Result<TokenKey, ProvisionError> {
    let keys = session.keys().map_err(ProvisionError::Token)?;
    keys.into_iter().find(|key| key.public == facts.public).ok_or(ProvisionError::ForeignKey)
}

/// Writes a certificate beside those that are there, unless it is there, and reads it back.
fn write(session: &mut dyn Session, key: &TokenKey, facts: &Facts) -> Result<(), ProvisionError> {
    let certificate = StoredCertificate { id: key.id.clone(), label: facts.name.clone(), der: facts.der.clone() };
    session.store(&certificate).map_err(ProvisionError::Token)?;
    let back = session.certificates().map_err(ProvisionError::Token)?;
    if back.iter().any(|stored| stored.id == key.id && stored.der == facts.der) {
        Ok(())
    } else {
        Err(ProvisionError::SelfTest("the certificate was not read back as it was written"))
    }
}

/// Signs a test text that is no statement and checks it with the certificate's key.
fn self_test(session: &mut dyn Session, key: &TokenKey, facts: &Facts) -> Result<(), ProvisionError> {
    const TEXT: &[u8] = b"Yinxin token self-test; this is not a statement";
    let signature = session.sign(&key.id, TEXT).map_err(ProvisionError::Token)?;
    if facts.public.verifies(TEXT, &signature) {
        Ok(())
    } else {
        Err(ProvisionError::SelfTest("the key's signature does not verify with the certificate"))
    }
}

/// Runs token work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProvisionError> + Send + 'static,
) -> Result<T, ProvisionError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(ProvisionError::Token(TokenError::Broken(format!("the token's thread ended: {e}")))))
}
