//! What figures of lines share: drawable runs of every series with their
//! ranges and legend, and the bands, strokes and markers of one.

use super::PlotError;
use super::axes::Plot;
use super::canvas::{Canvas, Spot};
use super::data::{Sample, Skipped, extent, runs, thin};
use super::frame::Entry;
use super::style::{self, Marker, Stroke};
use super::surface::Surface;

/// More points than this cannot be told apart across a figure.
const MOST_POINTS: usize = 2400;

/// A series as it can be drawn.
pub(super) struct Line<'a> {
    name: &'a str,
    /// Its values between gaps.
    pub(super) runs: Vec<Vec<Sample>>,
    pub(super) stroke: Stroke,
    pub(super) marker: Option<Marker>,
}

/// All series of a figure.
pub(super) struct Lines<'a> {
    pub(super) lines: Vec<Line<'a>>,
    /// Least and greatest value along the axes, intervals included.
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
    pub(super) skipped: Skipped,
}

impl<'a> Lines<'a> {
    /// Of named series, each with the looks of its place in the legend; `what`
    /// is what the figure calls them.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    pub(super) fn new<S: Iterator<Item = Sample>>(
        series: impl Iterator<Item = (&'a str, S)>,
        what: &str,
        log: bool,
    ) -> Result<Self, PlotError> {
        let mut skipped = Skipped::default();
        let lines: Vec<Line<'a>> = series
            .enumerate()
            .map(|(index, (name, samples))| {
                let (stroke, marker) = style::series(index);
                Line {
                    name,
                    runs: runs(samples, log, &mut skipped),
                    stroke,
                    marker: Some(marker),
                }
            })
            .collect();
        let all = || lines.iter().flat_map(Line::samples);
        let (Some(x), Some(y)) = (
            extent(all().map(|sample| sample.x)),
            extent(all().flat_map(|sample| reach(sample, log))),
        ) else {
            return Err(PlotError::Empty(format!(
                "none of the {} {what} has a finite value{}",
                lines.len(),
                if log { " above zero" } else { "" }
            )));
        };
        Ok(Self {
            lines,
            x,
            y,
            skipped,
        })
    }

    /// The legend.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |line: &Line| Entry {
            label: if line.runs.is_empty() {
                format!("{} (no finite value)", line.name)
            } else {
                line.name.to_owned()
            },
            color: line.stroke.color,
            stroke: Some(line.stroke),
            marker: line.marker,
        };
        self.lines.iter().map(entry).collect()
    }
}

impl Line<'_> {
    /// All values.
    pub(super) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.runs.iter().flatten()
    }

    /// Whether any value has an interval.
    pub(super) fn has_intervals(&self) -> bool {
        self.samples().any(|sample| sample.half_width.is_some())
    }

    /// Shades the intervals, wherever neighbours have one.
    pub(super) fn draw_bands<DB: Surface>(
        &self,
        canvas: &Canvas<DB>,
        plot: &Plot,
    ) -> Result<(), PlotError> {
        let parts = self
            .runs
            .iter()
            .flat_map(|run| run.split(|sample| sample.half_width.is_none()));
        for part in parts.filter(|part| part.len() > 1) {
            let edge = |sign: f64| -> Vec<Spot> {
                part.iter()
                    .map(|s| plot.at(s.x, s.y + sign * s.half_width.unwrap_or(0.0)))
                    .collect()
            };
            canvas.band(&edge(1.0), &edge(-1.0), self.stroke.color)?;
        }
        Ok(())
    }

    /// Draws the markers, if it has any.
    pub(super) fn draw_markers<DB: Surface>(
        &self,
        canvas: &Canvas<DB>,
        plot: &Plot,
    ) -> Result<(), PlotError> {
        let Some(marker) = self.marker else {
            return Ok(());
        };
        for sample in self.samples() {
            canvas.marker(marker, plot.at(sample.x, sample.y), 9.0, self.stroke.color)?;
        }
        Ok(())
    }
}

/// Draws a line through every run.
pub(super) fn draw_runs<DB: Surface>(
    canvas: &Canvas<DB>,
    plot: &Plot,
    runs: &[Vec<Sample>],
    stroke: Stroke,
) -> Result<(), PlotError> {
    for run in runs {
        let points: Vec<Spot> = thin(run, MOST_POINTS)
            .iter()
            .map(|sample| plot.at(sample.x, sample.y))
            .collect();
        canvas.stroke(&points, stroke)?;
    }
    Ok(())
}

/// The heights that a value and its interval cover. An interval that reaches
/// zero on a logarithmic axis runs off its lower end.
fn reach(sample: &Sample, log: bool) -> impl Iterator<Item = f64> + use<> {
    let half = sample.half_width.unwrap_or(0.0);
    let low = sample.y - half;
    let low = if log && low <= 0.0 { sample.y } else { low };
    [low, sample.y + half].into_iter()
}
