//! Adapted sinusoids: the true curve, the support points, the predictions.

use std::collections::BTreeSet;
use std::path::Path;

use super::PlotError;
use super::axes::{Axis, Plot};
use super::canvas::{Align, Canvas, Rect, Spot};
use super::data::{Skipped, clip, drawable, extent};
use super::frame::{Entry, Texts, legend_below};
use super::output::{self, Figure};
use super::style::{
    BLUE, DASH_DOT, DASHED, DOTTED, GREEN, INK, Marker, ORANGE, PANEL_TITLE, PURPLE, SKY, SOLID,
    Stroke, VERMILLION, wrap,
};
use super::surface::Surface;

/// What the model predicts after a number of gradient steps.
#[derive(Debug, Clone, PartialEq)]
pub struct SinusoidPrediction {
    /// Gradient steps taken on the support points; 0 is before adaptation.
    pub steps: u32,
    /// The predicted curve as (x, y), in order of x.
    pub curve: Vec<(f64, f64)>,
}

/// One method, or one task, of a [`SinusoidFigure`].
#[derive(Debug, Clone, PartialEq)]
pub struct SinusoidPanel {
    /// What the panel shows, such as `MAML, K = 5`.
    pub title: String,
    /// The task's true curve as (x, y), in order of x.
    pub truth: Vec<(f64, f64)>,
    /// The K support points as (x, y).
    pub support: Vec<(f64, f64)>,
    /// The predictions, usually after 0, 1 and 10 steps.
    pub predictions: Vec<SinusoidPrediction>,
}

/// Predictions before and after adaptation in a grid of panels with the same
/// axes: figure 2 of the MAML paper.
///
/// The y axis holds every true curve and support point and some room around
/// them. A prediction that goes further is cut off there, and a note says so.
#[derive(Debug, Clone, PartialEq)]
pub struct SinusoidFigure {
    /// What is shown.
    pub title: String,
    /// Under which conditions; may be empty.
    pub subtitle: String,
    /// The panels, row by row.
    pub panels: Vec<SinusoidPanel>,
}

impl SinusoidFigure {
    /// Writes the figure as PNG or SVG, as the extension of `path` says.
    ///
    /// # Errors
    /// [`PlotError::Extension`] for any other extension, [`PlotError::Empty`]
    /// without a drawable value, [`PlotError::Io`] if the file cannot be
    /// written. A file that stood at `path` is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        output::save(self, path)
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        output::to_svg(self)
    }

    /// Columns and rows of the grid.
    fn grid(&self) -> (usize, usize) {
        let columns = match self.panels.len() {
            0 | 1 => 1,
            2 | 4 => 2,
            _ => 3,
        };
        (columns, self.panels.len().div_ceil(columns).max(1))
    }

    /// The common axes, `None` without a drawable point.
    fn axes(&self) -> Option<(Axis, Axis)> {
        let given = || {
            self.panels
                .iter()
                .flat_map(|panel| panel.truth.iter().chain(&panel.support))
        };
        let predicted = || {
            self.panels
                .iter()
                .flat_map(|p| &p.predictions)
                .flat_map(|p| &p.curve)
        };
        let whole = |point: &&(f64, f64)| drawable(point.0) && drawable(point.1);
        let x = extent(
            given()
                .chain(predicted())
                .filter(whole)
                .map(|point| point.0),
        )?;
        let ys = extent(predicted().filter(whole).map(|point| point.1));
        let (low, high) = match extent(given().filter(whole).map(|point| point.1)) {
            Some((low, high)) => {
                let room = 0.5 * (high - low).max(0.5);
                let (least, most) = ys.unwrap_or((low, high));
                (
                    low.min(least.max(low - room)),
                    high.max(most.min(high + room)),
                )
            }
            None => ys?,
        };
        let edge = 0.06 * (high - low);
        let most = if self.grid().0 == 3 { 6 } else { 8 };
        Some((
            Axis::linear("x", x.0, x.1, most, false),
            Axis::linear("y", low - edge, high + edge, 6, false),
        ))
    }
}

/// The line of the prediction with the `rank`-th least number of steps.
fn prediction_stroke(rank: usize) -> Stroke {
    const LOOKS: [(plotters::prelude::RGBColor, super::style::Dash); 5] = [
        (ORANGE, DOTTED),
        (GREEN, DASHED),
        (BLUE, SOLID),
        (PURPLE, DASH_DOT),
        (SKY, SOLID),
    ];
    let (color, dash) = LOOKS[rank % LOOKS.len()];
    Stroke {
        color,
        width: 4.5,
        dash,
    }
}

const TRUTH: Stroke = Stroke::solid(INK, 2.5);

impl Figure for SinusoidFigure {
    fn size(&self) -> (u32, u32) {
        let (columns, rows) = self.grid();
        let row = match columns {
            1 => 700,
            2 => 520,
            _ => 440,
        };
        (1600, 290 + row * rows as u32)
    }

