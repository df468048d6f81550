//! All drivers of this computer, asked together.

use std::sync::Arc;

use super::{InitTarget, Pin, Session, StoredCertificate, TokenDriver, TokenError, TokenInfo, TokenLabel, TokenSerial};

/// The drivers in the order of the configuration.
#[derive(Clone, Default)]
pub struct Drivers(Vec<Arc<dyn TokenDriver>>);

/// A token with what is on it that needs no PIN.
#[derive(Clone, Debug)]
pub struct Held {
    /// The token.
    pub token: TokenInfo,
    /// Its certificates; empty also when they can't be read.
    pub certificates: Vec<StoredCertificate>,
}

impl Drivers {
    /// These drivers.
    #[must_use]
    pub fn new(drivers: Vec<Arc<dyn TokenDriver>>) -> Self {
        Self(drivers)
    }

    /// The drivers one by one.
    pub fn each(&self) -> impl Iterator<Item = &dyn TokenDriver> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Has every driver look for tokens that were plugged in since.
    pub fn look_again(&self) {
        for driver in self.each() {
            if let Err(error) = driver.look_again() {
                tracing::warn!(driver = driver.name(), %error, "Cannot look again");
            }
        }
    }

    /// All tokens. A driver that fails is passed over with a warning, so that one broken module does not
    /// hide the tokens of another.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenInfo> {
        let mut tokens = Vec::new();
        for driver in self.each() {
            match driver.tokens() {
                Ok(found) => tokens.extend(found),
                Err(error) => tracing::warn!(driver = driver.name(), %error, "Cannot list tokens"),
            }
        }
        tokens
    }

    /// All tokens that are ready, with their certificates.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let tokens = self.tokens().into_iter().filter(|token| token.ready);
        tokens
            .map(|token| {
                let certificates = self.of(&token.serial).and_then(|d| d.certificates(&token.serial));
                if let Err(error) = &certificates {
                    tracing::warn!(token = %token.serial, %error, "Cannot read certificates");
                }
                Held { token, certificates: certificates.unwrap_or_default() }
            })
            .collect()
    }

    /// The driver that has this token.
    ///
    /// # Errors
    /// [`TokenError::Removed`] if none has.
    pub fn of(&self, token: &TokenSerial) -> Result<&dyn TokenDriver, TokenError> {
        self.each()
            .find(|driver| driver.tokens().is_ok_and(|found| found.iter().any(|info| info.serial == *token)))
            .ok_or_else(|| TokenError::Removed(token.to_string()))
    }

    /// Opens a token with its PIN; see [`TokenDriver::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(&self, token: &TokenSerial, pin: &Pin) -> Result<Box<dyn Session + '_>, TokenError> {
        self.of(token)?.open(token, pin)
    }

    /// Changes a PIN; see [`TokenDriver::change_pin`].
    ///
    /// # Errors
    /// As there.
    pub fn change_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        self.of(token)?.change_pin(token, old, new)
    }

    /// Changes an admin PIN; see [`TokenDriver::change_admin_pin`].
    ///
    /// # Errors
    /// As there.
    pub fn change_admin_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        self.of(token)?.change_admin_pin(token, old, new)
    }

    /// Sets a new user PIN by the admin PIN; see [`TokenDriver::unblock`].
    ///
    /// # Errors
    /// As there.
    pub fn unblock(&self, token: &TokenSerial, admin: &Pin, new: &Pin) -> Result<(), TokenError> {
        self.of(token)?.unblock(token, admin, new)
    }

    /// Formats a token: a named one by its own driver, a blank one by the first driver that has one.
    ///
    /// # Errors
    /// As [`TokenDriver::init`].
    pub fn init(
        &self,
        target: &InitTarget,
        label: &TokenLabel,
        so_pin: &Pin,
        user_pin: &Pin,
    ) -> Result<TokenInfo, TokenError> {
        if let InitTarget::Erase(serial) = target {
            return self.of(serial)?.init(target, label, so_pin, user_pin);
        }
        let mut last = TokenError::NotReady("no driver is configured");
        for driver in self.each() {
            match driver.init(target, label, so_pin, user_pin) {
                Err(error @ TokenError::NotReady(_)) => last = error,
                outcome => return outcome,
            }
        }
        Err(last)
    }
}
