//! Tokens behind a PKCS#11 module, through `cryptoki`.
//!
//! Trusts the module with everything that the token is trusted with: it sees the PIN. Objects follow what
//! other PKCS#11 software expects: CKA_ID is the SHA-1 of the SubjectPublicKeyInfo on key and certificate.
//!
//! Quirks met, and what is done about them:
//! - `C_GetTokenInfo` fails, or `cryptoki` cannot read the answer (opencryptoki's clock): the token is listed
//!   by its slot, tries unknown.
//! - The slot id changes when a token is initialised (SoftHSM2): slots are looked up anew by serial number.
//! - The SO cannot log in while a read-only session is open: one lock, one session at a time.
//! - Login is per program and not per session: a session logs out when it ends.
//! - A token pulled out shows as CKR_DEVICE_ERROR, CKR_GENERAL_ERROR or a closed session: after each unclear
//!   error we look whether the token is still there.
//! - SoftHSM2 and some vendors' modules see only the tokens that were there when they were initialised: looking
//!   again initialises the module again.
//! - Some tokens keep no public key object: the certificate under the same id serves.

mod encryption;
mod objects;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ca_core::domain::KeyKind;
use ca_core::envelope::{EncryptionKey, PrivateOperation};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Module};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session as RawSession, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use self::objects::{certificate_object, ecdsa_der, id_and_label, public_key, stored_certificates, text};
use super::{
    InitTarget, KeyId, KeyUse, Pin, PublicKey, Session, StoredCertificate, TokenDriver, TokenError, TokenInfo,
    TokenKey, TokenLabel, TokenSerial, Tries,
};

/// DER of the object identifier prime256v1 (CKA_EC_PARAMS).
pub(super) const P256_PARAMS: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A PKCS#11 module.
pub struct Pkcs11 {
    path: PathBuf,
    module: Module,
    /// Whether this driver initialised the module, and so may do it again.
    own: bool,
    /// Held by whoever has a session.
    in_use: Mutex<()>,
}

impl Pkcs11 {
    /// Loads a module and initialises it; one that this program initialised before is shared.
    ///
    /// # Errors
    /// [`TokenError::Broken`] if the file is no module or cannot be initialised.
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let broken = |e: Error| TokenError::Broken(format!("loading {}: {e}", path.display()));
        let module = Module::new(path).map_err(broken)?;
        let own = match initialise(&module) {
            Ok(()) => true,
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => false,
            Err(e) => return Err(broken(e)),
        };
        Ok(Self { path: path.to_owned(), module, own, in_use: Mutex::new(()) })
    }

    fn exclusive(&self) -> MutexGuard<'_, ()> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> Result<Vec<(Slot, TokenInfo)>, TokenError> {
        let slots = self.module.get_slots_with_token().map_err(|e| TokenError::Broken(e.to_string()))?;
        Ok(slots.into_iter().map(|slot| (slot, self.info(slot))).collect())
    }

    fn info(&self, slot: Slot) -> TokenInfo {
        let by_slot = || format!("slot-{}", slot.id()).parse().expect("letters, digits and a hyphen");
        let Ok(told) = self.module.get_token_info(slot) else {
            let model = "unknown (the module does not describe it)".into();
            return TokenInfo { serial: by_slot(), label: String::new(), model, ready: true, tries: Tries::Unknown };
        };
        let tries = if told.user_pin_locked() {
            Tries::Locked
        } else if told.user_pin_final_try() {
            Tries::Final
        } else if told.user_pin_count_low() {
            Tries::Low
        } else {
            Tries::Unknown
        };
        TokenInfo {
            serial: told.serial_number().trim().parse().unwrap_or_else(|_| by_slot()),
            label: told.label().trim().to_owned(),
            model: format!("{} {}", told.manufacturer_id().trim(), told.model().trim()),
            ready: told.token_initialized() && told.user_pin_initialized(),
            tries,
        }
    }

    fn slot(&self, serial: &TokenSerial) -> Result<Slot, TokenError> {
        let found = self.listed()?.into_iter().find(|(_, info)| info.serial == *serial);
        found.map(|(slot, _)| slot).ok_or_else(|| TokenError::Removed(serial.to_string()))
    }

    fn tries(&self, serial: &TokenSerial) -> Tries {
        self.slot(serial).map_or(Tries::Unknown, |slot| self.info(slot).tries)
    }

    /// What an error of the module means for a token.
    #[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
    fn explain(&self, serial: &TokenSerial, error: Error) -> TokenError {
        let Error::Pkcs11(code, _) = &error else { return TokenError::Broken(error.to_string()) };
        match code {
            RvError::PinIncorrect => match self.tries(serial) {
                Tries::Locked => TokenError::PinLocked,
                tries => TokenError::WrongPin { tries },
            },
            RvError::PinLocked => TokenError::PinLocked,
            RvError::PinInvalid | RvError::PinLenRange => TokenError::PinRefused,
            RvError::DeviceMemory => TokenError::Full,
            RvError::TokenNotPresent | RvError::DeviceRemoved => TokenError::Removed(serial.to_string()),
            _ if self.slot(serial).is_err() => TokenError::Removed(serial.to_string()),
            _ => TokenError::Broken(error.to_string()),
        }
    }

    /// As [`Pkcs11::explain`], for a login: a PIN that is too short to be right is a wrong PIN.
    fn explain_login(&self, serial: &TokenSerial, error: Error) -> TokenError {
        match self.explain(serial, error) {
            TokenError::PinRefused => TokenError::WrongPin { tries: self.tries(serial) },
            other => other,
        }
    }

    fn login(&self, serial: &TokenSerial, who: UserType, pin: &Pin) -> Result<RawSession, TokenError> {
        let session = self.module.open_rw_session(self.slot(serial)?).map_err(|e| self.explain(serial, e))?;
        let pin = auth(pin);
        let outcome = match session.login(who, Some(&pin)) {
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                // Another part of this program left a login behind; the PIN must still be proven.
                session.logout().and_then(|()| session.login(who, Some(&pin)))
            }
            other => other,
        };
        outcome.map_err(|e| match (who, &e) {
            // The flags of the token tell of the user's tries; here it was the admin's.
            (UserType::So, Error::Pkcs11(RvError::PinIncorrect, _)) => TokenError::WrongPin { tries: Tries::Unknown },
            _ => self.explain_login(serial, e),
        })?;
        Ok(session)
    }
}