    fn draw<DB: Surface>(&self, canvas: &Canvas<DB>) -> Result<(), PlotError> {
        let Some((x, y)) = self.axes() else {
            return Err(PlotError::Empty(format!(
                "none of the {} panels has a finite point",
                self.panels.len()
            )));
        };
        let ranks: BTreeSet<u32> = self
            .panels
            .iter()
            .flat_map(|p| &p.predictions)
            .map(|prediction| prediction.steps)
            .collect();
        let ranks: Vec<u32> = ranks.into_iter().collect();
        let (low, high) = y.range();
        let mut skipped = Skipped::default();
        let parts: Vec<Vec<(Stroke, Vec<Spot>)>> = self
            .panels
            .iter()
            .map(|panel| lines(panel, &ranks, (low, high), &mut skipped))
            .collect();

        let texts = Texts {
            title: &self.title,
            subtitle: &self.subtitle,
            notes: &skipped.notes(),
        };
        let inner = legend_below(canvas, &entries(&ranks), texts.draw(canvas)?)?;
        let (columns, rows) = self.grid();
        let room = Plot::left_room(&y);
        let width = (inner.right - inner.left) / columns as f64;
        let height = (inner.bottom - inner.top) / rows as f64;
        let titles: Vec<Vec<String>> = self
            .panels
            .iter()
            .map(|panel| wrap(&panel.title, PANEL_TITLE, width - room - 14.0))
            .collect();
        let title_lines = titles.iter().map(Vec::len).max().unwrap_or(0) as f64;
        for (index, (panel, parts)) in self.panels.iter().zip(&parts).enumerate() {
            let (column, row) = (index % columns, index / columns);
            let left = inner.left + column as f64 * width;
            let top = inner.top + row as f64 * height;
            let rect = Rect {
                left: left + room,
                top: top + PANEL_TITLE * (1.2 * title_lines + 0.1),
                right: left + width - 14.0,
                bottom: top + height - Plot::BELOW - 12.0,
            };
            let above = titles[index].len().saturating_sub(1) as f64;
            let first = (rect.left, rect.top - PANEL_TITLE * (0.7 + 1.2 * above));
            canvas.lines(&titles[index], PANEL_TITLE, INK, first, Align::Left)?;
            let plot = Plot {
                rect,
                x: x.clone(),
                y: y.clone(),
            };
            let lowest = index + columns >= self.panels.len();
            plot.draw_axes(canvas, lowest, column == 0)?;
            for (stroke, part) in parts {
                let line: Vec<Spot> = part.iter().map(|&(x, y)| plot.at(x, y)).collect();
                canvas.stroke(&line, *stroke)?;
            }
            for &(x, y) in panel
                .support
                .iter()
                .filter(|point| drawable(point.0) && drawable(point.1))
            {
                canvas.marker(Marker::Triangle, plot.at(x, y), 11.0, VERMILLION)?;
            }
        }
        Ok(())
    }
}

/// The drawable lines of a panel, the prediction with the most steps on top.
fn lines(
    panel: &SinusoidPanel,
    ranks: &[u32],
    (low, high): (f64, f64),
    skipped: &mut Skipped,
) -> Vec<(Stroke, Vec<Spot>)> {
    let mut parts = Vec::new();
    let mut add = |stroke: Stroke, curve: &[(f64, f64)], skipped: &mut Skipped| {
        let whole = |point: &(f64, f64)| drawable(point.0) && drawable(point.1);
        skipped.diverged += curve.iter().filter(|point| !whole(point)).count();
        if curve
            .iter()
            .any(|point| whole(point) && !(low..=high).contains(&point.1))
        {
            skipped.clipped += 1;
        }
        for run in curve.split(|point| !whole(point)) {
            parts.extend(clip(run, low, high).into_iter().map(|part| (stroke, part)));
        }
    };
    add(TRUTH, &panel.truth, skipped);
    for (rank, steps) in ranks.iter().enumerate() {
        for prediction in panel
            .predictions
            .iter()
            .filter(|prediction| prediction.steps == *steps)
        {
            add(prediction_stroke(rank), &prediction.curve, skipped);
        }
    }
    skipped.diverged += panel
        .support
        .iter()
        .filter(|point| !drawable(point.0) || !drawable(point.1))
        .count();
    parts
}

fn entries(ranks: &[u32]) -> Vec<Entry> {
    let line = |label: String, stroke: Stroke| Entry {
        label,
        color: stroke.color,
        stroke: Some(stroke),
        marker: None,
    };
    let predictions = ranks.iter().enumerate().map(|(rank, steps)| {
        let label = match steps {
            0 => "before adaptation".to_owned(),
            1 => "after 1 step".to_owned(),
            steps => format!("after {steps} steps"),
        };
        line(label, prediction_stroke(rank))
    });
    let support = Entry {
        label: "support points".to_owned(),
        color: VERMILLION,
        stroke: None,
        marker: Some(Marker::Triangle),
    };
    [line("true curve".to_owned(), TRUTH), support]
        .into_iter()
        .chain(predictions)
        .collect()
}
