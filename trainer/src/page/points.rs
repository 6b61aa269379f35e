//! Points, and the small picture of one row of a table.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{Plot, color, mark, n};

/// Points that belong together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cloud {
    /// Which series it is: its colour and mark.
    pub series: usize,
    pub points: Vec<(f64, f64)>,
    /// `dot`, `ring` or `faint`, as the style sheet draws them.
    pub class: &'static str,
    /// Of a mark, either way.
    pub size: f64,
}

/// Clouds of points, the last on top, with a broken line where `x = y` if
/// `diagonal`, and whatever else lies below.
pub(crate) fn scatter(
    label: &str,
    plot: &Plot,
    diagonal: bool,
    clouds: &[Cloud],
    below: &Markup,
) -> Markup {
    let ((x0, x1), (y0, y1)) = (plot.x.range(), plot.y.range());
    let (low, high) = (x0.max(y0), x1.min(y1));
    let ends = plot.at(low, low).zip(plot.at(high, high));
    let ends = ends.filter(|_| diagonal && low < high);
    let drawn = html! {
        @if let Some(((x1, y1), (x2, y2))) = ends {
            line.diagonal x1=(n(x1)) y1=(n(y1)) x2=(n(x2)) y2=(n(y2)) {}
        }
        (below)
        @for cloud in clouds {
            g class=(color(cloud.series)) {
                @for &(x, y) in &cloud.points {
                    @if let Some(at) = plot.at(x, y) { (mark(cloud.series, at, cloud.size, cloud.class)) }
                }
            }
        }
    };
    plot.draw(label, &drawn)
}

/// The names of series beside their marks.
pub(crate) fn legend(series: &[(usize, &str, &str)]) -> Markup {
    html! {
        ul.legend {
            @for (index, class, name) in series {
                li {
                    svg class=(color(*index)) viewBox="0 0 32 14" aria-hidden="true" {
                        (mark(*index, (16.0, 7.0), 4.5, class))
                    }
                    (name)
                }
            }
        }
    }
}

/// From before (a ring) to after (a dot with its interval) on one axis.
pub(crate) fn change(axis: &Axis, before: f64, (after, half): (f64, f64)) -> Markup {
    let place = |value: f64| {
        axis.part(value)
            .map(|part| 6.0 + 132.0 * part.clamp(0.0, 1.0))
    };
    let (from, to) = (place(before), place(after));
    let (low, high) = axis.range();
    let edge = |side: f64| {
        let half = if half.is_finite() { half } else { 0.0 };
        place((after + side * half).clamp(low, high))
    };
    html! {
        svg.s0 viewBox="0 0 144 20" aria-hidden="true" {
            line.axis x1="6" x2="138" y1="10" y2="10" {}
            @if let (Some(low), Some(high)) = (edge(-1.0), edge(1.0)) {
                line.whisker x1=(n(low)) x2=(n(high)) y1="10" y2="10" {}
            }
            @if let Some(from) = from { circle.ring cx=(n(from)) cy="10" r="4" {} }
            @if let Some(to) = to { circle.dot cx=(n(to)) cy="10" r="4.5" {} }
        }
    }
}