impl TokenDriver for Pkcs11 {
    fn name(&self) -> String {
        format!("pkcs11 {}", self.path.display())
    }

    fn look_again(&self) -> Result<(), TokenError> {
        let _one = self.exclusive();
        if !self.own {
            return Ok(());
        }
        let broken = |e: Error| TokenError::Broken(format!("initialising {} again: {e}", self.path.display()));
        match self.module.clone().finalize() {
            // Not initialised: the last look again ended half-way.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiNotInitialized, _)) => {}
            Err(e) => return Err(broken(e)),
        }
        initialise(&self.module).map_err(broken)
    }

    fn tokens(&self) -> Result<Vec<TokenInfo>, TokenError> {
        let _one = self.exclusive();
        Ok(self.listed()?.into_iter().map(|(_, info)| info).collect())
    }

    fn certificates(&self, token: &TokenSerial) -> Result<Vec<StoredCertificate>, TokenError> {
        let _one = self.exclusive();
        let session = self.module.open_ro_session(self.slot(token)?).map_err(|e| self.explain(token, e))?;
        stored_certificates(&session).map_err(|e| self.explain(token, e))
    }

    fn init(
        &self,
        target: &InitTarget,
        label: &TokenLabel,
        so_pin: &Pin,
        user_pin: &Pin,
    ) -> Result<TokenInfo, TokenError> {
        let _one = self.exclusive();
        let before = self.listed()?;
        let (slot, serial) = match target {
            InitTarget::Blank => before
                .iter()
                .find(|(slot, _)| self.module.get_token_info(*slot).is_ok_and(|told| !told.token_initialized()))
                .map(|(slot, info)| (*slot, info.serial.clone()))
                .ok_or(TokenError::NotReady("no blank token is plugged in"))?,
            InitTarget::Erase(serial) => (self.slot(serial)?, serial.clone()),
        };
        self.module.init_token(slot, &auth(so_pin), label.as_str()).map_err(|e| self.explain_login(&serial, e))?;

        let known: Vec<&TokenSerial> =
            before.iter().map(|(_, info)| &info.serial).filter(|known| **known != serial).collect();
        let made = self
            .listed()?
            .into_iter()
            .map(|(_, info)| info)
            .find(|info| info.label == label.as_str() && !known.contains(&&info.serial))
            .ok_or_else(|| TokenError::Broken("the token is gone after it was initialised".into()))?;
        let session = self.login(&made.serial, UserType::So, so_pin)?;
        session.init_pin(&auth(user_pin)).map_err(|e| self.explain(&made.serial, e))?;
        session.logout().map_err(|e| self.explain(&made.serial, e))?;
        Ok(self.info(self.slot(&made.serial)?))
    }

