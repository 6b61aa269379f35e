//! The layout of a chart: everything gets its place.

use super::chart::{Chart, Entry};
use super::drawing::{Align, Drawing, Spot, Text};
use super::grid::Grid;
use super::text::{self, wrap};
use super::theme::Paint;

/// The height of a line of text, as a part of its size.
pub(super) const LINE: f64 = 1.3;
/// Between a label and what it belongs to, as a part of its size.
pub(super) const GAP: f64 = 0.5;

/// How a line of text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    pub(super) size: f64,
    pub(super) paint: Paint,
    pub(super) bold: bool,
}

impl Font {
    pub(super) fn plain(size: f64, paint: Paint) -> Self {
        Self {
            size,
            paint,
            bold: false,
        }
    }

    pub(super) fn bold(size: f64) -> Self {
        Self {
            size,
            paint: Paint::Ink,
            bold: true,
        }
    }

    /// Draws a line of text.
    pub(super) fn write(self, drawing: &mut Drawing, words: &str, at: Spot, align: Align) {
        if !words.is_empty() {
            drawing.text(Text {
                words: words.into(),
                at,
                size: self.size,
                paint: self.paint,
                align,
                bold: self.bold,
            });
        }
    }

    /// Draws lines of text below `top`; where they end.
    pub(super) fn paragraph(
        self,
        drawing: &mut Drawing,
        lines: &[String],
        (left, mut top): Spot,
    ) -> f64 {
        for words in lines {
            let middle = top + 0.5 * LINE * self.size;
            self.write(drawing, words, (left, middle), Align::Left);
            top += LINE * self.size;
        }
        top
    }
}

impl Chart {
    /// Puts everything in its place.
    pub(crate) fn draw(&self) -> Drawing {
        let mut drawing = Drawing {
            width: self.width,
            ..Drawing::default()
        };
        let top = self.heading(&mut drawing, self.margin);
        let top = self.legend(&mut drawing, top);
        let bottom = Grid::of(self).draw(&mut drawing, top);
        drawing.height = self.footnotes(&mut drawing, bottom) + self.margin;
        drawing
    }

    pub(super) fn inner_width(&self) -> f64 {
        self.width - 2.0 * self.margin
    }

    /// Title and sub-title.
    fn heading(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let mut bottom = top;
        for (words, font) in [
            (&self.title, Font::bold(1.4 * self.text)),
            (&self.subtitle, Font::plain(self.text, Paint::Soft)),
        ] {
            let lines = wrap(words, font.size, self.inner_width());
            bottom = font.paragraph(drawing, &lines, (self.margin, bottom));
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
                let font = Font::plain(size, Paint::Ink);
                bottom = font.paragraph(drawing, &lines, (label, bottom)) + 0.15 * size;
            }
            lowest = lowest.max(bottom);
            left += greatest(widths) + between;
        }
        let space = if lowest > top { 0.5 * size } else { 0.0 };
        lowest + space
    }

    /// The notes; where they end.
    fn footnotes(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let size = 0.87 * self.text;
        let lines = wrap(&self.notes.join(" "), size, self.inner_width());
        let space = if lines.is_empty() { 0.0 } else { 0.4 * size };
        let font = Font::plain(size, Paint::Soft);
        font.paragraph(drawing, &lines, (self.margin, top + space))
    }
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

/// The greatest of the values, none of which is below zero.
pub(super) fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
