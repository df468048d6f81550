//! Tokens, whatever they are made of.
//!
//! A [`TokenDriver`] finds tokens and opens one with its PIN; the [`Session`] that comes out makes keys, signs
//! and stores certificates. Signature keys are born inside and never leave; an encryption key comes in an envelope
//! that a signature key opens, and never leaves either. Two drivers: [`pkcs11`] for any
//! vendor's module, [`soft`] for a sealed file that demonstrates. Calls block: an async caller puts them on a
//! blocking thread. A driver never logs a PIN, and never tries one twice.

mod pin;
pub mod pkcs11;
mod public_key;
mod set;
pub mod soft;

use std::fmt;
use std::str::FromStr;

pub use pin::{INITIAL_PIN, MAX_CHARS, MIN_CHARS, Pin, PinRule};
pub use public_key::{PublicKey, PublicKeyError};
pub use set::{Drivers, Held};

use ca_core::domain::KeyKind;
use ca_core::envelope::{EncryptionKey, PrivateOperation};
use zeroize::Zeroizing;

/// The most bytes of a certificate that is written to or read from a token.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// Serial number of a token, as its module tells it: 1 to 64 printable ASCII characters without blanks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenSerial(String);

impl TokenSerial {
    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TokenSerial {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if good { Ok(Self(text.to_owned())) } else { Err(format!("{text:?} is not the serial number of a token")) }
    }
}

/// A name for a token, at most 32 bytes (CK_TOKEN_INFO.label; SKF_SetLabel).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLabel(String);

impl TokenLabel {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenLabel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = (1..=32).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control);
        if good { Ok(Self(text.to_owned())) } else { Err(format!("{text:?} is not a label of 1 to 32 bytes")) }
    }
}

/// How many wrong PINs a token still forgives, as far as it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// It tells the number.
    Left(u8),
    /// At least one wrong PIN since the last right one (CKF_USER_PIN_COUNT_LOW).
    Low,
    /// One wrong PIN more locks it (CKF_USER_PIN_FINAL_TRY).
    Final,
    /// No more; an office must unblock it.
    Locked,
    /// It does not tell.
    Unknown,
}

impl Tries {
    /// The number, where it is known.
    #[must_use]
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Left(n) => Some(n),
            Self::Final => Some(1),
            Self::Locked => Some(0),
            Self::Low | Self::Unknown => None,
        }
    }
}

/// A token that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its serial number; what everything else names it by.
    pub serial: TokenSerial,
    /// Its label; may be empty.
    pub label: String,
    /// Maker and model, for people.
    pub model: String,
    /// Whether it was initialised and has a user PIN.
    pub ready: bool,
    /// PIN tries.
    pub tries: Tries,
}

/// Names a key on a token: SHA-1 of its SubjectPublicKeyInfo (CKA_ID).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub Vec<u8>);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// A private key on a token, seen after the PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Names it on this token.
    pub id: KeyId,
    /// Its label; the provisioner writes there what the key is for.
    pub label: String,
    /// Its public half.
    pub public: PublicKey,
}

/// What a key that is born in a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Sign: an officer's key.
    Sign,
    /// Sign, and open the envelope of the encryption key that comes with its certificate: a unit's key.
    SignAndOpen,
}

/// A certificate on a token, seen without a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// CKA_ID of the object; of its key, where the writer kept the custom.
    pub id: KeyId,
    /// Its label.
    pub label: String,
    /// DER.
    pub der: Vec<u8>,
}

/// Which token is to be initialised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitTarget {
    /// A blank one; refused if none is there.
    Blank,
    /// This one, with all its keys and certificates erased. The SO PIN must be its present one.
    Erase(TokenSerial),
}

/// Why a token did not do it.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is not there, or no longer.
    #[error("the token {0} is not plugged in")]
    Removed(String),
    /// Wrong PIN. The person may try again while tries are left.
    #[error("wrong PIN")]
    WrongPin {
        /// Tries left after this one.
        tries: Tries,
    },
    /// The PIN is locked after too many wrong ones; an office must unblock it.
    #[error("the PIN is locked")]
    PinLocked,
    /// The admin PIN does not fit. Nobody typed it: the office keeps another one for this token.
    #[error("the admin PIN is refused")]
    AdminPin,
    /// The admin PIN is locked: nobody can unblock this token any more.
    #[error("the admin PIN is locked")]
    AdminLocked,
    /// The token's own rules refuse the new PIN.
    #[error("the token does not accept this new PIN")]
    PinRefused,
    /// No blank token to initialise, or the token is not initialised yet.
    #[error("{0}")]
    NotReady(&'static str),
    /// No private key for this id.
    #[error("the key {0} is not on the token")]
    NoKey(KeyId),
    /// The token is full.
    #[error("no room left on the token")]
    Full,
    /// The token does not make keys of this kind.
    #[error("the token does not make {0} keys")]
    Kind(KeyKind),
    /// The module, the reader or the file does not work; the text is for a log.
    #[error("{0}")]
    Broken(String),
}

impl TokenError {
    /// What the refusal of a PIN means when it was the admin PIN.
    #[must_use]
    fn of_admin(self) -> Self {
        match self {
            Self::WrongPin { .. } => Self::AdminPin,
            Self::PinLocked => Self::AdminLocked,
            other => other,
        }
    }
}

