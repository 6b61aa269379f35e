//! Error or accuracy against gradient steps, a line for each method.

use std::path::Path;

use super::PlotError;
use super::axes::Axis;
use super::canvas::Canvas;
use super::data::Sample;
use super::frame::{Texts, single};
use super::lines::{Line, Lines, draw_runs};
use super::output::{self, Figure};
use super::surface::Surface;

/// The value of one method after a number of gradient steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepPoint {
    /// Gradient steps taken on the support set; 0 is before adaptation.
    pub step: u32,
    /// What was measured on the query set, mean over the tasks.
    pub value: f64,
    /// Half the width of the 95 % interval of that mean, if known.
    pub half_width: Option<f64>,
}

/// One method of a [`StepsFigure`].
#[derive(Debug, Clone, PartialEq)]
pub struct StepsMethod {
    /// Its name in the legend.
    pub name: String,
    /// Its values, in order of steps.
    pub points: Vec<StepPoint>,
}

/// A query measure against gradient steps, a line with markers and a shaded 95 %
/// band for each method: figure 3 of the MAML paper.
#[derive(Debug, Clone, PartialEq)]
pub struct StepsFigure {
    /// What is shown.
    pub title: String,
    /// Under which conditions: K, number of tasks, seed.
    pub subtitle: String,
    /// The name of the value axis, with its unit.
    pub y_name: String,
    /// Whether the value axis is logarithmic.
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
        let series = self.methods.iter().map(|method| {
            let samples = method.points.iter().map(|point| Sample {
                x: f64::from(point.step),
                y: point.value,
                half_width: point.half_width,
            });
            (method.name.as_str(), samples)
        });
        let all = Lines::new(series, "methods", self.log_y)?;
        let mut notes = Vec::new();
        if all.lines.iter().any(Line::has_intervals) {
            notes.push("Shaded: 95 % interval of the mean over tasks.".to_owned());
        }
        notes.extend(all.skipped.notes());
        let texts = Texts {
            title: &self.title,
            subtitle: &self.subtitle,
            notes: &notes,
        };
        let (x, y) = (all.x, all.y);
        let axes = (
            Axis::counting("gradient steps on the support set", x.0, x.1, 12),
            Axis::error(&self.y_name, y.0, y.1, self.log_y),
        );
        let plot = single(canvas, texts, &all.entries(), axes)?;
        for line in &all.lines {
            line.draw_bands(canvas, &plot)?;
        }
        for line in &all.lines {
            draw_runs(canvas, &plot, &line.runs, line.stroke)?;
            line.draw_markers(canvas, &plot)?;
        }
        Ok(())
    }
}
