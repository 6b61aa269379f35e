//! The embedded font: how wide a text is, where it breaks, and its outlines.

use std::sync::OnceLock;

use ttf_parser::{Face, OutlineBuilder};

/// Fonts for a picture whose viewer draws the letters. All are about as wide as the
/// embedded one.
pub(super) const FAMILY: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, Ubuntu, 'DejaVu Sans', Arial, sans-serif";

/// How much wider than in the embedded font a text may be in another.
const SPARE: f64 = 1.1;

/// `None` if the font that is compiled in cannot be read.
fn face() -> Option<&'static Face<'static>> {
    static FACE: OnceLock<Option<Face<'static>>> = OnceLock::new();
    let parsed = FACE.get_or_init(|| Face::parse(epaint_default_fonts::UBUNTU_LIGHT, 0).ok());
    parsed.as_ref()
}

/// The width of a text of that size in pixels: exact in the embedded font.
fn exact_width(text: &str, size: f64) -> f64 {
    let Some(face) = face() else {
        return 0.5 * size * text.chars().count() as f64;
    };
    let units: u32 = text.chars().map(|char| advance(face, char)).sum();
    size * f64::from(units) / f64::from(face.units_per_em())
}

fn advance(face: &Face<'_>, char: char) -> u32 {
    let glyph = face.glyph_index(char).unwrap_or_default();
    face.glyph_hor_advance(glyph).unwrap_or(0).into()
}

/// The room that a text of that size needs in pixels, in whatever font.
pub(super) fn width(text: &str, size: f64) -> f64 {
    SPARE * exact_width(text, size)
}

/// Breaks a text at spaces into lines of at most `most` pixels.
pub(super) fn wrap(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Draws the outlines of a text in the embedded font. `start` is 0, 0.5 or 1 where the
/// text begins, has its middle or ends at `x`; `baseline` is where the letters stand.
pub(super) fn outline(
    text: &str,
    size: f64,
    (x, baseline): (f64, f64),
    start: f64,
    path: &mut tiny_skia::PathBuilder,
) {
    let Some(face) = face() else { return };
    let scale = size / f64::from(face.units_per_em());
    let mut pen = Pen {
        path,
        x: x - start * exact_width(text, size),
        baseline,
        scale,
    };
    for char in text.chars() {
        if let Some(glyph) = face.glyph_index(char) {
            face.outline_glyph(glyph, &mut pen);
        }
        pen.x += scale * f64::from(advance(face, char));
    }
}

/// From units of the font, upwards, to pixels, downwards.
struct Pen<'a> {
    path: &'a mut tiny_skia::PathBuilder,
    x: f64,
    baseline: f64,
    scale: f64,
}

impl Pen<'_> {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let x = self.x + self.scale * f64::from(x);
        let y = self.baseline - self.scale * f64::from(y);
        (x as f32, y as f32)
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
