//! What comes from a scanner, a camera or a telephone: told by its content, decoded once within limits, and stripped of
//! what it tells beside the picture: places, devices, names, earlier versions, files within. The picture's own bytes stay
//! as they are; of the metadata only which side is up is written anew.
//!
//! Pure. Trusts nothing in the file. What cannot be stripped is refused rather than kept as it came.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use img_parts::Bytes;
use img_parts::png::{Png, PngChunk};

use super::pdf;
use crate::enrolment::document::{DocumentError, Media};

/// An A4 sheet at 600 dots an inch has 35 million.
pub(super) const MAX_PIXELS: u64 = 40_000_000;
/// A page is no wider or higher.
const MAX_SIDE: u32 = 20_000;
/// What decoding one picture may take.
const MAX_ALLOC: u64 = 384 * 1024 * 1024;

/// A scan that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What it is.
    pub media: Media,
    /// Its bytes, without metadata.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
}

/// Looks at an upload and strips it.
///
/// # Errors
/// [`DocumentError`] says why it is no scan.
pub fn clean(bytes: &[u8]) -> Result<Scan, DocumentError> {
    let media = Media::of(bytes)?;
    let (bytes, pages) = match media {
        Media::Pdf => pdf::clean(bytes)?,
        Media::Jpeg => (jpeg(bytes, true).ok_or(DocumentError::Truncated)?, 1),
        Media::Png => (png(bytes)?, 1),
    };
    if media.is_image() {
        decode(media, &bytes)?;
    }
    Ok(Scan { media, bytes, pages })
}

/// The picture as it is to be seen.
pub(super) fn decode(media: Media, bytes: &[u8]) -> Result<DynamicImage, DocumentError> {
    let format = if media == Media::Jpeg { ImageFormat::Jpeg } else { ImageFormat::Png };
    let damaged = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => DocumentError::TooManyPixels,
        _ => DocumentError::Damaged,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DocumentError::TooManyPixels);
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// A JPEG with the segments that make the picture and no others, nothing behind its end; which side is up is kept when
/// `upright` asks for it. `None` when it is cut off.
pub(super) fn jpeg(bytes: &[u8], upright: bool) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(bytes.len());
    let (mut at, mut scanning, mut up) = (2, false, Orientation::NoTransforms);
    loop {
        let mark = at + bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        if scanning {
            kept.extend_from_slice(&bytes[at..mark]);
        }
        let marker = *bytes.get(mark + 1)?;
        at = mark + 2;
        match marker {
            0xff => at = mark + 1,
            0xd9 => {
                kept.extend_from_slice(&[0xff, 0xd9]);
                break;
            }
            0x00 | 0xd0..=0xd7 if scanning => kept.extend_from_slice(&[0xff, marker]),
            0x00 | 0x01 | 0xd0..=0xd8 => {}
            _ => {
                let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
                let body = bytes.get(at + 2..at + length)?;
                at += length;
                if let Some(tiff) = body.strip_prefix(b"Exif\0\0").filter(|_| marker == 0xe1) {
                    up = Orientation::from_exif_chunk(tiff).unwrap_or(up);
                }
                if let Some(body) = segment(marker, body) {
                    push_segment(&mut kept, marker, body);
                }
                scanning = marker == 0xda || scanning;
            }
        }
    }
    let mut out = vec![0xff, 0xd8];
    if upright && up != Orientation::NoTransforms {
        push_segment(&mut out, 0xe1, &[b"Exif\0\0", tiff(up).as_slice()].concat());
    }
    out.extend_from_slice(&kept);
    Some(out)
}

fn push_segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    // A body came from a segment, or is a few bytes of ours: it fits.
    let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
}

/// What of a segment is picture: tables, frames and scans; the colour profile; how colours were transformed.
fn segment(marker: u8, body: &[u8]) -> Option<&[u8]> {
    match marker {
        0xc0..=0xcf | 0xda..=0xdd => Some(body),
        0xe2 if body.starts_with(b"ICC_PROFILE\0") => Some(body),
        0xee if body.starts_with(b"Adobe") && body.len() == 12 => Some(body),
        _ => None,
    }
}

/// The least TIFF that says which side is up.
fn tiff(up: Orientation) -> Vec<u8> {
    let mut out = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    out.extend_from_slice(&[up.to_exif(), 0, 0, 0, 0, 0, 0]);
    out
}