    fn open<'a>(&'a self, token: &TokenSerial, pin: &Pin) -> Result<Box<dyn Session + 'a>, TokenError> {
        let one = self.exclusive();
        let session = self.login(token, UserType::User, pin)?;
        Ok(Box::new(Pkcs11Session { driver: self, serial: token.clone(), session, _one: one }))
    }

    fn change_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        let _one = self.exclusive();
        let session = self.login(token, UserType::User, old)?;
        let outcome = session.set_pin(&auth(old), &auth(new)).map_err(|e| self.explain(token, e));
        if let Err(error) = session.logout() {
            tracing::debug!(%token, %error, "Logout failed");
        }
        outcome
    }

    fn change_admin_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        let _one = self.exclusive();
        let session = self.login(token, UserType::So, old).map_err(TokenError::of_admin)?;
        let outcome = session.set_pin(&auth(old), &auth(new)).map_err(|e| self.explain(token, e));
        if let Err(error) = session.logout() {
            tracing::debug!(%token, %error, "Logout failed");
        }
        outcome
    }

    fn unblock(&self, token: &TokenSerial, admin: &Pin, new: &Pin) -> Result<(), TokenError> {
        let _one = self.exclusive();
        let session = self.login(token, UserType::So, admin).map_err(TokenError::of_admin)?;
        let outcome = session.init_pin(&auth(new)).map_err(|e| self.explain(token, e));
        if let Err(error) = session.logout() {
            tracing::debug!(%token, %error, "Logout failed");
        }
        outcome
    }
}

struct Pkcs11Session<'a> {
    driver: &'a Pkcs11,
    serial: TokenSerial,
    session: RawSession,
    /// Dropped last: the lock outlives the login.
    _one: MutexGuard<'a, ()>,
}

impl Drop for Pkcs11Session<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.session.logout() {
            // The token may have been pulled out; then there is no login left.
            tracing::debug!(token = %self.serial, %error, "Logout failed");
        }
    }
}

impl Pkcs11Session<'_> {
    fn told<T>(&self, outcome: Result<T, Error>) -> Result<T, TokenError> {
        outcome.map_err(|e| self.driver.explain(&self.serial, e))
    }

    /// The public half of the private key with this id and label.
    fn public(&self, id: &[u8], label: &[u8]) -> Result<Option<(Option<ObjectHandle>, PublicKey)>, Error> {
        let by = if id.is_empty() { Attribute::Label(label.to_vec()) } else { Attribute::Id(id.to_vec()) };
        for handle in self.session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), by])? {
            if let Some(public) = public_key(&self.session, handle)? {
                return Ok(Some((Some(handle), public)));
            }
        }
        let certificates = stored_certificates(&self.session)?;
        let of_certificate = certificates
            .iter()
            .filter(|certificate| !id.is_empty() && certificate.id.0 == id)
            .find_map(|certificate| PublicKey::of_certificate(&certificate.der).ok());
        Ok(of_certificate.map(|public| (None, public)))
    }

    fn private(&self, key: &KeyId) -> Result<ObjectHandle, TokenError> {
        let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(key.0.clone())];
        let handles = self.told(self.session.find_objects(&template))?;
        handles.first().copied().ok_or_else(|| TokenError::NoKey(key.clone()))
    }

    fn name(&self, id: &KeyId, handles: &[ObjectHandle]) -> Result<(), TokenError> {
        for handle in handles {
            self.told(self.session.update_attributes(*handle, &[Attribute::Id(id.0.clone())]))?;
        }
        Ok(())
    }
}

