//! Where lists are published.
//!
//! The folder that responders serve comes first: a list that is not there is made anew. Any number of mirrors follow
//! it, other folders or buckets in S3-compatible storage: each has a task of its own that copies what is newer in the
//! folder, so that one that fails stops no other, nor the making of lists; it tries again until it has caught up, and
//! says so in `/readyz` and metrics meanwhile. Never puts a lower number over a higher one. Trusts the folder as
//! relying parties do; whoever can write to a mirror can take lists away or put old ones back until the next round,
//! but forge none.

mod bucket;
mod folder;
mod mirror;
mod peek;

use std::fs::File;
use std::io;

use async_trait::async_trait;

pub use bucket::Bucket;
pub use folder::{Folder, number_in};
pub use mirror::{Mirror, Mirrors};

/// A place to which lists are copied.
#[async_trait]
pub trait Target: Send + Sync {
    /// Its name in logs and metrics.
    fn name(&self) -> String;

    /// The number of the list that it holds under this file name; `None` if it holds none.
    ///
    /// # Errors
    /// [`TargetError`] when that is not known.
    async fn number(&self, file: &str) -> Result<Option<i64>, TargetError>;

    /// Puts a list in place of what it holds under this file name, in one step.
    ///
    /// # Errors
    /// [`TargetError`]; then what it held stands.
    async fn put(&self, file: &str, source: File) -> Result<(), TargetError>;
}

/// Why a target cannot be used. The operator must act, unless it passes.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct TargetError(pub String);

impl From<io::Error> for TargetError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<crate::bucket::BucketError> for TargetError {
    fn from(error: crate::bucket::BucketError) -> Self {
        Self(error.to_string())
    }
}

impl From<object_store::Error> for TargetError {
    fn from(error: object_store::Error) -> Self {
        Self(error.to_string())
    }
}
