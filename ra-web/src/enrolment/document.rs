//! Scans: what kind, what they really are by their content, how large.

/// The most bytes of one scan.
pub const MAX_DOCUMENT_BYTES: usize = 10 * 1024 * 1024;
/// The most pages of one scan.
pub const MAX_PAGES: usize = 50;
/// The most scans of one kind: both sides of a card, the sheets of a form.
pub const MAX_SHEETS: usize = 8;

/// What is scanned (`domain.md` §3.10); which of them a case must have, says its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// Business licence with the seal on it.
    Licence,
    /// The handler's identity card.
    IdCard,
    /// An image of the seal.
    Seal,
    /// The unit's sealed word that its token is lost.
    LossStatement,
    /// When the token was bought.
    PurchaseProof,
    /// What the test of a faulty token showed.
    FaultReport,
    /// The registry's notice of a change.
    ChangeNotice,
    /// The application, signed and sealed.
    ApplicationForm,
    /// The subscriber agreement, signed and sealed.
    Agreement,
    /// That the token was received, signed.
    HandoverReceipt,
    /// The notice of a revocation, with the subscriber's receipt.
    RevocationNotice,
}

impl DocumentKind {
    /// All, in the order in which an order lists their hashes.
    pub const ALL: [Self; 11] = [
        Self::Licence,
        Self::IdCard,
        Self::Seal,
        Self::LossStatement,
        Self::PurchaseProof,
        Self::FaultReport,
        Self::ChangeNotice,
        Self::ApplicationForm,
        Self::Agreement,
        Self::HandoverReceipt,
        Self::RevocationNotice,
    ];

    /// The word in forms, addresses and stores.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Licence => "licence",
            Self::IdCard => "id_card",
            Self::Seal => "seal",
            Self::LossStatement => "loss_statement",
            Self::PurchaseProof => "purchase_proof",
            Self::FaultReport => "fault_report",
            Self::ChangeNotice => "change_notice",
            Self::ApplicationForm => "application_form",
            Self::Agreement => "agreement",
            Self::HandoverReceipt => "handover_receipt",
            Self::RevocationNotice => "revocation_notice",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What a scan may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `image/jpeg`.
    Jpeg,
    /// `image/png`.
    Png,
    /// `application/pdf`.
    Pdf,
}

/// Why bytes are no scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Over [`MAX_DOCUMENT_BYTES`].
    #[error("the file is over {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge,
    /// It begins as such a file does but does not end so: cut off on the way.
    #[error("the file is cut off")]
    Truncated,
    /// None of the three, whatever its name says.
    #[error("the file is no JPEG, PNG or PDF")]
    WrongType,
    /// It cannot be shown.
    #[error("the file cannot be read")]
    Damaged,
    /// Larger than any sheet, or packed so that it would become so.
    #[error("the picture is too large")]
    TooManyPixels,
    /// Over [`MAX_PAGES`].
    #[error("the file has over {MAX_PAGES} pages")]
    TooManyPages,
    /// Over [`MAX_SHEETS`].
    #[error("there are over {MAX_SHEETS} files")]
    TooManySheets,
    /// Behind a password.
    #[error("the file is encrypted")]
    Encrypted,
    /// With scripts, programs to start, or films.
    #[error("the file can act")]
    Active,
}

impl DocumentError {
    /// The end of the message key `document-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::WrongType => "wrong-type",
            Self::Damaged => "damaged",
            Self::TooManyPixels => "too-many-pixels",
            Self::TooManyPages => "too-many-pages",
            Self::TooManySheets => "too-many-sheets",
            Self::Encrypted => "encrypted",
            Self::Active => "active",
        }
    }
}

impl Media {
    /// Tells by the content, start and end, what a file is. The name and the browser's word count for nothing.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn of(bytes: &[u8]) -> Result<Self, DocumentError> {
        // The end mark may be followed by a few bytes that scanners add.
        let tail = &bytes[bytes.len().saturating_sub(1024)..];
        let ends = |mark: &[u8]| tail.windows(mark.len()).any(|window| window == mark);
        let (media, whole) = match bytes {
            [] => return Err(DocumentError::Empty),
            _ if bytes.len() > MAX_DOCUMENT_BYTES => return Err(DocumentError::TooLarge),
            [0xff, 0xd8, 0xff, ..] => (Self::Jpeg, ends(&[0xff, 0xd9])),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => (Self::Png, ends(b"IEND")),
            [b'%', b'P', b'D', b'F', b'-', ..] => (Self::Pdf, ends(b"%%EOF")),
            _ => return Err(DocumentError::WrongType),
        };
        if whole { Ok(media) } else { Err(DocumentError::Truncated) }
    }

    /// The media type, in stores and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Pdf => "application/pdf",
        }
    }

    /// The media with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Jpeg, Self::Png, Self::Pdf].into_iter().find(|media| media.name() == name)
    }

    /// Whether a browser shows it in an `img`.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82";

    #[test]
    fn the_content_decides() {
        assert_eq!(Media::of(b"\xff\xd8\xff\xe0..\xff\xd9"), Ok(Media::Jpeg));
        assert_eq!(Media::of(PNG), Ok(Media::Png));
        assert_eq!(Media::of(b"%PDF-1.7 ... %%EOF\n"), Ok(Media::Pdf));
        assert_eq!(Media::of(b"GIF89a"), Err(DocumentError::WrongType));
        assert_eq!(Media::of(b"<svg onload=alert(1)>"), Err(DocumentError::WrongType));
    }

    #[test]
    fn cut_empty_and_oversize_files_are_named() {
        assert_eq!(Media::of(&PNG[..12]), Err(DocumentError::Truncated));
        assert_eq!(Media::of(b"%PDF-1.7 ..."), Err(DocumentError::Truncated));
        assert_eq!(Media::of(b""), Err(DocumentError::Empty));
        assert_eq!(Media::of(&vec![b'%'; MAX_DOCUMENT_BYTES + 1]), Err(DocumentError::TooLarge));
    }
}
