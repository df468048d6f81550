//! Checks an archive without the office that made it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use ca_core::cms::{self, CmsError, Signed};
use ca_core::domain::{Archive, CanonicalError, Sha256, decode};
use openssl::sha::sha256;
use zip::ZipArchive;
use zip::result::ZipError;

use super::{APART, MANIFEST, SIGNATURE, STATEMENT};

/// The most files that are read.
const MAX_FILES: usize = 5000;
/// The most bytes that all files may unpack to.
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// What an archive says, once every hash and signature in it is right.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What the officer signed.
    pub archive: Archive,
    /// The signature on it. Whose it is, says the certificate; whether to believe that, its issuer.
    pub signed: Signed,
    /// Orders and statements of officers in it, each with this many signatures over exactly its bytes.
    pub orders: BTreeMap<String, usize>,
}

impl Verified {
    /// In words, for whoever checks it. Whether the signer's certificate is to be believed, this does not say.
    ///
    /// # Errors
    /// When the signer's certificate cannot be read.
    pub fn report(&self) -> Result<String, openssl::error::ErrorStack> {
        let certificate = openssl::x509::X509::from_der(&self.signed.certificate)?;
        let name = certificate.subject_name().entries().filter_map(|entry| entry.data().to_string().ok());
        let name = name.collect::<Vec<_>>().join(", ");
        let (archive, hash) = (&self.archive, Sha256(sha256(&self.signed.certificate)));
        let number = if archive.resident_number { "in full" } else { "masked" };
        let orders: Vec<String> = self.orders.iter().map(|(order, n)| format!("{order} ({n} signatures)")).collect();
        Ok(format!(
            "whole   {} files, each with the hash that was signed\n\
             case    {} of {}\n\
             unit    {} {}\n\
             made    {} (Beijing)\n\
             number  the handler's resident number is {number}\n\
             orders  {}\n\
             signed  {} (Beijing) by {name}\n\
             \x20       certificate SHA-256 {hash}\n",
            archive.files,
            archive.case,
            archive.office,
            archive.unit,
            archive.uscc,
            archive.created.beijing_text(),
            if orders.is_empty() { "none".to_owned() } else { orders.join(", ") },
            self.signed.signing_time.beijing_text(),
        ))
    }
}

/// Why an archive is not whole.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not a ZIP, or a damaged one.
    #[error("not a whole ZIP file: {0}")]
    Zip(#[from] ZipError),
    /// More than we read.
    #[error("the archive has more than {MAX_FILES} files or {MAX_BYTES} bytes")]
    TooLarge,
    /// A file is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A path that leads out of the archive, or is there twice.
    #[error("{0:?} is no path of an archive")]
    Path(String),
    /// A line that is no hash and path.
    #[error("line {0} of {MANIFEST} cannot be read")]
    Line(usize),
    /// A file has another hash than the list says.
    #[error("{0} was changed: its SHA-256 is another than {MANIFEST} says")]
    Changed(String),
    /// A file is in no list.
    #[error("{0} was added: {MANIFEST} does not name it")]
    Added(String),
    /// The list is another than was signed.
    #[error("{MANIFEST} was changed: the signed statement names another")]
    Manifest,
    /// A signature does not fit.
    #[error("the signature {0}: {1}")]
    Signature(String, CmsError),
    /// A signature over something else.
    #[error("{0} is a signature over something else")]
    Content(String),
    /// The statement is none of ours.
    #[error("the statement: {0}")]
    Statement(#[from] CanonicalError),
    /// Reading failed.
    #[error("reading the archive: {0}")]
    Read(#[from] std::io::Error),
}

/// Checks every hash and every signature in an archive.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(bytes: &[u8]) -> Result<Verified, Fault> {
    let files = unpack(bytes)?;
    let file = |path: &str| files.get(path).ok_or_else(|| Fault::Missing(path.to_owned()));
    let statement = file(STATEMENT)?;
    let signed = cms::verify(file(SIGNATURE)?).map_err(|error| Fault::Signature(SIGNATURE.to_owned(), error))?;
    if signed.content != *statement {
        return Err(Fault::Content(SIGNATURE.to_owned()));
    }
    let archive: Archive = decode(statement)?;
    let list = file(MANIFEST)?;
    if Sha256(sha256(list)) != archive.manifest_sha256 {
        return Err(Fault::Manifest);
    }
    let mut listed = 0;
    for (n, line) in list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
        let line = std::str::from_utf8(line).ok().and_then(|line| line.split_once("  "));
        let (hash, path) = line.ok_or(Fault::Line(n + 1))?;
        let hash: Sha256 = hash.parse().map_err(|_| Fault::Line(n + 1))?;
        if Sha256(sha256(file(path)?)) != hash {
            return Err(Fault::Changed(path.to_owned()));
        }
        listed += 1;
    }
    // As many as are listed, and each listed one is there: then there is no other, unless a path was listed twice.
    if listed + APART.len() != files.len() {
        let named = |path: &str| {
            APART.contains(&path)
                || list.split(|byte| *byte == b'\n').any(|line| line.get(66..) == Some(path.as_bytes()))
        };
        let added = files.keys().find(|path| !named(path)).cloned();
        return Err(added.map_or(Fault::Line(listed), Fault::Added));
    }
    let mut orders = BTreeMap::new();
    let of_officers = |path: &str| ["orders/", "matters/"].iter().any(|folder| path.starts_with(folder));
    for (path, message) in files.iter().filter(|(path, _)| of_officers(path) && path.ends_with(".p7s")) {
        let order = path.split('.').next().unwrap_or_default();
        let signed = cms::verify(message).map_err(|error| Fault::Signature(path.clone(), error))?;
        if signed.content != *file(&format!("{order}.json"))? {
            return Err(Fault::Content(path.clone()));
        }
        *orders.entry(order.trim_start_matches("orders/").to_owned()).or_insert(0) += 1;
    }
    Ok(Verified { archive, signed, orders })
}

fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))?;
    if zip.len() > MAX_FILES {
        return Err(Fault::TooLarge);
    }
    let (mut files, mut left) = (BTreeMap::new(), MAX_BYTES);
    for n in 0..zip.len() {
        let file = zip.by_index(n)?;
        let path = file.name()?.into_owned();
        let safe = !path.starts_with('/')
            && path.split('/').all(|piece| !matches!(piece, "" | "." | ".."))
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let mut plain = Vec::new();
        file.take(left + 1).read_to_end(&mut plain)?;
        left = left.checked_sub(plain.len() as u64).ok_or(Fault::TooLarge)?;
        if !safe || files.insert(path.clone(), plain).is_some() {
            return Err(Fault::Path(path));
        }
    }
    Ok(files)
}
