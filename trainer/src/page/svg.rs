//! Pictures: a frame with axes, and what stands in it.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::axis::Axis;

/// The place of a picture's axes, in its own units, which are about pixels.
pub(crate) struct Plot {
    pub x: Axis,
    pub y: Axis,
    width: f64,
    height: f64,
    left: f64,
}

const TOP: f64 = 22.0;
const BOTTOM: f64 = 40.0;
const RIGHT: f64 = 18.0;
/// Of a digit.
const CHARACTER: f64 = 6.8;

impl Plot {
    /// A picture of that size.
    pub(crate) fn new(x: Axis, y: Axis, (width, height): (f64, f64)) -> Self {
        let longest = y.ticks.iter().map(|(_, text)| text.chars().count()).max();
        Self {
            left: 12.0 + CHARACTER * longest.unwrap_or(1) as f64,
            x,
            y,
            width,
            height,
        }
    }

    /// Where a point lies; `None` where it has no place on an axis.
    pub(crate) fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = (self.x.part(x)?, self.y.part(y)?);
        let (width, height) = (self.width - self.left - RIGHT, self.height - TOP - BOTTOM);
        Some((self.left + x * width, TOP + (1.0 - y) * height))
    }

    /// The picture with its axes, `label` for those who do not see it.
    pub(crate) fn draw(&self, label: &str, inside: &Markup) -> Markup {
        let (right, bottom) = (self.width - RIGHT, self.height - BOTTOM);
        let along = |x: f64| Some(n(self.left + self.x.part(x)? * (right - self.left)));
        let up = |y: f64| Some(bottom - self.y.part(y)? * (bottom - TOP));
        html! {
            svg viewBox={ "0 0 " (n(self.width)) " " (n(self.height)) } role="img" aria-label=(label) {
                @for (at, text) in &self.y.ticks {
                    @if let Some(y) = up(*at) {
                        line.grid x1=(n(self.left)) x2=(n(right)) y1=(n(y)) y2=(n(y)) {}
                        text x=(n(self.left - 6.0)) y=(n(y + 4.0)) text-anchor="end" { (text) }
                    }
                }
                @for (at, text) in &self.x.ticks {
                    @if let Some(x) = along(*at) {
                        line.grid x1=(x) x2=(x) y1=(n(TOP)) y2=(n(bottom)) {}
                        text x=(x) y=(n(bottom + 16.0)) text-anchor="middle" { (text) }
                    }
                }
                line.axis x1=(n(self.left)) x2=(n(right)) y1=(n(bottom)) y2=(n(bottom)) {}
                text.name x=(n((self.left + right) / 2.0)) y=(n(self.height - 6.0)) text-anchor="middle" {
                    (self.x.name)
                }
                text.name x="0" y="12" { (self.y.name) }
                (inside)
            }
        }
    }
}

/// A coordinate.
pub(crate) fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The attribute of a line or an area through points.
pub(crate) fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::with_capacity(points.len() * 12);
    for (at, (x, y)) in points.iter().enumerate() {
        let space = if at > 0 { " " } else { "" };
        // Writing to a string does not fail.
        let _ = write!(text, "{space}{},{}", n(*x), n(*y));
    }
    text
}

/// The mark of series number `index` at a place, about `size` wide either way;
/// `class` says how it is filled.
pub(crate) fn mark(index: usize, (x, y): (f64, f64), size: f64, class: &str) -> Markup {
    let corners = |corners: &[(f64, f64)]| {
        let corners = corners
            .iter()
            .map(|(dx, dy)| (x + dx * size, y + dy * size));
        path(&corners.collect::<Vec<_>>())
    };
    let square = [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)];
    let triangle = [(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)];
    let diamond = [(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)];
    html! {
        @match index % 4 {
            0 => circle class=(class) cx=(n(x)) cy=(n(y)) r=(n(size)) {},
            1 => polygon class=(class) points=(corners(&square)) {},
            2 => polygon class=(class) points=(corners(&triangle)) {},
            _ => polygon class=(class) points=(corners(&diamond)) {},
        }
    }
}

/// The colour of series number `index`.
pub(crate) fn color(index: usize) -> String {
    format!("s{}", index % 8)
}

/// The pattern of its line, which tells series of one colour apart, and series
/// without colours.
pub(crate) fn dash(index: usize) -> String {
    match (index + index / 8) % 4 {
        0 => String::new(),
        dash => format!("d{dash}"),
    }
}
