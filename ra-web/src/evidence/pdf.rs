//! PDFs of scanners: refused when locked or when they can act, otherwise rebuilt from their pages alone.
//!
//! What a page needs to be drawn is kept; particulars, metadata, attached files, bookmarks, links, form fields, earlier
//! versions and whatever no page points to are left out. Photographs within are stripped like photographs alone. Every
//! stream is unpacked once within a limit, so that what draws it later finds no surprise.

use hayro::hayro_syntax::Pdf;
use lopdf::{Dictionary, Document, LoadOptions, Object, Stream};

use super::scan::{MAX_PIXELS, jpeg};
use crate::enrolment::document::{DocumentError, MAX_PAGES};

/// What one stream may unpack to: an A4 sheet at 600 dots an inch in colour has 105 MB.
const MAX_STREAM: usize = 128 * 1024 * 1024;
/// What a stream of objects may unpack to.
const MAX_OBJECTS: usize = 16 * 1024 * 1024;
/// What all streams may unpack to together.
const MAX_ALL: usize = 768 * 1024 * 1024;
/// No page is longer: two metres, in points.
const MAX_SIDE: f32 = 5670.0;

/// Acts that a reader would carry out.
const ACTS: [&[u8]; 9] = [
    b"JavaScript",
    b"Launch",
    b"SubmitForm",
    b"ImportData",
    b"Rendition",
    b"Movie",
    b"Sound",
    b"GoToE",
    b"RichMediaExecute",
];
/// Kinds of annotations that hold more than a drawing.
const PLAYERS: [&[u8]; 5] = [b"RichMedia", b"Movie", b"Sound", b"Screen", b"3D"];
const CATALOG: [&[u8]; 3] = [b"Type", b"Pages", b"OCProperties"];
const NODE: [&[u8]; 8] = [b"Type", b"Parent", b"Kids", b"Count", b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
const PAGE: [&[u8]; 13] = [
    b"Type",
    b"Parent",
    b"Resources",
    b"MediaBox",
    b"CropBox",
    b"BleedBox",
    b"TrimBox",
    b"ArtBox",
    b"Rotate",
    b"Contents",
    b"UserUnit",
    b"Group",
    b"Annots",
];
/// A stamp or a seal is drawn as an annotation: its drawing stays.
const ANNOTATION: [&[u8]; 7] = [b"Type", b"Subtype", b"Rect", b"AP", b"AS", b"F", b"OC"];
const LAYER: [&[u8]; 3] = [b"Type", b"Name", b"Intent"];
/// What a stream tells beside what it draws, or fetches from elsewhere.
const ASIDE: [&[u8]; 9] =
    [b"Metadata", b"PieceInfo", b"LastModified", b"AF", b"OPI", b"PtData", b"F", b"FFilter", b"FDecodeParms"];

/// The PDF without anything but its pages, and how many these are.
pub(super) fn clean(bytes: &[u8]) -> Result<(Vec<u8>, usize), DocumentError> {
    let options = LoadOptions { max_decompressed_size: Some(MAX_OBJECTS), ..LoadOptions::default() };
    let mut document = Document::load_mem_with_options(bytes, options).map_err(|error| match error {
        lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword => DocumentError::Encrypted,
        _ => DocumentError::Damaged,
    })?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err(DocumentError::Encrypted);
    }
    if document.objects.values().any(acts) {
        return Err(DocumentError::Active);
    }
    let pages: Vec<_> = document.get_pages().into_values().collect();
    match pages.len() {
        0 => return Err(DocumentError::Damaged),
        count if count > MAX_PAGES => return Err(DocumentError::TooManyPages),
        _ => {}
    }
    keep_pages(&mut document);
    document.prune_objects();
    strip_streams(&mut document)?;
    document.renumber_objects();
    let mut out = Vec::new();
    document.save_to(&mut out).map_err(|_| DocumentError::Damaged)?;
    if out.len() > 2 * crate::enrolment::document::MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge);
    }
    // What will draw it reads it now.
    let read = Pdf::new(out.clone()).map_err(|_| DocumentError::Damaged)?;
    if read.pages().len() != pages.len() {
        return Err(DocumentError::Damaged);
    }
    let fits = |(width, height): (f32, f32)| (1.0..=MAX_SIDE).contains(&width) && (1.0..=MAX_SIDE).contains(&height);
    if !read.pages().iter().all(|page| fits(page.render_dimensions())) {
        return Err(DocumentError::TooManyPixels);
    }
    Ok((out, pages.len()))
}

