//! Values over the iterations of meta-training.

use super::axis::Axis;
use super::chart::{Chart, Panel};
use super::samples::Sample;
use super::series::{AllSeries, Scale};
use super::theme::SOLID;
use super::{Draw, Figure, PlotError};

/// One value of a [`Curve`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The meta-training iteration it was measured at.
    pub iteration: u64,
    /// The value.
    pub value: f64,
    /// Half the width of its 95 % interval, if known.
    pub half_width: Option<f64>,
}

/// One series of a [`LearningCurve`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Its values, in order of iterations.
    pub points: Vec<CurvePoint>,
}

/// Values over meta-training, such as the query loss before and after
/// adaptation: every value as a faint line, a centred mean as a strong one.
///
/// A curve with intervals is an evaluation and is drawn as it is, with a band.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// What is shown.
    pub title: String,
    /// Under which conditions; may be empty.
    pub subtitle: String,
    /// The name of the value axis, with its unit.
    pub y_name: String,
    /// How the value axis runs.
    pub scale: Scale,
    /// How many values the strong line averages, an even number counting as
    /// the next odd one; 1 for none. `None` chooses a fortieth of the longest
    /// curve, which is no averaging below 80 values.
    pub smooth: Option<usize>,
    /// The series, in the order of the legend.
    pub curves: Vec<Curve>,
}

impl LearningCurve {
    fn window(&self) -> usize {
        let lengths = self.curves.iter().map(|curve| curve.points.len());
        let longest = lengths.max().unwrap_or(0);
        // Odd, so that the mean is centred.
        self.smooth.unwrap_or(longest / 40).max(1) | 1
    }
}

impl Figure for LearningCurve {}

impl Draw for LearningCurve {
    fn chart(&self) -> Result<Chart, PlotError> {
        let series = self.curves.iter().map(|curve| {
            let samples = curve.points.iter().map(|point| Sample {
                x: point.iteration as f64,
                y: point.value,
                half_width: point.half_width,
            });
            (curve.name.as_str(), samples)
        });
        let mut all = AllSeries::new(series, "curves", self.scale)?;
        for series in &mut all.series {
            if !series.has_intervals() {
                // Patterns would break up in noise; the colour tells them apart.
                series.stroke.dash = SOLID;
                series.marks = None;
            }
        }
        let window = self.window();
        let mut notes = Vec::new();
        if all.series.iter().any(|series| series.is_smoothed(window)) {
            notes.push(format!(
                "Faint: every value. Strong: mean over {window} values."
            ));
        }
        if all.has_intervals() {
            notes.push("Shaded: 95 % interval.".to_owned());
        }
        notes.extend(all.skipped.notes());
        Ok(Chart {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            notes,
            entries: all.entries(),
            ..Chart::single(Panel {
                title: String::new(),
                x: Axis::counting("meta-training iteration", all.x),
                y: all.y_axis(&self.y_name),
                layers: all.layers(window),
            })
        })
    }
}
