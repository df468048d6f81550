//! The authority's publish folder: `/crl/{issuer}.crl`, `/crl/{issuer}-delta.crl`, `/crl/{issuer}-s{shard}.crl` and
//! `/ca/{issuer}.cer`.
//!
//! A path names an issuer and which of its files, nothing else, in one spelling: no path of a request reaches the file system. Files stay in memory
//! while they do not change; the authority replaces them whole. Lists may come from a bucket instead, which the authority copies
//! them to: then a responder needs no folder that it shares with the authority. While the bucket is away the lists that are
//! known are served on: they are signed, and say themselves how long they hold.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use ca_core::domain::{IssuerId, ListKind};
use hyper::header::HeaderValue;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// The longest file that is served, in bytes: a CRL of some four million entries.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// The longest file that is compressed, in bytes: it is kept in memory twice.
const MAX_COMPRESSED: usize = 16 * 1024 * 1024;
/// How long a file is served without a look at the folder.
const GLANCE: Duration = Duration::from_millis(500);
/// The same for the bucket, which is further away.
const BUCKET_GLANCE: Duration = Duration::from_secs(5);
/// How long a look at the bucket may take before the list that is known is served on, and before there is none.
const BUCKET_PATIENCE: Duration = Duration::from_secs(2);
const FIRST_PATIENCE: Duration = Duration::from_secs(60);

/// What the folder holds for an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Crl(ListKind),
    Certificate,
}

/// A name that a path may give.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    kind: Kind,
    issuer: IssuerId,
}

/// A file as it was when last looked at.
pub(super) struct File {
    pub(super) bytes: Bytes,
    pub(super) kind: &'static HeaderValue,
    pub(super) etag: HeaderValue,
    pub(super) last_modified: HeaderValue,
    /// The same with gzip, where that makes it notably shorter.
    pub(super) compressed: Option<Compressed>,
    stamp: Stamp,
}

/// By what a file is told from the one before: its time, its length, and the tag that a bucket gives it.
type Stamp = (SystemTime, u64, Option<String>);

/// A file as it is sent to those who take gzip.
pub(super) struct Compressed {
    pub(super) bytes: Bytes,
    pub(super) etag: HeaderValue,
}

/// The folder, with what was read of it.
pub(crate) struct PublishFolder {
    folder: PathBuf,
    lists: Option<ListBucket>,
    read: Mutex<HashMap<Name, (Instant, Arc<File>)>>,
}

/// Where lists are, if not in the folder.
pub(crate) struct ListBucket {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: String,
    /// One looks at a time: a list that many ask for is fetched once.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl PublishFolder {
    pub(crate) fn new(folder: PathBuf, lists: Option<ListBucket>) -> Self {
        Self { folder, lists, read: Mutex::default() }
    }

    /// The file that a request's path names, if it names any.
    pub(super) fn find(&self, path: &str) -> Option<Name> {
        if let Some(file) = path.strip_prefix("/crl/") {
            let (issuer, list) = ListKind::of_file(file)?;
            return Some(Name { kind: Kind::Crl(list), issuer });
        }
        let issuer = path.strip_prefix("/ca/")?.strip_suffix(".cer")?;
        Some(Name { kind: Kind::Certificate, issuer: IssuerId::new(issuer)? })
    }

    /// The file, if it is there.
    pub(super) async fn read(&self, name: Name) -> Option<Arc<File>> {
        if let (Some(bucket), Kind::Crl(list)) = (&self.lists, name.kind) {
            return self.fetch(bucket, list, name).await;
        }
        let known = match self.known(&name, GLANCE) {
            Ok(fresh) => return Some(fresh),
            Err(known) => known,
        };
        let path = match name.kind {
            Kind::Crl(list) => self.folder.join("crl").join(list.file(&name.issuer)),
            Kind::Certificate => self.folder.join("ca").join(format!("{}.cer", name.issuer)),
        };
        let kind = name.kind;
        let looked = Instant::now();
        let file = tokio::task::spawn_blocking(move || look(&path, kind, known)).await.ok()??;
        self.lock().insert(name, (looked, file.clone()));
        Some(file)
    }

