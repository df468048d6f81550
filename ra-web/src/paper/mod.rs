//! What is printed: PDFs that people sign and that are scanned back as evidence.
//!
//! Set by typst, as a library, from the templates in `ra-web/paper/` (one file a paper, `base.typ` for what they share);
//! what a paper says comes as data, never as markup, so that nothing typed at the counter is run. The output is PDF/A-2a
//! (ISO 19005-2, tagged), and the same data at the same time give the same bytes. Trusts the templates, which are in the
//! binary, and the font files of the configuration. Never reads another file, the network or the clock, and keeps nothing
//! of a paper once it is made.
//!
//! A paper can be sealed electronically ([`sealed`]).
//!
//! To add a paper: write `paper/NAME.typ`, with what it reads in `/data.json`, and call [`Press::print`] with its name.

mod fonts;
pub mod qr;
pub mod sealed;
mod world;

use std::path::PathBuf;
use std::sync::Arc;

use ca_core::domain::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

pub use fonts::{FONT_PACKAGE, FontError};

use fonts::Fonts;
use world::Desk;

/// So many papers are set at once; the others wait.
const AT_ONCE: usize = 2;
/// The data of a paper may have so many bytes.
const MAX_DATA_BYTES: usize = 4 * 1024 * 1024;
/// Beijing's distance from UTC.
const BEIJING_MINUTES: i32 = 8 * 60;

/// As which kind of archive PDF a paper is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// PDF/A-2a: tagged, for those who cannot see it.
    Tagged,
    /// PDF/A-3b: with files in it.
    WithAttachments,
    /// PDF/A-2b, not tagged: a drawing that becomes part of another paper.
    Drawing,
}

/// Sets papers. Cheap to clone.
#[derive(Clone)]
pub struct Press {
    fonts: Arc<Fonts>,
    seats: Arc<Semaphore>,
}

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// What is to be printed is too long.
    #[error("the data of the paper are over {MAX_DATA_BYTES} bytes")]
    TooLong,
    /// No font has it: a rare character of a name. Another font in the configuration helps.
    #[error("no font of the configuration has the character {0:?}")]
    Glyph(char),
    /// The template does not fit the data, or typst failed.
    #[error("the template {template}: {what}")]
    Template {
        /// Its name.
        template: &'static str,
        /// What typst says.
        what: String,
    },
}

impl Press {
    /// Looks for the fonts and reads them.
    ///
    /// # Errors
    /// [`FontError`] names the file and the Debian package that brings it; for the operator.
    pub fn open(fonts: &[PathBuf]) -> Result<Self, FontError> {
        Ok(Self { fonts: Arc::new(Fonts::read(fonts)?), seats: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Prints `paper/{template}.typ` with these data, dated `at`: a PDF.
    ///
    /// # Errors
    /// [`PaperError`].
    pub async fn print(
        &self,
        template: &'static str,
        data: &impl Serialize,
        at: Timestamp,
    ) -> Result<Vec<u8>, PaperError> {
        self.print_as(template, data, at, Standard::Tagged).await
    }

    /// Prints a paper as this kind of PDF.
    ///
    /// # Errors
    /// [`PaperError`].
    pub async fn print_as(
        &self,
        template: &'static str,
        data: &impl Serialize,
        at: Timestamp,
        standard: Standard,
    ) -> Result<Vec<u8>, PaperError> {
        let fault = |what: String| PaperError::Template { template, what };
        let data = serde_json::to_vec(data).map_err(|error| fault(error.to_string()))?;
        if data.len() > MAX_DATA_BYTES {
            return Err(PaperError::TooLong);
        }
        let _seat = self.seats.acquire().await.map_err(|error| fault(error.to_string()))?;
        let fonts = self.fonts.clone();
        tokio::task::spawn_blocking(move || set(fonts, template, data, at, standard))
            .await
            .map_err(|error| fault(error.to_string()))?
    }
}

fn set(
    fonts: Arc<Fonts>,
    template: &'static str,
    data: Vec<u8>,
    at: Timestamp,
    standard: Standard,
) -> Result<Vec<u8>, PaperError> {
    if let Some(missing) = String::from_utf8_lossy(&data).chars().find(|c| !c.is_ascii() && !fonts.has(*c)) {
        return Err(PaperError::Glyph(missing));
    }
    let ident = hex::encode(openssl::sha::sha256(&data));
    let fault = |what: &str| PaperError::Template { template, what: what.to_owned() };
    let said = |faults: typst::ecow::EcoVec<typst::diag::SourceDiagnostic>| {
        fault(&faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; "))
    };
    let options = PdfOptions {
        ident: Smart::Custom(format!("{template} {ident}")),
        creator: Smart::Custom(Some("Yinxin".into())),
        timestamp: Some(stamp(at).ok_or_else(|| fault("a time without a date"))?),
        standards: PdfStandards::new(&[match standard {
            Standard::Tagged => PdfStandard::A_2a,
            Standard::WithAttachments => PdfStandard::A_3b,
            Standard::Drawing => PdfStandard::A_2b,
        }])
        .map_err(|error| fault(error.message()))?,
        tagged: standard != Standard::Drawing,
        ..PdfOptions::default()
    };
    let desk = Desk::new(fonts, template, data).ok_or_else(|| fault("no name of a template"))?;
    let made = typst::compile::<PagedDocument>(&desk)
        .output
        .and_then(|document| typst_pdf::pdf(&document, &options))
        .map_err(said);
    // typst remembers what it has set, for all threads; a paper is personal data, and the next one is another.
    typst::comemo::evict(0);
    made
}

/// A moment as PDF writes it, in Beijing's time.
fn stamp(at: Timestamp) -> Option<typst_pdf::Timestamp> {
    let there = at.plus(i64::from(BEIJING_MINUTES) * 60).to_utc()?;
    let (hour, minute, second) = there.to_hms();
    let local = Datetime::from_ymd_hms(there.year(), there.month().into(), there.day(), hour, minute, second)?;
    typst_pdf::Timestamp::new_local(local, BEIJING_MINUTES)
}

#[cfg(test)]
pub(crate) mod tests;
