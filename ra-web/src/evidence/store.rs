//! Where sealed scans lie: a folder, or a bucket in S3-compatible storage. Both by the same names, so that one can be
//! copied to the other with any tool.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;

use crate::config::Storage;

/// The store of the configuration. A folder is made where there is none.
///
/// # Errors
/// Names the setting that cannot be used.
pub fn open(storage: &Storage) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match (&storage.evidence, &storage.bucket) {
        (Some(path), None) => folder(path),
        (None, Some(bucket)) => {
            let faults = bucket.faults();
            ensure!(faults.is_empty(), "storage.bucket: {}", faults.join("; "));
            let store = bucket.open().context("storage.bucket")?;
            Ok(Arc::new(PrefixStore::new(store, bucket.prefix.as_str())))
        }
        _ => bail!("storage needs either `evidence`, a folder, or `bucket`"),
    }
}

/// A folder, each file on the disk before it counts as kept.
///
/// # Errors
/// When there can be no such folder.
pub fn folder(path: &Path) -> anyhow::Result<Arc<dyn ObjectStore>> {
    std::fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
    let store = LocalFileSystem::new_with_prefix(path).with_context(|| format!("opening {}", path.display()))?;
    Ok(Arc::new(store.with_fsync(true)))
}