    async fn fetch(&self, bucket: &ListBucket, list: ListKind, name: Name) -> Option<Arc<File>> {
        if let Ok(fresh) = self.known(&name, BUCKET_GLANCE) {
            return Some(fresh);
        }
        let _turn = bucket.turn.lock().await;
        let known = match self.known(&name, BUCKET_GLANCE) {
            Ok(fresh) => return Some(fresh),
            Err(known) => known,
        };
        let looked = Instant::now();
        let patience = if known.is_some() { BUCKET_PATIENCE } else { FIRST_PATIENCE };
        let object = list.file(&name.issuer);
        let file = match tokio::time::timeout(patience, bucket.look(&object, name.kind, known.clone())).await {
            Ok(Ok(file)) => file?,
            Ok(Err(error)) => {
                tracing::error!(%error, issuer = %name.issuer, "Cannot read a list from the bucket");
                known?
            }
            Err(_) => {
                tracing::error!(issuer = %name.issuer, "The bucket does not give a list in time");
                known?
            }
        };
        self.lock().insert(name, (looked, file.clone()));
        Some(file)
    }

    /// What is known of a file: good enough still, or to be looked at again.
    fn known(&self, name: &Name, glance: Duration) -> Result<Arc<File>, Option<Arc<File>>> {
        match self.lock().get(name) {
            Some((looked, file)) if looked.elapsed() < glance => Ok(file.clone()),
            known => Err(known.map(|(_, file)| file.clone())),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Name, (Instant, Arc<File>)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListBucket {
    async fn look(
        &self,
        file: &str,
        kind: Kind,
        known: Option<Arc<File>>,
    ) -> Result<Option<Arc<File>>, object_store::Error> {
        let path = ObjectPath::from(self.prefix.as_str()).join(file);
        let found = match self.store.head(&path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stamp = (SystemTime::from(found.last_modified), found.size, found.e_tag);
        if let Some(known) = known
            && known.stamp == stamp
        {
            return Ok(Some(known));
        }
        if found.size > MAX_FILE {
            tracing::error!(%path, "Too long to be served");
            return Ok(None);
        }
        let bytes = self.store.get(&path).await?.bytes().await?;
        // Compressing a list takes a moment.
        let made = tokio::task::spawn_blocking(move || File::new(bytes, kind, stamp)).await;
        Ok(made.ok().flatten())
    }
}

fn look(path: &Path, kind: Kind, known: Option<Arc<File>>) -> Option<Arc<File>> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let stamp = (metadata.modified().ok()?, metadata.len(), None);
    if let Some(known) = known
        && known.stamp == stamp
    {
        return Some(known);
    }
    if metadata.len() > MAX_FILE {
        tracing::error!(path = %path.display(), "Too long to be served");
        return None;
    }
    let bytes = std::fs::read(path)
        .inspect_err(|error| tracing::error!(%error, path = %path.display(), "Cannot read a published file"))
        .ok()?;
    File::new(bytes.into(), kind, stamp)
}

impl File {
    fn new(bytes: Bytes, kind: Kind, stamp: Stamp) -> Option<Arc<Self>> {
        static CRL: HeaderValue = HeaderValue::from_static("application/pkix-crl");
        static CERTIFICATE: HeaderValue = HeaderValue::from_static("application/pkix-cert");
        let digest = hex::encode(&openssl::sha::sha256(&bytes)[..16]);
        let compressed = compress(&bytes).and_then(|bytes| {
            let etag = HeaderValue::from_str(&format!("\"{digest}-gzip\"")).ok()?;
            Some(Compressed { bytes: bytes.into(), etag })
        });
        Some(Arc::new(Self {
            bytes,
            kind: match kind {
                Kind::Crl(_) => &CRL,
                Kind::Certificate => &CERTIFICATE,
            },
            etag: HeaderValue::from_str(&format!("\"{digest}\"")).ok()?,
            last_modified: HeaderValue::from_str(&httpdate::fmt_http_date(stamp.0)).ok()?,
            compressed,
            stamp,
        }))
    }
}

/// The bytes with gzip, if that saves a tenth at least. Lists are mostly random numbers, but their frames repeat.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    if !(1024..=MAX_COMPRESSED).contains(&bytes.len()) {
        return None;
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|compressed| compressed.len() < bytes.len() / 10 * 9)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A list with these bytes.
    pub(in crate::http) fn file(bytes: Vec<u8>) -> Arc<File> {
        let stamp = (SystemTime::UNIX_EPOCH, 0, None);
        File::new(bytes.into(), Kind::Crl(ListKind::Full), stamp).expect("a file")
    }

    #[test]
    fn only_issuers_names_reach_the_folder() {
        let folder = PublishFolder::new(PathBuf::from("nowhere"), None);
        assert!(folder.find("/crl/unit-p256.crl").is_some());
        assert!(folder.find("/crl/unit-p256-delta.crl").is_some());
        assert!(folder.find("/crl/unit-p256-s15.crl").is_some());
        assert!(folder.find("/ca/root.cer").is_some());
        for path in [
            "/crl/../ca.crl",
            "/crl/a/b.crl",
            "/ca/unit-p256.crl",
            "/crl/.crl",
            "/crl/%2e%2e.crl",
            "/crl/-delta.crl",
            "/crl/..-s1.crl",
            "/crl/.unit-p256.crl.7.new",
            "/crl/unit-p256.lock",
            "/",
            "/ca",
        ] {
            assert_eq!(folder.find(path), None, "{path}");
        }
    }

    #[tokio::test]
    async fn a_replaced_file_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("crl")).expect("a folder");
        let file = folder.path().join("crl/unit.crl");
        let published = PublishFolder::new(folder.path().to_owned(), None);
        let name = published.find("/crl/unit.crl").expect("a name");
        assert!(published.read(name.clone()).await.is_none());
        std::fs::write(&file, b"one").expect("written");
        assert_eq!(&published.read(name.clone()).await.expect("there").bytes[..], b"one");
        std::fs::write(&file, b"other").expect("written");
        tokio::time::sleep(GLANCE).await;
        assert_eq!(&published.read(name).await.expect("there").bytes[..], b"other");
    }

    #[tokio::test]
    async fn lists_come_from_the_bucket_and_certificates_from_the_folder() {
        let (folder, bucket) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for name in ["ca", "crl"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        std::fs::create_dir(bucket.path().join("lists")).expect("a folder");
        std::fs::write(folder.path().join("ca/unit.cer"), b"certificate").expect("written");
        std::fs::write(folder.path().join("crl/unit.crl"), b"not this one").expect("written");
        let list = bucket.path().join("lists/unit.crl");
        std::fs::write(&list, b"one").expect("written");
        let store = Arc::new(object_store::local::LocalFileSystem::new_with_prefix(bucket.path()).expect("a store"));
        let lists = ListBucket { store, prefix: "lists".to_owned(), turn: tokio::sync::Mutex::default() };
        let published = PublishFolder::new(folder.path().to_owned(), Some(lists));
        let read = async |path: &str| published.read(published.find(path).expect("a name")).await;
        assert_eq!(&read("/ca/unit.cer").await.expect("there").bytes[..], b"certificate");
        assert_eq!(&read("/crl/unit.crl").await.expect("there").bytes[..], b"one");
        assert!(read("/crl/other.crl").await.is_none());

        // Another list is seen after a glance, and the one before is served on while the bucket is away.
        let age = |published: &PublishFolder| {
            for (looked, _) in published.lock().values_mut() {
                *looked = Instant::now().checked_sub(2 * BUCKET_GLANCE).expect("the machine runs longer");
            }
        };
        std::fs::write(&list, b"another").expect("written");
        assert_eq!(&read("/crl/unit.crl").await.expect("there").bytes[..], b"one", "not yet");
        age(&published);
        assert_eq!(&read("/crl/unit.crl").await.expect("there").bytes[..], b"another");
        std::fs::remove_file(&list).expect("removed");
        std::os::unix::fs::symlink(&list, &list).expect("something that cannot be read");
        age(&published);
        assert_eq!(&read("/crl/unit.crl").await.expect("still").bytes[..], b"another");
    }
}
