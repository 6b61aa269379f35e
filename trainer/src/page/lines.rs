//! Lines with intervals.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{Plot, color, dash, mark, n, path};

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub name: String,
    /// `x`, `y` and half of the interval of `y`; what is not finite leaves a gap.
    pub points: Vec<(f64, f64, f64)>,
}

/// Lines, a shaded band around each where there are intervals, and marks where they
/// are few.
pub(crate) fn lines(label: &str, (x, y): (Axis, Axis), series: &[Series]) -> Markup {
    let plot = Plot::new(x, y, (480.0, 300.0));
    let marks = series.iter().all(|series| series.points.len() <= 24);
    let drawn = html! {
        @for (index, series) in series.iter().enumerate() {
            g class=(color(index)) {
                @for run in runs(&plot, &series.points) {
                    @if let Some(band) = band(&plot, &run) { polygon.band points=(band) {} }
                    @let at: Vec<(f64, f64)> = run.iter().map(|point| point.1).collect();
                    polyline class={ "line " (dash(index)) } points=(path(&at)) {}
                    @if marks {
                        @for at in at { (mark(index, at, 3.2, "dot")) }
                    }
                }
            }
        }
    };
    html! {
        @if series.len() > 1 {
            ul.legend {
                @for (index, series) in series.iter().enumerate() {
                    li { (swatch(index, marks)) (series.name) }
                }
            }
        }
        (plot.draw(label, &drawn))
    }
}

/// A point and its place.
type Placed = ((f64, f64, f64), (f64, f64));

/// The points between gaps.
fn runs(plot: &Plot, points: &[(f64, f64, f64)]) -> Vec<Vec<Placed>> {
    let mut runs: Vec<Vec<Placed>> = vec![Vec::new()];
    for &point in points {
        match (plot.at(point.0, point.1), runs.last_mut()) {
            (Some(at), Some(run)) => run.push((point, at)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The outline of the intervals, there and back.
fn band(plot: &Plot, run: &[Placed]) -> Option<String> {
    if run.len() < 2 || !run.iter().any(|((.., half), _)| *half > 0.0) {
        return None;
    }
    let (low, high) = plot.y.range();
    let edge = |side: f64| {
        run.iter().map(move |((x, y, half), _)| {
            let half = if half.is_finite() { *half } else { 0.0 };
            (*x, (y + side * half).clamp(low, high))
        })
    };
    let outline: Vec<_> = edge(1.0)
        .chain(edge(-1.0).collect::<Vec<_>>().into_iter().rev())
        .collect();
    let places: Option<Vec<_>> = outline.into_iter().map(|(x, y)| plot.at(x, y)).collect();
    Some(path(&places?))
}

/// A piece of a line for the legend.
pub(crate) fn swatch(index: usize, marks: bool) -> Markup {
    html! {
        svg class=(color(index)) viewBox="0 0 32 14" aria-hidden="true" {
            line class={ "line " (dash(index)) } x1="2" x2="30" y1=(n(7.0)) y2=(n(7.0)) {}
            @if marks { (mark(index, (16.0, 7.0), 4.0, "dot")) }
        }
    }
}
