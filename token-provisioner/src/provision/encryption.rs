//! The encryption half of a pair: its key comes in an envelope that the new signature key opens.
//!
//! Trusts the envelope with nothing: what comes out of it is imported only if it is the key of a certificate that
//! stands beside the signature certificate. The private key is in memory between envelope and token, nowhere else.

use ca_core::clock::system_rng;
use ca_core::domain::KeyKind;
use ca_core::envelope::{self, EncryptionKey};
use ca_core::service::protocol::Blob;
use ca_core::x509::Parts;

use super::online::issued_by;
use super::{ProvisionError, write};
use crate::certificate::Facts;
use crate::driver::{Session, TokenError, TokenKey};
use crate::ra_client::RedeemedEncryption;

/// What is to be written beside the signature certificate.
pub(super) struct Encryption {
    facts: Facts,
    envelope: Vec<u8>,
    label: String,
}

impl Encryption {
    /// The encryption half of an answer, if it belongs to this signature certificate: the same holder, validity and
    /// issuer, another key, not for signatures. `label` is the signature key's.
    pub(super) fn fitting(
        signature: &Facts,
        answer: &RedeemedEncryption,
        chain: &[Blob],
        label: &str,
    ) -> Result<Self, ProvisionError> {
        let facts = Facts::read(&answer.certificate.0)?;
        if facts.signs || facts.public == signature.public {
            return Err(ProvisionError::DoesNotFit("the encryption certificate is not one for encryption"));
        }
        if !same_names(&facts, signature) || facts.validity != signature.validity || facts.uscc != signature.uscc {
            return Err(ProvisionError::DoesNotFit("the encryption certificate names another holder or validity"));
        }
        if !issued_by(chain, &facts.der) {
            return Err(ProvisionError::DoesNotFit("the issuing CA did not sign the encryption certificate"));
        }
        Ok(Self { facts, envelope: answer.envelope.message.0.clone(), label: format!("{label} encryption") })
    }

    /// Puts key and certificate on the token, unless they are there; what an earlier run left half done goes.
    pub(super) fn write(&self, session: &mut dyn Session, signature: &TokenKey) -> Result<(), ProvisionError> {
        let keys = session.keys().map_err(ProvisionError::Token)?;
        for left in keys.iter().filter(|key| key.label == self.label && key.public != self.facts.public) {
            session.remove(&left.id).map_err(ProvisionError::Token)?;
        }
        let key = match keys.into_iter().find(|key| key.public == self.facts.public) {
            Some(key) => key,
            None => {
                let opened = self.open(session, signature)?;
                session.import(&opened, &self.label).map_err(ProvisionError::Token)?
            }
        };
        write(session, &key, &self.facts)
    }

    fn open(&self, session: &mut dyn Session, signature: &TokenKey) -> Result<EncryptionKey, ProvisionError> {
        let private = |operation: envelope::PrivateOperation<'_>| session.perform(&signature.id, operation);
        envelope::open(&self.envelope, self.facts.public.spki_der(), private).map_err(|error| match error {
            envelope::OpenError::Private(error) => ProvisionError::Token(error),
            other => ProvisionError::Envelope(other.to_string()),
        })
    }

    /// Has the token open an envelope that was made for its encryption certificate. A key that fails is taken away,
    /// so that the next run brings it anew.
    pub(super) fn self_test(&self, session: &mut dyn Session) -> Result<(), ProvisionError> {
        let fault = |error: String| ProvisionError::Envelope(format!("self-test: {error}"));
        let (id, spki) = (self.facts.public.id(), self.facts.public.spki_der());
        let mut rng = system_rng();
        let kind = if self.facts.public.algorithm() == KeyKind::Sm2 { KeyKind::Sm2 } else { KeyKind::P256 };
        let probe = EncryptionKey::generate(kind, &mut rng).map_err(|e| fault(e.to_string()))?;
        let sealed = envelope::wrap(&probe, spki, &mut rng).map_err(|e| fault(e.to_string()))?;
        match envelope::open(&sealed.message.0, probe.spki_der(), |operation| session.perform(&id, operation)) {
            Ok(_) => Ok(()),
            Err(envelope::OpenError::Private(error @ TokenError::Removed(_))) => Err(ProvisionError::Token(error)),
            Err(error) => {
                tracing::error!(key = %id, %error, "The encryption key on the token does not decrypt");
                session.remove(&id).map_err(ProvisionError::Token)?;
                Err(ProvisionError::SelfTest("the encryption key does not decrypt"))
            }
        }
    }
}

/// Whether two certificates have the same subject and issuer, octet for octet.
fn same_names(one: &Facts, other: &Facts) -> bool {
    match (Parts::read(&one.der), Parts::read(&other.der)) {
        (Ok(one), Ok(other)) => one.tbs.subject == other.tbs.subject && one.tbs.issuer == other.tbs.issuer,
        _ => false,
    }
}
