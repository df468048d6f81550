//! Lists in a folder: the one that responders serve, and copies of it elsewhere.
//!
//! Not by `object_store`, whose files are neither synced nor given a mode: a list that is published stays published
//! after a power failure, and everyone may read it.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::peek::{self, Beginning, PIECE};
use super::{Target, TargetError};
use crate::durable::{self, Staged};

/// A folder with lists.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// This folder; it must be there when something is published.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where a file is.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }
}

/// The number of the list in a file; `None` if there is no file, or none with a list.
///
/// # Errors
/// When it cannot be read.
pub fn number_in(path: &Path) -> io::Result<Option<i64>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut piece = Vec::new();
    Read::by_ref(&mut file).take(PIECE).read_to_end(&mut piece)?;
    let Beginning::ExtensionsAt(at) = peek::beginning(&piece) else { return Ok(None) };
    file.seek(SeekFrom::Start(at))?;
    piece.clear();
    file.take(PIECE).read_to_end(&mut piece)?;
    Ok(peek::number(&piece))
}

#[async_trait]
impl Target for Folder {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    async fn number(&self, file: &str) -> Result<Option<i64>, TargetError> {
        let path = self.path(file);
        blocking(move || number_in(&path)).await
    }

    async fn put(&self, file: &str, source: File) -> Result<(), TargetError> {
        let (path, mut source) = (self.path(file), source);
        blocking(move || {
            let mut staged = Staged::new(&path, durable::PUBLIC)?;
            io::copy(&mut source, staged.file())?;
            staged.place()
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, TargetError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| TargetError(error.to_string()))?.map_err(TargetError::from)
}
