//! Drawing primitives in figure pixels, on either backend.

use plotters::element::{Circle, Polygon};
use plotters::prelude::{Color, RGBAColor, RGBColor};
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::style::{self, Dash, Marker, SCALE, Stroke};
use super::surface::{Area, SolidLine, Surface};

/// A place on the figure, in figure pixels from the top left.
pub(super) type Spot = (f64, f64);

/// A rectangle in figure pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// Something to draw on; every length is in figure pixels.
pub(super) struct Canvas<DB: Surface> {
    area: Area<DB>,
}

impl<DB: Surface> Canvas<DB> {
    /// A white canvas.
    pub(super) fn new(area: Area<DB>) -> Result<Self, PlotError> {
        area.fill(&RGBColor(255, 255, 255))?;
        Ok(Self { area })
    }

    /// The whole canvas.
    pub(super) fn rect(&self) -> Rect {
        let (width, height) = self.area.dim_in_pixel();
        let scale = f64::from(SCALE);
        Rect {
            left: 0.0,
            top: 0.0,
            right: f64::from(width) / scale,
            bottom: f64::from(height) / scale,
        }
    }

    /// Ends the drawing.
    pub(super) fn finish(self) -> Result<(), PlotError> {
        Ok(self.area.present()?)
    }

    /// One line of text, its digits vertically centred on `at`.
    pub(super) fn text(
        &self,
        text: &str,
        size: f64,
        color: RGBColor,
        at: Spot,
        align: Align,
    ) -> Result<(), PlotError> {
        self.text_turned(
            text,
            size,
            color,
            (at.0, at.1 + DB::TEXT_DROP * size),
            align,
            FontTransform::None,
        )
    }

    /// One line of text that reads upwards, centred on `at`.
    pub(super) fn text_upwards(
        &self,
        text: &str,
        size: f64,
        color: RGBColor,
        at: Spot,
    ) -> Result<(), PlotError> {
        let at = (at.0 + DB::TEXT_DROP * size, at.1);
        self.text_turned(
            text,
            size,
            color,
            at,
            Align::Center,
            FontTransform::Rotate270,
        )
    }

    fn text_turned(
        &self,
        text: &str,
        size: f64,
        color: RGBColor,
        at: Spot,
        align: Align,
        turn: FontTransform,
    ) -> Result<(), PlotError> {
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = style::font(size)
            .transform(turn)
            .color(&color)
            .pos(Pos::new(horizontal, VPos::Center));
        Ok(self.area.draw_text(text, &style, device(at))?)
    }

    /// Lines of text downwards from `at`, the middle of the first.
    pub(super) fn lines(
        &self,
        lines: &[String],
        size: f64,
        color: RGBColor,
        at: Spot,
        align: Align,
    ) -> Result<(), PlotError> {
        for (row, line) in lines.iter().enumerate() {
            self.text(
                line,
                size,
                color,
                (at.0, at.1 + row as f64 * size * 1.2),
                align,
            )?;
        }
        Ok(())
    }

    /// A line through `points`; a single point is a dot.
    pub(super) fn stroke(&self, points: &[Spot], stroke: Stroke) -> Result<(), PlotError> {
        let scale = f64::from(SCALE);
        for part in dashes(points, stroke.dash, stroke.width) {
            let part: Vec<_> = part
                .into_iter()
                .map(|(x, y)| (x * scale, y * scale))
                .collect();
            let line = SolidLine {
                points: &part,
                width: stroke.width * scale,
                color: stroke.color,
            };
            DB::stroke(&self.area, line)?;
        }
        Ok(())
    }

    /// The area between an upper and a lower edge, translucent.
    pub(super) fn band(
        &self,
        upper: &[Spot],
        lower: &[Spot],
        color: RGBColor,
    ) -> Result<(), PlotError> {
        let edge: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
        self.polygon(&edge, color.mix(0.18))
    }

    fn polygon(&self, corners: &[Spot], color: RGBAColor) -> Result<(), PlotError> {
        let corners: Vec<_> = corners.iter().copied().map(device).collect();
        Ok(self.area.draw(&Polygon::new(corners, color))?)
    }

    /// A marker of `radius` with a white rim, so that it stands out on lines.
    pub(super) fn marker(
        &self,
        marker: Marker,
        at: Spot,
        radius: f64,
        color: RGBColor,
    ) -> Result<(), PlotError> {
        let white = RGBColor(255, 255, 255);
        for (radius, color) in [(radius + 2.5, white), (radius, color)] {
            let radius = radius * if marker == Marker::Square { 0.85 } else { 1.0 };
            let r = radius * 1.2;
            let corners: &[Spot] = match marker {
                Marker::Circle => {
                    let radius = (radius * f64::from(SCALE)).round() as i32;
                    self.area
                        .draw(&Circle::new(device(at), radius, color.filled()))?;
                    continue;
                }
                Marker::Cross => {
                    let rim = if color == white { 9.0 } else { 5.0 };
                    for side in [-0.8, 0.8] {
                        let ends = [
                            (at.0 - 0.8 * radius, at.1 - side * radius),
                            (at.0 + 0.8 * radius, at.1 + side * radius),
                        ];
                        self.stroke(&ends, Stroke::solid(color, rim))?;
                    }
                    continue;
                }
                Marker::Square => &[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
                Marker::Triangle => &[(0.0, -1.0), (0.9, 0.65), (-0.9, 0.65)],
                Marker::Diamond => &[(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)],
                Marker::TriangleDown => &[(0.0, 1.0), (0.9, -0.65), (-0.9, -0.65)],
            };
            let corners: Vec<_> = corners
                .iter()
                .map(|&(x, y)| (at.0 + x * r, at.1 + y * r))
                .collect();
            self.polygon(&corners, color.to_rgba())?;
        }
        Ok(())
    }
}

fn device((x, y): Spot) -> (i32, i32) {
    let scale = f64::from(SCALE);
    ((x * scale).round() as i32, (y * scale).round() as i32)
}

/// Cuts a line into the drawn parts of its pattern. Caps of a line `width`
/// wide count as part of the dash, so the parts are shorter by that.
fn dashes(points: &[Spot], pattern: Dash, width: f64) -> Vec<Vec<Spot>> {
    if pattern.is_empty() || points.len() < 2 {
        return vec![points.to_vec()];
    }
    let lengths: Vec<f64> = pattern
        .iter()
        .enumerate()
        .map(|(index, length)| {
            if index % 2 == 0 {
                (length - width).max(0.5)
            } else {
                length + width
            }
        })
        .collect();
    let mut parts = Vec::new();
    let mut part = vec![points[0]];
    let (mut index, mut left) = (0, lengths[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let distance = (to.0 - from.0).hypot(to.1 - from.1);
            if distance <= left {
                left -= distance;
                part.push(to);
                break;
            }
            let share = left / distance;
            from = (
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            );
            part.push(from);
            if index % 2 == 0 {
                parts.push(std::mem::take(&mut part));
            }
            part = vec![from];
            index = (index + 1) % lengths.len();
            left = lengths[index];
        }
    }
    if index % 2 == 0 {
        parts.push(part);
    }
    parts
}
