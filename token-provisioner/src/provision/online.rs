//! Provisioning against the registration authority: a ticket in, a delivered certificate out.
//!
//! open → key → request → binding by the operator's token → redeem → write, read back → self-test → confirm.
//! Each step can be the last of one run and the first of the next. Of a pair, writing is: signature certificate,
//! encryption key, encryption certificate; the new keys are confirmed together or not at all.

use std::sync::Arc;

use ca_core::clock::Clock;
use ca_core::domain::{self, Act, Install, IssuerId, KeyBinding, KeyKind, Order, Serial, Sha256};
use ca_core::keys::verify::verify_signature;
use ca_core::service::protocol::Blob;
use ca_core::x509::Parts;

use super::encryption::Encryption;
use super::{ProvisionError, blocking, key_for, request_by, self_test, signed_message, write};
use crate::certificate::Facts;
use crate::driver::{Drivers, KeyId, KeyUse, Pin, TokenKey, TokenSerial};
use crate::ra_client::{RaClient, Redeemed, Ticket};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Reading the order.
    Open,
    /// Finding or making the key.
    Key,
    /// Having the request signed by it.
    Request,
    /// Having the operator sign that this key is for this order.
    Binding,
    /// Asking the CA for the certificate.
    Redeem,
    /// Writing it and reading it back.
    Write,
    /// Testing key and certificate together.
    SelfTest,
    /// Telling the registration authority.
    Confirm,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 8] =
        [Self::Open, Self::Key, Self::Request, Self::Binding, Self::Redeem, Self::Write, Self::SelfTest, Self::Confirm];

    /// The word in message ids.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Key => "key",
            Self::Request => "request",
            Self::Binding => "binding",
            Self::Redeem => "redeem",
            Self::Write => "write",
            Self::SelfTest => "self-test",
            Self::Confirm => "confirm",
        }
    }
}

/// Told of each step as it begins.
pub type Progress = Arc<dyn Fn(Step) + Send + Sync>;

/// An approved order that waits for a token.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The order.
    pub order: Order,
    /// SHA-256 of its canonical bytes.
    pub order_sha256: Sha256,
    /// The kind of key.
    pub key: KeyKind,
    /// Whom the certificate names.
    pub unit_name: String,
    /// What the registration authority calls the token.
    pub token_label: String,
    /// Of a renewal that the unit ordered itself, the certificate on the same token whose key takes the operator's place.
    pub holder: Option<Sha256>,
}

impl Offer {
    /// The label of the key that is made for it.
    fn label(&self) -> String {
        format!("yinxin {}", self.order.id)
    }

    /// An officer's key signs; a unit's may be followed by an encryption key, whose envelope it opens.
    const fn key_use(&self) -> KeyUse {
        match &self.order.act {
            Act::Issue { officer: Some(_), .. } => KeyUse::Sign,
            _ => KeyUse::SignAndOpen,
        }
    }
}

/// The token operator and the certificate by which they are known; of a unit's own renewal, the unit and the certificate
/// that is renewed.
#[derive(Clone)]
pub struct Operator {
    /// Their token.
    pub token: TokenSerial,
    /// The key on it.
    pub key: KeyId,
    /// Their certificate, DER.
    pub certificate: Vec<u8>,
    /// Their PIN.
    pub pin: Pin,
}

/// The token to be provisioned and its PIN, which may be the initial one.
#[derive(Clone)]
pub struct Target {
    /// Which.
    pub token: TokenSerial,
    /// Its PIN.
    pub pin: Pin,
}

/// A certificate that is on its token, tested and confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
}

/// One provisioning.
#[derive(Clone)]
pub struct Provisioning {
    /// All tokens.
    pub drivers: Drivers,
    /// The time that messages claim.
    pub clock: Arc<dyn Clock>,
    /// The registration authority.
    pub ra: RaClient,
    /// What entitles to it.
    pub ticket: Ticket,
}

impl Provisioning {
    /// Reads the order that the ticket is for.
    ///
    /// # Errors
    /// [`ProvisionError::Ra`]; [`ProvisionError::DoesNotFit`] if it is no order to issue such a key's certificate.
    pub async fn open(&self) -> Result<Offer, ProvisionError> {
        let opened = self.ra.open(&self.ticket).await?;
        let order: Order =
            domain::decode(&opened.order.0).map_err(|_| ProvisionError::DoesNotFit("the order cannot be read"))?;
        let Act::Issue { key, subject, .. } = &order.act else {
            return Err(ProvisionError::DoesNotFit("the order is not one to issue a certificate"));
        };
        if *key != opened.key {
            return Err(ProvisionError::DoesNotFit("the order names another kind of key"));
        }
        // The name that is signed for, not the one that the web server says beside it.
        let unit_name = subject.get(domain::SubjectField::CommonName).unwrap_or(&opened.unit_name).to_owned();
        Ok(Offer {
            order_sha256: Sha256(openssl::sha::sha256(&opened.order.0)),
            key: opened.key,
            unit_name,
            token_label: opened.token_label,
            holder: opened.holder.filter(|_| order.holders_renewal().is_some()),
            order,
        })
    }

