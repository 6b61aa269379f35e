//! A chart: panels with axes in a grid, a title and a legend above, notes below; and its
//! layout.

use super::axis::{Axis, Direction, Room, Ticks};
use super::drawing::{Align, Drawing, Marks, Spot, Text};
use super::text::{self, wrap};
use super::theme::{Paint, Stroke};

/// All that is on a picture.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// Under which conditions; may be empty.
    pub(crate) subtitle: String,
    pub(crate) notes: Vec<String>,
    /// The legend.
    pub(crate) entries: Vec<Entry>,
    /// Row by row.
    pub(crate) panels: Vec<Panel>,
    /// Panels beside each other.
    pub(crate) columns: usize,
    /// In pixels; the height follows from what is in it.
    pub(crate) width: f64,
    /// Height of the axes of a panel as a part of the panel's width.
    pub(crate) aspect: f64,
    /// Size of the labels; other sizes follow it.
    pub(crate) text: f64,
    /// The empty border.
    pub(crate) margin: f64,
}

/// A pair of axes and what stands between them.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// May be empty.
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// From the lowest to the topmost, in values of the axes.
    pub(crate) layers: Vec<Layer>,
}

/// A part of a panel, in values of its axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layer {
    /// A translucent area between two edges.
    Band(Paint, [Vec<Spot>; 2]),
    Line(Stroke, Vec<Spot>),
    /// A translucent line.
    Faint(Stroke, Vec<Spot>),
    Marks(Marks, Vec<Spot>),
}

/// A name in the legend with the line and the mark that it explains.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) stroke: Option<Stroke>,
    pub(crate) marks: Option<Marks>,
}

impl Entry {
    /// How far the name is from the start of the entry.
    fn label_at(&self, text: f64) -> f64 {
        let swatch = if self.stroke.is_some() { 2.2 } else { 1.0 };
        (swatch + GAP) * text
    }

    /// Draws line and mark, `width` long.
    fn swatch(&self, drawing: &mut Drawing, (left, y): Spot, width: f64) {
        if let Some(stroke) = self.stroke {
            // The caps stand out by half of the width.
            let cap = 0.5 * stroke.width;
            drawing.lines(stroke, [vec![(left + cap, y), (left + width - cap, y)]]);
        }
        if let Some(marks) = &self.marks {
            drawing.marks(marks, [(left + 0.5 * width, y)]);
        }
    }
}

/// Line heights, as parts of the size of a text.
const LINE: f64 = 1.3;
/// Between a label and an axis.
const GAP: f64 = 0.5;

impl Default for Chart {
    /// A chart as wide as a column of text on a screen.
    fn default() -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            notes: Vec::new(),
            entries: Vec::new(),
            panels: Vec::new(),
            columns: 1,
            width: 800.0,
            aspect: 0.47,
            text: 15.0,
            margin: 16.0,
        }
    }
}

impl Chart {
    /// A chart of one panel.
    pub(crate) fn single(panel: Panel) -> Self {
        Self {
            panels: vec![panel],
            ..Self::default()
        }
    }

