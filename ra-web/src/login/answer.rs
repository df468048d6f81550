//! What the browser sends back: the statement and the token's signature over it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::cms;
use ca_core::domain::{Login, Sha256, decode};

use super::Refusal;
use super::challenge::sha256;

/// The longest answer, in characters of base64: a signature with its certificate has about 4,000.
const MAX_TEXT: usize = 32 * 1024;

/// An answer that can be read. Nothing in it is believed yet.
#[derive(Clone, Debug)]
pub struct Answer {
    statement: Vec<u8>,
    login: Login,
    signature: Vec<u8>,
}

impl Answer {
    /// Reads the two fields of the form: the statement in base64url, the CMS message in base64.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when either is missing, too long or not what it should be.
    pub fn parse(statement: &str, signature: &str) -> Result<Self, Refusal> {
        if statement.len() > MAX_TEXT || signature.len() > MAX_TEXT || signature.is_empty() {
            return Err(Refusal::Malformed);
        }
        let statement = URL_SAFE_NO_PAD.decode(statement).map_err(|_| Refusal::Malformed)?;
        let login = decode(&statement).map_err(|_| Refusal::Malformed)?;
        let signature = STANDARD.decode(signature).map_err(|_| Refusal::Malformed)?;
        Ok(Self { statement, login, signature })
    }

    /// What the statement says.
    pub(super) const fn login(&self) -> &Login {
        &self.login
    }

    /// The name under which its challenge would be stored.
    pub(super) fn challenge(&self) -> Sha256 {
        sha256(&self.statement)
    }

    /// The exact bytes that were to be signed.
    #[must_use]
    pub fn statement(&self) -> &[u8] {
        &self.statement
    }

    /// The CMS message as it came.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Proof: a challenge of ours was in the store and is no longer: this request took it.
#[derive(Debug)]
pub struct ChallengeTaken {
    id: Sha256,
}

impl ChallengeTaken {
    /// For `sql` alone: the row was deleted by this very request.
    pub(super) const fn new(id: Sha256) -> Self {
        Self { id }
    }
}

/// Proof: a challenge of ours, taken from the store by this request, was signed by the key of this
/// certificate. Says nothing of whose certificate it is.
#[derive(Debug)]
pub struct ChallengeAnswered {
    certificate: Vec<u8>,
}

impl ChallengeAnswered {
    /// Checks the signature over the very bytes that were stored.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub(super) fn check(taken: &ChallengeTaken, answer: &Answer) -> Result<Self, Refusal> {
        let signed = cms::verify(&answer.signature).map_err(|fault| {
            tracing::info!(%fault, "A login's signature was refused");
            Refusal::BadSignature
        })?;
        if sha256(&signed.content) != taken.id {
            return Err(Refusal::BadSignature);
        }
        Ok(Self { certificate: signed.certificate })
    }

    /// The DER certificate whose key signed.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}
