//! Where keys are, and opening them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::keys::{KeyKind, Sm2Id};
#[cfg(feature = "pkcs11")]
use crate::signer::pkcs11::{Location, Pkcs11Key};
use crate::signer::soft::{SealError, SoftKey};
use crate::signer::{Passphrase, SignError, Signer, probe};

/// Where keys are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Folder of the sealed files. Whoever has them and the passphrases has the keys.
    pub dir: PathBuf,
    /// File with the passphrase of the issuing CAs' keys and of the audit key.
    pub passphrase_file: PathBuf,
    /// File with the passphrase of the responders' keys, which their process knows too.
    pub responder_passphrase_file: PathBuf,
    /// The module of keys that are named `pkcs11:LABEL`.
    #[serde(default)]
    pub pkcs11: Option<Pkcs11>,
}

/// A PKCS#11 module.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The shared library.
    pub module: PathBuf,
    /// Label of the token in it.
    pub token: String,
    /// File with its user PIN.
    pub pin_file: PathBuf,
    /// Signatures at once, 1 to 64.
    #[serde(default = "sessions")]
    pub sessions: usize,
}

const fn sessions() -> usize {
    8
}

/// Why a key cannot be opened. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The passphrase file.
    #[error("passphrase file: {0}")]
    Passphrase(#[from] std::io::Error),
    /// The sealed file.
    #[error("key {key}: {error}")]
    Sealed {
        /// Which.
        key: String,
        /// Why.
        error: SealError,
    },
    /// The key does not sign.
    #[error("key {key}: {error}")]
    Signs {
        /// Which.
        key: String,
        /// Why.
        error: SignError,
    },
    /// Not `file:NAME` or `pkcs11:LABEL`, or `pkcs11:` without a module in the configuration.
    #[error("key {0} is not reachable by this configuration")]
    Unreachable(String),
}

impl Keys {
    /// Opens the key that a ceremony recorded as `file:NAME` or `pkcs11:LABEL`, and signs something with it. An SM2
    /// key signs under `sm2_id`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(&self, key: &str, passphrase: &Passphrase, sm2_id: &Sm2Id) -> Result<Arc<dyn Signer>, KeyError> {
        let signer: Arc<dyn Signer> = if let Some(name) = key.strip_prefix("file:") {
            Arc::new(self.sealed(name, passphrase)?.with_sm2_id(sm2_id.clone()))
        } else if let Some(label) = key.strip_prefix("pkcs11:") {
            self.in_module(key, label)?
        } else {
            return Err(KeyError::Unreachable(key.to_owned()));
        };
        probe(&*signer).map_err(|error| KeyError::Signs { key: key.to_owned(), error })?;
        Ok(signer)
    }

    /// The path of a sealed file.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(Path::new(name).file_name().unwrap_or_default())
    }

    fn sealed(&self, name: &str, passphrase: &Passphrase) -> Result<SoftKey, KeyError> {
        SoftKey::open(&self.path(name), passphrase).map_err(|error| KeyError::Sealed { key: name.to_owned(), error })
    }

    #[cfg(feature = "pkcs11")]
    fn in_module(&self, key: &str, label: &str) -> Result<Arc<dyn Signer>, KeyError> {
        let (location, pin) = self.location(key, label)?;
        let opened = Pkcs11Key::open(location, pin);
        Ok(Arc::new(opened.map_err(|error| KeyError::Signs { key: key.to_owned(), error })?))
    }

    /// Makes a key in the module, which never leaves it.
    ///
    /// # Errors
    /// [`KeyError::Signs`] if there is one of this label already, or the module cannot make it.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn generate_in_module(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn Signer>, KeyError> {
        let (location, pin) = self.location(label, label)?;
        let made = Pkcs11Key::generate(location, pin, kind);
        Ok(Arc::new(made.map_err(|error| KeyError::Signs { key: label.to_owned(), error })?))
    }

    #[cfg(feature = "pkcs11")]
    fn location(&self, key: &str, label: &str) -> Result<(Location, Passphrase), KeyError> {
        let module = self.pkcs11.as_ref().ok_or_else(|| KeyError::Unreachable(key.to_owned()))?;
        let location = Location {
            module: module.module.clone(),
            token: module.token.clone(),
            key: label.to_owned(),
            sessions: module.sessions,
        };
        Ok((location, Passphrase::from_file(&module.pin_file)?))
    }

    #[cfg(not(feature = "pkcs11"))]
    fn in_module(&self, key: &str, _: &str) -> Result<Arc<dyn Signer>, KeyError> {
        Err(KeyError::Unreachable(key.to_owned()))
    }

    #[cfg(not(feature = "pkcs11"))]
    pub(crate) fn generate_in_module(&self, label: &str, _: KeyKind) -> Result<Arc<dyn Signer>, KeyError> {
        Err(KeyError::Unreachable(label.to_owned()))
    }
}