    /// The chart as a part of a page, which has words of its own around it.
    pub(crate) fn on_page(self, width: f64) -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            width,
            text: 12.5,
            margin: 2.0,
            ..self
        }
    }

    /// Puts everything in its place.
    pub(crate) fn draw(&self) -> Drawing {
        let mut drawing = Drawing {
            width: self.width,
            ..Drawing::default()
        };
        let top = self.heading(&mut drawing, self.margin);
        let top = self.legend(&mut drawing, top);
        let bottom = self.grid(&mut drawing, top);
        drawing.height = self.footnotes(&mut drawing, bottom) + self.margin;
        drawing
    }

    fn inner_width(&self) -> f64 {
        self.width - 2.0 * self.margin
    }

    /// Lines of text below `top`; where they end.
    fn paragraph(
        &self,
        drawing: &mut Drawing,
        lines: &[String],
        (size, paint, bold): (f64, Paint, bool),
        (left, mut top): Spot,
    ) -> f64 {
        for words in lines {
            drawing.text(Text {
                words: words.clone(),
                at: (left, top + 0.5 * LINE * size),
                size,
                paint,
                align: Align::Left,
                bold,
            });
            top += LINE * size;
        }
        top
    }

    /// Title and sub-title.
    fn heading(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let mut bottom = top;
        for (words, size, paint, bold) in [
            (&self.title, 1.4 * self.text, Paint::Ink, true),
            (&self.subtitle, self.text, Paint::Soft, false),
        ] {
            let lines = wrap(words, size, self.inner_width());
            bottom = self.paragraph(drawing, &lines, (size, paint, bold), (self.margin, bottom));
        }
        let space = if bottom > top { 0.5 * self.text } else { 0.0 };
        bottom + space
    }

    /// Entries in as many columns as there is room for, downwards.
    fn legend(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let (size, between) = (self.text, 1.3 * self.text);
        let widths: Vec<f64> = (self.entries.iter())
            .map(|entry| entry.label_at(size) + text::width(&entry.name, size))
            .collect();
        let rows = (1..self.entries.len())
            .find(|&rows| {
                let columns = widths.chunks(rows).map(|column| greatest(column) + between);
                columns.sum::<f64>() - between <= self.inner_width()
            })
            .unwrap_or(self.entries.len().max(1));
        let (mut left, mut lowest) = (self.margin, top);
        for (entries, widths) in self.entries.chunks(rows).zip(widths.chunks(rows)) {
            let mut bottom = top;
            for entry in entries {
                let label = left + entry.label_at(size);
                let middle = bottom + 0.5 * LINE * size;
                entry.swatch(drawing, (left, middle), label - left - GAP * size);
                let lines = wrap(&entry.name, size, self.width - self.margin - label);
                let looks = (size, Paint::Ink, false);
                bottom = self.paragraph(drawing, &lines, looks, (label, bottom)) + 0.15 * size;
            }
            lowest = lowest.max(bottom);
            left += greatest(widths) + between;
        }
        let space = if lowest > top { 0.5 * size } else { 0.0 };
        lowest + space
    }

    /// The panels; where they end.
    fn grid(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let text = self.text;
        let columns = self.columns.max(1);
        let between = 1.4 * text;
        let cell = (self.inner_width() - between * (columns - 1) as f64) / columns as f64;
        let height = self.aspect * cell;
        let upwards = Room {
            direction: Direction::Upwards,
            length: height,
            text,
        };
        let ys: Vec<Ticks> = (self.panels.iter())
            .map(|panel| panel.y.ticks(upwards))
            .collect();
        // All plots have the same size.
        let labels = ys.iter().flat_map(|ticks| &ticks.labelled);
        let widths: Vec<f64> = labels.map(|(_, label)| text::width(label, text)).collect();
        let before = greatest(&widths) + GAP * text;
        let across = |length: f64| Room {
            direction: Direction::Across,
            length,
            text,
        };
        let guess = cell - before;
        let over = (self.panels.iter())
            .map(|panel| overhang(&panel.x.ticks(across(guess)), guess, text))
            .fold(0.0, f64::max);
        let width = cell - before - over.max(4.0);
        let size = 1.05 * text;
        let titles: Vec<Vec<String>> = (self.panels.iter())
            .map(|panel| wrap(&panel.title, size, width))
            .collect();
        let mut top = top;
        for (row, panels) in self.panels.chunks(columns).enumerate() {
            let first = row * columns;
            let lines = titles[first..][..panels.len()].iter().map(Vec::len).max();
            let titles_above = LINE * size * lines.unwrap_or(0) as f64;
            let named = panels.iter().any(|panel| !panel.y.name.is_empty());
            let names_above = if named { LINE * text } else { 0.0 };
            let above = titles_above + names_above + 0.45 * text;
            let plot_top = top + above;
            let bottom = plot_top + height;
            let mut lowest = false;
            for (column, (panel, y)) in panels.iter().zip(&ys[first..]).enumerate() {
                let left = self.margin + column as f64 * (cell + between);
                let rect = Rect {
                    left: left + before,
                    top: plot_top,
                    width,
                    height,
                };
                let lines = &titles[first + column];
                let looks = (size, Paint::Ink, false);
                self.paragraph(drawing, lines, looks, (rect.left, top));
                let x = panel.x.ticks(across(width));
                rect.axes(drawing, (&x, y), text);
                drawing.text(Text {
                    words: panel.y.name.clone(),
                    at: (left, top + titles_above + 0.5 * LINE * text),
                    size: text,
                    paint: Paint::Ink,
                    align: Align::Left,
                    bold: false,
                });
                if first + column + columns >= self.panels.len() {
                    lowest = true;
                    drawing.text(Text {
                        words: panel.x.name.clone(),
                        at: (rect.left + 0.5 * width, bottom + (GAP + 1.0 + 0.9) * text),
                        size: text,
                        paint: Paint::Ink,
                        align: Align::Center,
                        bold: false,
                    });
                }
                for layer in &panel.layers {
                    panel.layer(drawing, &rect, layer);
                }
            }
            let below = if lowest { 3.0 } else { 1.9 };
            top = bottom + below * text;
        }
        top
    }

    fn footnotes(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let size = 0.87 * self.text;
        let lines = wrap(&self.notes.join(" "), size, self.inner_width());
        let space = if lines.is_empty() { 0.0 } else { 0.4 * size };
        let looks = (size, Paint::Soft, false);
        self.paragraph(drawing, &lines, looks, (self.margin, top + space))
    }
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// How far the labels of an axis across reach beyond its right end.
fn overhang(ticks: &Ticks, length: f64, text: f64) -> f64 {
    ticks.labelled.last().map_or(0.0, |(share, label)| {
        0.5 * text::width(label, text) - (1.0 - share) * length
    })
}

