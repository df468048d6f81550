//! The sealed file of a responder's key, looked at again whenever it changes.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ca_core::domain::Timestamp;
use ca_core::signer::soft::{SealError, SoftKey};
use ca_core::signer::{OcspKey, Passphrase, SignError};

use super::Issuer;
use super::delegate::Delegate;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// The passphrase cannot be read.
    #[error("the passphrase file: {0}")]
    Passphrase(std::io::Error),
    /// The file cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The opening was cut off.
    #[error("the key was not opened: {0}")]
    Join(#[from] tokio::task::JoinError),
}

/// Where a key is, and which file it came from.
pub(crate) struct KeyFile {
    path: PathBuf,
    passphrase_file: PathBuf,
    opened: Option<(SystemTime, u64, u64)>,
}

impl KeyFile {
    pub(crate) fn new(path: &Path, passphrase_file: &Path) -> Self {
        Self { path: path.to_owned(), passphrase_file: passphrase_file.to_owned(), opened: None }
    }

    /// Where the key's certificate is kept.
    pub(super) fn certificate(&self) -> PathBuf {
        self.path.with_extension("cer")
    }

    /// Until when the certificate that is kept beside the key lets it answer for this issuer.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) fn kept(&self, key: OcspKey, issuer: &Issuer, now: Timestamp) -> Result<Timestamp, String> {
        let kept = std::fs::read(self.certificate()).map_err(|error| error.to_string())?;
        let delegate = Delegate::new(key, kept, &issuer.certificate, &issuer.key, now);
        delegate.map(|delegate| delegate.not_after).map_err(|error| error.to_string())
    }

    /// Whether another file stands there than the one that was opened last.
    pub(super) fn has_changed(&self) -> bool {
        let now = stamp(&self.path);
        now.is_some() && now != self.opened
    }

    /// Opens the key and tries it.
    ///
    /// # Errors
    /// [`KeyFileError`]; the file is not looked at again until it changes.
    pub(crate) async fn open(&mut self) -> Result<OcspKey, KeyFileError> {
        self.opened = stamp(&self.path);
        let (path, passphrase_file) = (self.path.clone(), self.passphrase_file.clone());
        // Opening is slow by design: the passphrase is hashed with much memory.
        let key = tokio::task::spawn_blocking(move || {
            let passphrase = Passphrase::from_file(&passphrase_file).map_err(KeyFileError::Passphrase)?;
            let key = OcspKey::new(Arc::new(SoftKey::open(&path, &passphrase)?));
            key.probe()?;
            Ok(key)
        });
        key.await?
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}