/// Whether anything in an object would be carried out or played.
fn acts(object: &Object) -> bool {
    let dictionary = match object {
        Object::Array(items) => return items.iter().any(acts),
        Object::Dictionary(dictionary) => dictionary,
        Object::Stream(stream) => &stream.dict,
        _ => return false,
    };
    let names = |key: &[u8], among: &[&[u8]]| {
        dictionary.get(key).and_then(Object::as_name).is_ok_and(|name| among.contains(&name))
    };
    names(b"S", &ACTS)
        || names(b"Subtype", &PLAYERS)
        || dictionary.has(b"JS")
        || dictionary.has(b"XFA")
        || dictionary.iter().any(|(_, value)| acts(value))
}

fn retain(dictionary: &mut Dictionary, keys: &[&[u8]]) {
    let others: Vec<Vec<u8>> =
        dictionary.iter().map(|(key, _)| key.clone()).filter(|key| !keys.contains(&key.as_slice())).collect();
    for key in others {
        dictionary.remove(&key);
    }
}

/// Takes everything out of the catalogue, the tree of pages, the pages and their annotations that draws nothing.
fn keep_pages(document: &mut Document) {
    retain(&mut document.trailer, &[b"Root", b"Size"]);
    let root = document.trailer.get(b"Root").and_then(Object::as_reference).ok();
    for (id, object) in &mut document.objects {
        if let Object::Array(items) = object {
            keep_drawings(items);
        }
        let Object::Dictionary(dictionary) = object else { continue };
        if Some(*id) == root {
            retain(dictionary, &CATALOG);
            continue;
        }
        let kind = dictionary.get(b"Type").and_then(Object::as_name).map(<[u8]>::to_vec).unwrap_or_default();
        let keys: &[&[u8]] = match kind.as_slice() {
            b"Pages" => &NODE,
            b"Page" => &PAGE,
            b"OCG" => &LAYER,
            b"Annot" => &ANNOTATION,
            _ if is_annotation(dictionary) => &ANNOTATION,
            _ => {
                for key in ASIDE.iter().filter(|key| **key != b"F") {
                    if dictionary.has(b"Type") {
                        dictionary.remove(key);
                    }
                }
                continue;
            }
        };
        retain(dictionary, keys);
        if let Ok(Object::Array(annotations)) = dictionary.get_mut(b"Annots") {
            keep_drawings(annotations);
        }
    }
}

fn is_annotation(dictionary: &Dictionary) -> bool {
    dictionary.has(b"Subtype") && dictionary.has(b"Rect")
}

fn keep_drawings(items: &mut [Object]) {
    for item in items {
        if let Object::Dictionary(dictionary) = item
            && is_annotation(dictionary)
        {
            retain(dictionary, &ANNOTATION);
        }
    }
}

/// Unpacks each stream within limits, and strips the photographs.
fn strip_streams(document: &mut Document) -> Result<(), DocumentError> {
    let mut all = 0;
    for object in document.objects.values_mut() {
        let Object::Stream(stream) = object else { continue };
        for key in ASIDE {
            stream.dict.remove(key);
        }
        let side = |key: &[u8]| stream.dict.get(key).and_then(Object::as_i64).ok().and_then(|n| u64::try_from(n).ok());
        if side(b"Width").unwrap_or(0).saturating_mul(side(b"Height").unwrap_or(0)) > MAX_PIXELS {
            return Err(DocumentError::TooManyPixels);
        }
        let filters: Vec<Vec<u8>> =
            stream.filters().map(|all| all.iter().map(|filter| filter.to_vec()).collect()).unwrap_or_default();
        let Some((last, before)) = filters.split_last() else { continue };
        let plain = match last.as_slice() {
            b"DCTDecode" | b"DCT" | b"JPXDecode" => {
                let picture = unpacked(stream, before)?;
                all += picture.len();
                let kept = if last == b"JPXDecode" { jpeg_2000(&picture) } else { jpeg(&picture, false) };
                let mut dict = stream.dict.clone();
                dict.set("Filter", Object::Name(last.clone()));
                dict.remove(b"DecodeParms");
                *stream = Stream::new(dict, kept.ok_or(DocumentError::Damaged)?).with_compression(false);
                continue;
            }
            // Bounded by the picture's sides, which were looked at.
            b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" => unpacked(stream, before)?,
            _ => unpacked(stream, &filters)?,
        };
        all += plain.len();
        if all > MAX_ALL {
            return Err(DocumentError::TooManyPixels);
        }
    }
    Ok(())
}

