//! A QR code, as rows of dark and light: it leads to the page where a paper is checked.

use qrcode::{EcLevel, QrCode};

/// A square of modules, without its quiet margin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules(Vec<Vec<bool>>);

impl Modules {
    /// The code of a text. `None` when it is too long for one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let colours = code.to_colors();
        let rows = colours.chunks(code.width()).map(|row| row.iter().map(|c| *c == qrcode::Color::Dark).collect());
        Some(Self(rows.collect()))
    }

    /// How many there are on a side.
    #[must_use]
    pub fn side(&self) -> usize {
        self.0.len()
    }

    /// Runs of dark modules: row, first column, length.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.0.iter().enumerate().flat_map(|(y, row)| {
            let mut runs = Vec::new();
            let mut at = 0;
            while at < row.len() {
                let length = row[at..].iter().take_while(|dark| **dark).count();
                if length > 0 {
                    runs.push((y, at, length));
                }
                at += length.max(1);
            }
            runs
        })
    }

    /// As SVG, a module a unit.
    #[must_use]
    pub fn svg(&self) -> String {
        let side = self.side();
        let path: String = self.runs().map(|(y, x, length)| format!("M{x} {y}h{length}v1h-{length}z")).collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"{side}\" height=\"{side}\">\
             <path d=\"{path}\" fill=\"#000\"/></svg>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_the_dark_modules_and_no_others() {
        let code = Modules::of("https://ca.example/invoice/verify?number=99202609210000000001&check=0123456789")
            .expect("fits");
        let mut drawn = vec![vec![false; code.side()]; code.side()];
        for (y, x, length) in code.runs() {
            for column in &mut drawn[y][x..x + length] {
                assert!(!std::mem::replace(column, true), "twice");
            }
        }
        assert_eq!(drawn, code.0);
        assert!(Modules::of(&"x".repeat(4000)).is_none());
    }
}
