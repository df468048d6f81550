//! Files that are whole or not there.
//!
//! A file is written beside its place, synced, moved there in one step, and the folder is synced: after a crash
//! the old file stands or the new one, never half of either.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Only the owner reads.
pub const PRIVATE: u32 = 0o600;
/// Everyone reads.
pub const PUBLIC: u32 = 0o644;

/// Puts a file in place of whatever is there.
///
/// # Errors
/// When any step fails; then the old file stands.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = write_beside(path, bytes, mode)?;
    fs::rename(&beside, path).inspect_err(|_| discard(&beside))?;
    sync_folder(path)
}

/// A file that is written beside its place, piece by piece, until it is put there. Dropped before that, it is gone.
#[derive(Debug)]
pub struct Staged {
    file: File,
    beside: PathBuf,
    path: PathBuf,
}

impl Staged {
    /// An empty file beside this path.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(path: &Path, mode: u32) -> io::Result<Self> {
        let beside = beside(path)?;
        let file = open_beside(&beside, mode)?;
        Ok(Self { file, beside, path: path.to_owned() })
    }

    /// The file, to be written and read.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts it in place of whatever is there.
    ///
    /// # Errors
    /// When any step fails; then the old file stands.
    pub fn place(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        sync_folder(&self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nothing is there any more once it was placed.
        discard(&self.beside);
    }
}

/// Puts a file where nothing is.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something is there, which is left as it was; else when any step fails.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = write_beside(path, bytes, mode)?;
    let linked = fs::hard_link(&beside, path);
    discard(&beside);
    linked?;
    sync_folder(path)
}

fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let beside = beside(path)?;
    let mut file = open_beside(&beside, mode)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| discard(&beside))?;
    Ok(beside)
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a name"))?;
    Ok(path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id())))
}

fn open_beside(beside: &Path, mode: u32) -> io::Result<File> {
    // Left over from a process with the same id that was killed.
    discard(beside);
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(beside)?;
    file.set_permissions(Permissions::from_mode(mode)).inspect_err(|_| discard(beside))?;
    Ok(file)
}

fn discard(path: &Path) {
    // What remains is overwritten next time.
    drop(fs::remove_file(path));
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unit.crl");
        replace(&path, b"one", PUBLIC).unwrap();
        replace(&path, b"two", PUBLIC).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PUBLIC);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_staged_file_is_seen_only_once_it_is_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unit.crl");
        replace(&path, b"one", PUBLIC).unwrap();
        let mut staged = Staged::new(&path, PUBLIC).unwrap();
        staged.file().write_all(b"two").unwrap();
        drop(staged);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut staged = Staged::new(&path, PUBLIC).unwrap();
        staged.file().write_all(b"two").unwrap();
        staged.place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_not_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        create(&path, b"one", PRIVATE).unwrap();
        assert_eq!(create(&path, b"two", PRIVATE).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