    /// Does all the rest, or what is left of it from an earlier run.
    ///
    /// # Errors
    /// [`ProvisionError`]; run again, with the same token, to continue.
    pub async fn run(
        &self,
        offer: &Offer,
        target: &Target,
        operator: &Operator,
        progress: &Progress,
    ) -> Result<Delivered, ProvisionError> {
        let (key, csr) = self.key_and_request(offer, target, progress).await?;
        progress(Step::Binding);
        let binding = self.binding(offer, target, operator, &key).await?;
        progress(Step::Redeem);
        let redeemed = self.ra.redeem(&self.ticket, csr, binding).await?;
        let delivered = Delivered { issuer: redeemed.issuer.clone(), serial: redeemed.serial.clone() };
        let install = self.install(offer, target, key, redeemed, progress).await?;
        progress(Step::Confirm);
        self.ra.confirm(&self.ticket, install).await?;
        tracing::info!(order = %offer.order.id, serial = %delivered.serial, token = %target.token, "Certificate delivered");
        Ok(delivered)
    }

    async fn key_and_request(
        &self,
        offer: &Offer,
        target: &Target,
        progress: &Progress,
    ) -> Result<(TokenKey, Vec<u8>), ProvisionError> {
        let (this, offer, target, progress) = (self.clone(), offer.clone(), target.clone(), progress.clone());
        blocking(move || {
            progress(Step::Key);
            let mut session = this.drivers.open(&target.token, &target.pin).map_err(ProvisionError::Token)?;
            let key = key_for(&mut *session, &offer.label(), offer.key, offer.key_use());
            let key = key.map_err(ProvisionError::Token)?;
            progress(Step::Request);
            let csr = request_by(&mut *session, &key, &offer.unit_name).map_err(ProvisionError::Token)?;
            Ok((key, csr))
        })
        .await
    }

    async fn binding(
        &self,
        offer: &Offer,
        target: &Target,
        operator: &Operator,
        key: &TokenKey,
    ) -> Result<Vec<u8>, ProvisionError> {
        let statement = KeyBinding {
            order: offer.order.id,
            order_sha256: offer.order_sha256,
            spki_sha256: key.public.spki_sha256(),
            token: target.token.to_string(),
        };
        let (this, operator) = (self.clone(), operator.clone());
        blocking(move || {
            let mut session = this.drivers.open(&operator.token, &operator.pin).map_err(ProvisionError::Operator)?;
            let content = domain::encode(&statement);
            signed_message(&mut *session, &operator.key, &operator.certificate, &content, this.clock.now())
                .map_err(as_operator)
        })
        .await
    }

    /// Write, read back, self-test, and the new key's own word for it.
    async fn install(
        &self,
        offer: &Offer,
        target: &Target,
        key: TokenKey,
        redeemed: Redeemed,
        progress: &Progress,
    ) -> Result<Vec<u8>, ProvisionError> {
        let facts = fitting_certificate(&key, &redeemed)?;
        let encryption = match &redeemed.encryption {
            Some(answer) => Some(Encryption::fitting(&facts, answer, &redeemed.chain, &offer.label())?),
            None => None,
        };
        let statement = Install {
            order: offer.order.id,
            issuer: redeemed.issuer,
            serial: redeemed.serial,
            certificate_sha256: facts.sha256,
        };
        let (this, target, progress) = (self.clone(), target.clone(), progress.clone());
        blocking(move || {
            progress(Step::Write);
            let mut session = this.drivers.open(&target.token, &target.pin).map_err(ProvisionError::Token)?;
            write(&mut *session, &key, &facts)?;
            if let Some(encryption) = &encryption {
                encryption.write(&mut *session, &key)?;
            }
            progress(Step::SelfTest);
            self_test(&mut *session, &key, &facts)?;
            if let Some(encryption) = &encryption {
                encryption.self_test(&mut *session)?;
            }
            let content = domain::encode(&statement);
            signed_message(&mut *session, &key.id, &facts.der, &content, this.clock.now())
        })
        .await
    }
}

/// The certificate of an answer, if it is for this key, has this serial number and its issuer signed it.
fn fitting_certificate(key: &TokenKey, redeemed: &Redeemed) -> Result<Facts, ProvisionError> {
    let facts = Facts::read(&redeemed.certificate.0)?;
    if facts.public != key.public {
        return Err(ProvisionError::DoesNotFit("the certificate is for another key"));
    }
    if facts.serial != redeemed.serial {
        return Err(ProvisionError::DoesNotFit("the certificate has another serial number"));
    }
    if !facts.signs {
        return Err(ProvisionError::DoesNotFit("the certificate is not one for signatures"));
    }
    if !issued_by(&redeemed.chain, &facts.der) {
        return Err(ProvisionError::DoesNotFit("the issuing CA did not sign the certificate"));
    }
    Ok(facts)
}

/// Whether the first certificate of the chain signed this one.
pub(super) fn issued_by(chain: &[Blob], certificate: &[u8]) -> bool {
    let signed = || -> Option<()> {
        let (issuer, parts) = (Parts::read(&chain.first()?.0).ok()?, Parts::read(certificate).ok()?);
        let algorithm = parts.signature_algorithm().ok()?;
        verify_signature(issuer.tbs.spki, &algorithm, parts.tbs.whole, parts.signature).ok()
    };
    signed().is_some()
}

fn as_operator(error: ProvisionError) -> ProvisionError {
    match error {
        ProvisionError::Token(error) => ProvisionError::Operator(error),
        other => other,
    }
}
