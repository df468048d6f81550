//! Where else lists are published.

use std::path::PathBuf;

use serde::Deserialize;

use crate::bucket::Bucket;

/// A copy of the lists in `publish_dir`. A list appears there some seconds after it was published.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Publish {
    /// Another folder, on a shared file system say.
    Folder {
        /// It must be there.
        path: PathBuf,
    },
    /// A bucket. Whoever has its secret can take lists away from relying parties, but forge none.
    S3(Bucket),
}

impl Publish {
    pub(super) fn faults(&self) -> Vec<String> {
        match self {
            Self::Folder { .. } => Vec::new(),
            Self::S3(bucket) => bucket.faults().into_iter().map(|fault| format!("publish: {fault}")).collect(),
        }
    }
}
