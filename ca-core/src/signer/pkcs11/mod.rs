//! Keys in a PKCS#11 module: an HSM, or SoftHSM2 in tests.
//!
//! For: CA and responder keys that must not be copied. Trusts the module with the PIN and the key. Digests are
//! computed here and the module signs them, so CRLs of any size stream. ECDSA comes from modules as r‖s and
//! becomes DER here and nowhere else. Never tries a PIN again that was wrong: three tries lock many tokens.
//!
//! Sessions are pooled, because a session does one thing at a time. Login counts for the whole program; a
//! module that was restarted, or another part of the program that logged out, costs one silent retry.

mod form;
mod module;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use openssl::hash::hash;

use self::form::{curve, digest_info, ecdsa_der, modulus, public_half};
use self::module::{explain, load, log_in, slot};
use super::{Passphrase, SignError, Signer};
use crate::keys::{KeyKind, SignatureAlgorithm, good_key, oid};

/// How long a signature waits for a free session before it says [`SignError::Retry`].
const WAIT: Duration = Duration::from_secs(10);

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The module's shared library. An attacker who can change this file or path has the PIN.
    pub module: PathBuf,
    /// CKA_LABEL of the token.
    pub token: String,
    /// CKA_LABEL of both halves of the key.
    pub key: String,
    /// The most sessions to keep open, 1 to 64: that many signatures at once.
    pub sessions: usize,
}

/// A private key in a module. No Debug; the PIN is overwritten when it is dropped.
pub struct Pkcs11Key {
    module: Pkcs11,
    location: Location,
    pin: Passphrase,
    pin_was_wrong: AtomicBool,
    pool: Mutex<Pool>,
    returned: Condvar,
    kind: KeyKind,
    spki: Vec<u8>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Open>,
    open: usize,
}

/// A session that is logged in, with the key's handle in it.
struct Open {
    session: Session,
    key: ObjectHandle,
}

impl Pkcs11Key {
    /// Finds a key.
    ///
    /// # Errors
    /// [`SignError::KeyMissing`] if token or key are not there, [`SignError::Unusable`] if the module, the PIN
    /// or the key are not fit.
    pub fn open(location: Location, pin: Passphrase) -> Result<Self, SignError> {
        if !(1..=64).contains(&location.sessions) {
            return Err(SignError::Unusable("sessions must be 1 to 64".into()));
        }
        let module = load(&location)?;
        let mut key = Self {
            module,
            location,
            pin,
            pin_was_wrong: AtomicBool::new(false),
            pool: Mutex::default(),
            returned: Condvar::new(),
            kind: KeyKind::P256,
            spki: Vec::new(),
        };
        let spki = public_half(&key.lease()?.open()?.session, &key.location.key)?;
        key.kind = good_key::check(&spki).map_err(|error| SignError::Unusable(error.to_string()))?;
        if key.kind == KeyKind::Sm2 {
            return Err(no_sm2());
        }
        key.spki = spki;
        Ok(key)
    }

