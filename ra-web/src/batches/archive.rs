//! The scans of many units in one ZIP: each file is told apart by the code and the kind in its name, in either language,
//! and goes through the same intake as a scan at the counter.

use std::io::{Cursor, Read as _};

use ca_core::domain::{Officer, Uscc};

use super::columns::bare;
use super::taking::on_duty;
use super::{BatchNumber, table};
use crate::enrolment::case::CaseNumber;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::document::{DocumentError, DocumentKind, MAX_DOCUMENT_BYTES};
use crate::enrolment::intake::Upload;
use crate::i18n::Locale;

/// An archive has at most so many bytes.
pub const MAX_ARCHIVE_BYTES: usize = 64 * 1024 * 1024;
/// And so many files.
pub const MAX_FILES: usize = 600;
/// Of all files together, unpacked.
const MAX_UNPACKED_BYTES: u64 = 256 * 1024 * 1024;

/// A file of an archive.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Its name, for the report.
    pub name: String,
    /// The unit's code in the name.
    pub uscc: Option<String>,
    /// What it shows, by its name.
    pub kind: Option<DocumentKind>,
    /// Its bytes, or why they were not all read.
    pub bytes: Result<Vec<u8>, DocumentError>,
}

/// Why an archive is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// No ZIP, or a damaged one.
    #[error("the file is no ZIP archive that can be read")]
    Damaged,
    /// Over a limit, packed or unpacked.
    #[error("the archive is too large")]
    TooLarge,
    /// Over [`MAX_FILES`].
    #[error("the archive has over {MAX_FILES} files")]
    TooManyFiles,
    /// Its files are locked.
    #[error("the archive is locked with a password")]
    Locked,
}

impl ArchiveError {
    /// The end of the message key `batch-zip-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::TooLarge => "too-large",
            Self::TooManyFiles => "too-many",
            Self::Locked => "locked",
        }
    }
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Kept with this case.
    Kept(CaseNumber, DocumentKind),
    /// No code, or none of this batch, in its name.
    NoUnit,
    /// A unit of the batch, and no kind in the name.
    NoKind,
    /// The case does not take documents any more.
    Closed(CaseNumber),
    /// The file is none that is kept.
    Bad(DocumentError),
}

/// Unpacks an archive against a budget.
///
/// # Errors
/// [`ArchiveError`].
pub fn scans(bytes: &[u8]) -> Result<Vec<Scan>, ArchiveError> {
    if bytes.len() > MAX_ARCHIVE_BYTES {
        return Err(ArchiveError::TooLarge);
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| ArchiveError::Damaged)?;
    if archive.len() > 2 * MAX_FILES {
        return Err(ArchiveError::TooManyFiles);
    }
    let words = words();
    let mut left = MAX_UNPACKED_BYTES;
    let mut found = Vec::new();
    for at in 0..archive.len() {
        let file = match archive.by_index(at) {
            Ok(file) => file,
            Err(zip::result::ZipError::UnsupportedArchive(_)) => return Err(ArchiveError::Locked),
            Err(_) => return Err(ArchiveError::Damaged),
        };
        // Packed on a Chinese Windows, names are in GBK.
        let path =
            table::decoded(file.name_raw()).unwrap_or_else(|_| String::from_utf8_lossy(file.name_raw()).into_owned());
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let hidden = name.starts_with('.') || path.starts_with("__MACOSX") || name == "Thumbs.db";
        if file.is_dir() || name.is_empty() || hidden {
            continue;
        }
        if found.len() >= MAX_FILES {
            return Err(ArchiveError::TooManyFiles);
        }
        let most = MAX_DOCUMENT_BYTES as u64 + 1;
        let mut content = Vec::new();
        file.take(most.min(left + 1)).read_to_end(&mut content).map_err(|_| ArchiveError::Damaged)?;
        left = left.checked_sub(content.len() as u64).ok_or(ArchiveError::TooLarge)?;
        let bytes = if content.len() > MAX_DOCUMENT_BYTES { Err(DocumentError::TooLarge) } else { Ok(content) };
        found.push(Scan { uscc: code_in(&path), kind: kind_in(&path, &words), name, bytes });
    }
    Ok(found)
}

/// The first credit code in a path, right or not: eighteen letters or digits in a row.
fn code_in(path: &str) -> Option<String> {
    let upper = path.to_uppercase();
    upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find(|word| word.len() == 18 && word.parse::<Uscc>().is_ok())
        .map(str::to_owned)
}

/// The names of each kind: its word, its label and `batch-zip-names-…`, in both languages.
fn words() -> Vec<(String, DocumentKind)> {
    let mut words = Vec::new();
    for kind in crate::enrolment::process::Process::Enrolment.documents() {
        let key = kind.word().replace('_', "-");
        words.push((bare(kind.word()), *kind));
        for locale in Locale::ALL {
            words.push((bare(&locale.t(&format!("document-{key}"))), *kind));
            words.extend(locale.t(&format!("batch-zip-names-{key}")).split('|').map(|name| (bare(name), *kind)));
        }
    }
    // The longest name first: one may stand within another.
    words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    words.retain(|(word, _)| !word.is_empty());
    words
}

fn kind_in(path: &str, words: &[(String, DocumentKind)]) -> Option<DocumentKind> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let word = bare(stem);
    words.iter().find(|(known, _)| word.contains(known.as_str())).map(|(_, kind)| *kind)
}

impl Desk {
    /// Puts the scans of an archive to the cases of a batch. Each file stands for itself: what was kept stays, and the same
    /// archive again changes nothing.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn place_scans(
        &self,
        officer: &Officer,
        number: &BatchNumber,
        scans: Vec<Scan>,
    ) -> Result<Vec<(String, Placed)>, OfficeError> {
        on_duty(officer)?;
        let mut placed = Vec::with_capacity(scans.len());
        for scan in scans {
            let name = scan.name.clone();
            placed.push((name, self.place_scan(officer, number, scan).await?));
        }
        Ok(placed)
    }

    async fn place_scan(&self, officer: &Officer, number: &BatchNumber, scan: Scan) -> Result<Placed, OfficeError> {
        let Some(uscc) = scan.uscc else { return Ok(Placed::NoUnit) };
        let mut tx = self.store.read().await?;
        tx.batch(number).await?.ok_or(OfficeError::NotFound)?.mine(officer)?;
        let lines = tx.batch_lines_of(number, &uscc).await?;
        // Of a unit that is in the file twice, the first.
        let Some(case) = lines.into_iter().find_map(|line| line.case) else { return Ok(Placed::NoUnit) };
        let Some(kind) = scan.kind else { return Ok(Placed::NoKind) };
        let (kept, _) = tx.case(&case).await?.ok_or(OfficeError::NotFound)?;
        drop(tx);
        if kept.typeable_by(officer).is_err() {
            return Ok(Placed::Closed(case));
        }
        let upload = Upload { kind, name: scan.name, bytes: scan.bytes };
        match self.save(officer, Some(&case), kept.form, vec![upload]).await {
            Ok(saved) => Ok(match saved.refused.into_iter().find_map(|(_, fault)| fault) {
                Some(fault) => Placed::Bad(fault),
                None => Placed::Kept(case, kind),
            }),
            Err(OfficeError::Forbidden(_)) => Ok(Placed::Closed(case)),
            Err(error) => Err(error),
        }
    }
}
