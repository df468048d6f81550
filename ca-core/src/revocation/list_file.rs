//! One list, from its first entry to the signed file beside its place.
//!
//! For: the making of an edition. Entries are written as they come; what is to be signed is then read back from the file
//! as a stream, once: linted and digested. Only when the rules found nothing is the digest signed. The signature is read
//! back from the file and verified, and the file is hashed for its record while it is synced. Memory stays flat.
//! Never puts a list in its place.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use super::error::CrlError;
use crate::domain::Sha256;
use crate::durable::{self, Staged};
use crate::encode::crl::{CrlError as EncodeError, CrlWriter, Head};
use crate::issuance::listed;
use crate::lint::{self, CrlContext};
use crate::signer::CrlKey;

/// Bytes that are hashed at once.
const PIECE: usize = 256 * 1024;
/// Lists of so many bytes stay where they are written, and are synced by a thread of its own while they are read.
const BIG: u64 = 16 << 20;

/// A list whose entries come.
pub struct ListFile {
    path: PathBuf,
    staged: Staged,
    writer: CrlWriter<File>,
}

/// A list that is signed, and found right, beside its place.
pub struct SignedFile {
    /// The file.
    pub staged: Staged,
    /// How many certificates are listed.
    pub entries: u64,
    /// The hash of all its bytes.
    pub sha256: Sha256,
}

impl ListFile {
    /// A list without entries, beside this path.
    ///
    /// # Errors
    /// [`CrlError`] when the file cannot be made, or the head is not right.
    pub fn begin(path: &Path, head: &Head<'_>, key: &CrlKey) -> Result<Self, CrlError> {
        let mut staged = Staged::new(path, durable::PUBLIC).map_err(CrlError::file(path))?;
        let file = staged.file().try_clone().map_err(CrlError::file(path))?;
        Ok(Self { path: path.to_owned(), staged, writer: CrlWriter::new(file, head, key)? })
    }

    /// Where entries go.
    pub const fn writer(&mut self) -> &mut CrlWriter<File> {
        &mut self.writer
    }

    /// Looks at the list and signs it.
    ///
    /// # Errors
    /// [`CrlError`]; nothing of the list remains.
    pub fn sign(self, context: &CrlContext<'_>, key: &CrlKey) -> Result<SignedFile, CrlError> {
        let Self { path, mut staged, writer } = self;
        let broken = || CrlError::file(&path);
        let early = (writer.entries_bytes() >= BIG).then(|| staged.file().try_clone()).transpose();
        let early = early.map_err(broken())?;
        let mut linted = None;
        let written = std::thread::scope(|scope| {
            // The entries stay as they are: the disk may have them while they are read. Whether it has them is asked
            // again in the end.
            early.map(|file| scope.spawn(move || file.sync_data()));
            writer.finish(|source| {
                let unsigned = lint::crl_to_be_signed(source, context).map_err(broken())?;
                let unsigned = unsigned.map_err(|findings| CrlError::Lint(listed(&findings)))?;
                let signature = key.sign_digested(unsigned.digested()).map_err(EncodeError::from)?;
                linted = Some(unsigned);
                Ok::<_, CrlError>(signature)
            })
        })?;
        let linted = linted.ok_or_else(|| CrlError::Lint("nobody looked at it".into()))?;
        let findings = linted.signed(staged.file()).map_err(broken())?;
        if !findings.is_empty() {
            return Err(CrlError::Lint(listed(&findings)));
        }
        let (put, seen) = (written.entries, linted.entries());
        if put != seen {
            return Err(CrlError::Lint(format!("{put} entries were written, {seen} are there")));
        }
        let sha256 = hashed_and_synced(staged.file(), written.bytes).map_err(broken())?;
        Ok(SignedFile { staged, entries: seen, sha256 })
    }
}

/// The hash of a file. A big one is made durable meanwhile.
fn hashed_and_synced(file: &mut File, bytes: u64) -> io::Result<Sha256> {
    if bytes < BIG {
        return hashed(file);
    }
    let synced = file.try_clone()?;
    std::thread::scope(|scope| {
        let sync = scope.spawn(move || synced.sync_all());
        let sha256 = hashed(file)?;
        sync.join().map_err(|_| io::Error::other("the thread that syncs stopped"))??;
        Ok(sha256)
    })
}

fn hashed(file: &mut File) -> io::Result<Sha256> {
    let mut hash = openssl::sha::Sha256::new();
    let mut piece = vec![0; PIECE];
    file.rewind()?;
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Sha256(hash.finish())),
            count => hash.update(&piece[..count]),
        }
    }
}
