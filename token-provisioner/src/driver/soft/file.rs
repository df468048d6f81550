//! The folder and the files of soft tokens: read whole, changed under a lock, written by rename.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ca_core::service::protocol::Blob;
use serde::{Deserialize, Serialize};

use super::seal::{Sealed, Wrapped};
use crate::driver::{KeyUse, TokenError, TokenSerial};

/// Version of the file format.
pub(super) const FORMAT: u32 = 1;

const EXTENSION: &str = "token";
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// A token as its file holds it. Labels, public keys and certificates are open; private keys are sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenFile {
    pub(super) format: u32,
    pub(super) serial: String,
    pub(super) label: String,
    pub(super) user: Guard,
    pub(super) security_officer: Guard,
    pub(super) keys: Vec<KeyRecord>,
    pub(super) certificates: Vec<CertificateRecord>,
}

/// The master key under one PIN, and how often that PIN may still be tried.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guard {
    pub(super) tries_left: u8,
    pub(super) wrapped: Wrapped,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRecord {
    /// Lower-case hex.
    pub(super) id: String,
    pub(super) label: String,
    pub(super) spki: Blob,
    /// What it may do. Keys of files that do not say it only sign.
    #[serde(default, rename = "use")]
    pub(super) allowed: Allowed,
    /// PKCS#8 under the master key.
    pub(super) sealed: Sealed,
}

/// What a private key may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Allowed {
    /// Sign.
    #[default]
    Sign,
    /// Sign, and open an envelope.
    SignAndOpen,
    /// Decrypt.
    Decrypt,
}

impl Allowed {
    pub(super) const fn signs(self) -> bool {
        matches!(self, Self::Sign | Self::SignAndOpen)
    }

    pub(super) const fn opens(self) -> bool {
        matches!(self, Self::SignAndOpen | Self::Decrypt)
    }
}

impl From<KeyUse> for Allowed {
    fn from(allowed: KeyUse) -> Self {
        match allowed {
            KeyUse::Sign => Self::Sign,
            KeyUse::SignAndOpen => Self::SignAndOpen,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateRecord {
    /// Lower-case hex.
    pub(super) id: String,
    pub(super) label: String,
    pub(super) der: Blob,
}

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps other programs, and other threads of this one, from changing a token until it is dropped.
    pub(super) fn lock(&self) -> Result<File, TokenError> {
        let lock = || -> io::Result<File> {
            fs::create_dir_all(&self.0)?;
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join(".lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|e| self.broken("locking", &self.0, &e))
    }

    /// All tokens in the folder, by serial number. A missing folder has none; a file that is no token is
    /// passed over with a warning.
    pub(super) fn all(&self) -> Result<Vec<TokenFile>, TokenError> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.broken("listing", &self.0, &e)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| self.broken("listing", &self.0, &e))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                match self.load(&path) {
                    Ok(file) => files.push(file),
                    Err(error) => tracing::warn!(path = %path.display(), %error, "Not a soft token"),
                }
            }
        }
        files.sort_by(|a, b| a.serial.cmp(&b.serial));
        Ok(files)
    }

    pub(super) fn read(&self, serial: &TokenSerial) -> Result<TokenFile, TokenError> {
        let file = self.load(&self.path_of(serial.as_str())?)?;
        if file.serial == serial.as_str() {
            Ok(file)
        } else {
            Err(TokenError::Broken(format!("the file of {serial} says that it is {}", file.serial)))
        }
    }

    /// Replaces the token's file: after a crash it is the old one or the new one.
    pub(super) fn write(&self, token: &TokenFile) -> Result<(), TokenError> {
        let path = self.path_of(&token.serial)?;
        let fresh = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.create(true).truncate(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(token)?)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|e| self.broken("writing", &path, &e))
    }

    fn load(&self, path: &Path) -> Result<TokenFile, TokenError> {
        let file = File::open(path).map_err(|e| self.broken("opening", path, &e))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|e| self.broken("reading", path, &e))?;
        let token: TokenFile = serde_json::from_slice(&bytes)
            .map_err(|e| TokenError::Broken(format!("{} is not a soft token: {e}", path.display())))?;
        if token.format == FORMAT {
            Ok(token)
        } else {
            Err(TokenError::Broken(format!("{} has format {}", path.display(), token.format)))
        }
    }

    /// The file of a serial number; only letters and digits, so that it can't lead out of the folder.
    fn path_of(&self, serial: &str) -> Result<PathBuf, TokenError> {
        if serial.is_empty() || !serial.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(TokenError::Removed(serial.to_owned()));
        }
        Ok(self.0.join(serial).with_extension(EXTENSION))
    }

    fn broken(&self, doing: &str, path: &Path, error: &io::Error) -> TokenError {
        match (error.kind(), path.file_stem()) {
            (io::ErrorKind::NotFound, Some(serial)) if path != self.0 => {
                TokenError::Removed(serial.to_string_lossy().into_owned())
            }
            _ => TokenError::Broken(format!("{doing} {}: {error}", path.display())),
        }
    }
}
