//! The fonts of papers: font files of Debian packages, read when the office starts.

use std::path::{Path, PathBuf};

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// The Debian package with the default fonts.
pub const FONT_PACKAGE: &str = "fonts-noto-cjk";
/// A collection holds a face for each region; ours are the simplified Chinese ones.
const REGION: &str = " SC";

/// The faces that papers may use.
pub(super) struct Fonts {
    pub(super) book: LazyHash<FontBook>,
    faces: Vec<Font>,
}

/// Why papers cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// A file cannot be read.
    #[error("the font file {}: {error}; the Debian package {FONT_PACKAGE} brings the default ones (`paper.fonts`)", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is no font.
    #[error("{} is no font file that can be read", .0.display())]
    NoFont(PathBuf),
    /// None has Chinese characters.
    #[error(
        "none of the font files of `paper.fonts` has Chinese characters; install the Debian package {FONT_PACKAGE}"
    )]
    NoChinese,
}

impl Fonts {
    /// Reads the files in their order: the first that has a character prints it.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, FontError> {
        let faces = files.iter().map(|path| face(path)).collect::<Result<Vec<_>, _>>()?;
        let fonts = Self { book: LazyHash::new(FontBook::from_fonts(&faces)), faces };
        if fonts.has('印') { Ok(fonts) } else { Err(FontError::NoChinese) }
    }

    pub(super) fn face(&self, index: usize) -> Option<Font> {
        self.faces.get(index).cloned()
    }

    /// Whether some face has this character.
    pub(super) fn has(&self, c: char) -> bool {
        self.faces.iter().any(|face| face.info().coverage.contains(c.into()))
    }
}

/// The face of a file that prints simplified Chinese; the first one when it is no collection.
fn face(path: &Path) -> Result<Font, FontError> {
    let bytes = std::fs::read(path).map_err(|error| FontError::File { path: path.to_owned(), error })?;
    let bytes = Bytes::new(bytes);
    let mut first = None;
    for face in Font::iter(bytes) {
        if face.info().family.ends_with(REGION) {
            return Ok(face);
        }
        first = first.or(Some(face));
    }
    first.ok_or_else(|| FontError::NoFont(path.to_owned()))
}