impl Session for Pkcs11Session<'_> {
    fn keys(&mut self) -> Result<Vec<TokenKey>, TokenError> {
        let mut keys = Vec::new();
        for handle in self.told(self.session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]))? {
            let (id, label) = self.told(id_and_label(&self.session, handle))?;
            let Some((public_handle, public)) = self.told(self.public(&id, &label))? else { continue };
            let mut key_id = KeyId(id);
            if key_id.0.is_empty() {
                // A crash fell between making the key and naming it.
                key_id = public.id();
                let handles: Vec<ObjectHandle> = public_handle.into_iter().chain([handle]).collect();
                self.name(&key_id, &handles)?;
            }
            keys.push(TokenKey { id: key_id, label: text(&label), public });
        }
        Ok(keys)
    }

    fn generate(&mut self, algorithm: KeyKind, label: &str, allowed: KeyUse) -> Result<TokenKey, TokenError> {
        let label_bytes = label.as_bytes().to_vec();
        let opens = allowed == KeyUse::SignAndOpen;
        let mut public = vec![
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::Label(label_bytes.clone()),
        ];
        let mechanism = match algorithm {
            KeyKind::P256 => {
                public.push(Attribute::EcParams(P256_PARAMS.to_vec()));
                Mechanism::EccKeyPairGen
            }
            KeyKind::Rsa2048 => {
                public.push(Attribute::ModulusBits(2048.into()));
                public.push(Attribute::PublicExponent(vec![1, 0, 1]));
                Mechanism::RsaPkcsKeyPairGen
            }
            KeyKind::P384 | KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::Sm2 => {
                return Err(TokenError::Kind(algorithm));
            }
        };
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Decrypt(opens && algorithm == KeyKind::Rsa2048),
            Attribute::Unwrap(false),
            Attribute::Derive(opens && algorithm == KeyKind::P256),
            Attribute::Label(label_bytes),
        ];
        let (public_handle, private_handle) =
            self.told(self.session.generate_key_pair(&mechanism, &public, &private))?;
        let public = self
            .told(public_key(&self.session, public_handle))?
            .ok_or_else(|| TokenError::Broken("the token made a key that cannot be read".into()))?;
        let id = public.id();
        self.name(&id, &[public_handle, private_handle])?;
        Ok(TokenKey { id, label: label.to_owned(), public })
    }

    fn sign(&mut self, key: &KeyId, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let handle = self.private(key)?;
        let kind = self.told(self.session.get_attributes(handle, &[AttributeType::KeyType]))?;
        if kind.contains(&Attribute::KeyType(KeyType::RSA)) {
            return self.told(self.session.sign(&Mechanism::Sha256RsaPkcs, handle, message));
        }
        let digest = openssl::sha::sha256(message);
        let raw = self.told(self.session.sign(&Mechanism::Ecdsa, handle, &digest))?;
        ecdsa_der(&raw).ok_or_else(|| TokenError::Broken("the token gave a signature of a strange form".into()))
    }

    fn perform(&mut self, key: &KeyId, operation: PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let handle = self.private(key)?;
        match operation {
            PrivateOperation::RsaOaep(encrypted) => self.told(encryption::decrypt(&self.session, handle, encrypted)),
            PrivateOperation::Ecdh(point) => self
                .told(encryption::agree(&self.session, handle, point))?
                .ok_or_else(|| TokenError::Broken("the token does not tell the secret that it agreed on".into())),
            PrivateOperation::Sm2Decrypt(_) => Err(TokenError::Broken("PKCS#11 has no SM2".into())),
        }
    }

    fn import(&mut self, key: &EncryptionKey, label: &str) -> Result<TokenKey, TokenError> {
        let public = PublicKey::from_spki(key.spki_der()).map_err(|e| TokenError::Broken(e.to_string()))?;
        let id = public.id();
        let mut pair = encryption::objects(key, &id, label).map_err(|e| TokenError::Broken(e.to_string()))?;
        // The public half first: a private key that is there is whole.
        for (class, object) in
            [(ObjectClass::PUBLIC_KEY, &mut pair.public), (ObjectClass::PRIVATE_KEY, &mut pair.private)]
        {
            let there =
                self.told(self.session.find_objects(&[Attribute::Class(class), Attribute::Id(id.0.clone())]))?;
            if there.is_empty() {
                self.told(self.session.create_object(object))?;
            }
        }
        Ok(TokenKey { id, label: label.to_owned(), public })
    }

    fn remove(&mut self, key: &KeyId) -> Result<(), TokenError> {
        // The private key last: while it is there, the leftovers are found by it.
        for class in [ObjectClass::CERTIFICATE, ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY] {
            let template = [Attribute::Class(class), Attribute::Id(key.0.clone())];
            for handle in self.told(self.session.find_objects(&template))? {
                self.told(self.session.destroy_object(handle))?;
            }
        }
        Ok(())
    }

    fn certificates(&mut self) -> Result<Vec<StoredCertificate>, TokenError> {
        self.told(stored_certificates(&self.session))
    }

    fn store(&mut self, certificate: &StoredCertificate) -> Result<(), TokenError> {
        let there = self.told(stored_certificates(&self.session))?;
        if there.iter().any(|c| c.id == certificate.id && c.der == certificate.der) {
            return Ok(());
        }
        let template = certificate_object(certificate)
            .map_err(|e| TokenError::Broken(format!("the certificate cannot be read: {e}")))?;
        self.told(self.session.create_object(&template)).map(|_| ())
    }
}

fn initialise(module: &Module) -> Result<(), Error> {
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
}

fn auth(pin: &Pin) -> AuthPin {
    AuthPin::new(pin.expose().into())
}