/// Finds tokens of one kind.
pub trait TokenDriver: Send + Sync {
    /// Names the driver and its module or folder, for people and logs.
    fn name(&self) -> String;

    /// Makes sure that the next look sees tokens that were plugged in since the last. Waits for an open session.
    ///
    /// # Errors
    /// [`TokenError::Broken`] when the module cannot be initialised again.
    fn look_again(&self) -> Result<(), TokenError> {
        Ok(())
    }

    /// The tokens plugged in now. May wait for an open session, so a thread that holds one must not ask.
    ///
    /// # Errors
    /// [`TokenError::Broken`] when the module or the folder cannot be read.
    fn tokens(&self) -> Result<Vec<TokenInfo>, TokenError>;

    /// Certificates on a token. Needs no PIN.
    ///
    /// # Errors
    /// [`TokenError::Removed`], [`TokenError::Broken`].
    fn certificates(&self, token: &TokenSerial) -> Result<Vec<StoredCertificate>, TokenError>;

    /// Formats a token: erases it, sets its label, SO PIN and user PIN.
    ///
    /// # Errors
    /// [`TokenError::NotReady`] without a fitting token, [`TokenError::WrongPin`] for a wrong SO PIN.
    fn init(
        &self,
        target: &InitTarget,
        label: &TokenLabel,
        so_pin: &Pin,
        user_pin: &Pin,
    ) -> Result<TokenInfo, TokenError>;

    /// Opens a token with its user PIN. One session of a driver at a time: a second call waits for the first
    /// session's end, so a thread that holds one must not ask for another.
    ///
    /// # Errors
    /// [`TokenError::WrongPin`], [`TokenError::PinLocked`], [`TokenError::Removed`], [`TokenError::Broken`].
    fn open<'a>(&'a self, token: &TokenSerial, pin: &Pin) -> Result<Box<dyn Session + 'a>, TokenError>;

    /// Changes the user PIN. The rules for the new one were checked by [`Pin::chosen`].
    ///
    /// # Errors
    /// As [`TokenDriver::open`], and [`TokenError::PinRefused`].
    fn change_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError>;

    /// Changes the admin PIN (SO PIN). Keys, certificates and user PIN stay.
    ///
    /// # Errors
    /// As [`TokenDriver::unblock`].
    fn change_admin_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError>;

    /// Sets a new user PIN by the admin PIN (SO PIN), locked or not. Keys and certificates stay.
    ///
    /// # Errors
    /// [`TokenError::AdminPin`], [`TokenError::AdminLocked`], [`TokenError::PinRefused`], [`TokenError::Removed`],
    /// [`TokenError::Broken`].
    fn unblock(&self, token: &TokenSerial, admin: &Pin, new: &Pin) -> Result<(), TokenError>;
}

/// An open token. Dropping it logs out.
pub trait Session {
    /// Private keys whose public half is on the token too.
    ///
    /// # Errors
    /// [`TokenError::Removed`], [`TokenError::Broken`].
    fn keys(&mut self) -> Result<Vec<TokenKey>, TokenError>;

    /// Makes a key pair: private, sensitive, never extractable, for this use only.
    ///
    /// # Errors
    /// [`TokenError::Kind`], [`TokenError::Full`], [`TokenError::Removed`], [`TokenError::Broken`].
    fn generate(&mut self, algorithm: KeyKind, label: &str, allowed: KeyUse) -> Result<TokenKey, TokenError>;

    /// Signs a message with the one algorithm of the key's kind ([`KeyKind::signature_algorithm`]): PKCS#1 v1.5 for
    /// RSA, a DER sequence of r and s for ECDSA and SM2, the latter under the standard id.
    ///
    /// # Errors
    /// [`TokenError::NoKey`], [`TokenError::Removed`], [`TokenError::Broken`].
    fn sign(&mut self, key: &KeyId, message: &[u8]) -> Result<Vec<u8>, TokenError>;

    /// Does the part of a private key in opening an envelope.
    ///
    /// # Errors
    /// [`TokenError::NoKey`], [`TokenError::Removed`]; [`TokenError::Broken`] also when the key may not do it, or the
    /// envelope is for another key.
    fn perform(&mut self, key: &KeyId, operation: PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, TokenError>;

    /// Puts an encryption key on the token: private, sensitive, never extractable, for decrypting only. One that is
    /// there already stays as it is.
    ///
    /// # Errors
    /// [`TokenError::Full`], [`TokenError::Removed`], [`TokenError::Broken`].
    fn import(&mut self, key: &EncryptionKey, label: &str) -> Result<TokenKey, TokenError>;

    /// Removes a key and the certificates under its id; what is not there is gone already.
    ///
    /// # Errors
    /// [`TokenError::Removed`], [`TokenError::Broken`].
    fn remove(&mut self, key: &KeyId) -> Result<(), TokenError>;

    /// Certificates on the token.
    ///
    /// # Errors
    /// [`TokenError::Removed`], [`TokenError::Broken`].
    fn certificates(&mut self) -> Result<Vec<StoredCertificate>, TokenError>;

    /// Writes a certificate beside those that are there; the same bytes under the same id are written once.
    ///
    /// # Errors
    /// [`TokenError::Full`], [`TokenError::Removed`], [`TokenError::Broken`].
    fn store(&mut self, certificate: &StoredCertificate) -> Result<(), TokenError>;
}
