//! What typst can see while it sets one paper: our templates, the data, the fonts. Nothing else is there.

use std::sync::{Arc, OnceLock};

use rust_embed::RustEmbed;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};

use super::fonts::Fonts;

/// Where a template finds its data.
const DATA: &str = "data.json";

#[derive(RustEmbed)]
#[folder = "paper/"]
struct Templates;

/// One paper on the desk.
pub(super) struct Desk {
    fonts: Arc<Fonts>,
    main: FileId,
    data: Bytes,
}

impl Desk {
    /// `None` when the template's name can be none.
    pub(super) fn new(fonts: Arc<Fonts>, template: &str, data: Vec<u8>) -> Option<Self> {
        let path = VirtualPath::new(format!("{template}.typ")).ok()?;
        let main = RootedPath::new(VirtualRoot::Project, path).intern();
        Some(Self { fonts, main, data: Bytes::new(data) })
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        static LIBRARY: OnceLock<LazyHash<Library>> = OnceLock::new();
        LIBRARY.get_or_init(|| LazyHash::new(Library::default()))
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.fonts.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let text = String::from_utf8(self.file(id)?.to_vec()).map_err(|_| FileError::InvalidUtf8)?;
        Ok(Source::new(id, text))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let name = id.get().vpath().get_without_slash();
        if name == DATA {
            return Ok(self.data.clone());
        }
        let file = Templates::get(name).ok_or_else(|| FileError::NotFound(name.into()))?;
        Ok(Bytes::new(file.data.into_owned()))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.face(index)
    }

    /// A paper's dates are data: the same data give the same paper.
    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