    /// Makes a key pair in the token, not extractable, and opens it.
    ///
    /// # Errors
    /// [`SignError::Unusable`] if a key of this label is there already, or the token cannot make it.
    pub fn generate(location: Location, pin: Passphrase, kind: KeyKind) -> Result<Self, SignError> {
        let module = load(&location)?;
        {
            let session = module.open_rw_session(slot(&module, &location.token)?).map_err(explain)?;
            log_in(&session, &pin)?;
            let label = || Attribute::Label(location.key.as_bytes().to_vec());
            if !session.find_objects(&[label()]).map_err(explain)?.is_empty() {
                return Err(SignError::Unusable(format!("there is a {} already", location.key)));
            }
            let id = Attribute::Id(location.key.as_bytes().to_vec());
            let (mechanism, parameters) = match kind {
                KeyKind::P256 => (Mechanism::EccKeyPairGen, curve(oid::P256)),
                KeyKind::P384 => (Mechanism::EccKeyPairGen, curve(oid::P384)),
                KeyKind::Rsa2048 => (Mechanism::RsaPkcsKeyPairGen, modulus(2048)),
                KeyKind::Rsa3072 => (Mechanism::RsaPkcsKeyPairGen, modulus(3072)),
                KeyKind::Rsa4096 => (Mechanism::RsaPkcsKeyPairGen, modulus(4096)),
                KeyKind::Sm2 => return Err(no_sm2()),
            };
            let mut public = vec![Attribute::Token(true), Attribute::Verify(true), label(), id.clone()];
            public.extend(parameters);
            let private = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                label(),
                id,
            ];
            session.generate_key_pair(&mechanism, &public, &private).map_err(explain)?;
        }
        Self::open(location, pin)
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle session, or the right to open one; waits while all are busy.
    fn lease(&self) -> Result<Lease<'_>, SignError> {
        let (mut pool, waited) = self
            .returned
            .wait_timeout_while(self.pool(), WAIT, |pool| pool.idle.is_empty() && pool.open >= self.location.sessions)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(SignError::Retry("all sessions are busy".into()));
        }
        if let Some(open) = pool.idle.pop() {
            return Ok(Lease { key: self, open: Some(open) });
        }
        pool.open += 1;
        Ok(Lease { key: self, open: None })
    }

    fn connect(&self) -> Result<Open, SignError> {
        if self.pin_was_wrong.load(Ordering::SeqCst) {
            return Err(SignError::Unusable("the PIN was wrong; it is not tried again".into()));
        }
        let slot = slot(&self.module, &self.location.token)?;
        let session = self.module.open_ro_session(slot).map_err(explain)?;
        if let Err(error) = log_in(&session, &self.pin) {
            self.pin_was_wrong.fetch_or(matches!(error, SignError::Unusable(_)), Ordering::SeqCst);
            return Err(error);
        }
        let template =
            [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(self.location.key.as_bytes().to_vec())];
        match session.find_objects(&template).map_err(explain)?[..] {
            [key] => Ok(Open { session, key }),
            [] => Err(SignError::KeyMissing),
            _ => Err(SignError::Unusable(format!("several keys are called {}", self.location.key))),
        }
    }

    fn sign_hash(&self, digest: &[u8]) -> Result<Vec<u8>, SignError> {
        let (mechanism, input) = if self.algorithm().is_ecdsa() {
            (Mechanism::Ecdsa, digest.to_vec())
        } else {
            (Mechanism::RsaPkcs, digest_info(self.algorithm(), digest))
        };
        let mut last = None;
        for _ in 0..2 {
            let mut lease = self.lease()?;
            let open = lease.open()?;
            match open.session.sign(&mechanism, open.key, &input) {
                Ok(signature) if self.algorithm().is_ecdsa() => return ecdsa_der(&signature),
                Ok(signature) => return Ok(signature),
                // The login or the session is gone, and with it those of all other sessions.
                Err(error) => {
                    lease.lose();
                    self.forget_idle();
                    last = Some(explain(error));
                }
            }
        }
        Err(last.unwrap_or_else(|| SignError::Retry("the session was lost".into())))
    }

    fn forget_idle(&self) {
        let mut pool = self.pool();
        pool.open -= pool.idle.len();
        pool.idle.clear();
    }
}

/// One place in the pool; goes back when dropped, with its session if that is sound.
struct Lease<'a> {
    key: &'a Pkcs11Key,
    open: Option<Open>,
}

impl Lease<'_> {
    fn open(&mut self) -> Result<&Open, SignError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.key.connect()?,
        };
        Ok(self.open.insert(open))
    }

    fn lose(&mut self) {
        self.open = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.key.pool();
        match self.open.take() {
            Some(open) => pool.idle.push(open),
            None => pool.open -= 1,
        }
        self.key.returned.notify_one();
    }
}

impl Signer for Pkcs11Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.kind.signature_algorithm()
    }

    fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let digest = hash(self.algorithm().digest(), message).map_err(openssl_failed)?;
        self.sign_hash(&digest)
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_hash(digest)
    }
}

/// PKCS#11 3.1 names no mechanism for SM2 signatures, and vendors' own numbers differ. SoftHSM2 would make a key
/// on the curve and then sign ECDSA with it.
fn no_sm2() -> SignError {
    SignError::Unusable("PKCS#11 modules have no SM2 mechanism: an SM2 key must be a sealed file".into())
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function of map_err")]
fn openssl_failed(error: openssl::error::ErrorStack) -> SignError {
    SignError::Unusable(error.to_string())
}

#[cfg(test)]
mod tests;
