//! A page of an OFD: texts, lines and filled shapes, in millimetres from the upper left.

use super::super::xml::Xml;

/// What a colour is, as OFD writes it.
pub(super) type Colour = &'static str;
/// Black.
pub(super) const INK: Colour = "0 0 0";
/// The brown of the form's lines and names.
pub(super) const FORM: Colour = "128 64 32";
/// The grey red of what stands behind.
pub(super) const BEHIND: Colour = "240 205 205";

/// Where a text ends up in its width.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// At its left.
    Left,
    /// In its middle.
    Centre,
    /// At its right.
    Right,
}

/// A page that is being drawn.
pub(super) struct Canvas<'a> {
    xml: &'a mut Xml,
    font: u32,
    next: u32,
}

impl<'a> Canvas<'a> {
    /// Draws into a layer; ids go on after `last`.
    pub(super) fn new(xml: &'a mut Xml, font: u32, last: u32) -> Self {
        Self { xml, font, next: last + 1 }
    }

    /// The last id that was given.
    pub(super) const fn last(&self) -> u32 {
        self.next - 1
    }

    fn id(&mut self) -> String {
        let id = self.next;
        self.next += 1;
        id.to_string()
    }

    /// A text in a box: `x`, `y` of its upper left, its width, the size of its letters. Broken into lines where it is wider; says
    /// how many.
    pub(super) fn text(
        &mut self,
        (x, y, width): (f64, f64, f64),
        size: f64,
        align: Align,
        colour: Colour,
        text: &str,
    ) -> std::io::Result<usize> {
        let lines = broken(text, width, size);
        for (n, line) in lines.iter().enumerate() {
            let wide = width_of(line, size);
            let left = match align {
                Align::Left => 0.0,
                Align::Centre => ((width - wide) / 2.0).max(0.0),
                Align::Right => (width - wide).max(0.0),
            };
            let top = y + f64::from(u32::try_from(n).unwrap_or(0)) * size * 1.25;
            self.line_of_text((x + left, top), size, colour, line, wide)?;
        }
        Ok(lines.len())
    }

    fn line_of_text(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        colour: Colour,
        line: &str,
        wide: f64,
    ) -> std::io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let (id, font, letters) = (self.id(), self.font.to_string(), mm(size));
        let bounds = [mm(x), mm(y), mm(wide + 0.5), mm(size * 1.2)].join(" ");
        let attributes = [("ID", id.as_str()), ("Boundary", &bounds), ("Font", &font), ("Size", &letters)];
        self.xml.open("ofd:TextObject", &attributes)?;
        self.xml.empty("ofd:FillColor", &[("Value", colour)])?;
        let mut advances: Vec<String> = line.chars().map(|c| mm(advance(c, size))).collect();
        advances.pop();
        let (base, advances) = (mm(size * 0.9), advances.join(" "));
        let mut code = vec![("X", "0"), ("Y", base.as_str())];
        if !advances.is_empty() {
            code.push(("DeltaX", &advances));
        }
        self.xml.leaf("ofd:TextCode", &code, line)?;
        self.xml.close("ofd:TextObject")
    }

    /// A line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64)) -> std::io::Result<()> {
        let (left, top) = (from.0.min(to.0), from.1.min(to.1));
        let (wide, high) = ((from.0 - to.0).abs().max(0.2), (from.1 - to.1).abs().max(0.2));
        let path = format!("M {} {} L {} {}", mm(from.0 - left), mm(from.1 - top), mm(to.0 - left), mm(to.1 - top));
        self.path((left, top, wide, high), FORM, None, &path)
    }

    /// A filled shape.
    pub(super) fn fill(&mut self, bounds: (f64, f64, f64, f64), colour: Colour, path: &str) -> std::io::Result<()> {
        self.path(bounds, colour, Some(colour), path)
    }

    fn path(
        &mut self,
        (x, y, wide, high): (f64, f64, f64, f64),
        stroke: Colour,
        fill: Option<Colour>,
        path: &str,
    ) -> std::io::Result<()> {
        let id = self.id();
        let bounds = [mm(x), mm(y), mm(wide), mm(high)].join(" ");
        let mut attributes = vec![("ID", id.as_str()), ("Boundary", bounds.as_str()), ("LineWidth", "0.25")];
        if fill.is_some() {
            attributes.extend([("Stroke", "false"), ("Fill", "true")]);
        }
        self.xml.open("ofd:PathObject", &attributes)?;
        match fill {
            Some(colour) => self.xml.empty("ofd:FillColor", &[("Value", colour)])?,
            None => self.xml.empty("ofd:StrokeColor", &[("Value", stroke)])?,
        }
        self.xml.leaf("ofd:AbbreviatedData", &[], path)?;
        self.xml.close("ofd:PathObject")
    }
}

/// Millimetres with three decimals at most.
pub(super) fn mm(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Latin letters are half as wide as Chinese ones.
fn advance(c: char, size: f64) -> f64 {
    if c.is_ascii() || c == '¥' { size / 2.0 } else { size }
}

fn width_of(text: &str, size: f64) -> f64 {
    text.chars().map(|c| advance(c, size)).sum()
}

fn broken(text: &str, width: f64, size: f64) -> Vec<String> {
    let (mut lines, mut line, mut wide) = (Vec::new(), String::new(), 0.0);
    for c in text.chars() {
        let more = advance(c, size);
        if wide + more > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            wide = 0.0;
        }
        line.push(c);
        wide += more;
    }
    lines.push(line);
    lines
}