/// What a stream holds under the first of its filters.
fn unpacked(stream: &Stream, filters: &[Vec<u8>]) -> Result<Vec<u8>, DocumentError> {
    if filters.is_empty() {
        return Ok(stream.content.clone());
    }
    let mut outer = Stream::new(stream.dict.clone(), stream.content.clone());
    outer.dict.set("Filter", Object::Array(filters.iter().cloned().map(Object::Name).collect()));
    outer.decompressed_content_with_limit(MAX_STREAM).map_err(|error| match error {
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => DocumentError::TooManyPixels,
        _ => DocumentError::Damaged,
    })
}

/// A JPEG 2000 picture without the boxes that tell of it. A bare code stream has none.
fn jpeg_2000(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"\0\0\0\x0cjP  ") {
        return Some(bytes.to_vec());
    }
    let (mut kept, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while !rest.is_empty() {
        let kind = rest.get(4..8)?;
        let length = match u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) {
            0 => rest.len(),
            1 => usize::try_from(u64::from_be_bytes(rest.get(8..16)?.try_into().ok()?)).ok()?,
            length => usize::try_from(length).ok()?,
        };
        let piece = rest.get(..length.max(8))?;
        if matches!(kind, b"jP  " | b"ftyp" | b"jp2h" | b"jp2c") {
            kept.extend_from_slice(piece);
        }
        rest = &rest[piece.len()..];
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use lopdf::{EncryptionState, EncryptionVersion, Permissions, dictionary};

    use super::super::preview::{Size, draw};
    use super::super::tests::PDF;
    use super::*;
    use crate::enrolment::document::Media;

    fn tells(bytes: &[u8]) -> bool {
        let document = Document::load_mem(bytes).expect("a PDF");
        let seen: Vec<u8> = document
            .objects
            .values()
            .flat_map(|object| match object {
                Object::Stream(stream) => [format!("{:?}", stream.dict).into_bytes(), stream.content.clone()].concat(),
                object => format!("{object:?}").into_bytes(),
            })
            .chain(format!("{:?}", document.trailer).into_bytes())
            .collect();
        ["CounterCam", "GPSLatitude", "PieceInfo", "Metadata", "Info", "xmpmeta"]
            .iter()
            .any(|word| seen.windows(word.len()).any(|window| window == word.as_bytes()))
    }

    fn changed(change: impl FnOnce(&mut Document)) -> Vec<u8> {
        let mut document = Document::load_mem(PDF).expect("a PDF");
        change(&mut document);
        let mut out = Vec::new();
        document.save_to(&mut out).expect("saved");
        out
    }

    fn catalog(document: &mut Document) -> &mut Dictionary {
        document.catalog_mut().expect("a catalogue")
    }

    #[test]
    fn what_a_pdf_tells_is_gone_and_its_pages_are_the_same() {
        assert!(tells(PDF));
        let (kept, pages) = clean(PDF).expect("a scan");
        assert_eq!(pages, 2);
        assert!(!tells(&kept));
        for page in 0..2 {
            let seen = |bytes: &[u8]| draw(Media::Pdf, bytes, page, Size::Large).expect("drawn");
            assert!(seen(PDF) == seen(&kept), "page {page}");
        }
        assert_eq!(clean(&kept).expect("a scan").1, 2);
    }

    #[test]
    fn attached_files_bookmarks_and_what_no_page_needs_go() {
        let told = changed(|document| {
            let file =
                document.add_object(Stream::new(dictionary! { "Type" => "EmbeddedFile" }, b"MZ attached".to_vec()));
            let spec = dictionary! { "Type" => "Filespec", "F" => Object::string_literal("a.exe"), "EF" => dictionary! { "F" => file } };
            let names = dictionary! { "EmbeddedFiles" => dictionary! { "Names" => vec![Object::string_literal("a"), spec.into()] } };
            document.add_object(Stream::new(Dictionary::new(), b"CounterCam of an earlier version".to_vec()));
            catalog(document).set("Names", names);
            catalog(document).set("Outlines", dictionary! { "Title" => Object::string_literal("CounterCam") });
        });
        let (kept, _) = clean(&told).expect("a scan");
        assert!(!tells(&kept) && !kept.windows(8).any(|window| window == b"attached"));
    }

    #[test]
    fn what_would_act_is_refused() {
        let script = || dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") };
        let launch = || dictionary! { "S" => "Launch", "F" => Object::string_literal("a.exe") };
        let cases: [(&str, Vec<u8>); 5] = [
            ("opened", changed(|document| catalog(document).set("OpenAction", script()))),
            (
                "named",
                changed(|document| {
                    catalog(document).set("Names", dictionary! { "JavaScript" => dictionary! { "Names" => vec![Object::string_literal("a"), script().into()] } });
                }),
            ),
            (
                "launched",
                changed(|document| {
                    let page = document.get_pages()[&1];
                    let link = dictionary! { "Type" => "Annot", "Subtype" => "Link", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()], "A" => launch() };
                    document
                        .get_object_mut(page)
                        .and_then(Object::as_dict_mut)
                        .expect("a page")
                        .set("Annots", vec![link.into()]);
                }),
            ),
            (
                "a form of its own",
                changed(|document| {
                    catalog(document).set("AcroForm", dictionary! { "XFA" => Object::string_literal("<xdp/>") });
                }),
            ),
            (
                "played",
                changed(|document| {
                    document.add_object(dictionary! { "Type" => "Annot", "Subtype" => "RichMedia" });
                }),
            ),
        ];
        for (name, bytes) in cases {
            assert_eq!(clean(&bytes), Err(DocumentError::Active), "{name}");
        }
    }

    #[test]
    fn a_locked_one_is_refused_with_and_without_a_password() {
        for user in ["", "secret"] {
            let locked = changed(|document| {
                let version = EncryptionVersion::V2 {
                    document,
                    owner_password: "owner",
                    user_password: user,
                    key_length: 128,
                    permissions: Permissions::all(),
                };
                let state = EncryptionState::try_from(version).expect("a state");
                document.encrypt(&state).expect("locked");
            });
            assert_eq!(clean(&locked), Err(DocumentError::Encrypted), "{user:?}");
        }
    }

    #[test]
    fn bombs_and_books_are_refused() {
        let bomb = changed(|document| {
            let page = document.get_pages()[&1];
            // Each pair of bytes stands for 128 spaces.
            let packed = [129, b' '].repeat(MAX_STREAM / 128 + 1);
            let stream = Stream::new(dictionary! { "Filter" => "RunLengthDecode" }, packed);
            let content = document.add_object(stream);
            document.get_object_mut(page).and_then(Object::as_dict_mut).expect("a page").set("Contents", content);
        });
        assert_eq!(clean(&bomb), Err(DocumentError::TooManyPixels));
        let wide = changed(|document| {
            for object in document.objects.values_mut() {
                if let Object::Stream(stream) = object
                    && stream.dict.has(b"Width")
                {
                    stream.dict.set("Width", 4_000_000);
                }
            }
        });
        assert_eq!(clean(&wide), Err(DocumentError::TooManyPixels));
        let book = changed(|document| {
            let (page, root) = (
                document.get_pages()[&2],
                document.catalog().expect("one").get(b"Pages").and_then(Object::as_reference).expect("a tree"),
            );
            let copy = document.get_object(page).expect("a page").clone();
            let kids: Vec<Object> = (0..=MAX_PAGES).map(|_| document.add_object(copy.clone()).into()).collect();
            let tree = document.get_object_mut(root).and_then(Object::as_dict_mut).expect("a tree");
            tree.set("Count", i64::try_from(kids.len()).expect("few"));
            tree.set("Kids", kids);
        });
        assert_eq!(clean(&book), Err(DocumentError::TooManyPages));
    }

    #[test]
    fn any_piece_cut_out_is_refused_or_drawn_and_never_a_panic() {
        for at in (0..PDF.len()).step_by(11) {
            let mut cut = PDF[..at].to_vec();
            cut.extend_from_slice(&PDF[(at + 3).min(PDF.len())..]);
            if let Ok((kept, pages)) = clean(&cut) {
                for page in 0..pages {
                    assert!(draw(Media::Pdf, &kept, page, Size::Small).is_some(), "cut at {at}");
                }
            }
        }
    }
}
