//! The evidence folder: scans by the SHA-256 of their plain bytes, each sealed.
//!
//! The name in an order is the hash, so who changes a file is found out; the folder's reader sees ciphertext.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca_core::domain::Sha256;
use openssl::sha::sha256;
use zeroize::Zeroizing;

use crate::Chance;
use crate::vault::{FieldKey, VaultError};

/// Scans on disk.
#[derive(Clone)]
pub struct Evidence {
    folder: Arc<Path>,
    key: Arc<FieldKey>,
    chance: Chance,
}

/// Why a scan cannot be kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder failed.
    #[error("the evidence folder: {0}")]
    Folder(#[from] std::io::Error),
    /// It does not open.
    #[error("a document of the evidence folder: {0}")]
    Vault(#[from] VaultError),
    /// It opens, but is another than its name says.
    #[error("document {0} of the evidence folder is another one")]
    Changed(Sha256),
}

impl Evidence {
    /// Scans in `folder`, sealed under `key`.
    #[must_use]
    pub fn new(folder: PathBuf, key: Arc<FieldKey>, chance: Chance) -> Self {
        Self { folder: folder.into(), key, chance }
    }

    /// Keeps a scan; the same one again is kept once.
    ///
    /// # Errors
    /// [`EvidenceError`]; then it was not kept.
    pub async fn keep(&self, plain: Vec<u8>) -> Result<Sha256, EvidenceError> {
        let this = self.clone();
        blocking(move || {
            let hash = Sha256(sha256(&plain));
            let path = this.path(hash);
            if path.exists() {
                return Ok(hash);
            }
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let sealed = this.key.seal(&hash.to_string(), &plain, &this.chance)?;
            ca_core::durable::replace(&path, &sealed, ca_core::durable::PRIVATE)?;
            Ok(hash)
        })
        .await
    }

    /// A scan's plain bytes.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub async fn show(&self, hash: Sha256) -> Result<Zeroizing<Vec<u8>>, EvidenceError> {
        let this = self.clone();
        blocking(move || {
            let plain = this.key.open(&hash.to_string(), &std::fs::read(this.path(hash))?)?;
            if sha256(&plain) == hash.0 { Ok(plain) } else { Err(EvidenceError::Changed(hash)) }
        })
        .await
    }

    fn path(&self, hash: Sha256) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(name)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EvidenceError> + Send + 'static,
) -> Result<T, EvidenceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| EvidenceError::Folder(std::io::Error::other(error)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance_from_seed;

    #[tokio::test]
    async fn a_scan_is_sealed_on_disk_and_a_changed_file_is_found_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = Arc::new(FieldKey::of([1; 32]));
        let evidence = Evidence::new(folder.path().to_owned(), key, chance_from_seed(1));
        let hash = evidence.keep(b"%PDF-1.7 licence %%EOF".to_vec()).await.expect("kept");
        assert_eq!(evidence.keep(b"%PDF-1.7 licence %%EOF".to_vec()).await.expect("kept"), hash);
        assert_eq!(evidence.show(hash).await.expect("shown").as_slice(), b"%PDF-1.7 licence %%EOF");

        let path = evidence.path(hash);
        let mut sealed = std::fs::read(&path).expect("a file");
        assert!(!sealed.windows(7).any(|w| w == b"licence"));
        sealed[20] ^= 1;
        std::fs::write(&path, sealed).expect("changed");
        assert!(evidence.show(hash).await.is_err());
    }
}
