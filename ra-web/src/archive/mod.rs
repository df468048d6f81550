//! A case as one file that stands for itself: a ZIP with everything of the case, the SHA-256 of each file in
//! `manifest.sha256`, and in `statement.p7s` an officer's signature over a statement that names that list's hash.
//!
//! For: handing a case over, years later even. Checked by [`verify`], or without us: `openssl cms -verify` on the
//! signature, `sha256sum` on the list, `sha256sum -c` on the files. Pure: what goes in is gathered by
//! [`crate::enrolment::archive`]. Trusts nothing in an archive that it reads.

pub mod verify;

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use ca_core::domain::Sha256;
use openssl::sha::sha256;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The list of hashes, as `sha256sum -c` reads it.
pub const MANIFEST: &str = "manifest.sha256";
/// What was signed.
pub const STATEMENT: &str = "statement.json";
/// The signature: CMS SignedData, DER, the statement within.
pub const SIGNATURE: &str = "statement.p7s";
/// Files that are in no list, for they are made of it.
const APART: [&str; 3] = [MANIFEST, STATEMENT, SIGNATURE];

/// A file of an archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path: ASCII, with `/`, relative.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Member {
    /// A file.
    #[must_use]
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }
}

/// The list of hashes of files, by their paths.
#[must_use]
pub fn manifest(members: &[Member]) -> String {
    let mut lines: Vec<(&str, Sha256)> =
        members.iter().map(|member| (member.path.as_str(), Sha256(sha256(&member.bytes)))).collect();
    lines.sort_unstable_by_key(|(path, _)| *path);
    lines.into_iter().fold(String::new(), |mut text, (path, hash)| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{hash}  {path}");
        text
    })
}

/// Packs files with their list, the statement and its signature.
///
/// # Errors
/// When two files have one path, or an archive would be too large.
pub fn pack(members: &[Member], statement: &[u8], signature: &[u8]) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let list = manifest(members);
    let apart = [(MANIFEST, list.as_bytes()), (STATEMENT, statement), (SIGNATURE, signature)];
    let files = members.iter().map(|member| (member.path.as_str(), member.bytes.as_slice()));
    for (path, bytes) in apart.into_iter().chain(files) {
        zip.start_file(path, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_as_sha256sum_writes_it() {
        let members = [Member::new("b/two", "2"), Member::new("a", "")];
        assert_eq!(
            manifest(&members),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
             d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35  b/two\n"
        );
        assert!(pack(&[Member::new("a", ""), Member::new("a", "")], b"{}", b"").is_err(), "one path, one file");
    }
}
