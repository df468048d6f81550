//! Keys in a PKCS#11 module: an HSM, or SoftHSM2 in tests.
//!
//! For: CA and responder keys that must not be copied. Trusts the module with the PIN and the key. Digests are
//! computed here and the module signs them, so CRLs of any size stream. ECDSA comes from modules as r‖s and
//! becomes DER here and nowhere else. Never tries a PIN again that was wrong: three tries lock many tokens.
//!
//! Sessions are pooled, because a session does one thing at a time. Login counts for the whole program; a
//! module that was restarted, or another part of the program that logged out, costs one silent retry.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::{RawAuthPin, Ulong};
use openssl::bn::BigNum;
use openssl::hash::{Hasher, hash};
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::{Passphrase, SignError, Signer, StreamSigner};
use crate::keys::{KeyKind, SignatureAlgorithm, good_key, oid};
use crate::tlv::{self, tag};

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

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignError> {
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
        self.sign_digest(&digest)
    }

    fn begin(&self) -> Result<Box<dyn StreamSigner + '_>, SignError> {
        let hasher = Hasher::new(self.algorithm().digest()).map_err(openssl_failed)?;
        Ok(Box::new(Stream { key: self, hasher }))
    }
}

struct Stream<'a> {
    key: &'a Pkcs11Key,
    hasher: Hasher,
}

impl StreamSigner for Stream<'_> {
    fn update(&mut self, piece: &[u8]) -> Result<(), SignError> {
        self.hasher.update(piece).map_err(openssl_failed)
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<u8>, SignError> {
        let digest = self.hasher.finish().map_err(openssl_failed)?;
        self.key.sign_digest(&digest)
    }
}

/// Loads the module, or shares it if this program has initialised it before.
fn load(location: &Location) -> Result<Pkcs11, SignError> {
    let unusable = |error: Error| SignError::Unusable(format!("{}: {error}", location.module.display()));
    let module = Pkcs11::new(&location.module).map_err(unusable)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(unusable(error)),
    }
}

/// Slots are looked up anew each time: their numbers change when tokens are initialised.
fn slot(module: &Pkcs11, label: &str) -> Result<Slot, SignError> {
    let slots = module.get_slots_with_token().map_err(explain)?;
    // A token that cannot describe itself (opencryptoki's clock) cannot be ours.
    let called = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == label);
    match slots.into_iter().filter(called).collect::<Vec<_>>()[..] {
        [slot] => Ok(slot),
        [] => Err(SignError::KeyMissing),
        _ => Err(SignError::Unusable(format!("several tokens are called {label}"))),
    }
}

fn log_in(session: &Session, pin: &Passphrase) -> Result<(), SignError> {
    match session.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.expose().to_vec()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(explain(error)),
    }
}

/// What an error of the module means for whoever wants a signature.
#[expect(clippy::needless_pass_by_value, reason = "it is the function of map_err")]
fn explain(error: Error) -> SignError {
    match &error {
        Error::Pkcs11(
            RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::DeviceRemoved
            | RvError::FunctionFailed
            | RvError::GeneralError
            | RvError::HostMemory
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::OperationActive
            | RvError::SessionClosed
            | RvError::SessionCount
            | RvError::SessionHandleInvalid
            | RvError::TokenNotPresent
            | RvError::UserNotLoggedIn,
            function,
        ) => SignError::Retry(format!("{function:?}: {error}")),
        _ => SignError::Unusable(error.to_string()),
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

/// The SubjectPublicKeyInfo of the public key object with this label.
fn public_half(session: &Session, label: &str) -> Result<Vec<u8>, SignError> {
    let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(label.as_bytes().to_vec())];
    let [object] = session.find_objects(&template).map_err(explain)?[..] else {
        return Err(SignError::Unusable(format!("there is not exactly one public key called {label}")));
    };
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None);
    let mut key_type = None;
    for attribute in session.get_attributes(object, &wanted).map_err(explain)? {
        match attribute {
            Attribute::KeyType(kind) => key_type = Some(kind),
            Attribute::EcParams(der) => curve = Some(der),
            Attribute::EcPoint(der) => point = Some(der),
            Attribute::Modulus(number) => modulus = Some(number),
            Attribute::PublicExponent(number) => exponent = Some(number),
            _ => {}
        }
    }
    let spki = match (key_type, curve, point, modulus, exponent) {
        (Some(KeyType::EC), Some(curve), Some(point), ..) => ec_spki(&curve, &point),
        (Some(KeyType::RSA), _, _, Some(modulus), Some(exponent)) => rsa_spki(&modulus, &exponent),
        _ => None,
    };
    spki.ok_or_else(|| SignError::Unusable(format!("the public key {label} cannot be read")))
}

/// CKA_EC_PARAMS is the DER of the curve's OID, CKA_EC_POINT a DER OCTET STRING around the point.
fn ec_spki(curve: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let curve = tlv::single(curve, tag::OID).ok()?.whole;
    let point = tlv::single(point, tag::OCTET_STRING).ok()?.content;
    let algorithm = tlv::write(tag::SEQUENCE, &[&tlv::write(tag::OID, &[oid::EC.as_bytes()])[..], curve]);
    Some(tlv::write(tag::SEQUENCE, &[algorithm, tlv::write(tag::BIT_STRING, &[&[0][..], point])]))
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let (n, e) = (BigNum::from_slice(modulus).ok()?, BigNum::from_slice(exponent).ok()?);
    Rsa::from_public_components(n, e).and_then(PKey::from_rsa).and_then(|key| key.public_key_to_der()).ok()
}

fn curve(name: const_oid::ObjectIdentifier) -> Vec<Attribute> {
    vec![Attribute::EcParams(tlv::write(tag::OID, &[name.as_bytes()]))]
}

fn modulus(bits: usize) -> Vec<Attribute> {
    let bits = Ulong::try_from(bits).expect("a key size fits into 32 bits");
    vec![Attribute::ModulusBits(bits), Attribute::PublicExponent(vec![1, 0, 1])]
}

/// DigestInfo (RFC 8017 §9.2), what CKM_RSA_PKCS pads and signs.
fn digest_info(algorithm: SignatureAlgorithm, digest: &[u8]) -> Vec<u8> {
    let name = tlv::write(tag::OID, &[algorithm.digest_oid().as_bytes()]);
    let identifier = tlv::write(tag::SEQUENCE, &[&name[..], &[tag::NULL, 0]]);
    tlv::write(tag::SEQUENCE, &[identifier, tlv::write(tag::OCTET_STRING, &[digest])])
}

/// r‖s, both of the same length, as DER.
fn ecdsa_der(raw: &[u8]) -> Result<Vec<u8>, SignError> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(SignError::Unusable("the module's signature is not r and s".into()));
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    Ok(tlv::write(tag::SEQUENCE, &[tlv::positive_integer(r), tlv::positive_integer(s)]))
}

#[cfg(test)]
#[path = "pkcs11_tests.rs"]
mod tests;
