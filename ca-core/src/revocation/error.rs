//! Why there is no new list; the old one stands.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::IssuerId;
use crate::encode::crl::CrlError as EncodeError;
use crate::store::{Contends, StoreError};

/// Why there is no new list; the old one stands.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list could not be made or signed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The list is not right; it is thrown away.
    #[error("the list has faults: {0}")]
    Lint(String),
    /// A file could not be written or read.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process makes lists of this issuer at this moment.
    #[error("another process makes lists of {0}")]
    Busy(IssuerId),
    /// What is published has this number or a higher one.
    #[error("the list has number {number}, but {published} is published as {path}")]
    StaleNumber {
        /// Where.
        path: PathBuf,
        /// Of the new list.
        number: i64,
        /// Of the published one.
        published: i64,
    },
    /// The last list of this issuer is published: no other may come.
    #[error("the last list of {0} is published")]
    Closed(IssuerId),
    /// The task that signs was stopped.
    #[error("signing was stopped: {0}")]
    Stopped(String),
}

impl CrlError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}

impl Contends for CrlError {
    fn contends(&self) -> bool {
        matches!(self, Self::Store(error) if error.contends())
    }
}
