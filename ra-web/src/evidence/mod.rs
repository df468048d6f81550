//! Evidence: scans by the SHA-256 of their plain bytes, each sealed, in a folder or a bucket.
//!
//! For: the documents of cases. The name in an order is the hash, so who changes a file is found out; who reads the
//! store sees ciphertext. What comes in is looked at and stripped first ([`scan`]); what is looked at is drawn here
//! ([`preview`]), a few at a time, so that no upload can take the whole machine.

pub mod preview;
pub mod scan;
pub mod store;

mod pdf;

use std::sync::Arc;
use std::time::Duration;

use ca_core::domain::Sha256;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use openssl::sha::sha256;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::preview::Size;
use self::scan::Scan;
use crate::Chance;
use crate::enrolment::document::{DocumentError, Media};
use crate::vault::{FieldKey, VaultError};

/// So many scans are looked at or drawn at a time; each takes at most some hundreds of megabytes.
const AT_ONCE: usize = 2;
/// How long one may wait for its turn.
const TURN: Duration = Duration::from_secs(15);
/// How long the person waits for one. What takes longer ends in its own time and keeps its place till then.
const PATIENCE: Duration = Duration::from_secs(25);

/// Scans in a store.
#[derive(Clone)]
pub struct Evidence {
    store: Arc<dyn ObjectStore>,
    key: Arc<FieldKey>,
    chance: Chance,
    turns: Arc<Semaphore>,
}

/// Why a scan cannot be kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The store failed.
    #[error("the store of the evidence: {0}")]
    Store(#[from] object_store::Error),
    /// It does not open.
    #[error("a document of the evidence: {0}")]
    Vault(#[from] VaultError),
    /// It opens, but is another than its name says.
    #[error("document {0} of the evidence is another one")]
    Changed(Sha256),
    /// Others are being drawn, or this one takes too long.
    #[error("no scan can be drawn in time now")]
    Busy,
    /// It cannot be drawn.
    #[error("document {0} of the evidence cannot be drawn")]
    NoPicture(Sha256),
}

impl Evidence {
    /// Scans in a store, sealed under `key`.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, key: Arc<FieldKey>, chance: Chance) -> Self {
        Self { store, key, chance, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Looks at an upload: what it is, whether it is whole and harmless; answers it without its metadata.
    ///
    /// # Errors
    /// [`EvidenceError::Busy`].
    pub async fn look(&self, bytes: Vec<u8>) -> Result<Result<Scan, DocumentError>, EvidenceError> {
        // A file that makes a decoder panic is a damaged one.
        let looked = self.in_turn(move || scan::clean(&bytes)).await?;
        Ok(looked.unwrap_or(Err(DocumentError::Damaged)))
    }

    /// Keeps a scan; the same one again is kept once.
    ///
    /// # Errors
    /// [`EvidenceError`]; then it was not kept.
    pub async fn keep(&self, plain: &[u8]) -> Result<Sha256, EvidenceError> {
        let hash = Sha256(sha256(plain));
        match self.store.head(&path(hash)).await {
            Ok(_) => return Ok(hash),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let sealed = self.key.seal(&hash.to_string(), plain, &self.chance)?;
        self.store.put(&path(hash), sealed.into()).await?;
        Ok(hash)
    }

    /// A scan's plain bytes.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub async fn show(&self, hash: Sha256) -> Result<Zeroizing<Vec<u8>>, EvidenceError> {
        let sealed = self.store.get(&path(hash)).await?.bytes().await?;
        let plain = self.key.open(&hash.to_string(), &sealed)?;
        if sha256(&plain) == hash.0 { Ok(plain) } else { Err(EvidenceError::Changed(hash)) }
    }

    /// A page of a scan as PNG.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub async fn draw(&self, hash: Sha256, media: Media, page: usize, size: Size) -> Result<Vec<u8>, EvidenceError> {
        let plain = self.show(hash).await?;
        let drawn = self.in_turn(move || preview::draw(media, &plain, page, size)).await?;
        drawn.flatten().ok_or(EvidenceError::NoPicture(hash))
    }

    /// Removes a scan; one that is not there is removed already. Only [`crate::enrolment::retention`] may call it.
    pub(crate) async fn remove(&self, hash: Sha256) -> Result<(), EvidenceError> {
        match self.store.delete(&path(hash)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs heavy work when it is its turn; `None` when it panicked.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, EvidenceError> {
        let turn = tokio::time::timeout(TURN, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| EvidenceError::Busy)?.map_err(|_| EvidenceError::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        Ok(tokio::time::timeout(PATIENCE, task).await.map_err(|_| EvidenceError::Busy)?.ok())
    }
}

fn path(hash: Sha256) -> Path {
    let name = hash.to_string();
    Path::from_iter([&name[..2], &name])
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chance_from_seed;

    /// A photograph by a telephone held upright, with where it was taken.
    pub(crate) const PHONE: &[u8] = include_bytes!("fixtures/phone.jpg");
    /// A picture without anything told of it.
    pub(crate) const JPEG: &[u8] = include_bytes!("fixtures/plain.jpg");
    /// As [`JPEG`].
    pub(crate) const PNG: &[u8] = include_bytes!("fixtures/plain.png");
    /// Two pages of a scanner, the first with that photograph in it.
    pub(crate) const PDF: &[u8] = include_bytes!("fixtures/scanner.pdf");
    /// A picture with all that a PNG can tell of itself.
    pub(super) const TOLD: &[u8] = include_bytes!("fixtures/told.png");

    fn evidence(folder: &std::path::Path) -> Evidence {
        let store = store::folder(folder).expect("a folder");
        Evidence::new(store, Arc::new(FieldKey::of([1; 32])), chance_from_seed(1))
    }

    #[tokio::test]
    async fn a_scan_is_sealed_on_disk_and_a_changed_file_is_found_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = evidence(folder.path());
        let hash = evidence.keep(b"%PDF-1.7 licence %%EOF").await.expect("kept");
        assert_eq!(evidence.keep(b"%PDF-1.7 licence %%EOF").await.expect("kept"), hash);
        assert_eq!(evidence.show(hash).await.expect("shown").as_slice(), b"%PDF-1.7 licence %%EOF");

        let path = folder.path().join(&hash.to_string()[..2]).join(hash.to_string());
        let mut sealed = std::fs::read(&path).expect("a file");
        assert!(!sealed.windows(7).any(|w| w == b"licence"));
        sealed[20] ^= 1;
        std::fs::write(&path, sealed).expect("changed");
        assert!(evidence.show(hash).await.is_err());
        evidence.remove(hash).await.expect("removed");
        evidence.remove(hash).await.expect("removed already");
        assert!(matches!(evidence.show(hash).await, Err(EvidenceError::Store(object_store::Error::NotFound { .. }))));
    }

    #[tokio::test]
    async fn work_that_panics_costs_its_own_answer_and_no_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = evidence(folder.path());
        for _ in 0..2 * AT_ONCE {
            assert!(
                evidence.in_turn(|| assert!(std::hint::black_box(false), "a decoder")).await.expect("a turn").is_none()
            );
        }
        assert_eq!(evidence.in_turn(|| 7).await.expect("a turn"), Some(7));
    }
}
