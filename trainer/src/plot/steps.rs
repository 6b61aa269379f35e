//! Error or accuracy against gradient steps, a line for each method.

use super::axis::Axis;
use super::chart::{Chart, Panel};
use super::samples::Sample;
use super::series::{AllSeries, Scale};
use super::{Draw, Figure, PlotError};

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
    /// How the value axis runs.
    pub scale: Scale,
    /// The methods, in the order of the legend.
    pub methods: Vec<StepsMethod>,
}

impl Figure for StepsFigure {}

impl Draw for StepsFigure {
    fn chart(&self) -> Result<Chart, PlotError> {
        let series = self.methods.iter().map(|method| {
            let samples = method.points.iter().map(|point| Sample {
                x: f64::from(point.step),
                y: point.value,
                half_width: point.half_width,
            });
            (method.name.as_str(), samples)
        });
        let all = AllSeries::new(series, "methods", self.scale)?;
        let mut notes = Vec::new();
        if all.has_intervals() {
            notes.push("Shaded: 95 % interval of the mean over tasks.".to_owned());
        }
        notes.extend(all.skipped.notes());
        Ok(Chart {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            notes,
            entries: all.entries(),
            ..Chart::single(Panel {
                title: String::new(),
                x: Axis::counting("gradient steps on the support set", all.x),
                y: all.y_axis(&self.y_name),
                layers: all.layers(1),
            })
        })
    }
}
