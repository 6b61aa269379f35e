//! Points of a page, and the small picture of one row of a table.

use maud::{Markup, html};

use super::axis::Axis;
use super::chart::{Chart, Layer, Panel};
use super::drawing::{Drawing, Marks, Spot};
use super::points::drawable;
use super::svg;
use super::theme::{DASHED, Marker, Paint, Stroke};

/// Clouds of points, the last on top.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// Whether there is a broken line where `x = y`.
    pub(crate) diagonal: bool,
    /// A broken line below the points; may be empty.
    pub(crate) front: Vec<Spot>,
    pub(crate) clouds: Vec<(Marks, Vec<Spot>)>,
    /// Height of the axes as a part of the width of the picture.
    pub(crate) aspect: f64,
}

impl Scatter {
    /// A picture on a page, about `width` pixels wide; `label` is for those who do not
    /// see it. Axes are there even where no point is.
    pub(crate) fn to_markup(&self, label: &str, width: f64) -> Markup {
        svg::inline(&self.chart().on_page(width).draw(), label)
    }

    fn chart(&self) -> Chart {
        let mut layers = Vec::new();
        let ((x0, x1), (y0, y1)) = (self.x.range(), self.y.range());
        let (low, high) = (x0.max(y0), x1.min(y1));
        let broken = |points: Vec<Spot>| {
            let stroke = Stroke {
                paint: Paint::Soft,
                width: 1.2,
                dash: DASHED,
            };
            Layer::Line(stroke, points)
        };
        if self.diagonal && low < high {
            layers.push(broken(vec![(low, low), (high, high)]));
        }
        if !self.front.is_empty() {
            layers.push(broken(self.front.clone()));
        }
        for (marks, points) in &self.clouds {
            let points = points.iter().copied();
            let points = points.filter(|point| drawable(point.0) && drawable(point.1));
            layers.push(Layer::Marks(*marks, points.collect()));
        }
        Chart {
            aspect: self.aspect,
            ..Chart::single(Panel {
                title: String::new(),
                x: self.x.clone(),
                y: self.y.clone(),
                layers,
            })
        }
    }
}

/// A legend of several pictures.
pub(crate) fn legend(names: &[(&str, Marks)]) -> Markup {
    let swatch = |marks: Marks| {
        let (width, height) = (16.0, 14.0);
        let mut drawing = Drawing {
            width,
            height,
            ..Drawing::default()
        };
        drawing.marks(&marks, [(0.5 * width, 0.5 * height)]);
        svg::inline(&drawing, "")
    };
    html! {
        ul.legend {
            @for (name, marks) in names { li { (swatch(*marks)) (name) } }
        }
    }
}

/// From before, a ring, to after, a dot with its interval, on one axis.
pub(crate) fn change(axis: &Axis, before: f64, (after, half_width): (f64, f64)) -> Markup {
    const WIDTH: f64 = 144.0;
    const MIDDLE: f64 = 10.0;
    let place = |value: f64| (6.0 + (WIDTH - 12.0) * axis.share(value), MIDDLE);
    let mut drawing = Drawing {
        width: WIDTH,
        height: 2.0 * MIDDLE,
        ..Drawing::default()
    };
    let ends = vec![(6.0, MIDDLE), (WIDTH - 6.0, MIDDLE)];
    drawing.lines(Stroke::solid(Paint::Axis, 1.0), [ends]);
    let paint = Paint::Series(0);
    if drawable(before) {
        drawing.marks(&Marks::ring(Marker::Circle, 4.0, paint), [place(before)]);
    }
    if drawable(after) {
        if drawable(half_width) {
            let whisker = vec![place(after - half_width), place(after + half_width)];
            drawing.stroked(Stroke::solid(paint, 2.2), 0.6, [whisker]);
        }
        drawing.marks(&Marks::solid(Marker::Circle, 4.5, paint), [place(after)]);
    }
    svg::inline(&drawing, "")
}