fn png(bytes: &[u8]) -> Result<Vec<u8>, DocumentError> {
    const PICTURE: [&[u8; 4]; 10] =
        [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"];
    let mut png = Png::from_bytes(Bytes::copy_from_slice(bytes)).map_err(|_| DocumentError::Damaged)?;
    let exif = png.chunk_by_type(*b"eXIf").and_then(|chunk| Orientation::from_exif_chunk(chunk.contents()));
    let chunks = png.chunks_mut();
    chunks.retain(|chunk| PICTURE.iter().any(|kind| **kind == chunk.kind()));
    if let Some(up) = exif.filter(|up| *up != Orientation::NoTransforms) {
        chunks.insert(1.min(chunks.len()), PngChunk::new(*b"eXIf", tiff(up).into()));
    }
    Ok(png.encoder().bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use image::GenericImageView as _;

    use super::super::tests::{JPEG, PHONE, PNG, TOLD};
    use super::*;

    /// Whether anything of what the fixtures tell is still there.
    fn tells(bytes: &[u8]) -> bool {
        [&b"CounterCam"[..], b"GPSLatitude", b"http://ns.adobe.com", b"Photoshop", b"IPTC", b"\x88\x25\0\x04"]
            .iter()
            .any(|word| bytes.windows(word.len()).any(|window| window == *word))
    }

    #[test]
    fn where_a_photograph_was_taken_is_gone_and_the_picture_is_the_same() {
        assert!(tells(PHONE));
        let scan = clean(PHONE).expect("a scan");
        assert!(!tells(&scan.bytes), "{:?}", String::from_utf8_lossy(&scan.bytes));
        assert!(scan.bytes.ends_with(&[0xff, 0xd9]) && scan.bytes.len() < PHONE.len());
        let (before, after) =
            (decode(Media::Jpeg, PHONE).expect("seen"), decode(Media::Jpeg, &scan.bytes).expect("seen"));
        assert_eq!(before, after, "upright as it was");
        assert_eq!(after.dimensions(), (32, 48), "turned");
        assert_eq!(clean(&scan.bytes).expect("a scan"), scan, "nothing is left to take away");
    }

    #[test]
    fn what_a_png_tells_is_gone_and_the_picture_is_the_same() {
        assert!(tells(TOLD));
        let scan = clean(TOLD).expect("a scan");
        assert!(!tells(&scan.bytes));
        assert!(scan.bytes.ends_with(b"IEND\xaeB`\x82"));
        assert_eq!(decode(Media::Png, TOLD).expect("seen"), decode(Media::Png, &scan.bytes).expect("seen"));
        assert_eq!(decode(Media::Png, &scan.bytes).expect("seen").dimensions(), (56, 40), "turned");
        assert_eq!(clean(PNG).expect("a scan").bytes, PNG, "a plain one stays byte for byte");
    }

    #[test]
    fn each_kind_of_segment_between_scans_is_walked() {
        // A comment within the scan, as a progressive picture may have one.
        let sos = JPEG.windows(2).position(|two| two == [0xff, 0xda]).expect("a scan");
        let end = JPEG.len() - 2;
        let mut told = JPEG[..end].to_vec();
        told.extend_from_slice(b"\xff\xfe\0\x0cCounterCam\xff\xd9");
        assert!(sos < end && tells(&told));
        let kept = jpeg(&told, true).expect("whole");
        assert!(!tells(&kept));
        assert_eq!(kept, jpeg(JPEG, true).expect("whole"));
        assert_eq!(jpeg(&told[..told.len() - 2], true), None, "cut off");
    }

    #[test]
    fn a_small_file_with_a_huge_picture_is_refused_before_it_is_unpacked() {
        let claim = |width: u32, height: u32| {
            let mut png = Png::from_bytes(Bytes::from_static(PNG)).expect("a PNG");
            let mut header = png.chunks()[0].contents().to_vec();
            header[..4].copy_from_slice(&width.to_be_bytes());
            header[4..8].copy_from_slice(&height.to_be_bytes());
            png.chunks_mut()[0] = PngChunk::new(*b"IHDR", header.into());
            png.encoder().bytes().to_vec()
        };
        assert_eq!(clean(&claim(19_999, 19_999)), Err(DocumentError::TooManyPixels));
        assert_eq!(clean(&claim(2_000_000, 3)), Err(DocumentError::TooManyPixels));
        assert_eq!(clean(&claim(41, 56)), Err(DocumentError::Damaged), "and one that lies otherwise");
    }

    #[test]
    fn any_piece_cut_out_is_refused_or_seen_and_never_a_panic() {
        for whole in [PHONE, JPEG, PNG, TOLD] {
            for at in (0..whole.len()).step_by(7) {
                let mut cut = whole[..at].to_vec();
                cut.extend_from_slice(&whole[(at + 5).min(whole.len())..]);
                if let Ok(scan) = clean(&cut) {
                    assert!(decode(scan.media, &scan.bytes).is_ok());
                }
            }
        }
    }
}
