//! What the two backends do differently: stroking a path and placing text.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::PathElement;
use plotters::prelude::{BitMapBackend, Color, DrawingBackend, RGBColor, SVGBackend};
use plotters::style::ShapeStyle;

use super::PlotError;

/// What is drawn on.
pub(super) type Area<DB> = DrawingArea<DB, Shift>;

/// A line without a pattern, in device pixels.
pub(super) struct SolidLine<'a> {
    pub(super) points: &'a [(f64, f64)],
    pub(super) width: f64,
    pub(super) color: RGBColor,
}

/// A backend that the figures can be drawn on.
pub(super) trait Surface: DrawingBackend + Sized {
    /// How far vertically centred text must be moved down, in parts of its
    /// line height, so that digits stand centred on the anchor.
    const TEXT_DROP: f64;

    /// Draws a solid line with round joins and caps.
    fn stroke(area: &Area<Self>, line: SolidLine<'_>) -> Result<(), PlotError>;
}

impl Surface for SVGBackend<'_> {
    const TEXT_DROP: f64 = 0.07;

    fn stroke(area: &Area<Self>, line: SolidLine<'_>) -> Result<(), PlotError> {
        let mut path: Vec<_> = line
            .points
            .iter()
            .map(|&(x, y)| (x.round() as i32, y.round() as i32))
            .collect();
        path.dedup();
        // A single point would vanish: a line needs two ends to have caps.
        if let [only] = path[..] {
            path.push((only.0 + 1, only.1));
        }
        let style = ShapeStyle {
            color: line.color.to_rgba(),
            filled: false,
            stroke_width: line.width.round() as u32,
        };
        Ok(area.draw(&PathElement::new(path, style))?)
    }
}

impl Surface for BitMapBackend<'_> {
    // The library centres the box of an imagined font; this is the difference
    // to the embedded one.
    const TEXT_DROP: f64 = 0.215;

    /// Covers each pixel by its distance to the line. The library's own thick
    /// lines throw spikes at the sharp corners of noisy curves.
    fn stroke(area: &Area<Self>, line: SolidLine<'_>) -> Result<(), PlotError> {
        let SolidLine {
            points,
            width,
            color,
        } = line;
        let reach = width / 2.0 + 1.0;
        let bound = |pick: fn(&(f64, f64)) -> f64, limit: u32| {
            let low = points.iter().map(pick).fold(f64::INFINITY, f64::min) - reach;
            let high = points.iter().map(pick).fold(f64::NEG_INFINITY, f64::max) + reach;
            (
                low.max(0.0) as usize,
                high.min(f64::from(limit) - 1.0).max(0.0) as usize,
            )
        };
        let (area_width, area_height) = area.dim_in_pixel();
        let (left, right) = bound(|p| p.0, area_width);
        let (top, bottom) = bound(|p| p.1, area_height);
        if points.is_empty() || left > right || top > bottom {
            return Ok(());
        }
        let columns = right - left + 1;
        let mut cover = vec![0f32; columns * (bottom - top + 1)];
        let single = [(points[0], points[0])];
        let pairs = points.windows(2).map(|pair| (pair[0], pair[1]));
        for (a, b) in single.into_iter().chain(pairs) {
            let along = (b.0 - a.0, b.1 - a.1);
            let length2 = along.0 * along.0 + along.1 * along.1;
            let first = (a.1.min(b.1) - reach).max(top as f64) as usize;
            let last = (a.1.max(b.1) + reach).clamp(0.0, bottom as f64) as usize;
            for row in first..=last {
                let y = row as f64 + 0.5;
                let (low, high) = crossing(a, b, y, reach);
                let from = low.max(left as f64) as usize;
                let to = high.clamp(0.0, right as f64) as usize;
                for column in from..=to {
                    let (dx, dy) = (column as f64 + 0.5 - a.0, y - a.1);
                    let t = if length2 > 0.0 {
                        ((dx * along.0 + dy * along.1) / length2).clamp(0.0, 1.0)
                    } else {
                        0.0
                    };
                    let distance = (dx - t * along.0).hypot(dy - t * along.1);
                    let value = (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0) as f32;
                    let cell = &mut cover[(row - top) * columns + (column - left)];
                    *cell = cell.max(value);
                }
            }
        }
        for (index, &value) in cover.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let at = (
                (left + index % columns) as i32,
                (top + index / columns) as i32,
            );
            area.draw_pixel(at, &color.mix(f64::from(value)))?;
        }
        Ok(())
    }
}

/// The columns in which row `y` can come within `reach` of the line from `a`
/// to `b`.
fn crossing(a: (f64, f64), b: (f64, f64), y: f64, reach: f64) -> (f64, f64) {
    let (left, right) = (a.0.min(b.0) - reach, a.0.max(b.0) + reach);
    let rise = b.1 - a.1;
    if rise.abs() < 1.0 {
        return (left, right);
    }
    let slope = (b.0 - a.0) / rise;
    let middle = a.0 + (y - a.1) * slope;
    let half = reach * (1.0 + slope.abs());
    ((middle - half).max(left), (middle + half).min(right))
}
