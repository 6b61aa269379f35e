//! Error against gradient steps, a line for each method.

use std::path::Path;

use super::PlotError;
use super::axes::Axis;
use super::canvas::{Canvas, Spot};
use super::data::{Sample, Skipped, extent, runs};
use super::frame::{Entry, Texts, single};
use super::output::{self, Figure};
use super::style;
use super::surface::Surface;

/// The error of one method after a number of gradient steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepPoint {
    /// Gradient steps taken on the support set; 0 is before adaptation.
    pub step: u32,
    /// Mean squared error on the query set, mean over the tasks.
    pub mse: f64,
    /// Half the width of the 95 % interval of that mean, if known.
    pub half_width: Option<f64>,
}

/// One method of a [`StepsFigure`].
#[derive(Debug, Clone, PartialEq)]
pub struct StepsMethod {
    /// Its name in the legend.
    pub name: String,
    /// Its errors, in order of steps.
    pub points: Vec<StepPoint>,
}

/// Query error against gradient steps, a line with markers and a shaded 95 %
/// band for each method: figure 3 of the MAML paper.
#[derive(Debug, Clone, PartialEq)]
pub struct StepsFigure {
    /// What is shown.
    pub title: String,
    /// Under which conditions: K, number of tasks, seed.
    pub subtitle: String,
    /// Whether the error axis is logarithmic.
    pub log_y: bool,
    /// The methods, in the order of the legend.
    pub methods: Vec<StepsMethod>,
}

impl StepsFigure {
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
}

impl Figure for StepsFigure {
    fn size(&self) -> (u32, u32) {
        (1600, 1000)
    }

    fn draw<DB: Surface>(&self, canvas: &Canvas<DB>) -> Result<(), PlotError> {
        let mut skipped = Skipped::default();
        let methods: Vec<Vec<Vec<Sample>>> = self
            .methods
            .iter()
            .map(|method| {
                let samples = method.points.iter().map(|point| Sample {
                    x: f64::from(point.step),
                    y: point.mse,
                    half_width: point.half_width,
                });
                runs(samples, self.log_y, &mut skipped)
            })
            .collect();
        let all = || methods.iter().flatten().flatten();
        let (Some(x), Some(y)) = (
            extent(all().map(|s| s.x)),
            extent(all().flat_map(|s| reach(s, self.log_y))),
        ) else {
            return Err(PlotError::Empty(format!(
                "none of the {} methods has a finite error{}",
                self.methods.len(),
                if self.log_y { " above zero" } else { "" }
            )));
        };
        let entries: Vec<Entry> = self
            .methods
            .iter()
            .zip(&methods)
            .enumerate()
            .map(|(index, (method, runs))| {
                let (stroke, marker) = style::series(index);
                let missing = if runs.is_empty() {
                    " (no finite value)"
                } else {
                    ""
                };
                Entry {
                    label: format!("{}{missing}", method.name),
                    color: stroke.color,
                    stroke: Some(stroke),
                    marker: Some(marker),
                }
            })
            .collect();
        let mut notes = Vec::new();
        if all().any(|sample| sample.half_width.is_some()) {
            notes.push("Shaded: 95 % interval of the mean over tasks.".to_owned());
        }
        notes.extend(skipped.notes());
        let texts = Texts {
            title: &self.title,
            subtitle: &self.subtitle,
            notes: &notes,
        };
        let axes = (
            Axis::counting("gradient steps on the support set", x.0, x.1, 12),
            Axis::error("mean squared error on the query set", y.0, y.1, self.log_y),
        );
        let plot = single(canvas, texts, &entries, axes)?;
        for (index, runs) in methods.iter().enumerate() {
            for run in runs {
                band(canvas, run, style::series(index).0.color, |x, y| {
                    plot.at(x, y)
                })?;
            }
        }
        for (index, runs) in methods.iter().enumerate() {
            let (stroke, marker) = style::series(index);
            for run in runs {
                let line: Vec<Spot> = run.iter().map(|s| plot.at(s.x, s.y)).collect();
                canvas.stroke(&line, stroke)?;
            }
            for sample in runs.iter().flatten() {
                canvas.marker(marker, plot.at(sample.x, sample.y), 9.0, stroke.color)?;
            }
        }
        Ok(())
    }
}

/// The heights that a value and its interval cover. An interval that reaches
/// zero on a logarithmic axis runs off its lower end.
pub(super) fn reach(sample: &Sample, log: bool) -> impl Iterator<Item = f64> + use<> {
    let half = sample.half_width.unwrap_or(0.0);
    let low = sample.y - half;
    let low = if log && low <= 0.0 { sample.y } else { low };
    [low, sample.y + half].into_iter()
}

/// The shaded intervals of a run, wherever neighbours have one.
pub(super) fn band<DB: Surface>(
    canvas: &Canvas<DB>,
    run: &[Sample],
    color: plotters::prelude::RGBColor,
    at: impl Fn(f64, f64) -> Spot,
) -> Result<(), PlotError> {
    for part in run
        .split(|sample| sample.half_width.is_none())
        .filter(|part| part.len() > 1)
    {
        let edge = |sign: f64| -> Vec<Spot> {
            part.iter()
                .map(|s| at(s.x, s.y + sign * s.half_width.unwrap_or(0.0)))
                .collect()
        };
        canvas.band(&edge(1.0), &edge(-1.0), color)?;
    }
    Ok(())
}
