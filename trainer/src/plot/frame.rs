//! What surrounds a plot: title, legend, notes.

use plotters::prelude::RGBColor;

use super::PlotError;
use super::axes::{Axis, Plot};
use super::canvas::{Align, Canvas, Rect};
use super::style::{
    INK, LEGEND, Marker, NOTE, SOFT_INK, SUBTITLE, Stroke, TITLE, text_width, wrap,
};
use super::surface::Surface;

/// The empty border of a figure.
const MARGIN: f64 = 28.0;
/// The length of the line shown in a legend, and the room to its label.
const SWATCH: f64 = 68.0;
const SWATCH_GAP: f64 = 14.0;
/// The widest label of a legend on the right before it is broken.
const LABEL: f64 = 330.0;

/// One line of a legend.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) label: String,
    pub(super) color: RGBColor,
    pub(super) stroke: Option<Stroke>,
    pub(super) marker: Option<Marker>,
}

impl Entry {
    fn draw_swatch<DB: Surface>(
        &self,
        canvas: &Canvas<DB>,
        left: f64,
        y: f64,
    ) -> Result<(), PlotError> {
        if let Some(stroke) = self.stroke {
            canvas.stroke(&[(left, y), (left + SWATCH, y)], stroke)?;
        }
        if let Some(marker) = self.marker {
            canvas.marker(marker, (left + SWATCH / 2.0, y), 9.0, self.color)?;
        }
        Ok(())
    }
}

/// The texts around a figure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    pub(super) notes: &'a [String],
}

impl Texts<'_> {
    /// Draws title, sub-title and notes; what is left between them.
    pub(super) fn draw<DB: Surface>(self, canvas: &Canvas<DB>) -> Result<Rect, PlotError> {
        let all = canvas.rect();
        let (left, right) = (all.left + MARGIN, all.right - MARGIN);
        let mut top = all.top + MARGIN;
        for (text, size, color) in [
            (self.title, TITLE, INK),
            (self.subtitle, SUBTITLE, SOFT_INK),
        ] {
            let lines = wrap(text, size, right - left);
            canvas.lines(&lines, size, color, (left, top + size / 2.0), Align::Left)?;
            top += lines.len() as f64 * size * 1.2;
        }
        let notes = wrap(&self.notes.join(" "), NOTE, right - left);
        let height = notes.len() as f64 * NOTE * 1.2;
        let bottom = all.bottom - MARGIN + 8.0 - height;
        canvas.lines(
            &notes,
            NOTE,
            SOFT_INK,
            (left, bottom + NOTE * 0.6),
            Align::Left,
        )?;
        let gap = if notes.is_empty() { 0.0 } else { 14.0 };
        Ok(Rect {
            left,
            top: top + 22.0,
            right,
            bottom: bottom - gap,
        })
    }
}

/// Draws everything around a single plot, the legend on the right, and the
/// axes of the plot.
pub(super) fn single<DB: Surface>(
    canvas: &Canvas<DB>,
    texts: Texts<'_>,
    entries: &[Entry],
    (x, y): (Axis, Axis),
) -> Result<Plot, PlotError> {
    let inner = texts.draw(canvas)?;
    let labels: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| wrap(&entry.label, LEGEND, LABEL))
        .collect();
    let widest = labels
        .iter()
        .flatten()
        .map(|line| text_width(line, LEGEND))
        .fold(0.0, f64::max);
    let left = inner.right - widest - SWATCH_GAP - SWATCH;
    let mut row = inner.top + LEGEND / 2.0;
    for (entry, label) in entries.iter().zip(&labels) {
        entry.draw_swatch(canvas, left, row)?;
        canvas.lines(
            label,
            LEGEND,
            INK,
            (left + SWATCH + SWATCH_GAP, row),
            Align::Left,
        )?;
        row += LEGEND * (1.2 * label.len().max(1) as f64 + 0.35);
    }
    let plot_left = inner.left + Plot::left_room(&y);
    let rect = Rect {
        left: plot_left,
        top: inner.top,
        right: (left - 32.0).max(plot_left + 200.0),
        bottom: inner.bottom - Plot::BELOW,
    };
    let plot = Plot { rect, x, y };
    plot.draw_axes(canvas, true, true)?;
    Ok(plot)
}

/// Draws a legend in rows at the bottom of `inner`; what is left above it.
pub(super) fn legend_below<DB: Surface>(
    canvas: &Canvas<DB>,
    entries: &[Entry],
    inner: Rect,
) -> Result<Rect, PlotError> {
    const BETWEEN: f64 = 44.0;
    let width = |entry: &Entry| SWATCH + SWATCH_GAP + text_width(&entry.label, LEGEND);
    let mut rows: Vec<(f64, Vec<&Entry>)> = Vec::new();
    for entry in entries {
        match rows.last_mut() {
            Some((used, row)) if *used + BETWEEN + width(entry) <= inner.right - inner.left => {
                *used += BETWEEN + width(entry);
                row.push(entry);
            }
            _ => rows.push((width(entry), vec![entry])),
        }
    }
    let line = LEGEND * 1.35;
    let top = inner.bottom - rows.len() as f64 * line;
    for (index, (used, row)) in rows.iter().enumerate() {
        let y = top + (index as f64 + 0.5) * line;
        let mut left = (inner.left + inner.right - used) / 2.0;
        for entry in row {
            entry.draw_swatch(canvas, left, y)?;
            canvas.text(
                &entry.label,
                LEGEND,
                INK,
                (left + SWATCH + SWATCH_GAP, y),
                Align::Left,
            )?;
            left += width(entry) + BETWEEN;
        }
    }
    Ok(Rect {
        bottom: top - 16.0,
        ..inner
    })
}
