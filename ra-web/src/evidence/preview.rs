//! Pages of scans as pictures: small beside the form, large in the viewer. Drawn on demand and kept nowhere.
//!
//! For: stripped scans only, whose size [`super::scan`] has looked at. `None` for what cannot be drawn.

use std::io::Cursor;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{RenderCache, RenderSettings, render};
use image::{DynamicImage, ImageFormat, RgbaImage};

use super::scan::decode;
use crate::enrolment::document::Media;

/// How large a picture is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Beside the form.
    Small,
    /// To be read.
    Large,
}

impl Size {
    /// The longer side in pixels.
    const fn side(self) -> u16 {
        match self {
            Self::Small => 400,
            Self::Large => 2000,
        }
    }
}

/// A page as PNG; pages count from 0.
#[must_use]
pub fn draw(media: Media, bytes: &[u8], page: usize, size: Size) -> Option<Vec<u8>> {
    match media {
        Media::Pdf => pdf(bytes, page, size),
        Media::Jpeg | Media::Png if page == 0 => picture(media, bytes, size),
        Media::Jpeg | Media::Png => None,
    }
}

fn picture(media: Media, bytes: &[u8], size: Size) -> Option<Vec<u8>> {
    let side = u32::from(size.side());
    let mut picture = decode(media, bytes).ok()?;
    if picture.width().max(picture.height()) > side {
        picture = picture.thumbnail(side, side);
    }
    // A seal cut out of its sheet stands on white, as it would on paper.
    let mut sheet = RgbaImage::from_pixel(picture.width(), picture.height(), image::Rgba([255; 4]));
    image::imageops::overlay(&mut sheet, &picture.into_rgba8(), 0, 0);
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(sheet).into_rgb8().write_to(&mut out, ImageFormat::Png).ok()?;
    Some(out.into_inner())
}

fn pdf(bytes: &[u8], page: usize, size: Size) -> Option<Vec<u8>> {
    let pdf = Pdf::new(bytes.to_vec()).ok()?;
    let page = pdf.pages().get(page)?;
    let (width, height) = page.render_dimensions();
    let scale = f32::from(size.side()) / width.max(height).max(1.0);
    // Within the size: a float becomes the nearest whole number of the type.
    let side = |length: f32| Some((length * scale).round().max(1.0) as u16);
    let settings =
        RenderSettings { x_scale: scale, y_scale: scale, width: side(width), height: side(height), bg_color: WHITE };
    render(page, &RenderCache::new(), &InterpreterSettings::default(), &settings).into_png().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PDF, PHONE, PNG};
    use super::*;

    fn sides(png: &[u8]) -> (u32, u32) {
        let picture = image::load_from_memory_with_format(png, ImageFormat::Png).expect("a PNG");
        (picture.width(), picture.height())
    }

    #[test]
    fn each_page_of_each_kind_is_drawn_upright_within_its_size() {
        assert_eq!(sides(&draw(Media::Jpeg, PHONE, 0, Size::Small).expect("drawn")), (32, 48));
        assert_eq!(sides(&draw(Media::Png, PNG, 0, Size::Large).expect("drawn")), (40, 56));
        assert_eq!(sides(&draw(Media::Pdf, PDF, 0, Size::Small).expect("drawn")), (286, 400));
        assert_eq!(sides(&draw(Media::Pdf, PDF, 1, Size::Large).expect("drawn")), (2000, 1429), "turned");
        for (media, bytes, page) in [(Media::Pdf, PDF, 2), (Media::Jpeg, PHONE, 1), (Media::Pdf, PNG, 0)] {
            assert_eq!(draw(media, bytes, page, Size::Small), None);
        }
    }

    #[test]
    fn a_page_shows_what_is_on_it() {
        let png = draw(Media::Pdf, PDF, 0, Size::Small).expect("drawn");
        let page = image::load_from_memory_with_format(&png, ImageFormat::Png).expect("a PNG").into_rgb8();
        assert_eq!(page.get_pixel(70, 330).0, [0, 128, 0], "the green square");
        assert_eq!(page.get_pixel(280, 390).0, [255, 255, 255], "paper");
        let photograph = page.get_pixel(60, 60).0;
        assert!(photograph[0] > 150 && photograph[1] < 60, "the red corner of the photograph: {photograph:?}");
    }
}
