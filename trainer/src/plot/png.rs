//! Drawings as PNG.

use std::io;

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint as Ink, Path, PathBuilder, Pixmap, PixmapMut,
    Stroke as Pen, StrokeDash, Transform,
};

use super::drawing::{Align, Drawing, Outline, Shape, Text};
use super::text;
use super::theme::{Paint, Stroke, Theme};

/// Pixels of the picture for a pixel of the drawing, either way.
pub(super) const SCALE: f32 = 2.0;

/// The bytes of a PNG.
pub(super) fn encode(drawing: &Drawing, theme: Theme) -> io::Result<Vec<u8>> {
    let pixels = |length: f64| (SCALE * length as f32).ceil() as u32;
    let (width, height) = (pixels(drawing.width), pixels(drawing.height));
    let mut map = Pixmap::new(width, height)
        .ok_or_else(|| io::Error::other(format!("a picture of {width} x {height} pixels")))?;
    let [red, green, blue] = theme.rgb(Paint::Ground);
    map.fill(Color::from_rgba8(red, green, blue, 255));
    let mut canvas = Canvas {
        map: map.as_mut(),
        theme,
    };
    for shape in &drawing.shapes {
        match shape {
            Shape::Outlines(look, outlines) => {
                for path in outlines.iter().filter_map(path) {
                    if let Some(paint) = look.fill {
                        canvas.fill(&path, paint, look.opacity);
                    }
                    if let Some(stroke) = &look.stroke {
                        canvas.stroke(&path, stroke, look.opacity);
                    }
                }
            }
            Shape::Text(text) => canvas.text(text),
        }
    }
    // On an opaque ground every pixel is opaque.
    let rgb: Vec<u8> = (map.pixels().iter())
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    let mut bytes = io::Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        &rgb,
        width,
        height,
        image::ExtendedColorType::Rgb8,
        image::ImageFormat::Png,
    )
    .map_err(io::Error::other)?;
    Ok(bytes.into_inner())
}

/// `None` for an outline without a place.
fn path(outline: &Outline) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (points, close) = match outline {
        Outline::Circle((x, y), r) => {
            return PathBuilder::from_circle(*x as f32, *y as f32, *r as f32);
        }
        Outline::Line(points) => (points, false),
        Outline::Area(points) => (points, true),
    };
    let (first, rest) = points.split_first()?;
    path.move_to(first.0 as f32, first.1 as f32);
    for (x, y) in rest {
        path.line_to(*x as f32, *y as f32);
    }
    if rest.is_empty() {
        // A length, or it would have no caps.
        path.line_to(first.0 as f32 + 0.1, first.1 as f32);
    }
    if close {
        path.close();
    }
    path.finish()
}

struct Canvas<'a> {
    map: PixmapMut<'a>,
    theme: Theme,
}

impl Canvas<'_> {
    fn ink(&self, paint: Paint, opacity: f64) -> Ink<'static> {
        let [red, green, blue] = self.theme.rgb(paint);
        let mut ink = Ink::default();
        ink.set_color_rgba8(red, green, blue, (255.0 * opacity).round() as u8);
        ink
    }

    fn fill(&mut self, path: &Path, paint: Paint, opacity: f64) {
        let ink = self.ink(paint, opacity);
        let scale = Transform::from_scale(SCALE, SCALE);
        self.map
            .fill_path(path, &ink, FillRule::Winding, scale, None);
    }

    fn stroke(&mut self, path: &Path, stroke: &Stroke, opacity: f64) {
        let ink = self.ink(stroke.paint, opacity);
        let pen = Pen {
            width: stroke.width as f32,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            // No pattern is a line without gaps.
            dash: StrokeDash::new(stroke.dash.to_vec(), 0.0),
            ..Pen::default()
        };
        let scale = Transform::from_scale(SCALE, SCALE);
        self.map.stroke_path(path, &ink, &pen, scale, None);
    }

    fn text(&mut self, text: &Text) {
        let start = match text.align {
            Align::Left => 0.0,
            Align::Center => 0.5,
            Align::Right => 1.0,
        };
        let mut path = PathBuilder::new();
        let at = (text.at.0, text.baseline());
        text::outline(&text.words, text.size, at, start, &mut path);
        if let Some(path) = path.finish() {
            self.fill(&path, text.paint, 1.0);
            // The font is a light one: a rim makes it regular, or bold.
            let rim = if text.bold { 0.04 } else { 0.016 };
            self.stroke(&path, &Stroke::solid(text.paint, rim * text.size), 1.0);
        }
    }
}
