//! Unblocking a locked PIN (`domain.md` §3.8), and the token's own word that a PIN was changed.
//!
//! A grant of the registration office opens the admin PIN of one token, once. It goes from the office into the driver
//! and nowhere else: no page, file or person sees it. Whether the token that is plugged in is the right one is looked
//! at before the admin PIN is asked for, so that a mistake costs neither the grant nor one of the token's tries.

use std::sync::Arc;

use ca_core::clock::Clock;
use ca_core::domain::{self, PinChange, Sha256, Timestamp};

use super::{ProvisionError, blocking, inspect, signed_message};
use crate::driver::{Drivers, Pin, TokenError, TokenSerial};
use crate::ra_client::{Grant, RaClient};

/// What a grant allows.
#[derive(Clone, Debug)]
pub struct UnlockOffer {
    /// The office's number of the matter.
    pub number: String,
    /// Which token.
    pub token: TokenSerial,
    /// The certificate on it.
    pub certificate_sha256: Sha256,
    /// Whom that certificate names.
    pub holder: String,
    /// Until when.
    pub expires: Timestamp,
}

/// One unblocking.
#[derive(Clone)]
pub struct Unblocking {
    /// All tokens.
    pub drivers: Drivers,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The office.
    pub ra: RaClient,
    /// What entitles to it.
    pub grant: Grant,
}

impl Unblocking {
    /// Asks the office what the grant allows.
    ///
    /// # Errors
    /// [`ProvisionError::Ra`]; [`ProvisionError::DoesNotFit`] for an answer that names no token.
    pub async fn open(&self) -> Result<UnlockOffer, ProvisionError> {
        let opened = self.ra.unlock_open(&self.grant).await?;
        let token = opened.token.parse().map_err(|_| ProvisionError::DoesNotFit("the grant names no token"))?;
        Ok(UnlockOffer {
            number: opened.unlock,
            token,
            certificate_sha256: opened.certificate_sha256,
            holder: opened.holder,
            expires: opened.expires,
        })
    }

    /// Whether the token of the offer is plugged in, with the certificate of the offer on it.
    ///
    /// # Errors
    /// [`ProvisionError::Token`] when it is not plugged in, [`ProvisionError::ForeignKey`] when it has not the
    /// certificate.
    pub async fn look(&self, offer: &UnlockOffer) -> Result<(), ProvisionError> {
        let (drivers, offer) = (self.drivers.clone(), offer.clone());
        blocking(move || {
            drivers.look_again();
            let views = inspect::tokens(&drivers);
            let view = views.iter().find(|view| view.token.serial == offer.token);
            let view = view.ok_or_else(|| ProvisionError::Token(TokenError::Removed(offer.token.to_string())))?;
            if view.certificates.iter().any(|on| on.facts.sha256 == offer.certificate_sha256) {
                Ok(())
            } else {
                Err(ProvisionError::ForeignKey)
            }
        })
        .await
    }

    /// Sets a new PIN. What became of it is told to the office, for its own count of failures.
    ///
    /// # Errors
    /// As [`Self::look`], after which the grant is still good; otherwise the grant is spent.
    pub async fn run(&self, offer: &UnlockOffer, new: &Pin) -> Result<(), ProvisionError> {
        self.look(offer).await?;
        let admin = self.ra.unlock_release(&self.grant).await?;
        let (drivers, token, pin) = (self.drivers.clone(), offer.token.clone(), new.clone());
        let outcome = blocking(move || drivers.unblock(&token, &admin, &pin).map_err(ProvisionError::Token)).await;
        let failed = outcome.as_ref().err().map(ToString::to_string);
        if let Err(error) = self.ra.unlock_report(&self.grant, failed.as_deref()).await {
            // The token's own report of the change, or the next grant, will tell.
            tracing::warn!(number = offer.number, %error, "The office was not told what became of an unblocking");
        }
        outcome
    }

    /// The token's word, by its new PIN, that the PIN is the holder's own now.
    ///
    /// # Errors
    /// [`ProvisionError`]; the new PIN holds all the same.
    pub async fn tell(&self, offer: &UnlockOffer, pin: &Pin) -> Result<(), ProvisionError> {
        let (this, offer, pin) = (self.clone(), offer.clone(), pin.clone());
        let wanted = offer.certificate_sha256;
        let message = blocking(move || {
            pin_change(&this.drivers, &offer.token, &pin, Some(wanted), this.clock.now())?
                .ok_or(ProvisionError::ForeignKey)
        })
        .await?;
        Ok(self.ra.pin_changed(message).await?)
    }
}

/// A token's statement that its PIN was changed, signed by the key of this certificate, or of the one that lasts
/// longest; `None` when no certificate is on it that could sign.
///
/// # Errors
/// [`ProvisionError::Token`], [`ProvisionError::Message`].
pub fn pin_change(
    drivers: &Drivers,
    token: &TokenSerial,
    pin: &Pin,
    certificate: Option<Sha256>,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, ProvisionError> {
    let on = inspect::tokens(drivers)
        .into_iter()
        .filter(|view| view.token.serial == *token)
        .flat_map(|view| view.certificates)
        .find(|on| on.facts.signs && certificate.is_none_or(|wanted| on.facts.sha256 == wanted));
    let Some(on) = on else { return Ok(None) };
    let statement = PinChange { token: token.to_string(), certificate_sha256: on.facts.sha256, changed: now };
    let mut session = drivers.open(token, pin).map_err(ProvisionError::Token)?;
    signed_message(&mut *session, &on.key, &on.facts.der, &domain::encode(&statement), now).map(Some)
}