/// The place of a plot.
#[derive(Debug, Clone, Copy)]
struct Rect {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Rect {
    /// A place by its shares of the axes.
    fn at(&self, x: f64, y: f64) -> Spot {
        (
            self.left + x * self.width,
            self.top + (1.0 - y) * self.height,
        )
    }

    /// Grid, axes and tick labels.
    fn axes(&self, drawing: &mut Drawing, (x, y): (&Ticks, &Ticks), text: f64) {
        let column = |share: f64| vec![self.at(share, 0.0), self.at(share, 1.0)];
        let row = |share: f64| vec![self.at(0.0, share), self.at(1.0, share)];
        let fine = Stroke::solid(Paint::FineGrid, 1.0);
        let of_x = x.fine.iter().map(|&share| column(share));
        drawing.lines(fine, of_x.chain(y.fine.iter().map(|&share| row(share))));
        let grid = Stroke::solid(Paint::Grid, 1.0);
        let of_x = x.labelled.iter().map(|tick| column(tick.0));
        drawing.lines(grid, of_x.chain(y.labelled.iter().map(|tick| row(tick.0))));
        let corner = vec![self.at(0.0, 1.0), self.at(0.0, 0.0), self.at(1.0, 0.0)];
        drawing.lines(Stroke::solid(Paint::Rule, 1.2), [corner]);
        let mut write = |label: &str, at: Spot, align: Align| {
            drawing.text(Text {
                words: label.into(),
                at,
                size: text,
                paint: Paint::Soft,
                align,
                bold: false,
            });
        };
        for (share, label) in &y.labelled {
            let (left, middle) = self.at(0.0, *share);
            write(label, (left - GAP * text, middle), Align::Right);
        }
        for (share, label) in &x.labelled {
            let (middle, bottom) = self.at(*share, 0.0);
            write(label, (middle, bottom + (GAP + 0.4) * text), Align::Center);
        }
    }
}

impl Panel {
    fn layer(&self, drawing: &mut Drawing, rect: &Rect, layer: &Layer) {
        let place = |&(x, y): &Spot| rect.at(self.x.share(x), self.y.share(y));
        let places = |points: &[Spot]| -> Vec<Spot> { points.iter().map(place).collect() };
        match layer {
            Layer::Band(paint, [upper, lower]) => {
                let edge = upper.iter().chain(lower.iter().rev()).map(place);
                drawing.area(*paint, 0.17, edge.collect());
            }
            Layer::Line(stroke, points) => drawing.lines(*stroke, [places(points)]),
            Layer::Faint(stroke, points) => drawing.stroked(*stroke, 0.4, [places(points)]),
            Layer::Marks(marks, points) => drawing.marks(marks, places(points)),
        }
    }
}
