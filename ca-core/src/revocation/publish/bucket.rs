//! Lists in S3-compatible storage.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, WriteMultipart,
};

use super::peek::{self, Beginning, PIECE};
use super::{Target, TargetError};
use crate::bucket::Bucket as Settings;

/// What is sent at once; S3 takes no smaller parts than 5 MiB but the last.
const PART: usize = 8 * 1024 * 1024;
/// Parts on their way at once; so much memory an upload takes.
const PARTS: usize = 2;
/// Caches may keep a list for so long: as long as responders allow.
const CACHE_CONTROL: &str = "public, max-age=60";
const CONTENT_TYPE: &str = "application/pkix-crl";

/// A bucket, and a prefix in it.
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    name: String,
    prefix: Path,
}

impl Bucket {
    /// The bucket of a configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// When the secret cannot be read or an address is none.
    pub fn open(settings: &Settings) -> Result<Self, TargetError> {
        Ok(Self::over(settings.open()?, &settings.bucket, &settings.prefix))
    }

    fn over(store: Arc<dyn ObjectStore>, bucket: &str, prefix: &str) -> Self {
        Self { store, name: format!("s3:{bucket}/{prefix}"), prefix: Path::from(prefix) }
    }

    fn path(&self, file: &str) -> Path {
        self.prefix.clone().join(file)
    }
}

#[async_trait]
impl Target for Bucket {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn number(&self, file: &str) -> Result<Option<i64>, TargetError> {
        let path = self.path(file);
        let size = match self.store.head(&path).await {
            Ok(found) => found.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let piece = self.store.get_range(&path, 0..size.min(PIECE)).await?;
        let Beginning::ExtensionsAt(at) = peek::beginning(&piece) else { return Ok(None) };
        if at >= size {
            return Ok(None);
        }
        let piece = self.store.get_range(&path, at..size.min(at + PIECE)).await?;
        Ok(peek::number(&piece))
    }

    /// An object is replaced in one step, when its last part has come.
    async fn put(&self, file: &str, source: File) -> Result<(), TargetError> {
        let path = self.path(file);
        let attributes =
            Attributes::from_iter([(Attribute::ContentType, CONTENT_TYPE), (Attribute::CacheControl, CACHE_CONTROL)]);
        let size = source.metadata()?.len();
        let mut source = tokio::fs::File::from_std(source);
        if size <= PART as u64 {
            let bytes = read_part(&mut source).await?;
            let options = PutOptions { attributes, ..PutOptions::default() };
            self.store.put_opts(&path, bytes.into(), options).await?;
            return Ok(());
        }
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload =
            WriteMultipart::new_with_chunk_size(self.store.put_multipart_opts(&path, options).await?, PART);
        loop {
            let part = read_part(&mut source).await?;
            if part.is_empty() {
                break;
            }
            upload.wait_for_capacity(PARTS).await?;
            upload.put(part.into());
        }
        upload.finish().await?;
        Ok(())
    }
}

/// The next part of a file; empty at its end.
async fn read_part(source: &mut tokio::fs::File) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt as _;
    let mut part = Vec::new();
    source.take(PART as u64).read_to_end(&mut part).await?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use object_store::memory::InMemory;

    use super::*;
    use crate::encode::testing::{Hierarchy, list_of};
    use crate::keys::KeyKind;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    #[tokio::test]
    async fn a_list_is_put_replaced_and_its_number_read_without_its_entries() {
        let house = Hierarchy::new(KeyKind::P256);
        let store = Arc::new(InMemory::new());
        for prefix in ["", "crl", "a/b"] {
            let bucket = Bucket::over(store.clone(), "lists", prefix);
            assert_eq!(bucket.number("unit.crl").await, Ok(None));
            for (number, entries) in [(7, 0), (8, 2000)] {
                let list = list_of(&house.issuing, number, entries);
                bucket.put("unit.crl", file(&list)).await.unwrap();
                assert_eq!(bucket.number("unit.crl").await, Ok(i64::try_from(number).ok()));
                let stored = store.get(&bucket.path("unit.crl")).await.unwrap().bytes().await.unwrap();
                assert_eq!(stored, list);
            }
        }
    }

    #[tokio::test]
    async fn what_is_too_long_for_one_request_comes_in_parts_and_whole() {
        let store = Arc::new(InMemory::new());
        let bucket = Bucket::over(store.clone(), "lists", "crl");
        for length in [PART, PART + 1, 2 * PART, 2 * PART + 12_345] {
            let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            bucket.put("unit.crl", file(&bytes)).await.unwrap();
            let stored = store.get(&bucket.path("unit.crl")).await.unwrap().bytes().await.unwrap();
            assert!(stored == bytes, "{length}");
            assert_eq!(bucket.number("unit.crl").await, Ok(None), "no list");
        }
    }
}
