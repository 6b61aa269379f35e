//! A drawing: shapes and words at their places, in pixels from the top left. It has no
//! colours yet; [`svg`](super::svg) and [`png`](super::png) take them from a theme.

use super::theme::{Marker, Paint, Stroke};

/// A place in pixels from the top left.
pub(crate) type Spot = (f64, f64);

/// What to draw, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

/// A part of a drawing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Outlines that look the same.
    Outlines(Look, Vec<Outline>),
    /// A line of text.
    Text(Text),
}

/// How outlines are drawn: filled, then stroked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) fill: Option<Paint>,
    pub(crate) stroke: Option<Stroke>,
    /// From 0 to 1.
    pub(crate) opacity: f64,
}

/// A shape without a look.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outline {
    Line(Vec<Spot>),
    Area(Vec<Spot>),
    Circle(Spot, f64),
}

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// A line of text, its digits vertically centred on `at`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) words: String,
    pub(crate) at: Spot,
    pub(crate) size: f64,
    pub(crate) paint: Paint,
    pub(crate) align: Align,
    pub(crate) bold: bool,
}

impl Text {
    /// Where the letters stand: half of the height of a digit below the middle.
    pub(super) fn baseline(&self) -> f64 {
        self.at.1 + 0.35 * self.size
    }
}

/// How the points of a series are marked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Marks {
    pub(crate) marker: Marker,
    pub(crate) radius: f64,
    pub(crate) look: Look,
}

impl Marks {
    /// Filled, with a rim that makes it stand out on lines.
    pub(crate) const fn solid(marker: Marker, radius: f64, paint: Paint) -> Self {
        Self {
            marker,
            radius,
            look: Look {
                fill: Some(paint),
                stroke: Some(Stroke::solid(Paint::Ground, 1.2)),
                opacity: 1.0,
            },
        }
    }

    /// Translucent, for many points that lie on each other.
    pub(crate) const fn faint(marker: Marker, radius: f64, paint: Paint) -> Self {
        Self {
            marker,
            radius,
            look: Look {
                fill: Some(paint),
                stroke: None,
                opacity: 0.4,
            },
        }
    }

    /// The outline of the ground with a rim.
    pub(crate) const fn ring(marker: Marker, radius: f64, paint: Paint) -> Self {
        Self {
            marker,
            radius,
            look: Look {
                fill: Some(Paint::Ground),
                stroke: Some(Stroke::solid(paint, 1.5)),
                opacity: 1.0,
            },
        }
    }

    fn outline(&self, (x, y): Spot) -> Outline {
        let corners: &[Spot] = match self.marker {
            Marker::Circle => return Outline::Circle((x, y), self.radius),
            Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Marker::Triangle => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
            Marker::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
            Marker::TriangleDown => &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
        };
        let r = self.radius;
        Outline::Area(
            corners
                .iter()
                .map(|(dx, dy)| (x + r * dx, y + r * dy))
                .collect(),
        )
    }
}

impl Drawing {
    /// Outlines with a stroke alone.
    pub(crate) fn lines(&mut self, stroke: Stroke, lines: impl IntoIterator<Item = Vec<Spot>>) {
        self.stroked(stroke, 1.0, lines);
    }

    /// The same, translucent.
    pub(crate) fn stroked(
        &mut self,
        stroke: Stroke,
        opacity: f64,
        lines: impl IntoIterator<Item = Vec<Spot>>,
    ) {
        let look = Look {
            fill: None,
            stroke: Some(stroke),
            opacity,
        };
        self.outlines(look, lines.into_iter().map(Outline::Line).collect());
    }

    /// A filled area, translucent.
    pub(crate) fn area(&mut self, paint: Paint, opacity: f64, corners: Vec<Spot>) {
        let look = Look {
            fill: Some(paint),
            stroke: None,
            opacity,
        };
        self.outlines(look, vec![Outline::Area(corners)]);
    }

    /// Marks at places.
    pub(crate) fn marks(&mut self, marks: &Marks, places: impl IntoIterator<Item = Spot>) {
        let outlines = places.into_iter().map(|at| marks.outline(at));
        self.outlines(marks.look, outlines.collect());
    }

    fn outlines(&mut self, look: Look, outlines: Vec<Outline>) {
        if !outlines.is_empty() {
            self.shapes.push(Shape::Outlines(look, outlines));
        }
    }

    /// A line of text.
    pub(crate) fn text(&mut self, text: Text) {
        self.shapes.push(Shape::Text(text));
    }
}
